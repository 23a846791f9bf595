//! The response of a call.
//!
//! A [`Response`] is the JSON of the service, with getters for its values ([`summary`], [`tool_call`]). The JSON of a
//! call that does not stream is that of the service, byte for byte. The JSON of a stream is assembled from its events
//! by an [`Assembler`](assembler::Assembler):
//!
//! - [`message_assembler`] makes the response that Converse would have returned. Each block is a [`content_block`];
//!   parts that continue each other are joined by [`merge`]. [`object_writer`] writes the JSON and frees each value as
//!   it is written; [`without_member`] takes out a member that is written elsewhere.
//! - [`chunk_assembler`] makes an array of chunks, whose form is the model's own.
//!
//! [`structured`] finds the one JSON value of a response. [`stop_reason`] has the meaning of stop reasons.

pub mod assembler;
mod chunk_assembler;
mod content_block;
#[cfg(test)]
mod corpus_tests;
mod merge;
pub mod message_assembler;
mod object_writer;
mod stop_reason;
mod structured;
mod summary;
mod tool_call;
mod without_member;

pub use crate::protocol::usage::Usage;
pub use tool_call::{DistinctIds, ToolCall, ToolRunner, is_server_tool_use};

use crate::error::Result;
use crate::protocol::response_head::ResponseHead;
use crate::text::Text;
use assembler::Assembler;
use once_cell::sync::{Lazy, OnceCell};
use std::sync::Arc;
use structured::{Parts, structured};
use summary::Summary;

type MakeJson = Box<dyn FnOnce() -> Arc<Text> + Send>;

/// A response, which does not change. Clones share it.
///
/// The getters never fail. For a response in another form than Converse's, such as that of CountTokens, use
/// [`Response::json`]: the other getters then return neutral values. They also return them if the JSON nests deeper
/// than [`MAX_DEPTH`](crate::json::MAX_DEPTH).
#[derive(Clone, Debug)]
pub struct Response(Arc<Fields>);

#[derive(Debug)]
struct Fields {
    /// Assembled when it is first needed, so that a call that does not need it takes no longer.
    json: Lazy<Arc<Text>, MakeJson>,
    request_id: Text,
    model: Text,
    /// The service tier in the headers.
    service_tier: Text,
    /// The usage in the headers.
    usage: Usage,
    attempts: u32,
    is_streamed: bool,
    is_complete: bool,
    /// Whether the content was not kept.
    lacks_content: bool,
    /// Computed when it is first needed, so that reading only the JSON costs nothing.
    summary: OnceCell<Summary>,
    structured: OnceCell<Text>,
}

impl Response {
    /// Returns the response of a call that does not stream.
    pub fn unary(json: impl Into<Arc<Text>>, head: ResponseHead, attempts: u32) -> Self {
        let json = json.into();
        Fields::new(Box::new(|| json), head, attempts).into_response()
    }

    /// Returns the response of a stream, which `assembler` makes, or an empty one for None.
    pub fn assembled(assembler: Option<Assembler>, is_complete: bool, head: ResponseHead, attempts: u32) -> Self {
        let lacks_content = assembler.as_ref().is_some_and(Assembler::lacks_content);
        let json = move || Arc::new(assembler.map(Assembler::into_json).unwrap_or_default().into());
        Fields { lacks_content, is_complete, is_streamed: true, ..Fields::new(Box::new(json), head, attempts) }
            .into_response()
    }

    /// Returns the response of a stream with this JSON.
    #[cfg(any(test, fuzzing))]
    pub fn streamed(json: String, is_complete: bool, head: ResponseHead, attempts: u32) -> Self {
        let json = move || Arc::new(json.into());
        Fields { is_complete, is_streamed: true, ..Fields::new(Box::new(json), head, attempts) }.into_response()
    }

    /// Returns the response of a call that has received nothing.
    pub fn empty() -> Self {
        Response::assembled(None, false, ResponseHead::default(), 0)
    }

    /// Returns the same response with another usage: that of all rounds of a run.
    pub fn with_usage(&self, usage: Usage) -> Self {
        let json = Arc::clone(&self.0.json);
        let Fields { request_id, model, service_tier, attempts, is_streamed, is_complete, lacks_content, .. } =
            &*self.0;
        Fields {
            json: Lazy::new(Box::new(|| json)),
            request_id: request_id.clone(),
            model: model.clone(),
            service_tier: service_tier.clone(),
            usage,
            attempts: *attempts,
            is_streamed: *is_streamed,
            is_complete: *is_complete,
            lacks_content: *lacks_content,
            summary: OnceCell::new(),
            structured: OnceCell::new(),
        }
        .into_response()
    }

