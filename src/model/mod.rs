//! A model: a config that is ready for calls. `call_runner` runs its calls on the worker, [`totals`] adds up their
//! usage. [`admission`] decides when a call is sent; `failover` sends it from one `target` to the next, each of which
//! has its `rest` after a failure. `access` leads to the service: the `identity` that authorizes calls, and the SDK's
//! configuration, of which `clients` are made.

mod access;
pub mod admission;
mod call_runner;
mod clients;
mod failover;
mod identity;
mod rest;
mod target;
pub mod totals;

use crate::call::{Next, Observation, Stream};
use crate::config::{CallSettings, Config, call_settings};
use crate::error::{Error, Kind, Result};
use crate::protocol::operation::Operation;
use crate::protocol::usage::Usage;
use crate::request::{Document, Request, SerializedRequest, apply_change, parse_change, parse_defaults, take_model_id};
use crate::response::Response;
use crate::runtime::cancel::Cancel;
use crate::runtime::{feed, worker};
use crate::sdk::api_key;
use crate::sdk::call::Call;
use crate::sdk::effective_settings::effective_settings;
use crate::sdk::transport::Transport;
use crate::text::Text;
use admission::Stats;
use call_runner::{CONNECTING, CallRunner};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use zeroize::Zeroizing;

/// A model id with the connections, credentials and settings to call it. Cheap to clone and to derive from.
#[derive(Clone)]
pub struct Model {
    id: Text,
    defaults: Document,
    runner: CallRunner,
    effective_settings: OnceLock<Text>,
}

impl Model {
    /// Checks the config and returns a model. Starts no thread and connects nowhere.
    pub fn new(config_json: &str) -> Result<Self> {
        let config = Config::parse(config_json)?;
        let (mut defaults, default_model) =
            config.defaults.as_ref().map(parse_defaults).transpose()?.unwrap_or_default();
        let mut settings = config.calls.clone();
        take_call_settings(&mut defaults, &mut settings, "/defaults")?;
        let transport = Transport::open(&config.transport)?;
        let id = default_model.unwrap_or_else(|| config.model.clone()).into();
        let runner = CallRunner::new(config, transport, settings)?;
        Ok(Model { id, defaults, runner, effective_settings: OnceLock::new() })
    }

    /// Returns a derived model. `defaults_json` has members for every request, and may have call settings and a model
    /// id.
    pub fn with(&self, defaults_json: &str) -> Result<Self> {
        let mut change = parse_change(defaults_json)?;
        let mut settings = self.runner.settings.clone();
        take_call_settings(&mut change.replaced, &mut settings, "")?;
        let id = take_model_id(&mut change.replaced)?.map_or_else(|| self.id.clone(), Text::from);
        let mut defaults = self.defaults.clone();
        apply_change(&mut defaults, change)?;
        Ok(Model { id, defaults, runner: self.runner.derive(settings), effective_settings: OnceLock::new() })
    }

    /// Replaces what authorizes the calls of this model, of those derived from it and of those it was derived from.
    pub fn set_credentials(&self, json: &str) -> Result<()> {
        self.runner.set_credentials(json)
    }

    pub fn id(&self) -> &Text {
        &self.id
    }

    /// Returns the usage of its calls and of those of derived models, as far as the service reported it. Its time is
    /// -1.
    pub fn usage(&self) -> Usage {
        self.runner.totals.sum()
    }

    /// Returns how many of its calls run and wait, and what counts in this minute.
    pub fn stats(&self) -> Stats {
        self.runner.stats()
    }

    /// Returns the settings in effect, each with its source, as JSON. Reads AWS's files when it first succeeds, and
    /// returns the same text afterwards.
    pub fn settings(&self) -> Result<&Text> {
        if let Some(known) = self.effective_settings.get() {
            return Ok(known);
        }
        let settings = effective_settings(self.runner.config(), self.runner.transport(), self.id.as_str())?;
        Ok(self.effective_settings.get_or_init(|| settings.into()))
    }

    /// Returns exactly what a call would send.
    pub fn serialize(&self, operation: Operation, request: &Request) -> Result<SerializedRequest> {
        self.serialize_with(self.runner.config().lint, operation, request)
    }

    /// Returns what a call would send, also if a local check of the conversation would fail.
    pub fn serialize_unchecked(&self, operation: Operation, request: &Request) -> Result<SerializedRequest> {
        self.serialize_with(false, operation, request)
    }

    fn serialize_with(&self, lint: bool, operation: Operation, request: &Request) -> Result<SerializedRequest> {
        request.serialize(operation, self.id.as_str(), &self.defaults, &self.runner.settings.cache, lint)
    }

