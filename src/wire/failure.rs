//! How the failures of the service, and of the SDK below us, become an [`Error`].
//!
//! The service names its failures: in the header `x-amzn-errortype` or the body's `__type` or `code`, and in frames of a
//! stream. A name decides the [`Kind`]; where there is none, the HTTP status does.

use super::frame::FrameError;
use crate::error::{Error, Kind};
use crate::json::Json;
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_bedrockruntime::error::SdkError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use std::error::Error as StdError;
use std::time::Duration;

impl From<FrameError> for Error {
    fn from(error: FrameError) -> Self {
        Error::new(Kind::Protocol, format_args!("the answer is damaged: {error}"))
    }
}

/// An exception frame: the failure's name in its header, `{"message": ...}` as payload.
pub fn in_stream(name: &str, payload: &str) -> Error {
    let message = Json::parse(payload).ok().and_then(message_of);
    in_stream_error(name, message.as_deref().unwrap_or(payload))
}

/// A frame of message type `error`: name and message in its headers.
pub fn in_stream_error(name: &str, message: &str) -> Error {
    Report { code: name, message, status: 0 }.into_error()
}

/// Everything that can go wrong between a request that is ready and the head of its answer. `connect` is the connect timer's
/// setting.
pub fn before_answer<E: StdError + 'static>(connect: Duration, error: SdkError<E, HttpResponse>) -> Error {
    // Our own transport says itself what was wrong.
    if let Some(own) = find::<Error>(&error) {
        return own.clone();
    }
    match &error {
        SdkError::ServiceError(service) => refused(service.raw()),
        SdkError::ResponseError(response) => {
            let status = response.raw().status().as_u16();
            broke_off(&chain(cause(&error))).with_http_status(status)
        }
        SdkError::DispatchFailure(dispatch) if dispatch.is_timeout() => {
            let what = "timeouts.connect). Is the endpoint reachable from here?";
            Error::new(Kind::Timeout, format_args!("no connection within {connect:?} ({what}"))
        }
        SdkError::DispatchFailure(dispatch) if dispatch.is_io() => unreachable_endpoint(&error),
        _ if lacks_credentials(&error) => no_credentials(&error),
        SdkError::DispatchFailure(_) if !chain(&error).contains("endpoint") => unreachable_endpoint(&error),
        _ => Error::new(Kind::Config, format_args!("the request could not be made: {}", chain(cause(&error)))),
    }
}

/// A connection that failed in the middle of an answer that is no stream.
pub fn broke_off(what: &str) -> Error {
    Error::new(Kind::Network, format_args!("the answer broke off: {what}"))
}

/// An HTTP answer that is no success.
fn refused(response: &HttpResponse) -> Error {
    let status = response.status().as_u16();
    let body = response.body().bytes().unwrap_or_default();
    let text = String::from_utf8_lossy(body);
    let json = Json::parse(&text).ok();
    let header = response.headers().get("x-amzn-errortype").filter(|name| !name.is_empty()).map(str::to_owned);
    let code = header.or_else(|| json.and_then(code_of)).map(|code| bare_name(&code).to_owned()).unwrap_or_default();
    let message = match json {
        Some(json) => message_of(json).unwrap_or_default(),
        None if text.trim().is_empty() => "the answer is empty".to_owned(),
        None => format!(
            "the answer is {}, not JSON; is this really a Bedrock endpoint? It begins: {}",
            response.headers().get("content-type").unwrap_or("of no type"),
            text.trim().chars().take(80).collect::<String>()
        ),
    };
    let request_id = response.headers().get("x-amzn-requestid").unwrap_or_default();
    Report { code: &code, message: &message, status }.into_error().with_request_id(request_id)
}

/// A failure as the service described it.
struct Report<'a> {
    code: &'a str,
    message: &'a str,
    /// 0 inside a stream.
    status: u16,
}

impl Report<'_> {
    fn into_error(self) -> Error {
        let Report { code, message, status } = self;
        let kind = kind_of(code, message, status);
        let name = match status {
            0 => code.to_owned(),
            _ if code.is_empty() => format!("HTTP {status}"),
            _ => format!("{code} (HTTP {status})"),
        };
        let told = join(&name, ": ", message.trim().trim_end_matches('.'));
        let text = join(&told, ". ", advice(kind, code, message));
        Error::new(kind, text).with_code(code).with_http_status(status)
    }
}

/// The two with `separator` between them, where neither is empty.
fn join(first: &str, separator: &str, second: &str) -> String {
    [first, second].map(str::trim).into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(separator)
}

