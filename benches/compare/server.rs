//! The far end: a loopback stand-in for Bedrock, in a process of its own so that its CPU time is nobody's result.
//!
//! Everything it says is encoded before anyone asks for it, so that a client as fast as it likes waits for its own
//! code and not for this one. The model id in the path says what is wanted:
//!
//! | path                               | answer                                                           |
//! |------------------------------------|------------------------------------------------------------------|
//! | `/model/burst-1000/converse-stream` | 1,000 text events, as fast as the socket takes them              |
//! | `/model/paced-1000/converse-stream` | 1,000 text events, one a millisecond                             |
//! | `/model/steady-40/converse-stream`  | 40 text events, twenty a second; streams take turns              |
//! | `/model/stamped-1000/converse-stream` | one a millisecond, each with the time at which it was sent     |
//! | `/model/…/converse`                 | one unary answer                                                 |
//!
//! Each event is a frame as the service sends it (three headers, a payload with its padding member `p`) and carries 20
//! bytes of text. Over HTTP/1.1 it is a chunk of its own, over HTTP/2, which [`http2`](super::http2) speaks, a DATA frame.

use std::collections::HashMap;
use std::error::Error;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};

use crate::http2;
use crate::usage::monotonic_ns;

/// Between the events of a paced and of a steady stream.
const PACE: Duration = Duration::from_millis(1);
pub const STEADY_PACE: Duration = Duration::from_millis(50);
const STREAM_HEAD: &[u8] = b"HTTP/1.1 200 OK\r\n\
    Content-Type: application/vnd.amazon.eventstream\r\n\
    x-amzn-RequestId: 00000000-0000-4000-8000-000000000001\r\n\
    Transfer-Encoding: chunked\r\n\r\n";
/// The text of a unary answer.
pub const UNARY_TEXT: &str = "Loopback answers quickly.";

/// Serves on `127.0.0.1:port` (0: any free port) and says where on the first line of stdout. With `authority` it also
/// serves HTTP/2 over TLS, on the port that the second line says, and writes whom to trust into that file.
/// With `until_eof` the process ends when its stdin does, so that it cannot outlive whoever started it.
pub fn run(port: u16, authority: Option<&Path>, until_eof: bool) -> Result<(), Box<dyn Error>> {
    let scripts = Arc::new(Scripts::new());
    let listener = TcpListener::bind(("127.0.0.1", port))?;
    println!("http://{}", listener.local_addr()?);
    if let Some(authority) = authority {
        println!("https://{}", http2::start(authority, scripts.clone())?);
    }
    io::stdout().flush()?;
    if until_eof {
        thread::spawn(|| {
            let _ = io::copy(&mut io::stdin(), &mut io::sink());
            std::process::exit(0);
        });
    }
    for connection in listener.incoming() {
        let (connection, scripts) = (connection?, Arc::clone(&scripts));
        thread::spawn(move || {
            // A client that hangs up in the middle is how a cold start is measured: not worth a word.
            let _ = serve(connection, &scripts);
        });
    }
    Ok(())
}

/// One connection, kept alive: request, answer, request, answer.
fn serve(mut connection: TcpStream, scripts: &Scripts) -> io::Result<()> {
    connection.set_nodelay(true)?;
    let mut reader = BufReader::new(connection.try_clone()?);
    while let Some(path) = read_request(&mut reader)? {
        let model = path.split('/').nth(2).unwrap_or_default();
        let Some((kind, script)) = scripts.get(model) else {
            connection.write_all(&unary("404 Not Found", "{\"message\":\"no such model\"}"))?;
            continue;
        };
        if !path.ends_with("/converse-stream") {
            connection.write_all(&scripts.unary)?;
        } else {
            match kind {
                Kind::Burst => connection.write_all(&script.chunked.bytes)?,
                Kind::Paced => script.play(&mut connection, PACE, Duration::ZERO)?,
                Kind::Steady => script.play(&mut connection, STEADY_PACE, scripts.turn())?,
                Kind::Stamped => script.play_stamped(&mut connection)?,
            }
        }
    }
    Ok(())
}

/// Reads one request to the end of its body; its path, or `None` where the client has hung up.
fn read_request(reader: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut body = 0;
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let header = line.trim_end();
        if header.is_empty() {
            break;
        }
        if let Some((name, value)) = header.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            body = value.trim().parse().map_err(io::Error::other)?;
        }
    }
    io::copy(&mut reader.take(body), &mut io::sink())?;
    Ok(Some(path))
}

/// A unary answer.
pub fn unary_body() -> String {
    format!(
        "{{\"metrics\":{{\"latencyMs\":412}},\"output\":{{\"message\":{{\"content\":[{{\"text\":\"{UNARY_TEXT}\"}}],\
         \"role\":\"assistant\"}}}},\"stopReason\":\"end_turn\",\
         \"usage\":{{\"inputTokens\":11,\"outputTokens\":5,\"totalTokens\":16}}}}"
    )
}

