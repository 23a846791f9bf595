//! Status and errors
//!
//! A function that can fail returns a bedrock_status: a value below 0 is a failure, 0 and above is not. "Errors" in the
//! rules at the top of this header states when *err is set. An error is immutable and thread-safe. Its texts are
//! borrowed: they live until bedrock_error_free. There is no errno and no "last error". For NULL and for an invalid
//! handle a getter returns "", 0 or -1; bedrock_error_status documents its own values.
//!
//! If the service, or a gateway in front of it, refuses a call, the name of its exception decides the status:
//!
//!   BEDROCK_E_THROTTLED         ThrottlingException, TooManyRequestsException, SlowDown and AWS's
//!                               other names for it, with any HTTP status
//!   BEDROCK_E_ACCESS_DENIED     AccessDeniedException, UnrecognizedClientException,
//!                               InvalidSignatureException, IncompleteSignature, NotAuthorized;
//!                               RequestExpired, RequestInTheFuture and RequestTimeTooSkewed if this
//!                               machine's clock is wrong
//!   BEDROCK_E_CREDENTIALS       ExpiredTokenException, InvalidToken,
//!                               MissingAuthenticationTokenException
//!   BEDROCK_E_VALIDATION        ValidationException, SerializationException, ConflictException
//!   BEDROCK_E_CONTEXT_OVERFLOW  ValidationException whose message states that the input is too long
//!   BEDROCK_E_NOT_FOUND         ResourceNotFoundException, UnknownOperationException
//!   BEDROCK_E_QUOTA             ServiceQuotaExceededException
//!   BEDROCK_E_MODEL             ModelErrorException, ModelTimeoutException, ModelNotReadyException,
//!                               ModelStreamErrorException
//!   BEDROCK_E_SERVICE           InternalServerException, ServiceUnavailableException,
//!                               RequestTimeout
//!
//! If there is no name, or another one, the HTTP status decides: 401 and 403 ACCESS_DENIED, 404 NOT_FOUND, 408 and 424
//! MODEL, 429 THROTTLED, 400 and every other 4xx VALIDATION, 5xx SERVICE, any other PROTOCOL. Inside a stream such a
//! failure is SERVICE.
//!
//! Retries. The library tries a call again, up to retry.max_attempts, after HTTP 429, 500, 502, 503 and 504, after the
//! names of throttling, RequestTimeout and ModelNotReadyException, and after a connection that failed before a response
//! came. After RequestExpired, RequestInTheFuture and RequestTimeTooSkewed, and after a refused signature if this
//! machine's clock is more than 4 minutes off, it tries again with the service's clock. Nothing is retried once the
//! head of a response with HTTP 2xx has arrived, not even an error inside a stream. If the config has retry.throttling,
//! a throttled call is tried again for that time, beyond max_attempts.
//!
//! Failover. If the config has fallbacks, a call that failed before its first content goes to the next target, also
//! after the head of a response. The last target alone is tried again.
//!
//! Backoff. A Retry-After of the service is obeyed, up to retry.max_backoff. If a timer would end the call before that,
//! the call fails at once.
//!
//! Retry budget. Each model has a budget for its retries. It begins with 500. A retry costs 5 after throttling and 10
//! otherwise. A call that succeeds without a retry adds 1 to the budget. A call that succeeds after retries adds the
//! cost of the last one. While the budget is too low for a retry, each call is tried once. The message of its error
//! then states that.

use super::support::guard::entry;
use super::support::handle::{self, HandleObject, HandleType};
use super::support::out::put;
use super::support::text::{self, EMPTY};
use crate::error::Error;
use crate::text::Text;
use std::ffi::c_char;

/// The result of a function that can fail: one of the constants below.
pub type bedrock_status = i32;

/// A length that means "up to the NUL". It is valid for every text that is passed as pointer and length. Some languages
/// convert -1 to another large number: every length whose top bit is set means the same. For bytes that are not a text,
/// pass their real length.
pub const BEDROCK_STRLEN: usize = -1isize as usize;

