//! Runs calls on the worker: the admission, the timers, the targets, the response, and the log.

use super::access::Access;
use super::admission::{Concurrency, Estimate, Quota, Reservation, Stats};
use super::clients::Clients;
use super::failover::{Chosen, Failover, Opening};
use super::totals::Totals;
use crate::call::incoming::{Incoming, StreamLimits};
use crate::call::timer::{Deadline, Timers, Wait};
use crate::call::unary::{self, Unary};
use crate::call::{Observation, StartOptions, Stream, Writer};
use crate::config::{CallSettings, Config, Retry};
use crate::error::{Error, Kind, Result};
use crate::protocol::operation::Operation;
use crate::protocol::service_error::refuses_identity;
use crate::runtime::cancel::Cancel;
use crate::runtime::log;
use crate::runtime::sync::Mutex;
use crate::runtime::worker;
use crate::sdk::api_key::api_key;
use crate::sdk::attempts::Attempts;
use crate::sdk::call::{Call, send};
use crate::sdk::client::Client;
use crate::sdk::connect_ahead;
use crate::sdk::incoming_response::IncomingResponse;
use crate::sdk::retry::RetryLimits;
use crate::sdk::transport::Transport;
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// Runs the calls of a model. Cheap to clone.
#[derive(Clone)]
pub struct CallRunner {
    pub settings: CallSettings,
    pub totals: Totals,
    shared: Arc<Shared>,
    /// Shared by the models with the same settings.
    clients: Clients,
}

/// The part of a model that derived models share.
struct Shared {
    access: Access,
    failover: Failover,
    concurrency: Concurrency,
    /// Of the first target.
    quota: Option<Arc<Quota>>,
}

/// A call at one target.
struct Visit<'a> {
    chosen: Chosen<'a>,
    timers: Timers,
    /// The end of `timeouts.total` for all targets of the call.
    total: &'a Mutex<Option<Deadline>>,
    attempts: Attempts,
    /// Whether events are held back until content comes.
    holds: bool,
}

/// A response of which something has arrived that the program may see.
struct Opened {
    response: Response,
    attempts: Attempts,
    /// The name of the target, if it is not the first.
    fallback: Option<String>,
    reservation: Option<Reservation>,
}

enum Response {
    Unary(Box<Unary>),
    Stream(Box<Incoming>),
}

/// The mean of the first wait after throttling, beyond `max_attempts`. It doubles each time.
const THROTTLED_BACKOFF: Duration = Duration::from_secs(2);
/// The shortest wait for which a service can ask there: many calls that wait less would only use up the quota.
const SHORTEST_ASKED: Duration = Duration::from_millis(100);
/// The advice of a call that was throttled for longer than it is tried.
const THROTTLED_ADVICE: &str = "Call less often or ask for a higher quota; retry.throttling.max_elapsed and the timers \
                                of the call set how long it is tried";

/// The name, in messages, of opening a connection ahead of a call.
pub const CONNECTING: &str = "connecting to the service ahead of a call";

/// The name, in messages, of making an API key.
const MAKING_API_KEY: &str = "making an API key";

impl CallRunner {
    pub fn new(config: Config, transport: Transport, settings: CallSettings) -> Result<Self> {
        let concurrency = Concurrency::new(config.max_concurrency, config.max_queue);
        let quota = config.limits.map(Quota::new);
        let failover = Failover::new(&config)?;
        let clients = Clients::new(failover.count());
        let shared = Shared { access: Access::new(config, transport), failover, concurrency, quota };
        Ok(CallRunner { settings, totals: Totals::default(), shared: Arc::new(shared), clients })
    }

    /// Returns the runner of a derived model. It shares the connections, and the clients if the settings are the same.
    pub fn derive(&self, settings: CallSettings) -> Self {
        let same = settings == self.settings;
        let clients = if same { self.clients.clone() } else { Clients::new(self.shared.failover.count()) };
        CallRunner { settings, totals: self.totals.derive(), shared: self.shared.clone(), clients }
    }

    pub fn config(&self) -> &Config {
        &self.shared.access.config
    }

    pub fn transport(&self) -> &Transport {
        &self.shared.access.transport
    }

    /// Replaces what authorizes the calls of the model and of all that share its connections.
    pub fn set_credentials(&self, json: &str) -> Result<()> {
        self.shared.access.set_credentials(json)
    }

