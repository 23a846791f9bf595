//! Splits the body of a stream into its frames.
//!
//! [`FrameBuffer`] receives the chunks of a body and passes on each complete frame without copying it: in the chunk
//! or, if it is split over chunks, in a buffer that is kept from frame to frame. It allocates nothing per frame. Only
//! the buffer of a large frame is given up with the frame, so that the payload need not be copied. The buffer never
//! holds more than one frame.

use super::frame::{Checksum, Frame, PRELUDE, Prelude};
use super::frame_error::FrameError;
use super::frame_headers::HeaderCache;

/// The length of a frame beyond which the buffer is given up with the frame.
const KEPT_BUFFER: usize = 64 << 10;

/// The length of a frame beyond which it is checked on another thread, so that the worker can serve other calls.
pub const LONG: usize = 1 << 20;

/// A complete frame whose checksum and headers have not been checked.
pub struct LongFrame {
    bytes: Vec<u8>,
    prelude: Prelude,
}

impl LongFrame {
    /// Checks the frame and passes it to `each`.
    pub fn open<E: From<FrameError>>(self, mut each: impl FnMut(Frame<'_>) -> Result<(), E>) -> Result<(), E> {
        let mut known = HeaderCache::default();
        each(Frame::open_large(self.bytes, self.prelude, &Checksum::default(), &mut known)?)
    }
}

/// Splits a body, chunk by chunk, into frames.
#[derive(Default)]
pub struct FrameBuffer {
    /// The beginning of a frame that is incomplete.
    partial: Vec<u8>,
    /// The last frame, if it is longer than [`LONG`].
    long: Option<LongFrame>,
    known: HeaderCache,
    checksum: Checksum,
}

impl FrameBuffer {
    /// Passes every frame that ends in `chunk` to `each`. After an error the decoder must not be fed again.
    pub fn feed<E: From<FrameError>>(
        &mut self,
        mut chunk: &[u8],
        each: impl FnMut(Frame<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.feed_up_to(usize::MAX, &mut chunk, each)
    }

    /// Does the same as [`FrameBuffer::feed`], but stops after a frame longer than [`LONG`].
    /// [`FrameBuffer::take_long`] then returns that frame, and `chunk` is the rest.
    pub fn feed_short<E: From<FrameError>>(
        &mut self,
        chunk: &mut &[u8],
        each: impl FnMut(Frame<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.feed_up_to(LONG, chunk, each)
    }

    #[inline]
    fn feed_up_to<E: From<FrameError>>(
        &mut self,
        longest: usize,
        chunk: &mut &[u8],
        mut each: impl FnMut(Frame<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        while !self.partial.is_empty() {
            let complete = self.complete_partial(chunk)?;
            let Some(prelude) = complete else { return Ok(()) };
            if prelude.total > longest {
                self.long = Some(LongFrame { bytes: std::mem::take(&mut self.partial), prelude });
                return Ok(());
            } else if prelude.total > KEPT_BUFFER {
                let frame = std::mem::take(&mut self.partial);
                each(Frame::open_large(frame, prelude, &self.checksum, &mut self.known)?)?;
            } else {
                each(Frame::open(&self.partial, prelude, &self.checksum, &mut self.known)?)?;
                self.partial.clear();
            }
        }
        while chunk.len() >= PRELUDE {
            let prelude = Prelude::read(chunk, &self.checksum)?;
            if chunk.len() < prelude.total {
                break;
            }
            let (frame, rest) = chunk.split_at(prelude.total);
            *chunk = rest;
            if prelude.total > longest {
                self.long = Some(LongFrame { bytes: frame.to_vec(), prelude });
                return Ok(());
            }
            each(Frame::open(frame, prelude, &self.checksum, &mut self.known)?)?;
        }
        self.partial.extend_from_slice(std::mem::take(chunk));
        Ok(())
    }

    /// Returns the frame after which [`FrameBuffer::feed_short`] has stopped.
    pub fn take_long(&mut self) -> Option<LongFrame> {
        self.long.take()
    }

    /// Returns whether there is such a frame.
    pub fn has_long(&self) -> bool {
        self.long.is_some()
    }

    /// Returns whether the last byte that was fed is the last byte of a frame.
    pub fn is_between_frames(&self) -> bool {
        self.partial.is_empty()
    }

    /// Moves the bytes of the partial frame out of `chunk`. Returns its prelude once it is complete.
    fn complete_partial(&mut self, chunk: &mut &[u8]) -> Result<Option<Prelude>, FrameError> {
        self.fill(chunk, PRELUDE)?;
        if self.partial.len() < PRELUDE {
            return Ok(None);
        }
        let prelude = Prelude::read(&self.partial, &self.checksum)?;
        self.fill(chunk, prelude.total)?;
        Ok((self.partial.len() == prelude.total).then_some(prelude))
    }

    fn fill(&mut self, chunk: &mut &[u8], length: usize) -> Result<(), FrameError> {
        let missing = length.saturating_sub(self.partial.len()).min(chunk.len());
        let (taken, rest) = chunk.split_at(missing);
        // The buffer grows with the bytes received, not to the announced length, and never beyond the frame.
        if self.partial.capacity() < self.partial.len() + missing {
            let more = missing.max(self.partial.len().min(length - self.partial.len()));
            self.partial.try_reserve_exact(more).map_err(|_| FrameError::Memory(self.partial.len() + more))?;
        }
        self.partial.extend_from_slice(taken);
        *chunk = rest;
        Ok(())
    }
}
