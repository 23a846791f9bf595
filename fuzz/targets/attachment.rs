//! A name, bytes, and request JSON that may refer to them: each reference becomes base64, or an error names it.
#![no_main]

use std::sync::Arc;

use bedrock::config::Cache;
use bedrock::json::Json;
use bedrock::request::{Document, Request};
use bedrock::protocol::operation::Operation;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|given: (&str, &[u8], &str)| {
    let (name, bytes, text) = given;
    let Ok(mut request) = Request::parse(text) else { return };
    let attached = request.attach(name, Arc::new(bytes.to_vec())).is_ok();
    assert_eq!(attached, !name.is_empty());
    assert!(request.attach(name, Arc::new(Vec::new())).is_err(), "a name was attached twice");
    if let Ok(input) = request.serialize(Operation::Converse, "m", &Document::default(), &Cache::default(), true) {
        Json::parse(std::str::from_utf8(&input.body.unwrap_or_default()).expect("a body is UTF-8")).expect("a body is JSON");
    }
});
