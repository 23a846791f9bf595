//! A request, as it was on the wire.

use bytes::Bytes;
use http::Version;

/// One request, verbatim: nothing is decoded, sorted or dropped.
#[derive(Clone, Debug)]
pub struct Request {
    /// The version of HTTP that it was sent in.
    pub version: Version,
    /// "POST".
    pub method: String,
    /// The request target as it was sent: path and query, percent-encoded by the client or not.
    pub target: String,
    /// Names and values in the order and the case in which they were sent, outer blanks of values removed.
    pub headers: Vec<(String, String)>,
    /// The body, with chunked framing taken off.
    pub body: Bytes,
    /// The connection that it came on: 1 for the first that the server accepted.
    pub connection: usize,
    /// What it was refused with, where its authorisation did not hold: "InvalidSignatureException: ...".
    pub refused: Option<String>,
}

impl Request {
    /// A request that was not on a wire: for checks of the checks.
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

    /// The path as it was sent, without the query.
    pub fn path(&self) -> &str {
        self.target.split_once('?').map_or(self.target.as_str(), |(path, _)| path)
    }

    /// The query as it was sent, without the '?'; "" where there is none.
    pub fn query(&self) -> &str {
        self.target.split_once('?').map_or("", |(_, query)| query)
    }

    /// The first header of that name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// All values of the headers of that name, in any case, in order.
    pub fn header_values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The body as text. Panics where it is not UTF-8: no request of this service has another body.
    #[track_caller]
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body)
            .unwrap_or_else(|e| panic!("the body of {} {} is not UTF-8: {e}", self.method, self.target))
    }

    /// The body as JSON. Panics where it is none.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|e| panic!("the body of {} {} is not JSON: {e}", self.method, self.target))
    }

    /// The last segment of the path: "converse", "converse-stream", "invoke", ...
    pub fn operation(&self) -> &str {
        self.path().rsplit('/').next().unwrap_or_default()
    }

    /// The model id of `/model/{modelId}/{operation}`, percent-decoded; None for another path.
    pub fn model_id(&self) -> Option<String> {
        let (id, _) = self.path().strip_prefix("/model/")?.rsplit_once('/')?;
        Some(String::from_utf8_lossy(&percent_decode(id.as_bytes())).into_owned())
    }
}

/// Takes percent-encoding off; what is no valid escape stays as it is.
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