fn kind_of(code: &str, message: &str, status: u16) -> Kind {
    let is = |name: &str| code.eq_ignore_ascii_case(name);
    if is("ValidationException") || (code.is_empty() && status == 400) {
        return if is_overflow(message) { Kind::ContextOverflow } else { Kind::Validation };
    }
    const BY_NAME: [(&str, Kind); 25] = [
        ("ThrottlingException", Kind::Throttled),
        ("TooManyRequestsException", Kind::Throttled),
        ("AccessDeniedException", Kind::AccessDenied),
        ("AccessDenied", Kind::AccessDenied),
        ("UnrecognizedClientException", Kind::AccessDenied),
        ("InvalidSignatureException", Kind::AccessDenied),
        ("SignatureDoesNotMatch", Kind::AccessDenied),
        ("InvalidClientTokenId", Kind::AccessDenied),
        ("ExpiredTokenException", Kind::Credentials),
        ("ExpiredToken", Kind::Credentials),
        ("MissingAuthenticationTokenException", Kind::Credentials),
        ("MissingAuthenticationToken", Kind::Credentials),
        ("ResourceNotFoundException", Kind::NotFound),
        ("UnknownOperationException", Kind::NotFound),
        ("ServiceQuotaExceededException", Kind::Quota),
        ("ModelErrorException", Kind::Model),
        ("ModelTimeoutException", Kind::Model),
        ("ModelNotReadyException", Kind::Model),
        ("ModelStreamErrorException", Kind::Model),
        ("InternalServerException", Kind::Service),
        ("InternalFailure", Kind::Service),
        ("ServiceUnavailableException", Kind::Service),
        ("ServiceUnavailable", Kind::Service),
        ("SerializationException", Kind::Validation),
        ("ConflictException", Kind::Validation),
    ];
    if let Some((_, kind)) = BY_NAME.iter().find(|(name, _)| is(name)) {
        return *kind;
    }
    match status {
        401 | 403 => Kind::AccessDenied,
        404 => Kind::NotFound,
        408 | 424 => Kind::Model,
        429 => Kind::Throttled,
        400..=499 => Kind::Validation,
        // A stream that fails under a name we do not know, and every 5xx.
        0 | 500..=599 => Kind::Service,
        _ => Kind::Protocol,
    }
}

/// Whether the service refused a request for its length.
fn is_overflow(message: &str) -> bool {
    const PHRASES: [&str; 9] = [
        "input is too long",
        "prompt is too long",
        "input tokens exceed",
        "exceeds maximum length",
        "exceeds the maximum number of tokens",
        "maximum context length",
        "exceed context limit",
        "context window",
        "too many input tokens",
    ];
    let message = message.to_ascii_lowercase();
    PHRASES.iter().any(|phrase| message.contains(phrase))
}

/// What to do next, where that is known.
fn advice(kind: Kind, code: &str, message: &str) -> &'static str {
    let says = |phrase: &str| message.to_ascii_lowercase().contains(phrase);
    match kind {
        Kind::AccessDenied | Kind::Validation | Kind::NotFound if says("use case details") => {
            "Send the use case form for this provider's models in the Bedrock console (Model access)"
        }
        Kind::Validation if says("on-demand throughput") => {
            "Use the model's inference profile: its id with a region prefix, such as us. or global., or the profile's ARN"
        }
        Kind::Validation if says("model identifier is invalid") => {
            "Check the model id and that the region in use offers it; many models need an inference profile id (us., eu., global.)"
        }
        Kind::NotFound if says("end of its life") || says("legacy") => "Choose a newer model",
        Kind::NotFound => "Check the model id or ARN, its region, and base_url",
        Kind::AccessDenied if says("api key") || says("bearer") => {
            "Check the Bedrock API key (bearer_token) and its expiry"
        }
        Kind::AccessDenied if says("access to the model") => {
            "Enable the model for this account and region in the Bedrock console (Model access)"
        }
        Kind::AccessDenied if says("not authorized to perform") => "The identity in use needs that IAM permission",
        Kind::AccessDenied if code.eq_ignore_ascii_case("AccessDeniedException") => {
            "The identity in use needs the IAM permission bedrock:InvokeModel (and WithResponseStream) for this model"
        }
        Kind::AccessDenied if says("signature expired") || says("not yet current") => "Set this machine's clock",
        Kind::AccessDenied => "Check the access key, the secret key and, for temporary credentials, the session token",
        Kind::Credentials if says("expired") => "Get fresh credentials, for example with: aws sso login",
        Kind::Throttled => "Call less often or ask for a higher quota; retry.max_attempts sets how often it is tried",
        Kind::Quota => "Ask for a higher quota in Service Quotas",
        Kind::ContextOverflow => {
            "Shorten the conversation (bedrock_request_trim) or choose a model with a longer context"
        }
        _ => "",
    }
}

