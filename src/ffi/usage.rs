//! Usage
//!
//! These functions give the tokens that calls have used, and how calls wait for limits.

use super::model::bedrock_model;
use super::response::bedrock_response;
use super::status::{BEDROCK_OK, bedrock_status};
use super::support::guard::entry;
use super::support::handle;
use super::support::out::{fill, required};
use crate::error::Result;
use crate::model::Model;
use crate::model::admission::Stats;
use crate::response::{Response, Usage};
use std::ptr::null_mut;

/// Tokens that were used, and the time that the service took. A member is -1 if the service gave no value. (TokenUsage,
/// ConverseMetrics)
#[repr(C)]
#[derive(Clone, Copy)]
pub struct bedrock_usage {
    pub input_tokens: i64,
    pub output_tokens: i64,
    pub total_tokens: i64,
    /// Read from a prompt cache.
    pub cache_read_tokens: i64,
    /// Written to a prompt cache.
    pub cache_write_tokens: i64,
    /// In milliseconds.
    pub latency_ms: i64,
    /// The part of cache_write_tokens that the cache keeps for five minutes, if the service states it.
    pub cache_write_5m_tokens: i64,
    /// The part that it keeps for an hour.
    pub cache_write_1h_tokens: i64,
}

/// Fills *out with the usage of the call.
///
/// Returns: BEDROCK_OK, or BEDROCK_E_INVALID_ARGUMENT, BEDROCK_E_BAD_HANDLE, BEDROCK_E_FORKED or BEDROCK_E_BUSY; the
///   members of *out are then -1.
/// Since: 0.1
/// AWS: usage, metrics.latencyMs
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bedrock_response_usage(
    response: *const bedrock_response,
    out: *mut bedrock_usage,
    size: usize,
) -> bedrock_status {
    // SAFETY: `out` is NULL or writable for `size` bytes, as the header demands.
    unsafe {
        write_counts(out, size, bedrock_usage::of(Usage::default()), || {
            Ok(bedrock_usage::of(handle::get::<Response>(response)?.usage()))
        })
    }
}

/// Fills *out with the usage of all calls of this model, and of the models derived from it, so far.
///
/// A call is counted when the service reports its usage, at the end of a response: a call that failed or was stopped
/// before that is not counted. Members begin at 0. If the service gave no total for a call, total_tokens adds its input
/// and output. latency_ms is -1, because the times of calls that run at once do not add up.
///
/// Returns: BEDROCK_OK, or BEDROCK_E_INVALID_ARGUMENT, BEDROCK_E_BAD_HANDLE, BEDROCK_E_FORKED or BEDROCK_E_BUSY; the
///   members of *out are then -1.
/// Since: 0.1
/// AWS: usage
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bedrock_model_usage(
    model: *const bedrock_model,
    out: *mut bedrock_usage,
    size: usize,
) -> bedrock_status {
    // SAFETY: `out` is NULL or writable for `size` bytes, as the header demands.
    unsafe {
        write_counts(out, size, bedrock_usage::of(Usage::default()), || {
            Ok(bedrock_usage::of(handle::get::<Model>(model)?.usage()))
        })
    }
}

/// How the calls of a model run and wait, and what counts against its limits. A member is -1 if nothing counts it.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct bedrock_stats {
    /// Calls that run.
    pub running: i64,
    /// Calls that wait for max_concurrency or limits.
    pub waiting: i64,
    /// Calls that have waited, and calls that have given up waiting.
    pub waits: i64,
    /// The sum of these waits, in milliseconds.
    pub waited_ms: i64,
    /// Calls that were refused because max_queue calls waited already.
    pub refused: i64,
    /// Requests that count in this minute.
    pub requests_in_minute: i64,
    /// Tokens that count in this minute: reserved by calls that run, used by those that have ended.
    pub tokens_in_minute: i64,
    /// The limit of requests in effect, given or learned.
    pub requests_per_minute: i64,
    /// The limit of tokens in effect, given or learned.
    pub tokens_per_minute: i64,
}

/// Fills *out with how the calls of this model, and of all models that share its limits, run and wait now.
///
/// A model that was derived has the numbers of the first model. Without "limits" in the config, the members about this
/// minute are -1.
///
/// Returns: BEDROCK_OK, or BEDROCK_E_INVALID_ARGUMENT, BEDROCK_E_BAD_HANDLE, BEDROCK_E_FORKED or BEDROCK_E_BUSY; the
///   members of *out are then -1.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bedrock_model_stats(
    model: *const bedrock_model,
    out: *mut bedrock_stats,
    size: usize,
) -> bedrock_status {
    // SAFETY: NULL or writable for `size` bytes, as the header demands.
    unsafe {
        write_counts(out, size, bedrock_stats::NONE, || Ok(bedrock_stats::of(handle::get::<Model>(model)?.stats())))
    }
}

/// Fills `out` with counts, or with `none` if they cannot be read.
///
/// # Safety
/// `out` is NULL or writable for `size` bytes.
// A part of its export: see `cancelling::without`.
#[inline(always)]
unsafe fn write_counts<T: Copy>(out: *mut T, size: usize, none: T, read: impl FnOnce() -> Result<T>) -> bedrock_status {
    let mut counts = none;
    let status = entry!(null_mut() => {
        required("out", out)?;
        counts = read()?;
        Ok(BEDROCK_OK)
    });
    // SAFETY: `out` is NULL or writable for `size` bytes, as the header demands.
    unsafe { fill(out, size, counts, 0xff) };
    status
}

impl bedrock_usage {
    fn of(usage: Usage) -> Self {
        let Usage {
            input_tokens,
            output_tokens,
            total_tokens,
            cache_read_tokens,
            cache_write_tokens,
            latency_ms,
            cache_write_5m_tokens,
            cache_write_1h_tokens,
        } = usage;
        bedrock_usage {
            input_tokens,
            output_tokens,
            total_tokens,
            cache_read_tokens,
            cache_write_tokens,
            latency_ms,
            cache_write_5m_tokens,
            cache_write_1h_tokens,
        }
    }
}

impl bedrock_stats {
    const NONE: Self = bedrock_stats {
        running: -1,
        waiting: -1,
        waits: -1,
        waited_ms: -1,
        refused: -1,
        requests_in_minute: -1,
        tokens_in_minute: -1,
        requests_per_minute: -1,
        tokens_per_minute: -1,
    };

    fn of(stats: Stats) -> Self {
        let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let optional = |counted: Option<u64>| counted.map_or(-1, number);
        bedrock_stats {
            running: number(stats.running),
            waiting: number(stats.waiting),
            waits: number(stats.waits),
            waited_ms: number(stats.waited_ms),
            refused: number(stats.refused),
            requests_in_minute: optional(stats.requests_in_minute),
            tokens_in_minute: optional(stats.tokens_in_minute),
            requests_per_minute: optional(stats.requests_per_minute),
            tokens_per_minute: optional(stats.tokens_per_minute),
        }
    }
}
