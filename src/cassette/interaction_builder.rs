//! An interaction while it happens. It is always written: if the call is cancelled, with what had arrived.

use super::format::{Content, Interaction, Outcome, PartsBuilder, Request, Response, TimedParts, recorded_headers};
use super::recorder::{PendingWrite, Recorder};
use crate::http::body::UntilClose;
use crate::protocol::batch::Batch;
use crate::protocol::event_decoder::EventDecoder;
use crate::protocol::frame::PRELUDE;
use crate::protocol::frame_buffer::{FrameBuffer, LONG};
use crate::protocol::frame_error::FrameError;
use crate::protocol::frame_limits::MAX_FRAME;
use crate::protocol::redact::Secrets;
use bytes::Bytes;
use std::sync::Arc;
use std::time::{Duration, Instant};

const CANCELLED: &str = "the call was given up";

/// An interaction that is being recorded.
pub struct InteractionBuilder {
    recorder: Arc<Recorder>,
    /// None once the interaction was written or discarded.
    request: Option<Request>,
    /// The secrets that authorize the request. They are not written.
    secrets: Secrets,
    response: Option<Response>,
    /// The end of the last delay in the recording.
    last_time: Instant,
    /// The body of the response.
    body: PartsBuilder,
    /// Whether all of the stream so far consists of valid frames.
    has_valid_frames: bool,
    frames: FrameBuffer,
    /// Decodes the stream as its reader does.
    events: EventDecoder,
}

impl InteractionBuilder {
    pub fn new(recorder: Arc<Recorder>, request: &http::Request<Bytes>, secrets: Secrets) -> Self {
        InteractionBuilder {
            recorder,
            request: Some(Request::of(request)),
            secrets,
            response: None,
            last_time: Instant::now(),
            body: PartsBuilder::default(),
            has_valid_frames: true,
            frames: FrameBuffer::default(),
            events: EventDecoder::default(),
        }
    }

    /// Adds the head of the response, which does not stream unless [`set_stream`](Self::set_stream) follows.
    pub fn set_head<B>(&mut self, response: &http::Response<B>) {
        let names = ["content-type", "x-amzn-requestid", "x-amzn-errortype", "retry-after"];
        self.response = Some(Response {
            after: elapsed_since(&mut self.last_time),
            status: response.status().as_u16(),
            headers: recorded_headers(response.headers(), &names),
            content: Content::Bytes(Bytes::new()),
            until_close: response.extensions().get::<UntilClose>().is_some(),
            error: None,
        });
    }

    /// Makes the response a stream.
    pub fn set_stream(&mut self) {
        if let Some(response) = &mut self.response {
            response.content = Content::Events(TimedParts::default());
        }
    }

    /// Adds data of a response that does not stream.
    pub fn add_data(&mut self, data: &[u8]) {
        self.body.push(data);
    }

    /// Adds data of a stream. Returns whether its reader stops here: after an exception, or data that is no event.
    pub fn add_stream_data(&mut self, data: &[u8]) -> bool {
        self.body.push(data);
        let mut last = false;
        while self.has_valid_frames
            && let Some(prelude) = self.body.open_part().first_chunk::<PRELUDE>()
        {
            let length = u32::from_be_bytes(*prelude.first_chunk().expect("a prelude has twelve bytes")) as usize;
            if (PRELUDE..=MAX_FRAME).contains(&length) && self.body.open_part().len() >= length {
                let decoded = self.frames.feed(&self.body.open_part()[..length], |frame| {
                    // A long frame is checked by the reader alone.
                    last |= frame.payload.len() <= LONG && self.events.decode(frame, &mut Batch::default()).is_err();
                    Ok::<_, FrameError>(())
                });
                self.has_valid_frames = decoded.is_ok();
                if self.has_valid_frames {
                    self.body.end_part(length, elapsed_since(&mut self.last_time));
                }
            } else {
                // The length is trusted only if its checksum is right.
                self.has_valid_frames = FrameBuffer::default().feed(prelude, |_| Ok::<_, FrameError>(())).is_ok();
                break;
            }
        }
        if !self.has_valid_frames {
            self.end_part();
        }
        last || !self.has_valid_frames
    }

    /// Makes the data after the last part a part.
    fn end_part(&mut self) {
        let length = self.body.open_part().len();
        if length > 0 {
            self.body.end_part(length, elapsed_since(&mut self.last_time));
        }
    }

    /// Writes that no response arrived.
    pub fn fail(&mut self, why: String) -> PendingWrite {
        self.write(None, why).expect("an interaction is written once")
    }

    /// Writes the response, with an error if its body broke off. Returns the body of a response that does not stream.
    pub fn finish(&mut self, error: Option<String>) -> (PendingWrite, Bytes) {
        let bytes = self.move_body();
        (self.write(error, String::new()).expect("an interaction is written once"), bytes)
    }

    /// Writes nothing: no request was sent.
    pub fn discard(&mut self) {
        self.request = None;
    }

    /// Moves the body into the response. Returns it if the response does not stream.
    fn move_body(&mut self) -> Bytes {
        if let Some(Response { content: Content::Events(_), .. }) = self.response {
            self.end_part();
        }
        let body = std::mem::take(&mut self.body);
        match &mut self.response {
            Some(Response { content: Content::Events(parts), .. }) => {
                *parts = body.into_parts();
                Bytes::new()
            }
            Some(response) => {
                let bytes = body.into_bytes();
                response.after += elapsed_since(&mut self.last_time);
                response.content = Content::Bytes(bytes.clone());
                bytes
            }
            None => Bytes::new(),
        }
    }

    fn write(&mut self, error: Option<String>, failure: String) -> Option<PendingWrite> {
        let request = self.request.take()?;
        let outcome = match self.response.take() {
            Some(response) => Outcome::Response(Response { error, ..response }),
            None => Outcome::Failure(failure),
        };
        let secrets = std::mem::take(&mut self.secrets);
        Some(self.recorder.write(Interaction { request, outcome }, secrets))
    }
}

impl Drop for InteractionBuilder {
    fn drop(&mut self) {
        self.move_body();
        drop(self.write(Some(CANCELLED.to_owned()), CANCELLED.to_owned()));
    }
}

/// Returns the time since `last`, in whole milliseconds, and adds it to `last`. The remainder counts next time.
fn elapsed_since(last: &mut Instant) -> Duration {
    let elapsed = Duration::from_millis(last.elapsed().as_millis() as u64);
    *last += elapsed;
    elapsed
}
