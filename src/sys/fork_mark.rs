//! A mark that the child of a fork does not have, however it was forked.
//!
//! The kernel gives the child a page of zeros in the place of this one (`MADV_WIPEONFORK`). So a child is recognised that ran no
//! handler of `pthread_atfork`: one of `_Fork`, of `clone`, or of a second C library in the process.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

static PAGE: OnceLock<Option<&'static AtomicU32>> = OnceLock::new();

/// Sets the mark. To be called before anything that a fork may tear apart. It does nothing the second time.
pub fn set() {
    PAGE.get_or_init(|| {
        let page = page()?;
        page.store(1, Ordering::Relaxed);
        Some(page)
    });
}

/// Whether there is a mark, in this process or in its parent.
pub fn is_set() -> bool {
    PAGE.get().is_some_and(Option::is_some)
}

/// Whether this process has lost the mark. It has none to lose before [`set`], and on kernels before 4.14.
/// Async-signal-safe.
pub fn is_lost() -> bool {
    PAGE.get().copied().flatten().is_some_and(|page| page.load(Ordering::Relaxed) == 0)
}

/// Sets the mark in a child. Returns true to the first thread that does so. Async-signal-safe.
pub fn renew() -> bool {
    let page = PAGE.get().copied().flatten();
    page.is_some_and(|page| page.compare_exchange(0, 1, Ordering::AcqRel, Ordering::Relaxed).is_ok())
}

fn page() -> Option<&'static AtomicU32> {
    // SAFETY: asks for memory of our own; the size of a page is a constant of the system.
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
        // It is never unmapped.
        Some(&*page.cast::<AtomicU32>())
    }
}

/// Runs `body` in the child of a fork. Returns what it returns there, or false if it panics.
#[cfg(test)]
pub fn in_child(body: impl FnOnce() -> bool) -> bool {
    let in_child = || std::panic::catch_unwind(std::panic::AssertUnwindSafe(body)).unwrap_or(false);
    // SAFETY: the child runs `body` alone, and then ends without a destructor of the parent's.
    match unsafe { libc::fork() } {
        0 => unsafe { libc::_exit(i32::from(!in_child())) },
        child => {
            let mut status = 0;
            // SAFETY: the status is written to a local.
            let waited = unsafe { libc::waitpid(child, &mut status, 0) };
            waited == child && libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0
        }
    }
}
