//! A server that sends the bytes of a test, including those that a server library cannot send.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A server that accepts connections until the test ends, and serves each by a thread of its own.
pub struct RawServer {
    port: u16,
    connections: Arc<AtomicUsize>,
    requests: Arc<AtomicUsize>,
}

impl RawServer {
    /// Starts a server. `serve` gets the number of each connection, from 1. When it returns, the connection is closed.
    pub fn start(serve: impl Fn(usize, &mut RawConnection) -> io::Result<()> + Send + Sync + 'static) -> RawServer {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (connections, requests) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let (counted, seen, serve) = (connections.clone(), requests.clone(), Arc::new(serve));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let number = counted.fetch_add(1, Ordering::SeqCst) + 1;
                let (serve, requests) = (serve.clone(), seen.clone());
                std::thread::spawn(move || serve(number, &mut RawConnection { stream, requests }));
            }
        });
        RawServer { port, connections, requests }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn connection_count(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Returns the number of HTTP/2 requests that were read.
    pub fn request_count(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const ACK: u8 = 1;
pub const END_STREAM: u8 = 1;
pub const MAX_CONCURRENT_STREAMS: u16 = 3;

/// A connection, as bytes or as HTTP/2 frames.
pub struct RawConnection {
    pub stream: TcpStream,
    requests: Arc<AtomicUsize>,
}

impl RawConnection {
    /// Sends settings and reads the client's preface.
    pub fn handshake(&mut self, settings: &[(u16, u32)]) -> io::Result<()> {
        self.send_settings(settings)?;
        self.read_preface()
    }

    pub fn send_settings(&mut self, settings: &[(u16, u32)]) -> io::Result<()> {
        let settings: Vec<u8> =
            settings.iter().flat_map(|(id, value)| [&id.to_be_bytes()[..], &value.to_be_bytes()].concat()).collect();
        self.send(&frame(SETTINGS, 0, 0, &settings))
    }

    pub fn read_preface(&mut self) -> io::Result<()> {
        self.stream.read_exact(&mut [0; 24])
    }

    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Reads to the end of a request and returns its stream. Acknowledges settings and pings.
    pub fn read_request(&mut self) -> io::Result<u32> {
        loop {
            let mut head = [0; 9];
            self.stream.read_exact(&mut head)?;
            let [a, b, c, kind, flags, stream @ ..] = head;
            let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
            self.stream.read_exact(&mut payload)?;
            match kind {
                SETTINGS if flags & ACK == 0 => self.send(&frame(SETTINGS, ACK, 0, &[]))?,
                PING if flags & ACK == 0 => self.send(&frame(PING, ACK, 0, &payload))?,
                HEADERS | DATA if flags & END_STREAM != 0 => {
                    self.requests.fetch_add(1, Ordering::SeqCst);
                    return Ok(u32::from_be_bytes(stream));
                }
                _ => {}
            }
        }
    }

    /// Reads until the client closes the connection.
    pub fn read_to_end(&mut self) -> io::Result<()> {
        loop {
            self.read_request()?;
        }
    }
}

/// Returns an HTTP/2 frame.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = &(payload.len() as u32).to_be_bytes()[1..];
    [length, &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Returns the HEADERS frame of a response: 200 and its content type.
pub fn head(stream: u32, content_type: &str) -> Vec<u8> {
    // ":status: 200" is 8 in the static table, the name "content-type" 31.
    let block = [&[0x88, 0x0f, 0x10, content_type.len() as u8], content_type.as_bytes()].concat();
    frame(HEADERS, 4, stream, &block)
}

/// Returns the frames of a whole response.
pub fn response(stream: u32, json: &str) -> Vec<u8> {
    [head(stream, "application/json"), frame(DATA, END_STREAM, stream, json.as_bytes())].concat()
}
