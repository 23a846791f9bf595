//! A body in memory whose parts arrive after delays, and which may break off. Scripts and replays respond with it.

use super::transport_error::BoxError;
use bytes::Bytes;
use http_body::{Body, Frame};
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Sleep, sleep};

/// A step of a body: a delay, data or an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BodyStep {
    Wait(Duration),
    Data(Bytes),
    /// The body breaks off with this message.
    Fail(String),
}

/// A body that consists of steps.
pub struct TimedBody {
    steps: VecDeque<BodyStep>,
    delay: Option<Pin<Box<Sleep>>>,
}

impl TimedBody {
    pub fn new(steps: impl IntoIterator<Item = BodyStep>) -> Self {
        TimedBody { steps: steps.into_iter().collect(), delay: None }
    }
}

impl Body for TimedBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        loop {
            if let Some(delay) = &mut self.delay {
                ready!(delay.as_mut().poll(cx));
                self.delay = None;
            }
            match self.steps.pop_front() {
                None => return Poll::Ready(None),
                Some(BodyStep::Wait(wait)) => self.delay = Some(Box::pin(sleep(wait))),
                Some(BodyStep::Data(data)) => return Poll::Ready(Some(Ok(Frame::data(data)))),
                Some(BodyStep::Fail(message)) => return Poll::Ready(Some(Err(message.into()))),
            }
        }
    }
}
