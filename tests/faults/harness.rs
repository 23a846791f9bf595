//! The harness: makes every call of every fault over one carrier, checks what became of it, and keeps the table.

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
use crate::fault::{Expect, Fault, Place, Scene};
use crate::interface::{Interface, Run};
use crate::support::capi::*;
use crate::support::{Gate, LocalBedrock};
use crate::table::Table;

/// Calls that wait for a timer need no processor: many at once.
const WAITING: usize = 16;
/// Calls that do not.
const BUSY: usize = 2;
/// The wait for a timer may be this much shorter: clocks tick.
const TOO_EARLY: Duration = Duration::from_millis(5);

/// See the module's documentation. Has to be finished.
/// How often a call may be made until it ends within its limit. One that hangs ends the test; one that the library lets go on for
/// too long does so every time; and a busy machine is late once.
const TRIES: u32 = 3;

pub struct Harness {
    carrier: Carrier,
    table: Mutex<Table>,
    complaints: Mutex<Vec<String>>,
    _running: Running,
}

impl Harness {
    pub fn over(carrier: Carrier, what: &str) -> Harness {
        let title = format!("{what}, {}", carrier.title());
        Harness {
            carrier,
            table: Mutex::new(Table::new(&title)),
            complaints: Mutex::default(),
            _running: Running::begin(),
        }
    }

