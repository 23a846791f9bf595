//! What stands in for an answer that comes from the network: its bytes, beat by beat.

use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};
use bytes::Bytes;
use http_body::{Body, Frame};
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Sleep, sleep};

/// What happens next in a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Beat {
    Wait(Duration),
    Data(Bytes),
    /// The connection breaks, and this is how.
    Broken(String),
}

/// A body that comes beat by beat.
pub struct Play {
    beats: VecDeque<Beat>,
    waiting: Option<Pin<Box<Sleep>>>,
}

impl Play {
    pub fn body(beats: impl IntoIterator<Item = Beat>) -> SdkBody {
        SdkBody::from_body_1_x(Play { beats: beats.into_iter().collect(), waiting: None })
    }
}

impl Body for Play {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        loop {
            if let Some(sleep) = &mut self.waiting {
                ready!(sleep.as_mut().poll(cx));
                self.waiting = None;
            }
            match self.beats.pop_front() {
                None => return Poll::Ready(None),
                Some(Beat::Wait(wait)) => self.waiting = Some(Box::pin(sleep(wait))),
                Some(Beat::Data(data)) => return Poll::Ready(Some(Ok(Frame::data(data)))),
                Some(Beat::Broken(how)) => return Poll::Ready(Some(Err(how.into()))),
            }
        }
    }
}

/// The bytes of an event stream's frame whose headers are all text.
pub fn frame(headers: &[(&str, &str)], payload: &[u8]) -> Result<Bytes, String> {
    let mut message = Message::new(Bytes::copy_from_slice(payload));
    for (name, value) in headers {
        let (name, value) = ((*name).to_owned(), (*value).to_owned());
        message = message.add_header(Header::new(name, HeaderValue::String(value.into())));
    }
    let mut frame = Vec::new();
    write_message_to(&message, &mut frame).map_err(|error| error.to_string())?;
    Ok(frame.into())
}
