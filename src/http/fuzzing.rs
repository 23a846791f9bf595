//! The parsers of an HTTP/1.1 response, for the fuzz targets.

use super::http1_body::Framing;
use super::http1_head::{InterimResponses, parse_head};
use bytes::BytesMut;
use http::Method;

/// A response as far as it was read.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Http1Response {
    pub status: Option<u16>,
    pub headers: Vec<(String, Vec<u8>)>,
    pub body: Vec<u8>,
    /// Whether the body is complete, or ends with the connection.
    pub ended: bool,
    pub reusable: bool,
    /// The bytes that follow the response.
    pub rest: Vec<u8>,
    pub error: Option<String>,
}

/// Reads a response to a request with `method` from bytes that arrive in pieces of this size.
pub fn read_http1(method: &Method, wire: &[u8], size: usize) -> Http1Response {
    let mut response = Http1Response::default();
    let (mut input, mut interim) = (BytesMut::new(), InterimResponses::default());
    let mut framing: Option<Framing> = None;
    for piece in wire.chunks(size) {
        input.extend_from_slice(piece);
        if response.error.is_some() || response.ended {
            continue;
        }
        if framing.is_none() {
            match parse_head(&mut input, method, &mut interim) {
                Ok(Some(head)) => {
                    let headers = head.parts.headers.iter();
                    response.headers =
                        headers.map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).collect();
                    response.status = Some(head.parts.status.as_u16());
                    response.reusable = head.reusable;
                    framing = Some(head.framing);
                }
                Ok(None) => {}
                Err(invalid) => response.error = Some(invalid.to_string()),
            }
        }
        if let Some(framing) = &mut framing {
            read_body(framing, &mut input, &mut response);
        }
    }
    response.ended |= framing == Some(Framing::UntilClose);
    // After an error the connection is closed.
    if response.error.is_none() {
        response.rest = input.to_vec();
    }
    response
}

fn read_body(framing: &mut Framing, input: &mut BytesMut, response: &mut Http1Response) {
    loop {
        match framing.decode(input) {
            Ok(Some(data)) => response.body.extend_from_slice(&data),
            Ok(None) => break,
            Err(invalid) => {
                response.error = Some(invalid.to_string());
                break;
            }
        }
    }
    response.ended = framing.is_complete();
}
