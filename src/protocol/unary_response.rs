//! Reads the response of an operation that does not stream: JSON, or an error.

use super::content_type::media_type;
use super::operation::ResponseForm;
use super::service_error::ServiceError;
use super::usage::Usage;
use crate::error::{Error, Kind, Result};
use crate::json::{self, Json};
use std::ops::Range;

/// The part of a unary response that is known before its body.
pub struct UnaryHead {
    pub status: u16,
    pub content_type: String,
    /// Whether the end of the body differs from the end of a lost connection.
    pub delimited: bool,
    pub form: ResponseForm,
}

/// A complete body.
pub struct UnaryBody {
    /// JSON.
    pub text: String,
    /// The usage that it reports.
    pub usage: Usage,
    /// The place of Converse's stop reason in the text, a JSON string. Empty if there is none.
    pub stop_reason: Range<usize>,
}

impl UnaryHead {
    /// Reads the body.
    pub fn read_body(&self, bytes: Vec<u8>) -> Result<UnaryBody> {
        match self.form {
            ResponseForm::Service => self.read_service_json(bytes),
            ResponseForm::Model => self.read_model_body(bytes),
        }
    }

    fn read_service_json(&self, bytes: Vec<u8>) -> Result<UnaryBody> {
        let text = String::from_utf8(bytes).map_err(|_| invalid("the response is not UTF-8"))?;
        let json = Json::parse(&text).map_err(|error| not_json(&text, error))?;
        if json.kind() != json::Kind::Object {
            return Err(invalid(format_args!("the response is {}, where a JSON object is expected", json.kind())));
        }
        if let Some(error) = ServiceError::from_success(json, self.status) {
            return Err(error.into_error());
        }
        let (mut usage, mut stop_reason) = (Usage::default(), 0..0);
        // One pass for both, because the text of the model may be long.
        for member in json.members() {
            match Usage::of_member(member) {
                Some(of_member) => usage = usage.or(of_member),
                None if member.key.is("stopReason") && member.value.kind() == json::Kind::String => {
                    let start = json::offset(&text, member.value.text());
                    stop_reason = start..start + member.value.text().len();
                }
                None => {}
            }
        }
        Ok(UnaryBody { text, usage, stop_reason })
    }

    fn read_model_body(&self, bytes: Vec<u8>) -> Result<UnaryBody> {
        if !self.delimited && !shows_its_end(&bytes) {
            let what = "the connection was closed, and the response does not show whether it is complete";
            return Err(Error::new(Kind::Truncated, what));
        }
        let text = match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(binary) => return Ok(self.in_base64(binary.as_bytes())),
        };
        match Json::parse(&text).map(Usage::of_response) {
            Ok(usage) => Ok(UnaryBody { text, usage, stop_reason: 0..0 }),
            Err(_) if !text.is_empty() && !is_json(&self.content_type) => Ok(self.in_base64(text.as_bytes())),
            Err(error) => Err(not_json(&text, error)),
        }
    }

    /// Returns a JSON object that holds a body that is not JSON.
    fn in_base64(&self, bytes: &[u8]) -> UnaryBody {
        let mut text = format!("{{\"contentType\":{},\"body\":\"", json::quoted(&self.content_type));
        base64_simd::STANDARD.encode_append(bytes, &mut text);
        text.push_str("\"}");
        UnaryBody { text, usage: Usage::default(), stop_reason: 0..0 }
    }
}

fn invalid(what: impl std::fmt::Display) -> Error {
    Error::new(Kind::Protocol, what)
}

fn not_json(text: &str, error: impl std::fmt::Display) -> Error {
    match text {
        "" => invalid("the response is not JSON: it is empty"),
        _ => invalid(format_args!("the response is not JSON: {error}")),
    }
}

/// Returns whether a body shows by itself that it is complete, as a JSON object, array or string does.
fn shows_its_end(bytes: &[u8]) -> bool {
    let json = std::str::from_utf8(bytes).ok().and_then(|text| Json::parse(text).ok());
    json.is_some_and(|json| matches!(json.kind(), json::Kind::Object | json::Kind::Array | json::Kind::String))
}

fn is_json(content_type: &str) -> bool {
    let media_type = media_type(content_type).to_ascii_lowercase();
    media_type.is_empty() || media_type == "application/json" || media_type.ends_with("+json")
}
