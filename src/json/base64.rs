//! Base64 in strings, read as browsers do: white space is passed over, padding may be missing.

use crate::json::{Json, Kind};
use base64_simd::{AsOut, STANDARD_NO_PAD, forgiving_decode_inplace};

/// What is decoded at once: base64, and the bytes in it.
const BLOCK: usize = 1024;
const BYTES: usize = BLOCK / 4 * 3;

impl Json<'_> {
    /// Whether this is a string of base64.
    pub fn is_base64(self) -> bool {
        self.is_known_base64() || self.decode_base64(|_| ()).is_some()
    }

    /// Gives the bytes that a string of base64 stands for, portion by portion, and how many they are. None for all
    /// else; then what was given means nothing.
    pub fn decode_base64(self, give: impl FnMut(&[u8])) -> Option<usize> {
        if self.kind() != Kind::String {
            return None;
        }
        let mut decoder = Decoder { block: [0; BLOCK], filled: 0, length: 0, ended: false, give };
        for piece in self.pieces() {
            decoder.take(piece.as_str().as_bytes())?;
        }
        decoder.flush()?;
        Some(decoder.length)
    }
}

struct Decoder<F> {
    block: [u8; BLOCK],
    filled: usize,
    /// How many bytes were given.
    length: usize,
    /// Whether what was decoded last is an end: padded, or not a whole group.
    ended: bool,
    give: F,
}

impl<F: FnMut(&[u8])> Decoder<F> {
    fn take(&mut self, text: &[u8]) -> Option<()> {
        super::effort::spend(text.len());
        let mut rest = text;
        while !rest.is_empty() {
            if self.filled == 0
                && !self.ended
                && let Some((block, after)) = rest.split_at_checked(BLOCK)
                && let Ok(bytes) = STANDARD_NO_PAD.decode(block, self.block.as_mut_slice().as_out())
            {
                self.length += bytes.len();
                (self.give)(bytes);
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
        (self.give)(bytes);
        Some(())
    }
}
