//! Log messages of the library.
//!
//! Only this crate writes messages. They hold operations, model ids, statuses, times and counts, and no secret: no
//! credentials, prompts or responses. The SDK's own traces contain secrets, and are not passed on. A
//! [`feed`](super::feed) takes them to the program.

use super::feed;
use std::fmt::Display;

pub use super::feed::Level;

pub fn error(target: &'static str, message: impl Display) {
    write(Level::Error, target, message);
}

pub fn info(target: &'static str, message: impl Display) {
    write(Level::Info, target, message);
}

pub fn debug(target: &'static str, message: impl Display) {
    write(Level::Debug, target, message);
}

/// Returns whether messages of this level are read. A caller asks first if a message is expensive to make.
pub fn is_enabled(level: Level) -> bool {
    feed::wants_messages(level)
}

fn write(level: Level, target: &'static str, message: impl Display) {
    if is_enabled(level) {
        feed::report_message(level, target, message.to_string().into());
    }
}
