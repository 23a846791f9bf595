//! The parameters of a serialized request that a record of its call has: no content.

use super::operation_members::GUARDRAIL_IN_HEADERS;
use super::serialize::SerializedRequest;
use crate::json::{Json, Kind};
use crate::protocol::operation::{Operation, ResponseForm};

/// The parameters that a request has. Numbers are as they were written.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Parameters {
    pub max_tokens: Option<String>,
    pub temperature: Option<String>,
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
                    parameters.temperature = number(member.value, "temperature");
                    parameters.top_p = number(member.value, "topP");
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Cache;
    use crate::request::{Document, Request};

    #[test]
    fn the_parameters_of_a_conversation_are_found_and_nothing_else() {
        let request = r#"{"messages":[{"role":"user","content":[{"text":"Hi"}]}],"max_tokens":9,"temperature":0.50,
            "additionalModelRequestFields":{"top_k":40},"guardrailConfig":{"guardrailIdentifier":"g","guardrailVersion":"1"}}"#;
        let request = Request::parse(request).unwrap();
        let operation = Operation::Converse;
        let request = request.serialize(operation, "m", &Document::default(), &Cache::default(), true).unwrap();
        let expected = Parameters {
            max_tokens: Some("9".to_owned()),
            temperature: Some("0.50".to_owned()),
            top_k: Some("40".to_owned()),
            guardrail: Some("g".to_owned()),
            ..Parameters::default()
        };
        assert_eq!(Parameters::of(operation, &request), expected);
    }
}
