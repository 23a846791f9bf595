//! Keepalive: detects that the peer of a connection, or the network in between, is gone.
//!
//! Silence alone proves nothing: a model that thinks sends nothing for minutes over a healthy connection. So each
//! connection probes its peer after some silence, and is closed if nothing responds. Over TCP the kernel sends the
//! probes (keepalive) and supervises the data that it has sent (TCP_USER_TIMEOUT), on connections to proxies as well.
//! Over HTTP/2 a ping reaches the endpoint, past proxies. Detection takes less than 30 seconds in all.

use crate::error::find;
use crate::error::{Error, Kind};
use hyper_util::client::legacy::connect::HttpConnector;
use std::error::Error as StdError;
use std::io::{self, ErrorKind};
use std::time::Duration;

/// The silence after which the kernel sends the first probe. The probes also keep the connection known to routers,
/// which forget connections without traffic after some minutes.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(10);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
/// The longest time that a probe or data may remain unacknowledged. It expires with the probe that follows 25 seconds
/// of silence.
const USER_TIMEOUT: Duration = Duration::from_secs(24);

/// Makes the kernel supervise the connections that `tcp` makes.
pub fn configure<R>(tcp: &mut HttpConnector<R>) {
    tcp.set_keepalive(Some(KEEPALIVE_IDLE));
    tcp.set_keepalive_interval(Some(KEEPALIVE_INTERVAL));
    tcp.set_tcp_user_timeout(Some(USER_TIMEOUT));
}

/// Returns whether an established connection failed because the peer does not respond any more.
pub fn is_peer_lost(error: &(dyn StdError + 'static)) -> bool {
    // Over HTTP/2 the kernel may detect it before the ping. h2 keeps only the kind of the kernel's error, and no
    // source.
    let h2_error = find::<h2::Error>(error).and_then(h2::Error::get_io);
    find::<io::Error>(error).or(h2_error).map(io::Error::kind).is_some_and(|kind| {
        matches!(
            kind,
            ErrorKind::TimedOut | ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable | ErrorKind::NetworkDown
        )
    })
}

/// Returns the error of a connection whose peer does not respond any more.
pub fn peer_lost() -> Error {
    let what = "the peer does not respond any more: the peer or the network is gone";
    Error::new(Kind::Timeout, what).advise("Check the network and call again")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::Pin;
    use std::task::{Context, Poll};
    use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

    /// A connection on which reading fails with an error of the kernel.
    struct Broken(i32);

    impl AsyncRead for Broken {
        fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Err(io::Error::from_raw_os_error(self.0)))
        }
    }

    impl AsyncWrite for Broken {
        fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
            Poll::Ready(Ok(bytes.len()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn a_peer_that_the_kernel_finds_lost_is_lost_over_http2_too() {
        for (code, lost) in [(libc::ETIMEDOUT, true), (libc::EHOSTUNREACH, true), (libc::ECONNRESET, false)] {
            let error = h2::server::handshake(Broken(code)).await.err().expect("nothing can be read");
            assert_eq!(is_peer_lost(&error), lost, "{error}");
            assert_eq!(is_peer_lost(&io::Error::from_raw_os_error(code)), lost);
        }
    }
}
