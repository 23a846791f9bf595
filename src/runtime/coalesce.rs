//! Coalescing: a worker with very many streams looks at all of them a little later, instead of at each as soon as it has an event.
//!
//! Waking up, and waking a reader, costs more than an event does. A thousand streams of twenty events a second would have the
//! worker do both twenty thousand times a second, for one event each. So it rests before it looks again, as network drivers
//! moderate their interrupts: for [`REST`], which is what an event is late by at most, and only while a rest brings events of
//! several streams together. A worker with few streams, or with slow ones, never rests.

use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

const REST: Duration = Duration::from_micros(500);
/// Fewer streams have no rest: a program with so many does not do one after the other and wait for each.
const MANY: usize = 64;
/// So many announcements have to be expected of a rest.
const WORTH_IT: u32 = 4;
/// A longer pause says no more than this one: nothing comes.
const LONG_PAUSE: Duration = Duration::from_millis(5);

thread_local! {
    static RECEIVED: Cell<usize> = const { Cell::new(0) };
    static PACE: RefCell<Pace> = const { RefCell::new(Pace::new()) };
}

/// A stream that the worker of this thread receives, as long as it lives.
pub struct Receiving(());

impl Receiving {
    pub fn begin() -> Self {
        RECEIVED.set(RECEIVED.get() + 1);
        Receiving(())
    }
}

impl Drop for Receiving {
    fn drop(&mut self) {
        // A task may outlive its worker and be dropped elsewhere.
        let _ = RECEIVED.try_with(|received| received.set(received.get().saturating_sub(1)));
    }
}

/// To be called when a worker would go to sleep, with how many streams it has announced since the last time.
pub fn rest(announced: usize) {
    // Where nothing was announced, something else is under way, such as a request: it is not kept waiting.
    if announced > 0 && RECEIVED.try_with(Cell::get).is_ok_and(|received| received >= MANY) {
        let worth_it = PACE.try_with(|pace| pace.borrow_mut().is_worth_a_rest(Instant::now(), announced));
        if worth_it == Ok(true) {
            std::thread::sleep(REST);
        }
    }
}

/// How fast announcements follow each other.
struct Pace {
    last: Option<Instant>,
    /// From one to the next, smoothed over some looks.
    gap: Duration,
}

impl Pace {
    const fn new() -> Self {
        Pace { last: None, gap: LONG_PAUSE }
    }

    fn is_worth_a_rest(&mut self, now: Instant, announced: usize) -> bool {
        let pause = self.last.replace(now).map_or(LONG_PAUSE, |last| now.saturating_duration_since(last));
        let announced = u32::try_from(announced).unwrap_or(u32::MAX).max(1);
        self.gap = (self.gap * 7 + pause.min(LONG_PAUSE) / announced) / 8;
        self.gap * WORTH_IT <= REST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a rest is worth it at the end of so many looks, each so long after the one before.
    fn after(pace: &mut Pace, now: &mut Instant, looks: u32, apart: Duration, announced: usize) -> bool {
        let step = |now: &mut Instant| {
            *now += apart;
            *now
        };
        (0..looks).map(|_| pace.is_worth_a_rest(step(now), announced)).last().unwrap()
    }

    #[test]
    fn rests_are_taken_while_they_bring_several_streams_together_and_no_longer() {
        let (mut pace, mut now) = (Pace::new(), Instant::now());
        let mut looks =
            |looks, micros, announced| after(&mut pace, &mut now, looks, Duration::from_micros(micros), announced);
        assert!(!looks(1_000, 1_000, 1), "a thousand events a second need no rest");
        assert!(!looks(1, 50, 1), "one event that follows another at once is no flood");
        assert!(looks(100, 50, 1), "twenty thousand a second are too many looks");
        assert!(looks(1_000, 550, 11), "as many, found together");
        assert!(!looks(100, 550, 1), "a rest that brings one stream is not worth it");
        assert!(looks(100, 50, 1));
        assert!(!looks(3, 60_000_000, 1), "what was a flood a minute ago is none");
    }
}
