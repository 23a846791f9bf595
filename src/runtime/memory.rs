//! Memory for what is large. That the system refuses it is an error of the call; that it refuses what is small ends the
//! process, as Rust has it.

use crate::error::{Error, Result};
use std::hint::black_box;

/// From here on an allocation is large.
pub const LARGE: usize = 64 << 10;

/// Asks for `bytes` and gives them back, before work begins that takes as much in pieces and cannot fail in its middle.
/// What other threads take meanwhile is not seen.
pub fn ahead(doing: &str, bytes: usize) -> Result<()> {
    if bytes < LARGE { Ok(()) } else { room(doing, bytes).map(|room| drop(black_box(room))) }
}

/// An empty vector with room for `bytes`.
pub fn room(doing: &str, bytes: usize) -> Result<Vec<u8>> {
    let mut room = Vec::new();
    reserve(doing, &mut room, bytes)?;
    Ok(room)
}

/// Makes room for `more` bytes, and no more, behind those that are there.
pub fn reserve(doing: &str, bytes: &mut Vec<u8>, more: usize) -> Result<()> {
    let refused = bytes.len() + more;
    bytes.try_reserve_exact(more).map_err(|_| Error::out_of_memory(doing, refused))
}