/// No connection, or one that broke.
fn unreachable_endpoint(error: &(dyn StdError + 'static)) -> Error {
    let what = chain(cause(error));
    let kind = if lacks_resources(error) { Kind::Resource } else { Kind::Network };
    Error::new(kind, format_args!("{what}. {}", network_advice(kind, &what)))
}

fn lacks_resources(error: &(dyn StdError + 'static)) -> bool {
    let code = find::<std::io::Error>(error).and_then(std::io::Error::raw_os_error);
    code.is_some_and(|code| [libc::EMFILE, libc::ENFILE, libc::ENOMEM, libc::ENOBUFS].contains(&code))
}

fn network_advice(kind: Kind, what: &str) -> &'static str {
    if what.contains("NotValidForName") || what.contains("not valid for name") {
        "The server's certificate is for another name: check base_url and the proxy"
    } else if kind == Kind::Resource {
        "Raise the limit of open files (ulimit -n) or run fewer calls at once (max_concurrency)"
    } else if what.contains("certificate expired") || what.contains("certificate not valid before") {
        "Check this machine's clock; where it is right, the server needs a new certificate"
    } else if what.contains("certificate") {
        "The server's certificate is not trusted; for a private CA set ca_file"
    } else if what.contains("dns") || what.contains("lookup") {
        "The host name does not resolve: check the region or base_url"
    } else {
        "Check the network, the proxy and base_url"
    }
}

/// The SDK tells a request without an identity from others only in words.
fn lacks_credentials(error: &(dyn StdError + 'static)) -> bool {
    find::<CredentialsError>(error).is_some() || {
        let words = chain(error);
        words.contains("identity") || words.contains("auth scheme")
    }
}

fn no_credentials(error: &(dyn StdError + 'static)) -> Error {
    let advice = match find::<CredentialsError>(error) {
        Some(CredentialsError::CredentialsNotLoaded(_)) | None => {
            "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE or AWS_BEARER_TOKEN_BEDROCK, or give api_key and secret_key"
        }
        Some(CredentialsError::ProviderTimedOut(_)) => "The credentials provider took too long; check the profile",
        Some(_) => "Log in again (aws sso login) or check the profile",
    };
    Error::new(Kind::Credentials, format_args!("no usable credentials: {}. {advice}", chain(cause(error))))
}

/// `x-amzn-errortype` and `__type` wrap the name: `aws.protocol#Name:http://...`.
fn bare_name(code: &str) -> &str {
    let code = code.split(':').next().unwrap_or_default();
    code.rsplit('#').next().unwrap_or_default().trim()
}

fn code_of(json: Json<'_>) -> Option<String> {
    ["__type", "code", "Code"].iter().find_map(|key| json.get(key)?.string()).map(|code| code.into_owned())
}

fn message_of(json: Json<'_>) -> Option<String> {
    ["message", "Message", "errorMessage"].iter().find_map(|key| json.get(key)?.string()).map(|text| text.into_owned())
}

/// The failure that a successful answer names all the same, as quirky routes of the service do.
pub fn in_success(json: Json<'_>, status: u16) -> Option<Error> {
    let inner = json.get("Output").unwrap_or(json);
    let code = inner.get("__type").and_then(Json::string)?;
    let message = message_of(inner).unwrap_or_default();
    Some(Report { code: bare_name(&code), message: &message, status }.into_error())
}

/// What a 2xx answer that should have been a stream, and is not, says.
pub fn misrouted(status: u16, content_type: &str, body: &str) -> Error {
    Json::parse(body).ok().and_then(|json| in_success(json, status)).unwrap_or_else(|| {
        let told = if content_type.is_empty() { "of no type" } else { content_type };
        let what = format_args!(
            "the answer (HTTP {status}) is {told}, not an event stream; is this really a Bedrock endpoint?"
        );
        Error::new(Kind::Protocol, what).with_http_status(status)
    })
}

/// The causes of an error, the outermost first, each once. The SDK prints whole requests into some: prompts are no message.
pub fn chain(error: &dyn StdError) -> String {
    let told = |error: &dyn StdError| {
        let text = error.to_string();
        text.split("Request {").next().unwrap_or_default().trim_end().to_owned()
    };
    let mut text = told(error);
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = told(cause);
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        next = cause.source();
    }
    text
}

fn cause<'e>(error: &'e (dyn StdError + 'static)) -> &'e (dyn StdError + 'static) {
    error.source().unwrap_or(error)
}

fn find<'e, T: StdError + 'static>(error: &'e (dyn StdError + 'static)) -> Option<&'e T> {
    std::iter::successors(Some(error), |&error| error.source()).find_map(|error| error.downcast_ref())
}
