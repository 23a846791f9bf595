//! A response that streams, as the worker receives it: before its content the worker can still drop it for another.

use super::timer::{Deadline, Timer, Wait};
use crate::error::{Error, Kind, Result, chain};
use crate::protocol::batch::Batch;
use crate::protocol::event::EventKind;
use crate::protocol::event_decoder::EventDecoder;
use crate::protocol::frame_buffer::{FrameBuffer, LongFrame};
use crate::protocol::operation::ResponseForm;
use crate::protocol::response_head::ResponseHead;
use crate::protocol::stream_completion::{BodyEnd, Completion};
use crate::protocol::usage::Usage;
use crate::runtime::blocking;
use crate::runtime::coalesce::Receiving;
use crate::sdk::incoming_response::{self, IncomingResponse};
use crate::sdk::yielding_body::YieldingBody;
use bytes::{Buf, Bytes};
use http_body::Body;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// The limits of a response that streams.
#[derive(Clone, Copy, Debug)]
pub struct StreamLimits {
    /// From the call to the first event.
    pub first_event: Deadline,
    /// From one event to the next.
    pub idle: Duration,
    /// From the call to its end, if it is limited.
    pub total: Option<Deadline>,
    /// All its frames together, in bytes.
    pub max_answer: usize,
}

/// A response that streams and is not complete.
pub struct Incoming {
    head: ResponseHead,
    body: YieldingBody,
    /// Whether the end of the body differs from the end of a lost connection.
    delimited: bool,
    /// The part of the body that has been received and not been decoded.
    received: Bytes,
    /// The length of the body so far.
    length: usize,
    frames: FrameBuffer,
    events: EventDecoder,
    /// Events that the reader has not been given, because none of them is content.
    held: Batch,
    /// The failure of the response after these events.
    failed: Option<Error>,
    limits: StreamLimits,
    timer: Timer,
    receiving: Receiving,
}

impl Incoming {
    pub fn new(response: IncomingResponse, form: ResponseForm, limits: StreamLimits) -> Self {
        let IncomingResponse { body, delimited, head, .. } = response;
        Incoming {
            head,
            body,
            delimited,
            received: Bytes::new(),
            length: 0,
            frames: FrameBuffer::default(),
            events: EventDecoder::new(form),
            held: Batch::default(),
            failed: None,
            limits,
            timer: Timer::new(limits.first_event.or_earlier(limits.total)),
            receiving: Receiving::begin(),
        }
    }

    pub fn head(&self) -> &ResponseHead {
        &self.head
    }

    pub fn limits(&self) -> &StreamLimits {
        &self.limits
    }

    /// Returns the length of the body so far.
    pub fn length(&self) -> usize {
        self.length
    }

    /// Returns the deadline of the next event, if the last one has just come.
    pub fn idle(&self) -> Deadline {
        Deadline::after(Wait::Idle, self.limits.idle)
    }

    /// Starts the timer of the wait for the next event again.
    pub fn restart_timer(&mut self, next: Deadline) {
        self.timer.restart(next.or_earlier(self.limits.total));
    }

    /// Waits for content: any event but messageStart. The events so far are held back. The reader, who does not see
    /// them, learns by `renew` until when the next one may come.
    pub async fn content(&mut self, renew: &(dyn Fn(Deadline) + Sync)) -> Result<()> {
        let mut held = Batch::default();
        while !has_content(&held) && !self.has_long() {
            if self.received.is_empty() && !self.receive().await? {
                break;
            }
            let before = held.len();
            if let Err(error) = self.decode(&mut held) {
                // Content that arrived together with the failure counts, however the bytes were packed.
                if !has_content(&held) {
                    return Err(error);
                }
                self.failed = Some(error);
            }
            if held.len() > before {
                let next = self.idle();
                self.restart_timer(next);
                renew(next);
            }
        }
        self.held = held;
        Ok(())
    }

    /// Returns the events that were held back, and the failure of the response after them.
    pub fn take_held(&mut self) -> (Batch, Result<()>) {
        (std::mem::take(&mut self.held), self.failed.take().map_or(Ok(()), Err))
    }

    /// Receives more of the body. Returns false if the response is complete.
    pub async fn receive(&mut self) -> Result<bool> {
        let end = match poll_fn(|cx| self.poll_chunk(cx)).await {
            Ok(Chunk::Data(data)) => {
                self.length += data.len();
                if self.length > self.limits.max_answer {
                    return Err(incoming_response::too_long(self.limits.max_answer));
                }
                self.received = data;
                return Ok(true);
            }
            Ok(Chunk::End) if self.delimited => BodyEnd::Delimited,
            Ok(Chunk::End) => BodyEnd::Closed,
            Ok(Chunk::Broken(cause)) => BodyEnd::Broken(cause),
            Err(timeout) if timeout.kind() == Kind::Timeout => BodyEnd::TimedOut(timeout),
            Err(error) => return Err(error),
        };
        Completion::of(&self.frames, &self.events).conclude(end).map(|()| false)
    }

    /// Returns whether a part of the body has been received and not been decoded.
    pub fn has_undecoded(&self) -> bool {
        !self.received.is_empty() || self.has_long()
    }

    /// Returns whether [`Incoming::decode`] has stopped at a frame that is too long for the worker.
    pub fn has_long(&self) -> bool {
        self.frames.has_long()
    }

    /// Decodes what has been received, up to a frame that is too long for the worker.
    pub fn decode(&mut self, batch: &mut Batch) -> Result<()> {
        let mut rest = &self.received[..];
        batch.reserve(rest.len());
        let decoded = self.frames.feed_short(&mut rest, |frame| self.events.decode(frame, batch));
        let left = rest.len();
        self.received.advance(self.received.len() - left);
        decoded
    }

    /// Returns that frame.
    pub fn take_long(&mut self) -> Option<LongFrame> {
        self.frames.take_long()
    }

    /// Decodes a frame that is too long for the worker, on another thread.
    pub async fn decode_elsewhere(&mut self, long: LongFrame) -> Result<Batch> {
        let mut decoder = std::mem::take(&mut self.events);
        let decoding = move || {
            let mut batch = Batch::default();
            long.open(|frame| decoder.decode(frame, &mut batch))?;
            Ok((decoder, batch))
        };
        let (decoder, batch) = blocking::CHECKS.run(decoding).await?;
        self.events = decoder;
        Ok(batch)
    }

    /// Counts events that the reader can see.
    pub fn count_events(&self, events: usize) {
        self.receiving.count(events);
    }

    /// Returns the usage that the response reported since the last call.
    pub fn take_usage(&mut self) -> Option<Usage> {
        self.events.take_usage().map(|usage| self.head.usage.or(usage))
    }

    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Result<Chunk>> {
        loop {
            return match Pin::new(&mut self.body).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => Poll::Ready(Ok(Chunk::Data(data))),
                    // Trailers do not decide whether the stream is complete.
                    Err(_) => continue,
                },
                Poll::Ready(Some(Err(error))) => Poll::Ready(match error.downcast::<Error>() {
                    // The library's own transport has described what happened.
                    Ok(error) => Err(*error),
                    Err(error) => Ok(Chunk::Broken(chain(&*error))),
                }),
                Poll::Ready(None) => Poll::Ready(Ok(Chunk::End)),
                Poll::Pending => self.timer.poll_expired(cx).map(Err),
            };
        }
    }
}

fn has_content(events: &Batch) -> bool {
    (0..events.len()).filter_map(|index| events.get(index)).any(|event| event.kind != EventKind::MessageStart)
}

enum Chunk {
    Data(Bytes),
    End,
    Broken(String),
}
