//! A way to the service that is made ready ahead of a call.
//!
//! The SDK is asked for a call like any other, so that credentials, endpoint, signing, retries and errors are those of
//! a call. The request carries [`ConnectOnly`]: the transport makes its connection ready, keeps it, and sends nothing.

use super::attempts::Attempts;
use super::call::PLACEHOLDER;
use super::failure;
use super::retry;
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

/// Stands with a request that is not to be sent: only its connection is wanted.
#[derive(Clone, Copy, Debug)]
pub struct ConnectOnly;

impl ConnectOnly {
    pub fn is_with(request: &HttpRequest) -> bool {
        request.extension::<ConnectOnly>().is_some()
    }

    /// What the SDK is given in place of an answer: one without members.
    pub fn answer() -> HttpResponse {
        HttpResponse::new(StatusCode::try_from(200).expect("200 is a status"), SdkBody::from("{}"))
    }
}

/// Makes a connection ready for the next call of this client. Each try is an attempt.
pub async fn connect(client: &Client, attempts: &Attempts) -> Result<()> {
    let carrier = client.converse().model_id(PLACEHOLDER).customize();
    let connecting = carrier.interceptor(Rehearsal { attempts: attempts.clone() }).send();
    Box::pin(retry::of_call(attempts, connecting)).await.map(drop).map_err(failure::before_answer)
}

/// Marks the request of each attempt as one that is not sent.
#[derive(Debug)]
struct Rehearsal {
    attempts: Attempts,
}

#[dyn_dispatch_hint]
impl Intercept for Rehearsal {
    fn name(&self) -> &'static str {
        "Rehearsal"
    }

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> std::result::Result<(), BoxError> {
        self.attempts.begin(context.request());
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
            Some(Ok(_)) => self.attempts.connected(),
            _ => self.attempts.failed(context),
        }
        Ok(())
    }
}
