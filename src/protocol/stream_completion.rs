//! The rule that decides whether a stream is complete or truncated.

use super::event_decoder::EventDecoder;
use super::frame_buffer::FrameBuffer;
use crate::error::{Error, Kind, Result};

/// The facts about the received part of a stream that decide whether it is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Completion {
    /// Whether the last byte received is the last byte of a frame.
    pub between_frames: bool,
    /// Whether `messageStop` has been received, or the last chunk of a model's own stream, which holds the token
    /// counts.
    pub message_stopped: bool,
    /// Whether `metadata`, which the service sends last, or the token counts of the last chunk have been received.
    pub has_metadata: bool,
    /// Whether a chunk of a model's own stream has been received. Such a stream need not have a last event.
    pub has_chunks: bool,
}

/// The end of a stream's body.
#[derive(Debug)]
pub enum BodyEnd {
    /// HTTP marked the end, by a length or a last chunk.
    Delimited,
    /// The connection was closed. A lost connection looks the same.
    Closed,
    /// The connection failed, for this reason.
    Broken(String),
    /// A timer expired before the end.
    TimedOut(Error),
}

impl Completion {
    /// Returns the facts that the decoders of a stream have recorded.
    pub fn of(frames: &FrameBuffer, events: &EventDecoder) -> Self {
        Completion {
            between_frames: frames.is_between_frames(),
            message_stopped: events.message_stopped(),
            has_metadata: events.has_metadata(),
            has_chunks: events.has_chunks(),
        }
    }

    /// Returns the stream's result: success if it is complete.
    pub fn conclude(self, end: BodyEnd) -> Result<()> {
        if self.is_complete(&end) {
            return Ok(());
        }
        let cause = match end {
            BodyEnd::Delimited | BodyEnd::Closed => "the connection was closed".to_owned(),
            BodyEnd::Broken(cause) => cause,
            BodyEnd::TimedOut(timeout) => return Err(timeout),
        };
        let point = self.point_of_truncation();
        Err(Error::new(Kind::Truncated, format_args!("the response stream ended {point}: {cause}")))
    }

    fn is_complete(self, end: &BodyEnd) -> bool {
        self.between_frames
            && match end {
                BodyEnd::Delimited => self.message_stopped || self.has_chunks,
                BodyEnd::Closed => self.message_stopped,
                // Only the end of the body is missing.
                BodyEnd::Broken(_) | BodyEnd::TimedOut(_) => self.message_stopped && self.has_metadata,
            }
    }

    fn point_of_truncation(self) -> &'static str {
        match (self.message_stopped, self.has_metadata) {
            (false, _) if self.has_chunks => "before its last chunk",
            (false, _) => "before messageStop",
            (true, false) => "after messageStop but before its metadata",
            (true, true) => "after its metadata, inside a frame",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The four facts, and whether the stream is complete with a body that is delimited, closed, broken or timed out.
    #[rustfmt::skip]
    const TABLE: [([u8; 4], [u8; 4], &str); 16] = [
        // In a frame.
        ([0, 0, 0, 0], [0, 0, 0, 0], "before messageStop"),
        ([0, 0, 0, 1], [0, 0, 0, 0], "before its last chunk"),
        ([0, 0, 1, 0], [0, 0, 0, 0], "before messageStop"),
        ([0, 0, 1, 1], [0, 0, 0, 0], "before its last chunk"),
        ([0, 1, 0, 0], [0, 0, 0, 0], "after messageStop but before its metadata"),
        ([0, 1, 0, 1], [0, 0, 0, 0], "after messageStop but before its metadata"),
        ([0, 1, 1, 0], [0, 0, 0, 0], "after its metadata, inside a frame"),
        ([0, 1, 1, 1], [0, 0, 0, 0], "after its metadata, inside a frame"),
        // Between frames.
        ([1, 0, 0, 0], [0, 0, 0, 0], "before messageStop"),
        ([1, 0, 0, 1], [1, 0, 0, 0], "before its last chunk"),
        ([1, 0, 1, 0], [0, 0, 0, 0], "before messageStop"),
        ([1, 0, 1, 1], [1, 0, 0, 0], "before its last chunk"),
        ([1, 1, 0, 0], [1, 1, 0, 0], "after messageStop but before its metadata"),
        ([1, 1, 0, 1], [1, 1, 0, 0], "after messageStop but before its metadata"),
        ([1, 1, 1, 0], [1, 1, 1, 1], ""),
        ([1, 1, 1, 1], [1, 1, 1, 1], ""),
    ];

    #[test]
    fn every_combination_of_facts_and_ends_is_complete_or_truncated_as_the_table_says() {
        for (facts, complete, point) in TABLE {
            let [between_frames, message_stopped, has_metadata, has_chunks] = facts.map(|fact| fact == 1);
            let completion = Completion { between_frames, message_stopped, has_metadata, has_chunks };
            let timeout = Error::new(Kind::Timeout, "a timer expired");
            let ends =
                [BodyEnd::Delimited, BodyEnd::Closed, BodyEnd::Broken("reset".into()), BodyEnd::TimedOut(timeout)];
            for (end, complete) in ends.into_iter().zip(complete) {
                let case = format!("{completion:?} {end:?}");
                let (kind, message) = match &end {
                    BodyEnd::Delimited | BodyEnd::Closed => (
                        Kind::Truncated,
                        format!("bedrock: the response stream ended {point}: the connection was closed"),
                    ),
                    BodyEnd::Broken(_) => {
                        (Kind::Truncated, format!("bedrock: the response stream ended {point}: reset"))
                    }
                    BodyEnd::TimedOut(_) => (Kind::Timeout, "bedrock: a timer expired".to_owned()),
                };
                match completion.conclude(end) {
                    Ok(()) => assert_eq!(complete, 1, "{case}"),
                    Err(error) => {
                        assert_eq!(complete, 0, "{case}");
                        assert_eq!((error.kind(), error.message().as_str()), (kind, &*message), "{case}");
                    }
                }
            }
        }
    }
}
