//! A reply: a script of status, headers, body and end, independent of the version of HTTP.
//!
//! A body consists of pieces with waits between them ([`body`](super::body)). A reply can also fail: before the head,
//! in the body, or after it. The events of a stream are in [`stream`](super::stream).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

use super::body::{Act, Body, Limit, Maker, Pieces, Step};
use super::gate::Gate;
use super::ticks::{Clock, Ticks};

/// A reply. One of the functions that return a `Reply` makes it, and its methods change it. Clones share the body.
#[derive(Clone, Debug)]
pub struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) trailers: Vec<(String, String)>,
    pub(super) framing: Framing,
    pub(super) opening: Opening,
    pub(super) head_drip: Option<Duration>,
    pub(super) end: End,
    pub(super) after: super::http1::After,
    pub(super) verbatim: bool,
    ticks: Option<Ticks>,
    before_head: Vec<Act>,
    body: Arc<Body>,
}

/// Returns the usage of a response.
pub(super) fn usage(input_tokens: u64, output_tokens: u64) -> Value {
    json!({
        "inputTokens": input_tokens,
        "outputTokens": output_tokens,
        "serverToolUsage": {},
        "totalTokens": input_tokens + output_tokens,
    })
}

/// The end of a body that is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// The framing hides the cut: the last chunk follows, or the content length is that of the cut body.
    CleanEnd,
    /// The connection is closed (FIN) without a last chunk, or before the content length is reached.
    Close,
    /// The connection is reset (RST).
    Reset,
    /// HTTP/2 only: the stream is reset with this code. The connection stays open.
    StreamReset(u32),
    /// HTTP/2 only: the connection ends with GOAWAY and this code.
    GoAway(u32),
}

/// The place of an error's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorName {
    /// In the header x-amzn-errortype, followed by a ':' and a URL, as the service sends it.
    Header,
    /// In the body's `__type`, after a name space and a '#'.
    BodyType,
    /// In the body's `code`.
    BodyCode,
    /// Nowhere: the error has only a status.
    Nowhere,
}

/// The framing of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    ContentLength,
    Chunked,
    UntilClose,
}

/// The head, or the failure in place of it.
#[derive(Clone, Debug)]
pub(super) enum Opening {
    Head,
    Hang,
    Close,
    Reset,
    StreamReset(u32),
    NotHttp(Bytes),
}

/// The end of a reply, after the last byte of the body.
#[derive(Clone, Debug)]
pub(super) enum End {
    Complete,
    Close,
    Reset,
    StreamReset(u32),
    GoAway(u32),
    Stall,
    Unresponsive,
    Endless(Bytes),
}

// Regular replies.
impl Reply {
    /// Makes a reply without headers or a body.
    pub fn empty(status: u16) -> Reply {
        Reply {
            status,
            headers: Vec::new(),
            trailers: Vec::new(),
            framing: Framing::ContentLength,
            opening: Opening::Head,
            head_drip: None,
            end: End::Complete,
            after: super::http1::After::NextRequest,
            verbatim: false,
            ticks: None,
            before_head: Vec::new(),
            body: Arc::default(),
        }
    }

    /// Makes a 200 with this JSON body and a request id.
    pub fn json(body: impl Into<Bytes>) -> Reply {
        Reply::empty(200).with_request_id().header("Content-Type", "application/json").body(body)
    }

    /// Makes a complete response to Converse whose text is `text`.
    pub fn text_response(text: &str) -> Reply {
        let output_tokens = text.split_whitespace().count();
        Reply::json(
            json!({
                "metrics": {"latencyMs": 17},
                "output": {"message": {"content": [{"text": text}], "role": "assistant"}},
                "stopReason": "end_turn",
                "usage": usage(11, output_tokens as u64),
            })
            .to_string(),
        )
    }

    /// Makes an error as the service sends it: its name in a header, its message in the body.
    pub fn error(status: u16, code: &str, message: &str) -> Reply {
        Reply::error_named(ErrorName::Header, status, code, message)
    }

    /// Makes an error whose name is in another place.
    pub fn error_named(place: ErrorName, status: u16, code: &str, message: &str) -> Reply {
        let body = match place {
            ErrorName::Header | ErrorName::Nowhere => json!({"message": message}),
            ErrorName::BodyType => json!({"__type": format!("com.amazon.bedrock#{code}"), "message": message}),
            ErrorName::BodyCode => json!({"code": code, "message": message}),
        };
        let reply = Reply::json(body.to_string()).status(status);
        match place {
            ErrorName::Header => reply
                .header("x-amzn-ErrorType", &format!("{code}:http://internal.amazon.com/coral/com.amazon.bedrock/")),
            _ => reply,
        }
    }

