//! A call on its way: our request out, and the answer's head in.
//!
//! The SDK does what it does best: endpoints, credentials, signing, retries, connections. Two of its operations carry every call,
//! one for answers that stream and one for those that do not. [`PassThrough`] goes with each and makes the request the call's own
//! before the retry loop, then takes the answer's body before the SDK's deserialiser sees it. Answers that are no success stay
//! with the SDK, whose retry classifiers and error types need them.

use super::answer::{Answer, Beginning, Head, InPortions, MAX_REFUSAL, UntilClose, collect, is_event_stream};
use super::failure;
use super::operation::Operation;
use super::usage::Usage;
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
use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// How much is read of a successful answer that should have been a stream and is not.
const MAX_MISROUTED: usize = 64 << 10;
/// What stands where the SDK wants a model, before the path is written over.
pub(super) const PLACEHOLDER: &str = "-";

/// What an operation is given.
#[derive(Clone, Debug)]
pub struct Input {
    /// What the call is about, for people: a model, a guardrail, an invocation; "" where it is about none.
    pub subject: String,
    /// From the endpoint, with the query, escaped.
    pub path: String,
    /// Besides those that every request has.
    pub headers: Vec<(&'static str, String)>,
    /// None: the operation only looks, with GET.
    pub body: Option<Bytes>,
}

/// One call, ready to be sent.
pub struct Call {
    pub operation: Operation,
    pub input: Input,
    /// The connect timer's setting, for the error that names it.
    pub connect: Duration,
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.operation.name())?;
        if self.input.subject.is_empty() { Ok(()) } else { write!(f, " with {}", self.input.subject) }
    }
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
    let streams = call.operation.streams();
    let pass = PassThrough { streams, input: call.input.clone(), attempts: attempts.clone(), answer: Arc::default() };
    // The SDK's futures are large: boxed here, they are not moved with every future around them.
    if streams {
        let carrier = client.converse_stream().model_id(PLACEHOLDER).customize();
        let sending = Box::pin(carrier.interceptor(pass.clone()).send());
        sending.await.map(drop).map_err(|error| failure::before_answer(call.connect, error))?;
    } else {
        let carrier = client.converse().model_id(PLACEHOLDER).customize();
        let sending = Box::pin(carrier.interceptor(pass.clone()).send());
        sending.await.map(drop).map_err(|error| failure::before_answer(call.connect, error))?;
    }
    let answer = pass.answer.lock().unwrap_or_else(PoisonError::into_inner).take();
    let answer = answer.ok_or_else(|| Error::new(Kind::Internal, "the SDK gave no answer"))?;
    if streams && !is_event_stream(&answer.content_type) {
        let body = collect(answer.body, MAX_MISROUTED).await.unwrap_or_default();
        let body = String::from_utf8_lossy(&body);
        let error = failure::misrouted(answer.status, &answer.content_type, &body);
        return Err(error.with_request_id(&answer.head.request_id));
    }
    Ok(answer)
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

/// Carries one call's bytes through the SDK. Cloned into the SDK; the clones share what they carry.
#[derive(Clone)]
struct PassThrough {
    streams: bool,
    input: Input,
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
        request.set_uri(self.input.path.as_str())?;
        for (name, value) in &self.input.headers {
            request.headers_mut().try_insert(*name, value.clone())?;
        }
        let headers = request.headers_mut();
        match &self.input.body {
            Some(body) => {
                headers.insert("content-length", body.len().to_string());
                *request.body_mut() = SdkBody::from(body.clone());
            }
            None => {
                headers.remove("content-length");
                headers.remove("content-type");
                request.set_method("GET")?;
                *request.body_mut() = SdkBody::empty();
            }
        }
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
        let header = |name: &str| response.headers().get(name);
        let text = |name| header(name).unwrap_or_default().to_owned();
        let answer = Answer {
            status: response.status().as_u16(),
            head: Head { request_id: text("x-amzn-requestid"), usage: Usage::of_headers(header) },
            content_type: text("content-type"),
            delimited: response.extension::<UntilClose>().is_none(),
            body: InPortions::of(body),
        };
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
        Ok(())
    }
}
