//! A peer that writes what a test says, byte for byte: what no server would, and no library for servers can.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Accepts connections for as long as the test runs, each served by a thread of its own.
pub struct Peer {
    port: u16,
    connections: Arc<AtomicUsize>,
    requests: Arc<AtomicUsize>,
}

impl Peer {
    /// `serve` is given the number of each connection, from 1. The connection is closed when it returns.
    pub fn start(serve: impl Fn(usize, &mut Frames) -> io::Result<()> + Send + Sync + 'static) -> Peer {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (connections, requests) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let (counted, seen, serve) = (connections.clone(), requests.clone(), Arc::new(serve));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let number = counted.fetch_add(1, Ordering::SeqCst) + 1;
                let (serve, requests) = (serve.clone(), seen.clone());
                std::thread::spawn(move || serve(number, &mut Frames { stream, requests }));
            }
        });
        Peer { port, connections, requests }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn connection_count(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// How many requests have been read over HTTP/2.
    pub fn request_count(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const GOAWAY: u8 = 7;
pub const END_STREAM: u8 = 1;
pub const MAX_CONCURRENT_STREAMS: u16 = 3;

/// A connection, as bytes or as frames of HTTP/2.
pub struct Frames {
    pub stream: TcpStream,
    requests: Arc<AtomicUsize>,
}

impl Frames {
    /// Reads the client's preface, and sends settings.
    pub fn greet(&mut self, settings: &[(u16, u32)]) -> io::Result<()> {
        self.stream.read_exact(&mut [0; 24])?;
        let settings: Vec<u8> =
            settings.iter().flat_map(|(id, value)| [&id.to_be_bytes()[..], &value.to_be_bytes()].concat()).collect();
        self.send(&frame(SETTINGS, 0, 0, &settings))
    }

    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Reads until a request is there, and gives its stream.
    pub fn request(&mut self) -> io::Result<u32> {
        loop {
            let mut head = [0; 9];
            self.stream.read_exact(&mut head)?;
            let [a, b, c, kind, flags, stream @ ..] = head;
            let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
            self.stream.read_exact(&mut payload)?;
            match kind {
                SETTINGS if flags & 1 == 0 => self.send(&frame(SETTINGS, 1, 0, &[]))?,
                HEADERS | DATA if flags & END_STREAM != 0 => {
                    self.requests.fetch_add(1, Ordering::SeqCst);
                    return Ok(u32::from_be_bytes(stream));
                }
                _ => {}
            }
        }
    }

    /// Reads until the client closes the connection.
    pub fn read_on(&mut self) -> io::Result<()> {
        loop {
            self.request()?;
        }
    }
}

pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = &(payload.len() as u32).to_be_bytes()[1..];
    [length, &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// The head of an answer: 200, and its content type.
pub fn head(stream: u32, content_type: &str) -> Vec<u8> {
    // ":status: 200" is 8 in the static table, the name "content-type" 31.
    let block = [&[0x88, 0x0f, 0x10, content_type.len() as u8], content_type.as_bytes()].concat();
    frame(HEADERS, 4, stream, &block)
}

/// A whole answer.
pub fn answer(stream: u32, json: &str) -> Vec<u8> {
    [head(stream, "application/json"), frame(DATA, END_STREAM, stream, json.as_bytes())].concat()
}
