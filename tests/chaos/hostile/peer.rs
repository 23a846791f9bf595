//! The server's side of one connection, byte by byte.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::wire::Transport;

pub struct Peer {
    stream: Box<dyn Transport>,
    input: Vec<u8>,
    requests: Arc<AtomicUsize>,
    /// The number of this connection, from 0.
    pub number: usize,
}

impl Peer {
    pub fn new(stream: Box<dyn Transport>, requests: Arc<AtomicUsize>, number: usize) -> Peer {
        Peer { stream, input: Vec::new(), requests, number }
    }

    /// Counts a request. Returns the number of requests before it.
    pub fn requested(&self) -> usize {
        self.requests.fetch_add(1, Ordering::Relaxed)
    }

    /// Reads a complete HTTP/1.1 request, and returns its head.
    pub async fn request(&mut self) -> io::Result<String> {
        loop {
            if let Some(end) = memchr::memmem::find(&self.input, b"\r\n\r\n") {
                let head = String::from_utf8_lossy(&self.input[..end + 4]).into_owned();
                let length = head.lines().find_map(|line| {
                    let (name, value) = line.split_once(':')?;
                    name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
                });
                self.read(end + 4 + length.unwrap_or(0)).await?;
                self.requested();
                return Ok(head);
            }
            self.fill().await?;
        }
    }

    /// Reads `count` bytes.
    pub async fn read(&mut self, count: usize) -> io::Result<Vec<u8>> {
        while self.input.len() < count {
            self.fill().await?;
        }
        Ok(self.input.drain(..count).collect())
    }

    async fn fill(&mut self) -> io::Result<()> {
        match self.stream.read_buf(&mut self.input).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref()).await?;
        self.stream.flush().await
    }

    /// Sends the bytes again and again, until the client closes the connection.
    pub async fn forever(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        let bytes = bytes.as_ref();
        let many = bytes.repeat((32 << 10) / bytes.len().max(1) + 1);
        loop {
            self.stream.write_all(&many).await?;
        }
    }

    /// Sends the bytes again and again, with a pause after each time.
    pub async fn drip(&mut self, bytes: impl AsRef<[u8]>, pause: Duration) -> io::Result<()> {
        loop {
            self.send(bytes.as_ref()).await?;
            tokio::time::sleep(pause).await;
        }
    }

    /// Sends nothing, until the client closes the connection.
    pub async fn hang(&mut self) -> io::Result<()> {
        loop {
            self.input.clear();
            self.fill().await?;
        }
    }

    /// Sends a short response and closes the connection, so that both arrive at the same time.
    pub async fn send_and_close(mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.hold_until_dropped()?;
        self.send(bytes).await
    }

    /// Resets the connection.
    pub fn reset(self) -> io::Result<()> {
        self.stream.reset_when_dropped()
    }
}
