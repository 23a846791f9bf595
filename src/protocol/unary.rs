//! What is made of an answer that does not stream, once all of it has come.

use super::failure;
use super::head;
use super::usage::Usage;
use crate::error::{Error, Kind, Result};
use crate::json::{self, Json};

/// What is known of an answer beside its bytes.
pub struct About {
    pub status: u16,
    pub content_type: String,
    /// Whether the end of the body can be told from a connection that was lost.
    pub delimited: bool,
    /// Whether whatever the model gives is an answer.
    pub raw: bool,
}

impl About {
    /// Gives the answer as JSON, and what it says that it cost; or why it is none.
    pub fn judge(&self, bytes: Vec<u8>) -> Result<(String, Usage)> {
        let refuse = |what: &str| Err(Error::new(Kind::Protocol, what));
        // Of some answers nothing but their length tells whether they are whole.
        if self.raw && !self.delimited && !ends_itself(&bytes) {
            let what = "the answer ended with its connection, and nothing tells whether it is whole";
            return Err(Error::new(Kind::Truncated, what));
        }
        let text = match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(binary) if self.raw => return Ok((self.in_base64(binary.as_bytes()), Usage::default())),
            Err(_) => return refuse("the answer is not UTF-8"),
        };
        match Json::parse(&text) {
            Ok(json) if self.raw || json.kind() == json::Kind::Object => {
                if let Some(error) = failure::in_success(json, self.status).filter(|_| !self.raw) {
                    return Err(error);
                }
                let usage = Usage::of_answer(json);
                Ok((text, usage))
            }
            Ok(json) => refuse(&format!("the answer is {}, where a JSON object is expected", json.kind())),
            Err(_) if self.raw && !text.is_empty() && !is_json(&self.content_type) => {
                Ok((self.in_base64(text.as_bytes()), Usage::default()))
            }
            Err(_) if text.is_empty() => refuse("the answer is not JSON: it is empty"),
            Err(invalid) => refuse(&format!("the answer is not JSON: {invalid}")),
        }
    }

    /// An answer that is no JSON, as JSON.
    fn in_base64(&self, bytes: &[u8]) -> String {
        let mut json = format!("{{\"contentType\":{},\"body\":\"", json::quoted(&self.content_type));
        base64_simd::STANDARD.encode_append(bytes, &mut json);
        json.push_str("\"}");
        json
    }
}

/// Whether an answer shows by itself that it is whole: JSON that is an object, an array or a text does.
fn ends_itself(bytes: &[u8]) -> bool {
    let json = std::str::from_utf8(bytes).ok().and_then(|text| Json::parse(text).ok());
    json.is_some_and(|json| matches!(json.kind(), json::Kind::Object | json::Kind::Array | json::Kind::String))
}

fn is_json(content_type: &str) -> bool {
    let media_type = head::media_type(content_type).to_ascii_lowercase();
    media_type.is_empty() || media_type == "application/json" || media_type.ends_with("+json")
}
