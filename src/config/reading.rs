//! How an answer is read: what is kept of it, and how much of it may wait.

use super::value::Value;
use crate::error::Result;

/// What may wait of one answer for the program to read it.
pub const READ_AHEAD: usize = 256 << 10;
/// With less, nothing would be gained and every event would be waited for.
const LEAST: u64 = 16 << 10;
/// HTTP/2 allows no window of 2 GiB.
const MOST: u64 = 1 << 30;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Whether a stream's answer is put together from its events.
    pub keep_answer: bool,
    /// How many bytes of a stream may wait for the program to read them.
    pub read_ahead: usize,
}

impl Default for Reading {
    fn default() -> Self {
        Reading { keep_answer: true, read_ahead: READ_AHEAD }
    }
}

impl Reading {
    pub(super) fn take_read_ahead(&mut self, value: &Value<'_>) -> Result<()> {
        let size = value.size()?;
        if !(LEAST..=MOST).contains(&size) {
            return Err(value.refuse("must be from 16KiB to 1GiB"));
        }
        self.read_ahead = size as usize;
        Ok(())
    }
}
