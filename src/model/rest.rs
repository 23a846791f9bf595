//! The rest of a target that failed: for some time no call is sent to it while another target can be called. Then one
//! call tries it, and the others wait for how that ends.

use crate::runtime::sync::Mutex;
use std::time::Duration;
use tokio::time::Instant;

/// Whether a target may be called. Calls on all threads share it.
pub struct Rest {
    cooldown: Duration,
    state: Mutex<State>,
}

#[derive(Clone, Copy)]
enum State {
    Available,
    /// Not available before this time; afterwards for one call.
    Resting(Instant),
    /// One call tries the target.
    Tried,
}

/// The permission to call a target, until the call has ended there. Dropped, it says nothing about the target.
pub struct Turn<'a> {
    rest: &'a Rest,
    /// Whether this call is the one that tries the target after its rest.
    tries: bool,
}

impl Rest {
    pub fn new(cooldown: Duration) -> Self {
        Rest { cooldown, state: Mutex::new(State::Available) }
    }

    /// Returns whether [`Rest::begin`] would return a turn.
    pub fn is_available(&self) -> bool {
        match *self.state.lock() {
            State::Available => true,
            State::Resting(until) => until <= Instant::now(),
            State::Tried => false,
        }
    }

    /// Returns a turn, or None while the target rests.
    pub fn begin(&self) -> Option<Turn<'_>> {
        let mut state = self.state.lock();
        let tries = match *state {
            State::Available => false,
            State::Resting(until) if until <= Instant::now() => true,
            State::Resting(_) | State::Tried => return None,
        };
        if tries {
            *state = State::Tried;
        }
        Some(Turn { rest: self, tries })
    }

    /// Returns a turn also while the target rests: there is no other.
    pub fn begin_anyway(&self) -> Turn<'_> {
        self.begin().unwrap_or(Turn { rest: self, tries: false })
    }
}

impl Turn<'_> {
    /// Notes that the target has answered.
    pub fn succeed(mut self) {
        self.end(State::Available);
    }

    /// Notes that the target has failed, so that it rests.
    pub fn fail(mut self) {
        self.end(State::Resting(Instant::now() + self.rest.cooldown));
    }

    fn end(&mut self, state: State) {
        self.tries = false;
        *self.rest.state.lock() = state;
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if self.tries {
            // The call was cancelled, or failed for its own reasons: the next one tries the target.
            self.end(State::Resting(Instant::now()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::advance;

    const COOLDOWN: Duration = Duration::from_secs(30);

    #[tokio::test(start_paused = true)]
    async fn a_target_that_failed_rests_and_is_then_tried_by_one_call() {
        let rest = Rest::new(COOLDOWN);
        rest.begin().unwrap().fail();
        assert!(rest.begin().is_none() && !rest.is_available());
        advance(COOLDOWN).await;
        assert!(rest.is_available());
        let trying = rest.begin().unwrap();
        assert!(rest.begin().is_none(), "one call tries it");
        trying.fail();
        assert!(rest.begin().is_none());
        advance(COOLDOWN).await;
        rest.begin().unwrap().succeed();
        let turns = (rest.begin(), rest.begin());
        assert!(turns.0.is_some() && turns.1.is_some(), "it is available to all");
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_was_cancelled_leaves_the_try_to_the_next_call() {
        let rest = Rest::new(COOLDOWN);
        rest.begin().unwrap().fail();
        advance(COOLDOWN).await;
        drop(rest.begin().unwrap());
        assert!(rest.begin().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_target_without_an_alternative_is_called_during_its_rest_and_an_answer_ends_the_rest() {
        let rest = Rest::new(COOLDOWN);
        rest.begin().unwrap().fail();
        rest.begin_anyway().succeed();
        assert!(rest.is_available());
    }
}
