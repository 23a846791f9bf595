//! A semaphore of POSIX: the one thing that a signal handler may wake a thread with.

use std::cell::UnsafeCell;
use std::io;

/// A semaphore that is never destroyed. Of this process alone: the child of a fork has a copy.
pub struct Semaphore(UnsafeCell<libc::sem_t>);

// SAFETY: the functions of POSIX semaphores are thread-safe, and nothing else touches the memory.
unsafe impl Send for Semaphore {}
unsafe impl Sync for Semaphore {}

impl Semaphore {
    /// Makes a semaphore whose value is 0. Its address stays what it is, as POSIX demands.
    pub fn leaked() -> io::Result<&'static Self> {
        // SAFETY: all zeros is a valid sem_t to be initialised.
        let semaphore: &'static Semaphore =
            Box::leak(Box::new(Semaphore(UnsafeCell::new(unsafe { std::mem::zeroed() }))));
        // SAFETY: the memory is ours and lives for ever.
        match unsafe { libc::sem_init(semaphore.0.get(), 0, 0) } {
            0 => Ok(semaphore),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// Adds 1. Async-signal-safe. Fails, without harm, only where the value is at its maximum.
    pub fn post(&self) {
        // SAFETY: the semaphore was initialised.
        unsafe { libc::sem_post(self.0.get()) };
    }

    /// Waits until the value is above 0, and takes 1.
    pub fn wait(&self) {
        // SAFETY: the semaphore was initialised. A signal ends the wait early.
        while unsafe { libc::sem_wait(self.0.get()) } != 0 {}
    }

    /// Makes the value 0 without waiting.
    pub fn take_all(&self) {
        // SAFETY: the semaphore was initialised.
        while unsafe { libc::sem_trywait(self.0.get()) } == 0 {}
    }
}
