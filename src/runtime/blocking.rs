//! Work that blocks, on threads of its own: the worker never waits for a file, a name or a process.
//!
//! Each kind of work has a [`Pool`] with a limit of its own, so that one kind that hangs holds up no other. A pool starts a
//! thread for work that finds none idle. A thread without work ends after some seconds, and at [`shutdown`].

use super::process::{self, Generation};
use super::quiesce;
use crate::error::{Error, Kind, Result};
use std::any::Any;
use std::collections::{HashMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// How long a thread waits for more work.
const KEPT: Duration = Duration::from_secs(10);

/// Looks names up.
pub static NAMES: Pool = Pool::new("bedrock-names", 8);
/// Reads files: AWS's, certificates, recordings.
pub static FILES: Pool = Pool::new("bedrock-files", 8);
/// Fetches credentials.
pub static CREDENTIALS: Pool = Pool::new("bedrock-creds", 16);
/// Writes recordings.
pub static RECORDINGS: Pool = Pool::new("bedrock-record", 8);
/// Checks and compares what is too long for the worker.
pub static CHECKS: Pool = Pool::new("bedrock-checks", 2);

static ALL: [&Pool; 5] = [&NAMES, &FILES, &CREDENTIALS, &RECORDINGS, &CHECKS];

/// Threads for one kind of work.
pub struct Pool {
    name: &'static str,
    /// The most threads at once.
    most: usize,
    state: Mutex<Option<State>>,
    /// There is work, or the pool is to end.
    changed: Condvar,
    ended: Condvar,
}

struct State {
    process: Generation,
    queue: VecDeque<Job>,
    /// Who waits for work that is shared, by its key.
    shared: HashMap<String, Vec<Box<dyn Waiter>>>,
    /// The numbers of the threads, which are those of their starts.
    threads: Vec<u64>,
    /// Threads that wait for work.
    idle: usize,
    started: u64,
    /// Threads with lower numbers are to end.
    end_before: u64,
    /// How much of the work has been begun.
    begun: u64,
    /// So much of it was asked for before the pool was last to end.
    due: u64,
    /// How much of what was due is being done.
    finishing: usize,
}

type Job = Box<dyn FnOnce() + Send>;

/// Somebody who waits for the result of shared work.
trait Waiter: Send {
    fn has_left(&self) -> bool;
    fn give(self: Box<Self>, result: &dyn Any);
}

impl<T: Clone + Send + 'static> Waiter for oneshot::Sender<Result<T>> {
    fn has_left(&self) -> bool {
        self.is_closed()
    }

    fn give(self: Box<Self>, result: &dyn Any) {
        let _ = result.downcast_ref::<Result<T>>().map(|result| self.send(result.clone()));
    }
}

impl Pool {
    const fn new(name: &'static str, most: usize) -> Self {
        Pool { name, most, state: Mutex::new(None), changed: Condvar::new(), ended: Condvar::new() }
    }

