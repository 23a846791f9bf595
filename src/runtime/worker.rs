//! The worker: one thread with a one-thread tokio runtime.
//!
//! The service's connections, decoders, timers and clients live on it. It starts with the first call that needs it and ends with
//! [`shutdown`]; the next call starts it again. A program's own threads never poll, and no program's code runs here, nor does
//! anything that blocks ([`blocking`]). When it has nothing else to do it [announces](crate::announce) what it has read, and
//! may [rest](crate::coalesce).

use super::blocking;
use super::cancel::{self, Why};
use super::coalesce;
use super::log;
use super::notify;
use super::process::{self, Generation};
use super::quiesce;
use crate::error::{Error, Kind, Result};
use crate::sys::sched;
use once_cell::sync::Lazy;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::runtime::{Builder, Handle, Runtime as EventLoop};
use tokio::sync::Notify;

struct Worker {
    epoch: u64,
    handle: Handle,
    stop: Arc<Notify>,
    thread: Arc<Thread>,
}

/// How far the thread of one worker is.
#[derive(Default)]
struct Thread {
    begun: AtomicBool,
    ended: Mutex<bool>,
    changed: Condvar,
}

/// The library's workers, in the process to which they belong.
struct State {
    process: Generation,
    worker: Option<Worker>,
    /// Threads of workers that were told to end.
    ending: Vec<Arc<Thread>>,
}

/// Only held for moments, and still while the process forks ([`lock_for_fork`]).
static STATE: Lazy<Mutex<State>> = Lazy::new(|| Mutex::new(State::new()));
static EPOCHS: AtomicU64 = AtomicU64::new(1);

/// A way to the running worker.
#[derive(Clone)]
pub struct Runtime {
    pub handle: Handle,
    /// Differs from worker to worker: what was made on another one is of no use on this one.
    pub epoch: u64,
}

/// The running worker, started where there is none.
pub fn start() -> Result<Runtime> {
    let mut state = State::lock();
    if state.worker.is_none() {
        state.worker = Some(Worker::spawn()?);
    }
    let worker = state.worker.as_ref().expect("a worker was just made sure of");
    Ok(Runtime { handle: worker.handle.clone(), epoch: worker.epoch })
}

/// Runs what wakes the worker. None: its event loop is broken, where that panics.
pub fn wake<T>(work: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).ok()
}

/// Ends all calls as cancelled, and the worker. Returns false if a thread has not ended by the deadline.
pub fn shutdown(deadline: Instant) -> bool {
    let ending = {
        let mut state = State::lock();
        if let Some(worker) = state.worker.take() {
            wake(|| worker.stop.notify_one());
            state.ending.push(worker.thread);
        }
        state.ending.clone()
    };
    // Whoever waits leaves, whatever the worker is doing.
    cancel::end_all(Why::ShutDown);
    let ended = ending.iter().all(|thread| thread.wait_until(deadline));
    if ended {
        State::lock().ending.retain(|thread| !ending.iter().any(|ended| Arc::ptr_eq(thread, ended)));
    }
    blocking::shutdown(deadline) & cancel::pause(deadline) & ended
}

/// Keeps the worker from changing while the process forks.
pub fn lock_for_fork() -> impl std::any::Any {
    State::lock()
}

/// Holds the worker between two tasks, until the result is dropped. The libraries below us make their statics when they first
/// need them, and a child whose fork found one half made would wait for it for ever. None: there is no worker, or it did not
/// come to it in time. To be called before any lock is taken that the worker may need.
pub fn hold_for_fork() -> Option<Hold> {
    let handle = {
        let state = State::lock();
        // One that has not begun waits for the fork as every other thread does.
        let worker = state.worker.as_ref().filter(|worker| worker.thread.begun.load(Ordering::Acquire))?;
        worker.handle.clone()
    };
    let barrier = Arc::new(Barrier::default());
    let task = Hold { process: Generation::current(), barrier: barrier.clone() };
    // Where the event loop has just ended, the task is dropped, and opens the barrier.
    wake(|| handle.spawn(async move { task.barrier.hold() }))?;
    let held = barrier.wait_until_held(Instant::now() + quiesce::FORK_PATIENCE);
    held.then(|| Hold { process: Generation::current(), barrier })
}

/// See [`hold_for_fork`]. The worker goes on when this is dropped.
pub struct Hold {
    process: Generation,
    barrier: Arc<Barrier>,
}

