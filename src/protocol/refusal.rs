//! A failure as the service described it.
//!
//! The service names its failures: in the header `x-amzn-errortype`, in the body's `__type` or `code`, and in frames of a
//! stream. The name decides the [`Kind`]; where there is none that is known, the HTTP status does. Gateways in front of the
//! service have bodies of their own, whose message is looked for in the members that are usual.

use super::head;
use super::host::host_of;
use super::redact::Secrets;
use crate::error::{Error, Kind};
use crate::json::{self, Json};
use aws_smithy_types::date_time::{DateTime, Format};
use http::Uri;
use std::borrow::Cow;
use std::time::{Duration, SystemTime};

/// How much is read of an answer that is no success.
pub const MAX_REFUSAL: usize = 64 << 10;
/// How much is quoted of a body in which no message was found, in characters.
const QUOTE: usize = 80;

/// What the service refused with, over HTTP or inside a stream.
#[derive(Clone, Debug, Default)]
pub struct Refusal {
    /// The service's name for the failure, or "".
    pub code: String,
    pub message: String,
    /// 0 inside a stream.
    pub status: u16,
    pub request_id: String,
    pub retry_after: Option<Duration>,
    /// The body or the payload, where it is JSON.
    pub json: String,
}

impl Refusal {
    /// Reads an HTTP answer that is no success, without the [`Secrets`] that stand with it.
    pub fn of<'a>(status: u16, headers: impl Fn(&str) -> Option<&'a str>, body: &[u8], secrets: &Secrets) -> Self {
        let text = String::from_utf8_lossy(body);
        let text = secrets.redact(&text);
        let json = Json::parse(&text).ok();
        let header = |name| headers(name).filter(|value| !value.is_empty()).map(|value| secrets.redact(value));
        let code = header("x-amzn-errortype").map(Cow::into_owned).or_else(|| json.and_then(code_of));
        let encoding = header("content-encoding");
        let encoding = head::encoding_of(encoding.as_deref());
        let elsewhere = header("location").filter(|_| (300..400).contains(&status));
        let message = match json {
            _ if let Some(elsewhere) = &elsewhere => {
                format!("the answer leads to {}: redirects are not followed; set base_url", host_in(elsewhere))
            }
            None if let Some(encoding) = encoding => head::encoded(encoding),
            Some(json) => message_of(json).unwrap_or_else(|| quote_of(json)),
            None if text.trim().is_empty() => "the answer is empty".to_owned(),
            None => format!(
                "the answer is {}, not JSON; is this really a Bedrock endpoint? It begins: {}",
                header("content-type").unwrap_or("of no type".into()),
                beginning(&text)
            ),
        };
        Refusal {
            code: code.as_deref().map(bare_name).unwrap_or_default().to_owned(),
            message,
            status: status,
            request_id: header("x-amzn-requestid").unwrap_or_default().into_owned(),
            retry_after: retry_after(&headers),
            json: json.map(|_| text.to_string()).unwrap_or_default(),
        }
    }

    /// An exception frame: the failure's name in its header, `{"message": ...}` as payload.
    pub fn of_exception(name: &str, payload: &str) -> Self {
        let json = Json::parse(payload).ok();
        let message = json.and_then(message_of).unwrap_or_else(|| payload.to_owned());
        let json = json.map(|_| payload.to_owned()).unwrap_or_default();
        Refusal { json, ..Refusal::named(name, &message) }
    }

    /// A failure that has a name and a message and nothing else.
    pub fn named(code: &str, message: &str) -> Self {
        Refusal { code: code.to_owned(), message: message.to_owned(), ..Refusal::default() }
    }

    /// The failure that a successful answer names all the same, as quirky routes of the service do.
    pub fn in_success(json: Json<'_>, status: u16) -> Option<Self> {
        let inner = json.get("Output").unwrap_or(json);
        let code = inner.get("__type").and_then(Json::string)?;
        let message = message_of(inner).unwrap_or_default();
        Some(Refusal { status, json: json.text().to_owned(), ..Refusal::named(bare_name(&code), &message) })
    }

    /// The name and the HTTP status, as far as they are known.
    pub fn name(&self) -> String {
        match (self.code.as_str(), self.status) {
            (code, 0) => code.to_owned(),
            ("", status) => format!("HTTP {status}"),
            (code, status) => format!("{code} (HTTP {status})"),
        }
    }

    pub fn kind(&self) -> Kind {
        if self.is_named("ValidationException") || (self.code.is_empty() && self.status == 400) {
            return if is_overflow(&self.message) { Kind::ContextOverflow } else { Kind::Validation };
        }
        if let Some((_, kind)) = BY_NAME.iter().find(|(name, _)| self.is_named(name)) {
            return *kind;
        }
        match self.status {
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

    /// Whether the service says that the request was signed by a clock that is wrong.
    pub fn blames_clock(&self) -> bool {
        ["RequestExpired", "RequestInTheFuture", "RequestTimeTooSkewed"].iter().any(|name| self.is_named(name))
    }

    /// Names inside a stream begin with a small letter.
    pub fn is_named(&self, name: &str) -> bool {
        self.code.eq_ignore_ascii_case(name)
    }

    pub fn into_error(self) -> Error {
        let told = join(&self.name(), ": ", self.message.trim().trim_end_matches('.'));
        Error::new(self.kind(), told).advise(self.advice()).describing(&self)
    }

    /// What to do next, where that is known.
    pub fn advice(&self) -> &'static str {
        let message = self.message.to_ascii_lowercase();
        let says = |phrase: &str| message.contains(phrase);
        match self.kind() {
            Kind::AccessDenied | Kind::Validation | Kind::NotFound if says("use case details") => {
                "Send the use case form for this provider's models in the Bedrock console (Model access)"
            }
            Kind::AccessDenied | Kind::Validation if says("data retention mode") => {
                "Set the data retention mode that this model needs for the account (Bedrock's data retention settings), or choose another model"
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
            Kind::AccessDenied if self.is_named("AccessDeniedException") => {
                "The identity in use needs the IAM permission bedrock:InvokeModel (and WithResponseStream) for this model"
            }
            Kind::AccessDenied if self.blames_clock() || says("signature expired") || says("not yet current") => {
                "Set this machine's clock"
            }
            Kind::AccessDenied => {
                "Check the access key, the secret key and, for temporary credentials, the session token"
            }
            Kind::Credentials if says("expired") => "Get fresh credentials, for example with: aws sso login",
            Kind::Credentials => "Check the credentials in use",
            Kind::Throttled => {
                "Call less often or ask for a higher quota; retry.max_attempts sets how often it is tried"
            }
            Kind::Quota => "Ask for a higher quota in Service Quotas",
            Kind::Model => "Call again later, or choose another model",
            Kind::Service => "Call again later",
            Kind::ContextOverflow => {
                "Shorten the conversation (bedrock_request_trim) or choose a model with a longer context"
            }
            _ => "",
        }
    }
}

impl Error {
    /// Gives the error what a refusal tells programs.
    pub fn describing(self, refusal: &Refusal) -> Self {
        self.with_code(&refusal.code)
            .with_http_status(refusal.status)
            .with_request_id(&refusal.request_id)
            .with_retry_after(refusal.retry_after)
            .with_json(&refusal.json)
    }
}

/// Names that the service, the services that give credentials, and AWS's front ends use.
const BY_NAME: [(&str, Kind); 53] = [
    ("ThrottlingException", Kind::Throttled),
    ("Throttling", Kind::Throttled),
    ("ThrottledException", Kind::Throttled),
    ("RequestThrottled", Kind::Throttled),
    ("RequestThrottledException", Kind::Throttled),
    ("TooManyRequestsException", Kind::Throttled),
    ("ProvisionedThroughputExceededException", Kind::Throttled),
    ("TransactionInProgressException", Kind::Throttled),
    ("RequestLimitExceeded", Kind::Throttled),
    ("BandwidthLimitExceeded", Kind::Throttled),
    ("LimitExceededException", Kind::Throttled),
    ("SlowDown", Kind::Throttled),
    ("PriorRequestNotComplete", Kind::Throttled),
    ("EC2ThrottledException", Kind::Throttled),
    ("AccessDeniedException", Kind::AccessDenied),
    ("AccessDenied", Kind::AccessDenied),
    ("UnrecognizedClientException", Kind::AccessDenied),
    ("InvalidSignatureException", Kind::AccessDenied),
    ("SignatureDoesNotMatch", Kind::AccessDenied),
    ("IncompleteSignature", Kind::AccessDenied),
    ("IncompleteSignatureException", Kind::AccessDenied),
    ("InvalidClientTokenId", Kind::AccessDenied),
    ("InvalidAccessKeyId", Kind::AccessDenied),
    ("AuthFailure", Kind::AccessDenied),
    ("NotAuthorized", Kind::AccessDenied),
    ("NotAuthorizedException", Kind::AccessDenied),
    ("OptInRequired", Kind::AccessDenied),
    ("RequestExpired", Kind::AccessDenied),
    ("RequestInTheFuture", Kind::AccessDenied),
    ("RequestTimeTooSkewed", Kind::AccessDenied),
    ("ExpiredTokenException", Kind::Credentials),
    ("ExpiredToken", Kind::Credentials),
    ("InvalidToken", Kind::Credentials),
    ("TokenRefreshRequired", Kind::Credentials),
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
    ("InternalServerError", Kind::Service),
    ("InternalFailure", Kind::Service),
    ("InternalError", Kind::Service),
    ("ServiceUnavailableException", Kind::Service),
    ("ServiceUnavailable", Kind::Service),
    ("RequestTimeout", Kind::Service),
    ("RequestTimeoutException", Kind::Service),
    ("SerializationException", Kind::Validation),
    ("ConflictException", Kind::Validation),
];

/// Whether the service refused a request for its length.
fn is_overflow(message: &str) -> bool {
    const PHRASES: [&str; 9] = [
        "input is too long",
        "prompt is too long",
        "input tokens exceed",
        "too many total text bytes",
        "exceeds the maximum number of tokens",
        "maximum context length",
        "exceed context limit",
        "context window",
        "too many input tokens",
    ];
    let message = message.to_ascii_lowercase();
    PHRASES.iter().any(|phrase| message.contains(phrase))
}

/// How long the service asks to be left alone: in seconds or until a date, which is taken by the service's own clock; in AWS's
/// own header in milliseconds.
fn retry_after<'a>(headers: impl Fn(&str) -> Option<&'a str>) -> Option<Duration> {
    let header = |name| headers(name).map(str::trim);
    let date = |text: &str| DateTime::from_str(text, Format::HttpDate).ok();
    if let Some(milliseconds) = header("x-amz-retry-after").and_then(|text| text.parse().ok()) {
        return Some(Duration::from_millis(milliseconds));
    }
    let asked = header("retry-after")?;
    if let Ok(seconds) = asked.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let now = header("date").and_then(date).unwrap_or_else(|| SystemTime::now().into());
    let seconds = date(asked)?.secs() - now.secs();
    Some(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
}

/// Scheme and host of a URL, or that it names none. Its path and query may hold what is nobody's business.
fn host_in(url: &str) -> String {
    match url.parse::<Uri>() {
        Ok(uri) if uri.host().is_some() => format!("{}://{}/", uri.scheme_str().unwrap_or("https"), host_of(&uri)),
        _ => "another path".to_owned(),
    }
}

/// `x-amzn-errortype` and `__type` wrap the name: `aws.protocol#Name:http://...`.
fn bare_name(code: &str) -> &str {
    let code = code.split(':').next().unwrap_or_default();
    code.rsplit('#').next().unwrap_or_default().trim()
}

fn code_of(json: Json<'_>) -> Option<String> {
    text_at(json, &["/__type", "/code", "/Code", "/error/code"])
}

/// The service's own spellings first, then those of gateways.
fn message_of(json: Json<'_>) -> Option<String> {
    const PLACES: [&str; 13] = [
        "/message",
        "/Message",
        "/errorMessage",
        "/error/message",
        "/error/Message",
        "/Error/Message",
        "/error",
        "/errors/0/message",
        "/errors/0",
        "/error_description",
        "/detail",
        "/detail/message",
        "/detail/0/msg",
    ];
    text_at(json, &PLACES)
}

/// The first of these places where a text stands.
fn text_at(json: Json<'_>, places: &[&str]) -> Option<String> {
    let text = places.iter().find_map(|place| json.pointer(place)?.string());
    text.map(|text| text.into_owned())
}

/// A body of JSON in which no message was found.
fn quote_of(json: Json<'_>) -> String {
    let nothing = json.kind() == json::Kind::Object && json.members().next().is_none();
    if nothing { String::new() } else { format!("the answer is {}", beginning(json.text())) }
}

fn beginning(text: &str) -> String {
    text.trim().chars().take(QUOTE).collect()
}

/// The two with `separator` between them, where neither is empty.
fn join(first: &str, separator: &str, second: &str) -> String {
    [first, second].map(str::trim).into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(separator)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_header_that_repeats_a_secret_brings_it_into_the_error() {
        let token = "bedrock-api-key-c2VjcmV0";
        let secrets = Secrets::of([("authorization", &*format!("Bearer {token}"))]);
        for name in ["x-amzn-errortype", "content-type", "content-encoding", "location", "x-amzn-requestid"] {
            let header = |wanted: &str| (wanted == name).then_some(token);
            let error = Refusal::of(307, header, b"not JSON", &secrets).into_error();
            for text in [error.message(), error.code(), error.request_id()] {
                assert!(!text.as_str().contains(token), "{name}: {text}");
            }
        }
    }
}
