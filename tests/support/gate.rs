//! A gate: a point in a reply at which the server waits until the test lets it continue.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::PATIENCE;

/// A point in a reply at which the server waits until the test opens it. Clones are the same gate. A gate may be in
/// many replies, and several times in one.
///
/// ```ignore
/// let gate = Gate::new();
/// bedrock.push(Reply::stream().message_start().wait_for(&gate).text(0, &["late"]).message_stop("end_turn"));
/// gate.wait_arrivals(1); // the server has sent messageStart and nothing else
/// gate.open();
/// ```
#[derive(Clone, Default)]
pub struct Gate(Arc<Inner>);

#[derive(Default)]
struct Inner {
    state: Mutex<State>,
    opened: Notify,
    arrived: Condvar,
}

#[derive(Default)]
struct State {
    open: bool,
    passes: usize,
    arrivals: usize,
}

impl Gate {
    /// Makes a closed gate.
    pub fn new() -> Gate {
        Gate::default()
    }

    /// Opens the gate for good.
    pub fn open(&self) {
        self.state().open = true;
        self.0.opened.notify_waiters();
    }

    /// Lets `count` arrivals pass, now or later. With it a test sends events one at a time.
    pub fn let_pass(&self, count: usize) {
        self.state().passes += count;
        self.0.opened.notify_waiters();
    }

    /// Whether [`open`](Gate::open) was called.
    pub fn is_open(&self) -> bool {
        self.state().open
    }

    /// Returns how often a reply has arrived at this gate, whether it passed or not.
    pub fn arrivals(&self) -> usize {
        self.state().arrivals
    }

    /// Blocks until replies have arrived at this gate `count` times. Everything before the gate was written then.
    /// Panics after [`PATIENCE`].
    #[track_caller]
    pub fn wait_arrivals(&self, count: usize) {
        let (state, timeout) = self
            .0
            .arrived
            .wait_timeout_while(self.state(), PATIENCE, |state| state.arrivals < count)
            .unwrap_or_else(PoisonError::into_inner);
        assert!(!timeout.timed_out(), "waited {PATIENCE:?} for {count} arrivals at a gate, saw {}", state.arrivals);
    }

    /// Arrives at the gate and waits until it may pass. The server calls this.
    pub(super) async fn pass(&self) {
        self.state().arrivals += 1;
        self.0.arrived.notify_all();
        loop {
            let mut opened = std::pin::pin!(self.0.opened.notified());
            opened.as_mut().enable();
            {
                let mut state = self.state();
                if state.open {
                    return;
                }
                if state.passes > 0 {
                    state.passes -= 1;
                    return;
                }
            }
            opened.await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.is_open() { "Gate(open)" } else { "Gate(closed)" })
    }
}
