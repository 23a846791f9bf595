//! A layer between the server's TCP and TLS that injects the fault of the connection.
//!
//! A proxy with its own sockets would need twice as many descriptors.

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

use super::fault::Fault;

/// A slow connection sends this many bytes, and pauses.
const SLOW_BYTES: usize = 100;
const SLOW_PAUSE: Duration = Duration::from_millis(2);

pub struct Wire {
    tcp: TcpStream,
    fault: Fault,
    /// The number of bytes until the fault.
    left: usize,
    /// Set when the fault has been injected.
    injected: Arc<AtomicBool>,
    pause: Pin<Box<Sleep>>,
}

impl Wire {
    pub fn new(tcp: TcpStream, fault: Fault, left: usize, injected: Arc<AtomicBool>) -> Wire {
        Wire { tcp, fault, left, injected, pause: Box::pin(tokio::time::sleep(Duration::ZERO)) }
    }

    fn set_injected(&self) {
        self.injected.store(true, Ordering::Relaxed);
    }

    fn poll_pass(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let passed = ready!(Pin::new(&mut self.tcp).poll_write(cx, bytes))?;
        self.left = self.left.saturating_sub(passed);
        Poll::Ready(Ok(passed))
    }
}

impl AsyncRead for Wire {
    /// Passes all input, so that the server knows the streams on a dead connection.
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, space: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_read(cx, space)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.fault == Fault::Slow {
            ready!(self.pause.as_mut().poll(cx));
            let passed = ready!(self.poll_pass(cx, &bytes[..bytes.len().min(SLOW_BYTES)]))?;
            self.pause.as_mut().reset(Instant::now() + SLOW_PAUSE);
            return Poll::Ready(Ok(passed));
        }
        if self.fault == Fault::Fine || self.injected.load(Ordering::Relaxed) && self.fault == Fault::Flipped {
            return self.poll_pass(cx, bytes);
        }
        if self.left > 0 {
            let before = bytes.len().min(self.left);
            return self.poll_pass(cx, &bytes[..before]);
        }
        match self.fault {
            Fault::Flipped => {
                let flipped = bytes[0] ^ (1 << (bytes.len() % 8));
                let passed = ready!(self.poll_pass(cx, &[flipped]))?;
                self.set_injected();
                Poll::Ready(Ok(passed))
            }
            Fault::Dies | Fault::Dead => {
                self.set_injected();
                Poll::Ready(Ok(bytes.len()))
            }
            _ => {
                self.set_injected();
                if self.fault == Fault::Reset {
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
        if self.fault.is_silent() && self.injected.load(Ordering::Relaxed) {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}
