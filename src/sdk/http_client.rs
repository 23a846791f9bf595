//! A [`Transport`] as the HTTP client of the SDK, below its signing and its retries.

use super::attempts::Attempts;
use super::connect_ahead::ConnectOnly;
use crate::config::DEFAULT_CONNECT;
use crate::http::body::Body;
use crate::http::lifetime::{ConnectTimes, Lifetime};
use crate::http::transport::{SendObserver, SendOptions, Timeouts, Transport};
use crate::http::transport_error::{ErrorClass, TransportError};
use aws_smithy_runtime_api::client::connection::{CaptureSmithyConnection, ConnectionMetadata};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http::{Request, Response};
use http_body::Body as _;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;

/// Returns the HTTP client that sends requests by a transport.
pub fn http_client(transport: impl Transport) -> SharedHttpClient {
    SharedHttpClient::new(Client(transport))
}

#[derive(Debug)]
struct Client<T>(T);

impl<T: Transport> HttpClient for Client<T> {
    fn http_connector(&self, settings: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        let connect = settings.connect_timeout().unwrap_or(DEFAULT_CONNECT);
        let timeouts = Timeouts { connect, response: settings.read_timeout() };
        SharedHttpConnector::new(Connector { transport: self.0.clone(), timeouts })
    }
}

#[derive(Debug)]
struct Connector<T> {
    transport: T,
    timeouts: Timeouts,
}

impl<T: Transport> HttpConnector for Connector<T> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (transport, timeouts) = (self.transport.clone(), self.timeouts);
        if ConnectOnly::is_with(&request) {
            return HttpConnectorFuture::new(async move {
                transport.connect(http_request(request).await?, timeouts).await.map_err(connector_error)?;
                Ok(ConnectOnly::response())
            });
        }
        HttpConnectorFuture::new(async move {
            let observer = Observer {
                capture: request.extension::<CaptureSmithyConnection>().cloned(),
                attempts: request.extension::<Attempts>().cloned(),
            };
            let options = SendOptions { timeouts, observer: &observer };
            sdk_response(transport.send(http_request(request).await?, options).await)
        })
    }
}

/// An observer that passes the events of a request on to the SDK and the call.
struct Observer {
    capture: Option<CaptureSmithyConnection>,
    attempts: Option<Attempts>,
}

impl SendObserver for Observer {
    /// The SDK retires connections after some failures.
    fn on_connection(&self, lifetime: &Arc<Lifetime>, connected: Option<ConnectTimes>) {
        if let Some(attempts) = &self.attempts {
            attempts.take_connection(connected);
        }
        let Some(capture) = &self.capture else { return };
        let lifetime = lifetime.clone();
        capture.set_connection_retriever(move || {
            let lifetime = lifetime.clone();
            Some(ConnectionMetadata::builder().proxied(false).poison_fn(move || lifetime.retire()).build())
        });
    }

    fn on_resend(&self) {
        if let Some(attempts) = &self.attempts {
            attempts.resend();
        }
    }
}

async fn http_request(request: HttpRequest) -> Result<Request<Bytes>, ConnectorError> {
    let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
    let (parts, body) = request.into_parts();
    Ok(Request::from_parts(parts, collect(body).await?))
}

// Not once for each transport.
#[inline(never)]
fn sdk_response(result: Result<Response<Body>, TransportError>) -> Result<HttpResponse, ConnectorError> {
    let response = result.map_err(connector_error)?.map(SdkBody::from_body_1_x);
    HttpResponse::try_from(response).map_err(|error| ConnectorError::other(error.into(), None))
}

/// Returns the body of a request, which is in memory. It is copied only if it has several parts.
async fn collect(mut body: SdkBody) -> Result<Bytes, ConnectorError> {
    let mut bytes = Bytes::new();
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        if let Ok(data) = frame.map_err(ConnectorError::io)?.into_data() {
            bytes = if bytes.is_empty() { data } else { [bytes, data].concat().into() };
        }
    }
    Ok(bytes)
}

/// The class decides whether the SDK tries again.
fn connector_error(error: TransportError) -> ConnectorError {
    match error.class() {
        ErrorClass::Timeout => ConnectorError::timeout(error.into()),
        ErrorClass::Io => ConnectorError::io(error.into()),
        ErrorClass::Configuration => ConnectorError::user(error.into()),
        ErrorClass::Other => ConnectorError::other(error.into(), None),
    }
}
