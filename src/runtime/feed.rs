//! What the library reports to the program: messages of its log, and records of calls.
//!
//! An outlet takes what it has subscribed to. A listener is called by a thread of its own, a [`Queue`] is read by the
//! program. Each holds a limited number of items, so that a slow program blocks no thread of the library. An item that
//! finds no room is dropped, and the program gets the number of dropped items in their place.

use super::callback_thread::{CallbackThread, Line};
use super::event_fd::{EventFd, Signal};
use super::fork::{ForkLock, HeldOverFork, Rank};
use super::per_process::PerProcess;
use super::sync::{Condvar, Mutex};
use crate::error::{Error, Kind, Result};
use crate::text::Text;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::time::{Duration, Instant};

/// The severity of a message. The numbers are those of the C API's `BEDROCK_LOG_...`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(i32)]
pub enum Level {
    Error = 1,
    Warn = 2,
    Info = 3,
    Debug = 4,
}

/// What is reported.
#[derive(Clone, Debug)]
pub enum Item {
    Message {
        level: Level,
        target: &'static str,
        text: Arc<Text>,
    },
    /// The record of a call, which is JSON.
    Record(Form, Arc<Text>),
    /// The number of items that were dropped here.
    Lost(u64),
}

impl Item {
    fn len(&self) -> usize {
        match self {
            Item::Message { text, .. } | Item::Record(_, text) => text.len(),
            Item::Lost(_) => 0,
        }
    }
}

/// An item of this length, in bytes, has content.
const LONG_ITEM: usize = 16 << 10;
/// The maximum length of the items that wait for an outlet if they are long, in bytes.
const MAX_WAITING: usize = 64 << 20;

/// What an outlet takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Subscription {
    /// Messages of this level, and of more severe ones.
    pub level: Option<Level>,
    /// Records, in this form.
    pub records: Option<Form>,
    /// The maximum number of items that wait.
    pub capacity: usize,
}

/// The form of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    WithoutContent,
    WithContent,
}

/// Receives items, on a thread of its own. Calls are serialized.
pub type Deliver = Box<dyn Fn(Item) + Send + Sync>;

/// The purpose of a listener: there is one for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Log,
    Observer,
}

/// The least severe level that has an outlet, or 0 without one.
static LEVEL: AtomicI32 = AtomicI32::new(0);
/// Whether an outlet takes records.
static RECORDS: AtomicBool = AtomicBool::new(false);
/// Whether an outlet takes records with content.
static CONTENT: AtomicBool = AtomicBool::new(false);
static OUTLETS: ForkLock<PerProcess<Vec<Outlet>>> = ForkLock::new(Rank::Outlets, PerProcess::empty());
pub const FORK_LOCK: &dyn HeldOverFork = &OUTLETS;

#[derive(Clone)]
struct Outlet {
    subscription: Subscription,
    /// It gets the records of calls that have begun since.
    since: Instant,
    end: End,
}

#[derive(Clone)]
enum End {
    Listener(Role, Arc<Listener>),
    Queue(Arc<Queue>),
}

struct Listener {
    thread: Arc<CallbackThread<Waiting>>,
    /// Taken out when it is replaced, so that it is dropped on the thread that replaces it.
    deliver: Arc<Mutex<Option<Deliver>>>,
}

/// Sends what `subscription` wants to `deliver`; None ends it. When this returns, the old listener of this role does
/// not run and will not, and it has been dropped on this thread. What waits for it goes to the new one. If the new
/// one's thread cannot start, the old one stays.
pub fn listen(role: Role, subscription: Subscription, deliver: Option<Deliver>) -> Result<()> {
    let new = deliver.map(|deliver| Listener::start(role, deliver)).transpose()?;
    let mut old = None;
    change(|outlets| {
        old = outlets.iter().position(|outlet| outlet.has_role(role)).map(|at| outlets.remove(at));
        // Calls that have begun before a replacement are in no record of anyone else.
        let since = old.as_ref().map_or_else(Instant::now, |old| old.since);
        let end = new.map(|listener| End::Listener(role, Arc::new(listener)));
        outlets.extend(end.map(|end| Outlet { subscription, since, end }));
    });
    if let Some(Outlet { end: End::Listener(_, old), .. }) = old {
        let left = old.thread.close();
        drop(old.deliver.lock().take());
        pass_on(role, left.items);
    }
    Ok(())
}

