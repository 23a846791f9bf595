//! The protocol of Bedrock: operations, event-stream frames and events, and the errors that the service reports.
//!
//! It knows neither the SDK nor tokio, and decodes bytes that have been received.
//!
//! ```text
//!   operation                     the operations of the service
//!   frame, frame_headers          an event-stream frame and its headers; frame_limits, frame_error
//!   frame_buffer, frame_encoder  a body split into frames; frames written for scripts and replays
//!   event_decoder                 frames to events; text_delta is its fast path, surrogates and tool_input its state
//!   event, batch                  an event, and the memory of decoded events; text_limit
//!   stream_completion             whether a stream is complete or truncated
//!   unary_response                the response of an operation that does not stream
//!   response_head, usage          the request id and the token counts of a response
//!   content_type, content_encoding, host    headers of a response, and the host of a request, for messages
//!   service_error                 errors that the service reports; bad_response is for responses of another form
//!   redact                        removes the secrets of a request from texts
//!   traceparent                   the trace to which a request belongs
//! ```

pub mod bad_response;
pub mod batch;
pub mod content_encoding;
pub mod content_type;
pub mod event;
pub mod event_decoder;
pub mod frame;
pub mod frame_buffer;
pub mod frame_encoder;
pub mod frame_error;
pub mod frame_headers;
pub mod frame_limits;
pub mod host;
pub mod operation;
pub mod redact;
pub mod response_head;
pub mod service_error;
pub mod stream_completion;
mod surrogates;
mod text_delta;
mod text_limit;
pub mod tool_input;
pub mod traceparent;
pub mod unary_response;
pub mod usage;
