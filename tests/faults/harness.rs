//! The harness: makes every call of every fault over one carrier, checks the outcomes, and collects the table.

use std::any::Any;
use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use aws_smithy_eventstream::frame::read_message_from;
use bedrock::ffi::process::bedrock_live_handles;
use bytes::Bytes;
use serde_json::{Value, json};

use crate::carrier::Carrier;
use crate::clock::{GRACE, Watched};
use crate::fault::{Expect, Fault, Scenario, Target};
use crate::interface::{Interface, Run};
use crate::support::capi::*;
use crate::support::{Gate, LocalBedrock};
use crate::table::Table;

/// The number of concurrent calls that wait for a timer. They need no processor.
const WAITING: usize = 16;
/// The number of concurrent calls that do not wait for a timer.
const BUSY: usize = 2;
/// A timer may fire earlier by this much, because of the resolution of clocks.
const TOO_EARLY: Duration = Duration::from_millis(5);

/// How often a call is made until it ends within its limit. A call that the library ends too late is late every time,
/// and a call on a busy machine is not.
const TRIES: u32 = 3;

/// Makes a call until it is in time, and returns the last one.
pub fn until_in_time<T>(mut call: impl FnMut() -> T, is_in_time: impl Fn(&T) -> bool) -> T {
    let mut made = call();
    for _ in 1..TRIES {
        if is_in_time(&made) {
            break;
        }
        made = call();
    }
    made
}

/// Makes calls and collects the results, until it is finished.
pub struct Harness {
    carrier: Carrier,
    table: Mutex<Table>,
    errors: Mutex<Vec<String>>,
    _running: Running,
}

impl Harness {
    pub fn over(carrier: Carrier, what: &str) -> Harness {
        let title = format!("{what}, {}", carrier.title());
        Harness { carrier, table: Mutex::new(Table::new(&title)), errors: Mutex::default(), _running: Running::begin() }
    }

    /// Makes the calls of all faults.
    pub fn run(&self, faults: Vec<Fault>) {
        faults.iter().for_each(|fault| lock(&self.table).row(&fault.row));
        let waits = |fault: &Fault| fault.calls().iter().any(|(_, scenario)| scenario.expect.timer.is_some());
        let (alone, faults): (Vec<_>, Vec<_>) = faults.into_iter().partition(|fault| fault.alone);
        let (waiting, busy): (Vec<_>, Vec<_>) = faults.into_iter().partition(waits);
        for (faults, threads) in [(waiting, WAITING), (busy, BUSY), (alone, 1)] {
            let _turn = if threads == BUSY { Turn::busy() } else { Turn::quiet() };
            let queue = Mutex::new(VecDeque::from(faults));
            std::thread::scope(|scope| {
                for _ in 0..threads {
                    scope.spawn(|| {
                        let mut stage = Stage::new(self.carrier);
                        // The lock is released before the calls are made.
                        while let Some(fault) = { lock(&queue).pop_front() } {
                            self.make_calls(&fault, &mut stage);
                        }
                    });
                }
            });
        }
    }

