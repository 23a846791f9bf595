//! Work that blocks, on other threads: the worker never waits for a file, a name or a process.
//!
//! Each kind of work has a [`Pool`] with its own limit, so that one kind that hangs does not delay another. A pool
//! starts a thread for work that finds none idle. A thread without work ends after some seconds, and at [`shutdown`].

use super::fork::{ForkGuard, ForkLock, HeldOverFork, Rank};
use super::per_process::PerProcess;
use super::sync::Condvar;
use super::{quiesce, thread};
use crate::error::{Error, Kind, Result};
use std::any::Any;
use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// The time that a thread waits for more work.
const IDLE_TIMEOUT: Duration = Duration::from_secs(10);

/// The pool that resolves names.
pub static NAMES: Pool = Pool::new("bedrock-names", 8, Rank::NamePool);
/// The pool that reads files: AWS's, certificates, recordings.
pub static FILES: Pool = Pool::new("bedrock-files", 8, Rank::FilePool);
/// The pool that fetches credentials.
pub static CREDENTIALS: Pool = Pool::new("bedrock-creds", 16, Rank::CredentialPool);
/// The pool that writes recordings.
pub static RECORDINGS: Pool = Pool::new("bedrock-record", 8, Rank::RecordingPool);
/// The pool that decodes and compares long texts, which would keep the worker from its other calls.
pub static CHECKS: Pool = Pool::new("bedrock-checks", 2, Rank::CheckPool);

static ALL: [&Pool; 5] = [&NAMES, &FILES, &CREDENTIALS, &RECORDINGS, &CHECKS];
pub const FORK_LOCKS: [&dyn HeldOverFork; 5] =
    [&NAMES.state, &FILES.state, &CREDENTIALS.state, &RECORDINGS.state, &CHECKS.state];

/// Threads for one kind of work.
pub struct Pool {
    name: &'static str,
    max_threads: usize,
    state: ForkLock<PerProcess<State>>,
    /// Notified when there is work, or the pool is shut down.
    changed: Condvar,
    /// Notified when a thread has ended, or has done a job that the shutdown waits for.
    ended: Condvar,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Job>,
    /// The receivers of the result of shared work, by its key.
    shared: HashMap<String, Vec<Box<dyn Receiver>>>,
    /// The threads, by the order in which they started.
    threads: Vec<u64>,
    /// The number of threads that wait for work.
    idle: usize,
    /// The number of threads that have been started.
    started: u64,
    /// The number below which threads end, at a shutdown.
    end_before: u64,
    /// The number of jobs that have begun.
    begun: u64,
    /// The value of `begun` that the last shutdown waits for: that of the jobs that were submitted before it.
    due: u64,
    /// The number of those jobs that run.
    finishing: usize,
}

type Job = Box<dyn FnOnce() + Send>;

/// A receiver of the result of shared work.
trait Receiver: Send {
    fn is_gone(&self) -> bool;
    fn send(self: Box<Self>, result: &dyn Any);
}

impl<T: Clone + Send + 'static> Receiver for oneshot::Sender<Result<T>> {
    fn is_gone(&self) -> bool {
        self.is_closed()
    }

    fn send(self: Box<Self>, result: &dyn Any) {
        let _ = result.downcast_ref::<Result<T>>().map(|result| oneshot::Sender::send(*self, result.clone()));
    }
}

impl Pool {
    const fn new(name: &'static str, max_threads: usize, rank: Rank) -> Self {
        let state = ForkLock::new(rank, PerProcess::empty());
        Pool { name, max_threads, state, changed: Condvar::new(), ended: Condvar::new() }
    }

