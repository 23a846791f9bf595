//! The resident memory of this process.

/// Returns the resident memory in KiB.
pub fn resident() -> i64 {
    line("VmRSS")
}

/// Returns the peak since [`reset_peak`], in KiB.
pub fn peak() -> i64 {
    line("VmHWM")
}

/// Resets the peak to the current value.
pub fn reset_peak() {
    std::fs::write("/proc/self/clear_refs", "5").expect("the peak can be reset");
}

fn line(key: &str) -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':')).expect("the line is there");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}
