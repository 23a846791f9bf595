//! The interceptor that carries a call's own request and response through an operation of the SDK.
//!
//! It replaces the request before the retry loop, and takes the body of a successful response before the SDK
//! deserializes it. Any other response stays with the SDK, whose retry classifiers and error types need it.

use super::attempts::Attempts;
use super::body_prefix::BodyPrefix;
use super::incoming_response::IncomingResponse;
use super::yielding_body::YieldingBody;
use crate::http::body::UntilClose;
use crate::protocol::content_encoding;
use crate::protocol::response_head::ResponseHead;
use crate::protocol::service_error::MAX_ERROR_BODY;
use crate::protocol::traceparent::{TRACEPARENT, Traceparent};
use crate::protocol::usage::Usage;
use crate::request::SerializedRequest;
use crate::runtime::sync::Mutex;
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

/// Carries one call's request and response. Clones share the response.
#[derive(Clone)]
pub struct PassThrough {
    streams: bool,
    request: SerializedRequest,
    traceparent: Option<Traceparent>,
    attempts: Attempts,
    response: Arc<Mutex<Option<IncomingResponse>>>,
}

impl PassThrough {
    /// Returns an interceptor that sends `request`.
    pub fn new(
        streams: bool,
        request: SerializedRequest,
        traceparent: Option<Traceparent>,
        attempts: Attempts,
    ) -> Self {
        PassThrough { streams, request, traceparent, attempts, response: Arc::default() }
    }

    /// Returns the response, once the SDK has succeeded.
    pub fn take_response(&self) -> Option<IncomingResponse> {
        self.response.lock().take()
    }
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
        request.set_uri(self.request.path.as_str())?;
        for (name, value) in &self.request.headers {
            request.headers_mut().try_insert(*name, value.clone())?;
        }
        let headers = request.headers_mut();
        match &self.request.body {
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
        // The header is not signed: proxies between the program and the service replace it.
        if let Some(traceparent) = self.traceparent {
            context.request_mut().headers_mut().insert(TRACEPARENT, traceparent.to_string());
        }
        self.attempts.start(context.request());
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
            *response.body_mut() = SdkBody::from_body_1_x(BodyPrefix::new(body, MAX_ERROR_BODY));
            return Ok(());
        }
        // The SDK deserializes a response without members.
        let empty = if self.streams { SdkBody::empty() } else { SdkBody::from("{}") };
        let body = std::mem::replace(response.body_mut(), empty);
        let header = |name: &str| response.headers().get(name);
        let secrets = self.attempts.secrets();
        let text = |name| secrets.redact(header(name).unwrap_or_default()).into_owned();
        let incoming = IncomingResponse {
            status: response.status().as_u16(),
            head: ResponseHead {
                request_id: text("x-amzn-requestid"),
                model: self.request.model().to_owned(),
                service_tier: text("x-amzn-bedrock-service-tier"),
                usage: Usage::of_headers(header),
            },
            content_type: text("content-type"),
            encoding: content_encoding::unexpected(header("content-encoding")).map(str::to_owned),
            delimited: response.extension::<UntilClose>().is_none(),
            body: YieldingBody::new(body),
        };
        self.attempts.succeed(incoming.status, &incoming.head.request_id);
        *self.response.lock() = Some(incoming);
        Ok(())
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> std::result::Result<(), BoxError> {
        self.attempts.finish(context);
        Ok(())
    }
}
