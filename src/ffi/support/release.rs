//! The program's pointer that comes with a callback, and the function that releases it.

use crate::runtime::process_generation::Generation;
use std::ffi::c_void;

/// The type of `bedrock_release_fn`.
pub type Release = Option<unsafe extern "C" fn(user: *mut c_void)>;

/// A program's pointer, released when this is dropped in the process that made it. A forked child does not release what
/// belongs to its parent.
pub struct User {
    user: *mut c_void,
    release: Release,
    made_in: Generation,
}

// SAFETY: the program guarantees that its pointer may be used on the library's threads.
unsafe impl Send for User {}
// SAFETY: as above.
unsafe impl Sync for User {}

impl User {
    pub fn new(user: *mut c_void, release: Release) -> Self {
        User { user, release, made_in: Generation::current() }
    }

    /// Returns whether the program wants to know when its pointer is no longer used.
    pub fn has_release(&self) -> bool {
        self.release.is_some()
    }

    pub fn get(&self) -> *mut c_void {
        self.user
    }
}

impl Drop for User {
    fn drop(&mut self) {
        if let Some(release) = self.release
            && self.made_in.is_current()
        {
            // SAFETY: the program passed both together, and it is released once.
            unsafe { release(self.user) };
        }
    }
}
