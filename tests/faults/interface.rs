//! The interfaces of the library: each makes a call and returns its outcome in the same form.

use std::time::{Duration, Instant};

use crate::support::PATIENCE;
use crate::support::capi::*;
use crate::support::pull::{Pull, Pulled, WaitSet, WakeupCounter, readable};

/// An interface for calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Interface {
    /// `bedrock_generate_stream`.
    Callback,
    /// `bedrock_stream_next` without a limit.
    Next,
    /// `bedrock_stream_next` with a limit of a few milliseconds, again and again.
    Timed,
    /// `poll` on `bedrock_stream_fd`, then `next(0)` until BEDROCK_AGAIN.
    Fd,
    /// `bedrock_stream_set_wakeup`, then the same.
    Wakeup,
    /// `bedrock_waitset_wait`, then the same.
    WaitSet,
    /// `bedrock_generate`: no stream.
    Unary,
}

impl Interface {
    pub const STREAMS: [Interface; 6] =
        [Interface::Callback, Interface::Next, Interface::Timed, Interface::Fd, Interface::Wakeup, Interface::WaitSet];
    /// One of each kind: for sweeps.
    pub const THREE: [Interface; 3] = [Interface::Callback, Interface::Next, Interface::Fd];

    pub fn title(self) -> &'static str {
        match self {
            Interface::Callback => "callback",
            Interface::Next => "next(-1)",
            Interface::Timed => "next(7)",
            Interface::Fd => "fd + poll",
            Interface::Wakeup => "wakeup",
            Interface::WaitSet => "waitset",
            Interface::Unary => "unary",
        }
    }

    /// Makes one call and reads it to its end. `shown` is called after each event, with the number of events so far.
    #[track_caller]
    pub fn call(self, model: &Model, request: &Request, mut shown: impl FnMut(usize)) -> Run {
        let began = Instant::now();
        match self {
            Interface::Unary => Run::blocking(Vec::new(), model.generate(request)),
            Interface::Callback => {
                let mut count = 0;
                let Streamed { events, outcome } = model.stream_with(request, std::ptr::null_mut(), |_| {
                    count += 1;
                    shown(count);
                    0
                });
                Run::blocking(events, outcome)
            }
            _ => {
                let stream = Pull::open(model, request);
                let mut reader = Reader { stream: &stream, events: Vec::new(), shown: &mut shown };
                let end = match self {
                    Interface::Next => reader.next(-1),
                    Interface::Timed => reader.next(7),
                    Interface::Fd => reader.poll(),
                    Interface::Wakeup => reader.wakeups(),
                    _ => reader.waitset(),
                };
                let (events, took) = (reader.events, began.elapsed());
                Run::pulled(&stream, events, end, took)
            }
        }
    }
}

/// The outcome of a call.
#[derive(Debug)]
pub struct Run {
    pub events: Vec<Event>,
    /// BEDROCK_OK if the call is complete, also for interfaces that return BEDROCK_DONE.
    pub status: bedrock_status,
    pub failure: Option<Failure>,
    /// For a stream that failed, the part that had arrived.
    pub response: Option<Response>,
    pub took: Duration,
}

impl Run {
    fn blocking(events: Vec<Event>, outcome: Outcome) -> Run {
        let Outcome { status, failure, response, took } = outcome;
        Run { events, status, failure, response, took }
    }

    /// Checks a stream after its end: the terminal status is returned every time, and the response has all events.
    #[track_caller]
    fn pulled(stream: &Pull, events: Vec<Event>, end: Pulled, took: Duration) -> Run {
        for timeout_ms in [0, -1, 1] {
            assert_eq!(stream.next(timeout_ms), end, "the terminal status is returned every time");
        }
        assert!(readable(stream.fd(), 0), "after the end the descriptor stays readable");
        let response = stream.response();
        let (status, failure) = match end {
            Pulled::Done => (BEDROCK_OK, None),
            Pulled::Failed(failure) => (failure.status, Some(failure)),
            other => panic!("no terminal status: {other:?}"),
        };
        assert_eq!(response.complete, status == BEDROCK_OK, "complete if and only if the status is BEDROCK_DONE");
        let text: String =
            events.iter().filter(|event| event.kind == BEDROCK_EVENT_TEXT).map(|event| event.text.as_str()).collect();
        assert_eq!(response.text, text, "the response has the text of the events");
        Run { events, status, failure, response: Some(response), took }
    }
}

/// Reads a stream by pull.
struct Reader<'a, F> {
    stream: &'a Pull,
    events: Vec<Event>,
    shown: &'a mut F,
}

impl<F: FnMut(usize)> Reader<'_, F> {
    #[track_caller]
    fn next(&mut self, timeout_ms: i32) -> Pulled {
        loop {
            match self.read(timeout_ms) {
                Pulled::Again => assert!(timeout_ms >= 0, "BEDROCK_AGAIN although there was no limit"),
                end => return end,
            }
        }
    }

    #[track_caller]
    fn poll(&mut self) -> Pulled {
        let fd = self.stream.fd();
        loop {
            assert!(readable(fd, PATIENCE.as_millis() as i32), "waited {PATIENCE:?} for a descriptor");
            if let Some(end) = self.read_available() {
                return end;
            }
        }
    }

    #[track_caller]
    fn wakeups(&mut self) -> Pulled {
        let wakeups = WakeupCounter::default();
        self.stream.set_wakeup(&wakeups);
        let (mut count, mut armed) = (0, 1);
        loop {
            count = wakeups.wait(count);
            assert!(count <= armed, "{count} wakeups, armed {armed} times");
            if let Some(end) = self.read_available() {
                return end;
            }
            armed += 1;
        }
    }

    #[track_caller]
    fn waitset(&mut self) -> Pulled {
        let set = WaitSet::new();
        set.add(self.stream, 42);
        loop {
            let ready = set.wait(PATIENCE).unwrap_or_else(|| panic!("waited {PATIENCE:?} in a waiting set"));
            assert_eq!(ready, (self.stream.handle(), 42));
            if let Some(end) = self.read_available() {
                return end;
            }
        }
    }

    /// Reads until BEDROCK_AGAIN (None) or the end. Checks that a wakeup is never without an event.
    #[track_caller]
    fn read_available(&mut self) -> Option<Pulled> {
        let before = self.events.len();
        match self.read(0) {
            Pulled::Again => {
                assert!(self.events.len() > before, "a wakeup without an event");
                None
            }
            end => Some(end),
        }
    }

    /// Reads events, and returns the first result that is not an event.
    #[track_caller]
    fn read(&mut self, timeout_ms: i32) -> Pulled {
        loop {
            match self.stream.next(timeout_ms) {
                Pulled::Event(event) => {
                    self.events.push(event);
                    (self.shown)(self.events.len());
                }
                other => return other,
            }
        }
    }
}