    /// Runs `work` on a thread of the pool and returns its result. Work whose result is no longer wanted does not
    /// begin. Fails with [`Kind::Resource`] if no thread can be started.
    pub async fn run<T: Send + 'static>(&'static self, work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
        let (sender, receiver) = oneshot::channel();
        self.submit(move || {
            if !sender.is_closed() {
                let _ = sender.send(Error::catch(work));
            }
        })?;
        receiver.await.unwrap_or_else(|_| Err(Error::shut_down()))
    }

    /// Does the same as [`Pool::run`], single-flight: while such work runs under the same `key`, all callers share its
    /// result. `key` names the work and its input, and so determines the type of the result.
    pub async fn share<T: Clone + Send + 'static>(
        &'static self,
        key: String,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (sender, receiver) = oneshot::channel();
        let is_first = {
            let mut state = self.state.lock();
            let shared = &mut state.current().shared;
            let is_first = !shared.contains_key(&key);
            let receivers = shared.entry(key.clone()).or_default();
            // While work hangs, callers come and go: their timers end, and they call again.
            receivers.retain(|receiver| !receiver.is_gone());
            receivers.push(Box::new(sender));
            is_first
        };
        if is_first {
            let done = key.clone();
            let submitted = self.submit(move || self.send_to_all(&done, Error::catch(work)));
            if let Err(error) = submitted {
                self.send_to_all::<T>(&key, Err(error));
            }
        }
        receiver.await.unwrap_or_else(|_| Err(Error::shut_down()))
    }

    /// Sends the result of shared work to all callers that wait for it.
    fn send_to_all<T: Clone + Send + 'static>(&self, key: &str, result: Result<T>) {
        let receivers = self.state.lock().current().shared.remove(key).unwrap_or_default();
        receivers.into_iter().for_each(|receiver| receiver.send(&result));
    }

    /// Runs `work` on a thread of the pool, whether or not anything waits for it. `work` must not panic.
    pub fn submit(&'static self, work: impl FnOnce() + Send + 'static) -> Result<()> {
        let mut state = self.state.lock();
        let state = state.current();
        state.queue.push_back(Box::new(work));
        if state.queue.len() <= state.idle {
            self.changed.notify_one();
        } else if state.threads.len() < self.max_threads
            && let Err(error) = self.start(state)
            // Otherwise the running threads do it later.
            && state.threads.is_empty()
        {
            state.queue.pop_back();
            let what = format_args!("starting the library's thread {}: {error}", self.name);
            return Err(Error::new(Kind::Resource, what).advise("Raise the limit of threads (ulimit -u)"));
        }
        Ok(())
    }

    fn start(&'static self, state: &mut State) -> std::io::Result<()> {
        let number = state.started;
        thread::spawn(self.name, move || self.serve(number))?;
        state.threads.push(number);
        state.started += 1;
        Ok(())
    }

    fn serve(&'static self, number: u64) {
        let mut guard = self.state.lock();
        loop {
            let state = guard.current();
            let is_due = state.begun < state.due;
            // At a shutdown another thread does what is not due, if one can be started.
            if number < state.end_before && !is_due && (state.queue.is_empty() || self.start(state).is_ok()) {
                break;
            }
            if let Some(job) = state.queue.pop_front() {
                state.begun += 1;
                state.finishing += usize::from(is_due);
                drop(guard);
                let working = quiesce::begin();
                job();
                drop(working);
                guard = self.state.lock();
                if is_due {
                    let state = guard.current();
                    state.finishing = state.finishing.saturating_sub(1);
                    self.ended.notify_all();
                }
                continue;
            }
            state.idle += 1;
            let (waited, is_over) = ForkGuard::wait_timeout(guard, &self.changed, IDLE_TIMEOUT);
            guard = waited;
            let state = guard.current();
            state.idle -= 1;
            if is_over && state.queue.is_empty() {
                break;
            }
        }
        guard.current().threads.retain(|other| *other != number);
        self.ended.notify_all();
    }

    /// Does the work in the queue and ends the threads that there are now. Returns false if the deadline comes first.
    fn end(&self, deadline: Instant) -> bool {
        let mut guard = self.state.lock();
        let state = guard.current();
        let before = state.started;
        state.end_before = before;
        let due = state.begun + state.queue.len() as u64;
        state.due = due;
        self.changed.notify_all();
        let is_done = |state: &mut PerProcess<State>| {
            let state = state.current();
            state.begun >= due && state.finishing == 0 && state.threads.iter().all(|number| *number >= before)
        };
        guard.wait_until(&self.ended, deadline, is_done).1
    }
}

