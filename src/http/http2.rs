//! HTTP/2: a connection that many calls share. A task of its own drives it.
//!
//! The task also sweeps: what readers leave unread is moved together, in their [`Inbox`]es, before more is read. And it watches
//! over the peer: after some silence it sends a ping, and gives the connection up where nothing answers.
//!
//! A peer that floods it with frames without content loses the connection, and so do all calls on it: by a limit of h2's, or of
//! [`Gathered`]'s. A peer that does so is broken, or hostile to all of its calls.

use super::alive;
use super::body::Body;
use super::connection::{Fate, Life, Unanswered};
use super::gather::{self, Gathered, Passed};
use super::http1::{MOST_INTERIM, whole};
use super::inbox::Inbox;
use super::origin::Origin;
use crate::error::{Error, Kind};
use crate::runtime::sync::Mutex;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use futures::task::AtomicWaker;
use h2::client::{Builder, SendRequest};
use h2::{Ping, PingPong, Reason};
use http::header::{CONNECTION, CONTENT_LENGTH, HeaderName, TE, TRANSFER_ENCODING, UPGRADE};
use http::{Method, Request, Response};
use std::fmt;
use std::future::{Future, poll_fn};
use std::io::ErrorKind;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep};

/// How many calls a connection takes whose peer has not said it yet.
pub const ASSUMED: usize = 100;
/// What the peer may send of all answers on one connection: enough that some which nobody reads do not hold up the others.
const CONNECTION_WINDOW: u32 = (1 << 31) - 1;
/// The longest head of an answer.
const MAX_HEAD: u32 = 16 << 10;
/// A request that its connection turns out to have no room for is taken back after this time.
const LONGEST_QUEUED: Duration = Duration::from_millis(300);

/// A connection. Its last clone, of which each call holds one, closes it.
#[derive(Clone)]
pub struct Http2(Arc<Shared>);

struct Shared {
    send: SendRequest<Bytes>,
    life: Arc<Life>,
    /// Since when no call is on it.
    left: Mutex<Instant>,
    origin: Weak<Origin>,
    state: Arc<State>,
    /// Dropped after `send`: h2 looks whether it is still wanted when its task is woken.
    _bell: Bell,
}

/// What the connection's task and its calls tell each other.
struct State {
    passed: Arc<Passed>,
    /// How many calls the peer takes at once, and how many there are.
    limit: AtomicUsize,
    calls: AtomicUsize,
    /// Set once it is over, and where that is for want of a sign of life.
    over: AtomicBool,
    silent: AtomicBool,
    inboxes: Mutex<Vec<Weak<Inbox>>>,
    driver: AtomicWaker,
}

/// Wakes the connection's task when it is dropped.
struct Bell(Arc<State>);

impl Drop for Bell {
    fn drop(&mut self) {
        self.0.driver.wake();
    }
}

impl Http2 {
    /// Begins to speak. The peer may send `ahead` bytes of an answer that nobody has read yet.
    pub async fn begin(
        link: super::connect::Link,
        ahead: usize,
        patience: Duration,
        origin: Weak<Origin>,
    ) -> Result<Self, ConnectorError> {
        let passed = Arc::<Passed>::default();
        let handshake = Builder::new()
            .initial_window_size(ahead.try_into().unwrap_or(CONNECTION_WINDOW))
            .initial_connection_window_size(CONNECTION_WINDOW)
            .initial_max_send_streams(ASSUMED)
            .max_frame_size(gather::MAX_PAYLOAD as u32)
            .max_header_list_size(MAX_HEAD)
            .enable_push(false)
            .handshake(Gathered::new(link, passed.clone()));
        let (send, mut connection) = handshake.await.map_err(|error| ConnectorError::io(Broken(error).into()))?;
        let pings = connection.ping_pong().expect("pings, asked for once");
        let state = Arc::new(State {
            passed,
            limit: AtomicUsize::new(ASSUMED),
            calls: AtomicUsize::new(0),
            over: AtomicBool::new(false),
            silent: AtomicBool::new(false),
            inboxes: Mutex::default(),
            driver: AtomicWaker::new(),
        });
        let watch = Watch::new(patience, pings);
        let driver = Driver { connection: Some(connection), state: state.clone(), watch, origin: origin.clone() };
        tokio::spawn(driver);
        let (life, left, bell) = (Life::new(), Mutex::new(Instant::now()), Bell(state.clone()));
        Ok(Http2(Arc::new(Shared { send, life, left, origin, state, _bell: bell })))
    }

