//! Status and errors
//!
//! A function that can fail returns a bedrock_status: below 0 is failure, 0 and above is not. Where it has a parameter err,
//! and err is not NULL, *err receives an owned bedrock_error when the status is below 0, and NULL otherwise. An error is
//! immutable: any thread may read it, and its texts live until bedrock_error_free. There is no errno and no "last error".
//!
//! Where the service, or a gateway in front of it, refuses a call, the name that it gives decides the status:
//!
//!   BEDROCK_E_THROTTLED         ThrottlingException, TooManyRequestsException, SlowDown and AWS's other names for it,
//!                               with any HTTP status
//!   BEDROCK_E_ACCESS_DENIED     AccessDeniedException, UnrecognizedClientException, InvalidSignatureException,
//!                               IncompleteSignature, NotAuthorized; RequestExpired and RequestInTheFuture, where this
//!                               machine's clock is wrong
//!   BEDROCK_E_CREDENTIALS       ExpiredTokenException, InvalidToken, MissingAuthenticationTokenException
//!   BEDROCK_E_VALIDATION        ValidationException, SerializationException, ConflictException
//!   BEDROCK_E_CONTEXT_OVERFLOW  ValidationException whose message says that the input is too long
//!   BEDROCK_E_NOT_FOUND         ResourceNotFoundException, UnknownOperationException
//!   BEDROCK_E_QUOTA             ServiceQuotaExceededException
//!   BEDROCK_E_MODEL             ModelErrorException, ModelTimeoutException, ModelNotReadyException,
//!                               ModelStreamErrorException
//!   BEDROCK_E_SERVICE           InternalServerException, ServiceUnavailableException, RequestTimeout
//!
//! Where it gives no such name, the HTTP status decides: 401 and 403 ACCESS_DENIED, 404 NOT_FOUND, 408 and 424 MODEL,
//! 429 THROTTLED, 400 and every other 4xx VALIDATION, 5xx SERVICE.
//!
//! Retries. The library tries a call again, up to retry.max_attempts, after HTTP 429, 500, 502, 503 and 504, after
//! names of throttling, RequestTimeout and ModelNotReadyException, and after a connection that failed before an answer
//! came. After RequestExpired and RequestInTheFuture it tries once more, with the service's clock. If the service asks
//! for a wait (Retry-After) that is longer than the call's timer allows, the call fails at once. Each model has a
//! budget for its retries. It begins with 500. A retry costs 5 after throttling and 10 otherwise. A call that succeeds
//! gives back 1, or the cost of its last retry. While the budget is too low for a retry, each call is tried once, and
//! its message says so.

use super::guard::entry;
use super::handle::{self, Noun};
use super::text::{self, EMPTY, put};
use crate::error::Error;
use crate::text::Text;
use std::ffi::c_char;

/// What became of a call.
pub type bedrock_status = i32;

/// A length that means "up to the NUL": wherever a text is given as pointer and length.
pub const BEDROCK_STRLEN: usize = -1isize as usize;