    /// Starts a call.
    pub fn start(
        &self,
        runtime: &worker::Runtime,
        call: Call,
        observation: Option<Box<Observation>>,
        cancel: Option<&Cancel>,
    ) -> Result<Stream> {
        let options = self.options(call.operation, cancel, self.first_limit(call.operation));
        let options = StartOptions { observation, ..options };
        let (runner, epoch) = (self.clone(), runtime.epoch);
        Stream::start(runtime, options, move |writer| runner.run(call, writer, epoch))
    }

    /// Starts to open a connection ahead of a call. The stream ends when the connection is ready.
    pub fn start_to_connect(&self, runtime: &worker::Runtime, cancel: Option<&Cancel>) -> Result<Stream> {
        let options = self.options(Operation::Converse, cancel, self.connected_by());
        let (runner, epoch) = (self.clone(), runtime.epoch);
        let connect = move |writer: Writer| async move {
            let connected = boxed_when_polled(|| log_end(&CONNECTING, runner.connect(&writer, epoch)));
            connected.await.map(|()| None)
        };
        Stream::start(runtime, options, connect)
    }

    /// Starts to make an API key that is valid for `seconds`. The stream ends when the key is in `slot`.
    pub fn start_api_key(
        &self,
        runtime: &worker::Runtime,
        cancel: Option<&Cancel>,
        seconds: u64,
        slot: &Arc<OnceLock<Zeroizing<String>>>,
    ) -> Result<Stream> {
        let options = self.options(Operation::Converse, cancel, self.connected_by());
        let (shared, epoch, slot) = (self.shared.clone(), runtime.epoch, slot.clone());
        let make = move |_writer: Writer| async move {
            let making = boxed_when_polled(|| async move { api_key(&shared.access.sdk(epoch).await?, seconds).await });
            let _ = slot.set(making.await.map_err(|error| error.while_doing(MAKING_API_KEY))?);
            Ok(None)
        };
        Stream::start(runtime, options, make)
    }

    pub(super) fn options(&self, operation: Operation, cancel: Option<&Cancel>, until: Deadline) -> StartOptions {
        StartOptions {
            operation,
            cancel: cancel.cloned(),
            read_ahead: self.settings.read_ahead,
            until,
            observation: None,
        }
    }

    /// Returns the deadline of the first timer of a call that starts now.
    pub(super) fn first_limit(&self, operation: Operation) -> Deadline {
        let timeouts = &self.settings.timeouts;
        let may_wait = self.shared.concurrency.is_limited() || self.shared.quota.is_some();
        let queue = timeouts.queue.filter(|_| may_wait);
        let queue = queue.map(|queue| Deadline::after(Wait::Queue, queue));
        queue.unwrap_or_else(|| Timers::start(timeouts, operation.streams()).first)
    }

    /// Returns the deadline of a connection that is opened now.
    fn connected_by(&self) -> Deadline {
        let total = self.settings.timeouts.total.map(|total| Deadline::after(Wait::Total, total));
        Deadline::after(Wait::Connection, self.settings.timeouts.first_event).or_earlier(total)
    }

    pub(super) async fn run(self, call: Call, writer: Writer, epoch: u64) -> Result<Option<String>> {
        boxed_when_polled(|| log_end(&call, self.perform(&call, &writer, epoch))).await
    }

    /// Performs a call, from its wait for a permit to the end of its response. Returns the response of a unary call.
    async fn perform(&self, call: &Call, writer: &Writer, epoch: u64) -> Result<Option<String>> {
        let timeouts = &self.settings.timeouts;
        let began = Timers::start(timeouts, call.operation.streams());
        let queue = timeouts.queue.map(|queue| Deadline::after(Wait::Queue, queue));
        let _permit = self.shared.concurrency.permit(call, queue.unwrap_or(began.first)).await?;
        let timers = if queue.is_some() { Timers::start(timeouts, call.operation.streams()) } else { began };
        let Opened { response, attempts, fallback, reservation } = self.open(call, timers, writer, epoch).await?;
        attempts.give_response();
        let count = |usage| {
            self.totals.add(usage);
            writer.observation().into_iter().for_each(|observation| observation.usage(usage));
            reservation.iter().for_each(|reservation| reservation.settle(usage));
        };
        match response {
            Response::Unary(unary) => {
                let Unary { head, body } = *unary;
                writer.set_head(&head);
                count(body.usage);
                writer.observation().into_iter().for_each(|observation| observation.response(&body));
                Ok(Some(body.text))
            }
            Response::Stream(incoming) => {
                writer.set_head(incoming.head());
                let request_id = incoming.head().request_id.clone();
                let explain = |error| {
                    let error = attempts.explain(name_host(error, &attempts).with_request_id(&request_id));
                    let error = error.with_attempts(writer.attempts().count());
                    fallback.iter().fold(error, |error, fallback| error.while_doing(fallback))
                };
                writer.deliver(*incoming, &count).await.map(|()| None).map_err(explain)
            }
        }
    }

