//! A model: a config made ready for calls.

use crate::cancel::Cancel;
use crate::client::{self, PerWorker};
use crate::config::{CALL_SETTINGS, CallSettings, Config};
use crate::error::{Error, Kind, Result};
use crate::log;
use crate::request::{Document, Request, parse_defaults, replace_defaults, take_model_id};
use crate::response::Response;
use crate::runtime;
use crate::stream::{Next, Stream, StreamLimits, Writer};
use crate::text::Text;
use crate::timer::Deadline;
use crate::totals::Totals;
use crate::transport::Transport;
use crate::wire::answer::Answer;
use crate::wire::call::{self, Call, Input};
use crate::wire::event::Event;
use crate::wire::operation::Operation;
use crate::wire::usage::Usage;
use aws_sdk_bedrockruntime::{Client, Config as SdkConfig};
use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::Semaphore;

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
    /// Checks the config and makes a model of it. Connects nowhere, but makes sure that the library's worker runs.
    pub fn new(config_json: &str) -> Result<Self> {
        let config = Config::parse(config_json)?;
        let mut defaults = parse_defaults(&config.defaults, "config: defaults").map_err(as_config_error)?;
        let default_model = take_model_id(&mut defaults).map_err(as_config_error)?;
        let mut calls = config.calls.clone();
        take_call_settings(&mut defaults, &mut calls, "/defaults")?;
        let transport = Transport::parse(config.transport.as_deref())?;
        runtime::start()?;
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
        let mut given = parse_defaults(defaults_json, "deriving a model")?;
        let mut derived = Model { totals: self.totals.derive(), ..self.clone() };
        take_call_settings(&mut given, &mut derived.calls, "")?;
        if let Some(id) = take_model_id(&mut given)? {
            derived.id = id.into();
        }
        if derived.calls != self.calls {
            derived.client = Arc::default();
        }
        replace_defaults(&mut derived.defaults, given);
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
    pub fn input(&self, operation: Operation, request: &Request) -> Result<Input> {
        request.input(operation, self.id.as_str(), &self.defaults, self.shared.config.lint)
    }

    /// Starts a call. Fails only for what is wrong with the request; the rest comes out of the stream.
    pub fn open(&self, operation: Operation, request: &Request, cancel: Option<&Cancel>) -> Result<Stream> {
        let mut stream = self.begin(operation, request, cancel)?;
        if !self.calls.reading.keep_answer {
            stream.keep_outline();
        }
        Ok(stream)
    }

    fn begin(&self, operation: Operation, request: &Request, cancel: Option<&Cancel>) -> Result<Stream> {
        let input = self.input(operation, request)?;
        if cancel.is_some_and(Cancel::is_fired) {
            return Ok(Stream::cancelled(operation));
        }
        let connect = self.calls.timeouts.connect;
        let read_ahead = self.calls.reading.read_ahead;
        let job = Job { model: self.clone(), call: Call { operation, input, connect } };
        let runtime = runtime::start()?;
        let epoch = runtime.epoch;
        Ok(Stream::start(&runtime, operation, cancel.cloned(), read_ahead, move |writer| job.run(writer, epoch)))
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

    /// ConverseStream: shows each event to `on_event`, on this thread, until the end or until it breaks. The response
    /// is made where `wanted` says so.
    pub fn generate_stream(
        &self,
        request: &Request,
        cancel: Option<&Cancel>,
        wanted: bool,
        mut on_event: impl FnMut(&Event<'_>) -> ControlFlow<()>,
    ) -> Ended<ControlFlow<()>> {
        let mut stream = match self.open(Operation::ConverseStream, request, cancel) {
            Ok(stream) => stream,
            Err(error) => return Ended { result: Err(error), response: None },
        };
        if !wanted {
            stream.keep_outline();
        }
        let result = loop {
            match stream.next(None) {
                Ok(Next::Event(event)) if on_event(&event).is_break() => break Ok(ControlFlow::Break(())),
                Ok(Next::Event(_) | Next::Again) => {}
                Ok(Next::Done) => break Ok(ControlFlow::Continue(())),
                Err(error) => break Err(error),
            }
        };
        stream.cancel();
        Ended { response: if wanted { stream.finish() } else { None }, result }
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
        Box::pin(self.sdk.get(epoch, || client::sdk_config(&self.config, &self.transport)))
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
        let timeouts = &model.calls.timeouts;
        let max_answer = model.shared.config.max_answer;
        let began = Instant::now();
        let result = if call.operation.streams() {
            let total = timeouts.total.map(|total| Deadline::after("total", total));
            let first_event = Deadline::after("first_event", timeouts.first_event);
            let limits = StreamLimits { first_event, idle: timeouts.idle, total, max_answer };
            let permit = first_event.or_earlier(total).limit(model.send(&call, &writer, epoch)).await.flatten();
            match permit {
                Ok((answer, _permit)) => {
                    say_answered(&call, &answer, &writer, began);
                    writer.stream(answer, call.operation.answers_raw(), limits, &model.totals).await.map(|()| None)
                }
                Err(error) => Err(error),
            }
        } else {
            let unary = async {
                let (answer, _permit) = model.send(&call, &writer, epoch).await?;
                say_answered(&call, &answer, &writer, began);
                writer.unary(answer, call.operation.answers_raw(), max_answer, &model.totals).await.map(Some)
            };
            Deadline::after("whole", timeouts.whole).limit(unary).await.flatten()
        };
        let result = result.map_err(|error| {
            // What is refused for its configuration was never sent, however often it was tried.
            let sent = if error.kind() == Kind::Config { 0 } else { writer.attempts().get() };
            error.while_doing(&call).with_attempts(sent)
        });
        match &result {
            Ok(_) => log::debug("call", format_args!("{call}: complete after {:?}", began.elapsed())),
            Err(error) => log::info(
                "call",
                format_args!("{call}: {:?} {} after {:?}", error.kind(), error.code(), began.elapsed()),
            ),
        }
        result
    }
}

impl Model {
    /// Waits for a place, for the client and for the head of the answer.
    async fn send(
        &self,
        call: &Call,
        writer: &Writer,
        epoch: u64,
    ) -> Result<(Answer, Option<tokio::sync::OwnedSemaphorePermit>)> {
        let permit = match &self.shared.in_flight {
            Some(places) => places.clone().acquire_owned().await.ok(),
            None => None,
        };
        let client = || async { Ok(client::client(&self.shared.sdk(epoch).await?, &self.calls)) };
        let client = self.client.get(epoch, client).await?;
        let answer = call::send(&client, call, writer.attempts()).await?;
        Ok((answer, permit))
    }
}

fn say_answered(call: &Call, answer: &Answer, writer: &Writer, began: Instant) {
    let (status, id, attempts) = (answer.status, &answer.head.request_id, writer.attempts().get());
    log::debug(
        "call",
        format_args!("{call}: HTTP {status} after {:?}, attempt {attempts}, request id {id}", began.elapsed()),
    );
}

/// Takes the members that are settings of ours out of the request members they were given with.
fn take_call_settings(given: &mut Document, calls: &mut CallSettings, at: &str) -> Result<()> {
    for key in CALL_SETTINGS {
        if let Some(value) = given.value(key) {
            calls.take(key, value, &format!("{at}/{key}"))?;
            given.remove(key);
        }
    }
    Ok(())
}

/// What is wrong with the config's `defaults` is wrong with the config.
fn as_config_error(error: Error) -> Error {
    let message = error.message().as_str().trim_start_matches("bedrock: ").to_owned();
    Error::new(Kind::Config, message).at(format!("/defaults{}", error.path()))
}
