//! How much time at a stretch the worker asks of the kernel: little.
//!
//! The worker runs for some microseconds, wakes a reader and goes to sleep. Where both stand on one CPU, Linux lets the reader
//! in as soon as it is awake, in the middle of that, and the worker needs a further turn only to go to sleep: three context
//! switches an event in place of two. A thread that asks for a short slice has an early deadline, and is left to finish.

/// The shortest that Linux gives, in nanoseconds.
#[cfg(target_os = "linux")]
const SHORTEST: u64 = 100_000;

/// Asks for the shortest slice for the calling thread. Its policy and priority stay as they are; Linux before 6.12 passes over
/// the wish, and so does every failure. Where system calls are filtered nothing is asked: a filter that denies this one, as
/// systemd's @resources do, ends the process as a rule.
#[cfg(target_os = "linux")]
pub fn ask_for_shortest() {
    // SAFETY: this reads a number. It fails where the kernel knows no filters.
    if unsafe { libc::prctl(libc::PR_GET_SECCOMP) } > 0 {
        return;
    }
    // SAFETY: all zeros is a sched_attr, and the kernel writes and reads no more of it than the size it is told.
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
pub fn ask_for_shortest() {}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #[test]
    fn a_thread_that_asks_is_given_the_shortest_slice_where_the_kernel_gives_any_and_nothing_is_filtered_and_keeps_its_policy()
     {
        let of_this_thread = || unsafe {
            let mut attributes: libc::sched_attr = std::mem::zeroed();
            let size = size_of_val(&attributes);
            assert_eq!(libc::syscall(libc::SYS_sched_getattr, 0, &raw mut attributes, size, 0), 0);
            (attributes.sched_policy, attributes.sched_nice, attributes.sched_runtime)
        };
        let asked = move || {
            let (policy, nice, runtime) = of_this_thread();
            super::ask_for_shortest();
            let filtered = unsafe { libc::prctl(libc::PR_GET_SECCOMP) } > 0;
            let wanted = if runtime == 0 || filtered { runtime } else { super::SHORTEST };
            assert_eq!(of_this_thread(), (policy, nice, wanted));
        };
        std::thread::spawn(asked).join().expect("the thread's own assertions hold");
    }
}
