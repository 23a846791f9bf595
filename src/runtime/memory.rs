//! Large allocations, whose failure is an error of the call. A small allocation that fails ends the process, as usual
//! in Rust.

use crate::error::{Error, Result};
use std::hint::black_box;

/// The size from which on an allocation is large.
pub const LARGE: usize = 64 << 10;

/// Fails if the system does not have `bytes`, before work that allocates as much in pieces and cannot fail half-way. It
/// allocates and frees them. Allocations of other threads may follow.
pub fn ahead(doing: &str, bytes: usize) -> Result<()> {
    if bytes < LARGE { Ok(()) } else { room(doing, bytes).map(|room| drop(black_box(room))) }
}

/// Returns an empty vector with room for `bytes`.
pub fn room(doing: &str, bytes: usize) -> Result<Vec<u8>> {
    let mut room = Vec::new();
    reserve(doing, &mut room, bytes)?;
    Ok(room)
}

/// Makes room for exactly `more` bytes behind the present ones.
pub fn reserve(doing: &str, bytes: &mut Vec<u8>, more: usize) -> Result<()> {
    let wanted = bytes.len() + more;
    bytes.try_reserve_exact(more).map_err(|_| Error::out_of_memory(doing, wanted))
}
