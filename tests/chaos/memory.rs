//! The memory of this process, as Linux counts it.

/// What is resident now, in KiB.
pub fn resident() -> i64 {
    line("VmRSS")
}

/// The most that was resident since [`forget_peak`], in KiB.
pub fn peak() -> i64 {
    line("VmHWM")
}

/// The peak begins anew from what is resident now.
pub fn forget_peak() {
    std::fs::write("/proc/self/clear_refs", "5").expect("the peak can be forgotten");
}

fn line(key: &str) -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':')).expect("the line is there");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}
