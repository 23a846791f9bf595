//! The body of an answer.
//!
//! Over HTTP/1.1 it owns its connection and reads it: a chunk costs no task switch. At its end the connection goes back to the
//! pool, before the reader hears of the end, so that the reader's next call finds it there.

use super::alive;
use super::connection::Place;
use super::framing::Framing;
use super::http1::{Broken, Http1};
use super::pool::Origin;
use aws_smithy_runtime_api::box_error::BoxError;
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame};
use hyper::body::Incoming;
use std::pin::Pin;
use std::sync::Weak;
use std::task::{Context, Poll};

/// How an answer comes.
pub enum Body {
    /// Over a connection of its own, to be given back to where it came from.
    Http1 { connection: Box<Http1>, framing: Framing, origin: Weak<Origin> },
    /// Over a connection that it shares.
    Http2 { incoming: Incoming, place: Place },
    /// All of it has come, or never will.
    Over,
}

impl Body {
    pub fn http1(connection: Box<Http1>, framing: Framing, origin: Weak<Origin>) -> Self {
        let mut body = Body::Http1 { connection, framing, origin };
        body.end_if_over();
        body
    }

    pub fn http2(incoming: Incoming, place: Place) -> Self {
        Body::Http2 { incoming, place }
    }

    fn end_if_over(&mut self) {
        if let Body::Http1 { framing, .. } = self
            && framing.is_over()
            && let Body::Http1 { connection, origin, .. } = std::mem::replace(self, Body::Over)
            && let Some(origin) = origin.upgrade()
        {
            origin.give_back(connection);
        }
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let body = self.get_mut();
        let polled = match body {
            Body::Http1 { connection, framing, .. } => {
                connection.poll_data(framing, cx).map_ok(Frame::data).map_err(told)
            }
            Body::Http2 { incoming, place } => {
                let polled = Pin::new(incoming).poll_frame(cx);
                polled.map_err(|error| if place.is_silent(&error, cx) { alive::silence().into() } else { error.into() })
            }
            Body::Over => return Poll::Ready(None),
        };
        match &polled {
            Poll::Ready(Some(Ok(_))) => body.end_if_over(),
            Poll::Ready(None) => {
                body.end_if_over();
                *body = Body::Over;
            }
            Poll::Ready(Some(Err(_))) => *body = Body::Over,
            Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Body::Http1 { .. } => false,
            Body::Http2 { incoming, .. } => incoming.is_end_stream(),
            Body::Over => true,
        }
    }
}

/// An error of ours where the peer is gone, and what happened otherwise.
fn told(broken: Broken) -> BoxError {
    if alive::is_silence(&broken) { alive::silence().into() } else { broken.into() }
}
