//! The answer to a call as it comes: its head, and a body still to be read.

use crate::error::{Error, Kind, Result, chain};
use crate::protocol::bad_response::interrupted;
use crate::protocol::response_head::ResponseHead;
use crate::runtime::memory;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http_body::{Body, Frame};
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// How much of an answer is read before others have their turn.
const PORTION: usize = 256 << 10;

/// The head of a successful answer, and its body still to come.
pub struct Answer {
    pub status: u16,
    pub head: ResponseHead,
    pub content_type: String,
    /// How the body is encoded, where it is not as it was asked for.
    pub encoding: Option<String>,
    /// Whether the end of the body can be told from a connection that was lost.
    pub delimited: bool,
    pub body: InPortions,
}

/// The bytes of a body that is not to be longer than `limit`.
pub async fn collect(mut body: InPortions, limit: usize) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        let frame = frame.map_err(|error| match error.downcast::<Error>() {
            // Our own transport says itself what was wrong.
            Ok(own) => *own,
            Err(error) => interrupted(&chain(&*error)),
        })?;
        let Ok(data) = frame.into_data() else { continue };
        let length = bytes.len() + data.len();
        if length > limit {
            return Err(too_long(limit));
        }
        if bytes.capacity() < length {
            // An eighth more than there is, and not as much again. A NUL is going to stand behind it.
            let more = data.len().max((bytes.len() / 8).min(limit - bytes.len())) + 1;
            memory::reserve("reading an answer", &mut bytes, more)?;
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}

/// The first `limit` bytes of a body, or all that comes of it before it ends or breaks off.
pub async fn beginning_of(body: SdkBody, limit: usize) -> Vec<u8> {
    let mut body = InPortions::of(SdkBody::from_body_1_x(Beginning { body, left: limit }));
    let mut bytes = Vec::new();
    while let Some(Ok(frame)) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        bytes.extend(frame.into_data().into_iter().flatten());
    }
    bytes
}

/// An answer of more than `limit` bytes.
pub fn too_long(limit: usize) -> Error {
    Error::new(Kind::Protocol, format_args!("the answer is longer than {limit} bytes (max_answer)"))
}

/// No more of a body than its beginning. The SDK reads the whole body of a failure, which may have no end.
pub(super) struct Beginning {
    pub(super) body: SdkBody,
    pub(super) left: usize,
}

impl Body for Beginning {
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

/// A body that gives way after each portion. Bytes that come without a pause would otherwise keep the worker, and with it every
/// other call, from its timers and from its sockets.
pub struct InPortions {
    body: SdkBody,
    left: usize,
    /// Ready once the worker has looked at everything else.
    pause: Option<Pin<Box<dyn Future<Output = ()> + Send + Sync>>>,
}

impl InPortions {
    pub(super) fn of(body: SdkBody) -> Self {
        InPortions { body, left: PORTION, pause: None }
    }

    /// The body as it is.
    pub(super) fn into_body(self) -> SdkBody {
        self.body
    }
}

impl Body for InPortions {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<std::result::Result<Frame<Bytes>, BoxError>>> {
        if let Some(pause) = &mut self.pause {
            ready!(pause.as_mut().poll(cx));
            self.pause = None;
        }
        let polled = ready!(Pin::new(&mut self.body).poll_frame(cx));
        let length = polled.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref()).map_or(0, Bytes::len);
        match self.left.checked_sub(length) {
            Some(left) => self.left = left,
            None => {
                self.left = PORTION;
                self.pause = Some(Box::pin(tokio::task::yield_now()));
            }
        }
        Poll::Ready(polled)
    }
}