/// Success.
pub const BEDROCK_OK: bedrock_status = 0;
/// The stream has ended, and the response is complete.
pub const BEDROCK_DONE: bedrock_status = 1;
/// The given time ran out first. Call again.
pub const BEDROCK_AGAIN: bedrock_status = 2;
/// The callback asked to stop.
pub const BEDROCK_STOPPED: bedrock_status = 3;
/// An argument is wrong: NULL, invalid UTF-8, an impossible length, an index that is too large, an unknown operation.
pub const BEDROCK_E_INVALID_ARGUMENT: bedrock_status = -1;
/// Not a valid handle of this type: it was freed, or never made.
pub const BEDROCK_E_BAD_HANDLE: bedrock_status = -2;
/// The function cannot run now. A callback or a handler of pthread_atfork may not call it, another thread uses the
/// stream or waits for the waiting set, or the stream already has a wakeup or is in a waiting set.
pub const BEDROCK_E_BUSY: bedrock_status = -3;
/// The config, the environment or a file of AWS is wrong: an unknown key, a wrong type, a bad value. Or a script or a
/// replay holds no response to the request.
pub const BEDROCK_E_CONFIG: bedrock_status = -4;
/// The library refused the request before sending it.
pub const BEDROCK_E_REQUEST: bedrock_status = -5;
/// No credentials were found, they have expired, or their provider failed. The message names the provider.
pub const BEDROCK_E_CREDENTIALS: bedrock_status = -6;
/// The credentials are wrong, or do not permit this call. (AccessDeniedException, UnrecognizedClientException, HTTP
/// 403)
pub const BEDROCK_E_ACCESS_DENIED: bedrock_status = -7;
/// The service has no such model or resource. (ResourceNotFoundException, HTTP 404)
pub const BEDROCK_E_NOT_FOUND: bedrock_status = -8;
/// The service refused the request. (ValidationException, HTTP 400)
pub const BEDROCK_E_VALIDATION: bedrock_status = -9;
/// The service refused the request because the input is too long. (ValidationException)
pub const BEDROCK_E_CONTEXT_OVERFLOW: bedrock_status = -10;
/// Too many requests or tokens. Or max_queue calls wait already; then no request was sent. (ThrottlingException, HTTP
/// 429)
pub const BEDROCK_E_THROTTLED: bedrock_status = -11;
/// The account's quota is used up. (ServiceQuotaExceededException)
pub const BEDROCK_E_QUOTA: bedrock_status = -12;
/// The model failed, took too long or is not ready. Or bedrock_response_structured found no JSON value in a complete
/// response. (ModelErrorException, ModelTimeoutException, ModelNotReadyException, ModelStreamErrorException, HTTP 408
/// and 424)
pub const BEDROCK_E_MODEL: bedrock_status = -13;
/// The service failed. Call again later. (InternalServerException, ServiceUnavailableException, HTTP 5xx)
pub const BEDROCK_E_SERVICE: bedrock_status = -14;
/// The host name was not resolved, or connecting or TLS failed, or the connection failed before a response came. The
/// message names host, port and proxy. Or, in a call that does not stream, the connection failed before the response
/// was complete.
pub const BEDROCK_E_NETWORK: bedrock_status = -15;
/// A timer ran out, and the message names the timer and its setting. Or the peer did not respond to the probes of a
/// silent connection. If attempts of the call ended with a service error, the error has the code, HTTP status and
/// request id of the last one.
pub const BEDROCK_E_TIMEOUT: bedrock_status = -16;
/// The connection of a stream was closed or reset before the response was complete. Or HTTP does not mark the end of a
/// response of InvokeModel, and the response does not show that it is complete. Or bedrock_response_structured was
/// called for a response that was cut off.
pub const BEDROCK_E_TRUNCATED: bedrock_status = -17;
/// The bytes that arrived are not a valid response: a wrong checksum, an impossible size, JSON that is not valid, more
/// bytes than max_answer.
pub const BEDROCK_E_PROTOCOL: bedrock_status = -18;
/// A cancel was fired, the stream was cancelled or freed, the waiting set was freed, or the library was shut down.
pub const BEDROCK_E_CANCELLED: bedrock_status = -19;
/// The handle was made before fork(), and this process is the child.
pub const BEDROCK_E_FORKED: bedrock_status = -20;
/// A bug in this library. The process is unharmed.
pub const BEDROCK_E_INTERNAL: bedrock_status = -21;
/// The process has no descriptors, threads, handles or memory left, or a recording cannot be written, for example
/// because the disk is full. If there is no handle left for the error, *err is NULL.
///
/// A refused allocation is this status if it is for something of 64 KiB or more that is passed in, sent or received as
/// a whole: text and JSON that are added to a request, a copy of an attachment, the body of a call, a response that
/// does not stream, a frame of a stream. Any other refused allocation aborts the process, as in every Rust program.
pub const BEDROCK_E_RESOURCE: bedrock_status = -22;

/// A failure.
pub struct bedrock_error;

impl HandleObject for Error {
    type C = bedrock_error;
    const TYPE: HandleType = HandleType::Error;
}

