//! The protocol of Bedrock: operations, event-stream frames and events, and the errors that the service reports.
//!
//! Knows neither the SDK nor tokio: it turns bytes that have been received into values.

pub mod bad_response;
pub mod batch;
pub mod completion;
pub mod content_encoding;
pub mod content_type;
pub mod event;
pub mod event_decoder;
pub mod frame;
pub mod frame_decoder;
pub mod frame_encoder;
pub mod frame_error;
pub mod frame_headers;
pub mod frame_limits;
pub mod host;
mod open_tool_calls;
pub mod operation;
pub mod redact;
pub mod response_head;
pub mod service_error;
mod surrogates;
mod text_delta;
mod text_limit;
pub mod tool_input;
pub mod unary_response;
pub mod usage;
