//! Asks the kernel for a short time slice.
//!
//! The worker runs for some microseconds, wakes a reader and goes to sleep. If both run on one CPU, Linux switches to
//! the reader as soon as it is awake, and the worker needs another turn only to go to sleep: three context switches per
//! event instead of two. A thread with a short slice has an early deadline, and is not preempted.

/// The shortest slice that Linux grants, in nanoseconds.
#[cfg(target_os = "linux")]
const SHORTEST: u64 = 100_000;

/// Asks for the shortest slice for the calling thread. Its policy and priority stay. Linux before 6.12 ignores the
/// request, and a failure is ignored. If the process has a filter for system calls, this does nothing: a filter that
/// denies the call, as systemd's @resources, usually ends the process.
#[cfg(target_os = "linux")]
pub fn request_shortest_slice() {
    // SAFETY: it takes no pointer. It fails on kernels without filters.
    if unsafe { libc::prctl(libc::PR_GET_SECCOMP) } > 0 {
        return;
    }
    // SAFETY: all zeros is a valid sched_attr. The kernel writes and reads at most the given size of it.
    unsafe {
        let mut attributes: libc::sched_attr = std::mem::zeroed();
        let size = size_of_val(&attributes);
        let known = libc::syscall(libc::SYS_sched_getattr, 0, &raw mut attributes, size, 0) == 0;
        if known && attributes.sched_policy == libc::SCHED_OTHER as u32 {
            attributes.sched_runtime = SHORTEST;
            libc::syscall(libc::SYS_sched_setattr, 0, &raw const attributes, 0);
        }
    }
}

#[cfg(not(target_os = "linux"))]
pub fn request_shortest_slice() {}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #[test]
    fn a_thread_gets_the_shortest_slice_if_the_kernel_and_its_filters_allow_it_and_keeps_its_policy() {
        // SAFETY: as in `request_shortest_slice`.
        let of_this_thread = || unsafe {
            let mut attributes: libc::sched_attr = std::mem::zeroed();
            let size = size_of_val(&attributes);
            assert_eq!(libc::syscall(libc::SYS_sched_getattr, 0, &raw mut attributes, size, 0), 0);
            (attributes.sched_policy, attributes.sched_nice, attributes.sched_runtime)
        };
        let asked = move || {
            let (policy, nice, runtime) = of_this_thread();
            super::request_shortest_slice();
            // SAFETY: it takes no pointer.
            let filtered = unsafe { libc::prctl(libc::PR_GET_SECCOMP) } > 0;
            let wanted = if runtime == 0 || filtered { runtime } else { super::SHORTEST };
            assert_eq!(of_this_thread(), (policy, nice, wanted));
        };
        std::thread::spawn(asked).join().expect("the thread's own assertions hold");
    }
}
