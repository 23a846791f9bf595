//! The locks of what a model checker looks at: std's here, and the checker's own in `tests/races.rs`, which compiles the same
//! files against them.

pub use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
pub use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
