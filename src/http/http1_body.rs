//! The framing of an HTTP/1.1 response: where its body ends (RFC 9112, section 6).

use bytes::{Buf, Bytes, BytesMut};
use std::fmt;

/// The longest line with the size of a chunk. It may hold chunk extensions, which are ignored.
const MAX_SIZE_LINE: usize = 4 << 10;
/// The longest trailers, which are ignored.
const MAX_TRAILERS: usize = 16 << 10;

/// The rest of a body.
#[derive(Debug, PartialEq, Eq)]
pub enum Framing {
    /// This many bytes.
    Length(u64),
    /// Chunks, each with its size.
    Chunked(Chunked),
    /// Everything until the connection ends.
    UntilClose,
}

/// The next part of a chunked body.
#[derive(Debug, PartialEq, Eq)]
pub enum Chunked {
    Size,
    /// This many bytes of a chunk.
    Data(u64),
    /// The line break after a chunk.
    DataEnd,
    /// The end of the body, after this many bytes of trailers.
    Trailers(usize),
    Complete,
}

/// The reason why a body violates its framing.
#[derive(Debug, PartialEq, Eq)]
pub struct InvalidFraming(pub &'static str);

impl fmt::Display for InvalidFraming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for InvalidFraming {}

impl Framing {
    pub const CHUNKED: Framing = Framing::Chunked(Chunked::Size);

    /// Returns whether all of the body was decoded.
    pub fn is_complete(&self) -> bool {
        matches!(self, Framing::Length(0) | Framing::Chunked(Chunked::Complete))
    }

    /// Removes the part of the body from `input`, and returns it. Returns None if more input is needed.
    pub fn decode(&mut self, input: &mut BytesMut) -> Result<Option<Bytes>, InvalidFraming> {
        let data = match self {
            Framing::Length(remaining) => {
                let data = input.split_to(bounded(*remaining, input.len()));
                *remaining -= data.len() as u64;
                data
            }
            Framing::Chunked(chunked) => chunked.decode(input)?,
            Framing::UntilClose => input.split(),
        };
        Ok(Some(data.freeze()).filter(|data| !data.is_empty()))
    }
}

impl Chunked {
    /// Returns the data of all chunks, and parts of chunks, in `input`, joined: the reader handles one read at once.
    fn decode(&mut self, input: &mut BytesMut) -> Result<BytesMut, InvalidFraming> {
        // The data that was joined so far, and the position behind the last byte that was decoded.
        let (mut from, mut to) = (0, 0);
        let mut at = 0;
        loop {
            if *self == Chunked::Size
                && let Some((line, size)) = plain_size(&input[at..])
                && input[at + line..].get(size..size + 2) == Some(b"\r\n")
            {
                let data = at + line;
                if from == to {
                    from = data;
                    to = data;
                } else {
                    input.copy_within(data..data + size, to);
                }
                to += size;
                at = data + size + 2;
                continue;
            }
            match self.step(&input[at..]) {
                Ok(Step::Framing(length)) => at += length,
                Ok(Step::Data(length)) if from == to => {
                    (from, to) = (at, at + length);
                    at = to;
                }
                Ok(Step::Data(length)) => {
                    input.copy_within(at..at + length, to);
                    to += length;
                    at += length;
                }
                Ok(Step::Incomplete) => break,
                // The data before the error is returned first.
                Err(_) if from < to => break,
                Err(invalid) => return Err(invalid),
            }
        }
        input.advance(from);
        let data = input.split_to(to - from);
        input.advance(at - to);
        Ok(data)
    }

    fn step(&mut self, input: &[u8]) -> Result<Step, InvalidFraming> {
        match self {
            // httparse reads a line without a number as 0.
            Chunked::Size if input.first().is_some_and(|first| !first.is_ascii_hexdigit()) => {
                Err(InvalidFraming("the size of a chunk is malformed"))
            }
            Chunked::Size => match httparse::parse_chunk_size(input) {
                Ok(httparse::Status::Complete((length, size))) => {
                    *self = if size == 0 { Chunked::Trailers(0) } else { Chunked::Data(size) };
                    Ok(Step::Framing(length))
                }
                Ok(httparse::Status::Partial) if input.len() < MAX_SIZE_LINE => Ok(Step::Incomplete),
                _ => Err(InvalidFraming("the size of a chunk is malformed")),
            },
            Chunked::Data(remaining) => match bounded(*remaining, input.len()) {
                0 => Ok(Step::Incomplete),
                length => {
                    *remaining -= length as u64;
                    if *remaining == 0 {
                        *self = Chunked::DataEnd;
                    }
                    Ok(Step::Data(length))
                }
            },
            Chunked::DataEnd => match input {
                [b'\r', b'\n', ..] => {
                    *self = Chunked::Size;
                    Ok(Step::Framing(2))
                }
                [] | [b'\r'] => Ok(Step::Incomplete),
                _ => Err(InvalidFraming("a chunk is longer than its size")),
            },
            Chunked::Trailers(length) => match memchr::memchr(b'\n', input) {
                Some(end) => {
                    let last = matches!(&input[..end], [] | [b'\r']);
                    *length += end + 1;
                    if *length > MAX_TRAILERS {
                        return Err(InvalidFraming("the trailers are too long"));
                    }
                    if last {
                        *self = Chunked::Complete;
                    }
                    Ok(Step::Framing(end + 1))
                }
                None if input.len() < MAX_TRAILERS => Ok(Step::Incomplete),
                None => Err(InvalidFraming("the trailers are too long")),
            },
            Chunked::Complete => Ok(Step::Incomplete),
        }
    }
}

/// Returns the length of a size line and the size in it, if the line holds a few digits and nothing else. Nearly all
/// lines do, and most chunks arrive complete.
fn plain_size(input: &[u8]) -> Option<(usize, usize)> {
    const MAX_DIGITS: usize = 6;
    let mut size = 0;
    for (at, byte) in input.iter().enumerate().take(MAX_DIGITS + 1) {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            b'A'..=b'F' => byte - b'A' + 10,
            // Trailers follow the last chunk, whose size is 0.
            b'\r' if size > 0 && input.get(at + 1) == Some(&b'\n') => return Some((at + 2, size)),
            _ => return None,
        };
        size = size << 4 | usize::from(digit);
    }
    None
}

