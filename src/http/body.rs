//! The body of a response.
//!
//! Over HTTP/1.1 the body owns its connection and reads from it: a chunk costs no task switch. At the end of the body
//! the connection returns to the pool before the reader learns of the end, so that the reader's next call finds it
//! there.

use super::http1::Http1;
use super::http1_body::Framing;
use super::http2::StreamPermit;
use super::stream_buffer::StreamBuffer;
use super::timed_body::{BodyStep, TimedBody};
use super::transport_error::BoxError;
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame};
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};

/// An extension of a response whose body ends only where its connection ends.
#[derive(Clone, Copy, Debug)]
pub struct UntilClose;

/// A pool to which HTTP/1.1 connections return that can be used again.
pub trait ConnectionReturn: Send + Sync {
    /// Returns a connection to the pool.
    fn return_connection(self: Arc<Self>, connection: Box<Http1>);
}

/// The body of a response.
pub enum Body {
    /// Over a connection of its own, which returns to the pool if there is one.
    Http1 { connection: Box<Http1>, framing: Framing, pool: Option<Weak<dyn ConnectionReturn>> },
    /// Over a shared connection.
    Http2 { buffer: Arc<StreamBuffer>, permit: StreamPermit },
    /// From another source than a connection, or wrapped.
    Boxed(Pin<Box<dyn HttpBody<Data = Bytes, Error = BoxError> + Send + Sync>>),
    /// The body is complete, or has failed.
    Ended,
}

impl Body {
    pub fn http1(connection: Box<Http1>, framing: Framing, pool: Option<Weak<dyn ConnectionReturn>>) -> Self {
        let mut body = Body::Http1 { connection, framing, pool };
        body.end_if_complete();
        body
    }

    pub fn http2(buffer: Arc<StreamBuffer>, permit: StreamPermit) -> Self {
        Body::Http2 { buffer, permit }
    }

    pub fn boxed(body: impl HttpBody<Data = Bytes, Error = BoxError> + Send + Sync + 'static) -> Self {
        Body::Boxed(Box::pin(body))
    }

    /// Returns a body in memory.
    pub fn of_steps(steps: impl IntoIterator<Item = BodyStep>) -> Self {
        Body::boxed(TimedBody::new(steps))
    }

    fn end_if_complete(&mut self) {
        if let Body::Http1 { framing, .. } = self
            && framing.is_complete()
            && let Body::Http1 { connection, pool, .. } = std::mem::replace(self, Body::Ended)
            && let Some(pool) = pool.and_then(|pool| pool.upgrade())
        {
            pool.return_connection(connection);
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
                connection.poll_data(framing, cx).map_ok(Frame::data).map_err(|error| error.into_body_error())
            }
            Body::Http2 { buffer, permit } => {
                buffer.poll_data(cx).map_ok(Frame::data).map_err(|error| permit.body_error(error))
            }
            Body::Boxed(boxed) => return boxed.as_mut().poll_frame(cx),
            Body::Ended => return Poll::Ready(None),
        };
        match &polled {
            Poll::Ready(Some(Ok(_))) => body.end_if_complete(),
            Poll::Ready(None) => {
                body.end_if_complete();
                *body = Body::Ended;
            }
            Poll::Ready(Some(Err(_))) => *body = Body::Ended,
            Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Body::Http1 { .. } => false,
            Body::Http2 { buffer, .. } => buffer.is_complete(),
            Body::Boxed(boxed) => boxed.is_end_stream(),
            Body::Ended => true,
        }
    }
}