impl Drop for Hold {
    fn drop(&mut self) {
        // In the child there is no worker that waits.
        if self.process.is_current() {
            self.barrier.set(Stage::Open);
        }
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
    Asked,
    Held,
    Open,
}

impl Barrier {
    fn lock(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, stage: Stage) {
        *self.lock() = stage;
        self.changed.notify_all();
    }

    /// Blocks the calling thread, unless nobody waits for that any more.
    fn hold(&self) {
        let mut stage = self.lock();
        if *stage == Stage::Asked {
            *stage = Stage::Held;
            self.changed.notify_all();
        }
        while *stage == Stage::Held {
            stage = self.changed.wait(stage).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn wait_until_held(&self, deadline: Instant) -> bool {
        let mut stage = self.lock();
        while *stage == Stage::Asked {
            let Some(left) = deadline.checked_duration_since(Instant::now()) else {
                *stage = Stage::Open;
                return false;
            };
            stage = self.changed.wait_timeout(stage, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}

impl State {
    fn new() -> Self {
        State { process: Generation::current(), worker: None, ending: Vec::new() }
    }

    fn lock() -> MutexGuard<'static, State> {
        let mut state = STATE.lock().unwrap_or_else(PoisonError::into_inner);
        if !state.process.is_current() {
            // The child of a fork inherits a runtime without its threads; even dropping it would wait for them.
            std::mem::forget(std::mem::replace(&mut *state, State::new()));
        }
        state
    }
}

impl Thread {
    fn end(&self) {
        *self.ended.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_all();
    }

    /// Waits until it has ended; false where the deadline comes first.
    fn wait_until(&self, deadline: Instant) -> bool {
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        while !*ended {
            let Some(left) = deadline.checked_duration_since(Instant::now()) else { return false };
            ended = self.changed.wait_timeout(ended, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}

impl Worker {
    fn spawn() -> Result<Worker> {
        let cannot = |what: &str, error: std::io::Error| {
            Error::new(Kind::Resource, format_args!("starting the library's worker: {what}: {error}"))
        };
        let event_loop = Builder::new_current_thread()
            .enable_all()
            .on_thread_park(|| coalesce::rest(notify::all_kept()))
            .build()
            .map_err(|error| cannot("its event loop", error))?;
        let worker = Worker {
            epoch: EPOCHS.fetch_add(1, Ordering::Relaxed),
            handle: event_loop.handle().clone(),
            stop: Arc::default(),
            thread: Arc::default(),
        };
        let (stop, thread, epoch) = (worker.stop.clone(), worker.thread.clone(), worker.epoch);
        let body = move || {
            let beginning = quiesce::begin();
            process::settle_in();
            sched::ask_for_shortest();
            thread.begun.store(true, Ordering::Release);
            drop(beginning);
            run(event_loop, &stop, epoch);
            thread.end();
        };
        process::spawn("bedrock-worker", body).map_err(|error| cannot("its thread", error))?;
        Ok(worker)
    }
}

/// Runs the event loop until it is told to stop, or breaks.
fn run(event_loop: EventLoop, stop: &Notify, epoch: u64) {
    let ran = catch_unwind(AssertUnwindSafe(|| event_loop.block_on(stop.notified())));
    let _ending = quiesce::begin();
    match ran {
        Ok(()) => {
            // Dropping it in the usual way would wait for threads of its own, of which it has none.
            event_loop.shutdown_background();
            notify::all_kept();
        }
        Err(panic) => {
            // What it holds are descriptors that the program has closed, and may have opened anew for itself.
            std::mem::forget(event_loop);
            log::error("worker", Error::panicked(&*panic).stated());
            give_up(epoch);
            cancel::end_all(Why::LoopBroken);
        }
    }
}

/// Leaves a worker whose event loop is broken to itself: the next call starts another.
pub fn give_up(epoch: u64) {
    State::lock().worker.take_if(|worker| worker.epoch == epoch);
}

/// The error of the calls that an event loop had when it broke.
pub fn loop_broken() -> Error {
    let what = "the library's event loop is broken: the program has closed descriptors that it did not open";
    Error::new(Kind::Resource, what).advise(
        "Close only your own descriptors, or all of them in a child between fork and exec; the next call starts the library again",
    )
}