/// Delivers what waits for listeners, and ends their threads; the next item starts them again. Returns false if they
/// have not ended by the deadline.
pub fn pause(deadline: Instant) -> bool {
    let listeners = outlets().into_iter().filter_map(|outlet| match outlet.end {
        End::Listener(_, listener) => Some(listener),
        End::Queue(_) => None,
    });
    let mut all_ended = true;
    for listener in listeners {
        all_ended &= listener.thread.pause(deadline);
    }
    all_ended
}

/// Returns whether messages of this level have an outlet.
#[inline]
pub fn wants_messages(level: Level) -> bool {
    level as i32 <= LEVEL.load(Ordering::Relaxed)
}

/// Returns whether records have an outlet.
#[inline]
pub fn wants_records() -> bool {
    RECORDS.load(Ordering::Relaxed)
}

/// Returns whether records with content have an outlet.
pub fn wants_content() -> bool {
    CONTENT.load(Ordering::Relaxed)
}

/// Notes in the child of a fork that it has no outlets. Async-signal-safe.
pub fn forked() {
    LEVEL.store(0, Ordering::Relaxed);
    RECORDS.store(false, Ordering::Relaxed);
    CONTENT.store(false, Ordering::Relaxed);
}

/// Reports a message to the outlets that want it.
pub fn report_message(level: Level, target: &'static str, text: Text) {
    let text = Arc::new(text);
    for outlet in outlets() {
        if outlet.subscription.level.is_some_and(|least| level <= least) {
            outlet.put(Item::Message { level, target, text: text.clone() });
        }
    }
}

/// Reports the record of a call that began at this time to the outlets that want it. It is made once in each form that
/// is wanted.
pub fn report_record(began: Instant, make: impl Fn(Form) -> Text) {
    let (mut without_content, mut with_content) = (None, None);
    for outlet in outlets().into_iter().filter(|outlet| outlet.since <= began) {
        let Some(form) = outlet.subscription.records else { continue };
        let made = match form {
            Form::WithoutContent => &mut without_content,
            Form::WithContent => &mut with_content,
        };
        let record: &Arc<Text> = made.get_or_insert_with(|| Arc::new(make(form)));
        outlet.put(Item::Record(form, record.clone()));
    }
}

fn outlets() -> Vec<Outlet> {
    OUTLETS.lock().get().cloned().unwrap_or_default()
}

fn change(change: impl FnOnce(&mut Vec<Outlet>)) {
    let mut outlets = OUTLETS.lock();
    let outlets = outlets.current();
    change(outlets);
    let level = outlets.iter().filter_map(|outlet| outlet.subscription.level).max();
    LEVEL.store(level.map_or(0, |level| level as i32), Ordering::Relaxed);
    let forms = || outlets.iter().filter_map(|outlet| outlet.subscription.records);
    RECORDS.store(forms().next().is_some(), Ordering::Relaxed);
    CONTENT.store(forms().any(|form| form == Form::WithContent), Ordering::Relaxed);
}

impl Outlet {
    fn has_role(&self, role: Role) -> bool {
        matches!(&self.end, End::Listener(of, _) if *of == role)
    }

    fn put(&self, item: Item) {
        match &self.end {
            End::Listener(role, listener) => {
                let capacity = self.subscription.capacity;
                if !listener.thread.put(|waiting| waiting.add(capacity, item.clone())) {
                    pass_on(*role, [item]);
                }
            }
            End::Queue(queue) => queue.put(item),
        }
    }
}