/// It worked.
pub const BEDROCK_OK: bedrock_status = 0;
/// The stream has ended completely.
pub const BEDROCK_DONE: bedrock_status = 1;
/// Nothing within the time given; call again.
pub const BEDROCK_AGAIN: bedrock_status = 2;
/// The callback asked to stop.
pub const BEDROCK_STOPPED: bedrock_status = 3;
/// NULL, invalid UTF-8, an impossible length.
pub const BEDROCK_E_INVALID_ARGUMENT: bedrock_status = -1;
/// No handle of this kind: freed before, or never made.
pub const BEDROCK_E_BAD_HANDLE: bedrock_status = -2;
/// The call would deadlock here: inside a callback that may not make it.
pub const BEDROCK_E_BUSY: bedrock_status = -3;
/// Config JSON: an unknown key, a wrong type, a bad value.
pub const BEDROCK_E_CONFIG: bedrock_status = -4;
/// Request JSON that was refused before it was sent.
pub const BEDROCK_E_REQUEST: bedrock_status = -5;
/// No credentials, expired ones, or a provider of them that failed; the message names it.
pub const BEDROCK_E_CREDENTIALS: bedrock_status = -6;
/// The credentials are wrong, or may not do this. (AccessDeniedException, UnrecognizedClientException, HTTP 403.)
pub const BEDROCK_E_ACCESS_DENIED: bedrock_status = -7;
/// The service knows no such model or resource. (ResourceNotFoundException, HTTP 404.)
pub const BEDROCK_E_NOT_FOUND: bedrock_status = -8;
/// The service refused the request. (ValidationException, HTTP 400.)
pub const BEDROCK_E_VALIDATION: bedrock_status = -9;
/// The service refused the request for its length.
pub const BEDROCK_E_CONTEXT_OVERFLOW: bedrock_status = -10;
/// Too many requests or tokens. (ThrottlingException, HTTP 429.)
pub const BEDROCK_E_THROTTLED: bedrock_status = -11;
/// The account's quota is used up. (ServiceQuotaExceededException.)
pub const BEDROCK_E_QUOTA: bedrock_status = -12;
/// The model failed, took too long or is not ready. (ModelErrorException, ModelTimeoutException, ModelNotReadyException,
/// ModelStreamErrorException, HTTP 408 and 424.)
pub const BEDROCK_E_MODEL: bedrock_status = -13;
/// The service failed; call again later. (InternalServerException, ServiceUnavailableException, HTTP 5xx.)
pub const BEDROCK_E_SERVICE: bedrock_status = -14;
/// Name look-up, connecting, TLS, a connection that broke. The message names host, port and proxy.
pub const BEDROCK_E_NETWORK: bedrock_status = -15;
/// A timer ran out, and the message names it and its setting; or the connection showed no sign of life. Where attempts of the
/// call were refused, the error has code, HTTP status and request id of the last refusal.
pub const BEDROCK_E_TIMEOUT: bedrock_status = -16;
/// The stream ended too soon: what came is not the whole answer.
pub const BEDROCK_E_TRUNCATED: bedrock_status = -17;
/// Bytes that are no valid answer: a wrong checksum, an impossible size, broken JSON.
pub const BEDROCK_E_PROTOCOL: bedrock_status = -18;
/// A cancel was fired, or the library was shut down.
pub const BEDROCK_E_CANCELLED: bedrock_status = -19;
/// The handle was made before fork(), and this is the child.
pub const BEDROCK_E_FORKED: bedrock_status = -20;
/// A bug in this library, contained.
pub const BEDROCK_E_INTERNAL: bedrock_status = -21;
/// This process is out of descriptors, threads, handles or memory.
pub const BEDROCK_E_RESOURCE: bedrock_status = -22;

/// A failure: immutable, owned by the caller. For NULL the getters give BEDROCK_OK, "", 0, -1.
pub struct bedrock_error;

impl Noun for Error {
    type C = bedrock_error;
    const TYPE: u64 = 1;
    const NAME: &'static str = "error";
}

