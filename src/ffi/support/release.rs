//! The program's pointer that comes with a callback, and the function that releases it.

use std::ffi::c_void;

/// The type of `bedrock_release_fn`.
pub type Release = Option<unsafe extern "C" fn(user: *mut c_void)>;

/// A program's pointer, released when this is dropped.
pub struct User {
    pub user: *mut c_void,
    pub release: Release,
}

// SAFETY: the program guarantees that its pointer may be used on the library's threads.
unsafe impl Send for User {}
// SAFETY: as above.
unsafe impl Sync for User {}

impl User {
    pub fn get(&self) -> *mut c_void {
        self.user
    }
}

impl Drop for User {
    fn drop(&mut self) {
        if let Some(release) = self.release {
            // SAFETY: the program passed both together, and it is released once.
            unsafe { release(self.user) };
        }
    }
}
