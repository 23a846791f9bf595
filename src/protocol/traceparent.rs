//! The header `traceparent` of W3C Trace Context: the trace to which a request belongs, and the span that sends it.

use std::fmt;

/// The name of the header.
pub const TRACEPARENT: &str = "traceparent";

/// A trace, and a span in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traceparent {
    pub trace_id: u128,
    pub span_id: u64,
    pub flags: u8,
}

impl Traceparent {
    /// Reads the header. The reason of an error completes a sentence that begins with the name of the text.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let malformed =
            "is not of the form 00-{32 digits}-{16 digits}-{2 digits}, with hexadecimal digits in lower case";
        let parts: Vec<&str> = text.split('-').collect();
        let is_hex = |digit: u8| digit.is_ascii_digit() || (b'a'..=b'f').contains(&digit);
        let &[version, trace_id, span_id, flags] = &parts[..] else { return Err(malformed) };
        let lengths = [version, trace_id, span_id, flags].map(str::len);
        if version != "00" || lengths != [2, 32, 16, 2] || !parts.iter().all(|part| part.bytes().all(is_hex)) {
            return Err(malformed);
        }
        let trace_id = u128::from_str_radix(trace_id, 16).map_err(|_| malformed)?;
        let span_id = u64::from_str_radix(span_id, 16).map_err(|_| malformed)?;
        let flags = u8::from_str_radix(flags, 16).map_err(|_| malformed)?;
        if trace_id == 0 || span_id == 0 {
            return Err("has an id that is zero");
        }
        Ok(Traceparent { trace_id, span_id, flags })
    }
}

impl fmt::Display for Traceparent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace_id, self.span_id, self.flags)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read_and_written_unchanged_and_every_other_form_is_refused() {
        let header = "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01";
        let read = Traceparent::parse(header).unwrap();
        assert_eq!((read.span_id, read.flags), (0x00f0_67aa_0ba9_02b7, 1));
        assert_eq!(read.to_string(), header);
        for wrong in [
            "",
            "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7",
            "00-0AF7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01",
            "01-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01",
            "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01-more",
            "00-0af7651916cd43dd8448eb211c80319-00f067aa0ba902b71-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-+af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01",
        ] {
            assert!(Traceparent::parse(wrong).is_err(), "{wrong}");
        }
    }
}