    /// Makes the error of a proxy: HTML instead of JSON.
    pub fn html(status: u16) -> Reply {
        let body =
            format!("<html><head><title>{status}</title></head><body><h1>{status}</h1><hr>a proxy</body></html>\n");
        Reply::empty(status).header("Content-Type", "text/html").body(body)
    }

    /// Makes a redirect.
    pub fn redirect(status: u16, location: &str) -> Reply {
        Reply::empty(status).header("Location", location)
    }

    /// Makes a reply to which nothing is added except the framing of the body, unless the headers have it.
    pub fn verbatim<N: AsRef<str>, V: AsRef<str>>(
        status: u16,
        headers: impl IntoIterator<Item = (N, V)>,
        body: impl Into<Bytes>,
    ) -> Reply {
        let mut reply = Reply::empty(status).body(body);
        reply.verbatim = true;
        headers.into_iter().fold(reply, |reply, (name, value)| reply.header(name.as_ref(), value.as_ref()))
    }
}

// Replies that fail.
impl Reply {
    /// Makes a reply that never comes.
    pub fn hang() -> Reply {
        Reply::empty(200).opening(Opening::Hang)
    }

    /// Closes the connection instead of a reply.
    pub fn close_before_headers() -> Reply {
        Reply::empty(200).opening(Opening::Close)
    }

    /// Resets the connection instead of a reply.
    pub fn reset_before_headers() -> Reply {
        Reply::empty(200).opening(Opening::Reset)
    }

    /// HTTP/2 only: resets the stream with this code instead of a reply. The connection stays open.
    pub fn stream_reset_before_headers(code: u32) -> Reply {
        Reply::empty(200).opening(Opening::StreamReset(code))
    }

    /// Sends bytes that are not HTTP, and closes the connection.
    pub fn not_http(bytes: impl Into<Bytes>) -> Reply {
        Reply::empty(200).opening(Opening::NotHttp(bytes.into()))
    }

    fn opening(mut self, opening: Opening) -> Reply {
        self.opening = opening;
        self
    }
}

// The head.
impl Reply {
    /// Sets the status.
    pub fn status(mut self, status: u16) -> Reply {
        self.status = status;
        self
    }

