//! A mark in memory that the child of a fork does not have, however it was forked.
//!
//! The kernel replaces this page by zeros in the child (`MADV_WIPEONFORK`). So a child is recognized that ran no
//! handler of `pthread_atfork`: a child of `_Fork`, of `clone`, or of a second C library in the process.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

static PAGE: OnceLock<Option<&'static AtomicU32>> = OnceLock::new();

/// Sets the mark. Called before the first state that a fork could leave incomplete. Idempotent.
pub fn set() {
    PAGE.get_or_init(|| {
        let page = page()?;
        page.store(1, Ordering::Relaxed);
        Some(page)
    });
}

/// Returns whether there is a mark, in this process or in its parent.
pub fn is_set() -> bool {
    PAGE.get().is_some_and(Option::is_some)
}

/// Returns whether this process has lost the mark. False before [`set`], and on kernels before 4.14.
/// Async-signal-safe.
pub fn is_lost() -> bool {
    PAGE.get().copied().flatten().is_some_and(|page| page.load(Ordering::Relaxed) == 0)
}

/// Sets the mark in a child. Returns whether this call has set it. Async-signal-safe.
pub fn renew() -> bool {
    let page = PAGE.get().copied().flatten();
    page.is_some_and(|page| page.compare_exchange(0, 1, Ordering::AcqRel, Ordering::Relaxed).is_ok())
}

fn page() -> Option<&'static AtomicU32> {
    // SAFETY: the mapping is new and used here alone. It is as long as a page, so that it holds an aligned AtomicU32,
    // it is zeroed, which is a valid value, and after success it is never unmapped.
    unsafe {
        let length = usize::try_from(libc::sysconf(libc::_SC_PAGESIZE)).ok()?;
        let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        let page = libc::mmap(std::ptr::null_mut(), length, access, kind, -1, 0);
        if page == libc::MAP_FAILED {
            return None;
        }
        if libc::madvise(page, length, libc::MADV_WIPEONFORK) != 0 {
            libc::munmap(page, length);
            return None;
        }
        Some(&*page.cast::<AtomicU32>())
    }
}

/// Runs `body` in the child of a fork. Returns what it returns there, or false if it panics.
#[cfg(test)]
pub fn in_child(body: impl FnOnce() -> bool) -> bool {
    let in_child = || std::panic::catch_unwind(std::panic::AssertUnwindSafe(body)).unwrap_or(false);
    // SAFETY: the child runs `body` alone, which uses no lock that another thread of the test may hold.
    match unsafe { libc::fork() } {
        // SAFETY: it ends the child without running the parent's destructors.
        0 => unsafe { libc::_exit(i32::from(!in_child())) },
        child => {
            let mut status = 0;
            // SAFETY: the status is written to a local.
            let waited = unsafe { libc::waitpid(child, &mut status, 0) };
            waited == child && libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0
        }
    }
}
