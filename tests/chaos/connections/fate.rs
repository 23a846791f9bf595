//! Fates: what becomes of a connection, and which failures it excuses.

use crate::random::Random;
use crate::settings::Settings;
use crate::support::capi::*;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// Nothing happens to it. After some answers the server takes its leave, as services do.
    Fine,
    /// A byte in a few milliseconds: it comes, but late.
    Slow,
    /// One bit of what the server sends is another one.
    Flipped,
    /// It is closed in the middle of a frame, without TLS's farewell.
    Cut,
    /// It is reset.
    Reset,
    /// It dies without a word: what the server sends from some byte on never arrives.
    Dies,
    /// Nothing that the server sends ever arrives, not even of TLS's handshake.
    Dead,
}

pub const FATES: [Fate; 7] = [Fate::Fine, Fate::Slow, Fate::Flipped, Fate::Cut, Fate::Reset, Fate::Dies, Fate::Dead];

impl Fate {
    pub fn title(self) -> &'static str {
        match self {
            Fate::Fine => "fine",
            Fate::Slow => "slow",
            Fate::Flipped => "flipped",
            Fate::Cut => "cut",
            Fate::Reset => "reset",
            Fate::Dies => "dies",
            Fate::Dead => "dead",
        }
    }

    /// Whether it is silent, so that only a timer can end what is on it.
    pub fn is_silent(self) -> bool {
        matches!(self, Fate::Dies | Fate::Dead)
    }

    /// Whether who is on it may learn that it broke.
    pub fn is_broken(self) -> bool {
        matches!(self, Fate::Flipped | Fate::Cut | Fate::Reset)
    }

    /// Whether a stream that was sent on such a connection may end so.
    pub fn excuses(self, status: bedrock_status) -> bool {
        match self {
            Fate::Fine => false,
            Fate::Slow | Fate::Dies | Fate::Dead => status == BEDROCK_E_TIMEOUT,
            Fate::Cut | Fate::Reset => [BEDROCK_E_NETWORK, BEDROCK_E_TRUNCATED].contains(&status),
            // TLS notices it and ends the connection. Without TLS it may hit a length, and then nothing comes any more.
            Fate::Flipped => {
                let noticed = [BEDROCK_E_NETWORK, BEDROCK_E_TRUNCATED, BEDROCK_E_PROTOCOL, BEDROCK_E_TIMEOUT];
                noticed.contains(&status)
            }
        }
    }
}

/// How many of a hundred connections have which fate. The others are fine.
#[derive(Clone)]
pub struct Shares(Vec<(Fate, usize)>);

impl Shares {
    pub fn of(settings: &Settings, flips: bool) -> Shares {
        let shares = [
            (Fate::Dead, 5),
            (Fate::Dies, 5),
            (Fate::Reset, 3),
            (Fate::Cut, 3),
            (Fate::Flipped, if flips { 3 } else { 0 }),
            (Fate::Slow, 3),
        ];
        Shares(shares.into_iter().map(|(fate, share)| (fate, settings.get(fate.title(), share))).collect())
    }

    /// The fate of the next connection. Two that are dead from the beginning do not follow each other: who finds the first one
    /// dead has a fair chance with the second.
    pub fn draw(&self, random: &mut Random, last: Option<Fate>) -> Fate {
        let mut number = random.below(100);
        for (fate, share) in &self.0 {
            if number < *share {
                return if last == Some(Fate::Dead) && *fate == Fate::Dead { Fate::Fine } else { *fate };
            }
            number -= share;
        }
        Fate::Fine
    }
}
