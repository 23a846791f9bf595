//! The quota of a model: the requests and tokens of each minute stay under `limits`.
//!
//! A call reserves what it may use, as the service does: one request, its input, and the limit of its output. At its
//! end the reservation is settled with the tokens that were used: those that were read from a cache do not count, and
//! those of the output count several times for some models. Calls are admitted in the order in which they came: one
//! that waits holds the turn, and the others wait for the turn.
//!
//! An adaptive quota learns: a refusal lowers the limits below what was sent in this minute, and each minute without
//! one raises them again. The learned limit of tokens is that of the other calls in the minute: a call with a large
//! reservation is not kept from a minute that is almost empty.

use super::correction::Correction;
use super::estimate::Estimate;
use super::window::{MINUTE, Room, Wait, Window};
use crate::config::Limits;
use crate::protocol::usage::Usage;
use crate::runtime::sync::Mutex;
use crate::sdk::attempts::Attempts;
use futures::future::select;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// The longest time after its sending at which the service counts a request.
const COUNTED_WITHIN: Duration = Duration::from_secs(2);
/// The part of what was sent in the minute of a refusal that is sent in the next.
const AFTER_REFUSAL: f64 = 0.9;
/// The factor by which a learned limit grows in a minute without a refusal.
const GROWTH: f64 = 1.05;
/// The fewest requests that are learned. A refusal in a minute with few requests says little about how many are
/// accepted.
const LEAST_REQUESTS: f64 = 5.0;

/// The quota of a model.
pub struct Quota {
    limits: Limits,
    /// Held by the call that is admitted next. Its waiters have it in the order in which they came.
    turn: tokio::sync::Mutex<()>,
    changed: Notify,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    window: Window,
    learned: Option<Learned>,
    correction: Correction,
    waiting: u64,
    waits: u64,
    waited: Duration,
}

/// Limits that were learned from a refusal.
#[derive(Clone, Copy)]
struct Learned {
    requests: f64,
    /// The most tokens of the requests in the minute to which another is added.
    tokens: f64,
    grown: Instant,
}

/// What a call has reserved. Dropped without [`Reservation::settle`], it keeps the tokens that it has reserved, unless
/// nothing was sent.
pub struct Reservation {
    quota: Arc<Quota>,
    id: u64,
    estimate: Estimate,
    sent: Instant,
    is_counted: bool,
    /// The attempts of the call, and how many there were before.
    attempts: Option<(Attempts, u32)>,
}

impl Quota {
    pub fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Quota { limits, turn: tokio::sync::Mutex::default(), changed: Notify::new(), state: Mutex::default() })
    }

    /// Waits for the turn of a call and reserves what it may use.
    pub async fn reserve(self: &Arc<Self>, estimate: Estimate) -> Reservation {
        let turn = self.turn.try_lock().ok();
        let mut waiting = Waiting::new(self, turn.is_none());
        let _turn = match turn {
            Some(turn) => turn,
            None => self.turn.lock().await,
        };
        loop {
            let mut changed = pin!(self.changed.notified());
            // A change from here on is not missed.
            changed.as_mut().enable();
            let wait = match self.try_reserve(estimate) {
                Ok(reservation) => return reservation,
                Err(wait) => wait,
            };
            waiting.has_waited = true;
            match wait {
                Wait::ForAnother => changed.await,
                Wait::Until(time) => {
                    select(changed, pin!(sleep_until(time))).await;
                }
            }
        }
    }

    /// Reserves what a call may use, if it need not wait for that.
    pub fn reserve_now(self: &Arc<Self>, estimate: Estimate) -> Option<Reservation> {
        let _turn = self.turn.try_lock().ok()?;
        self.try_reserve(estimate).ok()
    }

    fn try_reserve(self: &Arc<Self>, estimate: Estimate) -> Result<Reservation, Wait> {
        let mut state = self.state.lock();
        let tokens = state.correction.of(estimate.input) + estimate.output;
        let (sent, room) = (Instant::now(), state.room(&self.limits, tokens));
        let id = state.window.add(tokens, room, sent)?;
        Ok(Reservation { quota: self.clone(), id, estimate, sent, is_counted: false, attempts: None })
    }

    /// Returns whether limits were learned from a refusal.
    pub fn has_learned(&self) -> bool {
        self.state.lock().learned.is_some()
    }

    /// Adds its numbers to those of the model.
    pub fn add_to(&self, stats: &mut super::Stats) {
        let (mut state, now) = (self.state.lock(), Instant::now());
        let room = state.room(&self.limits, 0);
        stats.requests_in_minute = Some(state.window.requests(now));
        stats.tokens_in_minute = Some(state.window.tokens(now));
        (stats.requests_per_minute, stats.tokens_per_minute) = (room.requests, room.tokens);
        stats.waiting += state.waiting;
        stats.waits += state.waits;
        stats.waited_ms += state.waited.as_millis() as u64;
    }
}

