//! An operation of the service, with our bytes in and the service's bytes out.
//!
//! The SDK does what it does best: endpoints, credentials, signing, retries, connections. [`PassThrough`] goes with each call
//! and puts our body into the request before the retry loop, then takes the answer's body before the SDK's deserialiser sees
//! it. Answers that are no success stay with the SDK, whose retry classifiers and error types need them.

use super::failure;
use crate::error::{Error, Kind, Result};
use aws_sdk_bedrockruntime::Client;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeDeserializationInterceptorContextMut, BeforeTransmitInterceptorContextMut,
    BeforeTransmitInterceptorContextRef,
};
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::date_time::{DateTime, Format};
use bytes::Bytes;
use http_body::{Body, Frame};
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, SystemTime};

/// The content type of an answer that streams.
const EVENT_STREAM: &str = "application/vnd.amazon.eventstream";
/// How much is read of an answer that is no success.
const MAX_REFUSAL: usize = 64 << 10;
/// How much is read of a successful answer that should have been a stream and is not.
const MAX_MISROUTED: usize = 64 << 10;

/// How much of an answer is read before others have their turn.
const PORTION: usize = 256 << 10;

/// What can be asked of the service, by its name in the AWS API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// `POST /model/{modelId}/converse`: the answer is one JSON text.
    Converse,
    /// `POST /model/{modelId}/converse-stream`: the answer is an event stream.
    ConverseStream,
}

impl Operation {
    pub fn name(self) -> &'static str {
        match self {
            Operation::Converse => "Converse",
            Operation::ConverseStream => "ConverseStream",
        }
    }

    pub fn streams(self) -> bool {
        self == Operation::ConverseStream
    }
}

/// One call, ready to be sent.
pub struct Call {
    pub operation: Operation,
    pub model_id: String,
    pub body: Bytes,
    /// The connect timer's setting, for the error that names it.
    pub connect: Duration,
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} with {}", self.operation.name(), self.model_id)
    }
}

/// The head of a successful answer, and its body still to come.
pub struct Answer {
    pub status: u16,
    pub request_id: String,
    content_type: String,
    pub body: InPortions,
}

/// How many requests a call has sent so far, readable while it runs.
#[derive(Clone, Debug, Default)]
pub struct Attempts(Arc<AtomicU32>);

