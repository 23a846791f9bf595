//! The head of an HTTP/2 frame (RFC 9113, section 4.1).

/// Its length, in bytes: length, type, flags, stream.
pub const FRAME_HEAD: usize = 9;

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const SETTINGS: u8 = 4;
pub const GOAWAY: u8 = 7;

pub const END_STREAM: u8 = 0x1;
pub const PADDED: u8 = 0x8;

#[derive(Clone, Copy)]
pub struct FrameHead {
    /// The length of the payload.
    pub length: usize,
    pub frame_type: u8,
    pub flags: u8,
    pub stream: u32,
}

impl FrameHead {
    /// Reads the head at the beginning of `bytes`, if it is complete.
    pub fn read(bytes: &[u8]) -> Option<FrameHead> {
        let [a, b, c, frame_type, flags, stream @ ..] = *bytes.first_chunk::<FRAME_HEAD>()?;
        let length = u32::from_be_bytes([0, a, b, c]) as usize;
        Some(FrameHead { length, frame_type, flags, stream: u32::from_be_bytes(stream) })
    }

    /// Writes length, type and flags to the beginning of `bytes`, which has the stream.
    pub fn write(self, bytes: &mut [u8]) {
        let [_, a, b, c] = (self.length as u32).to_be_bytes();
        bytes[..5].copy_from_slice(&[a, b, c, self.frame_type, self.flags]);
    }
}

/// Returns a frame, for tests.
#[cfg(test)]
pub fn frame(frame_type: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = &(payload.len() as u32).to_be_bytes()[1..];
    [length, &[frame_type, flags], &stream.to_be_bytes(), payload].concat()
}