    fn make_calls(&self, fault: &Fault, stage: &mut Stage) {
        let mut first = None;
        for (interface, scenario) in fault.calls().into_iter().filter(|(interface, _)| self.carrier.is_for(*interface))
        {
            let called = catch_unwind(AssertUnwindSafe(|| {
                let call =
                    format!("{} ({}) {} through {}", fault.row, fault.case, self.carrier.title(), interface.title());
                let try_once = || {
                    let watched = Watched::begin(call.clone());
                    let run = stage.call(fault, interface, scenario);
                    check(interface, scenario, &run);
                    (too_late(&scenario.expect, &run, watched.lateness()), run)
                };
                let (late, run) = until_in_time(try_once, |(late, _)| late.is_none());
                if let Some(late) = late {
                    panic!("{late}, {TRIES} times");
                }
                run
            }));
            match called {
                Ok(run) => {
                    lock(&self.table).count(&fault.row, interface, run.status);
                    if interface == Interface::Unary || *scenario.expect.shown.start() != *scenario.expect.shown.end() {
                        continue;
                    }
                    let (reference, expected) = first.get_or_insert_with(|| (interface, observed(&run)));
                    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| {
                        assert_eq!(observed(&run), *expected, "other than through {}", reference.title());
                    })) {
                        self.report(fault, interface, &*panic);
                    }
                }
                Err(panic) => self.report(fault, interface, &*panic),
            }
        }
    }

    fn report(&self, fault: &Fault, interface: Interface, panic: &(dyn Any + Send)) {
        let message = panic.downcast_ref::<String>().cloned();
        let message =
            message.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default();
        let error = format!("{}, {}, through {}: {message}", fault.row, fault.case, interface.title());
        lock(&self.errors).push(error);
    }

    /// Prints the table, and fails if any outcome was not the expected one.
    #[track_caller]
    pub fn finish(self) {
        let Harness { table, errors, _running, .. } = self;
        println!("\n{}", lock(&table));
        let errors = std::mem::take(&mut *lock(&errors));
        let first_errors = errors.iter().take(20).map(String::as_str).collect::<Vec<_>>().join("\n\n");
        assert!(errors.is_empty(), "{} calls had an unexpected outcome:\n\n{first_errors}\n", errors.len());
        _running.end();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The part of an outcome that has to be the same through every interface.
fn observed(run: &Run) -> (Vec<Event>, bedrock_status, Option<(String, String, bool)>) {
    let failure =
        run.failure.as_ref().map(|failure| (undated(&failure.message), failure.code.clone(), failure.retryable));
    (run.events.clone(), run.status, failure)
}

/// A message without the time until a date that the service sent: it differs between two calls.
fn undated(message: &str) -> String {
    const WAIT: &str = "asks to wait ";
    message.split_once(WAIT).map_or_else(
        || message.to_owned(),
        |(before, after)| format!("{before}{WAIT}{}", after.trim_start_matches(|digit: char| digit.is_ascii_digit())),
    )
}

/// Checks that a call ended as its scenario expects. `Failure` checks that the error is one line that begins with
/// "bedrock: ".
#[track_caller]
fn check(interface: Interface, scenario: &Scenario, run: &Run) {
    let expect = &scenario.expect;
    let Run { events, status, failure, took, .. } = run;
    let allowed: Vec<_> = expect.statuses.iter().map(|status| name(*status)).collect();
    assert!(expect.statuses.contains(status), "{}, expected {allowed:?}: {run:?}", name(*status));
    if interface == Interface::Unary {
        assert_eq!(*events, []);
    } else {
        check_events(expect, &(scenario.reply)(&Gate::new()).body_bytes(), run);
    }
    if let Some(failure) = failure {
        expect.says.iter().for_each(|part| failure.says(&[part]));
        assert!(expect.attempts.contains(&failure.attempts), "{} attempts: {failure:?}", failure.attempts);
        assert_eq!(failure.code, expect.code, "{failure:?}");
        let seen = failure.http_status == expect.http_status || (expect.head_may_be_lost && failure.http_status == 0);
        assert!(seen, "HTTP {}, expected {}: {failure:?}", failure.http_status, expect.http_status);
    }
    if let (Some((timer, setting)), BEDROCK_E_TIMEOUT) = (expect.timer, *status) {
        assert!(*took + TOO_EARLY >= setting, "timeouts.{timer} of {setting:?} ended the call after {took:?}");
    }
}

/// Returns a message if a call took longer than its limit plus the machine's own delays.
fn too_late(expect: &Expect, run: &Run, lateness: Duration) -> Option<String> {
    let (took, limit) = (run.took, expect.limit());
    (took > limit + GRACE + lateness)
        .then(|| format!("took {took:?}, limit {limit:?}, delays of this machine {lateness:?}"))
}

/// Checks that the events are the first ones of the reply, in order and verbatim, and that their number is the expected
/// one.
#[track_caller]
fn check_events(expect: &Expect, body: &Bytes, run: &Run) {
    let shown: Vec<&str> = run.events.iter().map(|event| event.json.as_str()).collect();
    assert!(expect.shown.contains(&shown.len()), "{} events, expected {:?}: {run:?}", shown.len(), expect.shown);
    let sent = payloads(body);
    for (at, json) in shown.iter().enumerate() {
        // An endless reply repeats the last frame of its body.
        let sent = sent.get(at).or(sent.last()).expect("an event that was sent");
        assert_eq!(json, sent, "event {at}");
    }
    if run.status == BEDROCK_OK {
        let stopped = run.events.iter().any(|event| event.kind == BEDROCK_EVENT_MESSAGE_STOP);
        assert!(stopped, "complete without messageStop: {run:?}");
        assert!(
            run.response.as_ref().is_some_and(|response| response.complete),
            "BEDROCK_OK with an incomplete response: {run:?}"
        );
    }
}

/// The payloads of the complete frames of a body.
fn payloads(body: &Bytes) -> Vec<String> {
    let mut rest = &body[..];
    std::iter::from_fn(|| read_message_from(&mut rest).ok())
        .map(|message| String::from_utf8_lossy(message.payload()).into_owned())
        .collect()
}

/// A local Bedrock with the models that call it.
struct Stage {
    bedrock: LocalBedrock,
    config: Value,
    /// By the JSON of their timers.
    models: BTreeMap<String, Model>,
    request: Request,
}

impl Stage {
    fn new(carrier: Carrier) -> Stage {
        let bedrock = carrier.start();
        let config = with(carrier.config(&bedrock), json!({"retry": {"max_attempts": 1}}));
        let model = Model::new(&config);
        Stage { bedrock, config, models: BTreeMap::from([(String::new(), model)]), request: Request::say("Hello?") }
    }

    #[track_caller]
    fn call(&mut self, fault: &Fault, interface: Interface, scenario: &Scenario) -> Run {
        let timeouts = json!({"timeouts": scenario.expect.timeouts()});
        let elsewhere;
        let model = match &fault.target {
            Target::Elsewhere(members) => {
                elsewhere = Model::new(&with(with(self.config.clone(), timeouts), members.clone()));
                &elsewhere
            }
            Target::Bedrock => {
                if !self.models.contains_key(&timeouts.to_string()) {
                    let model = self.models[""].with(timeouts.clone());
                    self.models.insert(timeouts.to_string(), model);
                }
                &self.models[&timeouts.to_string()]
            }
        };
        // Those of a call that failed before they were counted.
        self.bedrock.take_requests();
        let shown = Gate::new();
        let reply = (scenario.reply)(&shown);
        self.bedrock.respond_with(move |_| reply.clone());
        let all = *scenario.expect.shown.start();
        if all == 0 {
            shown.open();
        }
        let run = interface.call(model, &self.request, |count| {
            if count == all {
                shown.open();
            }
        });
        if let Some(failure) = &run.failure {
            let seen = self.bedrock.requests().len();
            assert!(seen <= failure.attempts as usize, "{seen} requests were received: {failure:?}");
        }
        run
    }
}

/// A turn to use the library's only worker: a test that measures time has it alone.
pub struct Turn {
    _quiet: Option<RwLockWriteGuard<'static, ()>>,
    _busy: Option<RwLockReadGuard<'static, ()>>,
}

static TURNS: RwLock<()> = RwLock::new(());

impl Turn {
    pub fn quiet() -> Turn {
        Turn { _quiet: Some(TURNS.write().unwrap_or_else(PoisonError::into_inner)), _busy: None }
    }

    pub fn busy() -> Turn {
        Turn { _quiet: None, _busy: Some(TURNS.read().unwrap_or_else(PoisonError::into_inner)) }
    }
}

/// Counts a test that holds handles.
pub struct Running(());

static RUNNING: Mutex<usize> = Mutex::new(0);

impl Running {
    pub fn begin() -> Running {
        *lock(&RUNNING) += 1;
        Running(())
    }

    /// Ends the test. The last test that ends checks that no handle is left.
    #[track_caller]
    pub fn end(self) {
        // The lock is held until the check is done. Drop counts down afterwards.
        let running = lock(&RUNNING);
        let alone = *running == 1;
        if alone {
            assert_eq!(bedrock_live_handles(), 0, "handles that were not freed");
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        *lock(&RUNNING) -= 1;
    }
}
