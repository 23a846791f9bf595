//! Threads that a callback of the program may end (pthread_exit).
//!
//! A thread of std catches all unwinding, and aborts the process if the unwinding is forced, as that of pthread_exit
//! is. These threads catch nothing. Destructors do the work at their end.

use std::ffi::{CString, c_int, c_void};
use std::io::{Error, Result};

type Body = Box<dyn FnOnce() + Send>;
type Start = extern "C-unwind" fn(*mut c_void) -> *mut c_void;

// Not libc's declaration: the start function may unwind.
unsafe extern "C" {
    fn pthread_create(
        thread: *mut libc::pthread_t,
        attributes: *const libc::pthread_attr_t,
        start: Start,
        argument: *mut c_void,
    ) -> c_int;
}

/// The size of the stack, which is that of std's threads. The default of other C libraries than glibc may be much
/// smaller.
const STACK: usize = 2 << 20;

/// Starts a detached thread. It has the signal mask of the calling thread.
pub fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> Result<()> {
    let name = CString::new(name)?;
    let named = move || {
        name_this(&name);
        body();
    };
    let body: Box<Body> = Box::new(Box::new(named));
    let argument = Box::into_raw(body);
    let check = |failed: c_int| if failed == 0 { Ok(()) } else { Err(Error::from_raw_os_error(failed)) };
    // SAFETY: all zeros is a valid value for the attributes and the id, which the system fills. If the thread is
    // created, it becomes the owner of the body.
    let created = unsafe {
        let mut attributes: libc::pthread_attr_t = std::mem::zeroed();
        check(libc::pthread_attr_init(&mut attributes)).and_then(|()| {
            let mut thread = std::mem::zeroed();
            let created = check(libc::pthread_attr_setstacksize(&mut attributes, STACK))
                .and_then(|()| check(libc::pthread_attr_setdetachstate(&mut attributes, libc::PTHREAD_CREATE_DETACHED)))
                .and_then(|()| check(pthread_create(&mut thread, &attributes, start, argument.cast())));
            libc::pthread_attr_destroy(&mut attributes);
            created
        })
    };
    if created.is_err() {
        // SAFETY: there is no thread, so that the body still belongs to this function.
        drop(unsafe { Box::from_raw(argument) });
    }
    created
}

extern "C-unwind" fn start(body: *mut c_void) -> *mut c_void {
    // SAFETY: it is the box that `spawn` has passed to this thread alone.
    let body: Box<Body> = unsafe { Box::from_raw(body.cast()) };
    body();
    std::ptr::null_mut()
}

#[cfg(target_os = "linux")]
fn name_this(name: &std::ffi::CStr) {
    // SAFETY: the name is NUL-terminated. A name that is too long is rejected; the thread then has none.
    unsafe { libc::pthread_setname_np(libc::pthread_self(), name.as_ptr()) };
}

#[cfg(not(target_os = "linux"))]
fn name_this(_: &std::ffi::CStr) {}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    #[test]
    fn a_thread_runs_its_body_and_drops_it() {
        let (sender, receiver) = mpsc::channel();
        super::spawn("under-test", move || sender.send(7).unwrap()).unwrap();
        assert_eq!(receiver.iter().collect::<Vec<_>>(), [7]);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_thread_that_calls_pthread_exit_drops_its_values() {
        unsafe extern "C-unwind" {
            fn pthread_exit(value: *mut std::ffi::c_void) -> !;
        }
        let (sender, receiver) = mpsc::channel();
        let body = move || {
            sender.send(7).unwrap();
            // SAFETY: no frame of this thread catches the unwinding.
            unsafe { pthread_exit(std::ptr::null_mut()) }
        };
        super::spawn("under-test", body).unwrap();
        assert_eq!(receiver.iter().collect::<Vec<_>>(), [7]);
    }
}
