//! Event-stream frames: `application/vnd.amazon.eventstream`.
//!
//! A frame is a prelude (total length, length of the headers, CRC32 of those two), headers, a payload, and the CRC32 of all
//! before it. [`Decoder`] is fed the chunks of a body as they come and shows each complete frame where it lies: in the chunk,
//! or, where a frame is split over chunks, in a buffer that is kept from frame to frame. Nothing is allocated per frame; only a
//! large one takes its buffer with it, so that its payload need not be copied.
//!
//! A length is believed only after the prelude's checksum, and never beyond the caps, so that no bytes from the network can
//! make this buffer more than one frame.

use crc32fast::Hasher;
use std::borrow::Cow;
use std::fmt;

/// The longest frame: the service's own limit for a message.
pub const MAX_FRAME: usize = 24 << 20;
/// The longest header block, as the protocol says.
pub const MAX_HEADERS: usize = 128 << 10;
/// The most headers in a frame; the service sends three.
pub const MAX_HEADER_COUNT: usize = 64;

/// The length of what stands before a frame's headers.
pub const PRELUDE: usize = 12;
const CHECKSUM: usize = 4;
/// A frame longer than this takes its buffer with it.
const KEPT_BUFFER: usize = 64 << 10;

/// Why bytes are no event-stream frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameError {
    PreludeChecksum,
    MessageChecksum,
    Length(u32),
    HeadersLength(u32),
    HeaderCutOff,
    HeaderType(u8),
    HeaderName,
    HeaderText,
    DuplicateHeader,
    TooManyHeaders,
    /// Not the frame is at fault: the system gives no memory for so many bytes.
    Memory(usize),
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FrameError::PreludeChecksum => f.write_str("a frame's prelude does not match its checksum"),
            FrameError::MessageChecksum => f.write_str("a frame does not match its checksum"),
            FrameError::Length(length) => write!(f, "a frame says that it is {length} bytes long"),
            FrameError::HeadersLength(length) => write!(f, "a frame says that its headers are {length} bytes long"),
            FrameError::HeaderCutOff => f.write_str("a frame's header is longer than its header block"),
            FrameError::HeaderType(kind) => write!(f, "a frame's header is of the unknown type {kind}"),
            FrameError::HeaderName => f.write_str("a frame's header has no name"),
            FrameError::HeaderText => f.write_str("a frame's header is not UTF-8"),
            FrameError::DuplicateHeader => f.write_str("a frame has one header twice"),
            FrameError::Memory(bytes) => write!(f, "there is no memory for a frame of {bytes} bytes"),
            FrameError::TooManyHeaders => write!(f, "a frame has more than {MAX_HEADER_COUNT} headers"),
        }
    }
}

/// A header's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    Bool(bool),
    Byte(i8),
    Int16(i16),
    Int32(i32),
    Int64(i64),
    Bytes(&'a [u8]),
    Text(&'a str),
    /// Milliseconds since the epoch.
    Timestamp(i64),
    Uuid([u8; 16]),
}

/// What a frame is about, in its header `:message-type`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MessageType {
    Event,
    Exception,
    Error,
    /// Another one, or none.
    #[default]
    Unknown,
}

/// A frame whose checksums, lengths and headers are right.
#[derive(Clone, Debug)]
pub struct Frame<'a> {
    headers: &'a [u8],
    gist: Gist,
    pub payload: Cow<'a, [u8]>,
}

/// What is to be known of a header block before anything else.
#[derive(Clone, Copy, Debug, Default)]
struct Gist {
    message_type: MessageType,
    /// Where in the block the event's, exception's or error's name stands.
    name: (usize, usize),
}

impl<'a> Frame<'a> {
    /// The frame that `bytes` are, which hold exactly one as its prelude says.
    fn open(
        bytes: &'a [u8],
        prelude: Prelude,
        checksum: &Checksum,
        known: &mut KnownHeaders,
    ) -> Result<Self, FrameError> {
        let message = checksum.message(bytes)?;
        let (headers, payload) = message[PRELUDE..].split_at(prelude.headers);
        Ok(Frame { headers, gist: known.gist(headers)?, payload: Cow::Borrowed(payload) })
    }

    /// As [`Frame::open`], in the memory of `bytes`.
    fn open_large(
        mut bytes: Vec<u8>,
        prelude: Prelude,
        checksum: &Checksum,
        known: &'a mut KnownHeaders,
    ) -> Result<Self, FrameError> {
        let end = checksum.message(&bytes)?.len();
        let payload = PRELUDE + prelude.headers;
        let gist = known.gist(&bytes[PRELUDE..payload])?;
        bytes.truncate(end);
        bytes.drain(..payload);
        Ok(Frame { headers: &known.block, gist, payload: Cow::Owned(bytes) })
    }

