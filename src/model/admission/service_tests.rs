//! A service with the quota that a model has as its limits: it refuses none of the model's calls, and almost all of the
//! quota is used. The clock is virtual.

use super::estimate::Estimate;
use super::quota::Quota;
use super::window::MINUTE;
use crate::config::Limits;
use crate::protocol::usage::Usage;
use crate::runtime::sync::Mutex;
use futures::future::join_all;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// The minutes in which calls wait all the time.
const MINUTES: u32 = 4;

/// The accounting of the service: what counts in the last 60 seconds, by the rule of its documentation.
struct Service {
    limits: Limits,
    /// The times at which requests were counted, with their tokens.
    counted: Vec<(Instant, u64)>,
    refused: usize,
}

impl Service {
    /// Counts a request with what it reserves, or refuses it.
    fn count(&mut self, tokens: u64) -> Option<usize> {
        let now = Instant::now();
        let in_minute = self.counted.iter().rev().take_while(|(at, _)| now - *at < MINUTE);
        let (requests, sum) = in_minute.fold((0, 0), |(requests, sum), (_, tokens)| (requests + 1, sum + tokens));
        let is_over = |limit: Option<u32>, used: u64| limit.is_some_and(|limit| used > u64::from(limit));
        if is_over(self.limits.requests_per_minute, requests + 1)
            || is_over(self.limits.tokens_per_minute, sum + tokens)
        {
            self.refused += 1;
            return None;
        }
        self.counted.push((now, tokens));
        Some(self.counted.len() - 1)
    }
}

/// What a call is going to use.
struct Tokens {
    estimate: Estimate,
    usage: Usage,
}

impl Tokens {
    /// Texts of all lengths, of which some were in a cache, and outputs of all lengths up to their limit.
    fn random(random: &mut fastrand::Rng) -> Self {
        let (input, limit) = (random.i64(50..400), random.i64(100..600));
        let cache_read_tokens = if random.bool() { input / 2 } else { 0 };
        let usage = Usage {
            input_tokens: input - cache_read_tokens,
            cache_read_tokens,
            output_tokens: random.i64(1..=limit),
            ..Usage::default()
        };
        // The estimate by the length of a text is too high by a half or less.
        let estimated = (input as f64 * (1.0 + random.f64() / 2.0)) as u64;
        Tokens { estimate: Estimate { input: estimated, output: limit as u64, output_rate: 1 }, usage }
    }

    fn reserved(&self) -> u64 {
        (self.usage.input_tokens + self.usage.cache_read_tokens) as u64 + self.estimate.output
    }

    fn used(&self) -> u64 {
        (self.usage.input_tokens + self.usage.output_tokens) as u64
    }
}

/// Makes the calls, all at once. Returns how many were refused, and the part of the quota that was used in the first
/// minutes.
async fn calls(tokens: &[Tokens], limits: Limits, quota: Option<Arc<Quota>>, seed: u64) -> (usize, f64) {
    let service = Mutex::new(Service { limits, counted: Vec::new(), refused: 0 });
    let began = Instant::now();
    let call = async |number: usize, tokens: &Tokens| {
        let mut random = fastrand::Rng::with_seed(seed ^ number as u64);
        let mut wait = |most: u64| sleep(Duration::from_millis(random.u64(1..most)));
        let mut reservation = match &quota {
            Some(quota) => Some(quota.reserve(tokens.estimate).await),
            None => None,
        };
        wait(20).await;
        let counted = service.lock().count(tokens.reserved());
        wait(500).await;
        reservation.iter_mut().for_each(|reservation| reservation.count());
        let Some(counted) = counted else { return };
        wait(1_500).await;
        service.lock().counted[counted].1 = tokens.used();
        wait(20).await;
        reservation.iter().for_each(|reservation| reservation.settle(tokens.usage));
    };
    join_all(tokens.iter().enumerate().map(|(number, tokens)| call(number, tokens))).await;
    let service = service.lock();
    let counted = service.counted.iter().filter(|(at, _)| *at - began < MINUTES * MINUTE);
    let (requests, sum) = counted.fold((0, 0), |(requests, sum), (_, tokens)| (requests + 1, sum + tokens));
    let part = |used: u64, limit: Option<u32>| limit.map_or(0.0, |limit| used as f64 / f64::from(limit * MINUTES));
    (service.refused, part(requests, limits.requests_per_minute).max(part(sum, limits.tokens_per_minute)))
}

#[tokio::test(start_paused = true)]
async fn a_service_with_the_same_quota_refuses_none_of_a_thousand_calls_and_almost_all_of_it_is_used() {
    const CALLS: usize = 1_000;
    for seed in 0..20 {
        let mut random = fastrand::Rng::with_seed(seed);
        let tokens: Vec<_> = (0..CALLS).map(|_| Tokens::random(&mut random)).collect();
        let all: u64 = tokens.iter().map(Tokens::used).sum();
        // So that calls wait throughout these minutes.
        let quota = |needed: u64| Some((needed as f64 / (f64::from(MINUTES) + 0.5)) as u32);
        let of_requests = Limits { requests_per_minute: quota(CALLS as u64), ..Limits::default() };
        let of_tokens = Limits { tokens_per_minute: quota(all), ..Limits::default() };
        let of_both = Limits { requests_per_minute: quota(CALLS as u64), ..of_tokens };
        for limits in [of_requests, of_tokens, of_both] {
            let (refused, used) = calls(&tokens, limits, Some(Quota::new(limits)), seed).await;
            assert_eq!(refused, 0, "{limits:?}, seed {seed}");
            assert!(used >= 0.95, "{used} of {limits:?}, seed {seed}");
            let (refused, _) = calls(&tokens, limits, None, seed).await;
            assert!(refused > CALLS / 2, "the service refuses what is over its quota: {refused}");
        }
    }
}
