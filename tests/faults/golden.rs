//! The complete stream that faults are applied to. It has everything that a response can hold: text, a tool call,
//! usage.

use std::sync::LazyLock;

use crate::support::Reply;

static GOLDEN: LazyLock<Reply> = LazyLock::new(|| {
    Reply::stream()
        .message_start()
        .text(0, &["Hel", "lo, \u{1f30d}"])
        .tool_call(1, "tooluse_1", "weather", &["{\"city\":", " \"Z\u{fc}rich\"}"])
        .message_stop("tool_use")
        .metadata(11, 7)
});

static ENDS: LazyLock<Vec<usize>> = LazyLock::new(|| GOLDEN.piece_ends());

pub fn golden() -> Reply {
    GOLDEN.clone()
}

/// The number of its events.
pub const EVENTS: usize = 10;
/// The number of its events up to and including messageStop.
pub const STOPPED: usize = EVENTS - 1;

/// The end of each event's frame.
pub fn ends() -> &'static [usize] {
    &ENDS
}

/// Returns the number of complete frames in the first `bytes`.
pub fn complete_frames(bytes: usize) -> usize {
    ends().iter().filter(|end| **end <= bytes).count()
}
