//! The sizes of reads from a connection.

use bytes::BytesMut;

/// The size of the first read. A connection without traffic keeps no larger buffer, an idle one none at all.
pub const FIRST_READ: usize = 8 << 10;
/// The size of the largest read.
pub const MAX_READ: usize = 64 << 10;

/// Makes room for `more` bytes. A buffer whose content was consumed is not copied in order to grow.
pub fn reserve(buffer: &mut BytesMut, more: usize) {
    if buffer.is_empty() && !buffer.try_reclaim(more) {
        *buffer = BytesMut::with_capacity(more);
    }
    buffer.reserve(more);
}
