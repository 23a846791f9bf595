//! Any text as config JSON: a config, or an error with a reason.
#![no_main]

use bedrock::config::Config;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Err(error) = Config::parse(text) {
        assert!(error.message().as_str().starts_with("bedrock: "));
    }
});
