//! The client: many concurrent streams in one waiting set, read by one thread, with every byte compared.

use std::time::{Duration, Instant};

use serde_json::json;

use super::response;
use crate::support::capi::*;
use crate::support::pull::{Pull, Pulled, WaitSet};

/// A stream that runs for this much longer than its timers counts as hung.
const GRACE: Duration = Duration::from_secs(5);
/// The number of streams that are opened before open streams are read again.
const BATCH: usize = 64;

/// The settings of the client.
pub struct Plan {
    /// The total number of streams.
    pub streams: usize,
    pub at_once: usize,
    /// The time after which no stream is opened.
    pub until: Option<Instant>,
    /// The total timer of each stream.
    pub total: Duration,
}

/// How a stream ended.
#[derive(Debug)]
pub enum End {
    /// Complete, with the right bytes.
    Complete,
    Failed(Box<Failure>),
    /// Wrong bytes.
    Wrong(String),
    /// BEDROCK_DONE although a part of the response is missing.
    Short,
    /// The stream has ended, and the waiting set did not return it.
    Lost,
    /// The stream did not end in time.
    Hung,
}

pub struct Ended {
    pub number: usize,
    pub end: End,
    /// The attempts that the library reports.
    pub attempts: usize,
    pub took: Duration,
    pub at: Instant,
}

struct Open {
    number: usize,
    pull: Pull,
    began: Instant,
    pieces: usize,
}

impl Open {
    fn begin(model: &Model, number: usize) -> Open {
        let request = json!({
            "modelId": response::model_id(number),
            "messages": [{"role": "user", "content": [{"text": "Go on."}]}],
        });
        let request = Request::json(&request.to_string());
        Open { number, pull: Pull::open(model, &request), began: Instant::now(), pieces: 0 }
    }

    /// Reads the available events. Returns how the stream ended, if it did.
    fn read(&mut self) -> Option<End> {
        loop {
            match self.pull.next(0) {
                Pulled::Again => return None,
                Pulled::Failed(failure) => return Some(End::Failed(Box::new(failure))),
                Pulled::Done if self.pieces == response::pieces(self.number) => return Some(End::Complete),
                Pulled::Done => return Some(End::Short),
                Pulled::Event(event) if event.kind == BEDROCK_EVENT_TEXT => {
                    let right = response::piece(self.number, self.pieces);
                    if self.pieces >= response::pieces(self.number) || event.text != right {
                        return Some(End::Wrong(format!("{:?} instead of {right:?}", event.text)));
                    }
                    self.pieces += 1;
                }
                Pulled::Event(_) => {}
            }
        }
    }

    fn ended(self, end: End) -> Ended {
        let attempts = match &end {
            End::Failed(failure) => failure.attempts,
            End::Complete => self.pull.response().attempts,
            _ => i32::MAX,
        };
        let attempts = usize::try_from(attempts).expect("attempts are counted from 0");
        Ended { number: self.number, end, attempts, took: self.began.elapsed(), at: Instant::now() }
    }
}

/// Opens streams and reads them. Calls `on_end` for each stream that has ended, with the number of open streams.
pub fn run(model: &Model, plan: &Plan, mut on_end: impl FnMut(Ended, usize)) {
    let set = WaitSet::new();
    let mut open: Vec<Option<Open>> = Vec::new();
    let mut free: Vec<usize> = Vec::new();
    let (mut next, mut count) = (0, 0);
    let mut checked = Instant::now();
    loop {
        let more = next < plan.streams && plan.until.is_none_or(|until| Instant::now() < until);
        if !more && count == 0 {
            return;
        }
        let batch = if more { BATCH.min(plan.at_once - count).min(plan.streams - next) } else { 0 };
        for _ in 0..batch {
            let stream = Open::begin(model, next);
            let at = free.pop().unwrap_or_else(|| {
                open.push(None);
                open.len() - 1
            });
            // Tokens begin at 1, so that none is NULL.
            set.add(&stream.pull, at + 1);
            open[at] = Some(stream);
            (next, count) = (next + 1, count + 1);
        }
        let mut timeout = if batch > 0 { Duration::ZERO } else { Duration::from_millis(200) };
        while let Some((_, user)) = set.wait(timeout) {
            timeout = Duration::ZERO;
            let slot = &mut open[user - 1];
            let Some(end) = slot.as_mut().expect("an open stream").read() else { continue };
            on_end(slot.take().expect("an open stream").ended(end), count);
            free.push(user - 1);
            count -= 1;
        }
        if checked.elapsed() > Duration::from_secs(1) {
            checked = Instant::now();
            for (at, slot) in open.iter_mut().enumerate() {
                let overdue = slot.as_ref().is_some_and(|stream| stream.began.elapsed() > plan.total + GRACE);
                let Some(mut stream) = overdue.then(|| slot.take()).flatten() else { continue };
                let end = if stream.read().is_some() { End::Lost } else { End::Hung };
                on_end(stream.ended(end), count);
                free.push(at);
                count -= 1;
            }
        }
    }
}
