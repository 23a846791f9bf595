//! The library's threads, and the state of the process.
//!
//! - Threads: [`worker`] runs the event loop, [`blocking`] what blocks, [`callback_thread`] the program's callbacks,
//!   and a listener in [`cancel`] ends calls. [`per_worker`] stores values of one event loop, and [`shutdown`] ends all
//!   of them. [`thread`] starts all threads: they block the program's [`signals`], and the [`panic_hook`] prints none
//!   of their panics.
//! - Fork: [`process_generation`] distinguishes a child from its parent, [`per_process`] stores values that belong to
//!   one of them, [`fork`] has the locks that are held during a fork, and [`quiesce`] waits for the threads.
//! - Wakeups of readers: [`notify`] batches them, [`coalesce`] delays them if they follow each other closely,
//!   [`event_fd`] is the descriptor that a program polls.
//! - Tables: [`slot_table`], whose keys go stale, on top of a [`stable_array`].
//! - [`sync`] has the locks of the crate, made of [`primitives`], and [`memory`] the allocations that may fail.
//! - Reports: [`feed`] takes messages of the [`log`] and records of calls to the program.

pub mod blocking;
pub mod callback_thread;
pub mod cancel;
pub mod coalesce;
pub mod event_fd;
pub mod feed;
pub mod fork;
pub mod log;
pub mod memory;
pub mod notify;
pub mod panic_hook;
pub mod per_process;
pub mod per_worker;
mod primitives;
pub mod process_generation;
pub mod quiesce;
pub mod shutdown;
pub mod signals;
pub mod slot_table;
pub mod stable_array;
pub mod sync;
#[cfg(test)]
mod tests;
pub mod thread;
pub mod worker;
