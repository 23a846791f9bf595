//! A POSIX semaphore: the only lock that a signal handler may post.

use std::cell::UnsafeCell;
use std::io;

/// A semaphore that is never destroyed. The child of a fork has a copy of it.
pub struct Semaphore(UnsafeCell<libc::sem_t>);

// SAFETY: the functions of POSIX semaphores are thread-safe, and no other code uses the memory.
unsafe impl Send for Semaphore {}
// SAFETY: as above.
unsafe impl Sync for Semaphore {}

impl Semaphore {
    /// Returns a semaphore with the value 0. It never moves, as POSIX demands.
    pub fn leaked() -> io::Result<&'static Self> {
        // SAFETY: sem_t is an array of bytes or integers, for which zeros are valid. `sem_init` below initializes it.
        let uninitialized = unsafe { std::mem::zeroed() };
        let semaphore: &'static Semaphore = Box::leak(Box::new(Semaphore(UnsafeCell::new(uninitialized))));
        // SAFETY: the memory is never freed, and no other thread has it yet.
        match unsafe { libc::sem_init(semaphore.0.get(), 0, 0) } {
            0 => Ok(semaphore),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// Adds 1. Async-signal-safe. Fails, without harm, only where the value is at its maximum.
    pub fn post(&self) {
        // SAFETY: the semaphore is initialized, and never destroyed.
        unsafe { libc::sem_post(self.0.get()) };
    }

    /// Waits until the value is above 0, and subtracts 1.
    pub fn wait(&self) {
        // A signal ends the wait early.
        // SAFETY: the semaphore is initialized, and never destroyed.
        while unsafe { libc::sem_wait(self.0.get()) } != 0 {}
    }

    /// Sets the value to 0. Does not wait.
    pub fn reset(&self) {
        // SAFETY: the semaphore is initialized, and never destroyed.
        while unsafe { libc::sem_trywait(self.0.get()) } == 0 {}
    }
}
