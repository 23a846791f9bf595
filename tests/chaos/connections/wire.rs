//! The proxy: a layer between TCP and TLS of the server, that does to the bytes what the connection's fate is.
//!
//! A proxy with sockets of its own would do the same, with twice as many descriptors.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

use super::fate::Fate;

/// A slow connection passes on so many bytes, and rests.
const DRIBBLE: usize = 100;
const REST: Duration = Duration::from_millis(2);

pub struct Wire {
    tcp: TcpStream,
    fate: Fate,
    /// How many bytes the server sends before it happens.
    left: usize,
    /// Set once it has happened.
    happened: Arc<AtomicBool>,
    rest: Pin<Box<Sleep>>,
}

impl Wire {
    pub fn new(tcp: TcpStream, fate: Fate, left: usize, happened: Arc<AtomicBool>) -> Wire {
        Wire { tcp, fate, left, happened, rest: Box::pin(tokio::time::sleep(Duration::ZERO)) }
    }

    fn happen(&self) {
        self.happened.store(true, Ordering::Relaxed);
    }

    fn poll_pass(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let passed = ready!(Pin::new(&mut self.tcp).poll_write(cx, bytes))?;
        self.left = self.left.saturating_sub(passed);
        Poll::Ready(Ok(passed))
    }
}

impl AsyncRead for Wire {
    /// What the client sends always arrives, so that the server knows which streams were on a connection that is dead.
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, space: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_read(cx, space)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.fate == Fate::Slow {
            ready!(self.rest.as_mut().poll(cx));
            let passed = ready!(self.poll_pass(cx, &bytes[..bytes.len().min(DRIBBLE)]))?;
            self.rest.as_mut().reset(Instant::now() + REST);
            return Poll::Ready(Ok(passed));
        }
        if self.fate == Fate::Fine || self.happened.load(Ordering::Relaxed) && self.fate == Fate::Flipped {
            return self.poll_pass(cx, bytes);
        }
        if self.left > 0 {
            let before = bytes.len().min(self.left);
            return self.poll_pass(cx, &bytes[..before]);
        }
        match self.fate {
            Fate::Flipped => {
                let flipped = bytes[0] ^ (1 << (bytes.len() % 8));
                let passed = ready!(self.poll_pass(cx, &[flipped]))?;
                self.happen();
                Poll::Ready(Ok(passed))
            }
            Fate::Dies | Fate::Dead => {
                self.happen();
                Poll::Ready(Ok(bytes.len()))
            }
            _ => {
                self.happen();
                if self.fate == Fate::Reset {
                    self.tcp.set_zero_linger()?;
                }
                Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
            }
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.fate.is_silent() && self.happened.load(Ordering::Relaxed) {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}
