//! The engine's locks and tables under a model checker. In any order of its threads a stream has one end, no event
//! comes after a cancel, no callback runs after a close, and no event is lost: a reader that would wait for ever is a
//! deadlock, which the checker reports. A key of the tables that has gone stale never names another entry.
//!
//! The files that hold these locks are compiled here once more, against the checker's locks in place of std's
//! (`runtime/primitives.rs`), with small stand-ins for the types that they carry. RACES sets the number of schedules of
//! each scenario; a failure prints the schedule that leads to it.

// What the scenarios do not need.
#![allow(dead_code)]

#[path = "races/standins.rs"]
mod standins;

/// The engine's files, without those that need a worker.
#[path = "../src/call"]
mod call {
    pub mod pipe;
    pub mod reader;
    pub mod readiness;
    pub mod waitset;
    pub mod wakeup;
    pub use crate::standins::timer;
}

#[path = "../src/runtime"]
mod runtime {
    pub mod callback_thread;
    pub mod fork;
    pub mod per_process;
    pub mod slot_table;
    pub mod stable_array;
    pub mod sync;
    pub use crate::standins::{event_fd, primitives, process_generation, signals, thread};
}

pub use standins::{error, protocol, text};

use call::pipe::{End, Pipe};
use call::reader::Reader;
use call::readiness;
use call::{waitset, wakeup};
use error::{Error, Kind};
use runtime::{event_fd, fork, slot_table, sync};
use shuttle::future::block_on;
use standins::thread::exit_thread;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use sync::{Arc, AtomicU64, Condvar, Mutex};

const NOW: Option<Duration> = Some(Duration::ZERO);
const FOR_EVER: Option<Duration> = None;
/// A read-ahead that only a huge batch exceeds.
const READ_AHEAD: usize = 2 << 20;

/// Runs a scenario under many schedules.
fn check(scenario: impl Fn() + Send + Sync + 'static) {
    let schedules = std::env::var("RACES").map_or(5_000, |number| number.parse().expect("RACES is a number"));
    // Random preemption finds most errors; bounded preemption finds those that need a few switches at the wrong
    // moments.
    let scenario = std::sync::Arc::new(scenario);
    let again = scenario.clone();
    shuttle::check_random(move || scenario(), schedules / 2);
    shuttle::check_pct(move || again(), schedules - schedules / 2, 3);
}

fn spawn<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> shuttle::thread::JoinHandle<T> {
    shuttle::thread::spawn(body)
}

/// The result of a look at a pipe.
enum Found<'a> {
    Event(protocol::event::Event<'a>),
    End(End),
    Nothing,
}

/// Reads as a stream does.
fn next<'r>(reader: &'r mut Reader, pipe: &Pipe, timeout: Option<Duration>) -> Found<'r> {
    reader.wait(pipe, timeout);
    match reader.end().cloned() {
        Some(end) => Found::End(end),
        None => reader.next(pipe).map_or(Found::Nothing, Found::Event),
    }
}

/// Writes as a worker does: a number of events, each with its notification, then the end.
fn write(pipe: &Pipe, events: usize, end: End) {
    for event in 0..events {
        let ((), written) = pipe.write(None, |batch| batch.push(event));
        if written.notify {
            pipe.notify();
        }
    }
    pipe.end_with(|| end);
}

/// Returns a deadline that does not come: the checker has no clock.
fn far_away() -> Instant {
    Instant::now() + Duration::from_secs(3600)
}

fn cancel(pipe: &Pipe) {
    pipe.cancel(|| Error::new(Kind::Cancelled, "cancelled"));
}

fn failed() -> End {
    End::Failed(Error::new(Kind::Network, "reset"))
}

/// Reads all events that have arrived, and counts them in `seen`. Returns whether the end is a cancel, if the end has
/// come.
fn drain(reader: &mut Reader, pipe: &Pipe, seen: &mut usize) -> Option<bool> {
    let before = *seen;
    loop {
        match next(reader, pipe, NOW) {
            Found::Event(event) => {
                assert_eq!(event, *seen, "an event is lost, or out of order");
                *seen += 1;
            }
            Found::End(end) => return Some(matches!(end, End::Cancelled(_))),
            Found::Nothing => {
                assert!(*seen > before || before == 0, "notified of something to read, and there was nothing");
                return None;
            }
        }
    }
}

