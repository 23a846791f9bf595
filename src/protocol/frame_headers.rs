//! The headers of an event-stream frame.

use super::frame_error::FrameError;
use super::frame_limits::MAX_HEADER_COUNT;

/// The capacity up to which memory for header blocks is kept.
const KEPT_BLOCK: usize = 64 << 10;

/// The value of a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    Bool(bool),
    Byte(i8),
    Int16(i16),
    Int32(i32),
    Int64(i64),
    Bytes(&'a [u8]),
    Text(&'a str),
    /// In milliseconds since the epoch.
    Timestamp(i64),
    Uuid([u8; 16]),
}

/// The type of a frame, in its header `:message-type`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MessageType {
    Event,
    Exception,
    Error,
    /// Another type, or none.
    #[default]
    Unknown,
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

/// The facts about a header block that every frame needs.
#[derive(Clone, Copy, Debug, Default)]
pub struct HeaderSummary {
    pub message_type: MessageType,
    /// The position of the name of the event, exception or error in the block.
    pub name: (usize, usize),
}

/// The last header block that was checked. The frames of a stream have few different ones, and the same one many times
/// in a row.
#[derive(Default)]
pub struct HeaderCache {
    pub block: Vec<u8>,
    summary: HeaderSummary,
}

impl HeaderCache {
    /// Checks a header block, unless it is the one of the call before.
    pub fn summary(&mut self, block: &[u8]) -> Result<HeaderSummary, FrameError> {
        if self.block != block {
            self.summary = check_headers(block)?;
            self.block.clear();
            self.block.extend_from_slice(block);
            self.block.shrink_to(KEPT_BLOCK);
        }
        Ok(self.summary)
    }
}

fn check_headers(block: &[u8]) -> Result<HeaderSummary, FrameError> {
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
    Ok(HeaderSummary { message_type, name })
}

/// The headers of a block, in their order.
pub struct Headers<'a> {
    pub rest: &'a [u8],
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