    pub fn message_type(&self) -> MessageType {
        self.gist.message_type
    }

    /// The text of `:event-type`, `:exception-type` or `:error-code`, whichever the frame's type calls for; "" without one.
    pub fn name(&self) -> &'a [u8] {
        let (start, end) = self.gist.name;
        &self.headers[start..end]
    }

    /// The headers in the order in which they stand.
    pub fn headers(&self) -> impl Iterator<Item = (&'a str, Value<'a>)> {
        Headers { rest: self.headers }.map_while(Result::ok)
    }

    /// The text of a header, where it is there and is text.
    pub fn text(&self, name: &str) -> Option<&'a str> {
        self.headers().find_map(|(key, value)| match value {
            Value::Text(text) if key == name => Some(text),
            _ => None,
        })
    }
}

/// CRC32, of nothing yet. Kept, because a new one looks anew at what the processor can do.
#[derive(Default)]
struct Checksum(Hasher);

impl Checksum {
    #[inline]
    fn of(&self, bytes: &[u8]) -> u32 {
        let mut hasher = self.0.clone();
        hasher.update(bytes);
        hasher.finalize()
    }

    /// A frame without its checksum, which is right.
    #[inline]
    fn message<'a>(&self, frame: &'a [u8]) -> Result<&'a [u8], FrameError> {
        let (message, checksum) = frame.split_at(frame.len() - CHECKSUM);
        if self.of(message) == u32_at(checksum, 0) { Ok(message) } else { Err(FrameError::MessageChecksum) }
    }
}

/// The last header block that was checked. The frames of a stream have few different ones, each for a long while.
#[derive(Default)]
struct KnownHeaders {
    block: Vec<u8>,
    gist: Gist,
}

impl KnownHeaders {
    fn gist(&mut self, block: &[u8]) -> Result<Gist, FrameError> {
        if self.block != block {
            self.gist = check_headers(block)?;
            self.block.clear();
            self.block.extend_from_slice(block);
            self.block.shrink_to(KEPT_BUFFER);
        }
        Ok(self.gist)
    }
}

fn check_headers(block: &[u8]) -> Result<Gist, FrameError> {
    let mut seen = [""; MAX_HEADER_COUNT];
    let mut message_type = MessageType::default();
    let mut names = [(0, 0); 3];
    for (count, header) in (Headers { rest: block }).enumerate() {
        let (name, value) = header?;
        if count == MAX_HEADER_COUNT {
            return Err(FrameError::TooManyHeaders);
        }
        if seen[..count].contains(&name) {
            return Err(FrameError::DuplicateHeader);
        }
        seen[count] = name;
        if let Value::Text(text) = value {
            let start = text.as_ptr() as usize - block.as_ptr() as usize;
            match name {
                ":message-type" => message_type = MessageType::of(text),
                ":event-type" => names[0] = (start, start + text.len()),
                ":exception-type" => names[1] = (start, start + text.len()),
                ":error-code" => names[2] = (start, start + text.len()),
                _ => {}
            }
        }
    }
    let name = match message_type {
        MessageType::Event => names[0],
        MessageType::Exception => names[1],
        MessageType::Error => names[2],
        MessageType::Unknown => (0, 0),
    };
    Ok(Gist { message_type, name })
}

impl MessageType {
    fn of(text: &str) -> Self {
        match text {
            "event" => MessageType::Event,
            "exception" => MessageType::Exception,
            "error" => MessageType::Error,
            _ => MessageType::Unknown,
        }
    }
}

struct Headers<'a> {
    rest: &'a [u8],
}

impl<'a> Headers<'a> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], FrameError> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(FrameError::HeaderCutOff)?;
        self.rest = rest;
        Ok(*taken)
    }

    fn take_slice(&mut self, length: usize) -> Result<&'a [u8], FrameError> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(FrameError::HeaderCutOff)?;
        self.rest = rest;
        Ok(taken)
    }

    fn take_text(&mut self, length: usize) -> Result<&'a str, FrameError> {
        std::str::from_utf8(self.take_slice(length)?).map_err(|_| FrameError::HeaderText)
    }

    fn header(&mut self) -> Result<(&'a str, Value<'a>), FrameError> {
        let [name_length] = self.take()?;
        if name_length == 0 {
            return Err(FrameError::HeaderName);
        }
        let name = self.take_text(name_length.into())?;
        let [kind] = self.take()?;
        let value = match kind {
            0 => Value::Bool(true),
            1 => Value::Bool(false),
            2 => Value::Byte(i8::from_be_bytes(self.take()?)),
            3 => Value::Int16(i16::from_be_bytes(self.take()?)),
            4 => Value::Int32(i32::from_be_bytes(self.take()?)),
            5 => Value::Int64(i64::from_be_bytes(self.take()?)),
            6 | 7 => {
                let length = u16::from_be_bytes(self.take()?).into();
                if kind == 6 { Value::Bytes(self.take_slice(length)?) } else { Value::Text(self.take_text(length)?) }
            }
            8 => Value::Timestamp(i64::from_be_bytes(self.take()?)),
            9 => Value::Uuid(self.take()?),
            unknown => return Err(FrameError::HeaderType(unknown)),
        };
        Ok((name, value))
    }
}

