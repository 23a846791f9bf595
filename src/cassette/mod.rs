//! Cassettes: files of recorded HTTP traffic, which record and replay it.
//!
//! Knows HTTP, and two facts of the service: its frames, and the secrets of requests. Knows neither the SDK nor calls.
//!
//! - `recording_transport`: the network with a recorder
//! - `recorder`: writes interactions into a file; `open_recordings`: the files, and the rights to write them
//! - `interaction_builder`: one interaction while it happens
//! - `replay_transport`: responds from a recording
//! - `matcher`: finds the recorded response to a request, by `json_digest`; `json_diff` explains why there is none
//! - `format`: the format of recordings; `fuzzing` opens it to fuzz targets

mod format;
#[cfg(fuzzing)]
pub mod fuzzing;
mod interaction_builder;
mod json_diff;
mod json_digest;
mod matcher;
pub mod open_recordings;
pub mod recorder;
pub mod recording_transport;
pub mod replay_transport;
