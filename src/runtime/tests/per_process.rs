//! Tests of values that belong to one process.

use super::super::per_process::PerProcess;
use super::super::process_generation;
use crate::sys::fork_mark::in_child;
use std::sync::atomic::{AtomicUsize, Ordering};

static DROPPED: AtomicUsize = AtomicUsize::new(0);

struct Counted(u32);

impl Drop for Counted {
    fn drop(&mut self) {
        DROPPED.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_child_neither_uses_nor_drops_a_value_of_its_parent_and_makes_another() {
    process_generation::notice_forks();
    let mut value = PerProcess::new(Counted(1));
    let mut untouched = Some(PerProcess::new(Counted(2)));
    let in_child_all_holds = in_child(|| {
        let is_hidden = value.get().is_none();
        let is_fresh = value.get_or_insert_with(|| Counted(3)).0 == 3;
        drop(untouched.take());
        let forgot_both = DROPPED.load(Ordering::Relaxed) == 0;
        let dropped_its_own = value.replace(None).is_some_and(|own| own.0 == 3);
        is_hidden && is_fresh && forgot_both && dropped_its_own && DROPPED.load(Ordering::Relaxed) == 1
    });
    assert!(in_child_all_holds);
    assert_eq!(value.get().map(|value| value.0), Some(1), "the parent keeps its value");
    assert_eq!(DROPPED.load(Ordering::Relaxed), 0);
    drop((value, untouched));
    assert_eq!(DROPPED.load(Ordering::Relaxed), 2);
}
