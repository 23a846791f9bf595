//! HTTP/2 frames, written by hand, because no library sends invalid ones.

use std::io;

use super::peer::Peer;

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const PRIORITY: u8 = 2;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PUSH_PROMISE: u8 = 5;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;

/// The same number as the flag ACK.
pub const END_STREAM: u8 = 1;
pub const ACK: u8 = 1;
pub const END_HEADERS: u8 = 4;
pub const PADDED: u8 = 8;

const PREFACE: usize = 24;

pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a frame").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A SETTINGS frame with these identifiers and values.
pub fn settings(values: &[(u16, u32)]) -> Vec<u8> {
    let payload: Vec<u8> =
        values.iter().flat_map(|(key, value)| [&key.to_be_bytes()[..], &value.to_be_bytes()].concat()).collect();
    frame(SETTINGS, 0, 0, &payload)
}

pub fn goaway(last: u32, code: u32, debug: &[u8]) -> Vec<u8> {
    frame(GOAWAY, 0, 0, &[&last.to_be_bytes()[..], &code.to_be_bytes(), debug].concat())
}

pub fn reset(stream: u32, code: u32) -> Vec<u8> {
    frame(RST_STREAM, 0, stream, &code.to_be_bytes())
}

pub fn window(stream: u32, by: u32) -> Vec<u8> {
    frame(WINDOW_UPDATE, 0, stream, &by.to_be_bytes())
}

/// ":status: 200" in HPACK's static table.
pub const STATUS_200: u8 = 0x88;

/// A literal header in HPACK, without indexing.
pub fn literal(name: &str, value: &str) -> Vec<u8> {
    [&[0][..], &length(name.len()), name.as_bytes(), &length(value.len()), value.as_bytes()].concat()
}

/// An HPACK integer with a prefix of 7 bits.
fn length(mut value: usize) -> Vec<u8> {
    if value < 127 {
        return vec![value as u8];
    }
    value -= 127;
    let mut bytes = vec![127];
    while value >= 128 {
        bytes.push((value % 128) as u8 | 128);
        value /= 128;
    }
    bytes.push(value as u8);
    bytes
}

/// The head of a stream's response.
pub fn head(stream: u32) -> Vec<u8> {
    let block = [&[STATUS_200][..], &literal("content-type", crate::support::stream::EVENT_STREAM)].concat();
    frame(HEADERS, END_HEADERS, stream, &block)
}

impl Peer {
    /// Makes the HTTP/2 handshake with these settings, and reads a complete request. Returns its stream.
    pub async fn http2(&mut self, values: &[(u16, u32)]) -> io::Result<u32> {
        self.read(PREFACE).await?;
        self.send(settings(values)).await?;
        self.next_request().await
    }

    /// Reads the next complete request. Returns its stream.
    pub async fn next_request(&mut self) -> io::Result<u32> {
        loop {
            let (kind, flags, stream) = self.frame().await?;
            if matches!(kind, HEADERS | DATA) && flags & END_STREAM != 0 {
                self.requested();
                return Ok(stream);
            }
        }
    }

    /// Reads until a request begins. Returns its stream.
    pub async fn head_of_request(&mut self, values: &[(u16, u32)]) -> io::Result<u32> {
        self.read(PREFACE).await?;
        self.send(settings(values)).await?;
        loop {
            let (kind, _, stream) = self.frame().await?;
            if kind == HEADERS {
                self.requested();
                return Ok(stream);
            }
        }
    }

    /// Reads one frame, and acknowledges it if it is SETTINGS.
    async fn frame(&mut self) -> io::Result<(u8, u8, u32)> {
        let head = self.read(9).await?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        let payload = self.read(length).await?;
        match (head[3], head[4] & ACK) {
            (SETTINGS, 0) => self.send(frame(SETTINGS, ACK, 0, &[])).await?,
            (PING, 0) => self.send(frame(PING, ACK, 0, &payload)).await?,
            _ => {}
        }
        Ok((head[3], head[4], stream))
    }
}
