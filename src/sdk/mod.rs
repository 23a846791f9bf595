//! The adapter to the AWS SDK, which resolves endpoints, signs and retries. No other layer knows the SDK.
//!
//! A call passes through `call` and `pass_through` to the SDK, and through `transport` back to the library's own HTTP
//! client.
//!
//! - Configuration: `sdk_config`, `auth`, `client`, `behavior_version`, `user_agent`; `credentials`;
//!   `effective_settings` for people; `api_key` makes keys that other programs can use
//! - A call: `call`, `pass_through`, `incoming_response`; `connect_ahead` connects ahead of a call
//! - Attempts: `attempts`, `retry` and its `sdk_hooks`; `error` and `final_error` describe failures
//! - HTTP: `transport`, as the SDK's `http_client`; the bodies `body_prefix` and `yielding_body`

pub mod api_key;
pub mod attempts;
mod auth;
mod behavior_version;
mod body_prefix;
pub mod call;
pub mod client;
pub mod connect_ahead;
pub mod credentials;
pub mod effective_settings;
pub mod error;
mod final_error;
mod http_client;
pub mod incoming_response;
mod pass_through;
pub mod retry;
pub mod sdk_config;
mod sdk_hooks;
pub mod transport;
mod user_agent;
pub mod yielding_body;
