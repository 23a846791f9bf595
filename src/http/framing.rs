//! Where the body of an HTTP/1.1 answer ends (RFC 9112, section 6).

use bytes::{Buf, Bytes, BytesMut};
use std::fmt;

/// The longest line that tells a chunk's size. Extensions, which nobody uses, may stand in it.
const MAX_SIZE_LINE: usize = 4 << 10;
/// The longest trailers, which nobody reads.
const MAX_TRAILERS: usize = 16 << 10;

/// What is still to come of a body.
#[derive(Debug, PartialEq, Eq)]
pub enum Framing {
    /// So many bytes.
    Length(u64),
    /// Chunks, of which each tells its size.
    Chunked(Chunked),
    /// Whatever comes until the connection ends.
    UntilClose,
}

/// What stands next in a chunked body.
#[derive(Debug, PartialEq, Eq)]
pub enum Chunked {
    Size,
    /// So many bytes of a chunk.
    Data(u64),
    /// The end of a chunk's last line.
    DataEnd,
    /// The end of the body, after so many bytes of trailers.
    Trailers(usize),
    Over,
}

/// A body that is not framed as it should be.
#[derive(Debug, PartialEq, Eq)]
pub struct Malformed(pub &'static str);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Malformed {}

impl Framing {
    pub const CHUNKED: Framing = Framing::Chunked(Chunked::Size);

    /// Whether all of the body has been decoded.
    pub fn is_over(&self) -> bool {
        matches!(self, Framing::Length(0) | Framing::Chunked(Chunked::Over))
    }

    /// Takes what `input` holds of the body. None where more has to come first.
    pub fn decode(&mut self, input: &mut BytesMut) -> Result<Option<Bytes>, Malformed> {
        let data = match self {
            Framing::Length(left) => {
                let data = input.split_to(bounded(*left, input.len()));
                *left -= data.len() as u64;
                data
            }
            Framing::Chunked(chunked) => chunked.decode(input)?,
            Framing::UntilClose => input.split(),
        };
        Ok(Some(data.freeze()).filter(|data| !data.is_empty()))
    }
}

impl Chunked {
    /// The data of all chunks, or parts of chunks, that are there, moved together: what is read at once is used at once.
    fn decode(&mut self, input: &mut BytesMut) -> Result<BytesMut, Malformed> {
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
                Ok(Step::Wait) => break,
                // What came before the damage comes out first.
                Err(_) if from < to => break,
                Err(malformed) => return Err(malformed),
            }
        }
        input.advance(from);
        let data = input.split_to(to - from);
        input.advance(at - to);
        Ok(data)
    }

    fn step(&mut self, rest: &[u8]) -> Result<Step, Malformed> {
        match self {
            // The parser takes a line without a number for a 0.
            Chunked::Size if rest.first().is_some_and(|first| !first.is_ascii_hexdigit()) => {
                Err(Malformed("a chunk's size is malformed"))
            }
            Chunked::Size => match httparse::parse_chunk_size(rest) {
                Ok(httparse::Status::Complete((length, size))) => {
                    *self = if size == 0 { Chunked::Trailers(0) } else { Chunked::Data(size) };
                    Ok(Step::Framing(length))
                }
                Ok(httparse::Status::Partial) if rest.len() < MAX_SIZE_LINE => Ok(Step::Wait),
                _ => Err(Malformed("a chunk's size is malformed")),
            },
            Chunked::Data(left) => match bounded(*left, rest.len()) {
                0 => Ok(Step::Wait),
                length => {
                    *left -= length as u64;
                    if *left == 0 {
                        *self = Chunked::DataEnd;
                    }
                    Ok(Step::Data(length))
                }
            },
            Chunked::DataEnd => match rest {
                [b'\r', b'\n', ..] => {
                    *self = Chunked::Size;
                    Ok(Step::Framing(2))
                }
                [] | [b'\r'] => Ok(Step::Wait),
                _ => Err(Malformed("a chunk is longer than its size")),
            },
            Chunked::Trailers(so_far) => match memchr::memchr(b'\n', rest) {
                Some(end) => {
                    let last = matches!(&rest[..end], [] | [b'\r']);
                    *so_far += end + 1;
                    if *so_far > MAX_TRAILERS {
                        return Err(Malformed("the trailers are too long"));
                    }
                    if last {
                        *self = Chunked::Over;
                    }
                    Ok(Step::Framing(end + 1))
                }
                None if rest.len() < MAX_TRAILERS => Ok(Step::Wait),
                None => Err(Malformed("the trailers are too long")),
            },
            Chunked::Over => Ok(Step::Wait),
        }
    }
}

