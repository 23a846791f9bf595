//! Signs of life: how a connection finds out that its peer, or the network between, is gone.
//!
//! Silence is no such sign by itself: a model that thinks sends nothing for minutes, and its connection is well. So each
//! connection asks its peer after some silence, and is given up where nothing answers. Over TCP the kernel asks (keepalive) and
//! watches over what it has sent (TCP_USER_TIMEOUT), on the way to a proxy as well; over HTTP/2 a ping goes through to the
//! endpoint, past proxies. All of it together takes less than 30 seconds.

use crate::error::{Error, Kind};
use crate::wire::failure::find;
use hyper_util::client::legacy::connect::HttpConnector;
use std::error::Error as StdError;
use std::io;
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
pub fn watch(tcp: &mut HttpConnector) {
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
    const GONE: [i32; 4] = [libc::ETIMEDOUT, libc::EHOSTUNREACH, libc::ENETUNREACH, libc::ENETDOWN];
    let code = find::<io::Error>(error).and_then(io::Error::raw_os_error);
    code.is_some_and(|code| GONE.contains(&code)) || find::<hyper::Error>(error).is_some_and(hyper::Error::is_timeout)
}

/// The error of a connection that was given up.
pub fn silence() -> Error {
    let what = "the connection showed no sign of life within 30s: the peer or the network is gone";
    Error::new(Kind::Timeout, what).advise("Check the network and call again")
}
