//! Announcements: telling readers that there is something to read.
//!
//! Waking a thread that waits for events is dear, so that it is done in batches: [`later`] keeps what is to be announced until
//! the worker has nothing else to do, or until there is so much of it that readers should not wait for that.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// As many announcements are kept at most.
const MAX_KEPT: usize = 256;
/// And as long.
const LONGEST_KEPT: Duration = Duration::from_millis(1);

/// Something that threads wait for, and that is told in batches that there is something to read.
pub trait Announce: Send + Sync {
    fn announce(&self);
}

thread_local! {
    /// When the first of `KEPT` came.
    static SINCE: Cell<Option<Instant>> = const { Cell::new(None) };
    static KEPT: RefCell<Vec<Arc<dyn Announce>>> = const { RefCell::new(Vec::new()) };
}

/// Announces `what` when the worker has nothing else to do. To be called on the worker, once until it has been announced.
pub fn later(what: Arc<dyn Announce>) {
    if SINCE.get().is_none() {
        SINCE.set(Some(Instant::now()));
    }
    let full = KEPT.with_borrow_mut(|kept| {
        kept.push(what);
        kept.len() >= MAX_KEPT
    });
    if full {
        all_kept();
    }
}

/// A worker that is never idle announces too, a little later.
pub fn overdue() {
    if SINCE.get().is_some_and(|since| since.elapsed() > LONGEST_KEPT) {
        all_kept();
    }
}

/// Announces what was kept; how many that were.
pub fn all_kept() -> usize {
    let _ = SINCE.try_with(|since| since.set(None));
    // Thread-locals are gone when a thread ends; there is nothing to announce then.
    let kept = KEPT.try_with(RefCell::take).unwrap_or_default();
    kept.iter().for_each(|what| what.announce());
    let announced = kept.len();
    let _ = KEPT.try_with(|empty| {
        let mut reused = kept;
        reused.clear();
        empty.replace(reused)
    });
    announced
}
