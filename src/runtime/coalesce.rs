//! Coalescing: if events follow each other very closely, the worker looks a little later, at many of them, instead of
//! at each as soon as it has arrived.
//!
//! Waking up, and waking a reader, costs more than fifty events do. A stream of a hundred thousand events a second, or
//! a thousand streams of twenty, would make the worker and a reader wake up for each of them. So the worker pauses
//! before it looks again, as network drivers moderate their interrupts. What it has found before is delivered before
//! the pause. A pause delays an event by at most [`LONGEST`] or [`LONGEST_WITH_MANY`], and is made only while looks
//! follow each other closely and pauses bring several events together. One event, or a stream as fast as a model, is
//! never delayed.

use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

/// The longest pause.
const LONGEST: Duration = Duration::from_micros(200);
/// The longest pause of a worker with at least [`MANY`] streams: a program with so many does not wait for one after the
/// other.
const LONGEST_WITH_MANY: Duration = Duration::from_micros(500);
const MANY: usize = 64;
/// A shorter pause is none: the system wakes up a thread that much too late.
const SHORTEST: Duration = Duration::from_micros(50);
/// A pause is made if this many events can be expected in it. It is not longer than [`ENOUGH`] events take.
const WORTHWHILE: f64 = 4.0;
/// The number of events that make the cost of waking up small beside their own.
const ENOUGH: f64 = 64.0;
/// The longest time between two looks that counts. A longer one is no load, and counts as this one.
const LULL: Duration = Duration::from_millis(5);

thread_local! {
    static STREAMS: Cell<usize> = const { Cell::new(0) };
    /// The number of events that have been decoded since the last look.
    static EVENTS: Cell<usize> = const { Cell::new(0) };
    static PACE: RefCell<Pace> = const { RefCell::new(Pace::new()) };
}

/// A stream that the worker of this thread receives, as long as it lives.
pub struct Receiving(());

impl Receiving {
    pub fn begin() -> Self {
        STREAMS.set(STREAMS.get() + 1);
        Receiving(())
    }

    /// Counts events that have been decoded.
    pub fn count(&self, events: usize) {
        EVENTS.set(EVENTS.get() + events);
    }
}

impl Drop for Receiving {
    fn drop(&mut self) {
        // A task may outlive its worker and be dropped elsewhere.
        let _ = STREAMS.try_with(|streams| streams.set(streams.get().saturating_sub(1)));
    }
}

/// Pauses if it is worthwhile. A worker calls this before it goes to sleep, with the number of readers that it has
/// notified since the last time.
pub fn pause(notified: usize) {
    // If no reader was notified, something else is under way, such as a request, and is not delayed.
    if notified == 0 {
        return;
    }
    let Ok(streams) = STREAMS.try_with(Cell::get) else { return };
    let longest = if streams >= MANY { LONGEST_WITH_MANY } else { LONGEST };
    let look = |pace: &RefCell<Pace>| pace.borrow_mut().look(Instant::now(), EVENTS.replace(0).max(notified), longest);
    if let Ok(Some(pause)) = PACE.try_with(look) {
        std::thread::sleep(pause);
    }
}

/// The pace of events, smoothed over some looks.
struct Pace {
    last: Option<Instant>,
    /// The time from one look to the next, in seconds.
    interval: f64,
    /// The number of events that a look finds.
    events: f64,
}

impl Pace {
    const fn new() -> Self {
        Pace { last: None, interval: LULL.as_secs_f64(), events: 1.0 }
    }

    /// Adds a look that has found events. Returns the pause that is worthwhile.
    fn look(&mut self, now: Instant, events: usize, longest: Duration) -> Option<Duration> {
        let since_last = self.last.replace(now).map_or(LULL, |last| now.saturating_duration_since(last).min(LULL));
        self.interval = (self.interval * 7.0 + since_last.as_secs_f64()) / 8.0;
        self.events = (self.events * 7.0 + events as f64) / 8.0;
        let longest = longest.as_secs_f64();
        let gap = self.interval / self.events;
        let pause = longest.min(gap * ENOUGH);
        // Events that arrive in bundles, one now and then, need no pause either.
        let is_worthwhile = gap * WORTHWHILE <= longest && self.interval <= longest * 2.0;
        (is_worthwhile && pause >= SHORTEST.as_secs_f64()).then(|| Duration::from_secs_f64(pause))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the pause after this many looks, each so many microseconds after the one before.
    fn looks(pace: &mut Pace, longest: Duration, looks: u32, apart: u64, events: usize) -> Option<Duration> {
        let mut now = pace.last.unwrap_or_else(Instant::now);
        let mut pause = None;
        for _ in 0..looks {
            now += Duration::from_micros(apart);
            pause = pace.look(now, events, longest);
        }
        pause
    }

    #[test]
    fn the_worker_pauses_only_while_a_pause_brings_several_events_together() {
        let mut pace = Pace::new();
        let mut pauses =
            |count, apart, events| looks(&mut pace, LONGEST_WITH_MANY, count, apart, events) == Some(LONGEST_WITH_MANY);
        assert!(!pauses(1_000, 1_000, 1), "a thousand events a second need no pause");
        assert!(!pauses(1, 50, 1), "one event that follows another at once is no load");
        assert!(pauses(100, 50, 1), "twenty thousand a second are too many looks");
        assert!(pauses(1_000, 550, 11), "as many, found together");
        assert!(!pauses(100, 550, 1), "a pause that brings one event is not worthwhile");
        assert!(pauses(100, 50, 1));
        assert!(!pauses(3, 60_000_000, 1), "a load of a minute ago counts no longer");
    }

    #[test]
    fn the_pause_of_a_worker_with_few_streams_is_short_and_no_model_is_so_fast_that_there_is_one() {
        let mut pace = Pace::new();
        let mut pause = |count, apart, events| looks(&mut pace, LONGEST, count, apart, events);
        assert_eq!(pause(20, 10, 1), None, "a short response is over before");
        assert_eq!(pause(100, 10, 1), Some(LONGEST));
        assert_eq!(pause(1_000, 260, 26), Some(LONGEST), "as many, found together");
        assert_eq!(pause(100, 100, 1), None, "ten thousand events a second need no pause");
    }

    #[test]
    fn events_that_arrive_in_bundles_anyway_are_not_delayed() {
        let mut pace = Pace::new();
        assert_eq!(looks(&mut pace, LONGEST, 100, 3_000, 100), None, "each bundle is one look");
        assert_eq!(looks(&mut pace, LONGEST, 1_000, 100, 300), None, "each look finds enough");
        let between = looks(&mut pace, LONGEST, 1_000, 100, 100).expect("a pause");
        assert!(between > SHORTEST && between < LONGEST, "{between:?}");
    }
}
