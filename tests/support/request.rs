//! A request as the server received it.

use bytes::Bytes;
use http::Version;

/// A request. Nothing in it is decoded, sorted or dropped.
#[derive(Clone, Debug)]
pub struct Request {
    /// The version of HTTP.
    pub version: Version,
    /// "POST".
    pub method: String,
    /// The request target as it was sent: path and query.
    pub target: String,
    /// Names and values in the order and the case in which they were sent, without white space around values.
    pub headers: Vec<(String, String)>,
    /// The body without chunked framing.
    pub body: Bytes,
    /// The number of the connection, from 1.
    pub connection: usize,
    /// The error of a request without valid authorization: "InvalidSignatureException: ...".
    pub refused: Option<String>,
}

impl Request {
    /// Makes a request that was never sent, for tests of the checks.
    pub fn new(method: &str, target: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Request {
        Request {
            version: Version::HTTP_11,
            method: method.to_owned(),
            target: target.to_owned(),
            headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            body: body.into(),
            connection: 0,
            refused: None,
        }
    }

    /// Returns the path as it was sent, without the query.
    pub fn path(&self) -> &str {
        self.target.split_once('?').map_or(self.target.as_str(), |(path, _)| path)
    }

    /// Returns the query as it was sent, without the '?'. "" if there is none.
    pub fn query(&self) -> &str {
        self.target.split_once('?').map_or("", |(_, query)| query)
    }

    /// Returns the first header of this name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Returns the values of all headers of this name, in any case, in their order.
    pub fn header_values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Returns the body as text. Panics if it is not UTF-8, as every request of this service is.
    #[track_caller]
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body)
            .unwrap_or_else(|e| panic!("the body of {} {} is not UTF-8: {e}", self.method, self.target))
    }

    /// Returns the body as JSON. Panics if it is not JSON.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|e| panic!("the body of {} {} is not JSON: {e}", self.method, self.target))
    }

    /// Returns the last segment of the path: "converse", "converse-stream", "invoke", ...
    pub fn operation(&self) -> &str {
        self.path().rsplit('/').next().unwrap_or_default()
    }

    /// Returns the percent-decoded model id of `/model/{modelId}/{operation}`. None for another path.
    pub fn model_id(&self) -> Option<String> {
        let (id, _) = self.path().strip_prefix("/model/")?.rsplit_once('/')?;
        Some(String::from_utf8_lossy(&percent_decode(id.as_bytes())).into_owned())
    }
}

/// Decodes percent-encoding. An invalid escape stays as it is.
pub fn percent_decode(encoded: &[u8]) -> Vec<u8> {
    let hex = |byte: Option<&u8>| byte.and_then(|b| (*b as char).to_digit(16));
    let mut decoded = Vec::with_capacity(encoded.len());
    let mut at = 0;
    while at < encoded.len() {
        match (encoded[at], hex(encoded.get(at + 1)), hex(encoded.get(at + 2))) {
            (b'%', Some(high), Some(low)) => {
                decoded.push((high * 16 + low) as u8);
                at += 3;
            }
            (byte, ..) => {
                decoded.push(byte);
                at += 1;
            }
        }
    }
    decoded
}
