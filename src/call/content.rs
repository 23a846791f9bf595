//! The content of a call that is observed, if a listener asks for it.

use crate::protocol::batch::Batch;
use crate::protocol::operation::Operation;
use crate::response::assembler::Assembler;
use crate::runtime::sync::Mutex;
use bytes::Bytes;

/// The request of a call, and its response as far as it has come.
pub struct Content {
    operation: Operation,
    request: Option<Bytes>,
    response: Mutex<Response>,
}

#[derive(Default)]
enum Response {
    /// Nothing has come.
    #[default]
    None,
    Stream(Assembler),
    Complete(String),
}

impl Content {
    /// Begins with the body of the request.
    pub fn begin(operation: Operation, request: Option<Bytes>) -> Self {
        Content { operation, request, response: Mutex::default() }
    }

    /// Adds the events of `batch` from this index on.
    pub fn events(&self, batch: &Batch, from: usize) {
        let response = &mut *self.response.lock();
        if let Response::None = response {
            *response = Assembler::of(self.operation).map_or(Response::None, Response::Stream);
        }
        if let Response::Stream(assembler) = response {
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
