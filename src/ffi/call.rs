//! Any operation, by its name
//!
//! The functions of this chapter call every operation of the Bedrock runtime by its name in the AWS API, with the same
//! config, credentials, timers, retries, cancellation and errors. A request has the members of the operation, under
//! their names in the AWS API. "modelId", or else the model's own id, names the model. The chat-completions dialect is
//! for conversations alone. The timers of an operation that does not stream are those of bedrock_generate, and the
//! timers of one that streams are those of bedrock_generate_stream.
//!
//!   const char *json = "{\"body\": {\"inputText\": \"Hello\"}}";
//!   bedrock_request_new(json, BEDROCK_STRLEN, &request, &error);
//!   bedrock_call(model, "InvokeModel", request, NULL, &response, &error);
//!
//! Converse, ConverseStream: the operations of bedrock_generate and bedrock_generate_stream.
//!
//! CountTokens: counts a request for Converse as it is, with the members that the model's defaults add. Members that
//! have no tokens (inferenceConfig, ...) are left out, so that one request can be counted and sent. A request with
//! "body" is counted as a request for InvokeModel. A request with "input" is sent as it is. bedrock_response_json gives
//! {"inputTokens": 12}.
//!
//! InvokeModel, InvokeModelWithResponseStream: for embeddings, images, and models that do not support Converse. "body"
//! is the request in the model's own form. Its bytes are sent as they are written. A string "@name" anywhere in it that
//! names an attachment becomes the base64 of the attachment. If body itself is "@name", the bytes of the attachment
//! are the body. Other members: accept, contentType (application/json), guardrailIdentifier, guardrailVersion, trace,
//! performanceConfigLatency, serviceTier, requestMetadata, projectIdentifier. The model's guardrailConfig,
//! performanceConfig and serviceTier supply the members that the request lacks.
//!
//! The response of InvokeModel. bedrock_response_json gives the model's response, verbatim. A response that is not JSON
//! is given as {"contentType": "image/png", "body": "base64"}. bedrock_response_usage gives the counts of the
//! response's headers, or else those of its body: "usage" of Anthropic, OpenAI and Nova, inputTextTokenCount and
//! results of Titan, meta of Cohere, prompt_token_count and generation_token_count of Llama. The events of the stream
//! are BEDROCK_EVENT_CHUNK, and its response is the array of all chunks. The stream is complete after the chunk that
//! holds amazon-bedrock-invocationMetrics. If no such chunk comes, it is complete when the body ends, but only if HTTP
//! marks the end: HTTP/2 does, and HTTP/1.1 with Content-Length or chunked encoding. If HTTP does not mark the end of a
//! response of InvokeModel, it is complete if it is a JSON object, array or string. Otherwise the status is
//! BEDROCK_E_TRUNCATED.
//!
//! ApplyGuardrail: guardrailIdentifier and guardrailVersion (default: those of the model's guardrailConfig), source,
//! content, outputScope.
//!
//! InvokeGuardrailChecks: messages, checks. Messages that are given as JSON together with checks are sent as they are
//! written. If messages are added one by one, those of the role system come first, and the others of one role share a
//! message.
//!
//! StartAsyncInvoke: modelInput, in the model's own form, in which a string "@name" that names an attachment becomes
//! the base64 of the attachment; outputDataConfig; tags; clientRequestToken, which the library makes if it is not
//! given.
//!
//! GetAsyncInvoke: invocationArn.
//!
//! ListAsyncInvokes: submitTimeAfter and submitTimeBefore (text in ISO 8601, or a number of seconds since 1970),
//! statusEquals, maxResults, nextToken, sortBy, sortOrder.

use super::cancel::bedrock_cancel;
use super::generate::generate;
use super::model::bedrock_model;
use super::request::bedrock_request;
use super::response::bedrock_response;
use super::status::{bedrock_error, bedrock_status};
use super::stream::{bedrock_stream, open};
use super::support::text;
use crate::error::{Error, Kind, Result, quote};
use crate::protocol::operation::Operation;
use std::ffi::c_char;

/// Calls an operation and waits for its complete response, which bedrock_response_json gives.
///
/// If the operation streams, the response is assembled from its events, also if the model's keep_answer is false.
///
/// operation: The name of the operation: "InvokeModel".
/// out: Must not be NULL. If a stream fails, *out receives the part of the response that had arrived, and
///   bedrock_response_complete returns 0. If nothing had arrived, *out is NULL.
/// Returns: BEDROCK_OK. BEDROCK_E_INVALID_ARGUMENT if this version has no such operation. BEDROCK_E_REQUEST if the
///   request does not fit the operation. Or another failure of the call.
/// Ownership: *out is owned by the caller. Free it with bedrock_response_free, also after a failure.
/// Threads: Blocks until the call ends. Thread-safe.
/// Since: 0.1
/// AWS: The operation of that name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bedrock_call(
    model: *const bedrock_model,
    operation: *const c_char,
    request: *const bedrock_request,
    cancel: *mut bedrock_cancel,
    out: *mut *mut bedrock_response,
    err: *mut *mut bedrock_error,
) -> bedrock_status {
    // SAFETY: the pointers are good, as the header demands.
    unsafe { generate(|| named(operation), model, request, cancel, out, err) }
}

/// Opens a call without waiting for the network, as bedrock_stream_open does.
///
/// An operation that does not stream has no events: bedrock_stream_next returns BEDROCK_AGAIN until it returns
/// BEDROCK_DONE or a failure, and after BEDROCK_DONE bedrock_stream_response gives the response. Descriptors, wakeups
/// and waiting sets work as for a stream.
///
/// operation: The name of the operation: "InvokeModel".
/// Returns: BEDROCK_OK, BEDROCK_E_INVALID_ARGUMENT, BEDROCK_E_REQUEST or BEDROCK_E_RESOURCE, for the reasons of
///   bedrock_call and bedrock_stream_open.
/// Ownership: *out is owned by the caller. Free it with bedrock_stream_free.
/// Threads: Does not block. Thread-safe.
/// Since: 0.1
/// AWS: The operation of that name.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bedrock_call_open(
    model: *const bedrock_model,
    operation: *const c_char,
    request: *const bedrock_request,
    cancel: *mut bedrock_cancel,
    out: *mut *mut bedrock_stream,
    err: *mut *mut bedrock_error,
) -> bedrock_status {
    // SAFETY: the pointers are good, as the header demands.
    unsafe { open(|| named(operation), model, request, cancel, out, err) }
}

/// # Safety
/// `name` is NULL, or ends in NUL.
unsafe fn named(name: *const c_char) -> Result<Operation> {
    // SAFETY: as above.
    let name = unsafe { text::name("operation", name) }?;
    Operation::named(name).ok_or_else(|| {
        let known: Vec<_> = Operation::ALL.into_iter().map(Operation::name).collect();
        let what =
            format_args!("operation is {}, which this version does not have; it has {}", quote(name), known.join(", "));
        Error::new(Kind::InvalidArgument, what)
    })
}
