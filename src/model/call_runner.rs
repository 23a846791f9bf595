//! Runs calls on the worker: the permit, the timers, the request, the response, and the log.

use super::totals::Totals;
use crate::call::timer::{Deadline, Timers, Wait};
use crate::call::{StartOptions, Stream, StreamLimits, Writer};
use crate::config::{CallSettings, Config, Retry};
use crate::error::Result;
use crate::protocol::operation::Operation;
use crate::runtime::cancel::Cancel;
use crate::runtime::log;
use crate::runtime::per_worker::PerWorker;
use crate::runtime::worker;
use crate::sdk::call::{Call, send};
use crate::sdk::client::{self, Client};
use crate::sdk::connect_ahead;
use crate::sdk::incoming_response::IncomingResponse;
use crate::sdk::retry::RetryLimits;
use crate::sdk::sdk_config::{SdkConfig, sdk_config};
use crate::sdk::transport::Transport;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Runs the calls of a model. Cheap to clone.
#[derive(Clone)]
pub struct CallRunner {
    pub settings: CallSettings,
    pub totals: Totals,
    shared: Arc<Shared>,
    /// Shared by the models with the same settings.
    client: Arc<PerWorker<Client>>,
}

/// The part of a model that derived models share.
struct Shared {
    config: Config,
    transport: Transport,
    sdk: PerWorker<SdkConfig>,
    in_flight: Option<Arc<Semaphore>>,
}

/// The name, in messages, of opening a connection ahead of a call.
pub const CONNECTING: &str = "connecting to the service ahead of a call";

impl CallRunner {
    pub fn new(config: Config, transport: Transport, settings: CallSettings) -> Self {
        let in_flight = config.max_concurrency.map(|calls| Arc::new(Semaphore::new(calls)));
        let shared = Shared { config, transport, sdk: PerWorker::default(), in_flight };
        CallRunner { settings, totals: Totals::default(), shared: Arc::new(shared), client: Arc::default() }
    }

    /// Returns the runner of a derived model. It shares the connections, and the client if the settings are the same.
    pub fn derive(&self, settings: CallSettings) -> Self {
        let client = if settings == self.settings { self.client.clone() } else { Arc::default() };
        CallRunner { settings, totals: self.totals.derive(), shared: self.shared.clone(), client }
    }

    pub fn config(&self) -> &Config {
        &self.shared.config
    }

    pub fn transport(&self) -> &Transport {
        &self.shared.transport
    }

    /// Starts a call.
    pub fn start(&self, runtime: &worker::Runtime, call: Call, cancel: Option<&Cancel>) -> Result<Stream> {
        let options = self.options(call.operation, cancel, self.first_limit(call.operation));
        let (runner, epoch) = (self.clone(), runtime.epoch);
        Stream::start(runtime, options, move |writer| runner.run(call, writer, epoch))
    }

    /// Starts to open a connection ahead of a call. The stream ends when the connection is ready.
    pub fn start_to_connect(&self, runtime: &worker::Runtime, cancel: Option<&Cancel>) -> Result<Stream> {
        let options = self.options(Operation::Converse, cancel, self.connected_by());
        let (runner, epoch) = (self.clone(), runtime.epoch);
        let connect = move |writer: Writer| async move {
            let connected = boxed_when_polled(|| log_end(&CONNECTING, &writer, runner.connect(&writer, epoch)));
            connected.await.map(|()| None)
        };
        Stream::start(runtime, options, connect)
    }

    pub(super) fn options(&self, operation: Operation, cancel: Option<&Cancel>, until: Deadline) -> StartOptions {
        StartOptions { operation, cancel: cancel.cloned(), read_ahead: self.settings.read_ahead, until }
    }

    /// Returns the deadline of the first timer of a call that starts now.
    pub(super) fn first_limit(&self, operation: Operation) -> Deadline {
        let timeouts = &self.settings.timeouts;
        let queue = timeouts.queue.filter(|_| self.shared.in_flight.is_some());
        let queue = queue.map(|queue| Deadline::after(Wait::Queue, queue));
        queue.unwrap_or_else(|| Timers::start(timeouts, operation.streams()).first)
    }

    /// Returns the deadline of a connection that is opened now.
    fn connected_by(&self) -> Deadline {
        let total = self.settings.timeouts.total.map(|total| Deadline::after(Wait::Total, total));
        Deadline::after(Wait::Connection, self.settings.timeouts.first_event).or_earlier(total)
    }

    pub(super) async fn run(self, call: Call, writer: Writer, epoch: u64) -> Result<Option<String>> {
        boxed_when_polled(|| log_end(&call, &writer, self.perform(&call, &writer, epoch))).await
    }

