//! The first bytes of a body.

use super::yielding_body::YieldingBody;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http_body::{Body, Frame};
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A body that ends after a number of bytes, or earlier. The SDK reads the body of an error to its end, and it may be
/// endless.
pub struct BodyPrefix {
    body: SdkBody,
    left: usize,
}

impl BodyPrefix {
    /// Returns the first `limit` bytes of `body`.
    pub fn new(body: SdkBody, limit: usize) -> Self {
        BodyPrefix { body, left: limit }
    }

    /// Reads the first `limit` bytes of `body`, or all bytes before it ends or fails.
    pub async fn read(body: SdkBody, limit: usize) -> Vec<u8> {
        let mut body = YieldingBody::new(SdkBody::from_body_1_x(BodyPrefix::new(body, limit)));
        let mut bytes = Vec::new();
        while let Some(Ok(frame)) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
            bytes.extend(frame.into_data().into_iter().flatten());
        }
        bytes
    }
}

impl Body for BodyPrefix {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<std::result::Result<Frame<Bytes>, BoxError>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        polled.map_ok(|frame| {
            frame.map_data(|mut data| {
                data.truncate(self.left);
                self.left -= data.len();
                data
            })
        })
    }
}
