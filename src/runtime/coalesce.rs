//! Coalescing: a worker with very many streams looks at all of them a little later, instead of at each as soon as it
//! has an event.
//!
//! Waking up, and waking a reader, costs more than an event does. A thousand streams of twenty events a second would
//! make the worker do both twenty thousand times a second, for one event each. So it pauses before it looks again, as
//! network drivers moderate their interrupts. A pause delays an event by at most [`PAUSE`], and is made only while it
//! brings events of several streams together. A worker with few streams, or with slow ones, never pauses.

use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

const PAUSE: Duration = Duration::from_micros(500);
/// With fewer streams there is no pause: a program with so many does not wait for one after the other.
const MANY: usize = 64;
/// A pause is made if this many notifications can be expected in it.
const WORTHWHILE: u32 = 4;
/// The longest gap that counts. Longer gaps are no load, and count as this one.
const LONG_GAP: Duration = Duration::from_millis(5);

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

/// Pauses if it is worthwhile. A worker calls this before it goes to sleep, with the number of readers that it has
/// notified since the last time.
pub fn pause(notified: usize) {
    // If no reader was notified, something else is under way, such as a request, and is not delayed.
    if notified > 0 && RECEIVED.try_with(Cell::get).is_ok_and(|received| received >= MANY) {
        let worthwhile = PACE.try_with(|pace| pace.borrow_mut().is_worth_a_pause(Instant::now(), notified));
        if worthwhile == Ok(true) {
            std::thread::sleep(PAUSE);
        }
    }
}

/// The pace at which notifications follow each other.
struct Pace {
    last: Option<Instant>,
    /// The time from one to the next, smoothed over some looks.
    gap: Duration,
}

impl Pace {
    const fn new() -> Self {
        Pace { last: None, gap: LONG_GAP }
    }

    fn is_worth_a_pause(&mut self, now: Instant, notified: usize) -> bool {
        let since_last = self.last.replace(now).map_or(LONG_GAP, |last| now.saturating_duration_since(last));
        let notified = u32::try_from(notified).unwrap_or(u32::MAX).max(1);
        self.gap = (self.gap * 7 + since_last.min(LONG_GAP) / notified) / 8;
        self.gap * WORTHWHILE <= PAUSE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns whether a pause is worthwhile after this many looks, each `apart` after the one before.
    fn after(pace: &mut Pace, now: &mut Instant, looks: u32, apart: Duration, notified: usize) -> bool {
        let step = |now: &mut Instant| {
            *now += apart;
            *now
        };
        (0..looks).map(|_| pace.is_worth_a_pause(step(now), notified)).last().unwrap()
    }

    #[test]
    fn the_worker_pauses_only_while_a_pause_brings_several_streams_together() {
        let (mut pace, mut now) = (Pace::new(), Instant::now());
        let mut looks =
            |looks, micros, notified| after(&mut pace, &mut now, looks, Duration::from_micros(micros), notified);
        assert!(!looks(1_000, 1_000, 1), "a thousand events a second need no pause");
        assert!(!looks(1, 50, 1), "one event that follows another at once is no load");
        assert!(looks(100, 50, 1), "twenty thousand a second are too many looks");
        assert!(looks(1_000, 550, 11), "as many, found together");
        assert!(!looks(100, 550, 1), "a pause that brings one stream is not worthwhile");
        assert!(looks(100, 50, 1));
        assert!(!looks(3, 60_000_000, 1), "a load of a minute ago counts no longer");
    }
}
