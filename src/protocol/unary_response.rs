//! Reads the response of an operation that does not stream: JSON, or an error.

use super::content_type::media_type;
use super::operation::ResponseForm;
use super::service_error::ServiceError;
use super::usage::Usage;
use crate::error::{Error, Kind, Result};
use crate::json::{self, Json};

/// The part of a unary response that is known before its body.
pub struct UnaryHead {
    pub status: u16,
    pub content_type: String,
    /// Whether the end of the body differs from the end of a lost connection.
    pub delimited: bool,
    pub form: ResponseForm,
}

impl UnaryHead {
    /// Returns the body as JSON, and the usage that it reports.
    pub fn read_body(&self, bytes: Vec<u8>) -> Result<(String, Usage)> {
        match self.form {
            ResponseForm::Service => self.read_service_json(bytes),
            ResponseForm::Model => self.read_model_body(bytes),
        }
    }

    fn read_service_json(&self, bytes: Vec<u8>) -> Result<(String, Usage)> {
        let text = String::from_utf8(bytes).map_err(|_| invalid("the response is not UTF-8"))?;
        let json = Json::parse(&text).map_err(|error| not_json(&text, error))?;
        if json.kind() != json::Kind::Object {
            return Err(invalid(format_args!("the response is {}, where a JSON object is expected", json.kind())));
        }
        if let Some(error) = ServiceError::from_success(json, self.status) {
            return Err(error.into_error());
        }
        let usage = Usage::of_response(json);
        Ok((text, usage))
    }

    fn read_model_body(&self, bytes: Vec<u8>) -> Result<(String, Usage)> {
        if !self.delimited && !shows_its_end(&bytes) {
            let what = "the connection was closed, and the response does not show whether it is complete";
            return Err(Error::new(Kind::Truncated, what));
        }
        let text = match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(binary) => return Ok((self.in_base64(binary.as_bytes()), Usage::default())),
        };
        match Json::parse(&text).map(Usage::of_response) {
            Ok(usage) => Ok((text, usage)),
            Err(_) if !text.is_empty() && !is_json(&self.content_type) => {
                Ok((self.in_base64(text.as_bytes()), Usage::default()))
            }
            Err(error) => Err(not_json(&text, error)),
        }
    }

    /// Returns a JSON object that holds a body that is not JSON.
    fn in_base64(&self, bytes: &[u8]) -> String {
        let mut json = format!("{{\"contentType\":{},\"body\":\"", json::quoted(&self.content_type));
        base64_simd::STANDARD.encode_append(bytes, &mut json);
        json.push_str("\"}");
        json
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
