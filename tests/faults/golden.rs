//! The stream that faults are done to, with all that an answer can hold: text, a tool call, usage.

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

/// How many events it has.
pub const EVENTS: usize = 10;
/// How many of them have come with messageStop.
pub const STOPPED: usize = EVENTS - 1;

/// Where each event's frame ends.
pub fn ends() -> &'static [usize] {
    &ENDS
}

/// How many frames are whole in the first `bytes`.
pub fn whole_frames(bytes: usize) -> usize {
    ends().iter().filter(|end| **end <= bytes).count()
}
