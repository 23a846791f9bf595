//! The writer: the worker's side of a call.

use super::incoming::Incoming;
use super::observation::Observation;
use super::pipe::Written;
use super::shared::Shared;
use super::timer::Deadline;
use crate::error::Result;
use crate::protocol::batch::Batch;
use crate::protocol::response_head::ResponseHead;
use crate::protocol::usage::Usage;
use crate::runtime::notify;
use crate::sdk::attempts::Attempts;
use std::future::{Future, poll_fn};
use std::sync::Arc;

/// The worker's side of a call.
pub struct Writer {
    shared: Arc<Shared>,
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

    /// Returns what is observed of the call, if somebody listens.
    pub fn observation(&self) -> Option<&Observation> {
        self.shared.observation.as_deref()
    }

    /// Gives the reader the deadlines of its call: `until` if no event comes before, and `total` in any case.
    pub fn limit(&self, until: Deadline, total: Option<Deadline>) {
        self.shared.pipe.limit(until, total);
    }

    /// Gives the reader the deadlines of its call at one of several targets, as long as it has no later ones.
    pub fn prolong(&self, until: Deadline, total: Option<Deadline>) {
        self.shared.pipe.prolong(until, total);
    }

    /// Gives the reader the head of its response.
    pub fn set_head(&self, head: &ResponseHead) {
        self.shared.set_head(head);
    }

    /// Gives the reader the events of a response, until it is complete or fails. The usage is counted before the
    /// reader sees the event with it.
    pub async fn deliver(&self, mut response: Incoming, count: &Count<'_>) -> Result<()> {
        let total = response.limits().total;
        let (held, continues) = response.take_held();
        if !held.is_empty() {
            response.take_usage().into_iter().for_each(count);
            self.add(held, &response, response.idle());
        }
        continues?;
        while response.has_undecoded() || response.receive().await? {
            let mut next = response.idle();
            let mut any = false;
            let full = loop {
                if let Some(long) = response.take_long() {
                    let decoding = next.or_earlier(total).limit(response.decode_elsewhere(long));
                    let batch = decoding.await.flatten()?;
                    response.take_usage().into_iter().for_each(count);
                    self.batch_read(total).await?;
                    next = next.restarted();
                    self.add(batch, &response, next);
                    any = true;
                }
                let written = self.decode(&mut response, next, count)?;
                any |= written.events > 0;
                if !response.has_long() {
                    break written.full;
                }
            };
            if full {
                self.batch_taken(total).await?;
                next = next.restarted();
            }
            // While the batch was full the writer waited for the program, not for the service.
            if any || full {
                response.restart_timer(next);
            }
        }
        Ok(())
    }

    fn decode(&self, response: &mut Incoming, next: Deadline, count: &Count<'_>) -> Result<Written> {
        let (decoded, written) = self.shared.pipe.write(Some(next), |batch| {
            let before = batch.len();
            let decoded = response.decode(batch);
            response.take_usage().into_iter().for_each(count);
            self.observe(batch, before, response);
            decoded
        });
        response.count_events(written.events);
        self.notify(&written);
        decoded.map(|()| written)
    }

    /// Adds events that were decoded elsewhere. All before them have been read.
    fn add(&self, decoded: Batch, response: &Incoming, next: Deadline) {
        self.observe(&decoded, 0, response);
        let ((), written) = self.shared.pipe.write(Some(next), |batch| *batch = decoded);
        self.notify(&written);
    }

    /// Observes the events of `batch` from this index on.
    #[inline]
    fn observe(&self, batch: &Batch, from: usize, response: &Incoming) {
        if let Some(observation) = self.observation() {
            observation.events(batch, from, response.length());
        }
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