/// The name of a status: "BEDROCK_E_THROTTLED". "" for a number that is none. Static, never freed.
#[unsafe(no_mangle)]
pub extern "C" fn bedrock_status_name(status: bedrock_status) -> *const c_char {
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

/// The status of the call that failed. Of what is no error: BEDROCK_OK for NULL, else BEDROCK_E_BAD_HANDLE or
/// BEDROCK_E_FORKED.
#[unsafe(no_mangle)]
pub extern "C" fn bedrock_error_status(error: *const bedrock_error) -> bedrock_status {
    if error.is_null() {
        return BEDROCK_OK;
    }
    entry!(else BEDROCK_E_BAD_HANDLE => {
        let status = handle::get::<Error>(error).map(|error| error.kind());
        Ok(status.unwrap_or_else(|wrong| wrong.kind()) as bedrock_status)
    })
}

/// One line for people, which begins with "bedrock: " and says what was being done, what happened and, where it is known,
/// what to do next. It never holds credentials. Lives until the error is freed.
#[unsafe(no_mangle)]
pub extern "C" fn bedrock_error_message(error: *const bedrock_error) -> *const c_char {
    lend(error, Error::message)
}

/// The service's name for the failure, as it came: "ThrottlingException"; inside a stream the service begins it with a small
/// letter. "" where the service named nothing. Lives until the error is freed.
#[unsafe(no_mangle)]
pub extern "C" fn bedrock_error_code(error: *const bedrock_error) -> *const c_char {
    lend(error, Error::code)
}

/// A JSON pointer to the member that is to blame, in the config or request that was given: "/messages/0/role". It leads
/// into the JSON that gave the member, in the dialect of that JSON; "/defaults" begins a pointer into the config's.
/// Once something was added to a conversation, "/messages" and "/system" lead into the conversation as it is kept,
/// which bedrock_request_body shows. Returns "" where no member is to blame. Lives until the error is freed.
#[unsafe(no_mangle)]
pub extern "C" fn bedrock_error_path(error: *const bedrock_error) -> *const c_char {
    lend(error, Error::path)
}

/// The service's id of the request (x-amzn-requestid), which AWS support asks for. "" where there is none. Lives until the
/// error is freed.
#[unsafe(no_mangle)]
pub extern "C" fn bedrock_error_request_id(error: *const bedrock_error) -> *const c_char {
    lend(error, Error::request_id)
}

/// The HTTP status of the answer that failed. For BEDROCK_E_TIMEOUT and BEDROCK_E_NETWORK it is that of the last attempt that
/// was refused. 0 where there was none, and for a failure inside a stream.
#[unsafe(no_mangle)]
pub extern "C" fn bedrock_error_http_status(error: *const bedrock_error) -> i32 {
    entry!(else 0 => handle::get::<Error>(error).map(|error| error.http_status().into()))
}

/// 1 where the same call may succeed later. The library's own retries are over by then.
#[unsafe(no_mangle)]
pub extern "C" fn bedrock_error_retryable(error: *const bedrock_error) -> i32 {
    entry!(else 0 => handle::get::<Error>(error).map(|error| error.retryable().into()))
}

/// Returns the time that the service asks to wait before the next call (Retry-After), in milliseconds. -1 where it asks for
/// none.
#[unsafe(no_mangle)]
pub extern "C" fn bedrock_error_retry_after(error: *const bedrock_error) -> i64 {
    entry!(else -1 => handle::get::<Error>(error).map(|error| {
        error.retry_after().map_or(-1, |wait| i64::try_from(wait.as_millis()).unwrap_or(i64::MAX))
    }))
}

/// Returns the service's failure as JSON, byte for byte as it came: the body of the HTTP answer, or the payload of an exception
/// inside a stream. It holds members that have no function here, such as originalStatusCode, originalMessage and resourceName
/// of ModelErrorException. "" where there is none, where it is not JSON, and where it is longer than 64 KiB. Borrowed: it lives
/// until the error is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bedrock_error_json(error: *const bedrock_error, len: *mut usize) -> *const c_char {
    unsafe { put(len, 0) };
    entry!(else EMPTY => {
        let error = handle::get::<Error>(error)?;
        Ok(unsafe { text::lend(error.json(), len) })
    })
}

/// Returns how many attempts the call made, retries included. An attempt is a request that was given to a connection, or for
/// which connecting was tried. 0 where there was none: the request was refused locally, no credentials were found, or the call
/// got no place among max_concurrency calls.
#[unsafe(no_mangle)]
pub extern "C" fn bedrock_error_attempts(error: *const bedrock_error) -> i32 {
    entry!(else 0 => handle::get::<Error>(error).map(|error| error.attempts() as i32))
}

/// Frees an error, and the texts it lent. NULL does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn bedrock_error_free(error: *mut bedrock_error) {
    entry!(else () => {
        handle::remove::<Error>(error);
        Ok(())
    })
}

fn lend(error: *const bedrock_error, text: fn(&Error) -> &Text) -> *const c_char {
    entry!(else EMPTY => {
        let error = handle::get::<Error>(error)?;
        Ok(unsafe { text::lend(text(&error), std::ptr::null_mut()) })
    })
}
