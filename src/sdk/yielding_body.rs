//! A body that yields to the other tasks of the worker.

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http_body::{Body, Frame};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// The number of bytes after which the body yields.
const PORTION: usize = 256 << 10;

/// A body that yields after each portion. Bytes that arrive without a pause would otherwise keep the worker from its
/// timers and from all other calls.
pub struct YieldingBody {
    body: SdkBody,
    /// The rest of the portion, in bytes.
    left: usize,
    /// Ready once the worker has polled its other tasks.
    pause: Option<Pin<Box<dyn Future<Output = ()> + Send + Sync>>>,
}

impl YieldingBody {
    /// Makes a body yield.
    pub fn new(body: SdkBody) -> Self {
        YieldingBody { body, left: PORTION, pause: None }
    }

    /// Returns the body without the yielding.
    pub fn into_inner(self) -> SdkBody {
        self.body
    }
}

impl Body for YieldingBody {
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
