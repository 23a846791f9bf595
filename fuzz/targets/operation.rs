//! Any text as the request of any operation, with any text as its model's defaults: a path, headers and a body that can
//! be sent, or an error with a reason.
#![no_main]

use bedrock::config::Cache;
use bedrock::json::{Json, OwnedJson};
use bedrock::request::{Request, parse_defaults};
use bedrock::protocol::operation::Operation;
use libfuzzer_sys::fuzz_target;
use std::sync::Arc;

fuzz_target!(|given: (u8, &str, &str)| {
    let (number, text, defaults) = given;
    let operation = Operation::ALL[usize::from(number) % Operation::ALL.len()];
    let Ok(mut request) = Request::parse(text) else { return };
    request.attach("a", Arc::new(b"\x89PNG".to_vec())).expect("the name is free");
    let Ok(defaults) = Json::parse(defaults) else { return };
    let Ok((defaults, _)) = parse_defaults(&OwnedJson::from(defaults)) else { return };
    match request.serialize(operation, "m", &defaults, &Cache::default(), number % 2 == 0) {
        Ok(input) => {
            assert!(input.path.starts_with('/') && input.path.bytes().all(|byte| byte.is_ascii_graphic()));
            assert!(!input.path.contains("/../") && !input.path.contains("/./") && !input.path.contains('#'));
            for (_, value) in &input.headers {
                assert!(value.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()), "{value:?}");
            }
            let without_body = matches!(operation, Operation::GetAsyncInvoke | Operation::ListAsyncInvokes);
            assert_eq!(input.body.is_none(), without_body);
        }
        Err(error) => assert!(error.message().as_str().starts_with("bedrock: ")),
    }
});
