//! A body with a maximum length, for responses of services that give credentials.

use super::body::Body;
use super::transport_error::BoxError;
use crate::error::{Error, Kind};
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// A body that fails after `limit` bytes.
pub struct LimitedBody {
    body: Body,
    limit: usize,
    read: usize,
}

impl LimitedBody {
    pub fn new(body: Body, limit: usize) -> Self {
        LimitedBody { body, limit, read: 0 }
    }
}

impl HttpBody for LimitedBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let limited = self.get_mut();
        let polled = ready!(Pin::new(&mut limited.body).poll_frame(cx));
        if let Some(Ok(frame)) = &polled {
            limited.read += frame.data_ref().map_or(0, Bytes::len);
            if limited.read > limited.limit {
                limited.body = Body::Ended;
                let what = format_args!(
                    "the response of the service that gives credentials is longer than {} KiB",
                    limited.limit >> 10
                );
                return Poll::Ready(Some(Err(Error::new(Kind::Credentials, what).into())));
            }
        }
        Poll::Ready(polled)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }
}
