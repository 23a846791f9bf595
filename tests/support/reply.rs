//! A reply: what to answer, at whose word, and how to fail at it.
//!
//! A reply is a script that knows nothing of the protocol that carries it: a status, headers, and a body in pieces
//! with gates and pauses between them, then an end. The events of a stream are in [`stream`](super::stream).

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use serde_json::{Value, json};

use super::gate::Gate;

/// What to answer. Made by one of the functions that return a `Reply`, then changed by the methods that take and give
/// one.
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
    before_head: Vec<Act>,
    steps: Vec<Step>,
    pieces: Pieces,
    every: Option<Duration>,
    limit: Option<usize>,
}

/// The counters of an answer.
pub(super) fn usage(input_tokens: u64, output_tokens: u64) -> Value {
    json!({
        "inputTokens": input_tokens,
        "outputTokens": output_tokens,
        "serverToolUsage": {},
        "totalTokens": input_tokens + output_tokens,
    })
}

/// How a body that was cut ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// The body's framing says that all is well: the last chunk, or a content length of just these bytes.
    CleanEnd,
    /// The connection is closed (FIN) without a last chunk, or short of the content length.
    Close,
    /// The connection is reset (RST).
    Reset,
    /// HTTP/2 alone: the stream is reset, with this code. The connection stays.
    StreamReset(u32),
    /// HTTP/2 alone: the connection ends with GOAWAY, with this code.
    GoAway(u32),
}

/// Where an error's name stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorName {
    /// In the header x-amzn-errortype, followed by a ':' and a URL, as the service sends it.
    Header,
    /// In the body's `__type`, after a name space and a '#'.
    BodyType,
    /// In the body's `code`.
    BodyCode,
    /// Nowhere: the status says all.
    Nowhere,
}

/// How the body's length is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    ContentLength,
    Chunked,
    UntilClose,
}

/// What comes instead of the head.
#[derive(Clone, Debug)]
pub(super) enum Opening {
    Head,
    Hang,
    Close,
    Reset,
    StreamReset(u32),
    NotHttp(Bytes),
}

/// What comes after the last byte of the body.
#[derive(Clone, Debug)]
pub(super) enum End {
    Complete,
    CutClean,
    Close,
    Reset,
    StreamReset(u32),
    GoAway(u32),
    Stall,
    Die,
    Endless(Bytes),
}

/// The body as it was scripted.
#[derive(Clone, Debug)]
enum Step {
    Piece(Bytes),
    Between(Act),
}

/// How pieces of the script become writes (chunks, where the body is chunked).
#[derive(Clone, Copy, Debug)]
enum Pieces {
    AsScripted,
    Joined,
    Of(usize),
}

/// The body as it is played: cut, split, paced.
#[derive(Clone, Debug)]
pub(super) enum Act {
    /// Write `data`, of a piece of `declared` bytes: less of it where the body is cut in its middle.
    Write {
        data: Bytes,
        declared: usize,
    },
    Wait(Gate),
    Pause(Duration),
    Leave,
}

