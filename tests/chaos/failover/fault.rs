//! The faults of an endpoint, the reply that shows each of them, and the statuses that each explains after content.

use std::time::Duration;

use crate::random::Random;
use crate::support::capi::*;
use crate::support::{Cut, Reply};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The endpoint does not listen.
    Refused,
    /// The connection is closed in place of a response.
    Closed,
    /// The connection is reset in place of a response.
    Reset,
    /// No response comes.
    Silent,
    /// HTTP 429.
    Throttled,
    /// HTTP 500.
    Internal,
    /// HTTP 503.
    Unavailable,
    /// HTTP 424.
    Model,
    /// The response is not JSON, or an event of the stream is not.
    Malformed,
    /// The response is the page of a proxy, or bytes of the stream are no frame.
    Damaged,
    /// The response is closed in the middle.
    Cut,
    /// The response is reset in the middle.
    CutByReset,
    /// The response stops in the middle, and the connection stays open.
    Stalled,
    /// An exception comes in the stream.
    Exception,
    /// All bytes come, slowly.
    Slow,
}

/// The faults of an endpoint that listens.
pub const OF_RESPONSES: [Fault; 14] = [
    Fault::Closed,
    Fault::Reset,
    Fault::Silent,
    Fault::Throttled,
    Fault::Internal,
    Fault::Unavailable,
    Fault::Model,
    Fault::Malformed,
    Fault::Damaged,
    Fault::Cut,
    Fault::CutByReset,
    Fault::Stalled,
    Fault::Exception,
    Fault::Slow,
];

impl Fault {
    pub fn title(self) -> &'static str {
        match self {
            Fault::Refused => "refuses connections",
            Fault::Closed => "closes",
            Fault::Reset => "resets",
            Fault::Silent => "silent",
            Fault::Throttled => "429",
            Fault::Internal => "500",
            Fault::Unavailable => "503",
            Fault::Model => "424",
            Fault::Malformed => "malformed JSON",
            Fault::Damaged => "damaged frame",
            Fault::Cut => "cut in the response",
            Fault::CutByReset => "reset in the response",
            Fault::Stalled => "stalls in the response",
            Fault::Exception => "exception in the stream",
            Fault::Slow => "slow",
        }
    }

    /// Whether a call that has received content from the endpoint may fail with this status.
    pub fn explains(self, status: bedrock_status) -> bool {
        match self {
            Fault::Cut | Fault::CutByReset => [BEDROCK_E_TRUNCATED, BEDROCK_E_NETWORK].contains(&status),
            Fault::Malformed | Fault::Damaged => status == BEDROCK_E_PROTOCOL,
            Fault::Exception => [BEDROCK_E_THROTTLED, BEDROCK_E_MODEL, BEDROCK_E_SERVICE].contains(&status),
            _ => false,
        }
    }

    /// Returns the reply to a request whose response would be these texts.
    pub fn reply(self, streams: bool, texts: &[&str], random: &mut Random) -> Reply {
        let whole = whole(streams, texts);
        match self {
            Fault::Refused => unreachable!("the endpoint does not listen"),
            Fault::Closed => Reply::close_before_headers(),
            Fault::Reset => Reply::reset_before_headers(),
            Fault::Silent => Reply::hang(),
            Fault::Throttled => Reply::error(429, "ThrottlingException", "slow down"),
            Fault::Internal => Reply::error(500, "InternalServerException", "failed"),
            Fault::Model => Reply::error(424, "ModelErrorException", "broken"),
            Fault::Malformed if streams => begun(texts, random).event("contentBlockDelta", r#"{"delta":{"text":"#),
            Fault::Malformed => Reply::json(r#"{"output":{"message":{"role":"#),
            Fault::Damaged if streams => begun(texts, random).raw(&b"<html>no frame of an event stream</html>"[..]),
            Fault::Damaged => Reply::html(200),
            Fault::Cut => cut(whole, Cut::Close, random),
            Fault::CutByReset => cut(whole, Cut::Reset, random),
            Fault::Stalled => {
                let at = random.below(whole.body_len());
                whole.stall_after(at)
            }
            Fault::Exception if streams => {
                let exceptions = ["throttlingException", "modelStreamErrorException", "serviceUnavailableException"];
                begun(texts, random).exception(exceptions[random.below(3)], r#"{"message":"no more"}"#)
            }
            Fault::Unavailable | Fault::Exception => Reply::error(503, "ServiceUnavailableException", "busy"),
            Fault::Slow => {
                let pause = |random: &mut Random| Duration::from_millis(random.below(20) as u64);
                whole.head_pause(pause(random)).paced(pause(random))
            }
        }
    }
}

/// Returns the whole response.
pub fn whole(streams: bool, texts: &[&str]) -> Reply {
    match streams {
        true => Reply::stream().text_stream(texts, "end_turn"),
        false => Reply::text_response(&texts.concat()),
    }
}

/// Returns the beginning of a stream: nothing, messageStart, or texts after it.
fn begun(texts: &[&str], random: &mut Random) -> Reply {
    match random.below(texts.len() + 2) {
        0 => Reply::stream(),
        events => {
            texts[..events - 1].iter().fold(Reply::stream().message_start(), |reply, text| reply.text_delta(0, text))
        }
    }
}

fn cut(whole: Reply, cut: Cut, random: &mut Random) -> Reply {
    let at = random.below(whole.body_len());
    whole.cut_at(at, cut)
}
