//! The worker: one thread with a tokio event loop.
//!
//! The connections to the service, decoders, timers and clients live on it. It starts with the first call that needs it
//! and ends with [`shutdown`](super::shutdown); the next call starts it again. The program's threads never poll a
//! future. The worker runs no code of the program, and nothing that blocks (see [`blocking`](super::blocking)). Before
//! it sleeps it [notifies](super::notify) the readers of what it has read, and may [pause](super::coalesce).

use super::cancel::{self, Why};
use super::fork::{ForkLock, HeldOverFork, Rank};
use super::per_process::PerProcess;
use super::sync::{Condvar, Mutex};
use super::{coalesce, log, notify, quiesce, thread};
use crate::error::{Error, Kind, Result, panic_message};
use crate::sys::sched;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;
use tokio::runtime::{Builder, Handle, Runtime as EventLoop};
use tokio::sync::Notify;
use tokio::task::AbortHandle;

struct Worker {
    epoch: u64,
    handle: Handle,
    stop: Arc<Notify>,
    thread: Arc<Thread>,
}

/// The progress of a worker's thread.
#[derive(Default)]
struct Thread {
    begun: AtomicBool,
    ended: Mutex<bool>,
    changed: Condvar,
}

/// The workers of a process.
#[derive(Default)]
struct State {
    worker: Option<Worker>,
    /// The threads of workers that are to end.
    ending: Vec<Arc<Thread>>,
}

// A child must not drop an inherited event loop, which would wait for its threads.
static STATE: ForkLock<PerProcess<State>> = ForkLock::new(Rank::Worker, PerProcess::empty());
pub const FORK_LOCK: &dyn HeldOverFork = &STATE;
static EPOCHS: AtomicU64 = AtomicU64::new(1);

/// The running worker.
#[derive(Clone)]
pub struct Runtime {
    pub handle: Handle,
    /// Differs from worker to worker: what was made on one worker cannot be used on another.
    pub epoch: u64,
}

/// Returns the running worker, and starts it if there is none.
pub fn start() -> Result<Runtime> {
    let mut state = STATE.lock();
    let state = state.current();
    if state.worker.is_none() {
        state.worker = Some(Worker::spawn()?);
    }
    let worker = state.worker.as_ref().expect("the worker has just been started");
    Ok(Runtime { handle: worker.handle.clone(), epoch: worker.epoch })
}

impl Runtime {
    /// Starts a task. If the event loop is broken, it abandons the worker, and the next call starts another.
    // Inlined, because a task is large and the thread may have a small stack.
    #[inline(always)]
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> Result<AbortHandle> {
        match wake(|| self.handle.spawn(task)) {
            Some(task) => Ok(task.abort_handle()),
            None => {
                give_up(self.epoch);
                Err(loop_broken())
            }
        }
    }
}

/// Runs `work`, which wakes the worker. Returns None if the event loop is broken: then waking it panics.
pub fn wake<T>(work: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).ok()
}

/// Asks the worker to end, if there is one. Returns the threads of all workers that have not ended.
pub fn stop() -> EndingWorkers {
    let mut state = STATE.lock();
    let state = state.current();
    if let Some(worker) = state.worker.take() {
        wake(|| worker.stop.notify_one());
        state.ending.push(worker.thread);
    }
    EndingWorkers(state.ending.clone())
}

/// The threads of workers that were asked to end.
pub struct EndingWorkers(Vec<Arc<Thread>>);

impl EndingWorkers {
    /// Waits until all have ended. Returns false if the deadline comes first.
    pub fn wait_until(self, deadline: Instant) -> bool {
        let have_ended = self.0.iter().all(|thread| thread.wait_until(deadline));
        if have_ended {
            STATE.lock().current().ending.retain(|thread| !self.0.iter().any(|ended| Arc::ptr_eq(thread, ended)));
        }
        have_ended
    }
}

/// Stops the worker between two tasks while the process forks: see [`quiesce::stop_event_loop`].
pub fn stop_for_fork() -> Option<PerProcess<quiesce::Standstill>> {
    let handle = {
        let state = STATE.lock();
        // A thread that has not begun waits for the fork in `quiesce::begin`.
        let worker = state.get()?.worker.as_ref().filter(|worker| worker.thread.begun.load(Ordering::Acquire))?;
        worker.handle.clone()
    };
    quiesce::stop_event_loop(&handle)
}

impl Thread {
    fn end(&self) {
        *self.ended.lock() = true;
        self.changed.notify_all();
    }

    /// Waits until it has ended. Returns false if the deadline comes first.
    fn wait_until(&self, deadline: Instant) -> bool {
        self.changed.wait_until(self.ended.lock(), deadline, |ended| *ended).1
    }
}

impl Worker {
    fn spawn() -> Result<Worker> {
        let cannot = |what: &str, error: std::io::Error| {
            Error::new(Kind::Resource, format_args!("starting the library's worker: {what}: {error}"))
        };
        let event_loop = Builder::new_current_thread()
            .enable_all()
            .on_thread_park(|| coalesce::pause(notify::flush()))
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
            sched::request_shortest_slice();
            notify::flushes_on_this_thread();
            thread.begun.store(true, Ordering::Release);
            drop(beginning);
            run(event_loop, &stop, epoch);
            thread.end();
        };
        thread::spawn("bedrock-worker", body).map_err(|error| cannot("its thread", error))?;
        Ok(worker)
    }
}

/// Runs the event loop until `stop` is notified, or the event loop breaks.
fn run(event_loop: EventLoop, stop: &Notify, epoch: u64) {
    let ran = catch_unwind(AssertUnwindSafe(|| event_loop.block_on(stop.notified())));
    let _ending = quiesce::begin();
    match ran {
        Ok(()) => {
            // A drop would wait for threads of the event loop's own. There are none.
            event_loop.shutdown_background();
            notify::flush();
        }
        Err(panic) => {
            // It holds descriptors that the program has closed, and whose numbers it may use again.
            std::mem::forget(event_loop);
            log::error("worker", Error::from_panic(&*panic).without_advice());
            give_up(epoch);
            cancel::end_all(Why::LoopBroken);
        }
    }
}

/// Abandons a worker whose event loop is broken: the next call starts another.
pub fn give_up(epoch: u64) {
    STATE.lock().current().worker.take_if(|worker| worker.epoch == epoch);
}

/// Returns the error of a panic in a task of the worker.
pub fn task_panicked(panic: &(dyn Any + Send)) -> Error {
    // tokio panics with this message in a task that sets a timer, if the event loop's descriptors are closed.
    match panic_message(panic).starts_with("failed to wake I/O driver") {
        true => loop_broken(),
        false => Error::from_panic(panic),
    }
}

/// Returns the error of the calls whose event loop broke.
pub fn loop_broken() -> Error {
    let what = "the library's event loop is broken: the program has closed descriptors that it did not open";
    Error::new(Kind::Resource, what).advise(
        "Close only your own descriptors, or all of them in a child between fork and exec; the next call starts the library again",
    )
}
