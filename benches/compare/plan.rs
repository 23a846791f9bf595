//! The amount of work in a comparison: constants and rounds.

use std::env;
use std::path::PathBuf;

/// Text events in a stream, as in the model ids below, and bytes of text in an event.
pub const EVENTS: u64 = 1_000;
pub const TEXT: u64 = 20;
/// Bytes of text in a unary response.
pub const UNARY_TEXT: u64 = crate::script::UNARY_TEXT.len() as u64;
/// Bytes of the image in a unary request. The labels of its rows repeat the size.
pub const IMAGE: u64 = 4_000_000;
/// A part of the names, in lower case, of the functions that hash a body for its signature, in either library.
pub const HASHING: &str = "sha256";
pub const BURST: &str = "burst-1000";
pub const PACED: &str = "paced-1000";
pub const STAMPED: &str = "stamped-1000";
/// The number of streams at once, their model id (twenty events a second), and the number of events in each.
pub const AT_ONCE: u64 = 1_000;
pub const STEADY: &str = "steady-100";
pub const STEADY_EVENTS: u64 = 100;

/// Names of the counts that clients print.
pub const PER_EVENT: &str = "events";
pub const PER_CALL: &str = "calls";

/// The amount of work, by kind of measurement.
pub struct Plan {
    /// The library to measure instead of the shipped one.
    pub library: Option<PathBuf>,
    /// Measures JSON only, which needs no server.
    pub json_alone: bool,
    pub burst_rounds: u32,
    pub paced_rounds: u32,
    pub cold_rounds: u32,
    pub streams: u32,
    pub unary_calls: u32,
    /// The streams, calls and images by which the longer run under callgrind exceeds the shorter one.
    pub counted_streams: u32,
    pub counted_calls: u32,
    pub counted_images: u32,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            library: env::var_os("BEDROCK_LIBRARY").map(PathBuf::from),
            json_alone: false,
            burst_rounds: 5,
            paced_rounds: 3,
            cold_rounds: 20,
            streams: 20,
            unary_calls: 500,
            counted_streams: 10,
            counted_calls: 100,
            counted_images: 4,
        }
    }
}

impl Plan {
    pub fn quick(&mut self) {
        (self.burst_rounds, self.paced_rounds, self.cold_rounds) = (2, 1, 5);
        (self.counted_streams, self.counted_calls, self.counted_images) = (2, 20, 1);
    }
}
