//! A fault: what is done to a call, and the expected outcome.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::interface::Interface;
use crate::support::capi::*;
use crate::support::{Gate, Reply};

/// The timers that must not fire in faults that one timer has to end.
const LONG: &str = "10m";
/// The timers of faults that no timer has to end. They end a call that hangs.
const HANG: &str = "30s";
/// How long a call may take that no timer has to end.
const LIMIT: Duration = Duration::from_secs(3);

/// What is done to calls, and the expected outcomes.
#[derive(Clone)]
pub struct Fault {
    /// Its row in the table; several faults may share one.
    pub row: String,
    /// The exact case, for failure messages.
    pub case: String,
    pub target: Target,
    pub interfaces: Vec<Interface>,
    pub streamed: Option<Scenario>,
    pub unary: Option<Scenario>,
    /// Whether its calls need the whole library for themselves, and run without other calls.
    pub alone: bool,
}

/// Where the call is sent.
#[derive(Clone)]
pub enum Target {
    /// The local Bedrock, which sends the reply of the scenario.
    Bedrock,
    /// The address in these config members, where there is no local Bedrock.
    Elsewhere(Value),
}

/// A reply, and the expected outcome of a call that gets it.
#[derive(Clone)]
pub struct Scenario {
    pub reply: Script,
    pub expect: Expect,
}

/// Makes the reply for one call. The gate opens when all expected events have been delivered.
pub type Script = Arc<dyn Fn(&Gate) -> Reply + Send + Sync>;

/// The expected outcome of a call.
#[derive(Clone)]
pub struct Expect {
    /// More than one if the outcome depends on timing.
    pub statuses: Vec<bedrock_status>,
    /// The number of events that are delivered: the first frames of the reply.
    pub shown: RangeInclusive<usize>,
    pub says: Vec<String>,
    pub code: String,
    pub http_status: i32,
    /// A reset drops bytes that were not read yet, which may include the head.
    pub head_may_be_lost: bool,
    pub attempts: RangeInclusive<i32>,
    /// The timer that ends the call, and its setting.
    pub timer: Option<(&'static str, Duration)>,
}

impl Expect {
    fn status(status: bedrock_status) -> Expect {
        Expect {
            statuses: vec![status],
            shown: 0..=0,
            says: Vec::new(),
            code: String::new(),
            http_status: 0,
            head_may_be_lost: false,
            attempts: 1..=1,
            timer: None,
        }
    }

    /// BEDROCK_OK or BEDROCK_DONE after `shown` events.
    pub fn completes(shown: usize) -> Expect {
        Expect { shown: shown..=shown, ..Expect::status(BEDROCK_OK) }
    }

    pub fn fails(status: bedrock_status) -> Expect {
        Expect::status(status)
    }

    /// BEDROCK_E_TIMEOUT by that timer, at its time.
    pub fn times_out(timer: &'static str, setting: Duration) -> Expect {
        let says = vec![format!("{setting:?}"), format!("timeouts.{timer}")];
        Expect { timer: Some((timer, setting)), says, ..Expect::status(BEDROCK_E_TIMEOUT) }
    }

    pub fn or(mut self, status: bedrock_status) -> Expect {
        self.statuses.push(status);
        self
    }

    /// After exactly `shown` events.
    pub fn after(self, shown: usize) -> Expect {
        Expect { shown: shown..=shown, ..self }
    }

    pub fn says(mut self, part: &str) -> Expect {
        self.says.push(part.to_owned());
        self
    }

    pub fn code(self, code: &str) -> Expect {
        Expect { code: code.to_owned(), ..self }
    }

    pub fn http(self, http_status: u16) -> Expect {
        Expect { http_status: http_status.into(), ..self }
    }

    /// Returns the config member "timeouts" of the model that is called.
    pub fn timeouts(&self) -> Value {
        let others = if self.timer.is_some() { LONG } else { HANG };
        let mut timeouts = json!({"connect": others, "first_event": others, "idle": others, "total": others});
        if let Some((timer, setting)) = self.timer {
            timeouts[timer] = json!(format!("{}ms", setting.as_millis()));
        }
        timeouts
    }

    /// Returns the longest time that the call may take, without the machine's own delays.
    pub fn limit(&self) -> Duration {
        self.timer.map_or(LIMIT, |(_, setting)| setting)
    }
}

impl Fault {
    pub fn new(row: &str) -> Fault {
        Fault {
            row: row.to_owned(),
            case: String::new(),
            target: Target::Bedrock,
            interfaces: Interface::STREAMS.to_vec(),
            streamed: None,
            unary: None,
            alone: false,
        }
    }

    /// Names the case, which distinguishes the fault from others in its row.
    pub fn case(self, case: impl Into<String>) -> Fault {
        Fault { case: case.into(), ..self }
    }

    pub fn by(self, interfaces: &[Interface]) -> Fault {
        Fault { interfaces: interfaces.to_vec(), ..self }
    }

    pub fn elsewhere(self, members: Value) -> Fault {
        Fault { target: Target::Elsewhere(members), ..self }
    }

    pub fn alone(self) -> Fault {
        Fault { alone: true, ..self }
    }

    /// Sets the reply to streams.
    pub fn streamed(self, reply: Reply, expect: Expect) -> Fault {
        self.streamed_by(move |_| reply.clone(), expect)
    }

    /// Sets the reply to streams, which may wait for the delivery of events.
    pub fn streamed_by(self, reply: impl Fn(&Gate) -> Reply + Send + Sync + 'static, expect: Expect) -> Fault {
        Fault { streamed: Some(Scenario { reply: Arc::new(reply), expect }), ..self }
    }

    /// Sets the reply to unary calls.
    pub fn unary(self, reply: Reply, expect: Expect) -> Fault {
        Fault { unary: Some(Scenario { reply: Arc::new(move |_| reply.clone()), expect }), ..self }
    }

    /// Sets the same reply for streams and unary calls.
    pub fn both(self, reply: Reply, expect: Expect) -> Fault {
        self.streamed(reply.clone(), expect.clone()).unary(reply, expect)
    }

    /// Returns the calls to make for this fault.
    pub fn calls(&self) -> Vec<(Interface, &Scenario)> {
        let streamed = self
            .streamed
            .iter()
            .flat_map(|scenario| self.interfaces.iter().map(move |interface| (*interface, scenario)));
        streamed.chain(self.unary.iter().map(|scenario| (Interface::Unary, scenario))).collect()
    }
}
