//! Version
//!
//! The library follows semantic versioning. Structs grow only at their end, and constants keep their values.

use super::support::guard::entry;
use std::ffi::c_char;

/// The version of this header.
pub const BEDROCK_VERSION_MAJOR: u32 = 0;
pub const BEDROCK_VERSION_MINOR: u32 = 1;
pub const BEDROCK_VERSION_PATCH: u32 = 0;

/// Gets the version of the loaded library as a number.
///
/// The macros above are the version of the header that your program was compiled with.
///
/// Returns: 0x00MMmmpp, one byte each for major, minor and patch.
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C-unwind" fn bedrock_version_number() -> u32 {
    entry!(else 0 => Ok(BEDROCK_VERSION_MAJOR << 16 | BEDROCK_VERSION_MINOR << 8 | BEDROCK_VERSION_PATCH))
}

/// Gets the version of the loaded library as text.
///
/// Returns: Text such as "0.1.0".
/// Ownership: The text is static. Never free it.
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C-unwind" fn bedrock_version() -> *const c_char {
    const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");
    entry!(else super::support::text::EMPTY => Ok(VERSION.as_ptr().cast()))
}
