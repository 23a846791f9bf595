//! The body of a reply: pieces with waits between them, and their division into writes.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::{Bytes, BytesMut};

use super::gate::Gate;
use super::http1;
use super::ticks::Clock;

/// The body of a reply. Its acts are made when it is first sent; clones of the reply share them.
#[derive(Clone, Debug, Default)]
pub struct Body {
    pub steps: Vec<Step>,
    pub pieces: Pieces,
    /// The pause between writes.
    pub every: Option<Duration>,
    pub limit: Option<Limit>,
    pub in_one_write: bool,
    acts: OnceLock<Vec<Act>>,
}

/// A step of the script of a body.
#[derive(Clone, Debug)]
pub enum Step {
    /// A piece, which may be joined, split or cut.
    Piece(Bytes),
    Act(Act),
}

/// The division of the body into pieces, each of which is a chunk if the body is chunked.
#[derive(Clone, Copy, Debug, Default)]
pub enum Pieces {
    #[default]
    AsScripted,
    Joined,
    Of(usize),
}

/// The length at which a body is cut.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    pub bytes: usize,
    /// Whether the framing hides the cut.
    pub hidden: bool,
}

/// A step of a body that is split, paced and cut.
#[derive(Clone, Debug)]
pub enum Act {
    /// Sends `data`. `declared` is the length of the whole piece, which is longer if the body is cut in it.
    Write {
        data: Bytes,
        declared: usize,
    },
    /// Sends all pieces between two waits.
    WriteAll(Pack),
    /// Sends a piece that is made at this moment.
    Make(Maker),
    Wait(Gate),
    Pause(Duration),
    /// Waits for a tick.
    Tick,
    GracefulShutdown,
}

impl Act {
    /// Waits for the gate or the time, if the act is a wait.
    pub async fn hold(&self, clock: &mut Option<Clock>) {
        match self {
            Act::Wait(gate) => gate.pass().await,
            Act::Pause(time) => tokio::time::sleep(*time).await,
            Act::Tick => clock.as_mut().expect("ticks, which were checked").tick().await,
            Act::Write { .. } | Act::WriteAll(_) | Act::Make(_) | Act::GracefulShutdown => {}
        }
    }

    pub fn is_tick(&self) -> bool {
        matches!(self, Act::Tick)
    }
}

/// Pieces that are sent together.
#[derive(Clone, Debug)]
pub struct Pack {
    pub pieces: Vec<Bytes>,
    /// The pieces as chunks of HTTP/1.1.
    pub chunks: Bytes,
}

/// A function that makes a piece.
#[derive(Clone)]
pub struct Maker(pub Arc<dyn Fn() -> Bytes + Send + Sync>);

impl fmt::Debug for Maker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Maker")
    }
}

impl Body {
    /// Returns the body to change it. Clones of the reply do not change.
    pub fn change(self: &mut Arc<Self>) -> &mut Body {
        let body = Arc::make_mut(self);
        body.acts = OnceLock::new();
        body
    }

    /// Returns all bytes, without the cut and the pieces that are made when they are sent.
    pub fn bytes(&self) -> Bytes {
        let mut bytes = BytesMut::with_capacity(self.length());
        self.scripted().for_each(|piece| bytes.extend_from_slice(piece));
        bytes.freeze()
    }

    /// Returns the number of these bytes.
    pub fn length(&self) -> usize {
        self.scripted().map(Bytes::len).sum()
    }

    /// Returns the end of each piece.
    pub fn piece_ends(&self) -> Vec<usize> {
        let mut at = 0;
        let end = |piece: &Bytes| {
            at += piece.len();
            at
        };
        self.scripted().map(end).collect()
    }

    /// Whether a piece is made when it is sent, so that the length is unknown before.
    pub fn has_made_pieces(&self) -> bool {
        self.steps.iter().any(|step| matches!(step, Step::Act(Act::Make(_))))
    }

    /// Whether the body waits for a tick.
    pub fn has_ticks(&self) -> bool {
        self.steps.iter().any(|step| matches!(step, Step::Act(act) if act.is_tick()))
    }

    fn scripted(&self) -> impl Iterator<Item = &Bytes> {
        self.steps.iter().filter_map(|step| if let Step::Piece(bytes) = step { Some(bytes) } else { None })
    }

    /// Returns the steps of the body after it is split or joined, paced and cut.
    pub fn acts(&self) -> &[Act] {
        self.acts.get_or_init(|| {
            let acts = self.divided();
            let acts = match self.limit {
                Some(limit) => cut(acts, limit),
                None => acts,
            };
            if self.in_one_write { packed(acts) } else { acts }
        })
    }

    fn divided(&self) -> Vec<Act> {
        let mut acts = Vec::with_capacity(self.steps.len());
        let mut run = Run::default();
        for step in &self.steps {
            match (step, self.pieces) {
                (Step::Piece(bytes), Pieces::AsScripted) => run.whole(bytes.clone(), self.every, &mut acts),
                (Step::Piece(bytes), _) => run.joined.extend_from_slice(bytes),
                (Step::Act(act), _) => {
                    run.flush(self.pieces, self.every, &mut acts);
                    acts.push(act.clone());
                }
            }
        }
        run.flush(self.pieces, self.every, &mut acts);
        acts
    }
}

/// Neighbouring pieces that are joined or split into chunks.
#[derive(Default)]
struct Run {
    joined: BytesMut,
    begun: bool,
}

impl Run {
    fn whole(&mut self, data: Bytes, every: Option<Duration>, acts: &mut Vec<Act>) {
        if let (Some(every), true) = (every, self.begun) {
            acts.push(Act::Pause(every));
        }
        self.begun = true;
        acts.push(Act::Write { declared: data.len(), data });
    }

    fn flush(&mut self, pieces: Pieces, every: Option<Duration>, acts: &mut Vec<Act>) {
        let mut rest = self.joined.split().freeze();
        while !rest.is_empty() {
            let size = if let Pieces::Of(size) = pieces { size.min(rest.len()) } else { rest.len() };
            self.whole(rest.split_to(size), every, acts);
        }
    }
}

/// Returns the acts of the first bytes up to the limit, and the gates and pauses before the first byte that is cut off.
fn cut(acts: Vec<Act>, limit: Limit) -> Vec<Act> {
    let mut left = limit.bytes;
    let mut kept = Vec::with_capacity(acts.len());
    for act in acts {
        match act {
            Act::Write { data, declared } if data.len() > left => {
                if left > 0 {
                    let data = data.slice(..left);
                    kept.push(Act::Write { declared: if limit.hidden { left } else { declared }, data });
                }
                return kept;
            }
            Act::Write { data, declared } => {
                left -= data.len();
                kept.push(Act::Write { data, declared });
            }
            other => kept.push(other),
        }
    }
    kept
}

/// Returns the acts with the neighbouring pieces in packs.
fn packed(acts: Vec<Act>) -> Vec<Act> {
    let mut packed = Vec::new();
    let mut acts = acts.into_iter().peekable();
    while let Some(act) = acts.next() {
        let Act::Write { data, declared } = act else {
            packed.push(act);
            continue;
        };
        let (mut pieces, mut chunks) = (Vec::new(), Vec::new());
        let mut next = Some((data, declared));
        while let Some((data, declared)) = next {
            http1::put(&mut chunks, &data, declared, true);
            pieces.push(data);
            next = match acts.next_if(|act| matches!(act, Act::Write { .. })) {
                Some(Act::Write { data, declared }) => Some((data, declared)),
                _ => None,
            };
        }
        packed.push(Act::WriteAll(Pack { pieces, chunks: chunks.into() }));
    }
    packed
}
