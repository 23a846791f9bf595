//! Credentials: where they come from, and how they are fetched.
//!
//! [`CredentialSource::find`] chooses the source without using the network. The config takes precedence: `api_key` and
//! `secret_key`, then `profile`. Otherwise the order is that of botocore's chain:
//!
//! 1. `access_keys`: the variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. Not if the config names a profile.
//! 2. `assume_role`: `role_arn` of the profile, with `source_profile` or `credential_source`.
//! 3. `web_identity`: a token file, from the variables or the profile.
//! 4. `sso`: `sso_account_id` or `sso_role_name` of the profile.
//! 5. `access_keys` of the profile in the credentials file.
//! 6. `login_session` of the profile.
//! 7. `credential_process` of the profile, which `run_command` runs.
//! 8. `access_keys` of the profile in the config file.
//! 9. `container`: the agent that AWS_CONTAINER_CREDENTIALS_... names.
//! 10. `instance_metadata`: the metadata service of an EC2 instance.
//!
//! If the config has a `role_arn`, that role is assumed with the credentials found.
//!
//! Each kind of source has a settings type, which needs no network, and a provider type, which implements
//! `FetchCredentials` (in `fetch`) with the `clients`. A `lookup` finds the source anew and runs its provider on another
//! thread; `renewing` keeps the credentials and decides when they are looked up. It does the same with the bearer token
//! of a `token_file`. `sts`, `credentials_json` and `expiry` read the responses. `advice` has the sentence for a
//! machine without credentials.

mod access_keys;
mod advice;
mod assume_role;
mod clients;
mod container;
mod credential_process;
mod credentials_json;
mod expiry;
mod fetch;
mod instance_metadata;
mod login_session;
mod lookup;
mod renewing;
mod run_command;
mod source;
mod sso;
mod sts;
#[cfg(test)]
mod tests;
mod token_file;
mod web_identity;

pub use access_keys::{AccessKeys, check_token};
pub use advice::SET_CREDENTIALS;
pub use lookup::Lookup;
pub use renewing::Renewing;
pub use source::CredentialSource;
pub use token_file::{SOURCE as TOKEN_FILE_SOURCE, TokenFile};
