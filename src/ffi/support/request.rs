//! The object of a request handle.

use crate::request::{Request, ZeroizedText};
use crate::runtime::sync::{Mutex, MutexGuard};
use std::ffi::c_char;
use std::sync::Arc;

/// A request that several threads may use, and the texts that the program has borrowed from it.
pub struct SharedRequest {
    request: Arc<Mutex<Request>>,
    /// The text that bedrock_request_body returned last.
    body: Mutex<ZeroizedText>,
    /// The text that bedrock_request_json returned last.
    json: Mutex<ZeroizedText>,
    /// The text that bedrock_request_diff returned last.
    difference: Mutex<ZeroizedText>,
}

impl SharedRequest {
    pub fn new(request: Request) -> Self {
        let request = Arc::new(Mutex::new(request));
        SharedRequest { request, body: Mutex::default(), json: Mutex::default(), difference: Mutex::default() }
    }

    pub fn lock(&self) -> MutexGuard<'_, Request> {
        self.request.lock()
    }

    /// Returns the request for a run, which adds to it.
    pub fn share(&self) -> Arc<Mutex<Request>> {
        self.request.clone()
    }

    /// Returns a copy of the request as it is now.
    pub fn snapshot(&self) -> Request {
        self.lock().clone()
    }

    /// Keeps the text that bedrock_request_body returns, and drops the last one. Returns it NUL-terminated, and its
    /// length.
    pub fn keep_body(&self, text: ZeroizedText) -> (*const c_char, usize) {
        keep(&self.body, text)
    }

    /// Does the same for bedrock_request_json.
    pub fn keep_json(&self, text: ZeroizedText) -> (*const c_char, usize) {
        keep(&self.json, text)
    }

    /// Does the same for bedrock_request_diff.
    pub fn keep_difference(&self, text: ZeroizedText) -> (*const c_char, usize) {
        keep(&self.difference, text)
    }
}

fn keep(kept: &Mutex<ZeroizedText>, mut text: ZeroizedText) -> (*const c_char, usize) {
    let length = text.len();
    text.push_str("\0");
    let mut kept = kept.lock();
    *kept = text;
    (kept.as_ptr().cast(), length)
}
