//! The scripted stand-in: answers written down in the config, in process, for tests and demonstrations without AWS.
//!
//! `{"transport": {"replies": [...], "repeat": false}}`. Each HTTP request, retries included, takes the next reply:
//!
//! | reply | the service |
//! |---|---|
//! | `"text"` | says the text and ends the turn |
//! | `{"text": "...", "pace": "30ms"}` | says it word by word, with that pause before each |
//! | `{"message": {...}, "stopReason": "...", "usage": {...}, "pace": "..."}` | sends that Converse message |
//! | `{"events": [...]}` | sends these events: `{"contentBlockDelta": {...}}`, `{"wait": "20ms"}`, `{"exception": "name", "message": "..."}`; `{"chunk": {...}}` is what a model writes into a chunk |
//! | `{"json": {...}}` | answers an operation that does not stream with that JSON |
//! | `{"error": {"status": 429, "code": "...", "message": "...", "headers": {...}}}` | refuses with that HTTP error |
//!
//! The same reply serves both kinds of call: events become the one answer of a unary call, a message becomes events. Where
//! `usage` is not given, it counts the words of the reply as output tokens.

use crate::config::check_transport::{bad, check_keys, expect_kind};
use crate::config::duration_of;
use crate::error::{Error, Kind, Result};
use crate::http::body::Body;
use crate::http::timed_body::BodyStep;
use crate::http::transport::{SendOptions, Timeouts, Transport};
use crate::http::transport_error::TransportError;
use crate::json::{self, Json};
use crate::protocol::batch::Batch;
use crate::protocol::content_type::EVENT_STREAM;
use crate::protocol::event_decoder::EventDecoder;
use crate::protocol::frame_decoder::FrameDecoder;
use crate::protocol::frame_encoder::encode;
use crate::response::message;
use bytes::Bytes;
use http::{HeaderValue, Request, Response};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// A script, and how far it has been played.
#[derive(Clone)]
pub struct Script(Arc<Inner>);

struct Inner {
    replies: Vec<Reply>,
    repeat: bool,
    played: AtomicUsize,
}

enum Reply {
    /// What happens in the body of a streamed answer, in order.
    Events(Vec<Step>),
    /// The answer of an operation that does not stream.
    Json(String),
    Refusal(Refusal),
}

enum Step {
    Wait(Duration),
    /// The one answer of a unary call, which is no frame.
    Whole(String),
    Event {
        name: String,
        payload: String,
    },
    Exception {
        name: String,
        payload: String,
    },
}

struct Refusal {
    status: u16,
    code: String,
    message: String,
    headers: Vec<(String, String)>,
}

impl Script {
    /// Reads the config's `transport`.
    pub fn parse(json: Json<'_>) -> Result<Self> {
        check_keys(json, "/transport", &["replies", "repeat"])?;
        let replies = json.get("replies").filter(|replies| replies.kind() == json::Kind::Array);
        let replies = replies.ok_or_else(|| bad("/transport/replies", "an array of replies is needed"))?;
        let repeat = match json.get("repeat") {
            None => false,
            Some(repeat) => repeat.bool().ok_or_else(|| bad("/transport/repeat", "expected true or false"))?,
        };
        let replies = replies.elements().enumerate();
        let replies = replies.map(|(index, reply)| Reply::parse(reply, &format!("/transport/replies/{index}")));
        Ok(Script(Arc::new(Inner { replies: replies.collect::<Result<_>>()?, repeat, played: AtomicUsize::new(0) })))
    }

    fn next(&self) -> Result<&Reply> {
        let Inner { replies, repeat, played } = &*self.0;
        let turn = played.fetch_add(1, Ordering::Relaxed);
        let index = if *repeat && !replies.is_empty() { turn % replies.len() } else { turn };
        replies.get(index).ok_or_else(|| {
            let what = format_args!(
                "the script's replies are used up: it has {}, and this is request {} (each retry is one); add a reply, or set \"repeat\" to true",
                replies.len(),
                turn + 1
            );
            Error::new(Kind::Config, what).at("/transport/replies")
        })
    }
}

