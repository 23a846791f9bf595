//! Two texts of JSON: their first difference has a pointer into one of them. Each as a schema: it is accepted, or the
//! error has a pointer into it.
#![no_main]

use bedrock::fuzzing_request::{body_difference, schema};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|texts: (&str, &str)| {
    let (one, other) = texts;
    body_difference(one, other);
    schema(one);
    schema(other);
});