    /// Opens a call at the first target that answers it.
    async fn open(&self, call: &Call, timers: Timers, writer: &Writer, epoch: u64) -> Result<Opened> {
        let failover = &self.shared.failover;
        let candidates = failover.candidates(call);
        let total = Mutex::new(timers.total);
        if let [index] = candidates[..] {
            let chosen = Chosen { target: failover.first(), index, has_alternative: false };
            let attempts = writer.attempts().clone();
            let visit = Visit { chosen, timers, total: &total, attempts, holds: false };
            return self.open_at(visit, call, writer, epoch).await;
        }
        writer.limit(timers.first, timers.total);
        let of_first = Mutex::new(Some(timers));
        let (timeouts, total) = (&self.settings.timeouts, &total);
        let open = |chosen| -> Opening<'_, Opened> {
            let restarted = || Timers::within(timeouts, call.operation.streams(), *total.lock());
            let timers = of_first.lock().take().unwrap_or_else(restarted);
            Box::pin(async move {
                let chosen: Chosen<'_> = chosen;
                let call = chosen.target.call(call, &self.settings.cache).await?;
                let visit = Visit { chosen, timers, total, attempts: writer.attempts().at_target(), holds: true };
                self.open_at(visit, &call, writer, epoch).await
            })
        };
        let until = || total.lock().map(|total| total.at());
        let opened = failover.open(call, candidates, until, open).await;
        opened.map_err(|error| error.with_attempts(writer.attempts().count()))
    }

    /// Opens a call at one target.
    async fn open_at(&self, mut visit: Visit<'_>, call: &Call, writer: &Writer, epoch: u64) -> Result<Opened> {
        let mut reservation = self.admit(&mut visit, call, writer).await?;
        let Visit { chosen, timers, attempts, holds, .. } = &visit;
        let (form, max_answer) = (call.operation.response_form(), self.config().max_answer);
        let limit_reader = |until| match holds {
            true => writer.prolong(chosen.for_reader(until), timers.total),
            false => writer.limit(until, timers.total),
        };
        limit_reader(timers.first);
        let limits = self.retry_limits(timers.first, chosen.has_alternative);
        attempts.ask(chosen.index, call.request.model());
        attempts.start_call(call, limits);
        // On the heap: a future that holds one of these would be moved with it.
        let opening = Box::pin(async {
            let sending = Box::pin(self.send(&visit, call, limits, &mut reservation, epoch));
            if call.operation.streams() {
                let response = timers.first.limit(sending).await.flatten()?;
                let Timers { first: first_event, total } = *timers;
                let limits = StreamLimits { first_event, idle: self.settings.timeouts.idle, total, max_answer };
                let mut incoming = Box::new(Incoming::new(response, form, limits));
                if *holds {
                    let content = incoming.content(&limit_reader).await;
                    let request_id = &incoming.head().request_id;
                    content.map_err(|error| name_host(error, attempts).with_request_id(request_id))?;
                }
                return Ok(Response::Stream(incoming));
            }
            let unary = async {
                let response = sending.await?;
                unary::receive(response, form, max_answer).await.map_err(|error| name_host(error, attempts))
            };
            timers.first.limit(unary).await.flatten().map(|unary| Response::Unary(Box::new(unary)))
        });
        let response = explained(attempts, opening).await?;
        let fallback = (chosen.index > 0).then(|| chosen.target.name(&call.request.subject));
        Ok(Opened { response, attempts: visit.attempts, fallback, reservation })
    }

    /// Waits until the quota of the target has room for the call. If `timeouts.queue` limits the wait, the timers of
    /// the visit start when it ends.
    async fn admit(&self, visit: &mut Visit<'_>, call: &Call, writer: &Writer) -> Result<Option<Reservation>> {
        let is_counted = visit.chosen.index == 0 && call.operation.invokes_model();
        let Some(quota) = self.shared.quota.as_ref().filter(|_| is_counted) else { return Ok(None) };
        let timeouts = &self.settings.timeouts;
        // Once another target has been called, `timeouts.total` runs. A hedge may be called during the wait.
        let is_hedged = visit.chosen.has_alternative && self.config().failover.hedge_after.is_some();
        let is_first = writer.attempts().count() == 0 && !is_hedged;
        let total = visit.timers.total.filter(|_| !is_first);
        let queue = timeouts.queue.map(|queue| Deadline::after(Wait::Queue, queue).or_earlier(total));
        let until = queue.unwrap_or(visit.timers.first);
        let for_reader = visit.chosen.for_reader(until);
        match queue.filter(|_| is_first) {
            Some(_) => writer.limit(for_reader, None),
            None => writer.prolong(for_reader, visit.timers.total),
        }
        let estimate = Estimate::of_request(&call.request).await?;
        let reservation = match quota.reserve_now(estimate) {
            Some(reservation) => reservation,
            // A limit that was learned is a guess. Another target answers sooner.
            None if visit.chosen.has_alternative && quota.has_learned() => {
                return Err(Error::new(
                    Kind::Throttled,
                    "no room under the limits that were learned (limits.adaptive)",
                ));
            }
            None => self.wait_for_turn(quota, estimate, call, until, false).await?,
        };
        if queue.is_some() {
            let streams = call.operation.streams();
            visit.timers = match is_first {
                true => Timers::start(timeouts, streams),
                false => Timers::within(timeouts, streams, visit.timers.total),
            };
            *visit.total.lock() = visit.timers.total;
        }
        Ok(Some(reservation.of(&visit.attempts)))
    }

    /// Waits for the turn of a call under the limits. Meanwhile it does not count as running. `is_sent`: it has been
    /// sent before.
    async fn wait_for_turn(
        &self,
        quota: &Arc<Quota>,
        estimate: Estimate,
        call: &Call,
        until: Deadline,
        is_sent: bool,
    ) -> Result<Reservation> {
        const ADVICE: &str = "Raise limits, or the timer; set maxTokens in requests: it is reserved";
        let (_pause, began) = (self.shared.concurrency.pause(), Instant::now());
        log::debug("call", format_args!("{call}: waits for its turn under limits"));
        let reservation = until.limit_turn("its turn under limits", is_sent, ADVICE, quota.reserve(estimate)).await?;
        log::debug("call", format_args!("{call}: has its turn after {:?}", began.elapsed()));
        Ok(reservation)
    }

    /// Sends a call to a target, again after throttling for as long as `retry.throttling` permits, and waits for the
    /// head of its response.
    async fn send(
        &self,
        visit: &Visit<'_>,
        call: &Call,
        limits: RetryLimits,
        reservation: &mut Option<Reservation>,
        epoch: u64,
    ) -> Result<IncomingResponse> {
        let (Visit { chosen, timers, attempts, .. }, began) = (visit, Instant::now());
        for number in 0.. {
            let (sent_before, throttled_before) = (attempts.count(), attempts.throttled());
            let sent = self.send_authorized(chosen, call, attempts, epoch).await;
            if let Some(reservation) = reservation {
                reservation.add_sent(attempts.count().saturating_sub(sent_before + 1));
                // Also if the SDK's retries have hidden it.
                if attempts.throttled() > throttled_before {
                    reservation.refuse();
                }
            }
            let error = match sent {
                Ok(response) => {
                    reservation.iter_mut().for_each(Reservation::count);
                    return Ok(response);
                }
                Err(error) => error,
            };
            let is_throttled = error.kind() == Kind::Throttled;
            let reserved = reservation.take();
            let estimate = reserved.as_ref().map(Reservation::estimate);
            reserved.into_iter().for_each(Reservation::fail);
            let wait = self.wait_after_throttling(&error, began, number, limits).filter(|_| !chosen.has_alternative);
            let Some(wait) = wait else {
                let is_tried_for_a_time = is_throttled && self.settings.retry.throttled_for.is_some();
                return Err(if is_tried_for_a_time { error.advise(THROTTLED_ADVICE) } else { error });
            };
            attempts.retry_after(wait);
            tokio::time::sleep(wait).await;
            if let (Some(quota), Some(estimate)) = (&self.shared.quota, estimate) {
                let reserved = match quota.reserve_now(estimate) {
                    Some(reserved) => reserved,
                    None => self.wait_for_turn(quota, estimate, call, timers.first, true).await?,
                };
                *reservation = Some(reserved.of(attempts));
            }
        }
        unreachable!("the loop has no end")
    }

    /// Sends a call to a target. If its identity is refused and there is a new one, the call is sent once more.
    async fn send_authorized(
        &self,
        chosen: &Chosen<'_>,
        call: &Call,
        attempts: &Attempts,
        epoch: u64,
    ) -> Result<IncomingResponse> {
        let access = &self.shared.access;
        let version = access.version();
        let sent = send(&self.client(chosen, epoch).await?, call, attempts).await;
        let Err(error) = &sent else { return sent };
        let is_refused = refuses_identity(error.code().as_str());
        if !is_refused && !matches!(error.kind(), Kind::AccessDenied | Kind::Credentials) {
            return sent;
        }
        if access.version() != version || access.renew_refused(error, attempts, epoch).await? {
            attempts.retry_after(Duration::ZERO);
            return send(&self.client(chosen, epoch).await?, call, attempts).await;
        }
        sent
    }

    /// Returns the wait before a call that was throttled is sent again. None: it is not.
    fn wait_after_throttling(
        &self,
        error: &Error,
        began: Instant,
        number: u32,
        limits: RetryLimits,
    ) -> Option<Duration> {
        let most = self.settings.retry.throttled_for.filter(|_| error.kind() == Kind::Throttled)?;
        let backoff = THROTTLED_BACKOFF.saturating_mul(1 << number.min(8)).mul_f64(0.5 + 0.5 * fastrand::f64());
        let asked = error.retry_after().filter(|wait| *wait >= SHORTEST_ASKED);
        let wait = asked.unwrap_or(backoff).min(limits.max_backoff);
        let is_in_time = tokio::time::Instant::now() + wait < limits.deadline;
        (is_in_time && began.elapsed() + wait <= most).then_some(wait)
    }

    /// Returns the state of the admission.
    pub fn stats(&self) -> Stats {
        let mut stats = Stats::default();
        self.shared.concurrency.add_to(&mut stats);
        if let Some(quota) = &self.shared.quota {
            quota.add_to(&mut stats);
        }
        stats
    }

    /// Returns the client for a call at a target.
    async fn client(&self, chosen: &Chosen<'_>, epoch: u64) -> Result<Client> {
        self.clients.get(chosen, &self.settings, &self.shared.access, epoch).await
    }

    /// Opens a connection, within the timers of a stream.
    async fn connect(&self, writer: &Writer, epoch: u64) -> Result<()> {
        let (deadline, attempts) = (self.connected_by(), writer.attempts());
        attempts.start_call(CONNECTING, self.retry_limits(deadline, false));
        let first = Chosen { target: self.shared.failover.first(), index: 0, has_alternative: false };
        let connecting = async { connect_ahead::connect(&self.client(&first, epoch).await?, attempts).await };
        explained(attempts, async { deadline.limit(connecting).await.flatten() }).await
    }

    /// Returns the limits of the attempts at a target where the call ends at `until`.
    fn retry_limits(&self, until: Deadline, has_alternative: bool) -> RetryLimits {
        let Retry { max_attempts, max_backoff, .. } = self.settings.retry;
        let max_attempts = if has_alternative { 1 } else { max_attempts };
        RetryLimits { max_attempts, max_backoff, deadline: until.at() }
    }
}

