//! JSON of any allowed depth works on a small stack, whichever function it is passed to: no code recurses over it.

mod support;

use std::ptr::null_mut;

use bedrock::ffi::json::*;
use bedrock::ffi::request::{BEDROCK_ATTACHMENTS_BY_NAME, BEDROCK_ATTACHMENTS_INLINE};
use bedrock::json::MAX_DEPTH;
use serde_json::json;
use support::capi::*;

/// A debug build takes several times the stack of the shipped library, which runs on 16 KiB.
const STACK: usize = 64 << 10;

/// Runs `work` on a thread with a small stack.
fn on_a_small_stack(work: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new().stack_size(STACK).spawn(work).expect("a thread").join().expect("the stack suffices");
}

/// Returns `inside` below this many levels of alternating arrays and objects.
fn nested(levels: usize, inside: &str) -> String {
    let (opening, closing): (Vec<_>, Vec<_>) =
        (0..levels).map(|level| if level % 2 == 0 { ("[", "]") } else { (r#"{"a":"#, "}") }).unzip();
    let closing: String = closing.into_iter().rev().collect();
    format!("{}{inside}{closing}", opening.concat())
}

#[test]
fn a_request_of_any_depth_is_parsed_extended_checked_and_serialized() {
    // Models are made on a large stack: their config does not come from others.
    let model = Model::new(&json!({"model": "m", "lint": "error", "transport": {"replies": ["Yes."]}}));
    let deep = |levels| nested(levels, r#"{"bytes":"@x"}"#);
    on_a_small_stack(move || {
        // The levels around it: request, messages, message, content, toolUse twice, and the value with the reference.
        let call = format!(r#"{{"toolUse":{{"toolUseId":"1","name":"f","input":{{"a":{}}}}}}}"#, deep(MAX_DEPTH - 8));
        let native = format!(r#"{{"role":"assistant","content":[{{"text":"a"}},{call}]}}"#);
        let portable = format!(r#"{{"role":"tool","tool_call_id":"1","content":{{"a":{}}}}}"#, deep(MAX_DEPTH - 10));
        let tools = r#"{"toolConfig":{"tools":[{"toolSpec":{"name":"f","inputSchema":{"json":{}}}}]}}"#;
        let request = Request::json(tools);
        request.add_text("user", "Go.").unwrap();
        request.add(&native).unwrap();
        request.add(&portable).unwrap();
        request.add_text("user", "And?").unwrap();
        request.set(&format!(r#"{{"additionalModelRequestFields":{}}}"#, deep(MAX_DEPTH - 2))).unwrap();
        for attachments in [BEDROCK_ATTACHMENTS_BY_NAME, BEDROCK_ATTACHMENTS_INLINE] {
            let json = request.to_json(attachments).expect("it is written");
            assert_eq!(Request::json(&json).to_json(attachments).as_deref().ok(), Some(&*json));
        }
        request.body(&model).expect("it is checked");
        let own = Request::json(&format!(r#"{{"body":{}}}"#, deep(MAX_DEPTH - 2)));
        own.attach("x", b"ABC");
        assert!(own.to_json(BEDROCK_ATTACHMENTS_INLINE).expect("it is written").contains("QUJD"));
        let refused = Request::try_json(&deep(MAX_DEPTH)).map(drop).expect_err("it is too deep");
        assert!(refused.message.contains("512 levels"), "{}", refused.message);
    });
}

#[test]
fn json_of_any_depth_is_read_in_place() {
    on_a_small_stack(|| {
        let text = nested(MAX_DEPTH, "[7]".trim_matches(['[', ']']));
        let pointer: String = (0..MAX_DEPTH).map(|level| if level % 2 == 0 { "/0" } else { "/a" }).collect();
        let pointer = std::ffi::CString::new(pointer).unwrap();
        let (json, len, at) = (text.as_ptr().cast(), text.len(), pointer.as_ptr());
        unsafe {
            assert_eq!(bedrock_json_integer(json, len, at, 0), 7);
            assert_eq!(bedrock_json_type(json, len, at), BEDROCK_JSON_NUMBER);
            assert_eq!(bedrock_json_count(json, len, c"".as_ptr()), 1);
            assert_eq!(bedrock_json_numbers(json, len, c"".as_ptr(), null_mut(), 0), BEDROCK_JSON_NOT_FOUND);
            let mut raw_len = 0;
            assert!(!bedrock_json_raw(json, len, c"/0".as_ptr(), &mut raw_len).is_null());
            assert_eq!(raw_len, len - 2);
        }
    });
}

#[test]
fn a_response_of_any_depth_is_assembled_and_added_to_the_request() {
    let delta = |levels: usize| json!({"contentBlockDelta": {"contentBlockIndex": 0, "delta": serde_json::from_str::<serde_json::Value>(&nested_objects(levels)).unwrap()}});
    let events = json!([delta(60), delta(60), {"messageStop": {"stopReason": "end_turn"}}]);
    let model = Model::new(&json!({"model": "m", "transport": {"replies": [{"events": events}]}}));
    on_a_small_stack(move || {
        let request = Request::say("Go.");
        let outcome = model.stream(&request);
        assert_eq!(name(outcome.outcome.status), "BEDROCK_OK");
        assert!(outcome.outcome.response().json.contains(&nested_objects(60)));
    });
}

fn nested_objects(levels: usize) -> String {
    format!("{}1{}", r#"{"a":"#.repeat(levels), "}".repeat(levels))
}
