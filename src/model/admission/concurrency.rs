//! The calls of a model that run at once: `max_concurrency` and `max_queue`.

use crate::call::timer::Deadline;
use crate::error::{Error, Kind, Result};
use crate::runtime::log;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Lets a number of calls run at once. More calls wait in the order in which they came.
pub struct Concurrency {
    /// The permits, and their number. None: any number of calls.
    permits: Option<(Arc<Semaphore>, usize)>,
    max_queue: Option<u64>,
    running: Arc<AtomicU64>,
    waiting: Arc<AtomicU64>,
    waits: AtomicU64,
    waited_ms: AtomicU64,
    refused: AtomicU64,
}

/// The right of a call to run, until it is dropped.
pub struct Permit {
    _permit: Option<OwnedSemaphorePermit>,
    _running: Counted,
}

/// One that is counted as long as it lives.
struct Counted(Arc<AtomicU64>);

impl Counted {
    fn new(counter: &Arc<AtomicU64>) -> Self {
        counter.fetch_add(1, Ordering::Relaxed);
        Counted(counter.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The time in which a call with a permit does not count as running.
pub struct Pause<'a>(&'a AtomicU64);

impl Drop for Pause<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Concurrency {
    pub fn new(max_concurrency: Option<usize>, max_queue: Option<u32>) -> Self {
        Concurrency {
            permits: max_concurrency.map(|calls| (Arc::new(Semaphore::new(calls)), calls)),
            max_queue: max_queue.map(u64::from),
            running: Arc::default(),
            waiting: Arc::default(),
            waits: AtomicU64::new(0),
            waited_ms: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        }
    }

    pub fn is_limited(&self) -> bool {
        self.permits.is_some()
    }

    /// Waits for a permit, at most until the deadline. Fails at once if `max_queue` calls wait already.
    pub async fn permit(&self, call: &impl fmt::Display, until: Deadline) -> Result<Permit> {
        let permit = match &self.permits {
            None => None,
            Some((permits, number)) => Some(match permits.clone().try_acquire_owned() {
                Ok(permit) => permit,
                Err(_) => self.wait(permits, *number, call, until).await?,
            }),
        };
        Ok(Permit { _permit: permit, _running: Counted::new(&self.running) })
    }

    async fn wait(
        &self,
        permits: &Arc<Semaphore>,
        number: usize,
        call: &impl fmt::Display,
        until: Deadline,
    ) -> Result<OwnedSemaphorePermit> {
        if self.max_queue.is_some_and(|most| self.waiting.load(Ordering::Relaxed) >= most) {
            self.refused.fetch_add(1, Ordering::Relaxed);
            let queue = match self.max_queue {
                Some(0) | None => "none may wait (max_queue is 0)".to_owned(),
                Some(most) => format!("{most} wait already (max_queue)"),
            };
            let what = format_args!("the call was not sent: {number} calls run (max_concurrency), and {queue}");
            return Err(Error::new(Kind::Throttled, what).advise("Call again later, or raise max_queue"));
        }
        let _waiting = Counted::new(&self.waiting);
        let began = Instant::now();
        log::debug("call", format_args!("{call}: waits for a permit (max_concurrency is {number})"));
        let waited_for = format!("a permit (max_concurrency is {number})");
        let advice = "Raise max_concurrency or timeouts.queue";
        let permit = until.limit_turn(&waited_for, false, advice, permits.clone().acquire_owned()).await;
        self.waits.fetch_add(1, Ordering::Relaxed);
        self.waited_ms.fetch_add(began.elapsed().as_millis() as u64, Ordering::Relaxed);
        let permit = permit?.map_err(|_| Error::shut_down())?;
        log::debug("call", format_args!("{call}: has its permit after {:?}", began.elapsed()));
        Ok(permit)
    }

    /// Notes that a call with a permit waits for something else, until the result is dropped.
    pub fn pause(&self) -> Pause<'_> {
        self.running.fetch_sub(1, Ordering::Relaxed);
        Pause(&self.running)
    }

    /// Adds its numbers to those of the model.
    pub fn add_to(&self, stats: &mut super::Stats) {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        stats.running += of(&self.running);
        stats.waiting += of(&self.waiting);
        stats.waits += of(&self.waits);
        stats.waited_ms += of(&self.waited_ms);
        stats.refused += of(&self.refused);
    }
}
