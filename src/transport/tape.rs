//! One interaction while it happens. Whatever becomes of it, it is written: where the call is given up, with what had come.

use super::recorder::Recorder;
use super::recording::{Answer, Content, Interaction, Outcome, Part, Request, kept};
use crate::error::Result;
use crate::wire::answer::UntilClose;
use crate::wire::event::{Batch, EventDecoder};
use crate::wire::frame::{Decoder, FrameError, MAX_FRAME};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use bytes::Bytes;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

const GIVEN_UP: &str = "the call was given up";
/// A prelude; a frame's first four bytes are its length.
const PRELUDE: usize = 12;

pub struct Tape {
    recorder: Arc<Recorder>,
    /// Taken once it is written, or forgotten.
    request: Option<Request>,
    answer: Option<Answer>,
    /// What the last time in the recording counts up to.
    now: Instant,
    /// The bytes of a frame, or of a whole answer, as far as they have come.
    partial: Vec<u8>,
    /// Whether the stream's frames can be told apart.
    framed: bool,
    /// What the stream's reader makes of them.
    reader: EventDecoder,
}

impl Tape {
    pub fn begin(recorder: Arc<Recorder>, request: &HttpRequest) -> Self {
        Tape {
            recorder,
            request: Some(Request::of(request)),
            answer: None,
            now: Instant::now(),
            partial: Vec::new(),
            framed: true,
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
            answer.content = Content::Events(Vec::new());
        }
    }

    /// Takes what has come of an answer that is no stream.
    pub fn feed(&mut self, data: &[u8]) {
        self.partial.extend_from_slice(data);
    }

    /// Takes what has come of a stream. True where its reader will want no more: after an exception, or what is no event.
    pub fn feed_frames(&mut self, data: &[u8]) -> bool {
        self.partial.extend_from_slice(data);
        let mut last = false;
        while self.framed && self.partial.len() >= PRELUDE {
            let length = u32::from_be_bytes(*self.partial.first_chunk().expect("a prelude has twelve bytes")) as usize;
            let whole = (PRELUDE..=MAX_FRAME).contains(&length) && self.partial.len() >= length;
            let frame = if whole { &self.partial[..length] } else { &self.partial[..PRELUDE] };
            let decoded = Decoder::default().feed(frame, |frame| {
                last |= self.reader.decode(frame, &mut Batch::default()).is_err();
                Ok::<_, FrameError>(())
            });
            self.framed = decoded.is_ok();
            if !whole {
                break;
            }
            if self.framed {
                let rest = self.partial.split_off(length);
                let frame = std::mem::replace(&mut self.partial, rest);
                self.part(frame);
            }
        }
        if !self.framed {
            let rest = std::mem::take(&mut self.partial);
            self.part(rest);
        }
        last || !self.framed
    }

    fn part(&mut self, bytes: Vec<u8>) {
        let after = lap(&mut self.now);
        if let Some(Answer { content: Content::Events(parts), .. }) = &mut self.answer
            && !bytes.is_empty()
        {
            parts.push(Part { after, bytes: bytes.into() });
        }
    }

    /// Writes down that no answer came.
    pub fn failed(&mut self, why: String) -> JoinHandle<Result<()>> {
        let interaction = self.close(None, why).expect("a tape ends once");
        self.recorder.write(interaction)
    }

    /// Writes the answer down, and what happened where its body did not come to its end. Gives what came of an answer that is
    /// no stream.
    pub fn end(&mut self, ended: Option<String>) -> (JoinHandle<Result<()>>, Bytes) {
        let bytes = self.settle();
        let interaction = self.close(ended, String::new()).expect("a tape ends once");
        (self.recorder.write(interaction), bytes)
    }

    /// Writes nothing: nothing has passed.
    pub fn forget(&mut self) {
        self.request = None;
    }

    /// Puts what came last into the answer. Gives it, which is all where the answer is no stream.
    fn settle(&mut self) -> Bytes {
        let rest = std::mem::take(&mut self.partial);
        match &mut self.answer {
            Some(Answer { content: Content::Events(_), .. }) => {
                self.part(rest);
                Bytes::new()
            }
            Some(answer) => {
                let whole = Bytes::from(rest);
                answer.after += lap(&mut self.now);
                answer.content = Content::Whole(whole.clone());
                whole
            }
            None => Bytes::new(),
        }
    }

    fn close(&mut self, ended: Option<String>, failure: String) -> Option<Interaction> {
        let request = self.request.take()?;
        let outcome = match self.answer.take() {
            Some(answer) => Outcome::Answer(Answer { ended, ..answer }),
            None => Outcome::Failure(failure),
        };
        Some(Interaction { request, outcome })
    }
}

impl Drop for Tape {
    fn drop(&mut self) {
        self.settle();
        if let Some(interaction) = self.close(Some(GIVEN_UP.to_owned()), GIVEN_UP.to_owned()) {
            self.recorder.write_unheard(interaction);
        }
    }
}

/// The time since the last time, in whole milliseconds. What is cut off counts next time.
fn lap(last: &mut Instant) -> Duration {
    let lap = Duration::from_millis(last.elapsed().as_millis() as u64);
    *last += lap;
    lap
}
