//! A fault: what happens to a call, and what has to become of it.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::interface::Interface;
use crate::support::capi::*;
use crate::support::{Gate, Reply};

/// Timers that end no call of the harness before something else has to.
const FAR_OFF: &str = "10m";
/// The timers of faults that no timer is to end: a call that needs one of them comes too late.
const NEVER: Duration = Duration::from_secs(3);

/// What happens to calls, and what has to become of them.
#[derive(Clone)]
pub struct Fault {
    /// Its row in the table; several faults may share one.
    pub row: String,
    /// What exactly, for whoever reads a failure.
    pub case: String,
    pub place: Place,
    pub interfaces: Vec<Interface>,
    pub streamed: Option<Scene>,
    pub unary: Option<Scene>,
    /// Its calls take all that the library has, and are made with no others.
    pub alone: bool,
}

/// Where the call is sent.
#[derive(Clone)]
pub enum Place {
    /// To the local Bedrock, which answers as the scene says.
    Bedrock,
    /// To where these members of the config say, to find no Bedrock there.
    Elsewhere(Value),
}

/// A reply, and what becomes of a call that gets it.
#[derive(Clone)]
pub struct Scene {
    pub reply: Script,
    pub expect: Expect,
}

/// Makes the reply for one call. The gate opens once all events were shown that are to be shown.
pub type Script = Arc<dyn Fn(&Gate) -> Reply + Send + Sync>;

/// What becomes of a call.
#[derive(Clone)]
pub struct Expect {
    /// More than one where the network may choose.
    pub statuses: Vec<bedrock_status>,
    /// How many of the reply's events are shown, which are its first frames.
    pub shown: RangeInclusive<usize>,
    pub says: Vec<String>,
    pub code: String,
    pub http_status: i32,
    /// A reset drops what was not read yet, and so perhaps the head.
    pub head_may_be_lost: bool,
    pub attempts: RangeInclusive<i32>,
    /// The timer that ends it, and its setting.
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

    /// BEDROCK_OK, or BEDROCK_DONE, after that many events.
    pub fn whole(shown: usize) -> Expect {
        Expect { shown: shown..=shown, ..Expect::status(BEDROCK_OK) }
    }

    pub fn fails(status: bedrock_status) -> Expect {
        Expect::status(status)
    }

    /// BEDROCK_E_TIMEOUT, by that timer and in its time.
    pub fn times_out(timer: &'static str, setting: Duration) -> Expect {
        let says = vec![format!("{setting:?}"), format!("timeouts.{timer}")];
        Expect { timer: Some((timer, setting)), says, ..Expect::status(BEDROCK_E_TIMEOUT) }
    }

    pub fn or(mut self, status: bedrock_status) -> Expect {
        self.statuses.push(status);
        self
    }

    /// Exactly that many events were shown before.
    pub fn after(self, shown: usize) -> Expect {
        Expect { shown: shown..=shown, ..self }
    }

    pub fn says(mut self, what: &str) -> Expect {
        self.says.push(what.to_owned());
        self
    }

    pub fn code(self, code: &str) -> Expect {
        Expect { code: code.to_owned(), ..self }
    }

    pub fn http(self, http_status: u16) -> Expect {
        Expect { http_status: http_status.into(), ..self }
    }

    /// The member "timeouts" of the model that is called.
    pub fn timeouts(&self) -> Value {
        let others = if self.timer.is_some() { FAR_OFF.to_owned() } else { format!("{}ms", NEVER.as_millis()) };
        let mut timeouts = json!({"connect": others, "first_event": others, "idle": others, "total": others});
        if let Some((timer, setting)) = self.timer {
            timeouts[timer] = json!(format!("{}ms", setting.as_millis()));
        }
        timeouts
    }

    /// How long the call may take at most, but for the machine's own delays.
    pub fn limit(&self) -> Duration {
        self.timer.map_or(NEVER, |(_, setting)| setting)
    }
}

impl Fault {
    pub fn new(row: &str) -> Fault {
        Fault {
            row: row.to_owned(),
            case: String::new(),
            place: Place::Bedrock,
            interfaces: Interface::STREAMS.to_vec(),
            streamed: None,
            unary: None,
            alone: false,
        }
    }

    /// Tells this fault from others in its row.
    pub fn case(self, case: impl Into<String>) -> Fault {
        Fault { case: case.into(), ..self }
    }

    pub fn by(self, interfaces: &[Interface]) -> Fault {
        Fault { interfaces: interfaces.to_vec(), ..self }
    }

    pub fn elsewhere(self, members: Value) -> Fault {
        Fault { place: Place::Elsewhere(members), ..self }
    }

    pub fn alone(self) -> Fault {
        Fault { alone: true, ..self }
    }

    /// What a stream meets.
    pub fn streamed(self, reply: Reply, expect: Expect) -> Fault {
        self.streamed_by(move |_| reply.clone(), expect)
    }

    /// What a stream meets that looks at what was shown already.
    pub fn streamed_by(self, reply: impl Fn(&Gate) -> Reply + Send + Sync + 'static, expect: Expect) -> Fault {
        Fault { streamed: Some(Scene { reply: Arc::new(reply), expect }), ..self }
    }

    /// What a unary call meets.
    pub fn unary(self, reply: Reply, expect: Expect) -> Fault {
        Fault { unary: Some(Scene { reply: Arc::new(move |_| reply.clone()), expect }), ..self }
    }

    /// The same for streams and unary calls.
    pub fn both(self, reply: Reply, expect: Expect) -> Fault {
        self.streamed(reply.clone(), expect.clone()).unary(reply, expect)
    }

    /// The calls to make of it.
    pub fn calls(&self) -> Vec<(Interface, &Scene)> {
        let streamed =
            self.streamed.iter().flat_map(|scene| self.interfaces.iter().map(move |interface| (*interface, scene)));
        streamed.chain(self.unary.iter().map(|scene| (Interface::Unary, scene))).collect()
    }
}
