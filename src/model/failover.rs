//! Failover: a call that its target does not answer is sent to the next one, before the program has seen content.
//!
//! Targets are called in their order. One that rests is passed over, unless all that are left rest. With hedging, the
//! next target is called beside one that is slow; the first content wins.

use super::rest::Turn;
use super::target::Target;
use crate::call::timer::Deadline;
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
    /// The model of the config.
    model: String,
}

/// A target that is called.
pub struct Chosen<'a> {
    pub target: &'a Target,
    /// The position of the target, from 0.
    pub index: usize,
    /// Whether another target is called too, or can be called if this one fails: then this one gets no second attempt.
    pub has_alternative: bool,
}

impl Chosen<'_> {
    /// Returns the deadline of the reader for one of the target. The next target is called even if the worker is late:
    /// the reader waits for that.
    pub fn for_reader(&self, until: Deadline) -> Deadline {
        if self.has_alternative { until.once_more() } else { until }
    }
}

/// What one target makes of a call.
pub type Opening<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

impl Failover {
    /// Returns the targets of a config, or an error about the request of a fallback.
    pub fn new(config: &config::Config) -> Result<Self> {
        let model = config.model.clone();
        let config = &config.failover;
        let cooldown = config.cooldown;
        let fallbacks = config.fallbacks.iter().map(|fallback| Target::of(fallback, cooldown));
        let targets = [Ok(Target::first(cooldown))].into_iter().chain(fallbacks).collect::<Result<_>>()?;
        Ok(Failover { targets, on: config.on.clone(), hedge_after: config.hedge_after, model })
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

    /// Opens the call at one target after the other, until one answers or the time `until` has passed. Returns the
    /// answer, or an error that tells what each target returned.
    pub async fn open<'a, T>(
        &'a self,
        call: &Call,
        candidates: Vec<usize>,
        until: impl Fn() -> Option<Instant>,
        open: impl Fn(Chosen<'a>) -> Opening<'a, T>,
    ) -> Result<T> {
        let model = &call.request.subject;
        let mut untried = candidates;
        let mut running = FuturesUnordered::new();
        let mut failures: Vec<(usize, Error)> = Vec::new();
        let is_available = |index: &usize| self.targets[*index].rest.is_available();
        let start = |untried: &mut Vec<usize>, is_beside: bool| {
            let (index, turn) = self.next(untried, is_beside)?;
            let has_alternative = is_beside || untried.iter().any(is_available);
            let opening = open(Chosen { target: &self.targets[index], index, has_alternative });
            Some(async move { (index, turn, opening.await) })
        };
        running.extend(start(&mut untried, false));
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
                running.extend(start(&mut untried, true));
                continue;
            };
            let error = match result {
                Ok(answer) => {
                    turn.succeed();
                    return Ok(answer);
                }
                Err(error) => error,
            };
            if self.is_of_target(&error, index, call) {
                turn.fail();
            }
            let is_over = until().is_some_and(|until| until <= Instant::now());
            let moves_on = self.moves_on(&error) && !is_over;
            failures.push((index, error));
            if moves_on {
                let is_beside = !running.is_empty();
                running.extend(start(&mut untried, is_beside));
            }
            if running.is_empty() {
                return Err(self.tell(failures, &untried, model));
            }
        }
    }

    /// Takes the target that is called next. One that rests is taken if there is no other, unless it would be called
    /// beside another.
    fn next(&self, untried: &mut Vec<usize>, is_beside: bool) -> Option<(usize, Turn<'_>)> {
        let rest = |index: usize| &self.targets[index].rest;
        let available = untried.iter().enumerate().find_map(|(at, &index)| Some((at, rest(index).begin()?)));
        let (at, turn) = match available {
            Some(available) => available,
            None if is_beside => return None,
            None => (0, rest(*untried.first()?).begin_anyway()),
        };
        Some((untried.remove(at), turn))
    }

    /// Returns whether the target itself has failed, so that it rests for other calls too.
    fn is_of_target(&self, error: &Error, index: usize, call: &Call) -> bool {
        // A call that did not get its turn under limits in time was never sent.
        let was_sent = error.attempts() > 0;
        was_sent
            && self.moves_on(error)
            && match error.kind() {
                Kind::ContextOverflow | Kind::Validation => false,
                // A request may name a model of its own. It can be a wrong one.
                Kind::NotFound | Kind::AccessDenied => {
                    self.targets[index].has_model() || call.request.subject == self.model
                }
                _ => true,
            }
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

    /// Returns the last error, with what each target returned and which ones rest.
    fn tell(&self, failures: Vec<(usize, Error)>, untried: &[usize], model: &str) -> Error {
        let name = |index: usize| self.targets[index].name(model);
        let told: Vec<_> =
            failures.iter().map(|(index, error)| format!("{}: {}", name(*index), error.without_advice())).collect();
        let told = told.join("; ");
        let (tried, number) = (failures.len(), failures.len() + untried.len());
        let (index, last) = failures.into_iter().next_back().expect("a target was called");
        if tried == number {
            return last.retold(format_args!("all {number} targets failed: {told}"));
        }
        if (tried, index) == (1, 0) {
            return last;
        }
        let error = last.retold(format_args!("{tried} of {number} targets failed: {told}"));
        let resting = untried.iter().filter(|index| !self.targets[**index].rest.is_available());
        resting.fold(error, |error, index| error.note(format_args!("; {} rests", name(*index))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Fallback;
    use crate::protocol::operation::Operation;
    use crate::request::SerializedRequest;
    use crate::runtime::sync::Mutex;
    use futures::future::join;
    use tokio::time::sleep;

    const SLOW: Duration = Duration::from_secs(10);
    const HEDGE: Duration = Duration::from_secs(2);

    fn failover() -> Failover {
        let second = Fallback {
            model: Some("second".to_owned()),
            region: None,
            base_url: None,
            request: None,
            path: "/fallbacks/0".to_owned(),
        };
        let targets = vec![Target::first(SLOW), Target::of(&second, SLOW).unwrap()];
        Failover { targets, on: Vec::new(), hedge_after: Some(HEDGE), model: "first".to_owned() }
    }

    fn call() -> Call {
        let (subject, path) = ("first".to_owned(), String::new());
        let request = SerializedRequest { subject, path, headers: Vec::new(), body: None };
        Call { operation: Operation::Converse, request, traceparent: None }
    }

    #[tokio::test(start_paused = true)]
    async fn a_hedge_has_one_attempt_and_calls_no_target_that_has_come_to_rest() {
        let (failover, call) = (failover(), call());
        // The position of each target that is called, and whether it has an alternative.
        let called = Mutex::new(Vec::new());
        let open = |chosen: Chosen<'_>| -> Opening<'_, usize> {
            let index = chosen.index;
            called.lock().push((index, chosen.has_alternative));
            Box::pin(async move {
                match index {
                    0 => sleep(SLOW).await,
                    _ => return Err(Error::new(Kind::Service, "busy").with_attempts(1)),
                }
                Ok(index)
            })
        };
        let opened = || failover.open(&call, vec![0, 1], || None, open);
        let later = async {
            // Both calls wait to be hedged when the second target fails the first of them.
            sleep(HEDGE / 2).await;
            opened().await
        };
        let answered = join(opened(), later).await;
        assert_eq!((answered.0.unwrap(), answered.1.unwrap()), (0, 0));
        assert_eq!(*called.lock(), [(0, true), (0, true), (1, true)]);
    }
}
