//! Failures of HTTP/2 streams and connections, as text.

use super::tcp_keepalive;
use crate::error::{Error, Kind};
use h2::Reason;
use std::fmt;
use std::io::ErrorKind;

/// The reason why a response did not arrive, or is incomplete.
pub enum Http2Failure {
    /// The peer or the network is gone.
    PeerLost(Error),
    /// The peer violates the protocol.
    Invalid(Error),
    Broken(Http2Error),
}

impl Http2Failure {
    pub fn of(error: h2::Error) -> Self {
        if tcp_keepalive::is_peer_lost(&error) {
            return Http2Failure::PeerLost(tcp_keepalive::peer_lost());
        }
        match error.reason() {
            Some(reason) if error.is_library() && !error.is_remote() => {
                Http2Failure::Invalid(invalid(reason.description()))
            }
            _ => Http2Failure::Broken(Http2Error(error)),
        }
    }
}

/// Returns the error of a peer that violates the protocol.
pub fn invalid(why: &str) -> Error {
    Error::new(Kind::Protocol, format_args!("the response is not valid HTTP/2 ({why})"))
}

/// An error of h2.
#[derive(Debug)]
pub struct Http2Error(pub h2::Error);

impl fmt::Display for Http2Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.0, self.0.reason()) {
            (_, Some(Reason::REFUSED_STREAM)) => f.write_str("the service refused to process the request"),
            (error, Some(Reason::NO_ERROR)) if error.is_go_away() => f.write_str("the service closes the connection"),
            (error, Some(reason)) if error.is_go_away() => {
                write!(f, "the service closes the connection: {}", reason.description())
            }
            (_, Some(reason)) => write!(f, "the service reset the stream: {}", reason.description()),
            (error, None) => match error.get_io() {
                Some(io) if matches!(io.kind(), ErrorKind::BrokenPipe | ErrorKind::UnexpectedEof) => {
                    f.write_str("the connection was closed before the response was complete")
                }
                Some(io) => write!(f, "the connection broke: {io}"),
                None => write!(f, "{error}"),
            },
        }
    }
}

impl std::error::Error for Http2Error {}
