//! Any text as a recording: interactions that are the same after they are written and read again, or an error whose
//! JSON pointer names a part of the text.
#![no_main]

use bedrock::fuzzing_cassette::rewrite;
use bedrock::json::{Json, pointer};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match rewrite(text) {
        Ok(written) => assert_eq!(rewrite(&written).as_ref(), Ok(&written), "written differently the second time"),
        Err((path, reason)) => {
            assert!(!reason.is_empty());
            assert!(Json::parse(text).is_err() || pointer::find(text.as_bytes(), &path).is_some(), "{path}: {reason}");
        }
    }
});
