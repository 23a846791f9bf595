//! Signs of life: how a connection finds out that its peer, or the network between, is gone.
//!
//! Silence is no such sign by itself: a model that thinks sends nothing for minutes, and its connection is well. So each
//! connection asks its peer after some silence, and is given up where nothing answers. Over TCP the kernel asks (keepalive) and
//! watches over what it has sent (TCP_USER_TIMEOUT), on the way to a proxy as well; over HTTP/2 a ping goes through to the
//! endpoint, past proxies. All of it together takes less than 30 seconds.

use crate::error::find;
use crate::error::{Error, Kind};
use hyper_util::client::legacy::connect::HttpConnector;
use std::error::Error as StdError;
use std::io::{self, ErrorKind};
use std::time::Duration;

/// The kernel asks after this much silence. It also keeps a connection known to the routers on the way, which forget those that
/// are silent for some minutes.
const FIRST_PROBE: Duration = Duration::from_secs(10);
/// And then so often.
const NEXT_PROBE: Duration = Duration::from_secs(5);
/// Longer than this nothing that was sent, a probe or data, may go without a sign that it came. It ends with the probe that
/// follows 25 seconds of silence.
const LONGEST_SILENCE: Duration = Duration::from_secs(24);

/// An HTTP/2 ping is sent after at most this much silence, and answered within at most the other.
const LONGEST_BEFORE_PING: Duration = Duration::from_secs(10);
const LONGEST_PING: Duration = Duration::from_secs(15);

/// Has the kernel watch over the connections that `tcp` makes.
pub fn watch<R>(tcp: &mut HttpConnector<R>) {
    tcp.set_keepalive(Some(FIRST_PROBE));
    tcp.set_keepalive_interval(Some(NEXT_PROBE));
    tcp.set_tcp_user_timeout(Some(LONGEST_SILENCE));
}

/// After which silence an HTTP/2 peer is pinged, and how long it may take to answer. Whoever has little patience with a
/// connection that is made, `connect`, has little with one that is there.
pub fn ping(connect: Duration) -> (Duration, Duration) {
    (LONGEST_BEFORE_PING.min(connect.saturating_mul(3)), LONGEST_PING.min(connect.saturating_mul(5)))
}

/// Whether a connection that stood has failed because nothing answers any more.
pub fn is_silence(error: &(dyn StdError + 'static)) -> bool {
    // Over HTTP/2 the kernel's verdict may come before the ping's. Of its error h2 keeps the kind alone, and is no source of it.
    let of_h2 = find::<h2::Error>(error).and_then(h2::Error::get_io);
    find::<io::Error>(error).or(of_h2).map(io::Error::kind).is_some_and(|kind| {
        matches!(
            kind,
            ErrorKind::TimedOut | ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable | ErrorKind::NetworkDown
        )
    })
}

/// The error of a connection that was given up.
pub fn silence() -> Error {
    let what = "the connection shows no sign of life: the peer or the network is gone";
    Error::new(Kind::Timeout, what).advise("Check the network and call again")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::Pin;
    use std::task::{Context, Poll};
    use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

    /// A connection of which nothing can be read but an error of the system.
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
    async fn the_kernels_verdict_on_a_peer_is_silence_over_http2_too() {
        for (code, silence) in [(libc::ETIMEDOUT, true), (libc::EHOSTUNREACH, true), (libc::ECONNRESET, false)] {
            let error = h2::server::handshake(Broken(code)).await.err().expect("nothing can be read");
            assert_eq!(is_silence(&error), silence, "{error}");
            assert_eq!(is_silence(&io::Error::from_raw_os_error(code)), silence);
        }
    }
}