    fn summary(&self) -> &Summary {
        self.0.summary.get_or_init(|| Summary::of(self.json().as_str(), self.0.is_streamed))
    }

    /// Returns all text blocks, joined.
    pub fn text(&self) -> &Text {
        self.summary().text(self.json().as_str())
    }

    /// Returns all readable reasoning, joined.
    pub fn reasoning(&self) -> &Text {
        self.summary().reasoning(self.json().as_str())
    }

    /// Returns the stop reason under the name of Converse: `end_turn`, `tool_use`, ...
    pub fn stop_reason(&self) -> &Text {
        &self.summary().stop_reason
    }

    /// Returns the stop reason under the name of chat completions, if they have one: `stop`, `tool_calls`, `length`,
    /// ...
    pub fn finish_reason(&self) -> &Text {
        &self.summary().finish_reason
    }

    /// Returns whether the response is complete, and not a truncated stream.
    pub fn is_complete(&self) -> bool {
        self.0.is_complete
    }

    /// Returns whether the content was not kept. The response cannot be added to a conversation then.
    pub fn lacks_content(&self) -> bool {
        self.0.lacks_content
    }

    /// Returns the tool calls that the program runs, in order.
    pub fn tool_calls(&self) -> &[ToolCall] {
        &self.summary().calls(self.json().as_str(), self.0.is_streamed).client
    }

    /// Returns the tool calls that the service runs, in order. Their results are in the message.
    pub fn server_tool_calls(&self) -> &[ToolCall] {
        &self.summary().calls(self.json().as_str(), self.0.is_streamed).server
    }

    /// Returns the one JSON value of the response, or why there is none.
    pub fn structured(&self) -> Result<&Text> {
        self.0.structured.get_or_try_init(|| {
            structured(&Parts {
                stop_reason: self.stop_reason().as_str(),
                text: self.text().as_str(),
                text_blocks: self.summary().text_blocks(self.json().as_str()),
                tool_calls: self.tool_calls(),
                is_complete: self.is_complete(),
                lacks_content: self.lacks_content(),
            })
        })
    }

    /// Returns the usage. The usage in the headers wins, because the body in a model's own form may count differently.
    pub fn usage(&self) -> Usage {
        self.0.usage.or(self.summary().usage)
    }

    /// Returns the assistant's message in the JSON, or "".
    pub fn message_json(&self) -> &str {
        self.summary().message_in(self.json().as_str())
    }

    /// Returns the assistant's message as Converse JSON, or "".
    pub fn message(&self) -> &Text {
        self.summary().message(self.json().as_str())
    }

    /// Returns the JSON of the response, verbatim if the call did not stream.
    pub fn json(&self) -> &Text {
        &self.0.json
    }

    /// Returns the request id of the service, or "".
    pub fn request_id(&self) -> &Text {
        &self.0.request_id
    }

    /// Returns the model that answered, or "".
    pub fn model(&self) -> &Text {
        &self.0.model
    }

    /// Returns the service tier that served the call, or "".
    pub fn service_tier(&self) -> &Text {
        if self.0.service_tier.is_empty() { &self.summary().service_tier } else { &self.0.service_tier }
    }

    /// Returns the number of attempts that the call took.
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }
}

impl Fields {
    fn new(json: MakeJson, head: ResponseHead, attempts: u32) -> Self {
        Fields {
            json: Lazy::new(json),
            request_id: head.request_id.into(),
            model: head.model.into(),
            service_tier: head.service_tier.into(),
            usage: head.usage,
            attempts,
            is_streamed: false,
            is_complete: true,
            lacks_content: false,
            summary: OnceCell::new(),
            structured: OnceCell::new(),
        }
    }

    fn into_response(self) -> Response {
        Response(Arc::new(self))
    }
}

#[cfg(test)]
mod tests {
    use super::{Response, ResponseHead, Text};

    fn head() -> ResponseHead {
        ResponseHead { request_id: "id".to_owned(), ..ResponseHead::default() }
    }

    #[test]
    fn a_response_is_returned_as_it_came_and_shared_between_threads() {
        let json = r#"{ "output": {"message" : {"content":[ {"text":"\u00e9"} ], "role":"assistant"}}, "new": 1e400 }"#;
        let response = Response::unary(Text::from(json), head(), 1);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| assert_eq!(response.text().as_str(), "é"));
            }
        });
        assert_eq!(response.json().as_str(), json);
        assert_eq!(response.message().as_str(), r#"{"content":[ {"text":"\u00e9"} ], "role":"assistant"}"#);
        assert_eq!((response.request_id().as_str(), response.attempts(), response.is_complete()), ("id", 1, true));
    }
}
