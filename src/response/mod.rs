//! The answer to a call.
//!
//! A [`Response`] is the service's JSON and what people ask it for. A unary answer's JSON is the service's own, byte for byte; a
//! stream's is put together by an [`Assembler`](assemble::Assembler): a message to be what the same call would have given unary, the
//! chunks of a model's own form to an array.

pub mod assemble;
mod block;
mod chunks;
#[cfg(test)]
mod corpus_tests;
mod merge;
pub mod message;
mod rest;
mod summary;

pub use crate::protocol::usage::Usage;
pub use summary::{Runs, ToolCall, is_server_tool_use};

use crate::protocol::response_head::ResponseHead;
use crate::text::Text;
use assemble::Assembler;
use once_cell::sync::{Lazy, OnceCell};
use std::sync::Arc;
use summary::Summary;

type Make = Box<dyn FnOnce() -> Arc<Text> + Send>;

/// An answer, immutable. What is borrowed from it lives as long as it does.
///
/// The getters never fail. An answer that is not Converse's, such as that of CountTokens, is all in [`Response::json`]: the others
/// then give neutral values, and so they do where JSON nests deeper than [`MAX_DEPTH`](crate::json::MAX_DEPTH). Its clones
/// share the answer.
#[derive(Clone, Debug)]
pub struct Response(Arc<Inside>);

#[derive(Debug)]
struct Inside {
    /// Made when it is first asked for: no call is longer for the answer that is put together of its events.
    json: Lazy<Arc<Text>, Make>,
    request_id: Text,
    /// What the headers told of it.
    usage: Usage,
    attempts: u32,
    streamed: bool,
    complete: bool,
    /// Whether what the answer said was not kept.
    outline: bool,
    /// Made when it is first asked for: who reads the JSON alone does not pay for it.
    summary: OnceCell<Summary>,
}

impl Response {
    /// The answer of a call that does not stream.
    pub fn unary(json: impl Into<Arc<Text>>, head: ResponseHead, attempts: u32) -> Self {
        let json = json.into();
        Inside::new(Box::new(|| json), head, attempts).made()
    }

    /// The answer that an [`Assembler`] makes, complete after the stream's end only. None: of events that were none.
    pub fn assembled(assembler: Option<Assembler>, complete: bool, head: ResponseHead, attempts: u32) -> Self {
        let outline = assembler.as_ref().is_some_and(Assembler::is_outline);
        let json = move || Arc::new(assembler.map(Assembler::into_answer).unwrap_or_default().into());
        Inside { outline, complete, streamed: true, ..Inside::new(Box::new(json), head, attempts) }.made()
    }

    /// The same, where it was made before.
    #[cfg(test)]
    pub fn streamed(json: String, complete: bool, head: ResponseHead, attempts: u32) -> Self {
        let json = move || Arc::new(json.into());
        Inside { complete, streamed: true, ..Inside::new(Box::new(json), head, attempts) }.made()
    }

    fn summary(&self) -> &Summary {
        self.0.summary.get_or_init(|| Summary::of(self.json().as_str(), self.0.streamed))
    }

    /// All text blocks, joined.
    pub fn text(&self) -> &Text {
        self.summary().text(self.json().as_str())
    }

    /// All reasoning that can be read, joined.
    pub fn reasoning(&self) -> &Text {
        self.summary().reasoning(self.json().as_str())
    }

    /// Why the model stopped, in the service's words: `end_turn`, `tool_use`, ...
    pub fn stop_reason(&self) -> &Text {
        &self.summary().stop_reason
    }

    /// Why the model stopped, in the words of chat-completions APIs where they have one: `stop`, `tool_calls`, `length`, ...
    pub fn finish_reason(&self) -> &Text {
        &self.summary().finish_reason
    }

    /// Whether this is the whole answer, and not what had arrived of a stream.
    pub fn complete(&self) -> bool {
        self.0.complete
    }

    /// Whether what the answer said was not kept, so that it cannot be added to a conversation.
    pub fn is_outline(&self) -> bool {
        self.0.outline
    }

    /// The tool calls that the program has to answer, in order.
    pub fn tool_calls(&self) -> &[ToolCall] {
        &self.summary().calls(self.json().as_str(), self.0.streamed).client
    }

    /// The calls of tools that the service runs itself, in order. Their results stand in the message.
    pub fn server_tool_calls(&self) -> &[ToolCall] {
        &self.summary().calls(self.json().as_str(), self.0.streamed).server
    }

    pub fn usage(&self) -> Usage {
        // What a model in its own form says of it may mean something else.
        self.0.usage.or(self.summary().usage)
    }

    /// The assistant's message where it stands in the answer.
    pub fn message_json(&self) -> &str {
        self.summary().message_in(self.json().as_str())
    }

    /// The assistant's message as Converse JSON, as it came.
    pub fn message(&self) -> &Text {
        self.summary().message(self.json().as_str())
    }

    /// The whole answer: verbatim, where the call did not stream.
    pub fn json(&self) -> &Text {
        &self.0.json
    }

    /// The service's id of the request, or "".
    pub fn request_id(&self) -> &Text {
        &self.0.request_id
    }

    /// Requests sent until this answer came.
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }
}

impl Inside {
    fn new(json: Make, head: ResponseHead, attempts: u32) -> Self {
        Inside {
            json: Lazy::new(json),
            request_id: head.request_id.into(),
            usage: head.usage,
            attempts,
            streamed: false,
            complete: true,
            outline: false,
            summary: OnceCell::new(),
        }
    }

    fn made(self) -> Response {
        Response(Arc::new(self))
    }
}

#[cfg(test)]
mod tests {
    use super::{Response, ResponseHead, Text, Usage};

    fn head() -> ResponseHead {
        ResponseHead { request_id: "id".to_owned(), usage: Usage::default() }
    }

    #[test]
    fn an_answer_is_given_as_it_came_and_shared_between_threads() {
        let json = r#"{ "output": {"message" : {"content":[ {"text":"\u00e9"} ], "role":"assistant"}}, "new": 1e400 }"#;
        let response = Response::unary(Text::from(json), head(), 1);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| assert_eq!(response.text().as_str(), "é"));
            }
        });
        assert_eq!(response.json().as_str(), json);
        assert_eq!(response.message().as_str(), r#"{"content":[ {"text":"\u00e9"} ], "role":"assistant"}"#);
        assert_eq!((response.request_id().as_str(), response.attempts(), response.complete()), ("id", 1, true));
    }
}
