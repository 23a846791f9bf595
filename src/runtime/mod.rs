//! Threads, and what concerns the whole process.

pub mod blocking;
pub mod callback_thread;
pub mod cancel;
pub mod coalesce;
pub mod event_fd;
pub mod log;
pub mod memory;
pub mod notify;
pub mod process;
pub mod quiesce;
pub mod slots;
pub mod sync;
pub mod worker;