    /// Performs a call, from its wait for a permit to the end of its response. Returns the response of a unary call.
    async fn perform(&self, call: &Call, writer: &Writer, epoch: u64) -> Result<Option<String>> {
        let (timeouts, streams) = (&self.settings.timeouts, call.operation.streams());
        let (form, max_answer) = (call.operation.response_form(), self.shared.config.max_answer);
        let mut timers = Timers::start(timeouts, streams);
        let queue = timeouts.queue.map(|queue| Deadline::after(Wait::Queue, queue));
        let _permit = self.permit(call, queue.unwrap_or(timers.first)).await?;
        if queue.is_some() {
            timers = Timers::start(timeouts, streams);
        }
        writer.limit(timers.first, timers.total);
        writer.attempts().start_call(call, self.retry_limits(timers.first));
        if streams {
            let response = timers.first.limit(self.send(call, writer, epoch)).await.flatten()?;
            let Timers { first: first_event, total } = timers;
            let limits = StreamLimits { first_event, idle: timeouts.idle, total, max_answer };
            writer.stream(response, form, limits, &|usage| self.totals.add(usage)).await.map(|()| None)
        } else {
            let unary = async {
                let response = self.send(call, writer, epoch).await?;
                writer.unary(response, form, max_answer, &|usage| self.totals.add(usage)).await.map(Some)
            };
            timers.first.limit(unary).await.flatten()
        }
    }

    /// Waits for one of `max_concurrency` permits. Returns None if the number of calls is not limited.
    async fn permit(&self, call: &Call, until: Deadline) -> Result<Option<OwnedSemaphorePermit>> {
        let Some((permits, number)) = self.shared.in_flight.clone().zip(self.shared.config.max_concurrency) else {
            return Ok(None);
        };
        if let Ok(permit) = permits.clone().try_acquire_owned() {
            return Ok(Some(permit));
        }
        let began = Instant::now();
        log::debug("call", format_args!("{call}: waits for a permit (max_concurrency is {number})"));
        let permit = until.limit_queue(number, permits.acquire_owned()).await?.ok();
        log::debug("call", format_args!("{call}: has its permit after {:?}", began.elapsed()));
        Ok(permit)
    }

    /// Waits for the client and for the head of the response.
    async fn send(&self, call: &Call, writer: &Writer, epoch: u64) -> Result<IncomingResponse> {
        send(&self.client(epoch).await?, call, writer.attempts()).await
    }

    async fn client(&self, epoch: u64) -> Result<Client> {
        let make = || async { Ok(client::client(&self.shared.sdk(epoch).await?, &self.settings)) };
        self.client.get(epoch, make).await
    }

    /// Opens a connection, within the timers of a stream.
    async fn connect(&self, writer: &Writer, epoch: u64) -> Result<()> {
        let deadline = self.connected_by();
        writer.attempts().start_call(CONNECTING, self.retry_limits(deadline));
        let connecting = async { connect_ahead::connect(&self.client(epoch).await?, writer.attempts()).await };
        deadline.limit(connecting).await.flatten()
    }

    /// Returns the limits of the attempts of a call that ends at `until`.
    fn retry_limits(&self, until: Deadline) -> RetryLimits {
        let Retry { max_attempts, max_backoff, .. } = self.settings.retry;
        RetryLimits { max_attempts, max_backoff, deadline: until.at() }
    }
}

impl Shared {
    /// Boxed, because this future is large, runs once, and would be a part of every call's future.
    fn sdk(&self, epoch: u64) -> Pin<Box<dyn Future<Output = Result<SdkConfig>> + Send + '_>> {
        Box::pin(self.sdk.get(epoch, || sdk_config(&self.config, &self.transport)))
    }
}

/// Makes a future when this one is first polled, in memory of its own. The thread that starts a call then moves a small
/// future, and needs a small stack.
async fn boxed_when_polled<F: Future>(make: impl FnOnce() -> F) -> F::Output {
    Box::pin(make()).await
}

/// Does `work`, and logs its result under `name`.
async fn log_end<T>(
    name: &(dyn fmt::Display + Sync),
    writer: &Writer,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    let began = Instant::now();
    let closing = writer.attempts().close_on_drop();
    let result = work.await;
    drop(closing);
    let result = result.map_err(|error| writer.attempts().explain(error).while_doing(name));
    match &result {
        Ok(_) => log::debug("call", format_args!("{name}: complete after {:?}", began.elapsed())),
        Err(error) => {
            let (kind, code) = (error.kind(), error.code());
            log::info("call", format_args!("{name}: {kind:?} {code} after {:?}", began.elapsed()));
        }
    }
    result
}
