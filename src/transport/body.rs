//! The body of an answer.
//!
//! Over HTTP/1.1 it owns its connection and drives it: a chunk costs no task switch. At its end the connection goes back to the
//! pool, before the reader hears of the end, so that the reader's next call finds it there.

use super::connection::{Http1, Place};
use super::pool::Origin;
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use std::pin::Pin;
use std::sync::Weak;
use std::task::{Context, Poll, Waker};

pub struct Body {
    incoming: Incoming,
    way: Way,
}

/// How an answer comes.
enum Way {
    /// Over a connection of its own, to be driven, and then to be given back.
    Alone { connection: Box<Http1>, origin: Weak<Origin> },
    /// Over a connection that it shares.
    Shared { _place: Place },
    /// All of it has come, or never will.
    Over,
}

impl Body {
    pub fn http1(incoming: Incoming, connection: Box<Http1>, origin: Weak<Origin>) -> Self {
        let ended = incoming.is_end_stream();
        let mut body = Body { incoming, way: Way::Alone { connection, origin } };
        if ended {
            body.end();
        }
        body
    }

    pub fn http2(incoming: Incoming, place: Place) -> Self {
        Body { incoming, way: Way::Shared { _place: place } }
    }

    fn end(&mut self) {
        if let Way::Alone { connection, origin } = std::mem::replace(&mut self.way, Way::Over)
            && let Some(origin) = origin.upgrade()
        {
            origin.give_back(connection);
        }
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        let body = &mut *self;
        let polled = match &mut body.way {
            Way::Alone { connection, .. } => {
                // Only the connection can bring something, and it wakes us. What it has brought is there at once.
                let _ = connection.poll(cx);
                Pin::new(&mut body.incoming).poll_frame(&mut Context::from_waker(Waker::noop()))
            }
            Way::Shared { .. } => Pin::new(&mut body.incoming).poll_frame(cx),
            Way::Over => return Poll::Ready(None),
        };
        match &polled {
            Poll::Ready(None) => body.end(),
            Poll::Ready(Some(Err(_))) => body.way = Way::Over,
            Poll::Ready(Some(Ok(_))) | Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.way, Way::Over) || self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