impl<'a> Iterator for Headers<'a> {
    type Item = Result<(&'a str, Value<'a>), FrameError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let header = self.header();
        if header.is_err() {
            self.rest = &[];
        }
        Some(header)
    }
}

#[derive(Clone, Copy)]
struct Prelude {
    total: usize,
    headers: usize,
}

impl Prelude {
    /// Reads and believes the first twelve bytes of a frame.
    fn read(bytes: &[u8], checksum: &Checksum) -> Result<Self, FrameError> {
        if checksum.of(&bytes[..8]) != u32_at(bytes, 8) {
            return Err(FrameError::PreludeChecksum);
        }
        let (total, headers) = (u32_at(bytes, 0), u32_at(bytes, 4));
        let prelude = Prelude { total: total as usize, headers: headers as usize };
        if !(PRELUDE + CHECKSUM..=MAX_FRAME).contains(&prelude.total) {
            return Err(FrameError::Length(total));
        }
        if prelude.headers > MAX_HEADERS || prelude.headers > prelude.total - PRELUDE - CHECKSUM {
            return Err(FrameError::HeadersLength(headers));
        }
        Ok(prelude)
    }
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let word = bytes[at..at + 4].first_chunk().expect("four bytes");
    u32::from_be_bytes(*word)
}

/// Whether bytes begin as a frame does. The checksum alone decides: lengths that are out of range are those of a
/// damaged stream.
pub fn begins_frame(bytes: &[u8]) -> bool {
    bytes.len() >= PRELUDE && !matches!(Prelude::read(bytes, &Checksum::default()), Err(FrameError::PreludeChecksum))
}

/// What is longer is checked on a thread of its own: the worker has others to serve.
pub const LONG: usize = 1 << 20;

/// A whole frame whose length alone is known to be right.
pub struct LongFrame {
    bytes: Vec<u8>,
    prelude: Prelude,
}

impl LongFrame {
    /// Checks the frame and shows it.
    pub fn open<E: From<FrameError>>(self, mut each: impl FnMut(Frame<'_>) -> Result<(), E>) -> Result<(), E> {
        let mut known = KnownHeaders::default();
        each(Frame::open_large(self.bytes, self.prelude, &Checksum::default(), &mut known)?)
    }
}

/// Cuts a body, chunk by chunk, into frames.
#[derive(Default)]
pub struct Decoder {
    /// The beginning of a frame whose end has not come.
    partial: Vec<u8>,
    /// The frame that ended last, if it is long.
    long: Option<LongFrame>,
    known: KnownHeaders,
    checksum: Checksum,
}

impl Decoder {
    /// Shows `each` every frame that ends in `chunk`. After an error the decoder has lost its place and must not be fed again.
    pub fn feed<E: From<FrameError>>(
        &mut self,
        mut chunk: &[u8],
        each: impl FnMut(Frame<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.feed_up_to(usize::MAX, &mut chunk, each)
    }

    /// As [`Decoder::feed`], up to a frame that is [`LONG`]: [`Decoder::take_long`] gives that one, and `chunk` is what stands
    /// behind it.
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

    /// The frame for which the decoder stopped.
    pub fn take_long(&mut self) -> Option<LongFrame> {
        self.long.take()
    }

    /// Whether all that was fed were whole frames.
    pub fn is_between_frames(&self) -> bool {
        self.partial.is_empty()
    }

    /// Moves what belongs to the partial frame out of `chunk`; gives its prelude once it is whole.
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
        // Grows as a Vec does, with what has come and not with what is announced, but never beyond the frame.
        if self.partial.capacity() < self.partial.len() + missing {
            let more = missing.max(self.partial.len().min(length - self.partial.len()));
            self.partial.try_reserve_exact(more).map_err(|_| FrameError::Memory(self.partial.len() + more))?;
        }
        self.partial.extend_from_slice(taken);
        *chunk = rest;
        Ok(())
    }
}
