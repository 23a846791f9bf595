//! Finds the end of a value in checked text by its brackets and quotes, and checks nothing again.
//!
//! For a text that is not JSON the result is meaningless, but it is a position in the text, or None.

use super::cost;

/// Returns the end of the string whose opening quote is at `at`.
pub fn string_end(bytes: &[u8], at: usize) -> Option<usize> {
    let mut from = at + 1;
    loop {
        let stop = from + memchr::memchr2(b'"', b'\\', bytes.get(from..)?)?;
        if bytes[stop] == b'"' {
            cost::read(stop - at);
            return Some(stop + 1);
        }
        from = stop + 2;
    }
}

/// Returns the end of the value that begins at `at`.
pub fn value_end(bytes: &[u8], at: usize) -> Option<usize> {
    match bytes.get(at)? {
        b'"' => string_end(bytes, at),
        b'[' | b'{' => container_end(bytes, at),
        _ => {
            let ends = |byte: &u8| matches!(byte, b',' | b']' | b'}' | b' ' | b'\t' | b'\n' | b'\r');
            let length = bytes[at..].iter().position(ends).unwrap_or(bytes.len() - at);
            cost::read(length);
            (length > 0).then_some(at + length)
        }
    }
}

fn container_end(bytes: &[u8], start: usize) -> Option<usize> {
    let (mut at, mut depth, mut strings) = (start, 0_usize, 0);
    loop {
        match bytes.get(at)? {
            b'"' => {
                let end = string_end(bytes, at)?;
                strings += end - at;
                at = end;
                continue;
            }
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth -= 1,
            _ => {}
        }
        at += 1;
        if depth == 0 {
            cost::read(at - start - strings);
            return Some(at);
        }
    }
}
