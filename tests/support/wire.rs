//! The bytes of one connection. Every operation notices when the client closes it.

use std::future::{Future, poll_fn};
use std::io;
use std::mem::MaybeUninit;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::server_log::Connection;

/// The transport of a connection: TCP, or TLS over TCP.
pub trait Transport: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    /// Makes a later drop reset the connection (RST) instead of closing it (FIN).
    fn reset_when_dropped(&self) -> io::Result<()>;

    /// Holds what is written until the drop, so that it is sent together with the FIN, if one segment can hold it.
    fn hold_until_dropped(&self) -> io::Result<()>;
}

impl Transport for TcpStream {
    fn reset_when_dropped(&self) -> io::Result<()> {
        self.set_zero_linger()
    }

    fn hold_until_dropped(&self) -> io::Result<()> {
        SockRef::from(self).set_tcp_cork(true)
    }
}

/// The client has closed or reset the connection. A half-closed connection counts as closed.
#[derive(Debug)]
pub struct ClientGone;

/// The bytes of a connection in both directions, which are logged.
pub struct Wire<S> {
    stream: S,
    /// The bytes that were read and not used yet.
    pub input: BytesMut,
    pub connection: Connection,
}

impl<S: Transport> Wire<S> {
    pub fn new(stream: S, connection: Connection) -> Wire<S> {
        Wire { stream, input: BytesMut::new(), connection }
    }

    /// Reads more into `input`.
    pub async fn fill(&mut self) -> Result<(), ClientGone> {
        poll_fn(|cx| self.poll_fill(cx)).await
    }

    /// Writes all of `bytes`.
    pub async fn write(&mut self, mut bytes: &[u8]) -> Result<(), ClientGone> {
        while !bytes.is_empty() {
            let count = poll_fn(|cx| {
                self.poll_client_gone(cx)?;
                match Pin::new(&mut self.stream).poll_write(cx, bytes) {
                    Poll::Ready(Ok(count)) if count > 0 => Poll::Ready(Ok(count)),
                    Poll::Ready(_) => Poll::Ready(Err(ClientGone)),
                    Poll::Pending => {
                        self.connection.blocked();
                        Poll::Pending
                    }
                }
            })
            .await?;
            self.connection.written(count);
            bytes = &bytes[count..];
        }
        // Does nothing on TCP. TLS buffers bytes until it is flushed.
        poll_fn(|cx| {
            self.poll_client_gone(cx)?;
            let flushed = Pin::new(&mut self.stream).poll_flush(cx);
            if flushed.is_pending() {
                self.connection.blocked();
            }
            flushed.map_err(|_| ClientGone)
        })
        .await
    }

    /// Waits for `something`, or until the client closes the connection.
    pub async fn wait<T>(&mut self, something: impl Future<Output = T>) -> Result<T, ClientGone> {
        let mut something = pin!(something);
        poll_fn(|cx| {
            if let Poll::Ready(done) = something.as_mut().poll(cx) {
                return Poll::Ready(Ok(done));
            }
            self.poll_client_gone(cx)?;
            Poll::Pending
        })
        .await
    }

    /// Resets the connection.
    pub fn reset(self) {
        if let Err(e) = self.stream.reset_when_dropped() {
            self.connection.problem(&format!("cannot reset: {e}"));
        }
    }

    /// Returns Err if the client has closed the connection. Keeps what it sent early.
    fn poll_client_gone(&mut self, cx: &mut Context<'_>) -> Result<(), ClientGone> {
        loop {
            match self.poll_fill(cx) {
                Poll::Ready(Ok(())) => continue,
                Poll::Ready(Err(gone)) => return Err(gone),
                Poll::Pending => return Ok(()),
            }
        }
    }

    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ClientGone>> {
        let mut space = [MaybeUninit::uninit(); 16 * 1024];
        let mut space = ReadBuf::uninit(&mut space);
        match ready!(Pin::new(&mut self.stream).poll_read(cx, &mut space)) {
            Ok(()) if !space.filled().is_empty() => {
                self.connection.read(space.filled().len());
                self.input.extend_from_slice(space.filled());
                Poll::Ready(Ok(()))
            }
            _ => Poll::Ready(Err(ClientGone)),
        }
    }
}
