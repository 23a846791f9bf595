//! Who calls: where credentials come from, and how they are fetched and renewed.
//!
//! [`Source`] decides it, without touching the network, in the order of botocore's chain. Each kind of source is a room
//! of its own, which fetches credentials and says in words of ours what went wrong. `Tools` is what they fetch with, and
//! `fetcher` where: on threads of their own.

mod command;
mod container;
mod document;
mod fetcher;
mod instance;
mod keys;
mod login;
mod process;
mod provider;
mod role;
mod source;
mod sso;
mod sts;
#[cfg(test)]
mod tests;
mod tools;
mod web_identity;

pub use fetcher::credentials;
pub use keys::check_token;
pub use provider::cache as credentials_cache;
pub use source::Source;
pub use tools::Tools;
