//! The request of another target, made from the one that was serialized for the first.
//!
//! A fallback is rarely called. So its request is made when it is needed, from the bytes of the first one: no call
//! holds the JSON of the program, or attachments, for longer than the first request takes.

use super::cache_points;
use super::defaults::fill_conversation;
use super::dialect::translate_members::translate_members;
use super::document::Document;
use super::fitted_cache_points::fit;
use super::model_caching::ModelCaching;
use super::serialize::{MODEL_PATH, SerializedRequest};
use super::url_path::escape;
use crate::config::Cache;
use crate::error::{Error, Kind, Result};
use memchr::memmem;

/// The operation that errors name.
const DOING: &str = "making the request for a fallback";

impl SerializedRequest {
    /// Returns the request of a conversation for another model, with `members` in place of its own, and with cache
    /// points that fit the model.
    pub fn for_target(&self, model_id: &str, members: &Document, cache: &Cache) -> Result<Self> {
        let malformed = || Error::new(Kind::Internal, format_args!("{DOING}: the first request has no model"));
        let (_, action) = self.path.rsplit_once('/').ok_or_else(malformed)?;
        let mut request = self.clone();
        request.path = format!("{MODEL_PATH}{}/{action}", escape(model_id));
        model_id.clone_into(&mut request.subject);
        let caching = ModelCaching::of(model_id);
        let body = self.body.as_deref().ok_or_else(malformed)?;
        let fits = caching == ModelCaching::Everything || memmem::find(body, b"cachePoint").is_none();
        if members.is_empty() && cache.points.is_empty() && fits {
            return Ok(request);
        }
        let body = std::str::from_utf8(body).map_err(|_| malformed())?;
        let mut document = members.clone();
        fill_conversation(&mut document, &Document::parse(body, DOING)?);
        translate_members(&mut document).map_err(|error| document.with_given_pointer(error))?;
        fit(&mut document, caching)?;
        cache_points::add(&mut document, cache, caching)?;
        request.body = Some(document.write(None)?.into_bytes());
        Ok(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{CachePlace, CacheTtl, Config};
    use crate::json::OwnedJson;
    use crate::protocol::operation::Operation;
    use crate::request::{Request, parse_fallback_request};

    fn body_for(request: &str, members: &str) -> (String, String) {
        cached_body_for("a:0", "b/c", request, members, &Cache::default())
    }

    fn cached_body_for(first: &str, other: &str, request: &str, members: &str, cache: &Cache) -> (String, String) {
        let members = OwnedJson::from(crate::json::Json::parse(members).unwrap());
        let members = parse_fallback_request(&members, "/fallbacks/0/request").unwrap();
        let request = Request::parse(request).unwrap();
        let first = request.serialize(Operation::ConverseStream, first, &Document::default(), cache, true).unwrap();
        let other = first.for_target(other, &members, cache).unwrap();
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
    fn each_target_gets_the_cache_points_that_its_model_takes() {
        const MODELS: [&str; 3] = ["us.anthropic.claude-sonnet-4-5", "us.amazon.nova-pro-v1:0", "us.meta.llama4"];
        let points = vec![CachePlace::System, CachePlace::Tools, CachePlace::LastUser];
        let cache = Cache { ttl: Some(CacheTtl::OneHour), points };
        let request = |tools: &str, other: &str| {
            format!(
                r#"{{"toolConfig":{{"tools":[{{"toolSpec":{{"name":"t","inputSchema":{{"json":{{}}}}}}}}{tools}]}},
                "system":[{{"text":"s"}}{other}],"messages":[{{"role":"user","content":[{{"text":"a"}}{other}]}}]}}"#
            )
        };
        let plain = r#",{"cachePoint":{"type":"default"}}"#;
        let hour = r#",{"cachePoint":{"type":"default","ttl":"1h"}}"#;
        let expected = [request(hour, hour), request("", plain), request("", "")];
        for first in MODELS {
            for (other, expected) in MODELS.iter().zip(&expected) {
                let (_, body) = cached_body_for(first, other, &request(hour, hour), "{}", &Cache::default());
                assert_eq!(body, *expected, "points of the program: {first} {other}");
                let (_, body) = cached_body_for(first, other, &request("", ""), "{}", &cache);
                let is_behind_nova = first.contains("nova") && other.contains("claude");
                // A time that the first model did not take stays with the service.
                let expected = if is_behind_nova { &request(hour, plain) } else { expected };
                assert_eq!(body, *expected, "points of the config: {first} {other}");
            }
        }
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
