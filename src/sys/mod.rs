//! Services of the operating system that neither std nor nix has in a safe form.
//!
//! Each file is one service, and its functions are safe to call. Only this folder and [`ffi`](crate::ffi) contain
//! unsafe code. Nothing here uses the rest of the crate.
//!
//! - Threads: [`thread`] starts threads that callbacks may end, [`cancelling`] delays pthread_cancel, [`sched`] asks
//!   for a short time slice, [`stack`] finds the addresses of a thread's stack.
//! - Processes: [`fork_mark`] is memory that a forked child does not have, [`secure`] recognizes setuid programs.
//! - [`semaphore`] wakes a thread, also from a signal handler, and [`regular_file`] reads files within bounds.

#![allow(unsafe_code)]

pub mod cancelling;
pub mod fork_mark;
pub mod regular_file;
pub mod sched;
pub mod secure;
pub mod semaphore;
pub mod stack;
pub mod thread;