impl Attempts {
    pub fn get(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Sends the call and waits for the head of its answer.
pub async fn send(client: &Client, call: &Call, attempts: &Attempts) -> Result<Answer> {
    let pass = PassThrough {
        streams: call.operation.streams(),
        body: call.body.clone(),
        attempts: attempts.clone(),
        answer: Arc::default(),
    };
    // The SDK's futures are large: boxed here, they are not moved with every future around them.
    let sent = match call.operation {
        Operation::Converse => {
            let operation = client.converse().model_id(&call.model_id).customize();
            let sending = Box::pin(operation.interceptor(pass.clone()).send());
            sending.await.map(drop).map_err(|error| failure::before_answer(call.connect, error))
        }
        Operation::ConverseStream => {
            let operation = client.converse_stream().model_id(&call.model_id).customize();
            let sending = Box::pin(operation.interceptor(pass.clone()).send());
            sending.await.map(drop).map_err(|error| failure::before_answer(call.connect, error))
        }
    };
    sent?;
    let answer = pass.answer.lock().unwrap_or_else(PoisonError::into_inner).take();
    let answer = answer.ok_or_else(|| Error::new(Kind::Internal, "the SDK gave no answer"))?;
    if call.operation.streams() && !is_event_stream(&answer.content_type) {
        let body = collect(answer.body, MAX_MISROUTED).await.unwrap_or_default();
        let body = String::from_utf8_lossy(&body);
        let error = failure::misrouted(answer.status, &answer.content_type, &body);
        return Err(error.with_request_id(&answer.request_id));
    }
    Ok(answer)
}

fn is_event_stream(content_type: &str) -> bool {
    let media_type = content_type.split(';').next().unwrap_or_default();
    media_type.trim().eq_ignore_ascii_case(EVENT_STREAM)
}

/// The bytes of a body that is not to be longer than `limit`.
pub async fn collect(mut body: InPortions, limit: usize) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        let frame = frame.map_err(|error| failure::broke_off(&failure::chain(&*error)))?;
        let Ok(data) = frame.into_data() else { continue };
        if bytes.len() + data.len() > limit {
            return Err(too_long(limit));
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}

/// An answer of more than `limit` bytes.
pub fn too_long(limit: usize) -> Error {
    Error::new(Kind::Protocol, format_args!("the answer is longer than {limit} bytes (max_answer)"))
}

/// How long the service asks to be left alone, in seconds or until a date, which is taken by the service's own clock.
fn retry_after(response: &HttpResponse) -> Option<Duration> {
    let date = |text: &str| DateTime::from_str(text, Format::HttpDate).ok();
    let asked = response.headers().get("retry-after")?.trim();
    if let Ok(seconds) = asked.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let now = response.headers().get("date").and_then(date).unwrap_or_else(|| SystemTime::now().into());
    let seconds = date(asked)?.secs() - now.secs();
    Some(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
}

/// No more of a body than its beginning. The SDK reads the whole body of a failure, which may have no end.
struct Beginning {
    body: SdkBody,
    left: usize,
}

impl Body for Beginning {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<std::result::Result<Frame<Bytes>, BoxError>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        polled.map_ok(|frame| {
            frame.map_data(|mut data| {
                data.truncate(self.left);
                self.left -= data.len();
                data
            })
        })
    }
}

/// A body that gives way after each portion. Bytes that come without a pause would otherwise keep the worker, and with it every
/// other call, from its timers and from its sockets.
pub struct InPortions {
    body: SdkBody,
    left: usize,
    /// Ready once the worker has looked at everything else.
    pause: Option<Pin<Box<dyn Future<Output = ()> + Send + Sync>>>,
}

impl InPortions {
    fn of(body: SdkBody) -> Self {
        InPortions { body, left: PORTION, pause: None }
    }
}

impl Body for InPortions {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<std::result::Result<Frame<Bytes>, BoxError>>> {
        if let Some(pause) = &mut self.pause {
            ready!(pause.as_mut().poll(cx));
            self.pause = None;
        }
        let polled = ready!(Pin::new(&mut self.body).poll_frame(cx));
        let length = polled.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref()).map_or(0, Bytes::len);
        match self.left.checked_sub(length) {
            Some(left) => self.left = left,
            None => {
                self.left = PORTION;
                self.pause = Some(Box::pin(tokio::task::yield_now()));
            }
        }
        Poll::Ready(polled)
    }
}

/// Carries one call's bytes through the SDK. Cloned into the SDK; the clones share what they carry.
#[derive(Clone)]
struct PassThrough {
    streams: bool,
    body: Bytes,
    attempts: Attempts,
    answer: Arc<Mutex<Option<Answer>>>,
}

impl fmt::Debug for PassThrough {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PassThrough")
    }
}

#[dyn_dispatch_hint]
impl Intercept for PassThrough {
    fn name(&self) -> &'static str {
        "PassThrough"
    }

    fn modify_before_retry_loop(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> std::result::Result<(), BoxError> {
        let request = context.request_mut();
        request.headers_mut().insert("content-length", self.body.len().to_string());
        *request.body_mut() = SdkBody::from(self.body.clone());
        Ok(())
    }

    fn read_before_transmit(
        &self,
        _context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> std::result::Result<(), BoxError> {
        self.attempts.0.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> std::result::Result<(), BoxError> {
        let response = context.response_mut();
        if !response.status().is_success() {
            if let Some(wait) = retry_after(response) {
                // The SDK honours this name alone.
                response.headers_mut().insert("x-amz-retry-after", wait.as_millis().to_string());
            }
            let body = std::mem::replace(response.body_mut(), SdkBody::empty());
            *response.body_mut() = SdkBody::from_body_1_x(Beginning { body, left: MAX_REFUSAL });
            return Ok(());
        }
        // What the SDK is left to deserialise: an answer without members.
        let left = if self.streams { SdkBody::empty() } else { SdkBody::from("{}") };
        let body = std::mem::replace(response.body_mut(), left);
        let header = |name| response.headers().get(name).unwrap_or_default().to_owned();
        let answer = Answer {
            status: response.status().as_u16(),
            request_id: header("x-amzn-requestid"),
            content_type: header("content-type"),
            body: InPortions::of(body),
        };
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
        Ok(())
    }
}