/// Ends the threads of all pools. Returns false if some have not ended by the deadline.
pub fn shutdown(deadline: Instant) -> bool {
    // Every pool is ended, also after one that has not ended by the deadline.
    ALL.map(|pool| pool.end(deadline)).iter().all(|ended| *ended)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Mutex, mpsc};

    static TWO: Pool = Pool::new("bedrock-test", 2, Rank::CheckPool);

    #[tokio::test]
    async fn work_that_hangs_delays_its_own_pool_only_and_work_that_is_not_awaited_does_not_begin() {
        let (release, hang) = mpsc::channel::<()>();
        let hang = std::sync::Arc::new(Mutex::new(hang));
        let hung: Vec<_> = (0..2)
            .map(|_| {
                let hang = hang.clone();
                tokio::spawn(TWO.run(move || Ok(hang.lock().unwrap().recv().is_ok())))
            })
            .collect();
        let (begun, begins) = mpsc::channel();
        let unwanted = tokio::spawn(TWO.run(move || Ok(begun.send(()).is_ok())));
        tokio::task::yield_now().await;
        unwanted.abort();
        assert!(unwanted.await.is_err());
        assert_eq!(CHECKS.run(|| Ok(7)).await.unwrap(), 7, "another pool goes on");
        release.send(()).unwrap();
        release.send(()).unwrap();
        for hung in hung {
            assert!(hung.await.unwrap().unwrap());
        }
        assert!(begins.recv().is_err(), "work whose result is not wanted has begun");
    }

    #[tokio::test]
    async fn work_under_one_key_is_done_once_for_all_concurrent_callers() {
        static DONE: AtomicUsize = AtomicUsize::new(0);
        let (release, hang) = mpsc::channel::<()>();
        let ask = |hang: Option<mpsc::Receiver<()>>| {
            tokio::spawn(CHECKS.share("a key".to_owned(), move || {
                hang.into_iter().for_each(|hang| hang.recv().unwrap_or_default());
                Ok(DONE.fetch_add(1, Ordering::Relaxed))
            }))
        };
        let all = [ask(Some(hang)), ask(None), ask(None)];
        tokio::task::yield_now().await;
        drop(release);
        for asked in all {
            assert_eq!(asked.await.unwrap().unwrap(), 0);
        }
        assert_eq!(ask(None).await.unwrap().unwrap(), 1, "a later caller starts the work again");
    }

    #[test]
    fn a_shutdown_ends_the_present_threads_although_more_work_is_submitted() {
        static BUSY: Pool = Pool::new("bedrock-busy", 2, Rank::CheckPool);
        let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let stopping = stop.clone();
        BUSY.submit(|| {}).unwrap();
        let others = std::thread::spawn(move || {
            while !stopping.load(Ordering::Relaxed) {
                if BUSY.state.lock().current().queue.len() < 8 {
                    BUSY.submit(std::thread::yield_now).unwrap();
                }
            }
        });
        for _ in 0..20 {
            assert!(BUSY.end(Instant::now() + Duration::from_secs(60)));
        }
        stop.store(true, Ordering::Relaxed);
        others.join().unwrap();
    }

    #[test]
    fn work_that_was_submitted_before_a_shutdown_is_done() {
        static ONE: Pool = Pool::new("bedrock-one", 1, Rank::CheckPool);
        static DONE: AtomicUsize = AtomicUsize::new(0);
        let (release, hang) = mpsc::channel::<()>();
        ONE.submit(move || hang.recv().unwrap_or_default()).unwrap();
        for _ in 0..20 {
            ONE.submit(|| {
                std::thread::sleep(Duration::from_millis(2));
                DONE.fetch_add(1, Ordering::Relaxed);
            })
            .unwrap();
        }
        let ending = std::thread::spawn(|| ONE.end(Instant::now() + Duration::from_secs(60)));
        while ONE.state.lock().current().due == 0 {
            std::thread::yield_now();
        }
        drop(release);
        assert!(ending.join().unwrap());
        assert_eq!(DONE.load(Ordering::Relaxed), 20);
    }

    #[tokio::test]
    async fn a_panic_is_the_error_of_the_work_and_the_pool_goes_on() {
        let error = CHECKS.run::<()>(|| panic!("on purpose")).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Internal);
        assert!(CHECKS.run(|| Ok(())).await.is_ok());
    }
}