// Replies that behave.
impl Reply {
    /// A status without a header or a body.
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
            before_head: Vec::new(),
            steps: Vec::new(),
            pieces: Pieces::AsScripted,
            every: None,
            limit: None,
        }
    }

    /// 200 with a JSON body, sent as given, and a request id, as the service does.
    pub fn json(body: impl Into<Bytes>) -> Reply {
        Reply::empty(200).with_request_id().header("Content-Type", "application/json").body(body)
    }

    /// A complete answer to Converse that says `text`.
    pub fn text_answer(text: &str) -> Reply {
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

    /// An error as the service sends it: its name in a header, its message in the body.
    pub fn error(status: u16, code: &str, message: &str) -> Reply {
        Reply::error_named(ErrorName::Header, status, code, message)
    }

    /// An error that tells its name in another place.
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

    /// What a proxy in between says: HTML instead of JSON.
    pub fn html(status: u16) -> Reply {
        let body =
            format!("<html><head><title>{status}</title></head><body><h1>{status}</h1><hr>a proxy</body></html>\n");
        Reply::empty(status).header("Content-Type", "text/html").body(body)
    }

    /// A redirect.
    pub fn redirect(status: u16, location: &str) -> Reply {
        Reply::empty(status).header("Location", location)
    }

    /// A status, headers and a body that are sent just so: nothing is added but the body's framing, where the headers
    /// do not give it.
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

// Replies that do not.
impl Reply {
    /// Reads the request and never answers.
    pub fn hang() -> Reply {
        Reply::empty(200).opening(Opening::Hang)
    }

    /// Reads the request and closes the connection.
    pub fn close_before_headers() -> Reply {
        Reply::empty(200).opening(Opening::Close)
    }

    /// Reads the request and resets the connection.
    pub fn reset_before_headers() -> Reply {
        Reply::empty(200).opening(Opening::Reset)
    }

    /// HTTP/2 alone: reads the request and resets its stream, with this code. The connection stays.
    pub fn stream_reset_before_headers(code: u32) -> Reply {
        Reply::empty(200).opening(Opening::StreamReset(code))
    }

    /// Answers with bytes that are no HTTP, and closes the connection.
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
    /// Another status.
    pub fn status(mut self, status: u16) -> Reply {
        self.status = status;
        self
    }

    /// Adds a header; a `content-length` or `transfer-encoding` given here is believed, and sent instead of the true
    /// one. Content-Type and Content-Length replace what was there; others may be given several times.
    pub fn header(mut self, name: &str, value: &str) -> Reply {
        if name.eq_ignore_ascii_case("content-type") || name.eq_ignore_ascii_case("content-length") {
            self = self.without_header(name);
        }
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Takes away all headers of that name.
    pub fn without_header(mut self, name: &str) -> Reply {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self
    }

    /// The first header of that name.
    pub fn header_value(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Another content type.
    pub fn content_type(self, value: &str) -> Reply {
        self.header("Content-Type", value)
    }

    /// This request id instead of a made-up one.
    pub fn request_id(self, id: &str) -> Reply {
        self.without_header("x-amzn-requestid").header("x-amzn-RequestId", id)
    }

    pub(super) fn with_request_id(self) -> Reply {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        self.request_id(&format!("0ca11e55-0000-4000-8000-{:012x}", NEXT.fetch_add(1, Ordering::Relaxed)))
    }

    /// Holds the head until the gate lets it pass.
    pub fn head_waits_for(mut self, gate: &Gate) -> Reply {
        self.before_head.push(Act::Wait(gate.clone()));
        self
    }

    /// Holds the head for a time.
    pub fn head_pause(mut self, time: Duration) -> Reply {
        self.before_head.push(Act::Pause(time));
        self
    }

    /// Sends the head byte by byte, one each `every`.
    pub fn head_drip(mut self, every: Duration) -> Reply {
        self.head_drip = Some(every);
        self
    }
}

// The body.
impl Reply {
    /// Adds bytes to the body, as one piece.
    pub fn raw(mut self, bytes: impl Into<Bytes>) -> Reply {
        let bytes = bytes.into();
        if !bytes.is_empty() {
            self.steps.push(Step::Piece(bytes));
        }
        self
    }

    /// These bytes instead of the body so far.
    pub fn body(mut self, bytes: impl Into<Bytes>) -> Reply {
        self.steps.clear();
        self.raw(bytes)
    }

    /// What was added so far is sent, and what is added after this only when the gate lets it pass.
    pub fn wait_for(mut self, gate: &Gate) -> Reply {
        self.steps.push(Step::Between(Act::Wait(gate.clone())));
        self
    }

    /// What is added after this is sent that much later. For scripts that are about pace; a test that waits for
    /// something uses a [`Gate`].
    pub fn pause(mut self, time: Duration) -> Reply {
        self.steps.push(Step::Between(Act::Pause(time)));
        self
    }

    /// HTTP/2 alone: the connection takes its leave here. It is to be asked nothing more (GOAWAY), finishes what it has
    /// begun, this reply too, and ends.
    pub fn leave(mut self) -> Reply {
        self.steps.push(Step::Between(Act::Leave));
        self
    }

    /// Sends pieces that stand together as one chunk, in one write.
    pub fn in_one_chunk(mut self) -> Reply {
        self.pieces = Pieces::Joined;
        self
    }

    /// Sends the body in chunks of `size` bytes, whatever the pieces were.
    #[track_caller]
    pub fn in_chunks_of(mut self, size: usize) -> Reply {
        assert!(size > 0, "chunks of 0 bytes would never end");
        self.pieces = Pieces::Of(size);
        self
    }

    /// One chunk each `every`.
    pub fn paced(mut self, every: Duration) -> Reply {
        self.every = Some(every);
        self
    }

    /// Frames the body by its length.
    pub fn content_length(mut self) -> Reply {
        self.framing = Framing::ContentLength;
        self
    }

    /// Frames the body in chunks: one for each piece, which is one for each event.
    pub fn chunked(mut self) -> Reply {
        self.framing = Framing::Chunked;
        self
    }

    /// Frames the body not at all: the connection's end is its end.
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
    /// Sends the body's first `bytes` bytes, then fails so. Gates and pauses that stand before the first byte not
    /// sent are kept, so a test can say when.
    ///
    /// In the middle of a chunk, `Close` and `Reset` leave the chunk's announced size as it was. `Reset` drops what
    /// the client's socket has not taken yet: let it read, or keep the body small.
    pub fn cut_at(mut self, bytes: usize, cut: Cut) -> Reply {
        self.limit = Some(bytes);
        self.end = match cut {
            Cut::CleanEnd => End::CutClean,
            Cut::Close => End::Close,
            Cut::Reset => End::Reset,
            Cut::StreamReset(code) => End::StreamReset(code),
            Cut::GoAway(code) => End::GoAway(code),
        };
        self
    }

    /// Sends the body's first `bytes` bytes, then nothing more, and keeps the connection.
    pub fn stall_after(mut self, bytes: usize) -> Reply {
        self.limit = Some(bytes);
        self.end = End::Stall;
        self
    }

    /// After the body so far the connection is dead, though nobody closes it: nothing more is written or read, and so no
    /// ping of HTTP/2 answered. Others work.
    pub fn then_die(mut self) -> Reply {
        self.end = End::Die;
        self
    }

    /// Repeats `bytes` after the body until the client leaves.
    pub fn then_forever(mut self, bytes: impl Into<Bytes>) -> Reply {
        self.end = End::Endless(bytes.into());
        self
    }

    /// Closes the connection after the complete reply, without having said so: what a keep-alive connection meets
    /// that idled too long.
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

// Reading a reply.
impl Reply {
    /// The whole body, uncut.
    pub fn body_bytes(&self) -> Bytes {
        let mut body = BytesMut::with_capacity(self.body_len());
        for step in &self.steps {
            if let Step::Piece(bytes) = step {
                body.extend_from_slice(bytes);
            }
        }
        body.freeze()
    }

    /// The length of the whole body, uncut: what to cut at every byte of.
    pub fn body_len(&self) -> usize {
        self.steps.iter().map(|step| if let Step::Piece(bytes) = step { bytes.len() } else { 0 }).sum()
    }

    /// Where each piece of the body ends: each event, in a stream. The cuts that fall between frames.
    pub fn piece_ends(&self) -> Vec<usize> {
        let mut at = 0;
        let mut ends = Vec::new();
        for step in &self.steps {
            if let Step::Piece(bytes) = step {
                at += bytes.len();
                ends.push(at);
            }
        }
        ends
    }

    /// Panics where the reply cannot be played as it says.
    #[track_caller]
    pub fn check(&self) {
        if let Some(limit) = self.limit {
            assert!(
                limit <= self.body_len(),
                "a reply is to end after {limit} bytes of its body, which has {}",
                self.body_len()
            );
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

    /// How many pieces, gates and pauses the body has so far.
    pub(super) fn step_count(&self) -> usize {
        self.steps.len()
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

    /// The content length to tell: the truth, but for a clean end of a cut body, which is a lie that cannot be seen.
    pub(super) fn declared_length(&self) -> usize {
        match (&self.end, self.limit) {
            (End::CutClean, Some(limit)) => limit,
            _ => self.body_len(),
        }
    }

    /// The body as it is to be played: split or joined, paced, cut.
    pub(super) fn acts(&self) -> Vec<Act> {
        let mut acts = Vec::with_capacity(self.steps.len());
        let mut run = Run::default();
        for step in &self.steps {
            match (step, self.pieces) {
                (Step::Piece(bytes), Pieces::AsScripted) => run.whole(bytes.clone(), self.every, &mut acts),
                (Step::Piece(bytes), _) => run.joined.extend_from_slice(bytes),
                (Step::Between(act), _) => {
                    run.flush(self.pieces, self.every, &mut acts);
                    acts.push(act.clone());
                }
            }
        }
        run.flush(self.pieces, self.every, &mut acts);
        match self.limit {
            Some(limit) => cut(acts, limit, matches!(self.end, End::CutClean)),
            None => acts,
        }
    }
}

/// Pieces that stand together, on their way to becoming chunks.
#[derive(Default)]
struct Run {
    joined: BytesMut,
    begun: bool,
}

impl Run {
    fn whole(&mut self, data: Bytes, every: Option<Duration>, acts: &mut Vec<Act>) {
        if let (Some(every), true) = (every, self.begun) {
            acts.push(Act::Pause(every));
        }
        self.begun = true;
        acts.push(Act::Write { declared: data.len(), data });
    }

    fn flush(&mut self, pieces: Pieces, every: Option<Duration>, acts: &mut Vec<Act>) {
        let mut rest = self.joined.split().freeze();
        while !rest.is_empty() {
            let size = if let Pieces::Of(size) = pieces { size.min(rest.len()) } else { rest.len() };
            self.whole(rest.split_to(size), every, acts);
        }
    }
}

/// Leaves the first `limit` bytes, and what stands before the first byte that is left out.
fn cut(acts: Vec<Act>, limit: usize, clean: bool) -> Vec<Act> {
    let mut left = limit;
    let mut kept = Vec::with_capacity(acts.len());
    for act in acts {
        match act {
            Act::Write { data, declared } if data.len() > left => {
                if left > 0 {
                    let data = data.slice(..left);
                    kept.push(Act::Write { declared: if clean { left } else { declared }, data });
                }
                return kept;
            }
            Act::Write { data, declared } => {
                left -= data.len();
                kept.push(Act::Write { data, declared });
            }
            other => kept.push(other),
        }
    }
    kept
}
