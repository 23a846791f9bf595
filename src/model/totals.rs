//! The usage of a model's calls.
//!
//! A model counts its own calls and those of models derived from it. Each call is added to the counters of its model
//! and of every model above that still exists.

use crate::protocol::usage::Usage;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Weak};

/// The counters of a model, and of the models above it. A clone counts for the same model.
#[derive(Clone, Default)]
pub struct Totals {
    counters: Arc<Counters>,
    above: Vec<Weak<Counters>>,
}

#[derive(Default)]
struct Counters {
    input_tokens: AtomicI64,
    output_tokens: AtomicI64,
    total_tokens: AtomicI64,
    cache_read_tokens: AtomicI64,
    cache_write_tokens: AtomicI64,
    cache_write_5m_tokens: AtomicI64,
    cache_write_1h_tokens: AtomicI64,
}

impl Totals {
    /// Returns the counters of a derived model.
    pub fn derive(&self) -> Totals {
        let above = self.above.iter().filter(|counters| counters.strong_count() > 0).cloned();
        Totals { counters: Arc::default(), above: above.chain([Arc::downgrade(&self.counters)]).collect() }
    }

    /// Adds the usage of a call, as far as the service reported it.
    pub fn add(&self, usage: Usage) {
        self.counters.add(usage);
        self.above.iter().filter_map(Weak::upgrade).for_each(|counters| counters.add(usage));
    }

    /// Returns the sums. There is no sum of times: calls may run at the same time.
    pub fn sum(&self) -> Usage {
        let of = |counter: &AtomicI64| counter.load(Ordering::Relaxed);
        let Counters {
            input_tokens,
            output_tokens,
            total_tokens,
            cache_read_tokens,
            cache_write_tokens,
            cache_write_5m_tokens,
            cache_write_1h_tokens,
        } = &*self.counters;
        Usage {
            input_tokens: of(input_tokens),
            output_tokens: of(output_tokens),
            total_tokens: of(total_tokens),
            cache_read_tokens: of(cache_read_tokens),
            cache_write_tokens: of(cache_write_tokens),
            latency_ms: -1,
            cache_write_5m_tokens: of(cache_write_5m_tokens),
            cache_write_1h_tokens: of(cache_write_1h_tokens),
        }
    }
}

impl Counters {
    fn add(&self, usage: Usage) {
        let add = |counter: &AtomicI64, count: i64| {
            if count > 0 {
                counter.fetch_add(count, Ordering::Relaxed);
            }
        };
        add(&self.input_tokens, usage.input_tokens);
        add(&self.output_tokens, usage.output_tokens);
        add(&self.total_tokens, usage.total());
        add(&self.cache_read_tokens, usage.cache_read_tokens);
        add(&self.cache_write_tokens, usage.cache_write_tokens);
        add(&self.cache_write_5m_tokens, usage.cache_write_5m_tokens);
        add(&self.cache_write_1h_tokens, usage.cache_write_1h_tokens);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(input_tokens: i64, output_tokens: i64) -> Usage {
        Usage { input_tokens, output_tokens, ..Usage::default() }
    }

    #[test]
    fn calls_that_end_at_once_are_all_counted() {
        let base = Totals::default();
        let derived: Vec<_> = (0..4).map(|_| base.derive()).collect();
        std::thread::scope(|scope| {
            for totals in &derived {
                scope.spawn(|| (0..1000).for_each(|_| totals.add(used(1, 2))));
            }
        });
        let sum = base.sum();
        assert_eq!((sum.input_tokens, sum.output_tokens, sum.total_tokens), (4000, 8000, 12_000));
    }

    #[test]
    fn a_model_counts_for_itself_and_for_the_models_above_it_that_still_exist() {
        let base = Totals::default();
        let middle = base.derive();
        let below = middle.derive();
        base.add(used(1, 1));
        middle.clone().add(used(2, -1));
        below.add(Usage { total_tokens: 9, ..used(4, 4) });
        let sums = |totals: &Totals| (totals.sum().input_tokens, totals.sum().output_tokens, totals.sum().total_tokens);
        assert_eq!((sums(&base), sums(&middle), sums(&below)), ((7, 5, 13), (6, 4, 11), (4, 4, 9)));
        drop(middle);
        below.add(used(1, 0));
        assert_eq!((sums(&base), sums(&below)), ((8, 5, 14), (5, 4, 10)));
        assert_eq!(below.derive().above.len(), 2, "a model that is gone is forgotten");
    }
}
