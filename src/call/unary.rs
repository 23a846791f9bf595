//! The response of a unary call, received to its end.

use crate::error::Result;
use crate::protocol::frame_buffer::LONG;
use crate::protocol::operation::ResponseForm;
use crate::protocol::response_head::ResponseHead;
use crate::protocol::unary_response::{UnaryBody, UnaryHead};
use crate::runtime::blocking;
use crate::sdk::incoming_response::{self, IncomingResponse};

/// A complete response that does not stream.
pub struct Unary {
    pub head: ResponseHead,
    pub body: UnaryBody,
}

/// Receives a response of at most `max_answer` bytes. The caller sets the timer.
pub async fn receive(response: IncomingResponse, form: ResponseForm, max_answer: usize) -> Result<Unary> {
    let IncomingResponse { status, head, content_type, delimited, body, .. } = response;
    let unary = UnaryHead { status, content_type, delimited, form };
    let reading = async {
        let bytes = incoming_response::read_body(body, max_answer).await?;
        if bytes.len() <= LONG {
            unary.read_body(bytes)
        } else {
            blocking::CHECKS.run(move || unary.read_body(bytes)).await
        }
    };
    match reading.await {
        Ok(body) => Ok(Unary { body: UnaryBody { usage: head.usage.or(body.usage), ..body }, head }),
        Err(error) => Err(error.with_request_id(&head.request_id).with_http_status(status)),
    }
}
