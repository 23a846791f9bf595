//! The HTTP response of a reply.

use super::reply::Reply;
use super::step::{JSON, Step};
use crate::config::ErrorReply;
use crate::http::body::Body;
use crate::http::timed_body::BodyStep;
use crate::protocol::batch::Batch;
use crate::protocol::content_type::EVENT_STREAM;
use crate::protocol::event_decoder::EventDecoder;
use crate::protocol::frame_buffer::FrameBuffer;
use crate::response::message_assembler::MessageAssembler;
use http::{HeaderValue, Response};
use serde_json::json;

/// The status of a stream's error in a unary response. It is not retried: the next reply is for the next call.
const FAILED_DEPENDENCY: u16 = 424;

/// Returns the response, as a stream if the request asks for one.
pub fn response(reply: &Reply, is_stream: bool) -> http::Result<Response<Body>> {
    match reply {
        Reply::Error(error) => error_response(error),
        Reply::Json(json) => respond(200, JSON, [BodyStep::Data(json.clone().into())], &[]),
        Reply::Steps(steps) if is_stream => respond(200, EVENT_STREAM, steps.iter().map(Step::body_step), &[]),
        Reply::Steps(steps) => match unary_response(steps) {
            Ok(json) => {
                let waits = steps.iter().filter(|step| matches!(step, Step::Wait(_))).map(Step::body_step);
                respond(200, JSON, waits.chain([BodyStep::Data(json.into())]), &[])
            }
            Err(error) => error_response(&error),
        },
    }
}

fn error_response(error: &ErrorReply) -> http::Result<Response<Body>> {
    let body = json!({"message": error.message}).to_string();
    let code = ("x-amzn-errortype".to_owned(), error.code.clone());
    let headers: Vec<_> = error.headers.iter().cloned().chain([code]).collect();
    respond(error.status, JSON, [BodyStep::Data(body.into())], &headers)
}

fn respond(
    status: u16,
    content_type: &str,
    steps: impl IntoIterator<Item = BodyStep>,
    headers: &[(String, String)],
) -> http::Result<Response<Body>> {
    let mut builder = Response::builder().status(status);
    for (name, value) in headers {
        builder = builder.header(name, value);
    }
    let mut response = builder.header("content-type", content_type).body(Body::of_steps(steps))?;
    response.headers_mut().insert("x-amzn-requestid", HeaderValue::from_static("scripted"));
    Ok(response)
}

/// Returns the body of a unary response with the content of these events.
fn unary_response(steps: &[Step]) -> Result<String, ErrorReply> {
    let failed =
        |code: String, message: String| ErrorReply { status: FAILED_DEPENDENCY, code, message, headers: Vec::new() };
    let (mut batch, mut events, mut frames) = (Batch::default(), EventDecoder::default(), FrameBuffer::default());
    for step in steps {
        if let Step::Frame(frame) = step {
            let decoded = frames.feed(frame, |frame| events.decode(frame, &mut batch));
            decoded.map_err(|error| failed(error.code().to_string(), error.message().to_string()))?;
        }
    }
    if !events.message_stopped() {
        let message =
            "the events of the script end before messageStop: a unary response would be incomplete".to_owned();
        return Err(failed(String::new(), message));
    }
    let mut message = MessageAssembler::default();
    (0..batch.len()).filter_map(|index| batch.get(index)).for_each(|event| message.push(&event));
    Ok(message.into_json().into())
}
