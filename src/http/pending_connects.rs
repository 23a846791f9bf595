//! The connects of one origin that are in progress.

use std::time::{Duration, Instant};
use tokio::task::AbortHandle;

/// The time after which a connect is slow, unless others took as long, or the connect timeout is long.
pub const SLOW: Duration = Duration::from_millis(250);
/// The most extra connects if the endpoint is not known to respond.
const MAX_HEDGES: usize = 3;

/// The connects in progress, and the last one that succeeded.
#[derive(Default)]
pub struct Connects {
    in_progress: Vec<Connect>,
    last_id: u64,
    /// When a connect last succeeded, and how long it took.
    last_success: Option<(Instant, Duration)>,
}

/// A connect in progress. Dropping it aborts its task.
struct Connect {
    id: u64,
    started: Instant,
    slow: bool,
    /// Whether it was started in place of a slow one while the endpoint was not known to respond.
    hedge: bool,
    task: AbortHandle,
}

impl Drop for Connect {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Connects {
    pub fn is_empty(&self) -> bool {
        self.in_progress.is_empty()
    }

    pub fn len(&self) -> usize {
        self.in_progress.len()
    }

    /// Returns the number of connects that are not slow.
    pub fn promising(&self) -> usize {
        self.in_progress.iter().filter(|connect| !connect.slow).count()
    }

    /// Returns whether the endpoint is not known to respond: no connect has succeeded since one that is slow has
    /// started. Further connects are then hedges.
    pub fn are_hedged(&self) -> bool {
        let slow = self.in_progress.iter().filter(|connect| connect.slow);
        let first_slow = slow.map(|connect| connect.started).min();
        first_slow.is_some_and(|started| self.last_success.is_none_or(|(when, _)| when < started))
    }

    pub fn hedges(&self) -> usize {
        self.in_progress.iter().filter(|connect| connect.hedge).count()
    }

    /// Returns whether another hedge may be started: one at a time, a few.
    pub fn may_hedge(&self) -> bool {
        self.promising() == 0 && self.hedges() < MAX_HEDGES
    }

    /// Adds a connect that starts now, whose task `spawn` spawns for an id.
    pub fn add(&mut self, hedge: bool, now: Instant, spawn: impl FnOnce(u64) -> AbortHandle) {
        self.last_id += 1;
        let (id, task) = (self.last_id, spawn(self.last_id));
        self.in_progress.push(Connect { id, started: now, slow: false, hedge, task });
    }

    /// Removes a connect. Returns when it started.
    pub fn remove(&mut self, id: u64) -> Option<Instant> {
        let at = self.in_progress.iter().position(|connect| connect.id == id)?;
        Some(self.in_progress.remove(at).started)
    }

    /// Notes that a connect has succeeded.
    pub fn note_success(&mut self, started: Instant, now: Instant) {
        self.last_success = Some((now, now - started));
    }

    /// Returns the time after which a connect is slow: a part of its time limit, and three times as long as the last
    /// success.
    pub fn slow_after(&self, limit: Duration) -> Duration {
        let usual = SLOW.max(limit / 12);
        self.last_success.map_or(usual, |(_, took)| usual.max(took * 3)).min(limit / 3)
    }

    /// Returns how much longer a connect may take before it is slow, because recent ones took as long on a busy
    /// machine. Marks it as slow if it is.
    pub fn check_slow(&mut self, id: u64, limit: Duration) -> Pace {
        let slow_after = self.slow_after(limit);
        let Some(connect) = self.in_progress.iter_mut().find(|connect| connect.id == id) else { return Pace::Ended };
        match slow_after.checked_sub(connect.started.elapsed()) {
            Some(more) if !more.is_zero() => Pace::SlowAfter(more),
            _ => {
                connect.slow = true;
                Pace::Slow
            }
        }
    }
}

/// The result of [`Connects::check_slow`].
pub enum Pace {
    /// It is slow unless it ends within this time.
    SlowAfter(Duration),
    Slow,
    /// It is no longer in progress.
    Ended,
}
