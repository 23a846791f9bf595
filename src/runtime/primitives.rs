//! The locks and atomics of std, which a model checker replaces.
//!
//! `tests/races.rs` compiles the files that use this one against the locks and atomics of its checker.

pub use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
pub use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
pub use std::thread_local;
