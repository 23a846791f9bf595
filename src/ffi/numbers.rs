//! Asserts, at compile time, that enums of the crate have the numbers of the header's constants.

use super::generate::*;
use super::process::*;
use super::run::*;
use super::status::*;
use crate::error::Kind;
use crate::protocol::event::EventKind;
use crate::request::ResultKind;
use crate::runtime::log::Level;

/// Asserts that each variant has the number of its constant, and that no variant lacks one.
macro_rules! assert_same_numbers {
    ($type:ident { $($variant:ident = $constant:ident,)* }) => {
        const _: () = {
            $(assert!($type::$variant as i32 == $constant);)*
            const fn has_a_constant(value: $type) {
                match value { $($type::$variant => {})* }
            }
            let _: fn($type) = has_a_constant;
        };
    };
}

assert_same_numbers!(Kind {
    InvalidArgument = BEDROCK_E_INVALID_ARGUMENT,
    BadHandle = BEDROCK_E_BAD_HANDLE,
    Busy = BEDROCK_E_BUSY,
    Config = BEDROCK_E_CONFIG,
    Request = BEDROCK_E_REQUEST,
    Credentials = BEDROCK_E_CREDENTIALS,
    AccessDenied = BEDROCK_E_ACCESS_DENIED,
    NotFound = BEDROCK_E_NOT_FOUND,
    Validation = BEDROCK_E_VALIDATION,
    ContextOverflow = BEDROCK_E_CONTEXT_OVERFLOW,
    Throttled = BEDROCK_E_THROTTLED,
    Quota = BEDROCK_E_QUOTA,
    Model = BEDROCK_E_MODEL,
    Service = BEDROCK_E_SERVICE,
    Network = BEDROCK_E_NETWORK,
    Timeout = BEDROCK_E_TIMEOUT,
    Truncated = BEDROCK_E_TRUNCATED,
    Protocol = BEDROCK_E_PROTOCOL,
    Cancelled = BEDROCK_E_CANCELLED,
    Forked = BEDROCK_E_FORKED,
    Internal = BEDROCK_E_INTERNAL,
    Resource = BEDROCK_E_RESOURCE,
});

assert_same_numbers!(EventKind {
    MessageStart = BEDROCK_EVENT_MESSAGE_START,
    BlockStart = BEDROCK_EVENT_BLOCK_START,
    Text = BEDROCK_EVENT_TEXT,
    Reasoning = BEDROCK_EVENT_REASONING,
    ToolInput = BEDROCK_EVENT_TOOL_INPUT,
    BlockDelta = BEDROCK_EVENT_BLOCK_DELTA,
    BlockStop = BEDROCK_EVENT_BLOCK_STOP,
    MessageStop = BEDROCK_EVENT_MESSAGE_STOP,
    Metadata = BEDROCK_EVENT_METADATA,
    Other = BEDROCK_EVENT_OTHER,
    Chunk = BEDROCK_EVENT_CHUNK,
    ToolCall = BEDROCK_EVENT_TOOL_CALL,
});

assert_same_numbers!(ResultKind {
    Text = BEDROCK_RESULT_TEXT,
    Error = BEDROCK_RESULT_ERROR,
    Json = BEDROCK_RESULT_JSON,
    Content = BEDROCK_RESULT_CONTENT,
});

assert_same_numbers!(Level {
    Error = BEDROCK_LOG_ERROR,
    Warn = BEDROCK_LOG_WARN,
    Info = BEDROCK_LOG_INFO,
    Debug = BEDROCK_LOG_DEBUG,
});
