//! The client: many streams at once in one waiting set, read by one thread, each checked byte for byte.

use std::time::{Duration, Instant};

use serde_json::json;

use super::answer;
use crate::support::capi::*;
use crate::support::pull::{Pull, Pulled, WaitSet};

/// A stream may go on for so much longer than its timers before it counts as hung.
const GRACE: Duration = Duration::from_secs(5);
/// So many streams are opened before those that are open are looked at again.
const BATCH: usize = 64;

/// What a client does.
pub struct Plan {
    /// How many streams it opens in all.
    pub streams: usize,
    pub at_once: usize,
    /// When it opens no more.
    pub until: Option<Instant>,
    /// The timer that ends every stream.
    pub total: Duration,
}

/// How a stream ended.
#[derive(Debug)]
pub enum End {
    /// Complete, and every byte is right.
    Whole,
    Failed(Box<Failure>),
    /// Bytes that are not the answer's.
    Wrong(String),
    /// BEDROCK_DONE, and a part of the answer is missing.
    Short,
    /// It has ended, and the waiting set did not return it.
    Lost,
    /// It has not ended in its time.
    Hung,
}

pub struct Ended {
    pub number: usize,
    pub end: End,
    /// As the library counts them.
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
            "modelId": answer::model_id(number),
            "messages": [{"role": "user", "content": [{"text": "Go on."}]}],
        });
        let request = Request::json(&request.to_string());
        Open { number, pull: Pull::open(model, &request), began: Instant::now(), pieces: 0 }
    }

    /// Reads what is there. Says how the stream ended, if it did.
    fn read(&mut self) -> Option<End> {
        loop {
            match self.pull.next(0) {
                Pulled::Again => return None,
                Pulled::Failed(failure) => return Some(End::Failed(Box::new(failure))),
                Pulled::Done if self.pieces == answer::pieces(self.number) => return Some(End::Whole),
                Pulled::Done => return Some(End::Short),
                Pulled::Event(event) if event.kind == BEDROCK_EVENT_TEXT => {
                    let right = answer::piece(self.number, self.pieces);
                    if self.pieces >= answer::pieces(self.number) || event.text != right {
                        return Some(End::Wrong(format!("{:?} in place of {right:?}", event.text)));
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
            End::Whole => self.pull.response().attempts,
            _ => i32::MAX,
        };
        let attempts = usize::try_from(attempts).expect("attempts are counted from 0");
        Ended { number: self.number, end, attempts, took: self.began.elapsed(), at: Instant::now() }
    }
}

/// Opens streams and reads them, and shows each one that has ended to `tell`.
pub fn run(model: &Model, plan: &Plan, mut tell: impl FnMut(Ended)) {
    let set = WaitSet::new();
    let mut open: Vec<Option<Open>> = Vec::new();
    let mut free: Vec<usize> = Vec::new();
    let (mut next, mut count) = (0, 0);
    let mut looked = Instant::now();
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
            // No user pointer is NULL.
            set.add(&stream.pull, at + 1);
            open[at] = Some(stream);
            (next, count) = (next + 1, count + 1);
        }
        let mut patience = if batch > 0 { Duration::ZERO } else { Duration::from_millis(200) };
        while let Some((_, user)) = set.wait(patience) {
            patience = Duration::ZERO;
            let slot = &mut open[user - 1];
            let Some(end) = slot.as_mut().expect("a stream that is open").read() else { continue };
            tell(slot.take().expect("it was there").ended(end));
            free.push(user - 1);
            count -= 1;
        }
        if looked.elapsed() > Duration::from_secs(1) {
            looked = Instant::now();
            for (at, slot) in open.iter_mut().enumerate() {
                let overdue = slot.as_ref().is_some_and(|stream| stream.began.elapsed() > plan.total + GRACE);
                let Some(mut stream) = overdue.then(|| slot.take()).flatten() else { continue };
                let end = if stream.read().is_some() { End::Lost } else { End::Hung };
                tell(stream.ended(end));
                free.push(at);
                count -= 1;
            }
        }
    }
}