    /// Adds a header. A `content-length` or `transfer-encoding` replaces the true one. Content-Type and Content-Length
    /// replace an earlier value; other headers can be added several times.
    pub fn header(mut self, name: &str, value: &str) -> Reply {
        if name.eq_ignore_ascii_case("content-type") || name.eq_ignore_ascii_case("content-length") {
            self = self.without_header(name);
        }
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Removes all headers of this name.
    pub fn without_header(mut self, name: &str) -> Reply {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self
    }

    /// Returns the first header of this name.
    pub fn header_value(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Sets the content type.
    pub fn content_type(self, value: &str) -> Reply {
        self.header("Content-Type", value)
    }

    /// Sets the request id in place of a generated one.
    pub fn request_id(self, id: &str) -> Reply {
        self.without_header("x-amzn-requestid").header("x-amzn-RequestId", id)
    }

    pub(super) fn with_request_id(self) -> Reply {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        self.request_id(&format!("0ca11e55-0000-4000-8000-{:012x}", NEXT.fetch_add(1, Ordering::Relaxed)))
    }

    /// Sends the head when the gate lets it pass.
    pub fn head_waits_for(mut self, gate: &Gate) -> Reply {
        self.before_head.push(Act::Wait(gate.clone()));
        self
    }

    /// Sends the head after `time`.
    pub fn head_pause(mut self, time: Duration) -> Reply {
        self.before_head.push(Act::Pause(time));
        self
    }

    /// Sends the head at the next tick.
    pub fn head_tick(mut self) -> Reply {
        self.before_head.push(Act::Tick);
        self
    }

    /// Sends the head byte by byte, with a pause after each.
    pub fn head_drip(mut self, every: Duration) -> Reply {
        self.head_drip = Some(every);
        self
    }
}

// The body.
impl Reply {
    /// Adds a piece to the body.
    pub fn raw(mut self, bytes: impl Into<Bytes>) -> Reply {
        let bytes = bytes.into();
        if !bytes.is_empty() {
            self.body.change().steps.push(Step::Piece(bytes));
        }
        self
    }

    /// Replaces the body.
    pub fn body(mut self, bytes: impl Into<Bytes>) -> Reply {
        self.body.change().steps.clear();
        self.raw(bytes)
    }

    /// Adds a gate: the steps after it are sent when the gate lets the reply pass.
    pub fn wait_for(self, gate: &Gate) -> Reply {
        self.act(Act::Wait(gate.clone()))
    }

    /// Adds a pause. It is for tests of timing; a test that waits for an event uses a [`Gate`].
    pub fn pause(self, time: Duration) -> Reply {
        self.act(Act::Pause(time))
    }

    /// Adds a wait for the next tick of [`ticks`](Reply::ticks).
    pub fn tick(self) -> Reply {
        self.act(Act::Tick)
    }

    /// Sets the times of the ticks: the first comes `first` after the request, and each next one `every` after the one
    /// before. The times are exact to some microseconds, and absolute: a late piece does not delay the next.
    pub fn ticks(mut self, first: Duration, every: Duration) -> Reply {
        self.ticks = Some(Ticks::new(first, every));
        self
    }

    /// Adds a piece that `make` returns when it is sent, for example with a time stamp. It is neither joined nor split,
    /// and `paced` puts no pause before it.
    pub fn made_by(self, make: impl Fn() -> Bytes + Send + Sync + 'static) -> Reply {
        self.act(Act::Make(Maker(Arc::new(make))))
    }

    /// HTTP/2 only: shuts the connection down gracefully at this point of the body. It sends GOAWAY, finishes its
    /// streams, this one too, and closes.
    pub fn graceful_shutdown(self) -> Reply {
        self.act(Act::GracefulShutdown)
    }

    /// Sends neighbouring pieces as one chunk, in one write.
    pub fn in_one_chunk(mut self) -> Reply {
        self.body.change().pieces = Pieces::Joined;
        self
    }

    /// Sends the body in chunks of `size` bytes.
    #[track_caller]
    pub fn in_chunks_of(mut self, size: usize) -> Reply {
        assert!(size > 0, "a chunk has at least one byte");
        self.body.change().pieces = Pieces::Of(size);
        self
    }

    /// Sends all that stands between two waits in one write. Each piece is still a chunk. The chunks are encoded once
    /// and shared by all clones of the reply.
    ///
    /// HTTP/2 does the same with frames, with or without this.
    pub fn in_one_write(mut self) -> Reply {
        self.body.change().in_one_write = true;
        self
    }

    /// Sends the chunks with a pause of `every` between them.
    pub fn paced(mut self, every: Duration) -> Reply {
        self.body.change().every = Some(every);
        self
    }

    /// Frames the body by its length.
    pub fn content_length(mut self) -> Reply {
        self.framing = Framing::ContentLength;
        self
    }

    /// Frames the body in chunks, one for each piece. An event is a piece.
    pub fn chunked(mut self) -> Reply {
        self.framing = Framing::Chunked;
        self
    }

    /// Sends the body without framing: it ends with the connection.
    pub fn until_close(mut self) -> Reply {
        self.framing = Framing::UntilClose;
        self
    }

    pub fn status_code(&self) -> u16 {
        self.status
    }

    /// Adds a trailer after the last chunk.
    pub fn trailer(mut self, name: &str, value: &str) -> Reply {
        self.framing = Framing::Chunked;
        self.trailers.push((name.to_owned(), value.to_owned()));
        self
    }
}

// The end.
impl Reply {
    /// Cuts the body after `bytes` bytes. Gates and pauses before the first byte that is not sent are kept, so that a
    /// test can choose the moment.
    ///
    /// If the cut is in the middle of a chunk, `Close` and `Reset` keep the announced size of the chunk. `Reset` drops
    /// bytes that the client's socket has not received yet: let the client read them first, or keep the body small.
    pub fn cut_at(mut self, bytes: usize, cut: Cut) -> Reply {
        self.body.change().limit = Some(Limit { bytes, hidden: cut == Cut::CleanEnd });
        self.end = match cut {
            Cut::CleanEnd => End::Complete,
            Cut::Close => End::Close,
            Cut::Reset => End::Reset,
            Cut::StreamReset(code) => End::StreamReset(code),
            Cut::GoAway(code) => End::GoAway(code),
        };
        self
    }

    /// Stops after `bytes` bytes of the body and keeps the connection open.
    pub fn stall_after(mut self, bytes: usize) -> Reply {
        self.body.change().limit = Some(Limit { bytes, hidden: false });
        self.end = End::Stall;
        self
    }

    /// Makes the connection unresponsive after the body: the server neither reads nor writes nor closes it, and so
    /// acknowledges no ping of HTTP/2. Other connections work.
    pub fn then_unresponsive(mut self) -> Reply {
        self.end = End::Unresponsive;
        self
    }

    /// Repeats `bytes` after the body until the client closes the connection.
    pub fn then_forever(mut self, bytes: impl Into<Bytes>) -> Reply {
        self.end = End::Endless(bytes.into());
        self
    }

    /// Closes the connection after the complete reply without an announcement, as servers do with idle keep-alive
    /// connections.
    pub fn then_close(mut self) -> Reply {
        self.after = super::http1::After::Close;
        self
    }

    /// Resets the connection after the complete reply.
    pub fn then_reset(mut self) -> Reply {
        self.after = super::http1::After::Reset;
        self
    }
}

// Inspection.
impl Reply {
    /// Returns the whole body, without the cut.
    pub fn body_bytes(&self) -> Bytes {
        self.body.bytes()
    }

    /// Returns the length of the whole body, without the cut.
    pub fn body_len(&self) -> usize {
        self.body.length()
    }

    /// Returns the end of each piece of the body. In a stream these are the boundaries of events.
    pub fn piece_ends(&self) -> Vec<usize> {
        self.body.piece_ends()
    }

    /// Panics if the reply contradicts itself.
    #[track_caller]
    pub fn check(&self) {
        if let Some(Limit { bytes, .. }) = self.body.limit {
            assert!(
                bytes <= self.body_len(),
                "a reply is to end after {bytes} bytes of its body, which has {}",
                self.body_len()
            );
        }
        assert!(
            self.ticks.is_some() || !(self.before_head.iter().any(Act::is_tick) || self.body.has_ticks()),
            "a reply that waits for a tick has ticks"
        );
        if self.body.has_made_pieces() {
            assert!(self.body.limit.is_none(), "a reply with a piece that is made when it is sent cannot be cut");
            assert!(self.framing != Framing::ContentLength, "such a reply has no content length");
        }
        assert!(
            self.trailers.is_empty() || self.is_chunked(),
            "a reply with a trailer has a chunked body; this one is framed by {:?}",
            self.framing
        );
        if let End::Endless(bytes) = &self.end {
            assert!(!bytes.is_empty(), "an endless reply repeats at least one byte");
            assert!(self.framing != Framing::ContentLength, "an endless reply has no content length");
        }
    }

    /// Returns the number of pieces and waits in the body.
    pub(super) fn step_count(&self) -> usize {
        self.body.steps.len()
    }

    pub(super) fn before_head(&self) -> &[Act] {
        &self.before_head
    }

    pub(super) fn is_chunked(&self) -> bool {
        match (self.header_value("transfer-encoding"), self.header_value("content-length")) {
            (Some(coding), _) => coding.eq_ignore_ascii_case("chunked"),
            (None, Some(_)) => false,
            (None, None) => self.framing == Framing::Chunked,
        }
    }

    /// Returns the announced content length: that of the whole body, unless [`Cut::CleanEnd`] hides a cut.
    pub(super) fn declared_length(&self) -> usize {
        match self.body.limit {
            Some(Limit { bytes, hidden: true }) => bytes,
            _ => self.body_len(),
        }
    }

    /// Starts the clock of the ticks, if there are any.
    pub(super) fn start_clock(&self) -> Option<Clock> {
        self.ticks.map(Ticks::start)
    }

    /// Returns the steps of the body after it is split or joined, paced and cut.
    pub(super) fn acts(&self) -> &[Act] {
        self.body.acts()
    }

    /// Whether all that stands between two waits is sent in one write.
    pub(super) fn is_in_one_write(&self) -> bool {
        self.body.in_one_write
    }

    fn act(mut self, act: Act) -> Reply {
        self.body.change().steps.push(Step::Act(act));
        self
    }
}
