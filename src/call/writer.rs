//! The writer: the worker's side of a call.

use super::pipe::Written;
use super::shared::Shared;
use super::timer::{Deadline, Timer, Wait};
use crate::error::{Error, Kind, Result, chain};
use crate::protocol::batch::Batch;
use crate::protocol::event_decoder::EventDecoder;
use crate::protocol::frame_buffer::{FrameBuffer, LONG, LongFrame};
use crate::protocol::operation::ResponseForm;
use crate::protocol::stream_completion::{BodyEnd, Completion};
use crate::protocol::unary_response::UnaryHead;
use crate::protocol::usage::Usage;
use crate::runtime::blocking;
use crate::runtime::coalesce::Receiving;
use crate::runtime::notify;
use crate::sdk::attempts::Attempts;
use crate::sdk::incoming_response::{self, IncomingResponse};
use crate::sdk::yielding_body::YieldingBody;
use bytes::Bytes;
use http_body::Body;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

/// The worker's side of a call.
pub struct Writer {
    shared: Arc<Shared>,
}

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

/// A function that adds the usage of a call to that of its model.
pub type Count<'a> = dyn Fn(Usage) + Sync + 'a;

impl Writer {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Writer { shared }
    }

    pub fn attempts(&self) -> &Attempts {
        &self.shared.attempts
    }

    /// Gives the reader the deadlines of its call: `until` if no event comes before, and `total` in any case.
    pub fn limit(&self, until: Deadline, total: Option<Deadline>) {
        self.shared.pipe.limit(until, total);
    }

    /// Decodes a response that streams, until it is complete or fails.
    pub async fn stream(
        &self,
        response: IncomingResponse,
        form: ResponseForm,
        limits: StreamLimits,
        count: &Count<'_>,
    ) -> Result<()> {
        self.shared.set_head(&response.head);
        let request_id = response.head.request_id.clone();
        let name = |error: Error| self.name_host(error).with_request_id(&request_id);
        self.read_events(response, form, limits, count).await.map_err(name)
    }

    /// Collects the response of a unary call, of at most `max_answer` bytes. The caller sets the timer.
    pub async fn unary(
        &self,
        response: IncomingResponse,
        form: ResponseForm,
        max_answer: usize,
        count: &Count<'_>,
    ) -> Result<String> {
        let IncomingResponse { status, head, content_type, delimited, body, .. } = response;
        self.shared.set_head(&head);
        let unary = UnaryHead { status, content_type, delimited, form };
        let reading = async {
            let bytes = incoming_response::read_body(body, max_answer).await?;
            if bytes.len() <= LONG {
                unary.read_body(bytes)
            } else {
                blocking::CHECKS.run(move || unary.read_body(bytes)).await
            }
        };
        let name = |error| self.name_host(error).with_request_id(&head.request_id).with_http_status(status);
        let (text, usage) = reading.await.map_err(name)?;
        count(head.usage.or(usage));
        Ok(text)
    }

    /// Puts the host into the error of a response that did not arrive.
    fn name_host(&self, error: Error) -> Error {
        match error.kind() {
            Kind::Network | Kind::Timeout => {
                error.while_doing(format_args!("reading the response of {}", self.shared.attempts.host()))
            }
            _ => error,
        }
    }

    async fn read_events(
        &self,
        response: IncomingResponse,
        form: ResponseForm,
        limits: StreamLimits,
        count: &Count<'_>,
    ) -> Result<()> {
        let IncomingResponse { mut body, delimited, head, .. } = response;
        // Before the reader sees the event with the usage.
        let count = |usage: Usage| count(head.usage.or(usage));
        let receiving = Receiving::begin();
        let mut timer = Timer::new(limits.first_event.or_earlier(limits.total));
        let mut frames = FrameBuffer::default();
        let mut events = EventDecoder::new(form);
        let mut received = 0;
        let end = loop {
            let chunk = match poll_fn(|cx| next_chunk(&mut body, &mut timer, cx)).await {
                Ok(Chunk::Data(data)) => data,
                Ok(Chunk::End) if delimited => break BodyEnd::Delimited,
                Ok(Chunk::End) => break BodyEnd::Closed,
                Ok(Chunk::Broken(cause)) => break BodyEnd::Broken(cause),
                Err(timeout) if timeout.kind() == Kind::Timeout => break BodyEnd::TimedOut(timeout),
                Err(error) => return Err(error),
            };
            received += chunk.len();
            if received > limits.max_answer {
                return Err(incoming_response::too_long(limits.max_answer));
            }
            let mut next = Deadline::after(Wait::Idle, limits.idle);
            let (mut rest, mut any) = (&chunk[..], false);
            let full = loop {
                let written = self.decode(&mut frames, &mut events, &mut rest, next, count)?;
                receiving.count(written.events);
                any |= written.events > 0;
                let Some(long) = frames.take_long() else { break written.full };
                let batch = next.or_earlier(limits.total).limit(decode_elsewhere(long, &mut events)).await.flatten()?;
                events.take_usage().into_iter().for_each(count);
                self.batch_read(limits.total).await?;
                next = next.restarted();
                self.add(batch, next);
                any = true;
            };
            if full {
                self.batch_taken(limits.total).await?;
                next = next.restarted();
            }
            // While the batch was full the writer waited for the program, not for the service.
            if any || full {
                timer.restart(next.or_earlier(limits.total));
            }
        };
        Completion::of(&frames, &events).conclude(end)
    }

    fn decode(
        &self,
        frames: &mut FrameBuffer,
        events: &mut EventDecoder,
        chunk: &mut &[u8],
        next: Deadline,
        count: impl Fn(Usage),
    ) -> Result<Written> {
        let (decoded, written) = self.shared.pipe.write(Some(next), |batch| {
            batch.reserve(chunk.len());
            let decoded = frames.feed_short(chunk, |frame| events.decode(frame, batch));
            events.take_usage().into_iter().for_each(count);
            decoded
        });
        self.notify(&written);
        decoded.map(|()| written)
    }

    /// Adds events that were decoded on another thread. All before them have been read.
    fn add(&self, decoded: Batch, next: Deadline) {
        let ((), written) = self.shared.pipe.write(Some(next), |batch| *batch = decoded);
        self.notify(&written);
    }

    fn notify(&self, written: &Written) {
        if written.notify {
            notify::defer(self.shared.clone());
        }
        notify::flush_if_due();
    }

    /// Waits until the reader has taken a full batch. Only the total timer runs meanwhile.
    async fn batch_taken(&self, total: Option<Deadline>) -> Result<()> {
        within(total, poll_fn(|cx| self.shared.pipe.poll_taken(cx))).await
    }

    /// Waits until the reader has read all events. Only the total timer runs meanwhile.
    async fn batch_read(&self, total: Option<Deadline>) -> Result<()> {
        within(total, poll_fn(|cx| self.shared.pipe.poll_read(cx))).await
    }
}

async fn within(total: Option<Deadline>, taken: impl Future<Output = ()>) -> Result<()> {
    match total {
        Some(deadline) => deadline.limit(taken).await,
        None => {
            taken.await;
            Ok(())
        }
    }
}

/// Decodes a frame that is too long for the worker, on another thread.
async fn decode_elsewhere(long: LongFrame, events: &mut EventDecoder) -> Result<Batch> {
    let mut decoder = std::mem::take(events);
    let decoding = move || {
        let mut batch = Batch::default();
        long.open(|frame| decoder.decode(frame, &mut batch))?;
        Ok((decoder, batch))
    };
    let (decoder, batch) = blocking::CHECKS.run(decoding).await?;
    *events = decoder;
    Ok(batch)
}

enum Chunk {
    Data(Bytes),
    End,
    Broken(String),
}

fn next_chunk(body: &mut YieldingBody, timer: &mut Timer, cx: &mut std::task::Context<'_>) -> Poll<Result<Chunk>> {
    loop {
        return match Pin::new(&mut *body).poll_frame(cx) {
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
            Poll::Pending => timer.poll_expired(cx).map(Err),
        };
    }
}