/// Puts the host into the error of a response that did not arrive completely.
fn name_host(error: Error, attempts: &Attempts) -> Error {
    match error.kind() {
        Kind::Network | Kind::Timeout => error.while_doing(format_args!("reading the response of {}", attempts.host())),
        _ => error,
    }
}

/// Does `work`, which makes these attempts, and explains its failure by them.
async fn explained<T>(attempts: &Attempts, work: impl Future<Output = Result<T>>) -> Result<T> {
    let closing = attempts.close_on_drop();
    let result = work.await;
    drop(closing);
    result.map_err(|error| attempts.explain(error))
}

/// Makes a future when this one is first polled, in memory of its own. The thread that starts a call then moves a small
/// future, and needs a small stack.
async fn boxed_when_polled<F: Future>(make: impl FnOnce() -> F) -> F::Output {
    Box::pin(make()).await
}

/// Does `work`, and logs its result under `name`.
async fn log_end<T>(name: &(dyn fmt::Display + Sync), work: impl Future<Output = Result<T>>) -> Result<T> {
    let began = Instant::now();
    let result = work.await.map_err(|error| error.while_doing(name));
    match &result {
        Ok(_) => log::debug("call", format_args!("{name}: complete after {:?}", began.elapsed())),
        Err(error) => {
            let (kind, code) = (error.kind(), error.code());
            log::info("call", format_args!("{name}: {kind:?} {code} after {:?}", began.elapsed()));
        }
    }
    result
}
