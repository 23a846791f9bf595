//! The body of an answer of a service that gives credentials. It has little to say, and is given up where it does not end.

use super::body::Body;
use crate::error::{Error, Kind};
use aws_smithy_runtime_api::box_error::BoxError;
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pub struct Limited {
    body: Body,
    limit: usize,
    read: usize,
}

impl Limited {
    pub fn new(body: Body, limit: usize) -> Self {
        Limited { body, limit, read: 0 }
    }
}

impl HttpBody for Limited {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let limited = self.get_mut();
        let polled = ready!(Pin::new(&mut limited.body).poll_frame(cx));
        if let Some(Ok(frame)) = &polled {
            limited.read += frame.data_ref().map_or(0, Bytes::len);
            if limited.read > limited.limit {
                limited.body = Body::Over;
                let what =
                    format_args!("the service that gives credentials answers more than {} KiB", limited.limit >> 10);
                return Poll::Ready(Some(Err(Error::new(Kind::Credentials, what).into())));
            }
        }
        Poll::Ready(polled)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }
}
