//! Notifications of readers, in batches.
//!
//! Waking a thread that waits for events is expensive. So the worker [defers](defer) notifications until it has nothing
//! else to do, or until there are so many that readers should not wait longer.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The maximum number of deferred notifications.
const MAX_DEFERRED: usize = 256;
/// The maximum time that a notification is deferred while the worker is busy.
const MAX_DELAY: Duration = Duration::from_millis(1);

/// A source of events that a reader waits for.
pub trait Notify: Send + Sync {
    /// Notifies the reader that there is something to read.
    fn notify(&self);
}

thread_local! {
    /// Whether this thread runs an event loop that flushes what it has deferred.
    static FLUSHES: Cell<bool> = const { Cell::new(false) };
    /// When the first of `DEFERRED` was deferred.
    static SINCE: Cell<Option<Instant>> = const { Cell::new(None) };
    static DEFERRED: RefCell<Vec<Arc<dyn Notify>>> = const { RefCell::new(Vec::new()) };
}

/// Declares that the calling thread calls [`flush`] whenever it goes to sleep.
pub fn flushes_on_this_thread() {
    FLUSHES.set(true);
}

fn assert_flushed() {
    debug_assert!(FLUSHES.get(), "only a worker's thread flushes notifications: on this one they would be lost");
}

/// Notifies `reader` when the worker has nothing else to do. The caller runs on the worker, and defers each reader once
/// until it is notified.
pub fn defer(reader: Arc<dyn Notify>) {
    assert_flushed();
    if SINCE.get().is_none() {
        SINCE.set(Some(Instant::now()));
    }
    let is_full = DEFERRED.with_borrow_mut(|deferred| {
        deferred.push(reader);
        deferred.len() >= MAX_DEFERRED
    });
    if is_full {
        flush();
    }
}

/// Notifies the deferred readers if one of them has waited for too long. A worker that is never idle calls this.
pub fn flush_if_due() {
    assert_flushed();
    if SINCE.get().is_some_and(|since| since.elapsed() > MAX_DELAY) {
        flush();
    }
}

/// Notifies the deferred readers. Returns how many there were.
pub fn flush() -> usize {
    let _ = SINCE.try_with(|since| since.set(None));
    // A thread that ends has no thread-locals any more, and nothing is deferred then.
    let deferred = DEFERRED.try_with(RefCell::take).unwrap_or_default();
    deferred.iter().for_each(|reader| reader.notify());
    let notified = deferred.len();
    let _ = DEFERRED.try_with(|empty| {
        let mut reused = deferred;
        reused.clear();
        empty.replace(reused)
    });
    notified
}
