//! The addresses of a thread's stack.

use std::ops::Range;

/// Returns the addresses of the stack that the system made for this thread, or None if it does not report them. The
/// thread may run on another stack: of a signal handler, of a coroutine.
#[cfg(target_os = "linux")]
pub fn of_this_thread() -> Option<Range<usize>> {
    // SAFETY: all zeros is a valid value for the attributes, which the system fills, and which are destroyed once they
    // are filled.
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
    fn a_local_variable_is_on_the_stack_of_its_thread_and_on_no_other() {
        let here = 0u8;
        let here = (&raw const here).addr();
        assert!(super::of_this_thread().unwrap().contains(&here));
        let other = std::thread::spawn(super::of_this_thread).join().unwrap();
        assert!(!other.unwrap().contains(&here));
    }
}
