//! Connecting ahead of a call.
//!
//! The SDK performs a call like any other, so that credentials, endpoint, signing, retries and errors are those of a
//! call. The request carries [`ConnectOnly`]: the transport makes its connection ready, keeps it, and sends nothing.

use super::attempts::Attempts;
use super::call::PLACEHOLDER;
use super::error;
use super::sdk_hooks::with_attempts;
use crate::error::Result;
use aws_sdk_bedrockruntime::Client;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeTransmitInterceptorContextMut, FinalizerInterceptorContextRef,
};
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::ConfigBag;

/// Marks a request for which the transport only connects.
#[derive(Clone, Copy, Debug)]
pub struct ConnectOnly;

impl ConnectOnly {
    /// Returns whether a request is marked.
    pub fn is_with(request: &HttpRequest) -> bool {
        request.extension::<ConnectOnly>().is_some()
    }

    /// Returns the response for the SDK, a JSON object without members.
    pub fn response() -> HttpResponse {
        HttpResponse::new(StatusCode::try_from(200).expect("200 is a status"), SdkBody::from("{}"))
    }
}

/// Makes a connection ready for the next call of this client.
pub async fn connect(client: &Client, attempts: &Attempts) -> Result<()> {
    let carrier = client.converse().model_id(PLACEHOLDER).customize();
    let connecting = carrier.interceptor(ConnectOnlyInterceptor { attempts: attempts.clone() }).send();
    Box::pin(with_attempts(attempts, connecting)).await.map(drop).map_err(error::from_sdk)
}

/// Marks the request of each attempt.
#[derive(Debug)]
struct ConnectOnlyInterceptor {
    attempts: Attempts,
}

#[dyn_dispatch_hint]
impl Intercept for ConnectOnlyInterceptor {
    fn name(&self) -> &'static str {
        "ConnectOnlyInterceptor"
    }

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> std::result::Result<(), BoxError> {
        self.attempts.start(context.request());
        context.request_mut().add_extension(ConnectOnly);
        Ok(())
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> std::result::Result<(), BoxError> {
        match context.output_or_error() {
            Some(Ok(_)) => self.attempts.connect(),
            _ => self.attempts.finish(context),
        }
        Ok(())
    }
}
