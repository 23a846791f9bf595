//! A long value in a checked text.

/// Shorter values have no entry in an outline: to read one again costs no more than to look it up.
pub const LONG: usize = 256;

/// The position of a long value, or of a long key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LongValue {
    pub start: usize,
    pub end: usize,
    /// Whether this is a string without escapes.
    pub plain: bool,
    /// Whether this is a string that is known to be base64.
    pub base64: bool,
}
