//! The record of a call: one JSON object, made when the call has ended.
//!
//! Attributes and metrics have the names of OpenTelemetry's conventions for generative AI. Where the names of version
//! 1.41.0 and of the development version differ, a record has both. What the conventions do not have has names that
//! begin with `libbedrock.`. `src/ffi/feed.rs` documents the members for users.
//!
//! `object` writes a JSON object, and `messages` the messages of a conversation.

mod messages;
mod object;

use self::object::{Key, Object, key, write_array};
use super::content::Content;
use super::observation::{Observation, Outcome, Progress};
use crate::error::Kind;
use crate::json::Json;
use crate::protocol::operation::Operation;
use crate::protocol::response_head::ResponseHead;
use crate::protocol::usage::Usage;
use crate::runtime::feed::Form;
use crate::sdk::attempts::{Attempt, AttemptConnection};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The version of the conventions whose names every record has.
const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.41.0";
/// The usual length of a record.
const LENGTH: usize = 3 << 10;

/// A call that has ended.
pub struct Record<'a> {
    pub call: &'a Observation,
    pub progress: &'a Progress,
    pub outcome: &'a Outcome,
    pub attempts: &'a [Attempt],
    pub head: &'a ResponseHead,
}

impl Record<'_> {
    /// Returns the JSON, with the content of the call if this form has it and the call has kept it.
    pub fn to_json(&self, form: Form) -> String {
        let Observation { span, parent, began_at, .. } = self.call;
        let name = operation_name(self.call.operation);
        let mut out = String::with_capacity(LENGTH);
        let mut record = Object::begin(&mut out);
        record.literal(key!("schema_url"), SCHEMA_URL);
        match self.call.model.as_str() {
            "" => record.text(key!("name"), name),
            model => record.texts(key!("name"), &[name, " ", model]),
        }
        record.literal(key!("kind"), "client");
        if let Some(span) = span {
            record.hexadecimal(key!("trace_id"), &span.trace_id.to_be_bytes());
            record.hexadecimal(key!("span_id"), &span.span_id.to_be_bytes());
            record.number(key!("trace_flags"), span.flags);
        }
        if let Some(parent) = parent {
            record.hexadecimal(key!("parent_span_id"), &parent.span_id.to_be_bytes());
        }
        record.number(key!("start_unix_nano"), unix_nano(*began_at));
        record.number(key!("end_unix_nano"), unix_nano(*began_at + self.outcome.at));
        record.number(key!("status"), self.outcome.failure.as_ref().map_or(0, |failure| failure.kind as i32));
        let mut attributes = record.object(key!("attributes"));
        self.add_attributes(&mut attributes, name);
        if let Some(content) = self.call.content.as_ref().filter(|_| form == Form::WithContent) {
            self.add_content(&mut attributes, content);
        }
        attributes.end();
        let mut metrics = record.object(key!("metrics"));
        self.add_metrics(&mut metrics);
        metrics.end();
        record.key(key!("attempts"));
        write_array(record.out, self.attempts.iter(), |out, attempt| self.add_attempt(out, attempt));
        record.end();
        out
    }

    fn add_attributes(&self, attributes: &mut Object<'_>, name: &str) {
        let Record { call, progress, outcome, attempts, head } = self;
        attributes.literal(key!("gen_ai.operation.name"), name);
        attributes.literal(key!("gen_ai.provider.name"), "aws.bedrock");
        attributes.known_text(key!("gen_ai.request.model"), &call.model);
        attributes.boolean(key!("gen_ai.request.stream"), call.operation.streams());
        let parameters = &call.parameters;
        for (key, number) in [
            (key!("gen_ai.request.max_tokens"), &parameters.max_tokens),
            (key!("gen_ai.request.temperature"), &parameters.temperature),
            (key!("gen_ai.request.top_p"), &parameters.top_p),
            (key!("gen_ai.request.top_k"), &parameters.top_k),
        ] {
            number.iter().for_each(|number| attributes.raw(key, number));
        }
        if parameters.wants_json {
            attributes.literal(key!("gen_ai.output.type"), "json");
        }
        if let Some(guardrail) = &parameters.guardrail {
            attributes.text(key!("aws.bedrock.guardrail.id"), guardrail);
        }
        let attempt = self.attempt();
        attempt.into_iter().for_each(|attempt| add_server(attributes, attempt));
        attributes.known_text(key!("gen_ai.response.model"), &head.model);
        self.add_usage(attributes);
        match self.finish_reason() {
            "" => {}
            reason => attributes.list_of(key!("gen_ai.response.finish_reasons"), reason),
        }
        if let Some(took) = progress.first_content {
            attributes.seconds(key!("gen_ai.response.time_to_first_chunk"), took);
        }
        attributes.known_text(key!("aws.request_id"), self.failed_request().unwrap_or(&head.request_id));
        attempt.into_iter().for_each(|attempt| add_http_status(attributes, attempt));
        attributes.number(key!("http.request.body.size"), call.sent as u64);
        attributes.number(key!("http.response.body.size"), progress.received as u64);
        if let Some(failure) = &outcome.failure {
            add_error_type(attributes, &failure.code, failure.kind);
        }
        attributes.literal(key!("libbedrock.operation"), call.operation.name());
        attributes.number(key!("libbedrock.attempts"), attempts.len() as u64);
        if call.operation.streams() {
            attributes.number(key!("libbedrock.events"), progress.events as u64);
        }
        if let Some(took) = progress.first_event {
            attributes.seconds(key!("libbedrock.time_to_first_event"), took);
        }
        if let Ok(latency) = u64::try_from(progress.usage.latency_ms) {
            attributes.seconds(key!("libbedrock.service_latency"), Duration::from_millis(latency));
        }
    }

    /// Returns the request id of the failure that ended the call.
    fn failed_request(&self) -> Option<&str> {
        let failure = self.outcome.failure.as_ref()?;
        Some(failure.request_id.as_str()).filter(|id| !id.is_empty())
    }

    /// Returns the attempt that the attributes of the call describe: the one whose response or failure is the call's.
    fn attempt(&self) -> Option<&Attempt> {
        let with_failure = |attempt: &&Attempt| Some(attempt.request_id.as_str()) == self.failed_request();
        let of_response = self.attempts.iter().find(|attempt| attempt.is_of_response);
        of_response.or_else(|| self.attempts.iter().find(with_failure)).or(self.attempts.last())
    }

    fn add_usage(&self, attributes: &mut Object<'_>) {
        let usage = self.progress.usage;
        for (key, tokens) in [
            (key!("gen_ai.usage.input_tokens"), all_input_tokens(usage)),
            (key!("gen_ai.usage.output_tokens"), usage.output_tokens),
            (key!("gen_ai.usage.cache_read.input_tokens"), usage.cache_read_tokens),
            (key!("gen_ai.usage.cache_creation.input_tokens"), usage.cache_write_tokens),
            (key!("gen_ai.usage.cache_write.input_tokens"), usage.cache_write_tokens),
        ] {
            attributes.count(key, tokens);
        }
    }

    /// Adds the messages of a conversation, or the bodies of another operation, which are in the model's own form.
    fn add_content(&self, attributes: &mut Object<'_>, content: &Content) {
        let request = content.request_text().and_then(|text| Json::parse(text).ok());
        let response = content.take_response_json();
        let response = response.as_deref().and_then(|text| Json::parse(text).ok());
        if !matches!(self.call.operation, Operation::Converse | Operation::ConverseStream) {
            for (key, body) in
                [(key!("libbedrock.request.body"), request), (key!("libbedrock.response.body"), response)]
            {
                attributes.known_json(key, body);
            }
            return;
        }
        type Write = fn(&mut String, Json<'_>);
        let member = |name| request.and_then(|request| request.get(name));
        let tools = member("toolConfig").and_then(|config| config.get("tools"));
        for (key, value, write) in [
            (key!("gen_ai.system_instructions"), member("system"), messages::write_parts as Write),
            (key!("gen_ai.input.messages"), member("messages"), messages::write_messages),
            (key!("gen_ai.tool.definitions"), tools, messages::write_tools),
        ] {
            if let Some(value) = value {
                attributes.key(key);
                write(attributes.out, value);
            }
        }
        if let Some(message) = response.and_then(|response| response.get("output")?.get("message")) {
            attributes.key(key!("gen_ai.output.messages"));
            messages::write_output(attributes.out, message, self.finish_reason());
        }
    }

    /// Returns why the response has ended, or "" if it has not begun.
    fn finish_reason(&self) -> &str {
        let broke = self.outcome.failure.is_some() && self.progress.events > 0;
        match self.progress.stop_reason.as_str() {
            "" if broke => "error",
            reason => reason,
        }
    }

    fn add_metrics(&self, metrics: &mut Object<'_>) {
        let Record { progress, outcome, .. } = self;
        let usage = progress.usage;
        metrics.seconds(key!("gen_ai.client.operation.duration"), outcome.at);
        metrics.seconds(key!("gen_ai.client.inference.duration"), outcome.at);
        if let Some(took) = progress.first_content {
            metrics.seconds(key!("gen_ai.client.operation.time_to_first_chunk"), took);
            metrics.seconds(key!("gen_ai.client.inference.time_to_first_chunk"), took);
        }
        if let Some(each) = progress.time_per_event() {
            metrics.seconds(key!("gen_ai.client.operation.time_per_output_chunk"), each);
            metrics.seconds(key!("gen_ai.client.inference.time_per_output_chunk"), each);
        }
        let input = all_input_tokens(usage);
        if input >= 0 || usage.output_tokens >= 0 {
            let mut tokens = metrics.object(key!("gen_ai.client.token.usage"));
            tokens.count(key!("input"), input);
            tokens.count(key!("output"), usage.output_tokens);
            tokens.end();
        }
        for (key, tokens) in [
            (key!("gen_ai.client.inference.usage.input_tokens"), input),
            (key!("gen_ai.client.inference.usage.output_tokens"), usage.output_tokens),
            (key!("gen_ai.client.inference.usage.cache_read.input_tokens"), usage.cache_read_tokens),
            (key!("gen_ai.client.inference.usage.cache_write.input_tokens"), usage.cache_write_tokens),
        ] {
            metrics.count(key, tokens);
        }
    }

    fn add_attempt(&self, out: &mut String, attempt: &Attempt) {
        let mut object = Object::begin(out);
        object.number(key!("target"), attempt.target as u64);
        object.known_text(key!("gen_ai.request.model"), &attempt.model);
        add_server(&mut object, attempt);
        object.seconds(key!("start"), attempt.began.saturating_duration_since(self.call.began));
        if let Some(took) = attempt.took {
            object.seconds(key!("duration"), took);
        }
        add_http_status(&mut object, attempt);
        object.known_text(key!("aws.request_id"), &attempt.request_id);
        if let Some((kind, code)) = &attempt.failure {
            add_error_type(&mut object, code, *kind);
        }
        if let Some(wait) = attempt.wait {
            object.seconds(key!("wait"), wait);
        }
        if let Some(connection) = &attempt.connection {
            add_connection(object.object(key!("connection")), connection);
        }
        object.end();
    }
}