/// A name has to fit a frame's header.
fn check_name(name: &str, path: &str) -> Result<()> {
    if (1..=256).contains(&name.len()) { Ok(()) } else { Err(bad(path, "a name has from 1 to 256 bytes")) }
}

impl Reply {
    fn parse(json: Json<'_>, path: &str) -> Result<Self> {
        if let Some(text) = json.string() {
            return Ok(Reply::say(&text, None));
        }
        let has = |key| json.get(key).is_some();
        if has("text") {
            check_keys(json, path, &["text", "pace"])?;
            let text = json.get("text").and_then(Json::string);
            let text = text.ok_or_else(|| bad(&format!("{path}/text"), "expected a string"))?;
            Ok(Reply::say(&text, duration(json, "pace", path)?))
        } else if let Some(message) = json.get("message") {
            check_keys(json, path, &["message", "stopReason", "usage", "pace"])?;
            expect_kind(message, json::Kind::Object, &format!("{path}/message"))?;
            let pace = duration(json, "pace", path)?;
            Ok(Reply::send(message, json.get("stopReason").and_then(Json::string).as_deref(), json.get("usage"), pace))
        } else if let Some(events) = json.get("events") {
            check_keys(json, path, &["events"])?;
            expect_kind(events, json::Kind::Array, &format!("{path}/events"))?;
            let steps = events.elements().enumerate();
            let steps = steps.map(|(index, step)| Step::parse(step, &format!("{path}/events/{index}")));
            Ok(Reply::Events(steps.collect::<Result<_>>()?))
        } else if let Some(answer) = json.get("json") {
            check_keys(json, path, &["json"])?;
            Ok(Reply::Json(answer.text().to_owned()))
        } else if let Some(error) = json.get("error") {
            check_keys(json, path, &["error"])?;
            Ok(Reply::Refusal(Refusal::parse(error, &format!("{path}/error"))?))
        } else {
            Err(bad(path, "a reply is a string, or an object with text, message, events, json or error"))
        }
    }

    fn say(text: &str, pace: Option<Duration>) -> Self {
        let message = format!("{{\"role\":\"assistant\",\"content\":[{{\"text\":{}}}]}}", json::quoted(text));
        let message = Json::parse(&message).expect("JSON that was just composed");
        Reply::send(message, None, None, pace)
    }

    /// The events in which the service would stream a message.
    fn send(message: Json<'_>, stop_reason: Option<&str>, usage: Option<Json<'_>>, pace: Option<Duration>) -> Self {
        let mut steps = vec![Step::event("messageStart", "{\"role\":\"assistant\"}".into())];
        let mut words = 0;
        let mut calls_tools = false;
        for (index, block) in message.get("content").into_iter().flat_map(Json::elements).enumerate() {
            let mut delta = |delta: String| {
                steps.extend(pace.map(Step::Wait));
                let payload = format!("{{\"contentBlockIndex\":{index},\"delta\":{delta}}}");
                steps.push(Step::event("contentBlockDelta", payload));
            };
            if let Some(text) = block.get("text").and_then(Json::string) {
                for word in text.split_inclusive(' ') {
                    words += 1;
                    delta(format!("{{\"text\":{}}}", json::quoted(word)));
                }
            } else if let Some(tool) = block.get("toolUse") {
                calls_tools = true;
                let start = tool.members().filter(|member| !member.key.is("input"));
                let start = start.map(|member| member.segment.trim()).collect::<Vec<_>>().join(",");
                let start = format!("{{\"contentBlockIndex\":{index},\"start\":{{\"toolUse\":{{{start}}}}}}}");
                let input = json::quoted(tool.get("input").map_or("{}", Json::text));
                words += 1;
                delta(format!("{{\"toolUse\":{{\"input\":{input}}}}}"));
                let delta = steps.pop().expect("the delta that was just pushed");
                steps.extend([Step::event("contentBlockStart", start), delta]);
            } else if let Some(reasoning) = block.pointer("/reasoningContent/reasoningText") {
                for member in reasoning.members() {
                    delta(format!("{{\"reasoningContent\":{{{}}}}}", member.segment.trim()));
                }
            } else {
                delta(block.text().to_owned());
            }
            steps.push(Step::event("contentBlockStop", format!("{{\"contentBlockIndex\":{index}}}")));
        }
        let stop_reason = json::quoted(stop_reason.unwrap_or(if calls_tools { "tool_use" } else { "end_turn" }));
        steps.push(Step::event("messageStop", format!("{{\"stopReason\":{stop_reason}}}")));
        let usage = usage.map_or_else(
            || format!("{{\"inputTokens\":0,\"outputTokens\":{words},\"totalTokens\":{words}}}"),
            |usage| usage.text().to_owned(),
        );
        steps.push(Step::event("metadata", format!("{{\"usage\":{usage},\"metrics\":{{\"latencyMs\":0}}}}")));
        Reply::Events(steps)
    }