/// The beginning of the input.
enum Step {
    Framing(usize),
    Data(usize),
    Incomplete,
}

fn bounded(remaining: u64, available: usize) -> usize {
    usize::try_from(remaining).map_or(available, |remaining| remaining.min(available))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Decodes input that arrives in pieces of this size. Returns the data before an error, the result, and the length
    /// of the rest.
    fn decode(mut framing: Framing, wire: &[u8], piece: usize) -> (Vec<u8>, Result<bool, InvalidFraming>, usize) {
        let (mut body, mut input) = (Vec::new(), BytesMut::new());
        for piece in wire.chunks(piece) {
            input.extend_from_slice(piece);
            loop {
                match framing.decode(&mut input) {
                    Ok(Some(data)) => body.extend_from_slice(&data),
                    Ok(None) => break,
                    Err(invalid) => return (body, Err(invalid), input.len()),
                }
            }
        }
        (body, Ok(framing.is_complete()), input.len())
    }

    #[test]
    fn a_body_is_the_same_whatever_the_pieces_in_which_it_arrives() {
        let wire = b"3\r\nHel\r\n2;ext=\"1\"\r\nlo\r\n00A\r\n, World!!!\r\n0\r\nTrailer: a\r\nOther: b\r\n\r\n";
        for piece in 1..=wire.len() {
            assert_eq!(decode(Framing::CHUNKED, wire, piece), (b"Hello, World!!!".to_vec(), Ok(true), 0), "{piece}");
        }
        assert_eq!(decode(Framing::Length(5), b"Hello", 2), (b"Hello".to_vec(), Ok(true), 0));
        assert_eq!(decode(Framing::Length(6), b"Hello", 2), (b"Hello".to_vec(), Ok(false), 0));
        assert_eq!(decode(Framing::UntilClose, b"Hello", 2), (b"Hello".to_vec(), Ok(false), 0));
    }

    #[test]
    fn chunks_that_arrive_together_are_returned_together() {
        let mut input = BytesMut::from(&b"1\r\na\r\n2\r\nbc\r\n3\r\nde"[..]);
        let mut framing = Framing::CHUNKED;
        assert_eq!(framing.decode(&mut input), Ok(Some(Bytes::from_static(b"abcde"))));
        assert_eq!(framing, Framing::Chunked(Chunked::Data(1)));
        assert!(input.is_empty());
    }

    #[test]
    fn bytes_after_a_body_are_not_consumed() {
        assert_eq!(decode(Framing::CHUNKED, b"1\r\na\r\n0\r\n\r\nHTTP/1.1", 100), (b"a".to_vec(), Ok(true), 8));
        assert_eq!(decode(Framing::Length(1), b"aHTTP/1.1", 100), (b"a".to_vec(), Ok(true), 8));
    }

    #[test]
    fn a_body_that_is_cut_anywhere_is_incomplete() {
        let wire = b"3\r\nHel\r\n2\r\nlo\r\n0\r\nTrailer: a\r\n\r\n";
        for cut in 0..wire.len() {
            let (body, complete, _) = decode(Framing::CHUNKED, &wire[..cut], 7);
            assert_eq!(complete, Ok(false), "{cut}");
            assert!(b"Hello".starts_with(&body), "{cut}");
        }
    }

    #[test]
    fn data_before_an_error_is_returned_before_the_error() {
        let (size, end) = ("the size of a chunk is malformed", "a chunk is longer than its size");
        for (wire, body, reason) in [
            (&b"2\r\nab\r\nxyz\r\n"[..], "ab", size),
            (b"2\r\nab\r\n-1\r\n", "ab", size),
            (b"2\r\nab\r\n11111111111111111\r\n", "ab", size),
            (b"2\r\nabc\r\n", "ab", end),
            (b"2\r\nab\rc", "ab", end),
            (b"\r\n", "", size),
        ] {
            for piece in 1..=wire.len() {
                let (got, result, _) = decode(Framing::CHUNKED, wire, piece);
                assert_eq!(
                    (got, result),
                    (body.as_bytes().to_vec(), Err(InvalidFraming(reason))),
                    "{wire:?} by {piece}"
                );
            }
        }
    }

    #[test]
    fn lines_without_an_end_are_an_error() {
        let endless = [b"1;".to_vec(), vec![b'x'; MAX_SIZE_LINE]].concat();
        assert!(decode(Framing::CHUNKED, &endless, 1000).1.is_err());
        let trailers = [b"0\r\n".to_vec(), b"a: b\r\n".repeat(MAX_TRAILERS)].concat();
        assert!(decode(Framing::CHUNKED, &trailers, 1000).1.is_err());
        let trailer = [b"0\r\na: ".to_vec(), vec![b'x'; MAX_TRAILERS]].concat();
        assert!(decode(Framing::CHUNKED, &trailer, 1000).1.is_err());
    }
}
