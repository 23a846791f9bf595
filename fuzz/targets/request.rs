//! Any text as request JSON, in both dialects: the body is JSON of Converse, and serializing it again does not change
//! it.
#![no_main]

use bedrock::config::Cache;
use bedrock::json::Json;
use bedrock::request::{Document, Request};
use bedrock::protocol::operation::Operation;
use libfuzzer_sys::fuzz_target;

fn body(text: &str, lint: bool) -> Option<String> {
    let request = Request::parse(text).ok()?;
    let input = request.serialize(Operation::Converse, "m", &Document::default(), &Cache::default(), lint).ok()?;
    Some(String::from_utf8(input.body?.to_vec()).expect("a body is UTF-8"))
}

fuzz_target!(|text: &str| {
    if let Some(once) = body(text, false) {
        Json::parse(&once).expect("a body is JSON");
        assert_eq!(body(&once, false).as_ref(), Some(&once), "a Converse body changed");
        if let Some(checked) = body(text, true) {
            assert_eq!(checked, once, "a check changed the body");
        }
    }
    // Saved JSON is the same request.
    if let Ok(request) = Request::parse(text)
        && let Ok(saved) = request.to_json(true).map(|json| json.to_string())
    {
        let again = Request::parse(&saved).expect("saved JSON can be read");
        assert_eq!(again.to_json(true).ok().as_deref(), Some(&*saved), "saved JSON changed when saved again");
        assert_eq!(body(&saved, false), body(text, false), "saved JSON has another body");
    }
    // As two messages, one after the other.
    let mut request = Request::default();
    let mut before = 0;
    for _ in 0..2 {
        if request.add_message(text).is_ok() {
            let input = request.serialize(Operation::Converse, "m", &Document::default(), &Cache::default(), false).expect("messages can be sent");
            let length = input.body.unwrap_or_default().len();
            assert!(length >= before, "a message made the body shorter");
            before = length;
        }
    }
});