/// Passes the items of a listener that was replaced to the present one of its role, if there is one.
fn pass_on(role: Role, items: impl IntoIterator<Item = Item>) {
    let Some(outlet) = outlets().into_iter().find(|outlet| outlet.has_role(role)) else { return };
    items.into_iter().filter_map(|item| outlet.subscription.take_over(item)).for_each(|item| outlet.put(item));
}

impl Subscription {
    /// Returns what an item of another listener is for the one with this subscription.
    fn take_over(&self, item: Item) -> Option<Item> {
        match item {
            Item::Message { level, .. } if self.level.is_none_or(|least| level > least) => None,
            // It cannot be made again in the other form.
            Item::Record(Form::WithContent, _) if self.records != Some(Form::WithContent) => Some(Item::Lost(1)),
            item => Some(item),
        }
    }
}

/// The items that wait for an outlet.
#[derive(Default)]
struct Waiting {
    items: VecDeque<Item>,
    /// The number of [`Item::Lost`] among them, which take no room.
    markers: usize,
}

impl Waiting {
    /// Adds an item. If it finds no room, it is counted in its place.
    fn add(&mut self, capacity: usize, item: Item) {
        let lost = match item {
            Item::Lost(lost) => lost,
            item if self.has_room(capacity, item.len()) => return self.items.push_back(item),
            _ => 1,
        };
        if let Some(Item::Lost(before)) = self.items.back_mut() {
            *before += lost;
        } else {
            self.items.push_back(Item::Lost(lost));
            self.markers += 1;
        }
    }

    /// Returns whether there is room for an item of this length. The only one always finds room.
    fn has_room(&self, capacity: usize, length: usize) -> bool {
        let count = self.items.len() - self.markers;
        // `capacity` limits short items well enough.
        let fits = || length < LONG_ITEM || self.items.iter().map(Item::len).sum::<usize>() + length <= MAX_WAITING;
        count < capacity && (count == 0 || fits())
    }
}

impl Line for Waiting {
    type Item = Item;

    fn pop(&mut self) -> Option<Item> {
        let item = self.items.pop_front()?;
        self.markers -= usize::from(matches!(item, Item::Lost(_)));
        Some(item)
    }

    fn count(&self) -> usize {
        self.items.len()
    }
}

impl Listener {
    /// Starts the thread too, so that a program learns at once if that fails.
    fn start(role: Role, deliver: Deliver) -> Result<Self> {
        let deliver = Arc::new(Mutex::new(Some(deliver)));
        let receiver = deliver.clone();
        let (name, calls) = match role {
            Role::Log => ("bedrock-log", "the log"),
            Role::Observer => ("bedrock-records", "the observer"),
        };
        let thread = CallbackThread::new(name, move |item| {
            if let Some(deliver) = &*receiver.lock() {
                deliver(item);
            }
        });
        let cannot =
            |error| Error::new(Kind::Resource, format_args!("starting the thread that calls {calls}: {error}"));
        thread.start().map_err(cannot)?;
        Ok(Listener { thread, deliver })
    }
}

/// An outlet that the program reads.
pub struct Queue {
    capacity: usize,
    state: Mutex<State>,
    filled: Condvar,
}

#[derive(Default)]
struct State {
    waiting: Waiting,
    closed: bool,
    event_fd: Option<EventFd>,
}

impl State {
    fn update_readiness(&mut self) -> Option<Signal> {
        let readable = self.waiting.count() > 0;
        self.event_fd.as_mut()?.set_readable(readable)
    }

    /// Updates the descriptor after a look that has taken one item or found none.
    fn has_read(&mut self) {
        let left = self.waiting.count() > 0;
        self.event_fd.iter_mut().for_each(|event_fd| event_fd.has_read(left));
    }
}

