//! A response over HTTP/1.1: its head, body and end do not depend on the pieces in which it arrives, and everything
//! that is read is part of the input.
#![no_main]

use bedrock::fuzzing_http::read_http1;
use http::Method;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((&mode, wire)) = bytes.split_first() else { return };
    let method = [Method::POST, Method::GET, Method::HEAD, Method::CONNECT][usize::from(mode & 3)].clone();
    let whole = read_http1(&method, wire, wire.len().max(1));
    let pieces = read_http1(&method, wire, 1 + usize::from(mode >> 2));
    assert_eq!(whole, pieces);
    assert!(whole.body.len() + whole.rest.len() <= wire.len(), "bytes that did not arrive");
    assert!(whole.status.is_some() || !whole.ended, "a body without a head");
    assert!(whole.status.is_none_or(|status| (200..1000).contains(&status)), "{:?}", whole.status);
});