/// Asserts that the end stays what it is, and that nothing comes after it.
fn assert_over(reader: &mut Reader, pipe: &Pipe) {
    let Found::End(first) = next(reader, pipe, NOW) else { panic!("something came after the end") };
    let first = std::mem::discriminant(&first);
    cancel(pipe);
    let Found::End(again) = next(reader, pipe, FOR_EVER) else { panic!("something came after the end") };
    assert_eq!(first, std::mem::discriminant(&again), "the end has changed");
}

#[test]
fn a_stream_that_is_read_has_one_end_and_no_event_comes_after_a_cancel() {
    check(|| {
        let pipe = Arc::new(Pipe::new(READ_AHEAD));
        let cancelled = Arc::new(AtomicUsize::new(0));
        let writer = {
            let pipe = pipe.clone();
            spawn(move || write(&pipe, 3, End::Done(None)))
        };
        let canceller = {
            let (pipe, cancelled) = (pipe.clone(), cancelled.clone());
            spawn(move || {
                cancel(&pipe);
                cancelled.store(1, Ordering::SeqCst);
            })
        };
        let (mut reader, mut seen) = (Reader::default(), 0);
        let was_cancelled = loop {
            let over = cancelled.load(Ordering::SeqCst) == 1;
            match next(&mut reader, &pipe, FOR_EVER) {
                Found::Event(event) => {
                    assert!(!over, "an event came after a cancel");
                    assert_eq!(event, seen);
                    seen += 1;
                }
                Found::End(end) => break matches!(end, End::Cancelled(_)),
                Found::Nothing => unreachable!("waits for ever"),
            }
        };
        assert!(was_cancelled || seen == 3, "done before all was read");
        assert_over(&mut reader, &pipe);
        writer.join().unwrap();
        canceller.join().unwrap();
    });
}

#[test]
fn a_descriptor_is_readable_exactly_while_there_is_something_to_read() {
    check(|| {
        let pipe = Arc::new(Pipe::new(READ_AHEAD));
        let writer = {
            let pipe = pipe.clone();
            spawn(move || write(&pipe, 3, failed()))
        };
        let (mut reader, mut seen) = (Reader::default(), 0);
        let fd = reader.fd(&pipe).unwrap();
        loop {
            event_fd::wait_until_readable(fd);
            // One event each time that it is readable, as the simplest loop does it.
            match next(&mut reader, &pipe, NOW) {
                Found::Event(event) => {
                    assert_eq!(event, seen);
                    seen += 1;
                }
                Found::End(_) => break,
                Found::Nothing => panic!("the descriptor was readable, and there was nothing to read"),
            }
        }
        assert_eq!(seen, 3);
        assert!(event_fd::is_readable(fd), "not readable after the end");
        assert_over(&mut reader, &pipe);
        writer.join().unwrap();
        assert!(event_fd::is_readable(fd));
    });
}

#[test]
fn a_descriptor_is_readable_when_a_read_returns_and_leaves_something() {
    check(|| {
        let pipe = Arc::new(Pipe::new(READ_AHEAD));
        let writer = {
            let pipe = pipe.clone();
            spawn(move || {
                let ((), written) = pipe.write(None, |batch| (0..2).for_each(|event| batch.push(event)));
                assert!(written.notify);
                pipe.notify();
                pipe.end_with(failed);
            })
        };
        let canceller = {
            let pipe = pipe.clone();
            spawn(move || cancel(&pipe))
        };
        let mut reader = Reader::default();
        let fd = reader.fd(&pipe).unwrap();
        // The program reads without having polled.
        while !matches!(next(&mut reader, &pipe, NOW), Found::End(_)) {
            if reader.has_unread() {
                assert!(event_fd::is_readable(fd), "not readable although events are left");
            }
            shuttle::thread::yield_now();
        }
        assert!(event_fd::is_readable(fd), "not readable after the end");
        writer.join().unwrap();
        canceller.join().unwrap();
    });
}

