//! The faults of connections, and the statuses that each of them explains.

use crate::random::Random;
use crate::settings::Settings;
use crate::support::capi::*;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// No fault. The server closes the connection after some responses.
    Fine,
    /// Bytes arrive slowly.
    Slow,
    /// One bit of the server's output is flipped.
    Flipped,
    /// Closed in the middle, without close_notify.
    Cut,
    /// Reset in the middle.
    Reset,
    /// From some byte on, the server's output is dropped.
    Dies,
    /// All output of the server is dropped, including the TLS handshake.
    Dead,
}

pub const FAULTS: [Fault; 7] =
    [Fault::Fine, Fault::Slow, Fault::Flipped, Fault::Cut, Fault::Reset, Fault::Dies, Fault::Dead];

impl Fault {
    pub fn title(self) -> &'static str {
        match self {
            Fault::Fine => "fine",
            Fault::Slow => "slow",
            Fault::Flipped => "flipped",
            Fault::Cut => "cut",
            Fault::Reset => "reset",
            Fault::Dies => "dies",
            Fault::Dead => "dead",
        }
    }

    /// Whether the connection is silent, so that only a timer can end its streams.
    pub fn is_silent(self) -> bool {
        matches!(self, Fault::Dies | Fault::Dead)
    }

    /// Whether the client may notice that the connection is broken.
    pub fn is_broken(self) -> bool {
        matches!(self, Fault::Flipped | Fault::Cut | Fault::Reset)
    }

    /// Whether a stream on such a connection may end with this status.
    pub fn explains(self, status: bedrock_status) -> bool {
        match self {
            Fault::Fine => false,
            Fault::Slow | Fault::Dies | Fault::Dead => status == BEDROCK_E_TIMEOUT,
            Fault::Cut | Fault::Reset => [BEDROCK_E_NETWORK, BEDROCK_E_TRUNCATED].contains(&status),
            // TLS detects the flip and closes the connection. Without TLS a flipped length may make the client wait.
            Fault::Flipped => {
                let statuses = [BEDROCK_E_NETWORK, BEDROCK_E_TRUNCATED, BEDROCK_E_PROTOCOL, BEDROCK_E_TIMEOUT];
                statuses.contains(&status)
            }
        }
    }
}

/// The percentage of connections with each fault. The others are fine.
#[derive(Clone)]
pub struct Shares(Vec<(Fault, usize)>);

impl Shares {
    pub fn of(settings: &Settings, flips: bool) -> Shares {
        let shares = [
            (Fault::Dead, 5),
            (Fault::Dies, 5),
            (Fault::Reset, 3),
            (Fault::Cut, 3),
            (Fault::Flipped, if flips { 3 } else { 0 }),
            (Fault::Slow, 3),
        ];
        Shares(shares.into_iter().map(|(fault, share)| (fault, settings.get(fault.title(), share))).collect())
    }

    /// Draws the fault of the next connection. A dead connection never follows another dead one, so that the second
    /// connection of a call can succeed.
    pub fn draw(&self, random: &mut Random, last: Option<Fault>) -> Fault {
        let mut number = random.below(100);
        for (fault, share) in &self.0 {
            if number < *share {
                return if last == Some(Fault::Dead) && *fault == Fault::Dead { Fault::Fine } else { *fault };
            }
            number -= share;
        }
        Fault::Fine
    }
}
