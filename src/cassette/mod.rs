//! Recordings.

mod differ;
mod format;
mod meaning;
pub mod record;
pub mod recorder;
pub mod replay;
mod tape;
