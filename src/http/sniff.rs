//! Detects whether a successful response is an event stream.
//!
//! A content type that says so is trusted. Gateways lose or change content types. So any other response is recognized
//! by its first bytes: only a frame begins with two lengths and their checksum.

use super::transport_error::BoxError;
use crate::protocol::content_type::is_event_stream;
use crate::protocol::frame;
use bytes::Bytes;
use http_body::{Body, Frame};
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Returns whether a response is an event stream, and its complete body. Waits for the first bytes if the content type
/// does not decide. `wrap` makes a body of one whose first bytes were read.
pub async fn sniff<B>(content_type: &str, mut body: B, wrap: impl FnOnce(Resumed<B>) -> B) -> (bool, B)
where
    B: Body<Data = Bytes, Error = BoxError> + Unpin,
{
    if is_event_stream(content_type) {
        return (true, body);
    }
    let mut first = Bytes::new();
    let mut error = None;
    let mut rest = None;
    while first.len() < frame::PRELUDE {
        match poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
            Some(Ok(part)) => {
                let data = part.into_data().unwrap_or_default();
                first = if first.is_empty() { data } else { [first, data].concat().into() };
            }
            Some(Err(cause)) => {
                error = Some(cause);
                break;
            }
            None => break,
        }
    }
    let is_stream = frame::begins_frame(&first);
    if first.len() >= frame::PRELUDE {
        rest = Some(body);
    }
    (is_stream, wrap(Resumed { first, error, rest }))
}

/// A body whose first bytes were read before.
pub struct Resumed<B> {
    first: Bytes,
    /// The error that ended the body while its first bytes were read.
    error: Option<BoxError>,
    /// None if the body ended while its first bytes were read.
    rest: Option<B>,
}

impl<B: Body<Data = Bytes, Error = BoxError> + Unpin> Body for Resumed<B> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if !self.first.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.first)))));
        }
        if let Some(error) = self.error.take() {
            return Poll::Ready(Some(Err(error)));
        }
        match &mut self.rest {
            Some(rest) => Pin::new(rest).poll_frame(cx),
            None => Poll::Ready(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::body::Body as ResponseBody;
    use std::collections::VecDeque;

    type Part = Result<Bytes, &'static str>;

    struct Parts(VecDeque<Part>);

    impl Body for Parts {
        type Data = Bytes;
        type Error = BoxError;

        fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
            let part = self.0.pop_front();
            Poll::Ready(part.map(|part| part.map(Frame::data).map_err(BoxError::from)))
        }
    }

    /// Returns whether it is a stream, and what is read of it afterwards.
    async fn read(content_type: &str, parts: Vec<Part>) -> (bool, Result<Vec<u8>, String>) {
        let body = ResponseBody::boxed(Parts(parts.into()));
        let (is_stream, mut body) = sniff(content_type, body, ResponseBody::boxed).await;
        let mut bytes = Vec::new();
        while let Some(part) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
            match part {
                Ok(part) => bytes.extend_from_slice(&part.into_data().unwrap_or_default()),
                Err(error) => return (is_stream, Err(error.to_string())),
            }
        }
        (is_stream, Ok(bytes))
    }

    #[tokio::test]
    async fn a_response_is_complete_after_its_first_bytes_were_inspected() {
        let lengths = [0, 0, 0, 16, 0, 0, 0, 0];
        let stream = [&lengths[..], &crc32fast::hash(&lengths).to_be_bytes(), b"rest"].concat();
        for (bytes, is_stream) in [(&stream[..], true), (b"{\"output\": {}}", false), (b"short", false), (b"", false)] {
            for size in [1, 5, 12, 100] {
                let parts = bytes.chunks(size).map(|part| Ok(Bytes::copy_from_slice(part))).collect();
                assert_eq!(read("text/plain", parts).await, (is_stream, Ok(bytes.to_vec())), "in parts of {size}");
            }
        }
        for first in ["{", "{\"output\": {}}"] {
            let broken = vec![Ok(Bytes::from(first)), Err("reset")];
            assert_eq!(read("", broken).await, (false, Err("reset".to_owned())));
        }
    }
}