impl State {
    /// Returns the limits in effect for a request with this number of tokens.
    fn room(&mut self, limits: &Limits, of_request: u64) -> Room {
        let (mut requests, mut tokens) =
            (limits.requests_per_minute.map(u64::from), limits.tokens_per_minute.map(u64::from));
        if let Some(learned) = &mut self.learned {
            while learned.grown.elapsed() >= MINUTE {
                learned.grown += MINUTE;
                learned.requests = (learned.requests * GROWTH).max(learned.requests + 1.0);
                learned.tokens *= GROWTH;
            }
            let lower = |limit: Option<u64>, learned: u64| Some(limit.map_or(learned, |limit| limit.min(learned)));
            requests = lower(requests, learned.requests as u64);
            tokens = lower(tokens, (learned.tokens as u64).max(of_request) + of_request);
        }
        Room { requests, tokens }
    }

    /// Learns limits from a refusal of this request: the minute was too full.
    fn learn(&mut self, id: u64, now: Instant) {
        let requests = self.window.requests(now).saturating_sub(1);
        let of_others = self.window.tokens(now) - self.window.tokens_of(id);
        let requests = (requests as f64 * AFTER_REFUSAL).floor().max(LEAST_REQUESTS);
        let tokens = (of_others as f64 * AFTER_REFUSAL).max(self.window.largest() as f64);
        let (requests, tokens) = match self.learned {
            Some(known) => (requests.min(known.requests), tokens.min(known.tokens)),
            None => (requests, tokens),
        };
        self.learned = Some(Learned { requests, tokens, grown: now });
    }
}

impl Reservation {
    /// Returns the same reservation for a call with these attempts. Without a further one, nothing is sent.
    pub fn of(mut self, attempts: &Attempts) -> Self {
        self.attempts = Some((attempts.clone(), attempts.count()));
        self
    }

    /// Returns what the call was expected to use.
    pub fn estimate(&self) -> Estimate {
        self.estimate
    }

    /// Notes that the head of the response has come: the service has counted the request.
    pub fn count(&mut self) {
        if !std::mem::replace(&mut self.is_counted, true) {
            let latest = Instant::now().min(self.sent + COUNTED_WITHIN);
            self.quota.state.lock().window.count(self.id, latest);
            self.quota.changed.notify_waiters();
        }
    }

    /// Notes that the service refused an attempt for throttling: an adaptive quota learns.
    pub fn refuse(&self) {
        if self.quota.limits.adaptive {
            self.quota.state.lock().learn(self.id, Instant::now());
        }
    }

    /// Gives back the tokens of a request that failed.
    pub fn fail(self) {
        self.quota.state.lock().window.settle(self.id, 0);
    }

    /// Adds requests that were sent without a reservation: further attempts.
    pub fn add_sent(&self, requests: u32) {
        let mut state = self.quota.state.lock();
        (0..requests).for_each(|_| state.window.add_sent(Instant::now()));
    }

