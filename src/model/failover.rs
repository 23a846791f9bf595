//! Failover: a call that its target does not answer is sent to the next one, before the program has seen content.
//!
//! Targets are called in their order. One that rests is passed over, unless all that are left rest. With hedging, the
//! next target is called beside one that is slow; the first content wins.

use super::rest::Turn;
use super::target::Target;
use crate::config;
use crate::error::{Error, Kind, Result};
use crate::sdk::call::Call;
use futures::future::{Either, select};
use futures::stream::{FuturesUnordered, StreamExt};
use std::pin::{Pin, pin};
use std::time::Duration;
use tokio::time::Instant;

/// The targets of a model, and when a call moves on from one to the next.
pub struct Failover {
    targets: Vec<Target>,
    on: Vec<Kind>,
    hedge_after: Option<Duration>,
}

/// A target that is called.
pub struct Chosen<'a> {
    pub target: &'a Target,
    /// The position of the target, from 0.
    pub index: usize,
    /// Whether another target can be called if this one fails: then it gets no second attempt.
    pub has_alternative: bool,
}

/// What one target makes of a call.
pub type Opening<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

impl Failover {
    /// Returns the targets of a config, or an error about the request of a fallback.
    pub fn new(config: &config::Failover) -> Result<Self> {
        let cooldown = config.cooldown;
        let fallbacks = config.fallbacks.iter().map(|fallback| Target::of(fallback, cooldown));
        let targets = [Ok(Target::first(cooldown))].into_iter().chain(fallbacks).collect::<Result<_>>()?;
        Ok(Failover { targets, on: config.on.clone(), hedge_after: config.hedge_after })
    }

    /// Returns the number of targets.
    pub fn count(&self) -> usize {
        self.targets.len()
    }

    /// Returns the first target.
    pub fn first(&self) -> &Target {
        &self.targets[0]
    }

    /// Returns the positions of the targets that can answer the call.
    pub fn candidates(&self, call: &Call) -> Vec<usize> {
        (0..self.count()).filter(|&index| self.targets[index].can_answer(call)).collect()
    }

    /// Opens the call at one target after the other, until one answers or `until` has passed. Returns the answer, or an
    /// error that tells what each target returned.
    pub async fn open<'a, T>(
        &'a self,
        call: &Call,
        candidates: Vec<usize>,
        until: Option<Instant>,
        open: impl Fn(Chosen<'a>) -> Opening<'a, T>,
    ) -> Result<T> {
        let model = &call.request.subject;
        let number = candidates.len();
        let mut untried = candidates;
        let mut running = FuturesUnordered::new();
        let mut failures: Vec<(usize, Error)> = Vec::new();
        let is_available = |index: &usize| self.targets[*index].rest.is_available();
        let start = |untried: &mut Vec<usize>| {
            let (index, turn) = self.next(untried)?;
            let has_alternative = untried.iter().any(is_available);
            let opening = open(Chosen { target: &self.targets[index], index, has_alternative });
            Some(async move { (index, turn, opening.await) })
        };
        running.extend(start(&mut untried));
        loop {
            let ended = {
                let next = running.next();
                match self.hedge_after.filter(|_| untried.iter().any(is_available)) {
                    None => next.await,
                    Some(after) => match select(next, pin!(tokio::time::sleep(after))).await {
                        Either::Left((ended, _)) => ended,
                        Either::Right(_) => None,
                    },
                }
            };
            let Some((index, turn, result)) = ended else {
                running.extend(start(&mut untried));
                continue;
            };
            let error = match result {
                Ok(answer) => {
                    turn.succeed();
                    return Ok(answer);
                }
                Err(error) => error,
            };
            let moves_on = self.moves_on(&error) && until.is_none_or(|until| Instant::now() < until);
            // The target itself has not failed if only this request is not for it.
            if moves_on && !matches!(error.kind(), Kind::ContextOverflow | Kind::Validation) {
                turn.fail();
            }
            failures.push((index, error));
            if moves_on {
                running.extend(start(&mut untried));
            }
            if running.is_empty() {
                return Err(self.tell(failures, number, model));
            }
        }
    }

    /// Takes the target that is called next.
    fn next(&self, untried: &mut Vec<usize>) -> Option<(usize, Turn<'_>)> {
        let rest = |index: usize| &self.targets[index].rest;
        let available = untried.iter().enumerate().find_map(|(at, &index)| Some((at, rest(index).begin()?)));
        let (at, turn) = match available {
            Some(available) => available,
            None => (0, rest(*untried.first()?).begin_anyway()),
        };
        Some((untried.remove(at), turn))
    }

    /// Returns whether another target may succeed where one has failed with this error.
    fn moves_on(&self, error: &Error) -> bool {
        match error.kind() {
            Kind::Throttled | Kind::Quota | Kind::Model | Kind::Service | Kind::Network | Kind::Timeout => true,
            // The response was cut before any content, or is not one of the service's.
            Kind::Truncated | Kind::Protocol => true,
            kind => self.on.contains(&kind),
        }
    }

    /// Returns the last error, with what each target returned.
    fn tell(&self, failures: Vec<(usize, Error)>, number: usize, model: &str) -> Error {
        let told: Vec<_> = failures
            .iter()
            .map(|(index, error)| format!("{}: {}", self.targets[*index].name(model), error.without_advice()))
            .collect();
        let (tried, last) = (failures.len(), failures.into_iter().next_back());
        let last = last.map(|(_, error)| error).expect("a target was called");
        match tried {
            1 => last,
            _ if tried == number => last.retold(format_args!("all {number} targets failed: {}", told.join("; "))),
            _ => last.retold(format_args!("{tried} of {number} targets failed: {}", told.join("; "))),
        }
    }
}
