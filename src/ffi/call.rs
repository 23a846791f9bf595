//! Any operation, by its name
//!
//! Converse is not all that the service does. The same doors lead to every operation of the Bedrock runtime, by its name in the
//! AWS API: the same config, credentials, timers, retries, cancellation and errors. A request's members are the operation's, under
//! the names of the AWS API; "modelId" or the model's own id names the model. The portable dialect is for
//! conversations alone. "timeout" limits what does not stream, as in bedrock_generate; "first_event", "idle" and "total" what does.
//!
//!   bedrock_request_new("{\"body\": {\"inputText\": \"Hello\"}}", BEDROCK_STRLEN, &request, &error);
//!   bedrock_call(model, "InvokeModel", request, NULL, &response, &error);
//!
//! Converse, ConverseStream: what bedrock_generate and bedrock_generate_stream send.
//!
//! CountTokens: counts a request for Converse as it is, with what the model's defaults add. What has no tokens (inferenceConfig,
//! ...) is left out, so that one request can be counted and sent. A request with "body" is counted as one for InvokeModel, and one
//! with "input" is the operation's own. bedrock_response_json: {"inputTokens": 12}.
//!
//! InvokeModel, InvokeModelWithResponseStream: "body" is the request in the model's own form, sent to the byte as it is
//! written: embeddings, images, and what has no Converse. A string "@name" anywhere in it that names an attachment
//! becomes its base64; where the whole body is "@name", the attachment's bytes are the body. Beside it: accept,
//! contentType (application/json), guardrailIdentifier, guardrailVersion, trace, performanceConfigLatency, serviceTier,
//! requestMetadata, projectIdentifier. A model's guardrailConfig, performanceConfig and serviceTier hold here too, one
//! by one, where the request does not say otherwise. bedrock_response_json is the model's answer, verbatim; one of
//! another type than JSON comes as {"contentType": "image/png", "body": "base64"}. bedrock_response_usage gives what
//! the headers count, or else the answer. The stream's events are BEDROCK_EVENT_CHUNK, and its answer is the array of
//! what they held. It is complete with the chunk that counts; where none came, with the end of the body, if that cannot
//! be a lost connection (BEDROCK_E_TRUNCATED).
//!
//! ApplyGuardrail: guardrailIdentifier, guardrailVersion (those of the model's guardrailConfig, where they are not given), source,
//! content, outputScope.
//!
//! InvokeGuardrailChecks: messages, checks. Messages that are given as JSON, together with checks, go as they are written; of those
//! that are added one by one, what role system says comes first, and the others of one role share a message.
//!
//! StartAsyncInvoke: modelInput, in the model's own form, where a string "@name" that names an attachment becomes its
//! base64; outputDataConfig, tags, and clientRequestToken, which is made where it is not given. GetAsyncInvoke:
//! invocationArn. ListAsyncInvokes: submitTimeAfter, submitTimeBefore (text in ISO 8601, or a number of seconds since
//! 1970), statusEquals, maxResults, nextToken, sortBy, sortOrder.

use super::cancel::bedrock_cancel;
use super::generate::Call;
use super::guard::entry;
use super::handle;
use super::model::bedrock_model;
use super::request::bedrock_request;
use super::response::bedrock_response;
use super::status::{BEDROCK_OK, bedrock_error, bedrock_status};
use super::stream::{Pulled, bedrock_stream};
use super::text::{self, put, required};
use crate::error::{Error, Kind, Result, quote};
use crate::wire::operation::Operation;
use std::ffi::c_char;
use std::ptr::null_mut;

/// Calls an operation and waits for its whole answer, which bedrock_response_json gives; of one that streams, what its events
/// make. *out is yours to free; *err on failure. BEDROCK_E_INVALID_ARGUMENT: this version has no such operation.
/// BEDROCK_E_REQUEST: the request is none for it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bedrock_call(
    model: *const bedrock_model,
    operation: *const c_char,
    request: *const bedrock_request,
    cancel: *mut bedrock_cancel,
    out: *mut *mut bedrock_response,
    err: *mut *mut bedrock_error,
) -> bedrock_status {
    unsafe { put(out, null_mut()) };
    entry!(err => {
        required("out", out)?;
        let operation = named(unsafe { text::name("operation", operation) }?)?;
        let Call { model, request, cancel } = Call::of(model, request, cancel)?;
        let response = model.call(operation, &request.snapshot(), cancel.as_deref())?;
        unsafe { put(out, handle::insert(response)?) };
        Ok(BEDROCK_OK)
    })
}

/// Opens a call without waiting for it, as bedrock_stream_open does. An operation that does not stream has no events:
/// bedrock_stream_next says BEDROCK_AGAIN until BEDROCK_DONE or a failure, and then bedrock_stream_response has the answer.
/// Descriptors, wakeups and waiting sets serve it as they serve a stream.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bedrock_call_open(
    model: *const bedrock_model,
    operation: *const c_char,
    request: *const bedrock_request,
    cancel: *mut bedrock_cancel,
    out: *mut *mut bedrock_stream,
    err: *mut *mut bedrock_error,
) -> bedrock_status {
    unsafe { put(out, null_mut()) };
    entry!(err => {
        required("out", out)?;
        let operation = named(unsafe { text::name("operation", operation) }?)?;
        let Call { model, request, cancel } = Call::of(model, request, cancel)?;
        let stream = model.open(operation, &request.snapshot(), cancel.as_deref())?;
        unsafe { put(out, handle::insert(Pulled::new(stream))?) };
        Ok(BEDROCK_OK)
    })
}

fn named(name: &str) -> Result<Operation> {
    Operation::named(name).ok_or_else(|| {
        let known: Vec<_> = Operation::ALL.into_iter().map(Operation::name).collect();
        let what =
            format_args!("operation is {}, which this version has not; it has {}", quote(name), known.join(", "));
        Error::new(Kind::InvalidArgument, what)
    })
}
