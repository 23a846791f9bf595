//! What the operating system gives and neither std nor nix has in a safe form.
//!
//! Beside [`ffi`](crate::ffi) this is the only room with unsafe code. Each file is one service of the system, and what it
//! exports is safe to call. It knows nothing of the rest of the crate.

#![allow(unsafe_code)]

pub mod cancelling;
pub mod fork_mark;
pub mod regular_file;
pub mod sched;
pub mod secure;
pub mod semaphore;
pub mod stack;
pub mod thread;
