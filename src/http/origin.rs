//! An origin: its connections, the connects that are under way, and the calls that wait for either.
//!
//! A connect is nobody's own. A task drives it, and what comes of it serves whoever waits longest, so that a call that is
//! given up wastes nothing, and a connect that hangs holds up nobody for whom another will do. As many are under way as the
//! calls need that wait. One that takes long is counted out: others are begun in its place, freely where the endpoint is
//! known to answer, and else one at a time, a few, after pauses that grow. An error reaches the calls when no connect is left
//! that may still do.
//!
//! What waits here is not watched: whether its peer has left is looked at when it is taken. What has waited too long, or lived
//! too long, is closed.

use super::connect::Connector;
use super::connection::{Begun, Connection};
use super::failure;
use super::http1::Http1;
use super::http2::{self, Http2, Place};
use crate::protocol::host::host_of;
use crate::runtime::sync::{Mutex, MutexGuard};
use aws_smithy_runtime_api::client::result::ConnectorError;
use http::Uri;
use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tokio::task::AbortHandle;
use tokio::time::{sleep_until, timeout};

/// A connection without a call is closed after this time: services drop such connections, some within a few minutes.
const LONGEST_IDLE: Duration = Duration::from_secs(90);
/// A connection takes no further call after this time, so that calls find their way to where the endpoint's name points now.
const LONGEST_LIFE: Duration = Duration::from_secs(15 * 60);
/// More than this many connections to one origin are not kept for later.
const MOST_IDLE: usize = 256;
/// The most HTTP/2 connections to one origin. Over HTTP/1.1 there are as many as there are calls: `max_concurrency` limits those.
const MOST_SHARED: usize = 128;
/// A connect that takes longer is counted out, unless others took as long or the program has more patience than usual.
const LONG: Duration = Duration::from_millis(250);
/// So many more are begun at most where nothing says that the endpoint answers at all.
const MOST_RACED: usize = 3;
/// Where so many connections take no call at all, another would not either.
const MOST_CLOSED: usize = 2;

pub struct Origin {
    uri: Uri,
    host: String,
    connector: Arc<Connector>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The last to come back is the last in it, and the first to be taken.
    idle: Vec<(Box<Http1>, Instant)>,
    shared: Vec<Http2>,
    /// Whether the origin has been found to speak HTTP/1.1.
    alone: bool,
    swept: bool,
    waiters: VecDeque<Waiter>,
    connects: Vec<Connect>,
    /// The number of the next waiter or connect.
    next: u64,
    /// When a connect succeeded last, and how long it took.
    succeeded: Option<(Instant, Duration)>,
}

/// A call that waits.
struct Waiter {
    number: u64,
    reply: oneshot::Sender<Result<Connection, ConnectorError>>,
    ends: Instant,
    /// With less time left than this, nothing is begun for it.
    least: Duration,
}

/// A connect that is under way.
struct Connect {
    number: u64,
    began: Instant,
    /// Whether it has taken long.
    long: bool,
    /// Whether it was begun in place of one that took long, although the endpoint was not known to answer.
    raced: bool,
    task: AbortHandle,
}

impl Drop for Connect {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What a lock was held for too long to be dropped under: a connection that is dropped gives its place back.
type Left = Vec<Connection>;

impl Origin {
    pub fn new(uri: &Uri, connector: Arc<Connector>) -> Self {
        Origin { uri: uri.clone(), host: host_of(uri), connector, state: Mutex::default() }
    }

    /// Host and port, for people.
    pub fn host(&self) -> &str {
        &self.host
    }

    pub fn is_of(&self, uri: &Uri) -> bool {
        self.uri.scheme() == uri.scheme() && self.uri.authority() == uri.authority()
    }