    /// Prepares for the next call: credentials, endpoint, connection. Waits for at most `timeout`, or as long as the
    /// timers of a call allow (None).
    pub fn connect(&self, cancel: Option<&Cancel>, timeout: Option<Duration>) -> Result<()> {
        if cancel.is_some_and(Cancel::is_fired) {
            return Err(Error::new(Kind::Cancelled, "connecting was cancelled before it began"));
        }
        if !self.runner.transport().is_network() {
            return Ok(());
        }
        let mut stream = self.runner.start_to_connect(&worker::start()?, cancel)?;
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

    /// Makes a Bedrock API key that is valid for `seconds`.
    pub fn api_key(&self, seconds: i32, cancel: Option<&Cancel>) -> Result<Zeroizing<String>> {
        let seconds =
            u64::try_from(seconds).ok().filter(|seconds| api_key::SECONDS.contains(seconds)).ok_or_else(|| {
                let what = format_args!(
                    "seconds is {seconds}: an API key is valid for 1 to {} seconds",
                    api_key::SECONDS.end()
                );
                Error::new(Kind::InvalidArgument, what)
            })?;
        if cancel.is_some_and(Cancel::is_fired) {
            return Err(Error::new(Kind::Cancelled, "making an API key was cancelled before it began"));
        }
        let slot = Arc::default();
        let mut stream = self.runner.start_api_key(&worker::start()?, cancel, seconds, &slot)?;
        while let Next::Event(_) | Next::Again = stream.next(None)? {}
        slot.get().cloned().ok_or_else(|| Error::new(Kind::Internal, "no API key was made"))
    }

    /// Starts a call. Fails only if the request is wrong; the stream returns all other errors.
    pub fn open(&self, operation: Operation, request: &Request, cancel: Option<&Cancel>) -> Result<Stream> {
        let mut stream = self.start(operation, request, cancel)?;
        if !self.runner.settings.keep_answer {
            stream.drop_content();
        }
        Ok(stream)
    }

    /// Starts a ConverseStream whose response has its content, also if the model's keep_answer is false.
    pub fn open_with_content(&self, request: &Request, cancel: Option<&Cancel>) -> Result<Stream> {
        self.start(Operation::ConverseStream, request, cancel)
    }

    fn start(&self, operation: Operation, request: &Request, cancel: Option<&Cancel>) -> Result<Stream> {
        let parent = request.traceparent();
        let request = self.serialize(operation, request)?;
        if cancel.is_some_and(Cancel::is_fired) {
            return Ok(Stream::cancelled(operation));
        }
        let runtime = worker::start()?;
        let observation = feed::wants_records().then(|| Observation::begin(operation, &request, parent));
        let traceparent = observation.as_ref().map_or(parent, |observation| observation.trace_to_send());
        let call = Call { operation, request, traceparent: traceparent.map(Box::new) };
        self.runner.start(&runtime, call, observation, cancel)
    }

    /// Calls an operation and waits for its end. The response of a stream is returned when it is complete.
    pub fn call(&self, operation: Operation, request: &Request, cancel: Option<&Cancel>) -> Ended<()> {
        let mut stream = match self.start(operation, request, cancel) {
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

/// The result of a call, and its response: after a failure the part that had arrived, or None.
pub struct Ended<T> {
    pub result: Result<T>,
    pub response: Option<Response>,
}

/// Moves call settings out of the request members that they were given with.
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

    /// Streams this script on the test's own runtime, whose clock is the one that counts. Returns the text and the time
    /// it took.
    async fn stream(members: &str, events: &str) -> (String, Duration, Result<()>) {
        let config = format!(r#"{{"model":"m","transport":{{"replies":[{{"events":[{events}]}}]}}{members}}}"#);
        let model = Model::new(&config).unwrap();
        let request = Request::parse(r#"{"messages":[{"role":"user","content":[{"text":"Hello?"}]}]}"#).unwrap();
        let request = model.serialize(Operation::ConverseStream, &request).unwrap();
        let operation = Operation::ConverseStream;
        let runtime = Runtime { handle: Handle::current(), epoch: u64::MAX };
        // The reader below asks all the time, and waits for no notification.
        notify::flushes_on_this_thread();
        let began = tokio::time::Instant::now();
        let mut stream =
            model.runner.start(&runtime, Call { operation, request, traceparent: None }, None, None).unwrap();
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
    fn the_task_of_a_call_is_small_when_it_moves_to_the_worker() {
        let model = Model::new(r#"{"model":"m","transport":{"replies":[]}}"#).unwrap();
        let request = Request::parse(r#"{"messages":[{"role":"user","content":[{"text":"Hello?"}]}]}"#).unwrap();
        let operation = Operation::ConverseStream;
        let request = model.serialize(operation, &request).unwrap();
        let runner = model.runner;
        let options = runner.options(operation, None, runner.first_limit(operation));
        let (sender, size) = std::sync::mpsc::channel();
        let begin = move |writer| {
            let future = runner.run(Call { operation, request, traceparent: None }, writer, u64::MAX);
            sender.send(size_of_val(&future)).unwrap();
            future
        };
        let mut stream = Stream::start(&worker::start().unwrap(), options, begin).unwrap();
        assert!(stream.next(None).is_err(), "the script has no reply");
        let size = size.recv().unwrap();
        assert!(size < 1024, "{size}");
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
    async fn a_silence_of_more_than_five_minutes_is_a_timeout_whose_message_says_that_it_can_be_normal() {
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
