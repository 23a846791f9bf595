//! The next step after a service error.

use crate::error::Kind;

/// Returns the next step, a sentence without its full stop, or "" if none is known.
pub fn advice_for(kind: Kind, name: &str, message: &str) -> &'static str {
    let message = message.to_ascii_lowercase();
    let mentions = |phrase: &str| message.contains(phrase);
    match kind {
        Kind::AccessDenied | Kind::Validation | Kind::NotFound if mentions("use case details") => {
            "Send the use case form for this provider's models in the Bedrock console (Model access)"
        }
        Kind::AccessDenied | Kind::Validation if mentions("data retention mode") => {
            "Set the data retention mode that this model needs for the account (Bedrock's data retention settings), or choose another model"
        }
        Kind::Validation if mentions("on-demand throughput") => {
            "Use the model's inference profile: its id with a region prefix, such as us. or global., or the profile's ARN"
        }
        Kind::Validation if mentions("model identifier is invalid") => {
            "Check the model id and that the region in use offers it; many models need an inference profile id (us., eu., global.)"
        }
        Kind::NotFound if mentions("end of its life") || mentions("legacy") => "Choose a newer model",
        Kind::NotFound => "Check the model id or ARN, its region, and base_url",
        Kind::AccessDenied if mentions("api key") || mentions("bearer") => {
            "Check the Bedrock API key (bearer_token) and its expiry"
        }
        Kind::AccessDenied if mentions("access to the model") => {
            "Enable the model for this account and region in the Bedrock console (Model access)"
        }
        Kind::AccessDenied if mentions("not authorized to perform") => "The identity in use needs that IAM permission",
        Kind::AccessDenied if name.eq_ignore_ascii_case("AccessDeniedException") => {
            "The identity in use needs the IAM permission bedrock:InvokeModel (and WithResponseStream) for this model"
        }
        Kind::AccessDenied if is_clock_error(name) || mentions("signature expired") || mentions("not yet current") => {
            "Set this machine's clock"
        }
        Kind::AccessDenied => "Check the access key, the secret key and, for temporary credentials, the session token",
        Kind::Credentials if mentions("expired") => "Get fresh credentials, for example with: aws sso login",
        Kind::Credentials => "Check the credentials in use",
        Kind::Throttled => "Call less often or ask for a higher quota; retry.max_attempts sets how often it is tried",
        Kind::Quota => "Ask for a higher quota in Service Quotas",
        Kind::Model => "Call again later, or choose another model",
        Kind::Service => "Call again later",
        Kind::ContextOverflow => {
            "Shorten the conversation (bedrock_request_trim) or choose a model with a longer context"
        }
        _ => "",
    }
}

/// Returns whether the service reports that the request was signed by a wrong clock.
pub fn is_clock_error(name: &str) -> bool {
    ["RequestExpired", "RequestInTheFuture", "RequestTimeTooSkewed"]
        .iter()
        .any(|known| name.eq_ignore_ascii_case(known))
}
