//! The worker: one thread with a one-thread tokio runtime.
//!
//! Connections, decoders, timers and clients live on it. It starts with the first call that needs it and ends with
//! [`shutdown`]; the next call starts it again. A program's own threads never poll, and no program's code runs here.
//! When it has nothing else to do it [announces](crate::announce) what it has read, and may [rest](crate::coalesce).

use crate::announce;
use crate::blocking;
use crate::cancel;
use crate::coalesce;
use crate::error::{Error, Kind, Result};
use crate::log;
use crate::process::{self, Generation};
use crate::sys::sched;
use once_cell::sync::Lazy;
use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, TryLockError};
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Handle};
use tokio::sync::Notify;

/// More threads than this never look up names, read files or run credential processes at once.
const MAX_BLOCKING_THREADS: usize = 16;

struct Worker {
    epoch: u64,
    handle: Handle,
    stop: Arc<Notify>,
    threads: Arc<Threads>,
}

/// The threads of one worker that have not ended.
#[derive(Default)]
struct Threads {
    live: Mutex<usize>,
    one_ended: Condvar,
}

/// The library's threads, in the process to which they belong.
struct House {
    process: Generation,
    worker: Option<Worker>,
    /// Threads of workers that were told to end.
    ending: Vec<Arc<Threads>>,
}

/// Only held for moments, and still while the process forks ([`lock_for_fork`]).
static HOUSE: Lazy<Mutex<House>> = Lazy::new(|| Mutex::new(House::new()));
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
    let mut house = House::lock();
    if house.worker.is_none() {
        house.worker = Some(Worker::spawn()?);
    }
    let worker = house.worker.as_ref().expect("a worker was just made sure of");
    Ok(Runtime { handle: worker.handle.clone(), epoch: worker.epoch })
}

/// Ends the worker: every call still running fails as cancelled. False where its threads have not ended by then.
pub fn shutdown(deadline: Instant) -> bool {
    let ending = {
        let mut house = House::lock();
        if let Some(worker) = house.worker.take() {
            worker.stop.notify_one();
            house.ending.push(worker.threads);
        }
        house.ending.clone()
    };
    let ended = ending.iter().all(|threads| threads.wait_until(deadline)) & blocking::shutdown(deadline);
    if ended {
        House::lock().ending.retain(|threads| !ending.iter().any(|ended| Arc::ptr_eq(threads, ended)));
    }
    ended
}

/// Keeps the worker from changing while the process forks.
pub fn lock_for_fork() -> impl std::any::Any {
    House::lock()
}

/// Read by a worker while it works. The libraries below us make their statics when they first need them, and a child whose fork
/// found one half made would wait for it for ever.
static AT_WORK: RwLock<()> = RwLock::new(());
/// How long a fork waits for a worker that never rests.
const FORK_PATIENCE: Duration = Duration::from_secs(1);

thread_local! {
    static WORKING: RefCell<Option<RwLockReadGuard<'static, ()>>> = const { RefCell::new(None) };
}

fn work() {
    let at_work = AT_WORK.read().unwrap_or_else(PoisonError::into_inner);
    let _ = WORKING.try_with(|working| working.replace(Some(at_work)));
}

fn idle() {
    let _ = WORKING.try_with(RefCell::take);
}

/// Waits until no worker is in the middle of something. To be taken before every other lock: a worker may need those to get done.
pub fn pause_for_fork() -> Option<impl std::any::Any> {
    let patience = Instant::now() + FORK_PATIENCE;
    while WORKING.try_with(|working| working.borrow().is_none()).unwrap_or(true) {
        match AT_WORK.try_write() {
            Ok(rested) => return Some(rested),
            Err(TryLockError::Poisoned(rested)) => return Some(rested.into_inner()),
            Err(TryLockError::WouldBlock) if Instant::now() > patience => break,
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_micros(50)),
        }
    }
    None
}

impl House {
    fn new() -> Self {
        House { process: Generation::current(), worker: None, ending: Vec::new() }
    }

    fn lock() -> MutexGuard<'static, House> {
        let mut house = HOUSE.lock().unwrap_or_else(PoisonError::into_inner);
        if !house.process.is_current() {
            // The child of a fork inherits a runtime without its threads; even dropping it would wait for them.
            std::mem::forget(std::mem::replace(&mut *house, House::new()));
        }
        house
    }
}

impl Threads {
    fn begin(&self) {
        *self.live.lock().unwrap_or_else(PoisonError::into_inner) += 1;
    }

    fn end(&self) {
        *self.live.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        self.one_ended.notify_all();
    }

    /// Waits until none is left; false where the deadline comes first.
    fn wait_until(&self, deadline: Instant) -> bool {
        let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        while *live > 0 {
            let Some(left) = deadline.checked_duration_since(Instant::now()) else { return false };
            live = self.one_ended.wait_timeout(live, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}

impl Worker {
    fn spawn() -> Result<Worker> {
        let cannot = |what: &str, error: std::io::Error| {
            Error::new(Kind::Resource, format_args!("starting the library's worker: {what}: {error}"))
        };
        let threads = Arc::new(Threads::default());
        let (beginning, ending) = (threads.clone(), threads.clone());
        let runtime = Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(MAX_BLOCKING_THREADS)
            .thread_name("bedrock-blocking")
            .on_thread_start(move || {
                beginning.begin();
                process::settle_in();
            })
            .on_thread_stop(move || ending.end())
            .on_thread_park(|| {
                let announced = announce::all_kept();
                idle();
                coalesce::rest(announced);
            })
            .on_thread_unpark(work)
            .build()
            .map_err(|error| cannot("its event loop", error))?;
        let bell = cancel::bell().map_err(|error| cannot("its cancel bell", error))?;
        let worker = Worker {
            epoch: EPOCHS.fetch_add(1, Ordering::Relaxed),
            handle: runtime.handle().clone(),
            stop: Arc::default(),
            threads,
        };
        let (stop, threads) = (worker.stop.clone(), worker.threads.clone());
        let body = move || {
            process::settle_in();
            sched::ask_for_shortest();
            work();
            runtime.spawn(async move {
                if let Err(error) = cancel::watch(bell).await {
                    log::error(
                        "cancel",
                        format_args!("the cancel bell cannot be heard, waiting calls end by their timers: {error}"),
                    );
                }
            });
            runtime.block_on(stop.notified());
            // Dropping a runtime would wait for name look-ups and the like, however long they take.
            runtime.shutdown_background();
            announce::all_kept();
            idle();
            threads.end();
        };
        worker.threads.begin();
        process::spawn("bedrock-worker", body).map_err(|error| cannot("its thread", error))?;
        Ok(worker)
    }
}
