//! The body of an answer.
//!
//! Over HTTP/1.1 it owns its connection and reads it: a chunk costs no task switch. At its end the connection goes back to the
//! pool, before the reader hears of the end, so that the reader's next call finds it there.

use super::alive;
use super::connection::Connection;
use super::framing::Framing;
use super::http1::{Broken, Http1};
use super::http2::Place;
use super::inbox::Inbox;
use super::origin::Origin;
use crate::error::{Error, Kind};
use aws_smithy_runtime_api::box_error::BoxError;
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame};
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};

/// With the answer of a transport that knows the body to end only where the connection does.
#[derive(Clone, Copy, Debug)]
pub struct UntilClose;

/// How an answer comes.
pub enum Body {
    /// Over a connection of its own, to be given back to where it came from.
    Http1 { connection: Box<Http1>, framing: Framing, origin: Weak<Origin> },
    /// Over a connection that it shares.
    Http2 { inbox: Arc<Inbox>, place: Place },
    /// All of it has come, or never will.
    Over,
}

impl Body {
    pub fn http1(connection: Box<Http1>, framing: Framing, origin: Weak<Origin>) -> Self {
        let mut body = Body::Http1 { connection, framing, origin };
        body.end_if_over();
        body
    }

    pub fn http2(inbox: Arc<Inbox>, place: Place) -> Self {
        Body::Http2 { inbox, place }
    }

    fn end_if_over(&mut self) {
        if let Body::Http1 { framing, .. } = self
            && framing.is_over()
            && let Body::Http1 { connection, origin, .. } = std::mem::replace(self, Body::Over)
            && let Some(origin) = origin.upgrade()
        {
            origin.give_back(Connection::Http1(connection));
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
            Body::Http2 { inbox, place } => inbox.poll(cx).map_ok(Frame::data).map_err(|error| place.broke_off(error)),
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
            Body::Http2 { inbox, .. } => inbox.is_over(),
            Body::Over => true,
        }
    }
}

/// An error of ours where the peer is gone or speaks no HTTP, and what happened otherwise.
fn told(broken: Broken) -> BoxError {
    match broken {
        broken if alive::is_silence(&broken) => alive::silence().into(),
        Broken::NotHttp(_) => Error::new(Kind::Protocol, broken).into(),
        broken => broken.into(),
    }
}
