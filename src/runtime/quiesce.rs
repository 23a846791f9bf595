//! Quiescence: a fork that finds none of the library's threads in the middle of something.
//!
//! The child of a fork has the memory of its parent and one thread. A lock that another thread held, in the C library's
//! resolver or in a static that was half made, stays locked in the child for ever. So a helper thread notes that it works,
//! and a fork waits for it. Such locks are held for moments, at the beginning: work that takes long is not waited for.

use super::process::Generation;
use std::cell::RefCell;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long a fork waits for threads that work.
pub const FORK_PATIENCE: Duration = Duration::from_secs(1);
/// Work that has taken longer waits for something outside of the process, or computes.
const LONG: Duration = Duration::from_millis(200);
/// How often a fork looks again.
const LOOK_AGAIN: Duration = Duration::from_micros(50);

struct State {
    process: Generation,
    /// When each piece of work that is not done began.
    began: Vec<(u64, Instant)>,
    next: u64,
    /// A fork waits: nothing begins.
    pausing: bool,
}

static STATE: Mutex<Option<State>> = Mutex::new(None);

/// A piece of work of the calling thread. It is done when this is dropped.
pub struct Working(u64);

/// Notes that the calling thread works. Waits while the process forks.
pub fn begin() -> Working {
    loop {
        let mut state = lock();
        let state = of_this_process(&mut state);
        if !state.pausing {
            let number = state.next;
            state.next += 1;
            state.began.push((number, Instant::now()));
            return Working(number);
        }
        std::thread::sleep(LOOK_AGAIN);
    }
}

fn lock() -> MutexGuard<'static, Option<State>> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Working {
    fn drop(&mut self) {
        of_this_process(&mut lock()).began.retain(|(number, _)| *number != self.0);
    }
}

fn of_this_process(state: &mut Option<State>) -> &mut State {
    // The parent's threads do not work here.
    if state.as_ref().is_none_or(|state| !state.process.is_current()) {
        *state = Some(State { process: Generation::current(), began: Vec::new(), next: 0, pausing: false });
    }
    state.as_mut().expect("a state was just made sure of")
}

thread_local! {
    static OF_EVENT_LOOP: RefCell<Option<Working>> = const { RefCell::new(None) };
}

/// Notes that the event loop of the calling thread has woken up.
pub fn unparked() {
    let working = begin();
    let _ = OF_EVENT_LOOP.try_with(|place| place.replace(Some(working)));
}

/// Notes that the event loop of the calling thread goes to sleep, or has ended.
pub fn parked() {
    let _ = OF_EVENT_LOOP.try_with(RefCell::take);
}

/// Waits until no thread works. While the result lives, none begins. It is given too after [`FORK_PATIENCE`].
pub fn pause() -> impl std::any::Any {
    let patience = Instant::now() + FORK_PATIENCE;
    loop {
        let mut place = lock();
        let state = of_this_process(&mut place);
        let works = state.began.iter().any(|(_, since)| since.elapsed() < LONG);
        state.pausing = works && Instant::now() < patience;
        if !state.pausing {
            return place;
        }
        drop(place);
        std::thread::sleep(LOOK_AGAIN);
    }
}
