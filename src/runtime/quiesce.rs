//! Quiescence: a fork waits until no thread of the library works.
//!
//! The child of a fork has the memory of its parent and one thread. A lock that another thread held stays locked in the
//! child for ever, also one inside the C library's resolver or in a static that is being initialized. So a thread notes
//! when it works, and a fork waits for it. Such locks are held only briefly, at the beginning of the work: a fork does
//! not wait for long work. The worker's work never ends: a fork stops the worker between two tasks.

use super::fork::{ForkLock, HeldOverFork, Rank};
use super::per_process::PerProcess;
use super::sync::{Condvar, Mutex};
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

/// The maximum time that a fork waits for threads that work, and again for the worker.
const MAX_FORK_WAIT: Duration = Duration::from_secs(1);
/// The time after which a fork no longer waits for work: it waits for something outside of the process, or computes.
const LONG: Duration = Duration::from_millis(200);
/// The interval at which a waiting thread looks again.
const POLL_INTERVAL: Duration = Duration::from_micros(50);

#[derive(Default)]
struct State {
    /// When each piece of work that is not done began.
    began: Vec<(u64, Instant)>,
    next: u64,
    /// The number of threads that fork. While there is one, no work begins.
    forks: usize,
}

static STATE: ForkLock<PerProcess<State>> = ForkLock::new(Rank::WorkingThreads, PerProcess::empty());
pub const FORK_LOCK: &dyn HeldOverFork = &STATE;

/// A piece of work of the calling thread. It is done when this is dropped.
pub struct Working(u64);

/// Notes that the calling thread works. Waits while the process forks.
pub fn begin() -> Working {
    loop {
        {
            let mut state = STATE.lock();
            let state = state.current();
            if state.forks == 0 {
                let number = state.next;
                state.next += 1;
                state.began.push((number, Instant::now()));
                return Working(number);
            }
        }
        std::thread::sleep(POLL_INTERVAL);
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        STATE.lock().current().began.retain(|(number, _)| *number != self.0);
    }
}

thread_local! {
    static EVENT_LOOP_WORK: RefCell<Option<Working>> = const { RefCell::new(None) };
}

/// Notes that the event loop of the calling thread has woken up.
pub fn unparked() {
    let working = begin();
    let _ = EVENT_LOOP_WORK.try_with(|work| work.replace(Some(working)));
}

/// Notes that the event loop of the calling thread goes to sleep, or has ended.
pub fn parked() {
    let _ = EVENT_LOOP_WORK.try_with(RefCell::take);
}

/// A pause of all work. Dropping this ends it.
pub struct Pause(());

/// Waits until no thread works, for at most [`MAX_FORK_WAIT`]. While the result lives, none begins.
pub fn pause() -> PerProcess<Pause> {
    let deadline = Instant::now() + MAX_FORK_WAIT;
    STATE.lock().current().forks += 1;
    let pause = PerProcess::new(Pause(()));
    let works = || STATE.lock().current().began.iter().any(|(_, since)| since.elapsed() < LONG);
    while works() && Instant::now() < deadline {
        std::thread::sleep(POLL_INTERVAL);
    }
    pause
}

impl Drop for Pause {
    fn drop(&mut self) {
        STATE.lock().current().forks -= 1;
    }
}

/// A stop of an event loop between two tasks. Dropping this resumes the event loop.
pub struct Standstill(Arc<Barrier>);

/// Stops an event loop between two tasks. The crates below this library initialize statics when they first need them. A
/// child that is forked meanwhile would wait for the initialization for ever. Returns None if the event loop has ended,
/// or does not stop within [`MAX_FORK_WAIT`]. The caller must hold no lock that a task may need.
pub fn stop_event_loop(event_loop: &Handle) -> Option<PerProcess<Standstill>> {
    let barrier = Arc::new(Barrier::default());
    let task = PerProcess::new(Standstill(barrier.clone()));
    // If the event loop has just ended, the task is dropped, which opens the barrier. If it is broken, waking it
    // panics.
    let spawn = || event_loop.spawn(async move { task.get().into_iter().for_each(|task| task.0.hold()) });
    catch_unwind(AssertUnwindSafe(spawn)).ok()?;
    let held = barrier.wait_until_held(Instant::now() + MAX_FORK_WAIT);
    held.then(|| PerProcess::new(Standstill(barrier)))
}

impl Drop for Standstill {
    fn drop(&mut self) {
        self.0.set(Stage::Open);
    }
}

#[derive(Default)]
struct Barrier {
    stage: Mutex<Stage>,
    changed: Condvar,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Requested,
    Held,
    Open,
}

impl Barrier {
    fn set(&self, stage: Stage) {
        *self.stage.lock() = stage;
        self.changed.notify_all();
    }

    /// Blocks the calling thread until the barrier opens.
    fn hold(&self) {
        let mut stage = self.stage.lock();
        if *stage == Stage::Requested {
            *stage = Stage::Held;
            self.changed.notify_all();
        }
        while *stage == Stage::Held {
            stage = self.changed.wait(stage);
        }
    }

    /// Waits until a thread is blocked, and opens the barrier if none is by the deadline.
    fn wait_until_held(&self, deadline: Instant) -> bool {
        let is_reached = |stage: &mut Stage| *stage != Stage::Requested;
        let (mut stage, in_time) = self.changed.wait_until(self.stage.lock(), deadline, is_reached);
        if !in_time {
            *stage = Stage::Open;
        }
        in_time
    }
}