fn unary(status: &str, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\n\
         x-amzn-RequestId: 00000000-0000-4000-8000-000000000002\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// How a stream is sent.
#[derive(Clone, Copy)]
pub enum Kind {
    Burst,
    Paced,
    Steady,
    Stamped,
}

/// The answers, by model id; each is encoded once.
pub struct Scripts {
    unary: Vec<u8>,
    streams: Mutex<HashMap<String, Arc<Script>>>,
    turns: AtomicU32,
}

impl Scripts {
    fn new() -> Self {
        Self { unary: unary("200 OK", &unary_body()), streams: Mutex::default(), turns: AtomicU32::new(0) }
    }

    /// When within the pace a steady stream sends: they are spread over it, whenever they begin.
    pub fn turn(&self) -> Duration {
        const TURNS: u32 = 1_000;
        // A step that has no divisor in common with the number of turns comes by all of them.
        const STEP: u32 = 619;
        STEADY_PACE * (self.turns.fetch_add(STEP, Ordering::Relaxed) % TURNS) / TURNS
    }

    /// The stream that a model id asks for, and how it is sent; `None` for a model id that asks for none.
    pub fn get(&self, model: &str) -> Option<(Kind, Arc<Script>)> {
        let (kind, events) = model.split_once('-')?;
        let kind = match kind {
            "burst" => Kind::Burst,
            "paced" => Kind::Paced,
            "steady" => Kind::Steady,
            "stamped" => Kind::Stamped,
            _ => return None,
        };
        let events = events.parse().ok().filter(|n| (1..=1_000_000).contains(n))?;
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        let script = streams.entry(model.to_owned()).or_insert_with(|| Arc::new(Script::new(events)));
        Some((kind, Arc::clone(script)))
    }
}

const PADDING: &str = "\"p\":\"abcdefghij\"";

/// A whole answer, as each version of HTTP carries it.
pub struct Script {
    /// With its head.
    chunked: Timed,
    pub plain: Timed,
}

/// Bytes, and where in them the share of each tick lies.
#[derive(Default)]
pub struct Timed {
    bytes: Vec<u8>,
    ticks: Vec<Range<usize>>,
    /// Where the share of the next tick begins.
    begun: usize,
}

impl Timed {
    fn tick(&mut self) {
        self.ticks.push(self.begun..self.bytes.len());
        self.begun = self.bytes.len();
    }

    pub fn shares(&self) -> impl DoubleEndedIterator<Item = &[u8]> {
        self.ticks.iter().map(|tick| &self.bytes[tick.clone()])
    }
}

impl Script {
    fn new(events: usize) -> Self {
        let mut script = Self { chunked: Timed::default(), plain: Timed::default() };
        let padding = PADDING;
        script.chunked.bytes.extend_from_slice(STREAM_HEAD);
        script.event("messageStart", &format!("{{{padding},\"role\":\"assistant\"}}"));
        for event in 0..events {
            script.push(&text_event(&format!("token {:06} of text", event % 1_000_000)));
            if event + 1 < events {
                script.tick();
            }
        }
        script.event("contentBlockStop", &format!("{{\"contentBlockIndex\":0,{padding}}}"));
        script.event("messageStop", &format!("{{{padding},\"stopReason\":\"end_turn\"}}"));
        script.event(
            "metadata",
            &format!(
                "{{\"metrics\":{{\"latencyMs\":412}},{padding},\"usage\":{{\"inputTokens\":11,\
                 \"outputTokens\":{events},\"totalTokens\":{}}}}}",
                events + 11
            ),
        );
        script.chunked.bytes.extend_from_slice(b"0\r\n\r\n");
        script.tick();
        script
    }

    fn event(&mut self, event_type: &'static str, payload: &str) {
        self.push(&frame(event_type, payload));
    }

    fn push(&mut self, frame: &[u8]) {
        chunk(&mut self.chunked.bytes, frame);
        self.plain.bytes.extend_from_slice(frame);
    }

    fn tick(&mut self) {
        self.chunked.tick();
        self.plain.tick();
    }

    /// One text event a tick, kept to the clock: a late one does not delay those after it.
    fn play(&self, connection: &mut TcpStream, pace: Duration, turn: Duration) -> io::Result<()> {
        let mut due = Instant::now() + turn;
        for share in self.chunked.shares() {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            connection.write_all(share)?;
            due += pace;
        }
        Ok(())
    }

    /// As [`Script::play`], but each text is the time at which it is sent. The last share is the script's own.
    fn play_stamped(&self, connection: &mut TcpStream) -> io::Result<()> {
        let mut due = Instant::now();
        let mut shares = self.chunked.shares();
        let last = shares.next_back().expect("a script has a last tick");
        let mut event = Vec::new();
        connection.write_all(STREAM_HEAD)?;
        for _ in shares {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            event.clear();
            chunk(&mut event, &text_event(&format!("{:020}", monotonic_ns())));
            connection.write_all(&event)?;
            due += PACE;
        }
        connection.write_all(last)
    }
}

/// One event of 20 bytes of text.
fn text_event(text: &str) -> Vec<u8> {
    debug_assert_eq!(text.len(), 20);
    frame("contentBlockDelta", &format!("{{\"contentBlockIndex\":0,\"delta\":{{\"text\":\"{text}\"}},{PADDING}}}"))
}

fn frame(event_type: &'static str, payload: &str) -> Vec<u8> {
    let string = |text: &'static str| HeaderValue::String(text.into());
    let message = Message::new(payload.as_bytes().to_vec())
        .add_header(Header::new(":event-type", string(event_type)))
        .add_header(Header::new(":content-type", string("application/json")))
        .add_header(Header::new(":message-type", string("event")));
    let mut frame = Vec::new();
    write_message_to(&message, &mut frame).expect("a frame of our own making is valid");
    frame
}

fn chunk(out: &mut Vec<u8>, data: &[u8]) {
    out.extend_from_slice(format!("{:x}\r\n", data.len()).as_bytes());
    out.extend_from_slice(data);
    out.extend_from_slice(b"\r\n");
}
