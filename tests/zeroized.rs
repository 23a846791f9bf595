//! Prompts and credentials do not stay in freed memory: the test searches every block that is freed.

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bedrock::ffi::process::bedrock_shutdown;
use bedrock::ffi::request::{BEDROCK_ATTACHMENTS_INLINE, bedrock_request_body, bedrock_request_json};
use serde_json::json;
use support::capi::*;

/// The secrets: in a prompt, in base64 of an attachment, in credentials.
const SECRETS: [&[u8]; 3] =
    [b"the-prompt-that-is-a-secret", b"dGhlLWF0dGFjaG1lbnQtdGhhdC1pcy1hLXNlY3Jl", b"the-key-that-is-a-secret"];
const ATTACHED: &[u8] = b"the-attachment-that-is-a-secret";

/// An allocator that counts the blocks that contain a secret when they are freed.
struct Searching;

static FOUND: AtomicUsize = AtomicUsize::new(0);
static ENABLED: AtomicUsize = AtomicUsize::new(0);
static TURN: Mutex<()> = Mutex::new(());

unsafe fn search(block: *const u8, size: usize) {
    if ENABLED.load(Ordering::Relaxed) == 0 || size < 16 {
        return;
    }
    let block = unsafe { std::slice::from_raw_parts(block, size) };
    let holds = |secret: &[u8]| memchr::memmem::find(block, secret).is_some();
    if SECRETS.into_iter().chain([ATTACHED]).any(holds) {
        FOUND.fetch_add(1, Ordering::Relaxed);
        if std::env::var_os("SHOW_FREED").is_some() && ENABLED.swap(0, Ordering::Relaxed) > 0 {
            eprintln!("{}", std::backtrace::Backtrace::force_capture());
            ENABLED.store(1, Ordering::Relaxed);
        }
    }
}

unsafe impl GlobalAlloc for Searching {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // A new block may still hold the content of an earlier one.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        unsafe {
            search(block, layout.size());
            System.dealloc(block, layout);
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        unsafe {
            // Always moves the block, because the system allocator may or may not grow it in place.
            let moved = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
            if !moved.is_null() {
                std::ptr::copy_nonoverlapping(block, moved, layout.size().min(size));
                self.dealloc(block, layout);
            }
            moved
        }
    }
}

#[global_allocator]
static SEARCHING: Searching = Searching;

/// Serializes the tests: a test waits for its turn before it allocates, so that it frees no memory while another one
/// searches.
struct Turn(#[expect(dead_code, reason = "it is held")] MutexGuard<'static, ()>);

impl Turn {
    fn wait() -> Self {
        Turn(TURN.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns the number of blocks that are freed with a secret in them while `work` runs.
    fn freed(&self, work: impl FnOnce()) -> usize {
        FOUND.store(0, Ordering::Relaxed);
        ENABLED.store(1, Ordering::Relaxed);
        work();
        ENABLED.store(0, Ordering::Relaxed);
        FOUND.load(Ordering::Relaxed)
    }
}

const SECRET: &str = "the-prompt-that-is-a-secret";

#[test]
fn the_search_finds_memory_that_is_freed_without_being_zeroed() {
    let turn = Turn::wait();
    let text = SECRET.repeat(3);
    assert_eq!(turn.freed(|| drop(text)), 1);
}

#[test]
fn freed_memory_contains_no_prompt() {
    let turn = Turn::wait();
    let model = Model::new(&json!({"model": "m", "transport": {"replies": ["Yes."]}}));
    // The program's own copies do not count: they are made before, and freed afterwards.
    let native = format!(r#"{{"messages":[{{"role":"user","content":[{{"text":"{SECRET}"}}]}}]}}"#);
    let portable = format!(r#"{{"messages":[{{"role":"human","content":"{SECRET}"}}]}}"#);
    let message = format!(r#"{{"role":"ai","content":"{SECRET}"}}"#);
    let own = format!(r#"{{"body":{{"inputText":"{SECRET}"}}}}"#);
    let call = |json: &str| {
        let request = Request::json(json);
        request.add_text("system", SECRET).unwrap();
        request.add_text("user", SECRET).unwrap();
        request.add(&message).unwrap();
        request.add_text("user", SECRET).unwrap();
        request.add_image(Some("png"), ATTACHED).unwrap();
        let (len, err) = (null_mut(), null_mut());
        unsafe {
            assert!(!bedrock_request_json(request.handle(), BEDROCK_ATTACHMENTS_INLINE, len, err).is_null());
            assert!(!bedrock_request_body(request.handle(), model.handle(), len, err).is_null());
        }
        model.generate(&request);
        // The worker frees what it has sent.
        assert_eq!(name(bedrock_shutdown(60_000)), "BEDROCK_OK");
    };
    for (what, json) in [("native", &native), ("portable", &portable)] {
        let found = turn.freed(|| call(json));
        assert_eq!(found, 0, "{what}: blocks were freed with a prompt in them");
    }
    let found = turn.freed(|| drop(Request::json(&own)));
    assert_eq!(found, 0, "a model's own request");
}

#[test]
fn freed_memory_contains_no_credentials() {
    let turn = Turn::wait();
    const KEY: &str = "the-key-that-is-a-secret";
    let keys = format!(
        r#"{{"model":"m","api_key":"{KEY}","secret_key":"{KEY}","session_token":"{KEY}","proxy":"http://u:{KEY}@127.0.0.1:1"}}"#
    );
    let token = format!(r#"{{"model":"m","bearer_token":"{KEY}"}}"#);
    for config in [&keys, &token] {
        let found = turn.freed(|| {
            let model = Model::try_new(config).map_err(|failure| failure.message).unwrap();
            let derived = model.with(json!({"modelId": "n"}));
            drop((model, derived));
        });
        assert_eq!(found, 0, "{config}");
    }
}