    pub fn life(&self) -> &Arc<Life> {
        &self.0.life
    }

    pub fn is_usable(&self, longest_life: Duration) -> bool {
        let state = &self.0.state;
        !state.over.load(Ordering::Relaxed) && !state.passed.is_leaving() && self.0.life.may_go_on(longest_life)
    }

    /// How many calls the peer takes at once, as far as it is known.
    pub fn limit(&self) -> usize {
        self.0.state.limit.load(Ordering::Relaxed)
    }

    /// A place for a call, where there is one.
    pub fn place(&self) -> Option<Place> {
        let state = &self.0.state;
        (state.calls.load(Ordering::Relaxed) < self.limit()).then(|| {
            state.calls.fetch_add(1, Ordering::Relaxed);
            Place(self.clone())
        })
    }

    /// Since when no call is on it.
    pub fn idle_since(&self) -> Option<std::time::Instant> {
        let left = *self.0.left.lock();
        Some(left.into_std()).filter(|_| self.0.state.calls.load(Ordering::Relaxed) == 0)
    }
}

/// A call's place on a shared connection.
pub struct Place(Http2);

impl Drop for Place {
    fn drop(&mut self) {
        let shared = &self.0.0;
        *shared.left.lock() = Instant::now();
        shared.state.calls.fetch_sub(1, Ordering::Relaxed);
        if let Some(origin) = shared.origin.upgrade() {
            origin.has_room();
        }
    }
}

impl Place {
    pub fn life(&self) -> &Arc<Life> {
        self.0.life()
    }

    /// Sends a request, whose URI is absolute, and waits for the head of its answer.
    pub async fn send(self, request: Request<SdkBody>) -> Result<Response<Body>, Unanswered> {
        let state = &self.0.0.state;
        let (mut parts, body) = request.into_parts();
        let body = whole(body).await.map_err(|broken| Unanswered::http1(broken, Fate::Unsent))?;
        // RFC 9113, section 8.2.2.
        const OF_HTTP1: [HeaderName; 4] = [CONNECTION, TRANSFER_ENCODING, UPGRADE, TE];
        OF_HTTP1.iter().for_each(|name| drop(parts.headers.remove(name)));
        if (!body.is_empty() || parts.method == Method::POST) && !parts.headers.contains_key(CONTENT_LENGTH) {
            parts.headers.insert(CONTENT_LENGTH, body.len().into());
        }
        let written = state.passed.written();
        let mut send = self.0.0.send.clone();
        let unsent = |error| self.unanswered(error, Fate::Unsent);
        let begun = send.send_request(Request::from_parts(parts, ()), body.is_empty());
        let (mut answer, mut upload) = begun.map_err(unsent)?;
        if !body.is_empty() {
            upload.send_data(body, true).map_err(unsent)?;
        }
        let mut announced = 0;
        // h2 keeps a request to itself where the peer takes fewer than was assumed.
        let mut queued = pin!(None);
        let answer = poll_fn(|cx| {
            // h2 keeps what only says that an answer is on its way for whoever asks.
            while let Poll::Ready(Some(Ok(_))) = answer.poll_informational(cx) {
                announced += 1;
                if announced > MOST_INTERIM {
                    return Poll::Ready(Err(NoAnswer::Announced));
                }
            }
            if let Poll::Ready(answer) = Pin::new(&mut answer).poll(cx) {
                return Poll::Ready(Ok(answer));
            }
            if send.poll_ready(cx).is_ready() {
                queued.set(None);
                return Poll::Pending;
            }
            if queued.is_none() {
                queued.set(Some(sleep(LONGEST_QUEUED)));
            }
            queued.as_mut().as_pin_mut().expect("set above").poll(cx).map(|()| Err(NoAnswer::Queued))
        });
        match answer.await {
            Ok(Ok(answer)) => {
                let (parts, stream) = answer.into_parts();
                let inbox = Arc::new(Inbox::new(stream));
                state.inboxes.lock().push(Arc::downgrade(&inbox));
                Ok(Response::from_parts(parts, Body::http2(inbox, self)))
            }
            Ok(Err(error)) => {
                let fate = match &error {
                    error if is_untaken(error) => Fate::Untaken,
                    error if error.is_io() && state.passed.written() == written => Fate::Unsent,
                    _ => Fate::Unknown,
                };
                Err(self.unanswered(error, fate))
            }
            Err(NoAnswer::Announced) => {
                let error = invalid("the answer is announced again and again");
                Err(Unanswered { error: ConnectorError::other(error.into(), None), fate: Fate::Unknown })
            }
            Err(NoAnswer::Queued) => {
                let what = "the service takes no further request on this connection";
                let error = Error::new(Kind::Network, what);
                Err(Unanswered { error: ConnectorError::io(error.into()), fate: Fate::Unsent })
            }
        }
    }

