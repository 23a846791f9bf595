//! What the callers need of tests/support.

pub mod capi {
    pub use bedrock::ffi::status::*;

    pub fn name(status: bedrock_status) -> String {
        let name = bedrock_status_name(status);
        unsafe { std::ffi::CStr::from_ptr(name) }.to_string_lossy().into_owned()
    }
}
