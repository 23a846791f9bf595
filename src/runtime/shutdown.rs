//! The end of all calls and of the library's threads, until the next call starts them again.

use super::cancel::{self, Why};
use super::{blocking, worker};
use std::time::Instant;

/// Ends all calls as cancelled, and the threads of this layer. Returns false if a thread has not ended by the deadline.
pub fn shutdown(deadline: Instant) -> bool {
    let workers = worker::stop();
    // Readers that wait return, whatever the worker is doing.
    cancel::end_all(Why::ShutDown);
    let workers_ended = workers.wait_until(deadline);
    let pools_ended = blocking::shutdown(deadline);
    let listener_ended = cancel::pause(deadline);
    workers_ended && pools_ended && listener_ended
}
