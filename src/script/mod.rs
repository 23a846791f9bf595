//! Scripts: responds with the replies of the config, in place of the network.
//!
//! Knows HTTP, event-stream frames and the form of responses. Knows neither the SDK nor calls. `config::script`
//! describes and parses replies.
//!
//! - this file: chooses the reply to a request
//! - `reply`: a reply as the events in which the service would stream it; `step`: the parts of a stream
//! - `response`: the HTTP response of a reply

mod reply;
mod response;
mod step;

use crate::config;
use crate::error::{Error, Kind, Result};
use crate::http::body::Body;
use crate::http::transport::{SendOptions, Timeouts, Transport};
use crate::http::transport_error::TransportError;
use bytes::Bytes;
use http::{Request, Response};
use reply::Reply;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A script, and its position.
#[derive(Clone)]
pub struct Script(Arc<Shared>);

struct Shared {
    replies: Vec<Reply>,
    repeat: bool,
    requests: AtomicUsize,
}

impl Script {
    pub fn new(script: &config::Script) -> Self {
        let replies = script.replies.iter().map(Reply::new).collect();
        Script(Arc::new(Shared { replies, repeat: script.repeat, requests: AtomicUsize::new(0) }))
    }

    fn next(&self) -> Result<&Reply> {
        let Shared { replies, repeat, requests } = &*self.0;
        let request = requests.fetch_add(1, Ordering::Relaxed);
        let index = if *repeat && !replies.is_empty() { request % replies.len() } else { request };
        replies.get(index).ok_or_else(|| {
            let what = format_args!(
                "the script has no reply left: it has {}, and this is request {} (each retry is one); add a reply, or set \"repeat\" to true",
                replies.len(),
                request + 1
            );
            Error::new(Kind::Config, what).at("/transport/replies")
        })
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Script")
    }
}

impl Transport for Script {
    async fn send(
        &self,
        request: Request<Bytes>,
        _: SendOptions<'_>,
    ) -> std::result::Result<Response<Body>, TransportError> {
        let reply = self.next().map_err(TransportError::configuration)?;
        let path = request.uri().path();
        let is_stream = path.contains("/model/") && path.ends_with("-stream");
        // The headers of an error reply are only checked here.
        let response = response::response(reply, is_stream);
        response.map_err(|error| TransportError::configuration(Error::new(Kind::Config, error)))
    }

    async fn connect(&self, _: Request<Bytes>, _: Timeouts) -> std::result::Result<(), TransportError> {
        Ok(())
    }
}