    fn unanswered(&self, error: h2::Error, fate: Fate) -> Unanswered {
        let retried = error.is_io() || fate != Fate::Unknown;
        let error = match self.told(error) {
            Told::Silence(silence) => ConnectorError::timeout(silence.into()),
            Told::Invalid(invalid) => ConnectorError::other(invalid.into(), None),
            // The SDK tries again where the connection broke, and not where the service took the request and did not like it.
            Told::Broken(broken) if retried => ConnectorError::io(broken.into()),
            Told::Broken(broken) => ConnectorError::other(broken.into(), None),
        };
        Unanswered { error, fate }
    }

    /// What happened to an answer that breaks off.
    pub fn broke_off(&self, error: h2::Error) -> BoxError {
        match self.told(error) {
            Told::Silence(own) | Told::Invalid(own) => own.into(),
            Told::Broken(broken) => broken.into(),
        }
    }

    fn told(&self, error: h2::Error) -> Told {
        if self.0.0.state.silent.load(Ordering::Relaxed) || alive::is_silence(&error) {
            return Told::Silence(alive::silence());
        }
        if self.0.0.state.passed.is_barren() {
            let what = "the peer sends more frames without content than any service needs";
            return Told::Invalid(Error::new(Kind::Protocol, what));
        }
        match error.reason() {
            Some(reason) if error.is_library() && !error.is_remote() => Told::Invalid(invalid(reason.description())),
            _ => Told::Broken(Broken(error)),
        }
    }
}

/// Whether the service says that it has not taken the request.
fn is_untaken(error: &h2::Error) -> bool {
    error.is_remote() && (error.is_go_away() || error.reason() == Some(Reason::REFUSED_STREAM))
}

fn invalid(why: &str) -> Error {
    Error::new(Kind::Protocol, format_args!("what came is no valid HTTP/2 ({why})"))
}

/// Why a request is waited for no longer.
enum NoAnswer {
    /// The peer takes no further one.
    Queued,
    /// The answer was announced too often.
    Announced,
}

enum Told {
    Silence(Error),
    Invalid(Error),
    Broken(Broken),
}

/// Why there is no answer, or no more of one.
#[derive(Debug)]
struct Broken(h2::Error);

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.0, self.0.reason()) {
            (_, Some(Reason::REFUSED_STREAM)) => f.write_str("the service refused to take the request"),
            (error, Some(Reason::NO_ERROR)) if error.is_go_away() => f.write_str("the service closes the connection"),
            (error, Some(reason)) if error.is_go_away() => {
                write!(f, "the service closes the connection: {}", reason.description())
            }
            (_, Some(reason)) => write!(f, "the service broke the stream off: {}", reason.description()),
            (error, None) => match error.get_io() {
                Some(io) if matches!(io.kind(), ErrorKind::BrokenPipe | ErrorKind::UnexpectedEof) => {
                    f.write_str("the connection was closed before the answer was complete")
                }
                Some(io) => write!(f, "the connection broke: {io}"),
                None => write!(f, "{error}"),
            },
        }
    }
}