#[test]
fn a_descriptor_that_is_asked_for_late_is_right_at_once() {
    check(|| {
        let pipe = Arc::new(Pipe::new(READ_AHEAD));
        let writer = {
            let pipe = pipe.clone();
            spawn(move || write(&pipe, 2, End::Done(None)))
        };
        let (mut reader, mut seen) = (Reader::default(), 0);
        if let Found::Event(_) = next(&mut reader, &pipe, NOW) {
            seen += 1;
        }
        let fd = reader.fd(&pipe).unwrap();
        loop {
            event_fd::wait_until_readable(fd);
            match next(&mut reader, &pipe, NOW) {
                Found::Event(_) => seen += 1,
                Found::End(_) => break,
                Found::Nothing => panic!("the descriptor was readable, and there was nothing to read"),
            }
        }
        assert_eq!(seen, 2);
        writer.join().unwrap();
    });
}

/// A semaphore. The program's wakeup posts it, and the program's thread waits for it.
#[derive(Default)]
struct Semaphore {
    value: Mutex<usize>,
    posted: Condvar,
}

impl Semaphore {
    fn post(&self) {
        *self.value.lock() += 1;
        self.posted.notify_all();
    }

    fn wait(&self) {
        let mut value = self.value.lock();
        while *value == 0 {
            value = self.posted.wait(value);
        }
        *value -= 1;
    }
}

fn wakeup_thread() -> Arc<runtime::callback_thread::CallbackThread<VecDeque<Arc<wakeup::Wakeup>>>> {
    let thread = runtime::callback_thread::CallbackThread::new("wakeup", |wakeup: Arc<wakeup::Wakeup>| wakeup.run());
    thread.start().unwrap();
    thread
}

#[test]
fn a_pause_ends_although_others_put_more_and_no_item_is_lost() {
    check(|| {
        let delivered = Arc::new(AtomicUsize::new(0));
        let thread = {
            let delivered = delivered.clone();
            runtime::callback_thread::CallbackThread::<VecDeque<usize>>::new("counted", move |before: usize| {
                delivered.fetch_add(before, Ordering::SeqCst);
            })
        };
        thread.put(|queue| queue.push_back(1));
        let others: Vec<_> = (0..2)
            .map(|_| {
                let thread = thread.clone();
                spawn(move || {
                    thread.put(|queue| queue.push_back(10));
                    assert!(thread.pause(far_away()));
                    thread.put(|queue| queue.push_back(10));
                })
            })
            .collect();
        assert!(thread.pause(far_away()));
        assert!(delivered.load(Ordering::SeqCst) % 10 == 1, "it was put before the pause");
        others.into_iter().for_each(|other| other.join().unwrap());
        assert!(thread.pause(far_away()));
        assert_eq!(delivered.load(Ordering::SeqCst), 41);
        thread.close();
    });
}

#[test]
fn a_callback_that_ends_its_thread_blocks_no_other_thread_and_the_next_is_called() {
    check(|| {
        let thread = wakeup_thread();
        let wakeup = || {
            let called = Arc::new(AtomicUsize::new(0));
            let calls = called.clone();
            let call = move || {
                calls.fetch_add(1, Ordering::SeqCst);
                exit_thread()
            };
            (wakeup::Wakeup::on(thread.clone(), Box::new(call)), called)
        };
        let ((one, calls_of_one), (two, calls_of_two)) = (wakeup(), wakeup());
        let other = spawn(move || readiness::Notifier::notify(&two));
        readiness::Notifier::notify(&one);
        readiness::Notifier::detach(&one);
        other.join().unwrap();
        assert!(thread.pause(far_away()));
        assert!(calls_of_one.load(Ordering::SeqCst) <= 1, "detached, it may have been too late");
        assert_eq!(calls_of_two.load(Ordering::SeqCst), 1);
        thread.close();
    });
}

#[test]
fn a_wakeup_is_called_for_every_event_that_the_reader_waits_for() {
    check(|| {
        let pipe = Arc::new(Pipe::new(READ_AHEAD));
        let thread = wakeup_thread();
        let writer = {
            let pipe = pipe.clone();
            spawn(move || write(&pipe, 2, End::Done(None)))
        };
        let semaphore = Arc::new(Semaphore::default());
        let wakeup = {
            let semaphore = semaphore.clone();
            wakeup::Wakeup::on(thread.clone(), Box::new(move || semaphore.post()))
        };
        let (mut reader, mut seen) = (Reader::default(), 0);
        pipe.set_notifier(Some(Box::new(wakeup)), reader.has_unread());
        loop {
            semaphore.wait();
            let mut over = false;
            loop {
                match next(&mut reader, &pipe, NOW) {
                    Found::Event(_) => seen += 1,
                    Found::End(_) => over = true,
                    Found::Nothing => break,
                }
                if over {
                    break;
                }
            }
            if over {
                break;
            }
        }
        assert_eq!(seen, 2);
        pipe.close();
        thread.close();
        writer.join().unwrap();
    });
}

