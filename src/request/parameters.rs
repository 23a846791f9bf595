//! The parameters of a serialized request that a record of its call has: no content.

use super::operation_members::GUARDRAIL_IN_HEADERS;
use super::serialize::SerializedRequest;
use crate::json::{Json, Kind};
use crate::protocol::operation::{Operation, ResponseForm};

/// The parameters that a request has. Numbers are JSON: as they were written, if nothing else is stated.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Parameters {
    pub max_tokens: Option<String>,
    /// With a point and without an exponent.
    pub temperature: Option<String>,
    /// With a point and without an exponent.
    pub top_p: Option<String>,
    pub top_k: Option<String>,
    pub guardrail: Option<String>,
    /// Whether the answer is JSON.
    pub wants_json: bool,
}

impl Parameters {
    /// Reads the parameters of a conversation. The body of InvokeModel is in the model's own form, and is not read.
    pub fn of(operation: Operation, request: &SerializedRequest) -> Self {
        let mut parameters = Parameters::default();
        if operation.response_form() == ResponseForm::Model {
            let header = |(name, _): &&(&str, String)| *name == GUARDRAIL_IN_HEADERS.identifier.header;
            parameters.guardrail = request.headers.iter().find(header).map(|(_, value)| value.clone());
            return parameters;
        }
        let is_conversation = matches!(operation, Operation::Converse | Operation::ConverseStream);
        let body = request.body.as_deref().filter(|_| is_conversation);
        let Some(body) = body.and_then(|body| std::str::from_utf8(body).ok()) else { return parameters };
        // This library has written the body.
        for member in Json::trusted(body).members() {
            match &*member.key.string().unwrap_or_default() {
                "inferenceConfig" => {
                    parameters.max_tokens = number(member.value, "maxTokens");
                    parameters.temperature = fraction(member.value, "temperature");
                    parameters.top_p = fraction(member.value, "topP");
                }
                "additionalModelRequestFields" => parameters.top_k = number(member.value, "top_k"),
                "guardrailConfig" => {
                    let guardrail = member.value.get("guardrailIdentifier").and_then(Json::string);
                    parameters.guardrail = guardrail.map(|guardrail| guardrail.into_owned());
                }
                "outputConfig" => parameters.wants_json = member.value.get("textFormat").is_some(),
                _ => {}
            }
        }
        parameters
    }
}

fn number(object: Json<'_>, name: &str) -> Option<String> {
    object.get(name).filter(|value| value.kind() == Kind::Number).map(|number| number.text().to_owned())
}

/// Returns a number in the form of one that may have a fraction. A reader tells the type of a number by its form, and
/// each value of a name must have the same type.
fn fraction(object: Json<'_>, name: &str) -> Option<String> {
    let number: f64 = number(object, name)?.parse().ok().filter(|number: &f64| number.is_finite())?;
    let text = number.to_string();
    Some(if text.contains('.') { text } else { text + ".0" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Cache;
    use crate::request::{Document, Request};

    #[test]
    fn the_parameters_of_a_conversation_are_found_and_nothing_else() {
        let request = r#"{"messages":[{"role":"user","content":[{"text":"Hi"}]}],"max_tokens":9,"temperature":0.50,"top_p":1,
            "additionalModelRequestFields":{"top_k":40},"guardrailConfig":{"guardrailIdentifier":"g","guardrailVersion":"1"}}"#;
        let request = Request::parse(request).unwrap();
        let operation = Operation::Converse;
        let request = request.serialize(operation, "m", &Document::default(), &Cache::default(), true).unwrap();
        let expected = Parameters {
            max_tokens: Some("9".to_owned()),
            temperature: Some("0.5".to_owned()),
            top_p: Some("1.0".to_owned()),
            top_k: Some("40".to_owned()),
            guardrail: Some("g".to_owned()),
            ..Parameters::default()
        };
        assert_eq!(Parameters::of(operation, &request), expected);
    }

    #[test]
    fn a_number_that_may_have_a_fraction_has_a_point_and_no_exponent() {
        for (written, expected) in [
            ("1", Some("1.0")),
            ("0.70", Some("0.7")),
            ("1e-1", Some("0.1")),
            ("2E-7", Some("0.0000002")),
            ("1e2", Some("100.0")),
            ("-0", Some("-0.0")),
            ("1e999", None),
            ("\"1\"", None),
        ] {
            let object = format!(r#"{{"topP":{written}}}"#);
            assert_eq!(fraction(Json::trusted(&object), "topP").as_deref(), expected, "{written}");
        }
    }
}
