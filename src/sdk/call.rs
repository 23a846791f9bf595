//! A call on its way: our request out, and the answer's head in.
//!
//! The SDK does what it does best: endpoints, credentials, signing, retries, connections. Two of its operations carry every call,
//! one for answers that stream and one for those that do not. [`PassThrough`] goes with each and makes the request the call's own
//! before the retry loop, then takes the answer's body before the SDK's deserialiser sees it. Answers that are no success stay
//! with the SDK, whose retry classifiers and error types need them.

use super::answer::{Answer, Beginning, InPortions, beginning_of};
use super::attempts::Attempts;
use super::failure;
use super::retry;
use crate::error::{Error, Kind, Result};
use crate::http::body::UntilClose;
use crate::http::sniff::sniff;
use crate::protocol::bad_response::not_a_stream;
use crate::protocol::content_encoding;
use crate::protocol::operation::Operation;
use crate::protocol::response_head::ResponseHead;
use crate::protocol::service_error::MAX_ERROR_BODY;
use crate::protocol::usage::Usage;
use crate::request::SerializedRequest;
use crate::runtime::sync::Mutex;
use aws_sdk_bedrockruntime::Client;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeDeserializationInterceptorContextMut, BeforeTransmitInterceptorContextMut, FinalizerInterceptorContextRef,
};
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::ConfigBag;
use std::fmt;
use std::sync::Arc;

/// How much is read of a successful answer that should have been a stream and is not.
const MAX_MISROUTED: usize = 64 << 10;
/// What stands where the SDK wants a model, before the path is written over.
pub(super) const PLACEHOLDER: &str = "-";

/// One call, ready to be sent.
pub struct Call {
    pub operation: Operation,
    pub input: SerializedRequest,
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.operation.name())?;
        if self.input.subject.is_empty() { Ok(()) } else { write!(f, " with {}", self.input.subject) }
    }
}

/// Sends the call and waits for the head of its answer.
pub async fn send(client: &Client, call: &Call, attempts: &Attempts) -> Result<Answer> {
    let streams = call.operation.streams();
    let pass = PassThrough { streams, input: call.input.clone(), attempts: attempts.clone(), answer: Arc::default() };
    // The SDK's futures are large: boxed here, they are not moved with every future around them.
    if streams {
        let carrier = client.converse_stream().model_id(PLACEHOLDER).customize();
        let sending = Box::pin(retry::of_call(attempts, carrier.interceptor(pass.clone()).send()));
        sending.await.map(drop).map_err(failure::before_answer)?;
    } else {
        let carrier = client.converse().model_id(PLACEHOLDER).customize();
        let sending = Box::pin(retry::of_call(attempts, carrier.interceptor(pass.clone()).send()));
        sending.await.map(drop).map_err(failure::before_answer)?;
    }
    let answer = pass.answer.lock().take();
    let mut answer = answer.ok_or_else(|| Error::new(Kind::Internal, "the SDK gave no answer"))?;
    if let Some(encoding) = &answer.encoding {
        let error = Error::new(Kind::Protocol, content_encoding::message_for(encoding)).with_http_status(answer.status);
        return Err(error.advise("Check the gateway").with_request_id(&answer.head.request_id));
    }
    if !streams {
        return Ok(answer);
    }
    let (is_stream, body) = sniff(&answer.content_type, answer.body.into_body()).await;
    if !is_stream {
        let beginning = beginning_of(body, MAX_MISROUTED).await;
        let text = String::from_utf8_lossy(&beginning);
        let error = not_a_stream(answer.status, &answer.content_type, &text);
        return Err(error.with_request_id(&answer.head.request_id));
    }
    answer.body = InPortions::of(body);
    Ok(answer)
}

/// Carries one call's bytes through the SDK. Cloned into the SDK; the clones share what they carry.
#[derive(Clone)]
struct PassThrough {
    streams: bool,
    input: SerializedRequest,
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

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> std::result::Result<(), BoxError> {
        self.attempts.begin(context.request());
        context.request_mut().add_extension(self.attempts.clone());
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
            response.add_extension(self.attempts.clone());
            response.add_extension(self.attempts.secrets());
            let body = std::mem::replace(response.body_mut(), SdkBody::empty());
            *response.body_mut() = SdkBody::from_body_1_x(Beginning { body, left: MAX_ERROR_BODY });
            return Ok(());
        }
        // What the SDK is left to deserialise: an answer without members.
        let left = if self.streams { SdkBody::empty() } else { SdkBody::from("{}") };
        let body = std::mem::replace(response.body_mut(), left);
        let header = |name: &str| response.headers().get(name);
        let secrets = self.attempts.secrets();
        let text = |name| secrets.redact(header(name).unwrap_or_default()).into_owned();
        let answer = Answer {
            status: response.status().as_u16(),
            head: ResponseHead { request_id: text("x-amzn-requestid"), usage: Usage::of_headers(header) },
            content_type: text("content-type"),
            encoding: content_encoding::unexpected(header("content-encoding")).map(str::to_owned),
            delimited: response.extension::<UntilClose>().is_none(),
            body: InPortions::of(body),
        };
        self.attempts.answered(answer.status, &answer.head.request_id);
        *self.answer.lock() = Some(answer);
        Ok(())
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> std::result::Result<(), BoxError> {
        self.attempts.failed(context);
        Ok(())
    }
}