/// Gets the name of a status.
///
/// status: Any number.
/// Returns: A name such as "BEDROCK_E_THROTTLED", or "" for a number that is no status.
/// Ownership: The text is static. Never free it.
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C-unwind" fn bedrock_status_name(status: bedrock_status) -> *const c_char {
    entry!(else EMPTY => Ok(match status {
        BEDROCK_OK => c"BEDROCK_OK",
        BEDROCK_DONE => c"BEDROCK_DONE",
        BEDROCK_AGAIN => c"BEDROCK_AGAIN",
        BEDROCK_STOPPED => c"BEDROCK_STOPPED",
        BEDROCK_E_INVALID_ARGUMENT => c"BEDROCK_E_INVALID_ARGUMENT",
        BEDROCK_E_BAD_HANDLE => c"BEDROCK_E_BAD_HANDLE",
        BEDROCK_E_BUSY => c"BEDROCK_E_BUSY",
        BEDROCK_E_CONFIG => c"BEDROCK_E_CONFIG",
        BEDROCK_E_REQUEST => c"BEDROCK_E_REQUEST",
        BEDROCK_E_CREDENTIALS => c"BEDROCK_E_CREDENTIALS",
        BEDROCK_E_ACCESS_DENIED => c"BEDROCK_E_ACCESS_DENIED",
        BEDROCK_E_NOT_FOUND => c"BEDROCK_E_NOT_FOUND",
        BEDROCK_E_VALIDATION => c"BEDROCK_E_VALIDATION",
        BEDROCK_E_CONTEXT_OVERFLOW => c"BEDROCK_E_CONTEXT_OVERFLOW",
        BEDROCK_E_THROTTLED => c"BEDROCK_E_THROTTLED",
        BEDROCK_E_QUOTA => c"BEDROCK_E_QUOTA",
        BEDROCK_E_MODEL => c"BEDROCK_E_MODEL",
        BEDROCK_E_SERVICE => c"BEDROCK_E_SERVICE",
        BEDROCK_E_NETWORK => c"BEDROCK_E_NETWORK",
        BEDROCK_E_TIMEOUT => c"BEDROCK_E_TIMEOUT",
        BEDROCK_E_TRUNCATED => c"BEDROCK_E_TRUNCATED",
        BEDROCK_E_PROTOCOL => c"BEDROCK_E_PROTOCOL",
        BEDROCK_E_CANCELLED => c"BEDROCK_E_CANCELLED",
        BEDROCK_E_FORKED => c"BEDROCK_E_FORKED",
        BEDROCK_E_INTERNAL => c"BEDROCK_E_INTERNAL",
        BEDROCK_E_RESOURCE => c"BEDROCK_E_RESOURCE",
        _ => c"",
    }
    .as_ptr()))
}

/// Gets the status of the function that failed.
///
/// Returns: The status. BEDROCK_OK for NULL, which does not prove success: test the status that the function returned.
///   BEDROCK_E_BAD_HANDLE or BEDROCK_E_FORKED for an invalid handle.
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C-unwind" fn bedrock_error_status(error: *const bedrock_error) -> bedrock_status {
    if error.is_null() {
        return BEDROCK_OK;
    }
    entry!(else BEDROCK_E_BAD_HANDLE => {
        let status = handle::get::<Error>(error).map(|error| error.kind());
        Ok(status.unwrap_or_else(|wrong| wrong.kind()) as bedrock_status)
    })
}

/// Gets the message of an error, one line for people.
///
/// It begins with "bedrock: " and states what was being done, what happened and, if it is known, what to do next. It
/// never holds credentials.
///
/// Returns: The message.
/// Ownership: Borrowed until the error is freed.
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C-unwind" fn bedrock_error_message(error: *const bedrock_error) -> *const c_char {
    borrow_text(error, Error::message)
}

/// Gets the service's name for the failure.
///
/// Inside a stream the name begins with a small letter.
///
/// Returns: The name as it came, such as "ThrottlingException", or "" if the service gave none.
/// Ownership: Borrowed until the error is freed.
/// Since: 0.1
/// AWS: The name of the exception (x-amzn-errortype).
#[unsafe(no_mangle)]
pub extern "C-unwind" fn bedrock_error_code(error: *const bedrock_error) -> *const c_char {
    borrow_text(error, Error::code)
}

/// Gets a JSON pointer to the member of the config or request that caused the failure.
///
/// The pointer refers to the JSON that you passed, in the dialect of that JSON. If it begins with "/defaults", it
/// refers to the defaults of the config. Once something was added to a conversation, "/messages" and "/system" refer to
/// the conversation as the library keeps it, which bedrock_request_json returns.
///
/// Returns: A pointer such as "/messages/0/role", or "" if no member caused the failure.
/// Ownership: Borrowed until the error is freed.
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C-unwind" fn bedrock_error_path(error: *const bedrock_error) -> *const c_char {
    borrow_text(error, Error::path)
}

