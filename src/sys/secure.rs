//! Whether the program has rights that its user lacks: it is setuid, setgid, or has file capabilities.

/// Whether the kernel has marked this program so (`AT_SECURE`). Its environment and the files that the environment names are
/// then in the hands of somebody with fewer rights.
pub fn is_privileged() -> bool {
    // SAFETY: getauxval reads a vector that the kernel has filled in.
    unsafe { libc::getauxval(libc::AT_SECURE) != 0 }
}
