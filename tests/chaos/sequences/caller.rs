//! A caller: one thread that makes calls, and checks the promises of the header for each of them.

use std::collections::BTreeMap;
use std::ffi::{CStr, CString, c_void};
use std::ptr::{dangling_mut, null, null_mut, without_provenance_mut};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bedrock::ffi::attachment::bedrock_release_fn;
use bedrock::ffi::cancel::bedrock_cancel;
use bedrock::ffi::feed::bedrock_set_observer;
use bedrock::ffi::process::{BEDROCK_LOG_OFF, bedrock_set_log};

use super::calls::{CALLS, Call};
use super::handles::{Handles, Kind};
use crate::clock::Watched;
use crate::random::Random;
use crate::support::capi::*;

/// The total timer of every call that waits.
pub const TOTAL: Duration = Duration::from_millis(150);
/// The time that a call may continue beyond its timer.
const GRACE: Duration = Duration::from_secs(1);
/// The number of violated assertions that a thread reports.
const MOST_TOLD: usize = 5;

/// The numbers of release functions that were passed, and that ran.
pub static GIVEN: AtomicUsize = AtomicUsize::new(0);
pub static RELEASED: AtomicUsize = AtomicUsize::new(0);

pub struct Shared {
    /// For an HTTP/1.1 server, and for an HTTP/2 server.
    pub urls: [String; 2],
    pub handles: Handles,
    /// The number of remaining calls.
    pub steps: AtomicUsize,
    pub until: Option<Instant>,
}

impl Shared {
    /// Frees all handles, and removes the program's functions that no handle holds: the log and the observer.
    pub fn free_all(&self) {
        self.handles.free_all();
        bedrock_set_log(BEDROCK_LOG_OFF, None, null_mut(), None);
        // SAFETY: NULL is permitted for each of them.
        unsafe { bedrock_set_observer(null(), 0, None, null_mut(), None, null_mut()) };
    }
}

/// The results of the calls of one function.
#[derive(Default)]
pub struct Seen {
    pub calls: usize,
    pub statuses: BTreeMap<String, usize>,
    pub longest: Duration,
}

impl Seen {
    pub fn add(&mut self, more: Seen) {
        self.calls += more.calls;
        more.statuses.into_iter().for_each(|(status, count)| *self.statuses.entry(status).or_default() += count);
        self.longest = self.longest.max(more.longest);
    }
}

/// The result of one call.
pub enum Gave {
    Nothing,
    Status(bedrock_status),
}

/// An argument that is a text.
pub struct Text {
    bytes: CString,
    pub pointer: *const std::ffi::c_char,
    pub len: usize,
}

pub struct Caller<'a> {
    shared: &'a Shared,
    pub random: Random,
    /// The depth of nested callbacks.
    depth: usize,
    pub seen: BTreeMap<&'static str, Seen>,
    pub violations: Vec<String>,
}

