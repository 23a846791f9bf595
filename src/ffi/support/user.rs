//! What a program gives with a callback: a pointer of its own, and what gives it back.

use std::ffi::c_void;

/// `bedrock_release_fn`.
pub type Release = Option<unsafe extern "C" fn(user: *mut c_void)>;

/// A program's pointer, released when this is dropped.
pub struct User {
    pub user: *mut c_void,
    pub release: Release,
}

// The program has promised that its pointer may go to the library's thread and back.
unsafe impl Send for User {}
unsafe impl Sync for User {}

impl User {
    pub fn get(&self) -> *mut c_void {
        self.user
    }
}

impl Drop for User {
    fn drop(&mut self) {
        if let Some(release) = self.release {
            unsafe { release(self.user) };
        }
    }
}
