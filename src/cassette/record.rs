//! The network with a recorder beside it.
//!
//! A caller hears of an answer's end once the recording holds it, and of a recording that cannot be written as of any failure.
//! A stream passes while it comes. Any other answer is held back until all of it has come, so that a recording that fails can still
//! take its place.

use super::recorder::{Recorder, Writing};
use super::tape::Tape;
use crate::config::Config;
use crate::error::chain;
use crate::error::{Error, Result};
use crate::http::failure::OnTheWay;
use crate::http::network::Network;
use crate::http::proxies::Proxies;
use crate::http::sniff::sniff;
use crate::protocol::redact::Secrets;
use crate::protocol::service_error::MAX_ERROR_BODY;
use crate::script::timed_body::{Beat, Play};
use crate::sdk::connect::ConnectOnly;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http_body::{Body, Frame};
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

pub struct Record {
    network: Network,
    beside: Arc<Beside>,
}

/// What the network knows nothing of.
struct Beside {
    recorder: Arc<Recorder>,
    /// Whose user and password are not written down.
    proxies: Proxies,
    /// The most bytes that a caller takes.
    max_answer: usize,
}

impl Record {
    pub fn new(config: &Config, recorder: Arc<Recorder>) -> Self {
        let (proxies, max_answer) = (Proxies::new(config), config.max_answer);
        Record { network: Network::new(config), beside: Arc::new(Beside { recorder, proxies, max_answer }) }
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Record")
    }
}

impl HttpClient for Record {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(Recording {
            network: self.network.http_connector(settings, components),
            beside: self.beside.clone(),
        })
    }
}

struct Recording {
    network: SharedHttpConnector,
    beside: Arc<Beside>,
}

impl fmt::Debug for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Recording")
    }
}

impl HttpConnector for Recording {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        if ConnectOnly::is_with(&request) {
            return match self.beside.recorder.check() {
                Ok(()) => self.network.call(request),
                Err(broken) => HttpConnectorFuture::ready(Err(own(broken))),
            };
        }
        let (network, beside) = (self.network.clone(), self.beside.clone());
        HttpConnectorFuture::new(async move {
            let Beside { recorder, max_answer, .. } = &*beside;
            recorder.admit().await.map_err(own)?;
            let mut tape = Tape::begin(recorder.clone(), &request, beside.secrets_of(&request));
            let host = host_name(request.uri());
            let answer = network.call(request);
            let mut response = match answer.await {
                Ok(response) => response,
                Err(error) => {
                    if error.is_user() {
                        // It was not even sent.
                        tape.forget();
                    } else {
                        let why = OnTheWay::without_host(&error, &host);
                        tape.failed(why).await.map_err(own)?;
                    }
                    return Err(error);
                }
            };
            let success = response.status().is_success();
            tape.head(&response);
            let body = std::mem::replace(response.body_mut(), SdkBody::empty());
            let content_type = response.headers().get("content-type").unwrap_or_default();
            let (streams, body) = if success { sniff(content_type, body).await } else { (false, body) };
            if streams {
                tape.stream();
            }
            *response.body_mut() = if streams {
                SdkBody::from_body_1_x(Taped { body, tape: Some(tape), writing: None })
            } else {
                // Nobody reads more of a refusal.
                whole(body, tape, if success { *max_answer } else { MAX_ERROR_BODY }).await.map_err(own)?
            };
            Ok(response)
        })
    }
}

impl Beside {
    /// What authorizes the request to the service, and to the proxy on its way.
    fn secrets_of(&self, request: &HttpRequest) -> Secrets {
        let uri = request.uri().parse().ok();
        let proxy = uri.and_then(|uri| self.proxies.on_the_way_to(&uri).ok()?);
        let proxy = proxy.as_ref().and_then(|proxy| proxy.basic_auth()?.to_str().ok());
        Secrets::in_headers(request.headers().iter().chain(proxy.map(|told| ("authorization", told))))
    }
}

/// The name of the host in an absolute URI, without the port.
fn host_name(uri: &str) -> String {
    uri.parse::<http::Uri>().ok().and_then(|uri| uri.host().map(str::to_owned)).unwrap_or_default()
}

fn own(error: Error) -> ConnectorError {
    ConnectorError::user(error.into())
}

/// Reads an answer that is no stream, writes it down, and gives it once more.
async fn whole(mut body: SdkBody, mut tape: Tape, limit: usize) -> Result<SdkBody> {
    let mut length = 0;
    let ended = loop {
        match poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
            None => break None,
            Some(Err(error)) => break Some(chain(&*error)),
            Some(Ok(frame)) => {
                let data = frame.into_data().unwrap_or_default();
                length += data.len();
                tape.feed(&data);
                if length > limit {
                    break Some(format!("it is longer than {limit} bytes, and the rest was not read"));
                }
            }
        }
    };
    let (writing, bytes) = tape.end(ended.clone());
    writing.await?;
    Ok(match ended {
        None => SdkBody::from(bytes),
        Some(how) => Play::body([Beat::Data(bytes), Beat::Broken(how)]),
    })
}

/// A stream that is written down while it passes.
struct Taped {
    body: SdkBody,
    tape: Option<Tape>,
    /// What the reader gets once all is written.
    writing: Option<(Writing, Polled)>,
}

type Polled = Option<std::result::Result<Frame<Bytes>, BoxError>>;

impl Body for Taped {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Polled> {
        let taped = &mut *self;
        if taped.writing.is_none() {
            let polled = ready!(Pin::new(&mut taped.body).poll_frame(cx));
            let Some(tape) = &mut taped.tape else { return Poll::Ready(polled) };
            let ended = match &polled {
                None => None,
                Some(Err(error)) => Some(chain(&**error)),
                // Its reader leaves after such a chunk, and is not to leave before it is written.
                Some(Ok(frame)) if frame.data_ref().is_some_and(|data| tape.feed_frames(data)) => None,
                Some(Ok(_)) => return Poll::Ready(polled),
            };
            let writing = tape.end(ended).0;
            taped.tape = None;
            taped.writing = Some((writing, polled));
        }
        let Some((writing, _)) = &mut taped.writing else { return Poll::Ready(None) };
        let result = ready!(Pin::new(writing).poll(cx));
        let held = taped.writing.take().and_then(|(_, held)| held);
        Poll::Ready(match result {
            Ok(()) => held,
            Err(error) => Some(Err(error.into())),
        })
    }
}