impl std::error::Error for Broken {}

/// Drives a connection.
struct Driver {
    /// None once it is over.
    connection: Option<h2::client::Connection<Gathered, Bytes>>,
    state: Arc<State>,
    watch: Watch,
    origin: Weak<Origin>,
}

impl Future for Driver {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Driver { connection: place, state, watch, origin } = &mut *self;
        let Some(connection) = place else { return Poll::Ready(()) };
        let over = Pin::new(&mut *connection).poll(cx).is_ready();
        let mut changed = over;
        if state.passed.take_settings() {
            state.limit.store(connection.max_concurrent_send_streams(), Ordering::Relaxed);
            changed = true;
        }
        if over || watch.poll_silence(state, cx).is_ready() {
            state.over.store(true, Ordering::Relaxed);
            // Its streams hear of the end when it is dropped.
            *place = None;
            changed = true;
        } else if state.passed.is_enough() {
            state.sweep();
            state.passed.go_on();
        }
        if changed && let Some(origin) = origin.upgrade() {
            origin.has_room();
        }
        if place.is_none() { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl State {
    fn sweep(&self) {
        let mut inboxes = self.inboxes.lock();
        inboxes.retain(|inbox| inbox.upgrade().inspect(|inbox| inbox.sweep()).is_some());
    }
}

/// Watches over a peer while there are calls.
struct Watch {
    pings: PingPong,
    /// After which silence a ping is sent, and how long it may take to be answered.
    before_ping: Duration,
    ping: Duration,
    timer: Pin<Box<Sleep>>,
    state: Watching,
    /// When something came last, and the number of reads then.
    last: Instant,
    reads: u64,
}

#[derive(PartialEq)]
enum Watching {
    /// There are no calls.
    Nobody,
    Silence,
    Answer,
}

impl Watch {
    fn new(patience: Duration, pings: PingPong) -> Self {
        let (before_ping, ping) = alive::ping(patience);
        let timer = Box::pin(sleep(before_ping));
        Watch { pings, before_ping, ping, timer, state: Watching::Nobody, last: Instant::now(), reads: 0 }
    }

    /// Ready where the peer gives no sign of life.
    fn poll_silence(&mut self, state: &State, cx: &mut Context<'_>) -> Poll<()> {
        if self.state == Watching::Nobody {
            // The task's waker stays the same: once is enough.
            state.driver.register(cx.waker());
        }
        if state.calls.load(Ordering::Relaxed) == 0 {
            self.state = Watching::Nobody;
            return Poll::Pending;
        }
        let reads = state.passed.reads();
        if self.state == Watching::Nobody || self.reads != reads {
            if self.state != Watching::Silence {
                self.timer.as_mut().reset(Instant::now() + self.before_ping);
                self.state = Watching::Silence;
            } else if !self.timer.is_elapsed() {
                self.reads = reads;
                self.last = Instant::now();
                return Poll::Pending;
            }
            self.reads = reads;
            self.last = Instant::now();
        }
        while self.timer.as_mut().poll(cx).is_ready() {
            let due = self.last + self.before_ping;
            if self.state == Watching::Answer {
                state.silent.store(true, Ordering::Relaxed);
                return Poll::Ready(());
            }
            if Instant::now() < due {
                self.timer.as_mut().reset(due);
            } else {
                // An answer to an earlier one may be there, and a ping that cannot be sent is under way.
                let _ = self.pings.poll_pong(cx);
                let _ = self.pings.send_ping(Ping::opaque());
                self.timer.as_mut().reset(Instant::now() + self.ping);
                self.state = Watching::Answer;
            }
        }
        Poll::Pending
    }
}
