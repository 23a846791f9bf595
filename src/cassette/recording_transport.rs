//! The network with a recorder: requests and responses are written into a recording.
//!
//! A caller learns of the end of a response after the recording holds it. If the recording cannot be written, the call
//! fails. A stream passes while it arrives. Any other response is held back until it is complete, so that the call can
//! still fail.

use super::interaction_builder::InteractionBuilder;
use super::recorder::{PendingWrite, Recorder};
use crate::config::Config;
use crate::error::Result;
use crate::error::chain;
use crate::http::body::Body;
use crate::http::network::Network;
use crate::http::proxies::Proxies;
use crate::http::sniff::sniff;
use crate::http::timed_body::BodyStep;
use crate::http::transport::{SendOptions, Timeouts, Transport};
use crate::http::transport_error::{BoxError, ErrorClass, TransportError};
use crate::protocol::redact::Secrets;
use crate::protocol::service_error::MAX_ERROR_BODY;
use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::{Body as HttpBody, Frame};
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// The network with a recorder.
#[derive(Clone)]
pub struct RecordingTransport(Arc<Shared>);

struct Shared {
    network: Network,
    recorder: Arc<Recorder>,
    /// Their users and passwords are not recorded.
    proxies: Proxies,
    /// The longest response that a caller accepts.
    max_answer: usize,
}

impl RecordingTransport {
    pub fn new(config: &Config, recorder: Arc<Recorder>) -> Self {
        let (proxies, max_answer) = (Proxies::new(config), config.max_answer);
        RecordingTransport(Arc::new(Shared { network: Network::new(config), recorder, proxies, max_answer }))
    }
}

impl fmt::Debug for RecordingTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecordingTransport")
    }
}

impl Transport for RecordingTransport {
    async fn send(
        &self,
        request: Request<Bytes>,
        options: SendOptions<'_>,
    ) -> std::result::Result<Response<Body>, TransportError> {
        let Shared { network, recorder, max_answer, .. } = &*self.0;
        recorder.admit().await.map_err(TransportError::configuration)?;
        let mut builder = InteractionBuilder::new(recorder.clone(), &request, self.0.secrets_of(&request));
        let host = request.uri().host().unwrap_or_default().to_owned();
        let response = match network.send(request, options).await {
            Ok(response) => response,
            Err(error) => {
                if error.class() == ErrorClass::Configuration {
                    // The request was not sent.
                    builder.discard();
                } else {
                    let failed = builder.fail(error.without_host(&host));
                    failed.await.map_err(TransportError::configuration)?;
                }
                return Err(error);
            }
        };
        let success = response.status().is_success();
        builder.set_head(&response);
        let (parts, body) = response.into_parts();
        let content_type = header(&parts.headers, "content-type");
        let (is_stream, body) = if success { sniff(content_type, body, Body::boxed).await } else { (false, body) };
        let body = if is_stream {
            builder.set_stream();
            Body::boxed(RecordedStream { body, builder: Some(builder), held: None })
        } else {
            // No more than this is read of a service error.
            let limit = if success { *max_answer } else { MAX_ERROR_BODY };
            record_unary(body, builder, limit).await.map_err(TransportError::configuration)?
        };
        Ok(Response::from_parts(parts, body))
    }

    async fn connect(&self, request: Request<Bytes>, timeouts: Timeouts) -> std::result::Result<(), TransportError> {
        self.0.recorder.check().map_err(TransportError::configuration)?;
        self.0.network.connect(request, timeouts).await
    }
}

impl Shared {
    /// Returns the secrets that authorize the request to the service, and to the proxy before it.
    fn secrets_of(&self, request: &Request<Bytes>) -> Secrets {
        let proxy = self.proxies.proxy_for(request.uri()).ok().flatten();
        let proxy = proxy.as_ref().and_then(|proxy| proxy.basic_auth()?.to_str().ok());
        let headers = request.headers().iter();
        let headers =
            headers.filter_map(|(name, value)| Some((name.as_str(), std::str::from_utf8(value.as_bytes()).ok()?)));
        Secrets::in_headers(headers.chain(proxy.map(|authorization| ("authorization", authorization))))
    }
}

fn header<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// Reads a response that does not stream, records it, and returns it as a body.
async fn record_unary(mut body: Body, mut builder: InteractionBuilder, limit: usize) -> Result<Body> {
    let mut length = 0;
    let error = loop {
        match poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
            None => break None,
            Some(Err(error)) => break Some(chain(&*error)),
            Some(Ok(frame)) => {
                let data = frame.into_data().unwrap_or_default();
                length += data.len();
                builder.add_data(&data);
                if length > limit {
                    break Some(format!("it is longer than {limit} bytes, and the rest was not read"));
                }
            }
        }
    };
    let (written, bytes) = builder.finish(error.clone());
    written.await?;
    Ok(Body::of_steps([BodyStep::Data(bytes)].into_iter().chain(error.map(BodyStep::Fail))))
}

/// A stream that is recorded while it passes.
struct RecordedStream {
    body: Body,
    /// None once the interaction is complete.
    builder: Option<InteractionBuilder>,
    /// The result that the reader gets after the interaction was written.
    held: Option<(PendingWrite, Polled)>,
}

type Polled = Option<std::result::Result<Frame<Bytes>, BoxError>>;

impl HttpBody for RecordedStream {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Polled> {
        let stream = &mut *self;
        if stream.held.is_none() {
            let polled = ready!(Pin::new(&mut stream.body).poll_frame(cx));
            let Some(builder) = &mut stream.builder else { return Poll::Ready(polled) };
            let error = match &polled {
                None => None,
                Some(Err(error)) => Some(chain(&**error)),
                // The reader drops the body after such data, which has to be recorded first.
                Some(Ok(frame)) if frame.data_ref().is_some_and(|data| builder.add_stream_data(data)) => None,
                Some(Ok(_)) => return Poll::Ready(polled),
            };
            let written = builder.finish(error).0;
            stream.builder = None;
            stream.held = Some((written, polled));
        }
        let Some((written, _)) = &mut stream.held else { return Poll::Ready(None) };
        let result = ready!(Pin::new(written).poll(cx));
        let held = stream.held.take().and_then(|(_, held)| held);
        Poll::Ready(match result {
            Ok(()) => held,
            Err(error) => Some(Err(error.into())),
        })
    }
}
