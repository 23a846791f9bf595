//! A model: a config made ready for calls.

pub mod totals;

use crate::call::timer::{Deadline, Timers, Wait};
use crate::call::{self, Next, Stream, StreamLimits, Writer};
use crate::config::{CallSettings, Config, Retry, call_settings};
use crate::error::{Error, Kind, Result};
use crate::model::totals::Totals;
use crate::protocol::operation::Operation;
use crate::protocol::usage::Usage;
use crate::request::{Document, Request, SerializedRequest, apply_change, parse_change, parse_defaults, take_model_id};
use crate::response::Response;
use crate::runtime::cancel::Cancel;
use crate::runtime::log;
use crate::runtime::per_worker::PerWorker;
use crate::runtime::worker;
use crate::sdk::call::{Call, send};
use crate::sdk::client::{self, Client};
use crate::sdk::connect;
use crate::sdk::incoming_response::IncomingResponse;
use crate::sdk::retry::RetryLimits;
use crate::sdk::sdk_config::{SdkConfig, sdk_config};
use crate::sdk::transport::Transport;
use crate::text::Text;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A model id with the connections, credentials and settings to call it. Cheap to clone and to derive from.
#[derive(Clone)]
pub struct Model {
    id: Text,
    defaults: Document,
    calls: CallSettings,
    totals: Totals,
    shared: Arc<Shared>,
    /// Shared by the models with the same call settings.
    client: Arc<PerWorker<Client>>,
}

/// What a model and those derived from it have in common.
struct Shared {
    config: Config,
    transport: Transport,
    sdk: PerWorker<SdkConfig>,
    in_flight: Option<Arc<Semaphore>>,
}

impl Model {
    /// Checks the config and makes a model of it. Starts no thread and connects nowhere.
    pub fn new(config_json: &str) -> Result<Self> {
        let config = Config::parse(config_json)?;
        let (mut defaults, default_model) =
            config.defaults.as_ref().map(parse_defaults).transpose()?.unwrap_or_default();
        let mut calls = config.calls.clone();
        take_call_settings(&mut defaults, &mut calls, "/defaults")?;
        let transport = Transport::parse(config.transport.as_ref())?;
        Ok(Model {
            id: default_model.unwrap_or_else(|| config.model.clone()).into(),
            defaults,
            calls,
            totals: Totals::default(),
            client: Arc::default(),
            shared: Arc::new(Shared {
                in_flight: config.max_concurrency.map(|calls| Arc::new(Semaphore::new(calls))),
                transport,
                sdk: PerWorker::default(),
                config,
            }),
        })
    }

    /// A model with these request members under every request, and perhaps call settings or a model id of its own.
    pub fn with(&self, defaults_json: &str) -> Result<Self> {
        let mut change = parse_change(defaults_json)?;
        let mut derived = Model { totals: self.totals.derive(), ..self.clone() };
        take_call_settings(&mut change.replaced, &mut derived.calls, "")?;
        if let Some(id) = take_model_id(&mut change.replaced)? {
            derived.id = id.into();
        }
        if derived.calls != self.calls {
            derived.client = Arc::default();
        }
        apply_change(&mut derived.defaults, change)?;
        Ok(derived)
    }

    pub fn id(&self) -> &Text {
        &self.id
    }

    /// What its calls and those of the models derived from it have used, as far as the service said. Its time is -1.
    pub fn usage(&self) -> Usage {
        self.totals.sum()
    }

    /// Exactly what a call would send.
    pub fn serialize(&self, operation: Operation, request: &Request) -> Result<SerializedRequest> {
        request.serialize(operation, self.id.as_str(), &self.defaults, self.shared.config.lint)
    }

    /// Makes the way to the service ready for the next call: credentials, endpoint, connection. Waits for at most
    /// `timeout`, or as long as the timers of a call allow (None).
    pub fn connect(&self, cancel: Option<&Cancel>, timeout: Option<Duration>) -> Result<()> {
        if cancel.is_some_and(Cancel::is_fired) {
            return Err(Error::new(Kind::Cancelled, "connecting was cancelled before it began"));
        }
        if !self.shared.transport.is_network() {
            return Ok(());
        }
        let runtime = worker::start()?;
        let (model, epoch) = (self.clone(), runtime.epoch);
        // What is cancelled, shut down or panics is what it is for a call.
        let connecting = move |writer: Writer| async move {
            let connected = on_the_worker(|| conclude(&CONNECTING, &writer, model.make_ready(&writer, epoch)));
            connected.await.map(|()| None)
        };
        let options = self.start_options(Operation::Converse, cancel, self.ready_by());
        let mut stream = Stream::start(&runtime, options, connecting)?;
        match stream.next(timeout)? {
            Next::Done | Next::Event(_) => Ok(()),
            Next::Again => {
                let what = format_args!(
                    "{CONNECTING}: no connection was ready within {:?} (timeout_ms)",
                    timeout.unwrap_or_default()
                );
                Err(Error::new(Kind::Timeout, what))
            }
        }
    }

