//! Chooses the reply of a request: a failed authorization first, then the queue, then the handler.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use super::auth::{Auth, Rejection};
use super::reply::Reply;
use super::request::Request;
use super::server_log::Connection;
use super::sigv4::http_date;

type Handler = Arc<dyn Fn(&Request) -> Reply + Send + Sync>;

/// The replies of one server.
#[derive(Default)]
pub struct ReplyQueue(Mutex<State>);

#[derive(Default)]
struct State {
    auth: Auth,
    expired: bool,
    clock_ahead: Duration,
    clock_behind: Duration,
    queue: VecDeque<Reply>,
    handler: Option<Handler>,
}

impl ReplyQueue {
    pub fn auth(&self, auth: Auth) {
        let mut state = self.state();
        state.auth = auth;
        state.expired = false;
    }

    pub fn expire_credentials(&self) {
        self.state().expired = true;
    }

    pub fn clock(&self, ahead: Duration, behind: Duration) {
        let mut state = self.state();
        state.clock_ahead = ahead;
        state.clock_behind = behind;
    }

    pub fn push(&self, reply: Reply) {
        self.state().queue.push_back(reply);
    }

    pub fn unused(&self) -> usize {
        self.state().queue.len()
    }

    pub fn handler(&self, handler: Handler) {
        self.state().handler = Some(handler);
    }

    /// Logs the request and returns its reply.
    pub fn reply_to(&self, mut request: Request, connection: &Connection) -> Reply {
        let (rejection, now) = {
            let state = self.state();
            let now = SystemTime::now() + state.clock_ahead - state.clock_behind;
            let checked = state.auth.check(&request, now);
            (checked.and_then(|()| if state.expired { Err(Rejection::expired()) } else { Ok(()) }).err(), now)
        };
        request.refused = rejection.as_ref().map(|rejection| format!("{}: {}", rejection.code, rejection.message));
        connection.request(request.clone());
        let reply = match rejection {
            Some(rejection) => rejection.reply(),
            None => self.choose(&request, connection),
        };
        if reply.verbatim || reply.header_value("date").is_some() {
            reply
        } else {
            reply.header("Date", &http_date(now))
        }
    }

    fn choose(&self, request: &Request, connection: &Connection) -> Reply {
        let handler = {
            let mut state = self.state();
            if let Some(reply) = state.queue.pop_front() {
                return reply;
            }
            // Called without the lock, because a handler may push a reply.
            state.handler.clone()
        };
        let Some(handler) = handler else {
            let problem = format!("no reply was scripted for {} {}", request.method, request.target);
            connection.problem(&problem);
            return Reply::error(500, "LocalBedrock", &problem);
        };
        catch_unwind(AssertUnwindSafe(|| {
            let reply = handler(request);
            reply.check();
            reply
        }))
        .unwrap_or_else(|panic| {
            let message =
                panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
            let problem = format!(
                "the handler panicked for {} {}: {}",
                request.method,
                request.target,
                message.unwrap_or("no message")
            );
            connection.problem(&problem);
            Reply::error(500, "LocalBedrock", &problem)
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