/// Returns the name that the conventions have for an operation, or one of the same kind.
fn operation_name(operation: Operation) -> &'static str {
    match operation {
        Operation::Converse | Operation::ConverseStream => "chat",
        Operation::InvokeModel | Operation::InvokeModelWithResponseStream => "invoke_model",
        Operation::CountTokens => "count_tokens",
        Operation::ApplyGuardrail => "apply_guardrail",
        Operation::InvokeGuardrailChecks => "invoke_guardrail_checks",
        Operation::StartAsyncInvoke => "start_async_invoke",
        Operation::GetAsyncInvoke => "get_async_invoke",
        Operation::ListAsyncInvokes => "list_async_invokes",
    }
}

/// Returns the input tokens with those of the prompt cache, as the conventions count them. Models differ in whether
/// their input tokens include the cache; the total does.
fn all_input_tokens(usage: Usage) -> i64 {
    let Usage { input_tokens, output_tokens, total_tokens, cache_read_tokens, cache_write_tokens, .. } = usage;
    if input_tokens < 0 {
        return -1;
    }
    if output_tokens >= 0 && total_tokens >= output_tokens {
        return total_tokens - output_tokens;
    }
    input_tokens.saturating_add(cache_read_tokens.max(0)).saturating_add(cache_write_tokens.max(0))
}

