//! Where the calling thread's stack lies.

use std::ops::Range;

/// The addresses of the stack that the system gave this thread; None where it does not say. A thread may run on others: of
/// signal handlers, of coroutines.
#[cfg(target_os = "linux")]
pub fn of_this_thread() -> Option<Range<usize>> {
    // SAFETY: all zeros is an attribute that the system fills, and that is destroyed where it was filled.
    unsafe {
        let mut attributes: libc::pthread_attr_t = std::mem::zeroed();
        if libc::pthread_getattr_np(libc::pthread_self(), &mut attributes) != 0 {
            return None;
        }
        let (mut lowest, mut size) = (std::ptr::null_mut(), 0);
        let known = libc::pthread_attr_getstack(&attributes, &mut lowest, &mut size) == 0;
        libc::pthread_attr_destroy(&mut attributes);
        known.then(|| lowest.addr()..lowest.addr().saturating_add(size))
    }
}

#[cfg(not(target_os = "linux"))]
pub fn of_this_thread() -> Option<Range<usize>> {
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #[test]
    fn a_local_is_on_its_threads_own_stack_and_on_no_others() {
        let here = 0u8;
        let here = (&raw const here).addr();
        assert!(super::of_this_thread().unwrap().contains(&here));
        let other = std::thread::spawn(super::of_this_thread).join().unwrap();
        assert!(!other.unwrap().contains(&here));
    }
}
