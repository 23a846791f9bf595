//! A successful response whose head has been received: reads its body with a limit.

use super::yielding_body::YieldingBody;
use crate::error::{Error, Kind, Result, chain};
use crate::protocol::bad_response::interrupted;
use crate::protocol::response_head::ResponseHead;
use crate::runtime::memory;
use http_body::Body;
use std::future::poll_fn;
use std::pin::Pin;

/// The head of a successful response, and its body, which is still to be received.
pub struct IncomingResponse {
    pub status: u16,
    pub head: ResponseHead,
    pub content_type: String,
    /// The encoding of the body, if it has one. The request asks for none.
    pub encoding: Option<String>,
    /// Whether the end of the body differs from the end of a lost connection.
    pub delimited: bool,
    pub body: YieldingBody,
}

/// Reads a body of at most `limit` bytes to its end.
pub async fn read_body(mut body: YieldingBody, limit: usize) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        let frame = frame.map_err(|error| match error.downcast::<Error>() {
            // An error of the library's own transport is complete.
            Ok(error) => *error,
            Err(error) => interrupted(&chain(&*error)),
        })?;
        let Ok(data) = frame.into_data() else { continue };
        let length = bytes.len() + data.len();
        if length > limit {
            return Err(too_long(limit));
        }
        if bytes.capacity() < length {
            // Grows by an eighth instead of doubling. One byte more, for a NUL.
            let more = data.len().max((bytes.len() / 8).min(limit - bytes.len())) + 1;
            memory::reserve("reading a response", &mut bytes, more)?;
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}

/// Returns the error for a response of more than `limit` bytes.
pub fn too_long(limit: usize) -> Error {
    Error::new(Kind::Protocol, format_args!("the response is longer than {limit} bytes (max_answer)"))
}