impl<'a> Caller<'a> {
    pub fn new(shared: &'a Shared, random: Random) -> Caller<'a> {
        Caller { shared, random, depth: 0, seen: BTreeMap::new(), violations: Vec::new() }
    }

    pub fn run(&mut self) {
        let weights: usize = CALLS.iter().map(|call| call.weight).sum();
        let more = |shared: &Shared| match shared.until {
            Some(until) => Instant::now() < until,
            None => shared.steps.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok(),
        };
        while more(self.shared) {
            let mut number = self.random.below(weights);
            let call = CALLS.iter().find(|call| {
                let found = number < call.weight;
                number = number.saturating_sub(call.weight);
                found
            });
            self.make(call.expect("a number below all weights"));
        }
    }

    fn make(&mut self, call: &'static Call) {
        let watched = Watched::begin(call.name.to_owned());
        let began = Instant::now();
        let gave = (call.make)(self);
        let (took, late) = (began.elapsed(), watched.lateness());
        let allowed = if call.waits { TOTAL } else { Duration::ZERO } + GRACE + late;
        // Inside a callback other calls are made.
        if took > allowed && self.depth == 0 {
            self.report(format!("{} took {took:?}, and may take {allowed:?}", call.name));
        }
        let seen = self.seen.entry(call.name).or_default();
        seen.calls += 1;
        seen.longest = seen.longest.max(took);
        if let Gave::Status(status) = gave {
            *seen.statuses.entry(name(status)).or_default() += 1;
            if !(BEDROCK_E_RESOURCE..=BEDROCK_STOPPED).contains(&status) {
                self.report(format!("{} returned {status}", call.name));
            }
        }
    }

    pub fn report(&mut self, what: String) {
        if self.violations.len() < MOST_TOLD {
            self.violations.push(what);
        }
    }

    /// Calls some functions that do not wait and are allowed in a callback.
    pub fn inside(&mut self) {
        if self.depth > 0 {
            return;
        }
        self.depth += 1;
        for _ in 0..self.random.below(3) {
            let call = self.random.one_of(CALLS);
            if !call.waits {
                self.make(call);
            }
        }
        self.depth -= 1;
    }

    pub fn handle<T>(&mut self, kind: Kind) -> *mut T {
        without_provenance_mut(self.shared.handles.pick(&mut self.random, kind))
    }

    /// The same for a function that does not change the object.
    pub fn handle_to_read<T>(&mut self, kind: Kind) -> *const T {
        self.handle::<T>(kind)
    }

    /// Returns a cancel handle for a call: usually NULL, because a fired one ends the call at once.
    pub fn cancel(&mut self) -> *mut bedrock_cancel {
        if self.random.percent(75) { null_mut() } else { self.handle(Kind::Cancel) }
    }

    /// Frees a handle, which may stay among the shared ones.
    pub fn free<T>(&mut self, kind: Kind, free: impl FnOnce(*mut T)) {
        let handle: *mut T = self.handle(kind);
        if self.random.percent(70) {
            self.shared.handles.forget(kind, handle.addr());
        }
        free(handle);
    }

    pub fn keep<T>(&mut self, kind: Kind, handle: *mut T) {
        self.shared.handles.keep(&mut self.random, kind, handle);
    }

    /// Makes a call that writes *err, and checks it.
    pub fn with_err(&mut self, call: impl FnOnce(&mut Self, *mut *mut bedrock_error) -> bedrock_status) -> Gave {
        if self.random.percent(20) {
            return Gave::Status(call(self, null_mut()));
        }
        let mut err = dangling_mut();
        let status = call(self, &mut err);
        if err == dangling_mut() || err.is_null() != (status >= 0) {
            self.report(format!("{} with *err {err:?}", name(status)));
            return Gave::Status(status);
        }
        self.look_at(err, status);
        Gave::Status(status)
    }

    /// Makes a call that writes *out and *err, and keeps the new handle.
    pub fn made<T>(
        &mut self,
        kind: Kind,
        call: impl FnOnce(&mut Self, *mut *mut T, *mut *mut bedrock_error) -> bedrock_status,
    ) -> Gave {
        let mut out = if self.random.percent(3) { None } else { Some(dangling_mut()) };
        let gave = self.with_err(|caller, err| call(caller, out.as_mut().map_or(null_mut(), |out| out), err));
        match out {
            Some(out) if out == dangling_mut() => self.report("*out was not written".to_owned()),
            Some(out) => self.keep(kind, out),
            None => {}
        }
        gave
    }

    /// Checks an error. No other thread knows the handle yet, so that the texts may be read.
    fn look_at(&mut self, err: *mut bedrock_error, status: bedrock_status) {
        if err.is_null() {
            return;
        }
        let message = unsafe { CStr::from_ptr(bedrock_error_message(err)) }.to_string_lossy().into_owned();
        if bedrock_error_status(err) != status {
            self.report(format!("the error of {} has {}", name(status), name(bedrock_error_status(err))));
        }
        if !message.starts_with("bedrock: ") || message.contains(char::is_control) {
            self.report(format!("an invalid message: {message:?}"));
        }
        if status == BEDROCK_E_INTERNAL {
            self.report(message);
        }
        if self.random.percent(30) {
            self.keep(Kind::Error, err);
        } else {
            bedrock_error_free(err);
        }
    }

    /// Returns one of these texts or NULL, with its length or with an impossible one.
    pub fn text(&mut self, choices: &[&str]) -> Text {
        // The first texts are valid.
        let at = self.random.below(choices.len()).min(self.random.below(choices.len()));
        let text = choices[at].replace("{url}", self.shared.urls[0].as_str());
        let text = text.replace("{url2}", self.shared.urls[1].as_str());
        let bytes = CString::new(text).expect("no NUL");
        let len = bytes.as_bytes().len();
        let pointer = bytes.as_ptr();
        let (pointer, len) = match self.random.below(20) {
            0 => (std::ptr::null(), self.random.below(9)),
            1 => (pointer, usize::MAX - 1),
            2 => (pointer, self.random.below(len + 1)),
            3..10 => (pointer, BEDROCK_STRLEN),
            _ => (pointer, len),
        };
        Text { bytes, pointer, len }
    }

    /// Returns a release function to pass, or NULL.
    pub fn release(&mut self) -> bedrock_release_fn {
        unsafe extern "C" fn release(_: *mut c_void) {
            RELEASED.fetch_add(1, Ordering::SeqCst);
        }
        if self.random.percent(50) {
            return None;
        }
        GIVEN.fetch_add(1, Ordering::SeqCst);
        Some(release)
    }
}

impl Text {
    /// The text with NUL at its end, for parameters that have no length.
    pub fn whole(&self) -> *const std::ffi::c_char {
        if self.pointer.is_null() { self.pointer } else { self.bytes.as_ptr() }
    }
}
