//! The error of estimates, learned from what calls have used.
//!
//! The service refuses a call for which too little was reserved, so the correction is above the mean by a part of the
//! usual deviation. What was reserved in excess is given back when the call ends.

/// The part of what was learned that is left after another call.
const KEPT: f64 = 0.95;
/// The deviations that are added to the mean.
const DEVIATIONS: f64 = 3.0;
/// The bounds of the correction.
const BOUNDS: std::ops::RangeInclusive<f64> = 0.1..=20.0;

/// Tokens of an input for each that was estimated. Calls count by their length: what a service adds to each request
/// makes a short one many times longer, and a long one hardly.
#[derive(Clone, Copy, Default)]
pub struct Correction {
    estimated: f64,
    seen: f64,
    /// The sum of the differences from the mean.
    deviation: f64,
}

impl Correction {
    /// Returns an estimate after the correction.
    pub fn of(self, estimated: u64) -> u64 {
        let factor = self.mean() + DEVIATIONS * self.share(self.deviation).unwrap_or(0.0);
        (estimated as f64 * factor.clamp(*BOUNDS.start(), *BOUNDS.end())).ceil() as u64
    }

    /// Learns from a call.
    pub fn learn(&mut self, estimated: u64, seen: u64) {
        if estimated == 0 || seen == 0 {
            return;
        }
        let (estimated, seen) = (estimated as f64, seen as f64);
        let deviation = (seen - estimated * self.mean()).abs();
        self.estimated = self.estimated * KEPT + estimated;
        self.seen = self.seen * KEPT + seen;
        self.deviation = self.deviation * KEPT + deviation;
    }

    fn mean(self) -> f64 {
        self.share(self.seen).unwrap_or(1.0)
    }

    fn share(self, sum: f64) -> Option<f64> {
        (self.estimated > 0.0).then(|| sum / self.estimated)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learned(calls: impl IntoIterator<Item = (u64, u64)>) -> Correction {
        let mut correction = Correction::default();
        calls.into_iter().for_each(|(estimated, seen)| correction.learn(estimated, seen));
        correction
    }

    #[test]
    fn estimates_stay_as_they_are_until_a_call_has_ended() {
        assert_eq!(Correction::default().of(100), 100);
        assert_eq!(learned([(0, 10), (10, 0)]).of(100), 100);
    }

    #[test]
    fn a_constant_error_is_corrected() {
        let correction = learned([(100, 60); 200]);
        assert!((60..62).contains(&correction.of(100)), "{}", correction.of(100));
    }

    #[test]
    fn a_changing_error_is_corrected_to_about_the_most() {
        let correction = learned((0..200).map(|call| (1_000, 500 + call % 10 * 50)));
        assert!((950..1_300).contains(&correction.of(1_000)), "{}", correction.of(1_000));
    }

    #[test]
    fn short_calls_to_which_the_service_adds_much_change_little_for_long_ones() {
        let correction = learned((0..200).map(|call| if call % 2 == 0 { (20, 370) } else { (100_000, 75_000) }));
        assert!((75_000..78_000).contains(&correction.of(100_000)), "{}", correction.of(100_000));
    }
}
