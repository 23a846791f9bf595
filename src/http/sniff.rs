//! Whether a successful answer is an event stream.
//!
//! A content type that says so is believed. Gateways lose or change content types, so that the first bytes of any other
//! answer decide: a frame begins with two lengths and their checksum, and nothing else does.

use crate::protocol::content_type::is_event_stream;
use crate::protocol::frame;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http_body::{Body, Frame};
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Tells whether an answer is an event stream, and gives its body back, of which nothing is lost. Waits for the first
/// bytes of an answer whose content type does not tell.
pub async fn sniff(content_type: &str, mut body: SdkBody) -> (bool, SdkBody) {
    if is_event_stream(content_type) {
        return (true, body);
    }
    let mut first = Bytes::new();
    let mut fault = None;
    let mut rest = None;
    while first.len() < frame::PRELUDE {
        match poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
            Some(Ok(part)) => {
                let data = part.into_data().unwrap_or_default();
                first = if first.is_empty() { data } else { [first, data].concat().into() };
            }
            Some(Err(error)) => {
                fault = Some(error);
                break;
            }
            None => break,
        }
    }
    let streams = frame::begins_frame(&first);
    if first.len() >= frame::PRELUDE {
        rest = Some(body);
    }
    (streams, SdkBody::from_body_1_x(Resumed { first, fault, rest }))
}

/// A body whose beginning was read before.
struct Resumed {
    first: Bytes,
    /// What ended the body while its beginning was read.
    fault: Option<BoxError>,
    /// None where the body had come to its end.
    rest: Option<SdkBody>,
}

impl Body for Resumed {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if !self.first.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.first)))));
        }
        if let Some(fault) = self.fault.take() {
            return Poll::Ready(Some(Err(fault)));
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

    /// Whether it is a stream, and what is read of it afterwards.
    async fn read(content_type: &str, parts: Vec<Part>) -> (bool, Result<Vec<u8>, String>) {
        let (streams, mut body) = sniff(content_type, SdkBody::from_body_1_x(Parts(parts.into()))).await;
        let mut bytes = Vec::new();
        while let Some(part) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
            match part {
                Ok(part) => bytes.extend_from_slice(&part.into_data().unwrap_or_default()),
                Err(error) => return (streams, Err(error.to_string())),
            }
        }
        (streams, Ok(bytes))
    }

    #[tokio::test]
    async fn an_answer_is_whole_after_its_first_bytes_were_looked_at() {
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
