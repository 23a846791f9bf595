//! Usage
//!
//! These functions give the tokens that calls have used.

use super::model::bedrock_model;
use super::response::bedrock_response;
use super::status::{BEDROCK_OK, bedrock_status};
use super::support::guard::entry;
use super::support::handle;
use super::support::out::{fill, required};
use crate::error::Result;
use crate::model::Model;
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
    unsafe { write_usage(out, size, || Ok(handle::get::<Response>(response)?.usage())) }
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
    unsafe { write_usage(out, size, || Ok(handle::get::<Model>(model)?.usage())) }
}

/// Fills `out` with a usage, or with -1 if there is none.
///
/// # Safety
/// `out` is NULL or writable for `size` bytes.
// A part of its export: see `cancelling::without`.
#[inline(always)]
unsafe fn write_usage(out: *mut bedrock_usage, size: usize, used: impl FnOnce() -> Result<Usage>) -> bedrock_status {
    let mut usage = bedrock_usage::of(Usage::default());
    let status = entry!(null_mut() => {
        required("out", out)?;
        usage = bedrock_usage::of(used()?);
        Ok(BEDROCK_OK)
    });
    // SAFETY: `out` is NULL or writable for `size` bytes, as the header demands.
    unsafe { fill(out, size, usage, 0xff) };
    status
}

impl bedrock_usage {
    fn of(usage: Usage) -> Self {
        let Usage { input_tokens, output_tokens, total_tokens, cache_read_tokens, cache_write_tokens, latency_ms } =
            usage;
        bedrock_usage { input_tokens, output_tokens, total_tokens, cache_read_tokens, cache_write_tokens, latency_ms }
    }
}