    /// Starts a call. Fails only for what is wrong with the request; the rest comes out of the stream.
    pub fn open(&self, operation: Operation, request: &Request, cancel: Option<&Cancel>) -> Result<Stream> {
        let mut stream = self.begin(operation, request, cancel)?;
        if !self.calls.keep_answer {
            stream.keep_outline();
        }
        Ok(stream)
    }

    fn begin(&self, operation: Operation, request: &Request, cancel: Option<&Cancel>) -> Result<Stream> {
        let input = self.serialize(operation, request)?;
        if cancel.is_some_and(Cancel::is_fired) {
            return Ok(Stream::cancelled(operation));
        }
        let job = Job { model: self.clone(), call: Call { operation, request: input } };
        let runtime = worker::start()?;
        let epoch = runtime.epoch;
        let options = self.start_options(operation, cancel, self.first_limit(operation));
        Stream::start(&runtime, options, move |writer| job.run(writer, epoch))
    }

    fn start_options(&self, operation: Operation, cancel: Option<&Cancel>, until: Deadline) -> call::StartOptions {
        let read_ahead = self.calls.read_ahead;
        call::StartOptions { operation, cancel: cancel.cloned(), read_ahead, until }
    }

    /// When the first timer of a call that begins now runs out.
    fn first_limit(&self, operation: Operation) -> Deadline {
        let timeouts = &self.calls.timeouts;
        let queue = timeouts.queue.filter(|_| self.shared.in_flight.is_some());
        let queue = queue.map(|queue| Deadline::after(Wait::Queue, queue));
        queue.unwrap_or_else(|| Timers::start(timeouts, operation.streams()).first)
    }

