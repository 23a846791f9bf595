//! Finds the requests in the bytes that are written to an HTTP/2 connection.
//!
//! h2 holds a request back while the peer admits no further one, and does not report that. Whether a request may be
//! sent over another connection depends on it.

use super::frame_head::{FRAME_HEAD, FrameHead, HEADERS};

/// The length of the client's preface (RFC 9113, section 3.4), which precedes the first frame.
const PREFACE: usize = 24;

/// The position in a sequence of frames.
#[derive(Clone, Copy)]
pub struct WrittenFrames {
    /// How many bytes precede the next head.
    skip: usize,
    /// The beginning of a head that is not complete, and its length.
    head: [u8; FRAME_HEAD],
    head_length: usize,
}

impl Default for WrittenFrames {
    fn default() -> Self {
        WrittenFrames { skip: PREFACE, head: [0; FRAME_HEAD], head_length: 0 }
    }
}

impl WrittenFrames {
    /// Moves on by the bytes that were written, and passes each stream with HEADERS to `on_headers`.
    pub fn advance(&mut self, mut bytes: &[u8], mut on_headers: impl FnMut(u32)) {
        loop {
            let skipped = self.skip.min(bytes.len());
            self.skip -= skipped;
            bytes = &bytes[skipped..];
            if bytes.is_empty() {
                return;
            }
            let taken = (FRAME_HEAD - self.head_length).min(bytes.len());
            self.head[self.head_length..self.head_length + taken].copy_from_slice(&bytes[..taken]);
            self.head_length += taken;
            bytes = &bytes[taken..];
            if self.head_length < FRAME_HEAD {
                return;
            }
            let head = FrameHead::read(&self.head).expect("a complete head");
            (self.skip, self.head_length) = (head.length, 0);
            if head.frame_type == HEADERS {
                on_headers(head.stream);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::frame_head::{DATA, SETTINGS, frame};
    use super::*;

    #[test]
    fn streams_are_found_however_their_frames_are_cut() {
        let wire = [
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
            frame(SETTINGS, 0, 0, &[0; 12]),
            frame(HEADERS, 0, 1, &[HEADERS; 20]),
            frame(DATA, 0, 1, &frame(HEADERS, 0, 99, b"no frame")),
            frame(HEADERS, 0, 3, b""),
            frame(DATA, 0, 1, b""),
            frame(HEADERS, 0, 0x0102_0305, b"x"),
        ]
        .concat();
        for size in 1..=wire.len() {
            let (mut frames, mut streams) = (WrittenFrames::default(), Vec::new());
            wire.chunks(size).for_each(|bytes| frames.advance(bytes, |stream| streams.push(stream)));
            assert_eq!(streams, [1, 3, 0x0102_0305], "{size} bytes at a time");
        }
    }
}
