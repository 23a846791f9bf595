//! Base64 in strings, decoded as browsers do: white space is ignored, and padding may be missing.

use super::cost;
use super::value::{Json, Kind};
use base64_simd::{AsOut, STANDARD_NO_PAD, forgiving_decode_inplace};

/// The size of a block that is decoded at once, and the size of the result.
const BLOCK: usize = 1024;
const BYTES: usize = BLOCK / 4 * 3;

impl Json<'_> {
    /// Returns whether this is a string of base64.
    pub fn is_base64(self) -> bool {
        self.is_known_base64() || self.decode_base64(|_| ()).is_some()
    }

    /// Decodes a string of base64. Calls `sink` with the bytes, block by block, and returns their number. Returns None
    /// for another value; the bytes that `sink` received are then meaningless.
    pub fn decode_base64(self, sink: impl FnMut(&[u8])) -> Option<usize> {
        if self.kind() != Kind::String {
            return None;
        }
        let mut decoder = Decoder { block: [0; BLOCK], filled: 0, length: 0, ended: false, sink };
        for piece in self.pieces() {
            decoder.decode(piece.as_str().as_bytes())?;
        }
        decoder.flush()?;
        Some(decoder.length)
    }
}

struct Decoder<F> {
    block: [u8; BLOCK],
    filled: usize,
    /// The number of decoded bytes.
    length: usize,
    /// Whether the last block must be the end: it has padding, or an incomplete group.
    ended: bool,
    sink: F,
}

impl<F: FnMut(&[u8])> Decoder<F> {
    fn decode(&mut self, text: &[u8]) -> Option<()> {
        cost::read(text.len());
        let mut rest = text;
        while !rest.is_empty() {
            if self.filled == 0
                && !self.ended
                && let Some((block, after)) = rest.split_at_checked(BLOCK)
                && let Ok(bytes) = STANDARD_NO_PAD.decode(block, self.block.as_mut_slice().as_out())
            {
                self.length += bytes.len();
                (self.sink)(bytes);
                rest = after;
                continue;
            }
            let (some, after) = rest.split_at(rest.len().min(BLOCK));
            for &byte in some.iter().filter(|byte| !byte.is_ascii_whitespace()) {
                self.block[self.filled] = byte;
                self.filled += 1;
                if self.filled == BLOCK {
                    self.flush()?;
                }
            }
            rest = after;
        }
        Some(())
    }

    fn flush(&mut self) -> Option<()> {
        let block = &mut self.block[..std::mem::take(&mut self.filled)];
        if block.is_empty() {
            return Some(());
        }
        if self.ended {
            return None;
        }
        let bytes = forgiving_decode_inplace(block).ok()?;
        self.ended = bytes.len() < BYTES;
        self.length += bytes.len();
        (self.sink)(bytes);
        Some(())
    }
}