#[test]
fn no_wakeup_runs_after_the_stream_was_closed_or_the_wakeup_replaced() {
    check(|| {
        let pipe = Arc::new(Pipe::new(READ_AHEAD));
        let thread = wakeup_thread();
        let wakeup = |gone: &Arc<AtomicUsize>| {
            let gone = gone.clone();
            let call = move || {
                assert_eq!(gone.load(Ordering::SeqCst), 0, "called when it was gone");
                shuttle::thread::yield_now();
                assert_eq!(gone.load(Ordering::SeqCst), 0, "still running when it was gone");
            };
            Some(Box::new(wakeup::Wakeup::on(thread.clone(), Box::new(call))) as Box<dyn readiness::Notifier>)
        };
        let (first, second) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        pipe.set_notifier(wakeup(&first), false);
        let writer = {
            let pipe = pipe.clone();
            spawn(move || write(&pipe, 2, End::Done(None)))
        };
        let canceller = {
            let pipe = pipe.clone();
            spawn(move || cancel(&pipe))
        };
        pipe.set_notifier(wakeup(&second), false);
        first.store(1, Ordering::SeqCst);
        let mut reader = Reader::default();
        let _ = next(&mut reader, &pipe, NOW);
        pipe.close();
        second.store(1, Ordering::SeqCst);
        // One that is set on a closed stream is gone at once.
        pipe.set_notifier(wakeup(&second), false);
        writer.join().unwrap();
        canceller.join().unwrap();
        thread.close();
        assert_eq!(std::sync::Arc::strong_count(&second), 1, "a callback is still held");
    });
}

#[test]
fn a_wakeup_may_cancel_its_own_stream_while_another_thread_closes_it() {
    check(|| {
        let pipe = Arc::new(Pipe::new(READ_AHEAD));
        let thread = wakeup_thread();
        let call = {
            let pipe = pipe.clone();
            move || cancel(&pipe)
        };
        pipe.set_notifier(Some(Box::new(wakeup::Wakeup::on(thread.clone(), Box::new(call)))), false);
        let writer = {
            let pipe = pipe.clone();
            spawn(move || write(&pipe, 1, End::Done(None)))
        };
        pipe.close();
        writer.join().unwrap();
        thread.close();
    });
}

#[test]
fn a_waiting_set_returns_every_stream_and_only_if_there_is_something_to_read() {
    check(|| {
        let set = waitset::WaitSet::default();
        let pipes = [Arc::new(Pipe::new(READ_AHEAD)), Arc::new(Pipe::new(READ_AHEAD))];
        let mut readers = [Reader::default(), Reader::default()];
        let mut seen = [0, 0];
        let writers = pipes.clone().map(|pipe| spawn(move || write(&pipe, 2, failed())));
        for (index, pipe) in pipes.iter().enumerate() {
            pipe.set_notifier(Some(Box::new(set.subscribe(index))), false);
        }
        let mut open = 2;
        while open > 0 {
            let index = set.wait(FOR_EVER).unwrap().expect("waits for ever");
            let before = seen[index];
            let over = drain(&mut readers[index], &pipes[index], &mut seen[index]);
            assert!(seen[index] > before || over.is_some(), "returned a stream that had nothing to read");
            open -= usize::from(over.is_some());
        }
        assert_eq!(seen, [2, 2]);
        assert!(set.wait(NOW).unwrap().is_none(), "returned a stream that has ended");
        writers.into_iter().for_each(|writer| writer.join().unwrap());
    });
}