    /// A connection that can take a request now. Waits for one, at most so long.
    pub async fn connection(self: &Arc<Self>, limit: Duration) -> Result<Connection, ConnectorError> {
        let (reply, receiver) = oneshot::channel();
        let number = {
            let mut state = self.lock();
            if state.waiters.is_empty()
                && let Some(connection) = state.take()
            {
                return Ok(connection);
            }
            let (number, now) = (state.number(), Instant::now());
            let least = LONG.min(limit / 4);
            state.waiters.push_back(Waiter { number, reply, ends: now + limit, least });
            self.plan(&mut state, limit);
            number
        };
        let mut waiting = Waiting { origin: self, number, receiver };
        match timeout(limit, &mut waiting.receiver).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) | Err(_) => Err(failure::late(limit, &self.host, self.lock().is_full())),
        }
    }

    /// Takes a connection back that can take another request.
    pub fn give_back(self: &Arc<Self>, connection: Connection) {
        // One that is shared gives its place back.
        if let Connection::Http1(mut connection) = connection
            && connection.is_quiet()
        {
            connection.rest();
            let mut state = self.lock();
            state.idle.push((connection, Instant::now()));
            self.sweep_later(&mut state);
            self.serve(state);
        }
    }

    /// A shared connection may have room, or is over.
    pub fn has_room(self: &Arc<Self>) {
        let state = self.lock();
        if !state.waiters.is_empty() {
            self.serve(state);
        }
    }

    /// A connection that had waited was found dead. So are the others, most likely.
    pub fn forget_idle(&self) {
        let dead = std::mem::take(&mut self.lock().idle);
        drop(dead);
    }

    /// Gives those who wait longest what is there, and has made what the others need.
    fn serve(self: &Arc<Self>, mut state: MutexGuard<'_, State>) {
        let left = state.serve();
        let limit = state.waiters.iter().map(|waiter| waiter.ends).max();
        if let Some(ends) = limit {
            self.plan(&mut state, ends.saturating_duration_since(Instant::now()));
        }
        drop(state);
        drop(left);
    }

    /// Begins the connects that those who wait need and that are not under way. None takes longer than `limit`.
    fn plan(self: &Arc<Self>, state: &mut State, limit: Duration) {
        let shares = !state.alone && self.connector.may_speak_http2(&self.uri);
        let each = if shares { state.each() } else { 1 };
        let hopeful = state.connects.iter().filter(|connect| !connect.long).count();
        if state.waiters.len() <= hopeful * each {
            return;
        }
        let now = Instant::now();
        let in_time = state.waiters.iter().filter(|waiter| waiter.ends >= now + waiter.least).count();
        let mut wanted = in_time.div_ceil(each).saturating_sub(hopeful);
        let mut raced = 0;
        let long_since = state.connects.iter().filter(|connect| connect.long).map(|connect| connect.began).min();
        let is_raced = long_since.is_some_and(|began| state.succeeded.is_none_or(|(when, _)| when < began));
        if is_raced {
            raced = state.connects.iter().filter(|connect| connect.raced).count();
            wanted = wanted.min(usize::from(hopeful == 0 && raced < MOST_RACED));
        }
        if shares {
            let closed = state.shared.iter().filter(|shared| shared.limit() == 0).count();
            let room = MOST_SHARED.saturating_sub(state.shared.len() + state.connects.len());
            wanted = if closed < MOST_CLOSED { wanted.min(room) } else { 0 };
        }
        let patience = state.patience(limit) * (1 << raced);
        for _ in 0..wanted {
            let number = state.number();
            let task = self.begin(number, patience, limit);
            state.connects.push(Connect { number, began: now, long: false, raced: is_raced, task });
        }
    }

    /// Has a task connect. The task does not keep the origin, whose end is the task's.
    fn begin(self: &Arc<Self>, number: u64, mut patience: Duration, limit: Duration) -> AbortHandle {
        let (origin, connector, uri) = (Arc::downgrade(self), self.connector.clone(), self.uri.clone());
        let task = tokio::spawn(async move {
            let home = origin.clone();
            let connecting = async {
                let connected = connector.connect(&uri).await?;
                Begun::on(connected, connector.read_ahead() / 2, limit, home).await
            };
            let mut connecting = pin!(timeout(limit, connecting));
            let ended = loop {
                if let Ok(ended) = timeout(patience, connecting.as_mut()).await {
                    break ended;
                }
                match origin.upgrade().and_then(|origin| origin.takes_long(number, limit)) {
                    Some(more) => patience = more,
                    None => break connecting.await,
                }
            };
            if let Some(origin) = origin.upgrade() {
                // Those who wait have timers of their own.
                origin.ended(number, ended.ok());
            }
        });
        task.abort_handle()
    }

    /// A connect has taken as long as it was given. How much more it is given, because others that succeeded took as long:
    /// there are many at once, and the machine is busy with them. None: it is counted out.
    fn takes_long(self: &Arc<Self>, number: u64, limit: Duration) -> Option<Duration> {
        let mut state = self.lock();
        let patience = state.patience(limit);
        let connect = state.connects.iter_mut().find(|connect| connect.number == number)?;
        match patience.checked_sub(connect.began.elapsed()) {
            Some(more) if !more.is_zero() => Some(more),
            _ => {
                connect.long = true;
                self.serve(state);
                None
            }
        }
    }

    /// A connect came to its end, or to that of its time.
    fn ended(self: &Arc<Self>, number: u64, result: Option<Result<Begun, ConnectorError>>) {
        let mut state = self.lock();
        let Some(at) = state.connects.iter().position(|connect| connect.number == number) else { return };
        let began = state.connects.remove(at).began;
        match result {
            Some(Ok(begun)) => {
                let now = Instant::now();
                state.succeeded = Some((now, now - began));
                match begun {
                    Begun::Http1(connection) => {
                        state.alone = true;
                        state.give(connection, now);
                    }
                    Begun::Http2(connection) => {
                        state.alone = false;
                        state.shared.push(connection);
                    }
                }
                self.sweep_later(&mut state);
            }
            Some(Err(error)) if state.connects.is_empty() => {
                let error = Arc::new(error);
                for waiter in state.waiters.drain(..) {
                    let _ = waiter.reply.send(Err(failure::shared(&error)));
                }
            }
            // Others may do. What they bring, or their end, is waited for.
            Some(Err(_)) => return,
            None => {}
        }
        self.serve(state);
    }

    /// Closes what waits too long, by a task that ends when nothing is kept. It does not keep the origin.
    fn sweep_later(self: &Arc<Self>, state: &mut State) {
        if std::mem::replace(&mut state.swept, true) {
            return;
        }
        let origin = Arc::downgrade(self);
        tokio::spawn(async move {
            let mut next = Instant::now() + LONGEST_IDLE;
            loop {
                sleep_until(next.into()).await;
                let Some(origin) = origin.upgrade() else { return };
                match origin.lock().sweep(Instant::now()) {
                    Some(later) => next = later,
                    None => return,
                }
            }
        });
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }
}