impl Queue {
    /// Returns a queue that takes what `subscription` wants, from now on until it is closed.
    pub fn open(subscription: Subscription) -> Arc<Self> {
        let queue = Queue { capacity: subscription.capacity, state: Mutex::default(), filled: Condvar::default() };
        let queue = Arc::new(queue);
        let outlet = Outlet { subscription, since: Instant::now(), end: End::Queue(queue.clone()) };
        change(|outlets| outlets.push(outlet));
        queue
    }

    fn put(&self, item: Item) {
        let mut state = self.state.lock();
        if state.closed {
            return;
        }
        state.waiting.add(self.capacity, item);
        let signal = state.update_readiness();
        drop(state);
        drop(signal);
        self.filled.notify_one();
    }

    /// Returns the item that has waited longest, or None after `timeout` (None: waits as long as it takes).
    /// [`Kind::Cancelled`] once the queue is closed.
    pub fn next(&self, timeout: Option<Duration>) -> Result<Option<Item>> {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut state = self.state.lock();
        loop {
            if state.closed {
                return Err(Error::new(Kind::Cancelled, "the feed was freed while a thread waited for it"));
            }
            if let Some(item) = state.waiting.pop() {
                state.has_read();
                return Ok(Some(item));
            }
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            state = match left {
                Some(left) if left.is_zero() => {
                    state.has_read();
                    return Ok(None);
                }
                Some(left) => self.filled.wait_timeout(state, left).0,
                None => self.filled.wait(state),
            };
        }
    }

    /// Returns a descriptor that is readable exactly while [`Queue::next`] would return an item at once. The queue owns
    /// it.
    pub fn fd(&self) -> Result<i32> {
        let mut state = self.state.lock();
        if state.closed {
            return Err(Error::new(Kind::Cancelled, "the feed was freed"));
        }
        if state.event_fd.is_none() {
            let event_fd = EventFd::new()
                .map_err(|error| Error::new(Kind::Resource, format_args!("making a descriptor for a feed: {error}")))?;
            state.event_fd = Some(event_fd);
        }
        let signal = state.update_readiness();
        let fd = state.event_fd.as_ref().expect("the descriptor has just been made").fd();
        drop(state);
        drop(signal);
        Ok(fd)
    }