    fn answer(&self, streams: bool) -> (u16, Vec<(String, String)>, Body) {
        match self {
            Reply::Refusal(refusal) => {
                let mut headers = refusal.headers.clone();
                headers.push(("content-type".into(), "application/json".into()));
                headers.push(("x-amzn-errortype".into(), refusal.code.clone()));
                let body = format!("{{\"message\":{}}}", json::quoted(&refusal.message));
                (refusal.status, headers, whole(body))
            }
            Reply::Json(answer) => {
                let headers = vec![("content-type".into(), "application/json".into())];
                (200, headers, whole(answer.clone()))
            }
            Reply::Events(steps) if streams => {
                let headers = vec![("content-type".into(), EVENT_STREAM.into())];
                (200, headers, Body::of_steps(steps.iter().map(Step::body_step)))
            }
            Reply::Events(steps) => match unary(steps) {
                Ok(answer) => {
                    let waits = steps.iter().filter(|step| matches!(step, Step::Wait(_)));
                    let whole = waits.map(Step::body_step).chain([Step::Whole(answer).body_step()]);
                    let headers = vec![("content-type".into(), "application/json".into())];
                    (200, headers, Body::of_steps(whole))
                }
                Err(refusal) => Reply::Refusal(refusal).answer(streams),
            },
        }
    }
}

impl Step {
    fn event(name: &str, payload: String) -> Self {
        Step::Event { name: name.to_owned(), payload }
    }

    fn parse(json: Json<'_>, path: &str) -> Result<Self> {
        let text = |key| json.get(key).and_then(Json::string).map(|text| text.into_owned());
        if let Some(wait) = duration(json, "wait", path)? {
            check_keys(json, path, &["wait"])?;
            return Ok(Step::Wait(wait));
        }
        if let Some(name) = text("exception") {
            check_keys(json, path, &["exception", "message"])?;
            check_name(&name, path)?;
            let payload = format!("{{\"message\":{}}}", json::quoted(&text("message").unwrap_or_default()));
            return Ok(Step::Exception { name, payload });
        }
        let mut members = json.members();
        match (members.next(), members.next()) {
            (Some(event), None) if event.value.kind() == json::Kind::Object => {
                let name = event.key.string().unwrap_or_default().into_owned();
                check_name(&name, path)?;
                // A script shows what the model writes, which the service sends in base64.
                let payload = match (&*name, event.value.text()) {
                    ("chunk", text) => format!("{{\"bytes\":\"{}\"}}", base64_simd::STANDARD.encode_to_string(text)),
                    (_, text) => text.to_owned(),
                };
                Ok(Step::Event { name, payload })
            }
            _ => Err(bad(
                path,
                "an event is an object of one member, its name and payload; or {\"wait\"}, or {\"exception\", \"message\"}",
            )),
        }
    }