fn unix_nano(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos().try_into().unwrap_or(u64::MAX)
}

fn add_server(object: &mut Object<'_>, attempt: &Attempt) {
    if let Some((address, port)) = attempt.host.rsplit_once(':') {
        object.text(key!("server.address"), address);
        object.raw(key!("server.port"), port);
    }
}

fn add_http_status(object: &mut Object<'_>, attempt: &Attempt) {
    if attempt.status > 0 {
        object.number(key!("http.response.status_code"), attempt.status);
    }
}

/// Writes the service's name for a failure, or that of its kind.
fn add_error_type(object: &mut Object<'_>, code: &str, kind: Kind) {
    match code {
        "" => object.text(key!("error.type"), &format!("{kind:?}")),
        code => object.text(key!("error.type"), code),
    }
}

fn add_connection(mut object: Object<'_>, connection: &AttemptConnection) {
    let AttemptConnection { wait, connected } = connection;
    object.boolean(key!("reused"), connected.is_none());
    object.seconds(key!("wait"), *wait);
    let times = connected.unwrap_or_default();
    for (key, took) in [(key!("dns"), times.dns), (key!("tcp"), times.tcp), (key!("tls"), times.tls)] {
        took.into_iter().for_each(|took| object.seconds(key, took));
    }
    object.end();
}