/// A place among those who wait.
struct Waiting<'o> {
    origin: &'o Arc<Origin>,
    number: u64,
    receiver: oneshot::Receiver<Result<Connection, ConnectorError>>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.receiver.close();
        match self.receiver.try_recv() {
            // It came when nobody waited for it any more.
            Ok(Ok(connection)) => self.origin.give_back(connection),
            Ok(Err(_)) => {}
            Err(_) => self.origin.lock().leave(self.number),
        }
    }
}

impl State {
    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// A connection that is there and can take a request now.
    fn take(&mut self) -> Option<Connection> {
        if let Some(place) = self.place() {
            return Some(Connection::Http2(place));
        }
        while let Some((mut connection, _)) = self.idle.pop() {
            if connection.life.may_go_on(LONGEST_LIFE) && connection.is_quiet() {
                return Some(Connection::Http1(connection));
            }
        }
        None
    }

    fn place(&mut self) -> Option<Place> {
        self.shared.retain(|shared| shared.is_usable(LONGEST_LIFE));
        self.shared.iter().find_map(Http2::place)
    }

    /// Gives those who wait longest what is there. What is left over, and is more than is kept, is for the caller to drop without
    /// the lock.
    fn serve(&mut self) -> Left {
        let mut left = Left::new();
        while !self.waiters.is_empty() {
            let Some(connection) = self.take() else { break };
            let waiter = self.waiters.pop_front().expect("somebody waits");
            match waiter.reply.send(Ok(connection)) {
                Err(Ok(Connection::Http1(unwanted))) => self.idle.push((unwanted, Instant::now())),
                Err(Ok(unwanted)) => left.push(unwanted),
                Err(Err(_)) | Ok(()) => {}
            }
        }
        let surplus = self.idle.len().saturating_sub(MOST_IDLE);
        left.extend(self.idle.drain(..surplus).map(|(oldest, _)| Connection::Http1(oldest)));
        left
    }

    /// Gives a connection that has just been made to who waits longest. Whatever its peer has done already is for the call to
    /// find out: the next one would be no better.
    fn give(&mut self, mut connection: Box<Http1>, now: Instant) {
        while let Some(waiter) = self.waiters.pop_front() {
            match waiter.reply.send(Ok(Connection::Http1(connection))) {
                Err(Ok(Connection::Http1(unwanted))) => connection = unwanted,
                _ => return,
            }
        }
        self.idle.push((connection, now));
    }

    /// Somebody does not wait any more.
    fn leave(&mut self, number: u64) {
        if let Ok(at) = self.waiters.binary_search_by_key(&number, |waiter| waiter.number) {
            self.waiters.remove(at);
        }
    }

    /// How long a connect may take that is hoped for: a part of its limit, and three times as long as the last that succeeded.
    fn patience(&self, limit: Duration) -> Duration {
        let usual = LONG.max(limit / 12);
        self.succeeded.map_or(usual, |(_, took)| usual.max(took * 3)).min(limit / 3)
    }

    /// How many calls a connection that is made will take.
    fn each(&self) -> usize {
        let known = self.shared.iter().rev().map(Http2::limit).find(|limit| *limit > 0);
        known.unwrap_or(http2::ASSUMED)
    }

    /// Whether there are connections, and all that there may be.
    fn is_full(&self) -> bool {
        let closed = self.shared.iter().filter(|shared| shared.limit() == 0).count();
        self.shared.len() >= MOST_SHARED || closed >= MOST_CLOSED
    }

    /// Drops what has waited too long. When to look again, where anything is left.
    fn sweep(&mut self, now: Instant) -> Option<Instant> {
        self.idle.retain(|(_, since)| *since + LONGEST_IDLE > now);
        self.shared.retain(|shared| {
            shared.is_usable(LONGEST_LIFE) && shared.idle_since().is_none_or(|since| since + LONGEST_IDLE > now)
        });
        // A connection that is in use now is idle from now on at the earliest.
        let idle = self.idle.iter().map(|(_, since)| *since);
        let shared = self.shared.iter().map(|shared| shared.idle_since().unwrap_or(now));
        let next = idle.chain(shared).min().map(|since| since + LONGEST_IDLE);
        self.swept = next.is_some();
        next
    }
}