/// Gets the service's id of the request, which AWS support asks for.
///
/// Returns: The id, or "" if there is none.
/// Ownership: Borrowed until the error is freed.
/// Since: 0.1
/// AWS: x-amzn-requestid
#[unsafe(no_mangle)]
pub extern "C-unwind" fn bedrock_error_request_id(error: *const bedrock_error) -> *const c_char {
    borrow_text(error, Error::request_id)
}

/// Gets the HTTP status of the response that failed.
///
/// Returns: The HTTP status. For BEDROCK_E_TIMEOUT and BEDROCK_E_NETWORK it is that of the last attempt that was
///   refused. 0 if there was none, and for a failure inside a stream.
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C-unwind" fn bedrock_error_http_status(error: *const bedrock_error) -> i32 {
    entry!(else 0 => handle::get::<Error>(error).map(|error| error.http_status().into()))
}

/// Gets whether the same call may succeed later.
///
/// The library has made its own retries before it returns an error.
///
/// Returns: 1 for BEDROCK_E_THROTTLED, BEDROCK_E_MODEL, BEDROCK_E_SERVICE, BEDROCK_E_NETWORK, BEDROCK_E_TIMEOUT and
///   BEDROCK_E_TRUNCATED, and for BEDROCK_E_CREDENTIALS if a provider failed in a way that may pass. Otherwise 0.
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C-unwind" fn bedrock_error_retryable(error: *const bedrock_error) -> i32 {
    entry!(else 0 => handle::get::<Error>(error).map(|error| error.retryable().into()))
}

/// Gets how long the service asks to wait before the next call.
///
/// Returns: Milliseconds, or -1 if the service asks for no wait.
/// Since: 0.1
/// AWS: Retry-After
#[unsafe(no_mangle)]
pub extern "C-unwind" fn bedrock_error_retry_after(error: *const bedrock_error) -> i64 {
    entry!(else -1 => handle::get::<Error>(error).map(|error| {
        error.retry_after().map_or(-1, |wait| i64::try_from(wait.as_millis()).unwrap_or(i64::MAX))
    }))
}

/// Gets the service's failure as JSON, byte for byte as it came.
///
/// It is the body of the HTTP response, or the payload of an exception inside a stream. It holds members that have no
/// function here, such as originalStatusCode, originalMessage and resourceName of ModelErrorException.
///
/// Returns: The JSON, or "" if there is none or it is longer than 64 KiB.
/// Ownership: Borrowed until the error is freed.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bedrock_error_json(error: *const bedrock_error, len: *mut usize) -> *const c_char {
    // SAFETY: NULL or writable, as the header demands.
    unsafe { put(len, 0) };
    entry!(else EMPTY => {
        let error = handle::get::<Error>(error)?;
        // SAFETY: `len` is NULL or writable, as the header demands.
        Ok(unsafe { text::borrow(error.json(), len) })
    })
}

/// Gets how many attempts the call made, retries included.
///
/// An attempt is a request that was passed to a connection, or for which the library tried to connect. A request that
/// an HTTP/2 service did not process, and that was sent once more, counts again.
///
/// Returns: The number of attempts. 0 if there was none: the request was refused locally, no credentials were found, or
///   the call was still waiting for max_concurrency.
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C-unwind" fn bedrock_error_attempts(error: *const bedrock_error) -> i32 {
    entry!(else 0 => handle::get::<Error>(error).map(|error| error.attempts() as i32))
}

/// Frees an error.
///
/// error: NULL does nothing.
/// Ownership: Ends the handle and the texts borrowed from it.
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C-unwind" fn bedrock_error_free(error: *mut bedrock_error) {
    entry!(else () => {
        handle::remove::<Error>(error);
        Ok(())
    })
}

/// Returns a text that the program borrows from the error.
fn borrow_text(error: *const bedrock_error, text: fn(&Error) -> &Text) -> *const c_char {
    entry!(else EMPTY => {
        let error = handle::get::<Error>(error)?;
        // SAFETY: NULL takes no length.
        Ok(unsafe { text::borrow(text(&error), std::ptr::null_mut()) })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_internal_error_and_a_neutral_value() {
        let mut err = std::ptr::null_mut();
        let failed = entry!(&mut err => panic!("on purpose"));
        assert_eq!(failed, BEDROCK_E_INTERNAL);
        // SAFETY: the message of an error ends in NUL and lives as long as it.
        let message = unsafe { std::ffi::CStr::from_ptr(bedrock_error_message(err)) }.to_str().unwrap();
        assert!(message.starts_with("bedrock: ") && message.contains("on purpose"), "{message}");
        bedrock_error_free(err);
        assert_eq!(entry!(else 7 => panic!("on purpose")), 7);
    }
}
