//! The kind of a service error, by its name, HTTP status and message.

use crate::error::Kind;

/// Returns the kind of a service error. `name` is its name or "", `status` its HTTP status or 0.
pub fn kind_of(name: &str, status: u16, message: &str) -> Kind {
    let is_named = |known: &str| name.eq_ignore_ascii_case(known);
    if is_named("ValidationException") || (name.is_empty() && status == 400) {
        return if is_overflow(message) { Kind::ContextOverflow } else { Kind::Validation };
    }
    if let Some((_, kind)) = BY_NAME.iter().find(|(known, _)| is_named(known)) {
        return *kind;
    }
    match status {
        401 | 403 => Kind::AccessDenied,
        404 => Kind::NotFound,
        408 | 424 => Kind::Model,
        429 => Kind::Throttled,
        400..=499 => Kind::Validation,
        // An unknown name in a stream, and every 5xx.
        0 | 500..=599 => Kind::Service,
        _ => Kind::Protocol,
    }
}

/// The names that the service, the credential services and AWS's front ends use.
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

/// Returns whether a service error of this name refuses the identity that authorizes a request. Another identity may be
/// accepted.
pub fn refuses_identity(name: &str) -> bool {
    const NAMES: [&str; 7] = [
        "ExpiredTokenException",
        "ExpiredToken",
        "UnrecognizedClientException",
        "InvalidClientTokenId",
        "InvalidAccessKeyId",
        "InvalidToken",
        "TokenRefreshRequired",
    ];
    NAMES.iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// Returns whether the message states that the request is too long for the model.
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
