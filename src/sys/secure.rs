//! Recognizes a program with more rights than its user: setuid, setgid, or with file capabilities.

/// Returns whether the kernel has marked the program so (`AT_SECURE`). A user with fewer rights then controls its
/// environment, and the files that the environment names.
pub fn is_privileged() -> bool {
    // SAFETY: getauxval takes no pointer, and reads a vector that the kernel has filled in.
    unsafe { libc::getauxval(libc::AT_SECURE) != 0 }
}
