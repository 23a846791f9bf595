//! One interaction while it happens. Whatever becomes of it, it is written: where the call is given up, with what had come.

use super::format::{Answer, Content, Gathering, Interaction, Outcome, Parts, Request, kept};
use super::recorder::{Recorder, Writing};
use crate::http::body::UntilClose;
use crate::protocol::batch::Batch;
use crate::protocol::event_decoder::EventDecoder;
use crate::protocol::frame::PRELUDE;
use crate::protocol::frame_decoder::{FrameDecoder, LONG};
use crate::protocol::frame_error::FrameError;
use crate::protocol::frame_limits::MAX_FRAME;
use crate::protocol::redact::Secrets;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use bytes::Bytes;
use std::sync::Arc;
use std::time::{Duration, Instant};

const GIVEN_UP: &str = "the call was given up";

pub struct Tape {
    recorder: Arc<Recorder>,
    /// Taken once it is written, or forgotten.
    request: Option<Request>,
    /// What authorizes it, and is not written.
    secrets: Secrets,
    answer: Option<Answer>,
    /// What the last time in the recording counts up to.
    now: Instant,
    /// The answer's body.
    body: Gathering,
    /// Whether the stream's frames can be told apart.
    framed: bool,
    frames: FrameDecoder,
    /// What the stream's reader makes of them.
    reader: EventDecoder,
}

impl Tape {
    pub fn begin(recorder: Arc<Recorder>, request: &HttpRequest, secrets: Secrets) -> Self {
        Tape {
            recorder,
            request: Some(Request::of(request)),
            secrets,
            answer: None,
            now: Instant::now(),
            body: Gathering::default(),
            framed: true,
            frames: FrameDecoder::default(),
            reader: EventDecoder::default(),
        }
    }

    /// The head of the answer, which is no stream unless [`Tape::stream`] says so.
    pub fn head(&mut self, response: &HttpResponse) {
        let told = ["content-type", "x-amzn-requestid", "x-amzn-errortype", "retry-after"];
        self.answer = Some(Answer {
            after: lap(&mut self.now),
            status: response.status().as_u16(),
            headers: kept(response.headers(), &told),
            content: Content::Whole(Bytes::new()),
            until_close: response.extension::<UntilClose>().is_some(),
            ended: None,
        });
    }

    /// The answer is a stream.
    pub fn stream(&mut self) {
        if let Some(answer) = &mut self.answer {
            answer.content = Content::Events(Parts::default());
        }
    }

    /// Takes what has come of an answer that is no stream.
    pub fn feed(&mut self, data: &[u8]) {
        self.body.push(data);
    }

    /// Takes what has come of a stream. True where its reader will want no more: after an exception, or what is no event.
    pub fn feed_frames(&mut self, data: &[u8]) -> bool {
        self.body.push(data);
        let mut last = false;
        while self.framed
            && let Some(prelude) = self.body.open().first_chunk::<PRELUDE>()
        {
            let length = u32::from_be_bytes(*prelude.first_chunk().expect("a prelude has twelve bytes")) as usize;
            if (PRELUDE..=MAX_FRAME).contains(&length) && self.body.open().len() >= length {
                let decoded = self.frames.feed(&self.body.open()[..length], |frame| {
                    // A long one is the reader's alone to judge.
                    last |= frame.payload.len() <= LONG && self.reader.decode(frame, &mut Batch::default()).is_err();
                    Ok::<_, FrameError>(())
                });
                self.framed = decoded.is_ok();
                if self.framed {
                    self.body.end_part(length, lap(&mut self.now));
                }
            } else {
                // A length is believed after its checksum alone.
                self.framed = FrameDecoder::default().feed(prelude, |_| Ok::<_, FrameError>(())).is_ok();
                break;
            }
        }
        if !self.framed {
            self.end_part();
        }
        last || !self.framed
    }

    /// Makes what has come behind the last part another one.
    fn end_part(&mut self) {
        let length = self.body.open().len();
        if length > 0 {
            self.body.end_part(length, lap(&mut self.now));
        }
    }

    /// Writes down that no answer came.
    pub fn failed(&mut self, why: String) -> Writing {
        self.close(None, why).expect("a tape ends once")
    }

    /// Writes the answer down, and what happened where its body did not come to its end. Gives what came of an answer that is
    /// no stream.
    pub fn end(&mut self, ended: Option<String>) -> (Writing, Bytes) {
        let bytes = self.settle();
        (self.close(ended, String::new()).expect("a tape ends once"), bytes)
    }

    /// Writes nothing: nothing has passed.
    pub fn forget(&mut self) {
        self.request = None;
    }

    /// Puts the body into the answer. Gives it where the answer is no stream.
    fn settle(&mut self) -> Bytes {
        if let Some(Answer { content: Content::Events(_), .. }) = self.answer {
            self.end_part();
        }
        let body = std::mem::take(&mut self.body);
        match &mut self.answer {
            Some(Answer { content: Content::Events(parts), .. }) => {
                *parts = body.into_parts();
                Bytes::new()
            }
            Some(answer) => {
                let whole = body.into_bytes();
                answer.after += lap(&mut self.now);
                answer.content = Content::Whole(whole.clone());
                whole
            }
            None => Bytes::new(),
        }
    }

    fn close(&mut self, ended: Option<String>, failure: String) -> Option<Writing> {
        let request = self.request.take()?;
        let outcome = match self.answer.take() {
            Some(answer) => Outcome::Answer(Answer { ended, ..answer }),
            None => Outcome::Failure(failure),
        };
        let secrets = std::mem::take(&mut self.secrets);
        Some(self.recorder.write(Interaction { request, outcome }, secrets))
    }
}

impl Drop for Tape {
    fn drop(&mut self) {
        self.settle();
        // Nobody waits for it.
        drop(self.close(Some(GIVEN_UP.to_owned()), GIVEN_UP.to_owned()));
    }
}

/// The time since the last time, in whole milliseconds. What is cut off counts next time.
fn lap(last: &mut Instant) -> Duration {
    let lap = Duration::from_millis(last.elapsed().as_millis() as u64);
    *last += lap;
    lap
}