    /// Runs `work` on a thread of the pool and gives its result. Work that has not begun is not done if the result is no
    /// longer wanted. Fails with [`Kind::Resource`] if no thread can be started.
    pub async fn run<T: Send + 'static>(&'static self, work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
        let (sender, receiver) = oneshot::channel();
        self.submit(move || {
            if !sender.is_closed() {
                let _ = sender.send(Error::caught(work));
            }
        })?;
        receiver.await.unwrap_or_else(|_| Err(Error::shut_down()))
    }

    /// As [`Pool::run`]. While such work is under way under the same `key`, its result is everybody's who asks: `key` names
    /// what is done and with what, so that it also stands for the type of the result.
    pub async fn share<T: Clone + Send + 'static>(
        &'static self,
        key: String,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (sender, receiver) = oneshot::channel();
        let first = {
            let mut place = self.lock();
            let shared = &mut of_this_process(&mut place).shared;
            let first = !shared.contains_key(&key);
            let waiters = shared.entry(key.clone()).or_default();
            // Work that hangs is asked for again and again by those whose timers end.
            waiters.retain(|waiter| !waiter.has_left());
            waiters.push(Box::new(sender));
            first
        };
        if first {
            let done = key.clone();
            let submitted = self.submit(move || self.tell(&done, Error::caught(work)));
            if let Err(error) = submitted {
                self.tell::<T>(&key, Err(error));
            }
        }
        receiver.await.unwrap_or_else(|_| Err(Error::shut_down()))
    }

    /// Gives the result of shared work to all who wait for it.
    fn tell<T: Clone + Send + 'static>(&self, key: &str, result: Result<T>) {
        let waiters = of_this_process(&mut self.lock()).shared.remove(key).unwrap_or_default();
        waiters.into_iter().for_each(|waiter| waiter.give(&result));
    }

    /// Has `work` done on a thread of the pool, whether or not anybody waits for it. `work` must not panic.
    pub fn submit(&'static self, work: impl FnOnce() + Send + 'static) -> Result<()> {
        let mut place = self.lock();
        let state = of_this_process(&mut place);
        state.queue.push_back(Box::new(work));
        if state.queue.len() <= state.idle {
            self.changed.notify_one();
        } else if state.threads.len() < self.most
            && let Err(error) = self.start(state)
            // Else the threads that are there come to it.
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
        process::spawn(self.name, move || self.serve(number))?;
        state.threads.push(number);
        state.started += 1;
        Ok(())
    }

    fn serve(&'static self, number: u64) {
        process::settle_in();
        let mut place = self.lock();
        loop {
            let state = of_this_process(&mut place);
            let is_due = state.begun < state.due;
            // What is not due is another's, where there can be one.
            if number < state.end_before && !is_due && (state.queue.is_empty() || self.start(state).is_ok()) {
                break;
            }
            if let Some(job) = state.queue.pop_front() {
                state.begun += 1;
                state.finishing += usize::from(is_due);
                drop(place);
                let working = quiesce::begin();
                job();
                drop(working);
                place = self.lock();
                if is_due {
                    let state = of_this_process(&mut place);
                    state.finishing = state.finishing.saturating_sub(1);
                    self.ended.notify_all();
                }
                continue;
            }
            state.idle += 1;
            let (waited, timeout) = self.changed.wait_timeout(place, KEPT).unwrap_or_else(PoisonError::into_inner);
            place = waited;
            let state = of_this_process(&mut place);
            state.idle -= 1;
            if timeout.timed_out() && state.queue.is_empty() {
                break;
            }
        }
        of_this_process(&mut place).threads.retain(|other| *other != number);
        self.ended.notify_all();
    }

    /// Does what is in the queue and ends the threads that are there now. Returns false if the deadline comes first.
    fn end(&self, deadline: Instant) -> bool {
        let mut place = self.lock();
        let state = of_this_process(&mut place);
        let before = state.started;
        state.end_before = before;
        let due = state.begun + state.queue.len() as u64;
        state.due = due;
        self.changed.notify_all();
        let is_left = |state: &State| {
            state.begun < due || state.finishing > 0 || state.threads.iter().any(|number| *number < before)
        };
        while is_left(of_this_process(&mut place)) {
            let Some(left) = deadline.checked_duration_since(Instant::now()) else { return false };
            place = self.ended.wait_timeout(place, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    fn lock(&self) -> MutexGuard<'_, Option<State>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn of_this_process(place: &mut Option<State>) -> &mut State {
    if place.as_ref().is_none_or(|state| !state.process.is_current()) {
        let fresh = State {
            process: Generation::current(),
            queue: VecDeque::new(),
            shared: HashMap::new(),
            threads: Vec::new(),
            idle: 0,
            started: 0,
            end_before: 0,
            begun: 0,
            due: 0,
            finishing: 0,
        };
        // The parent's work is not even dropped: whoever waits for it would be woken, in the parent.
        std::mem::forget(place.replace(fresh));
    }
    place.as_mut().expect("a state was just made sure of")
}

/// Ends the threads of all pools. Returns false if some have not ended by the deadline.
pub fn shutdown(deadline: Instant) -> bool {
    // Each of them, whether or not the one before has ended.
    ALL.map(|pool| pool.end(deadline)).iter().all(|ended| *ended)
}

/// Keeps the pools from changing while the process forks.
pub fn lock_for_fork() -> impl std::any::Any {
    ALL.map(Pool::lock)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;

    static TWO: Pool = Pool::new("bedrock-test", 2);

    #[tokio::test]
    async fn work_that_hangs_holds_up_its_own_pool_alone_and_what_nobody_waits_for_is_not_begun() {
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
        assert!(begins.recv().is_err(), "what nobody waits for was begun");
    }

    #[tokio::test]
    async fn work_under_one_key_is_done_once_for_all_who_ask_meanwhile() {
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
        assert_eq!(ask(None).await.unwrap().unwrap(), 1, "it is done anew for who asks later");
    }

    #[test]
    fn threads_that_are_there_end_although_others_go_on_asking() {
        static BUSY: Pool = Pool::new("bedrock-busy", 2);
        let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let stopping = stop.clone();
        BUSY.submit(|| {}).unwrap();
        let others = std::thread::spawn(move || {
            while !stopping.load(Ordering::Relaxed) {
                if of_this_process(&mut BUSY.lock()).queue.len() < 8 {
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
    fn what_was_asked_for_before_the_end_is_done_at_the_end() {
        static ONE: Pool = Pool::new("bedrock-one", 1);
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
        while of_this_process(&mut ONE.lock()).due == 0 {
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