    /// Ends the queue: a thread that waits returns, the descriptor is closed, and nothing is reported to it any more.
    pub fn close(self: &Arc<Self>) {
        let mut removed = None;
        change(|outlets| {
            let is_this = |outlet: &Outlet| matches!(&outlet.end, End::Queue(queue) if Arc::ptr_eq(queue, self));
            removed = outlets.iter().position(is_this).map(|at| outlets.swap_remove(at));
        });
        let mut state = self.state.lock();
        state.closed = true;
        let items = std::mem::take(&mut state.waiting);
        let event_fd = state.event_fd.take();
        drop(state);
        drop((items, event_fd));
        self.filled.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(number: usize) -> Item {
        Item::Message { level: Level::Error, target: "test", text: Arc::new(number.to_string().into()) }
    }

    fn in_words(items: impl IntoIterator<Item = Item>) -> Vec<String> {
        let in_words = |item| match item {
            Item::Message { text, .. } | Item::Record(_, text) => text.as_str().to_owned(),
            Item::Lost(lost) => format!("lost {lost}"),
        };
        items.into_iter().map(in_words).collect()
    }

    fn taken(waiting: &mut Waiting, count: usize) -> Vec<String> {
        in_words(std::iter::from_fn(|| waiting.pop()).take(count))
    }

    #[test]
    fn items_without_room_are_counted_in_their_place() {
        let mut waiting = Waiting::default();
        (1..=5).for_each(|number| waiting.add(2, message(number)));
        assert_eq!(taken(&mut waiting, 2), ["1", "2"]);
        (6..=8).for_each(|number| waiting.add(2, message(number)));
        assert_eq!(taken(&mut waiting, 9), ["lost 3", "6", "7", "lost 1"]);
    }

    #[test]
    fn a_count_of_lost_items_takes_the_room_of_none() {
        let mut waiting = Waiting::default();
        (1..=2).for_each(|number| waiting.add(1, message(number)));
        assert_eq!(taken(&mut waiting, 1), ["1"]);
        (3..=4).for_each(|number| waiting.add(1, message(number)));
        assert_eq!(taken(&mut waiting, 2), ["lost 1", "3"]);
        waiting.add(1, message(5));
        assert_eq!(taken(&mut waiting, 9), ["lost 1", "5"]);
    }

    #[test]
    fn long_records_that_wait_have_a_limit_of_bytes_and_one_always_finds_room() {
        let record = |length: usize| Item::Record(Form::WithContent, Arc::new("x".repeat(length).into()));
        let mut waiting = Waiting::default();
        waiting.add(100, record(MAX_WAITING + 1));
        waiting.add(100, record(LONG_ITEM));
        waiting.add(100, record(LONG_ITEM - 1));
        let lengths: Vec<_> = waiting.items.iter().map(Item::len).collect();
        assert_eq!(lengths, [MAX_WAITING + 1, 0, LONG_ITEM - 1]);
        assert!(matches!(waiting.items[1], Item::Lost(1)));
    }

    #[test]
    fn a_listener_that_replaces_another_takes_over_what_it_wants_and_counts_what_it_cannot_have() {
        let records = |form| Subscription { records: Some(form), level: None, capacity: 1 };
        let record = |form| Item::Record(form, Arc::new("{}".to_owned().into()));
        for (of_new, of_item, expected) in [
            (Form::WithContent, Form::WithContent, "{}"),
            (Form::WithContent, Form::WithoutContent, "{}"),
            (Form::WithoutContent, Form::WithoutContent, "{}"),
            (Form::WithoutContent, Form::WithContent, "lost 1"),
        ] {
            assert_eq!(in_words(records(of_new).take_over(record(of_item))), [expected], "{of_new:?} {of_item:?}");
        }
        let log = |level| Subscription { records: None, level: Some(level), capacity: 1 };
        assert_eq!(in_words(log(Level::Error).take_over(message(1))), ["1"]);
        let debug = || Item::Message { level: Level::Debug, target: "test", text: Arc::new("2".to_owned().into()) };
        assert_eq!(in_words(log(Level::Info).take_over(debug())), [""; 0]);
        assert_eq!(in_words(log(Level::Debug).take_over(debug())), ["2"]);
        assert_eq!(in_words(log(Level::Info).take_over(Item::Lost(3))), ["lost 3"]);
    }

    #[test]
    fn a_queue_takes_what_it_has_subscribed_to_and_nothing_once_it_is_closed() {
        let open = |level, records| Queue::open(Subscription { level, records, capacity: 100 });
        let (errors, records) = (open(Some(Level::Error), None), open(None, Some(Form::WithoutContent)));
        let records_since = Instant::now();
        assert!(wants_records() && wants_messages(Level::Error));
        report_message(Level::Error, "test", "a message".to_owned().into());
        report_record(Instant::now(), |_| "a record".to_owned().into());
        // Other tests of this process may report messages and records too.
        let is_own = |text: &String| ["a message", "a record", "begun before"].contains(&text.as_str());
        let left = |queue: &Queue| {
            let mut left = in_words(std::iter::from_fn(|| queue.next(Some(Duration::ZERO)).unwrap()));
            left.retain(is_own);
            left
        };
        assert_eq!(left(&errors), ["a message"]);
        assert_eq!(left(&records), ["a record"]);
        let late = open(None, Some(Form::WithoutContent));
        report_record(records_since, |_| "begun before".to_owned().into());
        assert_eq!(left(&records), ["begun before"]);
        assert_eq!(left(&late), [""; 0]);
        late.close();
        records.close();
        assert_eq!(records.next(None).unwrap_err().kind(), Kind::Cancelled);
        errors.close();
        assert!(errors.fd().is_err());
    }
}