#[test]
fn a_waiting_set_does_not_return_a_stream_that_has_been_read_meanwhile() {
    check(|| {
        let set = waitset::WaitSet::default();
        let pipe = Arc::new(Pipe::new(READ_AHEAD));
        let writer = {
            let pipe = pipe.clone();
            spawn(move || write(&pipe, 3, End::Done(None)))
        };
        pipe.set_notifier(Some(Box::new(set.subscribe(7))), false);
        let mut reader = Reader::default();
        loop {
            match next(&mut reader, &pipe, NOW) {
                Found::Event(_) => {}
                Found::End(_) => break,
                Found::Nothing if set.wait(NOW).unwrap().is_some() => {
                    let found = next(&mut reader, &pipe, NOW);
                    assert!(!matches!(found, Found::Nothing), "returned a stream that had been read already");
                }
                Found::Nothing => shuttle::thread::yield_now(),
            }
        }
        writer.join().unwrap();
    });
}

#[test]
fn a_waiting_sets_descriptor_is_readable_exactly_while_it_has_a_stream_to_return() {
    check(|| {
        let set = waitset::WaitSet::default();
        let pipe = Arc::new(Pipe::new(READ_AHEAD));
        let (mut reader, mut seen) = (Reader::default(), 0);
        let fd = set.fd().unwrap();
        let writer = {
            let pipe = pipe.clone();
            spawn(move || write(&pipe, 2, End::Done(None)))
        };
        pipe.set_notifier(Some(Box::new(set.subscribe(7))), false);
        loop {
            event_fd::wait_until_readable(fd);
            assert_eq!(
                set.wait(NOW).unwrap(),
                Some(7),
                "the descriptor was readable, and there was no readable stream"
            );
            if drain(&mut reader, &pipe, &mut seen).is_some() {
                break;
            }
        }
        assert!(!event_fd::is_readable(fd));
        writer.join().unwrap();
        assert!(!event_fd::is_readable(fd));
    });
}

#[test]
fn a_stream_that_was_closed_is_not_returned_and_makes_the_sets_descriptor_unreadable() {
    check(|| {
        let set = waitset::WaitSet::default();
        let pipe = Arc::new(Pipe::new(READ_AHEAD));
        let fd = set.fd().unwrap();
        pipe.set_notifier(Some(Box::new(set.subscribe(7))), false);
        let writer = {
            let pipe = pipe.clone();
            spawn(move || write(&pipe, 2, End::Done(None)))
        };
        let canceller = {
            let pipe = pipe.clone();
            spawn(move || cancel(&pipe))
        };
        pipe.close();
        assert!(!event_fd::is_readable(fd));
        assert_eq!(set.wait(NOW).unwrap(), None, "returned a stream that was closed");
        writer.join().unwrap();
        canceller.join().unwrap();
        assert_eq!(set.wait(NOW).unwrap(), None, "returned a stream that was closed");
        assert!(!event_fd::is_readable(fd));
    });
}

#[test]
fn a_thread_that_waits_for_a_set_returns_when_it_is_closed() {
    check(|| {
        let set = Arc::new(waitset::WaitSet::default());
        let pipe = Arc::new(Pipe::new(READ_AHEAD));
        pipe.set_notifier(Some(Box::new(set.subscribe(7))), false);
        let waiter = {
            let set = set.clone();
            spawn(move || {
                loop {
                    match set.wait(FOR_EVER) {
                        Ok(stream) => assert_eq!(stream, Some(7)),
                        Err(error) => break assert_eq!(error.kind(), Kind::Cancelled),
                    }
                }
            })
        };
        let writer = {
            let pipe = pipe.clone();
            spawn(move || write(&pipe, 1, End::Done(None)))
        };
        set.close();
        waiter.join().unwrap();
        writer.join().unwrap();
    });
}

#[test]
fn a_writer_that_waits_for_a_slow_reader_is_woken_when_the_batch_is_taken() {
    check(|| {
        let pipe = Arc::new(Pipe::new(READ_AHEAD));
        let writer = {
            let pipe = pipe.clone();
            spawn(move || {
                for _ in 0..2 {
                    let ((), written) = pipe.write(None, |batch| batch.push_much());
                    if written.notify {
                        pipe.notify();
                    }
                    assert!(written.full);
                    block_on(std::future::poll_fn(|cx| pipe.poll_taken(cx)));
                }
                pipe.end_with(|| End::Done(None));
            })
        };
        let (mut reader, mut events) = (Reader::default(), 0);
        while let Found::Event(_) = next(&mut reader, &pipe, FOR_EVER) {
            events += 1;
        }
        assert_eq!(events, 2);
        writer.join().unwrap();
    });
}

