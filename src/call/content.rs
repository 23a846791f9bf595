//! The content of a call that is observed, if a listener asks for it.

use crate::protocol::batch::Batch;
use crate::protocol::operation::Operation;
use crate::response::assembler::Assembler;
use crate::runtime::sync::Mutex;
use bytes::Bytes;

/// The request of a call, and its response as far as it has come.
pub struct Content {
    request: Option<Bytes>,
    response: Mutex<Response>,
}

#[derive(Default)]
enum Response {
    #[default]
    None,
    Stream(Assembler),
    Complete(String),
}

impl Content {
    /// Begins with the body of the request.
    pub fn begin(operation: Operation, request: Option<Bytes>) -> Self {
        let response = Assembler::of(operation).map_or(Response::None, Response::Stream);
        Content { request, response: Mutex::new(response) }
    }

    /// Adds the events of `batch` from this index on.
    pub fn events(&self, batch: &Batch, from: usize) {
        if let Response::Stream(assembler) = &mut *self.response.lock() {
            (from..batch.len()).filter_map(|index| batch.get(index)).for_each(|event| assembler.push(&event));
        }
    }

    /// Adds a response that does not stream.
    pub fn response(&self, text: &str) {
        *self.response.lock() = Response::Complete(text.to_owned());
    }

    /// Returns the body of the request, if it is text.
    pub fn request_text(&self) -> Option<&str> {
        std::str::from_utf8(self.request.as_deref()?).ok()
    }

    /// Takes the JSON of the response as far as it has come, once the call has ended. Returns None if there is none.
    pub fn take_response_json(&self) -> Option<String> {
        match std::mem::take(&mut *self.response.lock()) {
            Response::None => None,
            Response::Stream(assembler) => Some(assembler.into_json()),
            Response::Complete(text) => Some(text),
        }
    }
}
