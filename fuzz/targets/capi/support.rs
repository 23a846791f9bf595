//! The part of tests/support that the callers use.

pub mod capi {
    pub use bedrock::ffi::status::*;

    pub fn name(status: bedrock_status) -> String {
        let name = bedrock_status_name(status);
        unsafe { std::ffi::CStr::from_ptr(name) }.to_string_lossy().into_owned()
    }
}