    /// Any operation: one request, one answer, that of a stream when it is complete.
    pub fn call(&self, operation: Operation, request: &Request, cancel: Option<&Cancel>) -> Ended<()> {
        let mut stream = match self.begin(operation, request, cancel) {
            Ok(stream) => stream,
            Err(error) => return Ended { result: Err(error), response: None },
        };
        let result = loop {
            match stream.next(None) {
                Ok(Next::Event(_) | Next::Again) => {}
                Ok(Next::Done) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        Ended { response: stream.finish(), result }
    }
}

/// How a call ended, and what it has given: after a failure what had arrived before it, None where nothing had.
pub struct Ended<T> {
    pub result: Result<T>,
    pub response: Option<Response>,
}

impl Shared {
    /// Boxed, because what is awaited here is large, runs once, and would be a part of every call's future.
    fn sdk(&self, epoch: u64) -> Pin<Box<dyn Future<Output = Result<SdkConfig>> + Send + '_>> {
        Box::pin(self.sdk.get(epoch, || sdk_config(&self.config, &self.transport)))
    }
}

/// A call on its way to the worker.
struct Job {
    model: Model,
    call: Call,
}

impl Job {
    async fn run(self, writer: Writer, epoch: u64) -> Result<Option<String>> {
        let Job { model, call } = self;
        on_the_worker(|| conclude(&call, &writer, model.perform(&call, &writer, epoch))).await
    }
}

/// Makes a future when this one is first polled, in memory of its own. The thread that starts a call then moves a small future,
/// and needs a small stack.
async fn on_the_worker<F: Future>(make: impl FnOnce() -> F) -> F::Output {
    Box::pin(make()).await
}

/// Does what a call consists of, or what comes ahead of one, and logs how it ended. `name` says what it is.
async fn conclude<T>(
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

impl Model {
    /// A call from its place in the queue to the end of its answer: nothing for a stream, the answer for a unary call.
    async fn perform(&self, call: &Call, writer: &Writer, epoch: u64) -> Result<Option<String>> {
        let (timeouts, streams) = (&self.calls.timeouts, call.operation.streams());
        let (form, max_answer) = (call.operation.response_form(), self.shared.config.max_answer);
        let mut timers = Timers::start(timeouts, streams);
        let queue = timeouts.queue.map(|queue| Deadline::after(Wait::Queue, queue));
        let _place = self.place(call, queue.unwrap_or(timers.first)).await?;
        if queue.is_some() {
            timers = Timers::start(timeouts, streams);
        }
        writer.limit(timers.first, timers.total);
        writer.attempts().start_call(call, self.retry_limits(timers.first));
        if streams {
            let answer = timers.first.limit(self.send(call, writer, epoch)).await.flatten()?;
            let Timers { first: first_event, total } = timers;
            let limits = StreamLimits { first_event, idle: timeouts.idle, total, max_answer };
            writer.stream(answer, form, limits, &|usage| self.totals.add(usage)).await.map(|()| None)
        } else {
            let unary = async {
                let answer = self.send(call, writer, epoch).await?;
                writer.unary(answer, form, max_answer, &|usage| self.totals.add(usage)).await.map(Some)
            };
            timers.first.limit(unary).await.flatten()
        }
    }

    /// Waits for a place among the calls that may run at once, where their number is limited.
    async fn place(&self, call: &Call, until: Deadline) -> Result<Option<OwnedSemaphorePermit>> {
        let Some((places, number)) = self.shared.in_flight.clone().zip(self.shared.config.max_concurrency) else {
            return Ok(None);
        };
        if let Ok(place) = places.clone().try_acquire_owned() {
            return Ok(Some(place));
        }
        let began = Instant::now();
        log::debug("call", format_args!("{call}: waits for a place among max_concurrency {number} calls"));
        let place = until.limit_queue(number, places.acquire_owned()).await?.ok();
        log::debug("call", format_args!("{call}: has its place after {:?}", began.elapsed()));
        Ok(place)
    }

    /// Waits for the client and for the head of the answer.
    async fn send(&self, call: &Call, writer: &Writer, epoch: u64) -> Result<IncomingResponse> {
        send(&self.client(epoch).await?, call, writer.attempts()).await
    }

    async fn client(&self, epoch: u64) -> Result<Client> {
        let make = || async { Ok(client::client(&self.shared.sdk(epoch).await?, &self.calls)) };
        self.client.get(epoch, make).await
    }

    /// Connects within the timers of a stream.
    async fn make_ready(&self, writer: &Writer, epoch: u64) -> Result<()> {
        let deadline = self.ready_by();
        writer.attempts().start_call(CONNECTING, self.retry_limits(deadline));
        let connecting = async { connect::connect(&self.client(epoch).await?, writer.attempts()).await };
        deadline.limit(connecting).await.flatten()
    }

    /// When a connection that is wanted now has to be ready.
    fn ready_by(&self) -> Deadline {
        let total = self.calls.timeouts.total.map(|total| Deadline::after(Wait::Total, total));
        Deadline::after(Wait::Connection, self.calls.timeouts.first_event).or_earlier(total)
    }

    /// Returns the limits of a call's attempts before `until`.
    fn retry_limits(&self, until: Deadline) -> RetryLimits {
        let Retry { max_attempts, max_backoff, .. } = self.calls.retry;
        RetryLimits { max_attempts, max_backoff, deadline: until.at() }
    }
}

/// What is being done where a connection is wanted, and no call.
const CONNECTING: &str = "connecting to the service ahead of a call";

/// Takes the members that are settings of ours out of the request members they were given with.
fn take_call_settings(given: &mut Document, calls: &mut CallSettings, at: &str) -> Result<()> {
    for key in call_settings() {
        if let Some(value) = given.value(key) {
            calls.set(key, value, &format!("{at}/{key}"))?;
            given.remove(key);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::notify;
    use crate::runtime::worker::Runtime;
    use std::time::Duration;
    use tokio::runtime::Handle;

    /// Streams this script on the test's own runtime, whose clock is the one that counts. Gives the text and the time it took.
    async fn stream(members: &str, events: &str) -> (String, Duration, Result<()>) {
        let config = format!(r#"{{"model":"m","transport":{{"replies":[{{"events":[{events}]}}]}}{members}}}"#);
        let model = Model::new(&config).unwrap();
        let request = Request::parse(r#"{"messages":[{"role":"user","content":[{"text":"Hello?"}]}]}"#).unwrap();
        let input = model.serialize(Operation::ConverseStream, &request).unwrap();
        let operation = Operation::ConverseStream;
        let options = model.start_options(operation, None, model.first_limit(operation));
        let job = Job { model, call: Call { operation, request: input } };
        let runtime = Runtime { handle: Handle::current(), epoch: u64::MAX };
        // The reader below asks all the time, and waits for no notification.
        notify::flushes_on_this_thread();
        let began = tokio::time::Instant::now();
        let mut stream = Stream::start(&runtime, options, |writer| job.run(writer, u64::MAX)).unwrap();
        let end = loop {
            match stream.next(Some(Duration::ZERO)) {
                Ok(Next::Event(_)) => {}
                Ok(Next::Again) => tokio::time::sleep(Duration::from_secs(1)).await,
                Ok(Next::Done) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        (stream.response().text().as_str().to_owned(), began.elapsed(), end)
    }

    const SILENCE: &str = r#"{"wait":"4m"}"#;

    fn delta(text: &str) -> String {
        format!(r#"{{"contentBlockDelta":{{"contentBlockIndex":0,"delta":{{"text":"{text}"}}}}}}"#)
    }

    #[test]
    fn a_call_on_its_way_to_the_worker_is_small() {
        let model = Model::new(r#"{"model":"m","transport":{"replies":[]}}"#).unwrap();
        let request = Request::parse(r#"{"messages":[{"role":"user","content":[{"text":"Hello?"}]}]}"#).unwrap();
        let operation = Operation::ConverseStream;
        let input = model.serialize(operation, &request).unwrap();
        let options = model.start_options(operation, None, model.first_limit(operation));
        let job = Job { model, call: Call { operation, request: input } };
        let runtime = worker::start().unwrap();
        let begin = |writer| {
            let future = job.run(writer, u64::MAX);
            assert!(size_of_val(&future) < 1024, "{}", size_of_val(&future));
            future
        };
        let mut stream = Stream::start(&runtime, options, begin).unwrap();
        assert!(stream.next(None).is_err(), "the script has no reply");
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_of_twenty_minutes_with_silences_of_four_minutes_ends_well() {
        let start = r#"{"messageStart":{"role":"assistant"}}"#.to_owned();
        let stop =
            r#"{"contentBlockStop":{"contentBlockIndex":0}},{"messageStop":{"stopReason":"end_turn"}}"#.to_owned();
        let metadata = r#"{"metadata":{"usage":{},"metrics":{}}}"#.to_owned();
        let words = ["a ", "b ", "c ", "d"].map(|word| format!("{SILENCE},{}", delta(word)));
        // The first event is four minutes away as well.
        let parts = [vec![SILENCE.to_owned(), start], words.to_vec(), vec![stop, metadata]].concat();
        let (text, took, end) = stream("", &parts.join(",")).await;
        assert_eq!(end.map_err(|error| error.to_string()), Ok(()));
        assert_eq!(text, "a b c d");
        assert!(took >= Duration::from_secs(20 * 60), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_silence_of_more_than_five_minutes_is_a_timeout_that_says_it_can_be_normal() {
        let start = r#"{"messageStart":{"role":"assistant"}}"#;
        for (events, timer) in [
            (format!(r#"{{"wait":"6m"}},{start}"#), "first_event"),
            (format!(r#"{start},{},{{"wait":"6m"}},{}"#, delta("a"), delta("b")), "idle"),
        ] {
            let (_, took, end) = stream("", &events).await;
            let error = end.unwrap_err();
            assert_eq!(error.kind(), Kind::Timeout);
            let message = error.message().as_str();
            assert!(message.contains(&format!("within 5m (timeouts.{timer}")), "{message}");
            assert!(message.contains("A long silence can be normal while a model thinks"), "{message}");
            assert!(took < Duration::from_secs(6 * 60), "{took:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn timeout_shortens_the_silence_that_is_waited_for() {
        let events = format!(r#"{{"messageStart":{{"role":"assistant"}}}},{},{SILENCE},{}"#, delta("a"), delta("b"));
        let (text, took, end) = stream(r#","timeout":"30s""#, &events).await;
        let error = end.unwrap_err();
        assert_eq!((error.kind(), text.as_str()), (Kind::Timeout, "a"));
        assert!(error.message().as_str().contains("within 30s (timeouts.idle"), "{error}");
        assert!(took < Duration::from_secs(40), "{took:?}");
    }
}
