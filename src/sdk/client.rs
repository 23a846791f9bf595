//! The SDK's client for calls with the same settings: retries and timeouts.

use super::sdk_hooks::{BackoffSleep, Classifier};
use crate::config::{CallSettings, RetryMode};
use aws_sdk_bedrockruntime::Config as SdkConfig;
use aws_sdk_bedrockruntime::config::retry::{RetryConfig, RetryPartition};
use aws_sdk_bedrockruntime::config::timeout::TimeoutConfig;
use aws_smithy_async::rt::sleep::SharedAsyncSleep;

pub use aws_sdk_bedrockruntime::Client;

/// Returns a client for calls with these settings, and with at most `attempts` attempts.
pub fn client(base: &SdkConfig, calls: &CallSettings, attempts: u32) -> Client {
    let retry = match calls.retry.mode {
        RetryMode::Standard => RetryConfig::standard(),
        RetryMode::Adaptive => RetryConfig::adaptive(),
    };
    let retry = retry.with_max_attempts(attempts).with_max_backoff(calls.retry.max_backoff);
    // By default, all clients of a region share one retry budget. In a partition of its own, the client has its own
    // budget.
    let config = base
        .to_builder()
        .retry_config(retry)
        .retry_partition(RetryPartition::custom("libbedrock").build())
        .retry_classifier(Classifier)
        .sleep_impl(SharedAsyncSleep::new(BackoffSleep))
        .timeout_config(TimeoutConfig::builder().connect_timeout(calls.timeouts.connect).build())
        .build();
    Client::from_conf(config)
}