/// A table of the scenarios: the checker's locks do not outlive a schedule.
fn table() -> &'static slot_table::Slots<AtomicU64> {
    let limits = slot_table::Limits { indexes: 2, generations: 8, first_generation: || 1 };
    Box::leak(Box::new(slot_table::Slots::new(fork::Rank::Handles, limits)))
}

/// Adds an entry whose value is `value`. A vacant slot has the value 0.
fn insert(table: &slot_table::Slots<AtomicU64>, value: u64) -> slot_table::Key {
    let fill = |_, slot: &AtomicU64| slot.store(value, sync::Ordering::Relaxed);
    table.insert(1, fill).expect("the table is not full")
}

fn remove(table: &slot_table::Slots<AtomicU64>, key: slot_table::Key) -> Option<u64> {
    table.remove(key, |slot| slot.swap(0, sync::Ordering::Relaxed))
}

#[test]
fn of_two_threads_that_remove_an_entry_one_does() {
    check(|| {
        let table = table();
        let key = insert(table, 7);
        let other = spawn(move || remove(table, key));
        let here = remove(table, key);
        assert_eq!(here.into_iter().chain(other.join().unwrap()).collect::<Vec<_>>(), [7]);
        let (first, second) = (insert(table, 8), insert(table, 9));
        assert_ne!(first.index, second.index, "a slot was given back twice");
    });
}

#[test]
fn a_key_of_a_removed_entry_never_finds_the_next_entry_of_its_slot() {
    check(|| {
        let table = table();
        let stale = insert(table, 7);
        let reader = spawn(move || {
            for _ in 0..3 {
                let value = table.get(stale).map(|slot| slot.load(sync::Ordering::Relaxed));
                // As every reader does: what was read counts if the entry is live after that, too.
                if table.get(stale).is_some() {
                    assert_eq!(value, Some(7), "the value of another entry");
                }
            }
        });
        assert_eq!(remove(table, stale), Some(7));
        let next = insert(table, 8);
        assert_eq!((next.index, table.get(stale).is_some()), (stale.index, false));
        reader.join().unwrap();
        assert_eq!(remove(table, next), Some(8));
    });
}

#[test]
fn a_late_trigger_raises_no_flag_of_the_next_entry() {
    check(|| {
        let table = table();
        let stale = insert(table, 7);
        let firing = spawn(move || table.raise(stale));
        let was_raised = table.is_raised(stale);
        assert!(remove(table, stale).is_some(), "a raised entry can be removed");
        let next = insert(table, 8);
        let fired = firing.join().unwrap();
        assert!(fired || !was_raised);
        assert_eq!(next.index, stale.index);
        assert!(!table.is_raised(next), "a stale trigger fired a new latch");
        assert!(table.raise(next) && table.is_raised(next));
    });
}

#[test]
fn of_two_threads_that_raise_a_flag_one_does_and_it_stays_raised() {
    check(|| {
        let table = table();
        let key = insert(table, 7);
        let other = spawn(move || table.raise(key));
        let here = table.raise(key);
        assert!(table.is_raised(key), "it is raised for every thread once a call of raise has returned");
        assert_ne!(here, other.join().unwrap());
        assert!(table.is_raised(key) && table.get(key).is_some());
    });
}

#[test]
fn entries_that_are_added_at_once_have_slots_of_their_own_and_are_counted() {
    check(|| {
        let table = table();
        let other = spawn(move || insert(table, 8));
        let here = insert(table, 7);
        let there = other.join().unwrap();
        assert_ne!(here.index, there.index);
        assert_eq!(table.live()[1], 2);
        assert_eq!((remove(table, here), remove(table, there), table.live()[1]), (Some(7), Some(8), 0));
    });
}

/// The protocol of `cancel`: a call registers, and then looks at its latch; a latch fires, and then its listener looks
/// at the calls.
#[test]
fn a_latch_that_fires_while_a_call_begins_is_seen_by_the_call_or_by_the_listener() {
    check(|| {
        let table = table();
        let latch = insert(table, 7);
        let registered = Arc::new(Mutex::new(false));
        let listener = {
            let registered = registered.clone();
            spawn(move || {
                table.raise(latch);
                *registered.lock()
            })
        };
        *registered.lock() = true;
        let seen_by_call = table.is_raised(latch);
        assert!(listener.join().unwrap() || seen_by_call, "a cancel was lost");
    });
}
