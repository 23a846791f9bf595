//! A call through the SDK: sends its request and receives the head of its response.
//!
//! The SDK resolves the endpoint, gets the credentials, signs, retries and connects. Two of its operations carry every
//! call: one for responses that stream and one for those that do not. The interceptor [`PassThrough`] replaces their
//! request and takes their response.

use super::attempts::Attempts;
use super::body_prefix::BodyPrefix;
use super::error;
use super::incoming_response::IncomingResponse;
use super::pass_through::PassThrough;
use super::sdk_hooks::with_attempts;
use super::yielding_body::YieldingBody;
use crate::error::{Error, Kind, Result};
use crate::http::sniff::sniff;
use crate::protocol::bad_response::not_a_stream;
use crate::protocol::content_encoding;
use crate::protocol::operation::Operation;
use crate::protocol::traceparent::Traceparent;
use crate::request::SerializedRequest;
use aws_sdk_bedrockruntime::Client;
use aws_smithy_types::body::SdkBody;
use std::fmt;

/// The maximum length of the part that is read of a successful response that should be a stream and is not.
const MAX_NOT_A_STREAM: usize = 64 << 10;
/// The model id that the SDK requires, before the path is replaced.
pub(super) const PLACEHOLDER: &str = "-";

/// A call that is ready to be sent.
#[derive(Clone)]
pub struct Call {
    pub operation: Operation,
    pub request: SerializedRequest,
    /// The span in which the request is sent, if the program has named one. Boxed, because most calls have none.
    pub traceparent: Option<Box<Traceparent>>,
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.operation.name())?;
        if self.request.subject.is_empty() { Ok(()) } else { write!(f, " with {}", self.request.subject) }
    }
}

/// Sends the call and waits for the head of its response.
pub async fn send(client: &Client, call: &Call, attempts: &Attempts) -> Result<IncomingResponse> {
    let streams = call.operation.streams();
    let pass = PassThrough::new(streams, call.request.clone(), call.traceparent.as_deref().copied(), attempts.clone());
    // The SDK's futures are large. Boxed, they do not move with the futures around them.
    if streams {
        let carrier = client.converse_stream().model_id(PLACEHOLDER).customize();
        let sending = Box::pin(with_attempts(attempts, carrier.interceptor(pass.clone()).send()));
        sending.await.map(drop).map_err(error::from_sdk)?;
    } else {
        let carrier = client.converse().model_id(PLACEHOLDER).customize();
        let sending = Box::pin(with_attempts(attempts, carrier.interceptor(pass.clone()).send()));
        sending.await.map(drop).map_err(error::from_sdk)?;
    }
    let response = pass.take_response();
    let mut response = response.ok_or_else(|| Error::new(Kind::Internal, "the SDK returned no response"))?;
    if let Some(encoding) = &response.encoding {
        let error = Error::new(Kind::Protocol, content_encoding::message_for(encoding));
        let error = error.with_http_status(response.status).with_request_id(&response.head.request_id);
        return Err(error.advise("Check the gateway"));
    }
    if !streams {
        return Ok(response);
    }
    let (is_stream, body) = sniff(&response.content_type, response.body.into_inner(), SdkBody::from_body_1_x).await;
    if !is_stream {
        let beginning = BodyPrefix::read(body, MAX_NOT_A_STREAM).await;
        let text = String::from_utf8_lossy(&beginning);
        let error = not_a_stream(response.status, &response.content_type, &text);
        return Err(error.with_request_id(&response.head.request_id));
    }
    response.body = YieldingBody::new(body);
    Ok(response)
}