/// The length of a size line and the size it tells, where it is plain: of few digits and nothing else. Nearly all are,
/// and most chunks are there as a whole.
fn plain_size(rest: &[u8]) -> Option<(usize, usize)> {
    const MOST_DIGITS: usize = 6;
    let mut size = 0;
    for (at, byte) in rest.iter().enumerate().take(MOST_DIGITS + 1) {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            b'A'..=b'F' => byte - b'A' + 10,
            // The last chunk, whose size is 0, is followed by trailers.
            b'\r' if size > 0 && rest.get(at + 1) == Some(&b'\n') => return Some((at + 2, size)),
            _ => return None,
        };
        size = size << 4 | usize::from(digit);
    }
    None
}

/// What `input` begins with.
enum Step {
    Framing(usize),
    Data(usize),
    /// Nothing that is whole.
    Wait,
}

fn bounded(left: u64, there: usize) -> usize {
    usize::try_from(left).map_or(there, |left| left.min(there))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Decodes what comes in pieces of this size; what came before an error, and the error.
    fn decode(mut framing: Framing, wire: &[u8], piece: usize) -> (Vec<u8>, Result<bool, Malformed>, usize) {
        let (mut body, mut input) = (Vec::new(), BytesMut::new());
        for piece in wire.chunks(piece) {
            input.extend_from_slice(piece);
            loop {
                match framing.decode(&mut input) {
                    Ok(Some(data)) => body.extend_from_slice(&data),
                    Ok(None) => break,
                    Err(malformed) => return (body, Err(malformed), input.len()),
                }
            }
        }
        (body, Ok(framing.is_over()), input.len())
    }

    #[test]
    fn a_body_is_the_same_in_whatever_pieces_it_comes() {
        let wire = b"3\r\nHel\r\n2;ext=\"1\"\r\nlo\r\n00A\r\n, World!!!\r\n0\r\nTrailer: a\r\nOther: b\r\n\r\n";
        for piece in 1..=wire.len() {
            assert_eq!(decode(Framing::CHUNKED, wire, piece), (b"Hello, World!!!".to_vec(), Ok(true), 0), "{piece}");
        }
        assert_eq!(decode(Framing::Length(5), b"Hello", 2), (b"Hello".to_vec(), Ok(true), 0));
        assert_eq!(decode(Framing::Length(6), b"Hello", 2), (b"Hello".to_vec(), Ok(false), 0));
        assert_eq!(decode(Framing::UntilClose, b"Hello", 2), (b"Hello".to_vec(), Ok(false), 0));
    }

    #[test]
    fn chunks_that_come_together_come_out_together() {
        let mut input = BytesMut::from(&b"1\r\na\r\n2\r\nbc\r\n3\r\nde"[..]);
        let mut framing = Framing::CHUNKED;
        assert_eq!(framing.decode(&mut input), Ok(Some(Bytes::from_static(b"abcde"))));
        assert_eq!(framing, Framing::Chunked(Chunked::Data(1)));
        assert!(input.is_empty());
    }

    #[test]
    fn what_follows_a_body_is_not_taken() {
        assert_eq!(decode(Framing::CHUNKED, b"1\r\na\r\n0\r\n\r\nHTTP/1.1", 100), (b"a".to_vec(), Ok(true), 8));
        assert_eq!(decode(Framing::Length(1), b"aHTTP/1.1", 100), (b"a".to_vec(), Ok(true), 8));
    }

    #[test]
    fn a_body_that_is_cut_anywhere_is_not_over() {
        let wire = b"3\r\nHel\r\n2\r\nlo\r\n0\r\nTrailer: a\r\n\r\n";
        for cut in 0..wire.len() {
            let (body, over, _) = decode(Framing::CHUNKED, &wire[..cut], 7);
            assert_eq!(over, Ok(false), "{cut}");
            assert!(b"Hello".starts_with(&body), "{cut}");
        }
    }

    #[test]
    fn what_came_before_damage_comes_out_before_the_error() {
        let (size, end) = ("a chunk's size is malformed", "a chunk is longer than its size");
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
                assert_eq!((got, result), (body.as_bytes().to_vec(), Err(Malformed(reason))), "{wire:?} by {piece}");
            }
        }
    }

    #[test]
    fn lines_without_an_end_are_given_up() {
        let endless = [b"1;".to_vec(), vec![b'x'; MAX_SIZE_LINE]].concat();
        assert!(decode(Framing::CHUNKED, &endless, 1000).1.is_err());
        let trailers = [b"0\r\n".to_vec(), b"a: b\r\n".repeat(MAX_TRAILERS)].concat();
        assert!(decode(Framing::CHUNKED, &trailers, 1000).1.is_err());
        let trailer = [b"0\r\na: ".to_vec(), vec![b'x'; MAX_TRAILERS]].concat();
        assert!(decode(Framing::CHUNKED, &trailer, 1000).1.is_err());
    }
}
