//! The request of another target, made from the one that was serialized for the first.
//!
//! A fallback is rarely called. So its request is made when it is needed, from the bytes of the first one: no call
//! holds the JSON of the program, or attachments, for longer than the first request takes.

use super::defaults::fill_conversation;
use super::dialect::translate_members::translate_members;
use super::document::Document;
use super::serialize::{MODEL_PATH, SerializedRequest};
use super::url_path::escape;
use crate::error::{Error, Kind, Result};

/// The operation that errors name.
const DOING: &str = "making the request for a fallback";

impl SerializedRequest {
    /// Returns the request of a conversation for another model, with `members` in place of its own.
    pub fn for_target(&self, model_id: &str, members: &Document) -> Result<Self> {
        let malformed = || Error::new(Kind::Internal, format_args!("{DOING}: the first request has no model"));
        let (_, action) = self.path.rsplit_once('/').ok_or_else(malformed)?;
        let mut request = self.clone();
        request.path = format!("{MODEL_PATH}{}/{action}", escape(model_id));
        model_id.clone_into(&mut request.subject);
        if members.is_empty() {
            return Ok(request);
        }
        let body = self.body.as_deref().and_then(|body| std::str::from_utf8(body).ok()).ok_or_else(malformed)?;
        let mut document = members.clone();
        fill_conversation(&mut document, &Document::parse(body, DOING)?);
        translate_members(&mut document).map_err(|error| document.with_given_pointer(error))?;
        request.body = Some(document.write(None)?.into_bytes());
        Ok(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Cache, Config};
    use crate::json::OwnedJson;
    use crate::protocol::operation::Operation;
    use crate::request::{Request, parse_fallback_request};

    fn body_for(request: &str, members: &str) -> (String, String) {
        let members = OwnedJson::from(crate::json::Json::parse(members).unwrap());
        let members = parse_fallback_request(&members, "/fallbacks/0/request").unwrap();
        let first = Request::parse(request).unwrap();
        let first =
            first.serialize(Operation::ConverseStream, "a:0", &Document::default(), &Cache::default(), true).unwrap();
        let other = first.for_target("b/c", &members).unwrap();
        (other.path, String::from_utf8(other.body.unwrap().to_vec()).unwrap())
    }

    #[test]
    fn a_request_for_another_model_differs_in_the_path_alone() {
        let (path, body) = body_for(r#"{"messages":[{"role":"user","content":[{"text":"Hi"}]}]}"#, "{}");
        assert_eq!(path, "/model/b%2Fc/converse-stream");
        assert_eq!(body, r#"{"messages":[{"role":"user","content":[{"text":"Hi"}]}]}"#);
    }

    #[test]
    fn members_of_the_target_replace_those_of_the_request() {
        let request = r#"{"messages":[{"role":"user","content":[{"text":"Hi"}]}],"max_tokens":9000,"temperature":0.5,
            "additionalModelRequestFields":{"thinking":{}}}"#;
        let (_, body) = body_for(request, r#"{"max_tokens":4096,"additionalModelRequestFields":{"reasoning":1}}"#);
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body["inferenceConfig"], serde_json::json!({"maxTokens": 4096, "temperature": 0.5}));
        assert_eq!(body["additionalModelRequestFields"], serde_json::json!({"reasoning": 1}));
        assert_eq!(body["messages"][0]["content"][0]["text"], "Hi");
    }

    #[test]
    fn a_fallback_cannot_remove_a_guardrail_and_names_no_model_in_its_request() {
        let error = |members: &str| {
            let config = format!(r#"{{"model":"m","fallbacks":[{{"model":"n","request":{members}}}]}}"#);
            let config = Config::parse(&config).unwrap();
            let fallback = &config.failover.fallbacks[0];
            let request = fallback.request.as_ref().unwrap();
            parse_fallback_request(request, "/fallbacks/0/request").err().expect("an error")
        };
        for members in [r#"{"guardrailConfig":null}"#, r#"{"guardrailConfig":{"guardrailIdentifier":"g"}}"#] {
            let error = error(members);
            assert_eq!((error.kind(), error.path().as_str()), (Kind::Config, "/fallbacks/0/request/guardrailConfig"));
            assert!(error.message().as_str().contains("guardrail"), "{error}");
        }
        let error = error(r#"{"modelId":"x"}"#);
        assert_eq!(error.path().as_str(), "/fallbacks/0/request/modelId");
    }
}
