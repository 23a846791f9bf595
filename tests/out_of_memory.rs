//! If the system has no memory for a large allocation, the call fails with BEDROCK_E_RESOURCE, and the process goes on.

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use bedrock::error::{Error, Kind};
use bedrock::ffi::request::BEDROCK_ATTACHMENTS_INLINE;
use bedrock::protocol::frame_buffer::FrameBuffer;
use serde_json::json;
use support::capi::*;
use support::stream::event_frame;

/// Refuses allocations above a limit.
struct Refusing;

static MOST: AtomicUsize = AtomicUsize::new(usize::MAX);
/// One test at a time sets the limit.
static TURN: Mutex<()> = Mutex::new(());

unsafe impl GlobalAlloc for Refusing {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.size() > MOST.load(Ordering::Relaxed) { null_mut() } else { unsafe { System.alloc(layout) } }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if size > MOST.load(Ordering::Relaxed) { null_mut() } else { unsafe { System.realloc(block, layout, size) } }
    }
}

#[global_allocator]
static REFUSING: Refusing = Refusing;

/// Runs `work` while no allocation may have more than `most` bytes.
fn refusing<T>(most: usize, work: impl FnOnce() -> T) -> T {
    MOST.store(most, Ordering::Relaxed);
    let result = work();
    MOST.store(usize::MAX, Ordering::Relaxed);
    result
}

#[track_caller]
fn lacks_memory(what: &str, failure: Result<(), Failure>) {
    let failure = failure.expect_err(what);
    assert_eq!(name(failure.status), "BEDROCK_E_RESOURCE", "{what}: {}", failure.message);
    assert!(failure.message.contains("the system gives no memory for"), "{what}: {}", failure.message);
}

const SMALL: usize = 60 << 10;

#[test]
fn a_large_addition_without_memory_is_an_error_and_leaves_the_request_unchanged() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let request = Request::say("Hi");
    let before = request.to_json(BEDROCK_ATTACHMENTS_INLINE).unwrap();
    let text = "x".repeat(64 << 10);
    let message = format!(r#"{{"role":"user","content":[{{"text":"{text}"}}]}}"#);
    let portable = format!(r#"{{"role":"human","content":"{text}"}}"#);
    let whole = format!(r#"{{"messages":[{message}]}}"#);
    let bytes = [&b"\x89PNG\r\n\x1a\n"[..], text.as_bytes()].concat();
    lacks_memory("a text", refusing(SMALL, || request.add_text("user", &text)));
    lacks_memory("a message", refusing(SMALL, || request.add(&message)));
    lacks_memory("a portable message", refusing(SMALL, || request.add(&portable)));
    lacks_memory("members", refusing(SMALL, || request.set(&whole)));
    lacks_memory("a request", refusing(SMALL, || Request::try_json(&whole).map(drop)));
    lacks_memory("an image", refusing(SMALL, || request.add_image(None, &bytes)));
    assert_eq!(request.to_json(BEDROCK_ATTACHMENTS_INLINE).unwrap(), before);
    request.add_text("user", &text).expect("there is memory again");
}

#[test]
fn a_large_body_without_memory_is_an_error_of_the_call() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let model = Model::new(&json!({"model": "m", "transport": {"replies": ["Yes.", "Yes."]}}));
    let request = Request::say("Hi");
    request.add_text("user", &"x".repeat(64 << 10)).unwrap();
    let outcome = refusing(SMALL, || model.generate(&request));
    assert_eq!(name(outcome.status), "BEDROCK_E_RESOURCE");
    assert_eq!(name(model.generate(&request).status), "BEDROCK_OK", "there is memory again");
}

#[test]
fn a_large_response_without_memory_is_an_error_of_the_call_and_the_next_call_works() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let text = "x".repeat(2 << 20);
    let response = json!({"output": {"message": {"role": "assistant", "content": [{"text": text}]}}});
    let length = response.to_string().len();
    let model = Model::new(&json!({"model": "m", "transport": {"replies": [{"json": response}], "repeat": true}}));
    let request = Request::say("Hi");
    assert_eq!(name(model.generate(&request).status), "BEDROCK_OK");
    // The script makes a response of its own; reading it takes a byte more.
    let outcome = refusing(length, || model.generate(&request));
    assert_eq!(name(outcome.status), "BEDROCK_E_RESOURCE");
    assert_eq!(name(model.generate(&request).status), "BEDROCK_OK", "there is memory again");
}

#[test]
fn a_large_frame_without_memory_is_an_error_of_the_call() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let delta = json!({"contentBlockIndex": 0, "delta": {"image": {"source": {"bytes": "x".repeat(2 << 20)}}}});
    let frame = event_frame("contentBlockDelta", &delta.to_string());
    let feed = || -> Result<usize, Error> {
        let (mut decoder, mut frames) = (FrameBuffer::default(), 0);
        for chunk in frame.chunks(64 << 10) {
            decoder.feed(chunk, |_| {
                frames += 1;
                Ok::<_, Error>(())
            })?;
        }
        Ok(frames)
    };
    assert_eq!(feed().unwrap(), 1);
    let error = refusing(1 << 20, feed).unwrap_err();
    assert_eq!(error.kind(), Kind::Resource);
}