    fn bytes(&self) -> Bytes {
        let (kind, name_header, name, payload) = match self {
            Step::Wait(_) => return Bytes::new(),
            Step::Whole(answer) => return Bytes::from(answer.clone()),
            Step::Event { name, payload } => ("event", ":event-type", name, payload),
            Step::Exception { name, payload } => ("exception", ":exception-type", name, payload),
        };
        let headers = [(":message-type", kind), (name_header, name), (":content-type", "application/json")];
        encode(&headers, payload.as_bytes()).expect("a frame within the protocol's limits")
    }

    fn body_step(&self) -> BodyStep {
        if let Step::Wait(wait) = self { BodyStep::Wait(*wait) } else { BodyStep::Data(self.bytes()) }
    }
}

fn whole(text: String) -> Body {
    Body::of_steps([BodyStep::Data(text.into())])
}

/// The answer of a unary call that says what the steps say.
fn unary(steps: &[Step]) -> std::result::Result<String, Refusal> {
    let (mut batch, mut events, mut frames) = (Batch::default(), EventDecoder::default(), FrameDecoder::default());
    for step in steps {
        frames.feed(&step.bytes(), |frame| events.decode(frame, &mut batch)).map_err(|error| Refusal {
            // A status that is not retried: the script says what comes next.
            status: 424,
            code: error.code().to_string(),
            message: error.message().to_string(),
            headers: Vec::new(),
        })?;
    }
    if !events.message_stopped() {
        let message = "the script's events end before messageStop: there is no whole answer to give".to_owned();
        return Err(Refusal { status: 424, code: String::new(), message, headers: Vec::new() });
    }
    let mut message = message::Message::default();
    (0..batch.len()).filter_map(|index| batch.get(index)).for_each(|event| message.push(&event));
    Ok(message.into_answer().into())
}

impl Refusal {
    fn parse(json: Json<'_>, path: &str) -> Result<Self> {
        check_keys(json, path, &["status", "code", "message", "headers"])?;
        let text = |key| json.get(key).and_then(Json::string).unwrap_or_default().into_owned();
        let status = json.get("status").and_then(Json::i64).unwrap_or_default();
        if !(300..600).contains(&status) {
            return Err(bad(&format!("{path}/status"), "an HTTP status from 300 to 599 is needed"));
        }
        let headers = json.get("headers").into_iter().flat_map(Json::members).map(|member| {
            let text = |json: Json<'_>| json.string().unwrap_or_default().into_owned();
            (text(member.key), text(member.value))
        });
        Ok(Refusal { status: status as u16, code: text("code"), message: text("message"), headers: headers.collect() })
    }
}

fn duration(json: Json<'_>, key: &str, path: &str) -> Result<Option<Duration>> {
    json.get(key).map(|value| duration_of(value, key, &format!("{path}/{key}"))).transpose()
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Script")
    }
}

impl Transport for Script {
    async fn send(
        &self,
        request: Request<Bytes>,
        _: SendOptions<'_>,
    ) -> std::result::Result<Response<Body>, TransportError> {
        let reply = self.next().map_err(TransportError::configuration)?;
        let path = request.uri().path();
        let (status, headers, body) = reply.answer(path.contains("/model/") && path.ends_with("-stream"));
        let mut builder = Response::builder().status(status);
        for (name, value) in headers {
            builder = builder.header(name, value);
        }
        let response = builder.body(body);
        let mut response = response.map_err(|error| TransportError::configuration(Error::new(Kind::Config, error)))?;
        response.headers_mut().insert("x-amzn-requestid", HeaderValue::from_static("scripted"));
        Ok(response)
    }

    async fn connect(&self, _: Request<Bytes>, _: Timeouts) -> std::result::Result<(), TransportError> {
        Ok(())
    }
}
