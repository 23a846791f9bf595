//! The reader: the batch that the program's side of a call has taken from its pipe, event by event.

use super::pipe::{End, Pipe, Taken};
use super::timer::Deadline;
use crate::protocol::batch::Batch;
use crate::protocol::event::Event;
use std::time::Duration;

/// The reader of a call's events.
#[derive(Default)]
pub struct Reader {
    batch: Batch,
    /// The number of events of the batch that have been returned.
    read: usize,
    /// The end of the call, once the reader has found it.
    end: Option<End>,
    /// Whether the pipe must learn when the last event has been returned.
    polled: bool,
}

impl Reader {
    /// Waits until there is an event or an end, or `timeout` is over; None waits as long as the call's deadline
    /// allows. Returns the deadline if it has passed and the worker has not ended the call.
    #[inline]
    pub fn wait(&mut self, pipe: &Pipe, timeout: Option<Duration>) -> Option<Deadline> {
        if pipe.is_cancelled() && self.end.is_none() {
            self.set_end(pipe, pipe.cancelled());
        }
        if self.has_unread() { None } else { self.fill(pipe, timeout) }
    }

    fn fill(&mut self, pipe: &Pipe, timeout: Option<Duration>) -> Option<Deadline> {
        self.batch.clear();
        self.read = 0;
        match pipe.take(&mut self.batch, timeout) {
            Taken::Events | Taken::Nothing => {}
            Taken::End(end) => self.set_end(pipe, Some(end)),
            Taken::Late(deadline) => return Some(deadline),
        }
        None
    }

    fn set_end(&mut self, pipe: &Pipe, end: Option<End>) {
        self.end = end;
        if self.polled {
            pipe.settle();
        }
    }

    /// Returns the next event of the batch, borrowed until the next call. There is none after the end.
    // Two callers use it in their loops. Optimised for size, it would be called there, not inlined.
    #[inline(always)]
    pub fn next(&mut self, pipe: &Pipe) -> Option<Event<'_>> {
        if self.end.is_some() || self.read == self.batch.len() {
            return None;
        }
        self.read += 1;
        if self.polled {
            pipe.update_readiness(self.has_unread());
        }
        self.batch.get(self.read - 1)
    }

    /// Returns how the call ended, once the reader has found it.
    pub fn end(&self) -> Option<&End> {
        self.end.as_ref()
    }

    /// Returns whether there is an event or an end without a look at the pipe.
    pub fn has_unread(&self) -> bool {
        self.end.is_some() || self.read < self.batch.len()
    }

    /// From now on the pipe learns at once when the last event has been returned.
    pub fn follow_level(&mut self, pipe: &Pipe) {
        self.polled = true;
        pipe.update_readiness(self.has_unread());
    }

    /// Returns the pipe's descriptor, which from now on is readable exactly while there is an event or an end.
    pub fn fd(&mut self, pipe: &Pipe) -> std::io::Result<i32> {
        let fd = pipe.fd(self.has_unread())?;
        self.polled = true;
        Ok(fd)
    }
}
