//! The replies of the server, by model id.
//!
//! | path                                  | reply                                                              |
//! |---------------------------------------|--------------------------------------------------------------------|
//! | `/model/burst-1000/converse-stream`   | 1,000 text events in one write                                     |
//! | `/model/paced-1000/converse-stream`   | 1,000 text events, one a millisecond                               |
//! | `/model/steady-100/converse-stream`   | 100 text events, twenty a second; streams are out of phase         |
//! | `/model/stamped-1000/converse-stream` | 1,000 text events, one a millisecond, all but the last with a time |
//! | `/model/…/converse`                   | one unary response                                                 |
//!
//! Each event is a frame as the service sends it (three headers, and a payload with the padding member `p`), carries 20
//! bytes of text, and is an HTTP chunk or a DATA frame of its own.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::support::stream::event_frame;
use crate::support::{Reply, Request};
use crate::usage::monotonic_ns;

/// The interval between the events of a paced stream, and of a steady one.
const PACE: Duration = Duration::from_millis(1);
const STEADY_PACE: Duration = Duration::from_millis(50);
/// The text of a unary response.
pub const UNARY_TEXT: &str = "Loopback replies quickly.";

/// The replies so far. Each is encoded once.
#[derive(Default)]
pub struct Script(Mutex<State>);

#[derive(Default)]
struct State {
    streams: HashMap<String, Reply>,
    unary: Option<Reply>,
    phase: u32,
}

impl Script {
    /// Returns the reply to a request.
    pub fn reply_to(&self, request: &Request) -> Reply {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if request.operation() == "converse" {
            return state.unary.get_or_insert_with(|| Reply::text_response(UNARY_TEXT)).clone();
        }
        let model = request.model_id().unwrap_or_default();
        let Some((pacing, events)) = parse(&model) else {
            return Reply::error(404, "ResourceNotFoundException", "no such model");
        };
        let reply = state.streams.entry(model.clone()).or_insert_with(|| stream(pacing, events)).clone();
        match pacing {
            Pacing::Burst => reply,
            Pacing::Paced | Pacing::Stamped => reply.ticks(Duration::ZERO, PACE),
            Pacing::Steady => reply.ticks(state.next_phase(), STEADY_PACE),
        }
    }
}

impl State {
    /// Returns the first tick of a new steady stream within the interval, so that the events of all streams are spread
    /// over it.
    fn next_phase(&mut self) -> Duration {
        const PHASES: u32 = 1_000;
        // The step is coprime to the number of phases, so it reaches all of them.
        const STEP: u32 = 619;
        self.phase = (self.phase + STEP) % PHASES;
        STEADY_PACE * self.phase / PHASES
    }
}

/// The pacing of a stream.
#[derive(Clone, Copy, PartialEq)]
enum Pacing {
    Burst,
    Paced,
    Steady,
    Stamped,
}

/// Returns the pacing and the number of events that a model id names, or `None` for an unknown model id.
fn parse(model: &str) -> Option<(Pacing, u32)> {
    let (pacing, events) = model.split_once('-')?;
    let pacing = match pacing {
        "burst" => Pacing::Burst,
        "paced" => Pacing::Paced,
        "steady" => Pacing::Steady,
        "stamped" => Pacing::Stamped,
        _ => return None,
    };
    Some((pacing, events.parse().ok().filter(|events| (1..=1_000_000).contains(events))?))
}

/// Returns a complete response. A tick stands before the head and before each text event but the first. The last text
/// event and the end of the response are sent together.
fn stream(pacing: Pacing, events: u32) -> Reply {
    const PADDING: &str = "\"p\":\"abcdefghij\"";
    let delta = |text: &str| {
        debug_assert_eq!(text.len(), 20);
        format!("{{\"contentBlockIndex\":0,\"delta\":{{\"text\":\"{text}\"}},{PADDING}}}")
    };
    let paced = pacing != Pacing::Burst;
    let mut reply = Reply::stream().in_one_write();
    if paced {
        reply = reply.head_tick();
    }
    reply = reply.event("messageStart", &format!("{{{PADDING},\"role\":\"assistant\"}}"));
    for event in 0..events {
        if paced && event > 0 {
            reply = reply.tick();
        }
        reply = if pacing == Pacing::Stamped && event + 1 < events {
            reply.made_by(move || event_frame("contentBlockDelta", &delta(&format!("{:020}", monotonic_ns()))))
        } else {
            reply.event("contentBlockDelta", &delta(&format!("token {event:06} of text")))
        };
    }
    reply
        .event("contentBlockStop", &format!("{{\"contentBlockIndex\":0,{PADDING}}}"))
        .event("messageStop", &format!("{{{PADDING},\"stopReason\":\"end_turn\"}}"))
        .metadata(11, u64::from(events))
}