    /// Gives back what the call has not used.
    pub fn settle(&self, usage: Usage) {
        if usage.input_tokens < 0 {
            return;
        }
        let used = |tokens: i64| u64::try_from(tokens).unwrap_or_default();
        let (input, cached) = (used(usage.input_tokens), used(usage.cache_write_tokens));
        let mut state = self.quota.state.lock();
        let read = used(usage.cache_read_tokens);
        state.correction.learn(self.estimate.input, input + cached + read);
        let output = used(usage.output_tokens).saturating_mul(self.estimate.output_rate);
        state.window.settle(self.id, input + cached + output);
        drop(state);
        self.quota.changed.notify_waiters();
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let is_sent = self.attempts.as_ref().is_none_or(|(attempts, before)| attempts.count() > *before);
        if is_sent {
            return self.count();
        }
        self.quota.state.lock().window.remove(self.id);
        self.quota.changed.notify_waiters();
    }
}

/// A call that waits for its turn, as long as it lives.
struct Waiting<'a> {
    quota: &'a Quota,
    began: Instant,
    /// Whether there was no room when its turn came, or the turn did not come at once.
    has_waited: bool,
}

impl<'a> Waiting<'a> {
    fn new(quota: &'a Quota, has_waited: bool) -> Self {
        quota.state.lock().waiting += 1;
        Waiting { quota, began: Instant::now(), has_waited }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut state = self.quota.state.lock();
        state.waiting -= 1;
        if self.has_waited {
            state.waits += 1;
            state.waited += self.began.elapsed();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::future::join_all;

    fn quota(requests: Option<u32>, tokens: Option<u32>, adaptive: bool) -> Arc<Quota> {
        Quota::new(Limits { requests_per_minute: requests, tokens_per_minute: tokens, adaptive })
    }

    fn estimate(input: u64, output: u64) -> Estimate {
        Estimate { input, output, output_rate: 1 }
    }

    fn stats(quota: &Quota) -> super::super::Stats {
        let mut stats = super::super::Stats::default();
        quota.add_to(&mut stats);
        stats
    }

    #[tokio::test(start_paused = true)]
    async fn calls_are_admitted_in_the_order_in_which_they_came_and_within_each_minute() {
        let (quota, began) = (quota(Some(10), None, false), Instant::now());
        let order = Mutex::new(Vec::new());
        let call = |number: usize| {
            let (quota, order) = (quota.clone(), &order);
            async move {
                let mut reservation = quota.reserve(estimate(1, 1)).await;
                order.lock().push((number, began.elapsed().as_secs()));
                reservation.count();
            }
        };
        join_all((0..25).map(call)).await;
        let minutes: Vec<_> = (0..25).map(|number| (number, number as u64 / 10 * 60)).collect();
        assert_eq!(*order.lock(), minutes);
        assert_eq!((stats(&quota).waits, stats(&quota).waiting), (15, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_reserved_and_not_used_is_given_to_the_call_that_waits() {
        let quota = quota(None, Some(1_000), false);
        let first = quota.reserve(estimate(100, 800)).await;
        let second = tokio::spawn({
            let quota = quota.clone();
            async move { quota.reserve(estimate(100, 100)).await }
        });
        tokio::task::yield_now().await;
        assert_eq!(stats(&quota).waiting, 1);
        first.settle(Usage { input_tokens: 100, output_tokens: 50, ..Usage::default() });
        drop(first);
        drop(second.await.unwrap());
        assert_eq!(stats(&quota).tokens_in_minute, Some(150 + 200));
    }

    #[tokio::test(start_paused = true)]
    async fn tokens_that_were_read_from_a_cache_are_given_back() {
        let quota = quota(None, Some(10_000), false);
        let call = quota.reserve(estimate(5_000, 100)).await;
        let usage = Usage { input_tokens: 10, cache_read_tokens: 4_990, output_tokens: 20, ..Usage::default() };
        call.settle(usage);
        assert_eq!(stats(&quota).tokens_in_minute, Some(30));
    }

    #[tokio::test(start_paused = true)]
    async fn the_output_counts_by_its_rate_when_it_is_settled() {
        let quota = quota(None, Some(10_000), false);
        let call = quota.reserve(Estimate { output_rate: 5, ..estimate(100, 1_000) }).await;
        assert_eq!(stats(&quota).tokens_in_minute, Some(1_100));
        call.settle(Usage { input_tokens: 100, output_tokens: 400, ..Usage::default() });
        assert_eq!(stats(&quota).tokens_in_minute, Some(2_100));
    }

    #[tokio::test(start_paused = true)]
    async fn an_adaptive_quota_sends_less_after_a_refusal_and_grows_again() {
        let quota = quota(None, None, true);
        for _ in 0..100 {
            quota.reserve(estimate(1, 1)).await.count();
        }
        assert_eq!(stats(&quota).requests_per_minute, None);
        quota.reserve(estimate(1, 1)).await.refuse();
        assert_eq!(stats(&quota).requests_per_minute, Some(90));
        tokio::time::advance(MINUTE).await;
        assert_eq!(stats(&quota).requests_per_minute, Some(94));
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_does_not_keep_a_call_with_a_large_reservation_from_a_minute_that_is_almost_empty() {
        let quota = quota(None, None, true);
        let call = || quota.reserve_now(estimate(10, 64_000));
        let used = Usage { input_tokens: 10, output_tokens: 5, ..Usage::default() };
        for _ in 0..10 {
            call().unwrap().settle(used);
        }
        let refused = call().unwrap();
        refused.refuse();
        refused.fail();
        tokio::time::advance(MINUTE).await;
        for sent in 0..10 {
            call().unwrap_or_else(|| panic!("after {sent} calls there is no room")).settle(used);
        }
        assert!(call().is_none(), "more than before the refusal");
        // A call with a larger reservation than any before.
        tokio::time::advance(MINUTE).await;
        for _ in 0..3 {
            quota.reserve_now(estimate(10, 500_000)).unwrap().settle(Usage { output_tokens: 50_000, ..used });
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_of_the_first_call_leaves_room_for_some() {
        let quota = quota(None, None, true);
        quota.reserve_now(estimate(1, 1)).unwrap().refuse();
        assert_eq!(stats(&quota).requests_per_minute, Some(5));
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_refusal_fewer_tokens_are_under_way_at_once() {
        let quota = quota(None, None, true);
        let calls: Vec<_> = (0..20).map(|_| quota.reserve_now(estimate(0, 1_000)).unwrap()).collect();
        calls[19].refuse();
        drop(calls);
        tokio::time::advance(MINUTE).await;
        let calls: Vec<_> = std::iter::from_fn(|| quota.reserve_now(estimate(0, 1_000))).collect();
        assert_eq!(calls.len(), 18);
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_of_which_nothing_was_sent_uses_up_no_request() {
        let quota = quota(Some(1), None, false);
        let waiting = tokio::spawn({
            let (quota, unsent) = (quota.clone(), quota.reserve(estimate(1, 1)).await.of(&Attempts::default()));
            assert_eq!(stats(&quota).requests_in_minute, Some(1));
            async move {
                drop(unsent);
                quota.reserve(estimate(1, 1)).await
            }
        });
        let began = Instant::now();
        drop(waiting.await.unwrap());
        assert_eq!((began.elapsed(), stats(&quota).requests_in_minute), (Duration::ZERO, Some(1)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_is_cancelled_while_it_waits_does_not_hold_up_the_next() {
        let quota = quota(Some(1), None, false);
        quota.reserve(estimate(1, 1)).await.count();
        let waits = tokio::time::timeout(Duration::from_secs(1), quota.reserve(estimate(1, 1)));
        assert!(waits.await.is_err());
        tokio::time::timeout(MINUTE, quota.reserve(estimate(1, 1))).await.expect("its turn comes after a minute");
    }
}