    /// Makes the calls of all faults.
    pub fn run(&self, faults: Vec<Fault>) {
        faults.iter().for_each(|fault| lock(&self.table).row(&fault.row));
        let waits = |fault: &Fault| fault.calls().iter().any(|(_, scene)| scene.expect.timer.is_some());
        let (alone, faults): (Vec<_>, Vec<_>) = faults.into_iter().partition(|fault| fault.alone);
        let (waiting, busy): (Vec<_>, Vec<_>) = faults.into_iter().partition(waits);
        for (faults, threads) in [(waiting, WAITING), (busy, BUSY), (alone, 1)] {
            let _turn = if threads == BUSY { Turn::busy() } else { Turn::quiet() };
            let queue = Mutex::new(VecDeque::from(faults));
            std::thread::scope(|scope| {
                for _ in 0..threads {
                    scope.spawn(|| {
                        let mut stage = Stage::new(self.carrier);
                        // The lock is let go before the calls are made.
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
        for (interface, scene) in fault.calls().into_iter().filter(|(interface, _)| self.carrier.is_for(*interface)) {
            let called = catch_unwind(AssertUnwindSafe(|| {
                let call =
                    format!("{} ({}) {} through {}", fault.row, fault.case, self.carrier.title(), interface.title());
                let mut tries = TRIES;
                loop {
                    let watched = Watched::begin(call.clone());
                    let run = stage.call(fault, interface, scene);
                    check(interface, scene, &run);
                    tries -= 1;
                    match too_late(&scene.expect, &run, watched.lateness()) {
                        Some(late) => assert!(tries > 0, "{late}, {TRIES} times"),
                        None => break run,
                    }
                }
            }));
            match called {
                Ok(run) => {
                    lock(&self.table).count(&fault.row, interface, run.status);
                    if interface == Interface::Unary || *scene.expect.shown.start() != *scene.expect.shown.end() {
                        continue;
                    }
                    let (reference, told) = first.get_or_insert_with(|| (interface, told(&run)));
                    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| {
                        assert_eq!(self::told(&run), *told, "not as through {}", reference.title());
                    })) {
                        self.complain(fault, interface, &*panic);
                    }
                }
                Err(panic) => self.complain(fault, interface, &*panic),
            }
        }
    }

    fn complain(&self, fault: &Fault, interface: Interface, panic: &(dyn Any + Send)) {
        let said = panic.downcast_ref::<String>().cloned();
        let said = said.or_else(|| panic.downcast_ref::<&str>().map(|said| (*said).to_owned())).unwrap_or_default();
        let complaint = format!("{}, {}, through {}: {said}", fault.row, fault.case, interface.title());
        lock(&self.complaints).push(complaint);
    }

    /// Prints the table, and fails where anything was not as it has to be.
    #[track_caller]
    pub fn finish(self) {
        let Harness { table, complaints, _running, .. } = self;
        println!("\n{}", lock(&table));
        let complaints = std::mem::take(&mut *lock(&complaints));
        let some = complaints.iter().take(20).map(String::as_str).collect::<Vec<_>>().join("\n\n");
        assert!(complaints.is_empty(), "{} calls did not end as they have to:\n\n{some}\n", complaints.len());
        _running.end();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What every interface has to tell in the same way.
fn told(run: &Run) -> (Vec<Event>, bedrock_status, Option<(String, String, bool)>) {
    let failure =
        run.failure.as_ref().map(|failure| (undated(&failure.message), failure.code.clone(), failure.retryable));
    (run.events.clone(), run.status, failure)
}

/// A message without the time until a date of the service's: of two calls the later one has less of it.
fn undated(message: &str) -> String {
    const WAIT: &str = "asks to wait ";
    message.split_once(WAIT).map_or_else(
        || message.to_owned(),
        |(before, after)| format!("{before}{WAIT}{}", after.trim_start_matches(|digit: char| digit.is_ascii_digit())),
    )
}

/// That a call ended as its scene says. That its error is one line that begins with "bedrock: " is checked with every call.
#[track_caller]
fn check(interface: Interface, scene: &Scene, run: &Run) {
    let expect = &scene.expect;
    let Run { events, status, failure, took, .. } = run;
    let allowed: Vec<_> = expect.statuses.iter().map(|status| name(*status)).collect();
    assert!(expect.statuses.contains(status), "{} where {allowed:?} has to be: {run:?}", name(*status));
    if interface == Interface::Unary {
        assert_eq!(*events, []);
    } else {
        check_events(expect, &(scene.reply)(&Gate::new()).body_bytes(), run);
    }
    if let Some(failure) = failure {
        expect.says.iter().for_each(|part| failure.says(&[part]));
        assert!(expect.attempts.contains(&failure.attempts), "{} attempts: {failure:?}", failure.attempts);
        assert_eq!(failure.code, expect.code, "{failure:?}");
        let seen = failure.http_status == expect.http_status || (expect.head_may_be_lost && failure.http_status == 0);
        assert!(seen, "HTTP {} where {} has to be: {failure:?}", failure.http_status, expect.http_status);
    }
    if let (Some((timer, setting)), BEDROCK_E_TIMEOUT) = (expect.timer, *status) {
        assert!(*took + TOO_EARLY >= setting, "timeouts.{timer} is {setting:?}, and ended the call after {took:?}");
    }
}

/// Whether a call went on beyond its limit, the time that this machine took for itself apart.
fn too_late(expect: &Expect, run: &Run, lateness: Duration) -> Option<String> {
    let (took, limit) = (run.took, expect.limit());
    (took > limit + GRACE + lateness)
        .then(|| format!("took {took:?}, and had {limit:?}: this machine was {lateness:?} late"))
}

/// That the events are the reply's first, in order and verbatim, and as many as they have to be.
#[track_caller]
fn check_events(expect: &Expect, body: &Bytes, run: &Run) {
    let shown: Vec<&str> = run.events.iter().map(|event| event.json.as_str()).collect();
    assert!(expect.shown.contains(&shown.len()), "{} events where {:?} have to be: {run:?}", shown.len(), expect.shown);
    let sent = payloads(body);
    for (at, json) in shown.iter().enumerate() {
        // What comes after the body repeats its last frame.
        let sent = sent.get(at).or(sent.last()).expect("an event is shown, and was sent");
        assert_eq!(json, sent, "event {at}");
    }
    if run.status == BEDROCK_OK {
        let stopped = run.events.iter().any(|event| event.kind == BEDROCK_EVENT_MESSAGE_STOP);
        assert!(stopped, "complete without messageStop: {run:?}");
        assert!(run.response.as_ref().is_some_and(|response| response.complete), "complete, and not: {run:?}");
    }
}

/// The payloads of a body's frames, as far as it has whole ones.
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
    /// By the timers they have.
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
    fn call(&mut self, fault: &Fault, interface: Interface, scene: &Scene) -> Run {
        let timeouts = json!({"timeouts": scene.expect.timeouts()});
        let elsewhere;
        let model = match &fault.place {
            Place::Elsewhere(members) => {
                elsewhere = Model::new(&with(with(self.config.clone(), timeouts), members.clone()));
                &elsewhere
            }
            Place::Bedrock => {
                if !self.models.contains_key(&timeouts.to_string()) {
                    let model = self.models[""].with(timeouts.clone());
                    self.models.insert(timeouts.to_string(), model);
                }
                &self.models[&timeouts.to_string()]
            }
        };
        let shown = Gate::new();
        let reply = (scene.reply)(&shown);
        self.bedrock.respond_with(move |_| reply.clone());
        let all = *scene.expect.shown.start();
        if all == 0 {
            shown.open();
        }
        let run = interface.call(model, &self.request, |count| {
            if count == all {
                shown.open();
            }
        });
        if let Some(failure) = &run.failure {
            let seen = self.bedrock.take_requests().len();
            assert!(seen <= failure.attempts as usize, "{seen} requests seen: {failure:?}");
        } else {
            self.bedrock.take_requests();
        }
        run
    }
}

/// The library has one worker for all tests of this process: where time is measured, nobody else keeps it busy.
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

/// A test that holds handles, while this lives.
pub struct Running(());

static RUNNING: Mutex<usize> = Mutex::new(0);

impl Running {
    pub fn begin() -> Running {
        *lock(&RUNNING) += 1;
        Running(())
    }

    /// The last test to end looks whether any handle is left.
    #[track_caller]
    pub fn end(self) {
        // Counted down by drop, under the same lock.
        let running = lock(&RUNNING);
        let alone = *running == 1;
        if alone {
            assert_eq!(bedrock_live_handles(), 0, "handles were made and not freed");
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        *lock(&RUNNING) -= 1;
    }
}
