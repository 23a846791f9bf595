//! The record of a call: one JSON object, made when the call has ended.
//!
//! Attributes and metrics have the names of OpenTelemetry's conventions for generative AI. Where the names of version
//! 1.41.0 and of the development version differ, a record has both. What the conventions do not have has names that
//! begin with `libbedrock.`. `src/ffi/feed.rs` documents the members for users.

use super::observation::{Observation, Outcome, Progress};
use crate::error::Kind;
use crate::json;
use crate::protocol::operation::Operation;
use crate::protocol::response_head::ResponseHead;
use crate::protocol::usage::Usage;
use crate::sdk::attempts::{Attempt, AttemptConnection};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The version of the conventions whose names every record has.
const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.41.0";
const HEXADECIMAL: &[u8; 16] = b"0123456789abcdef";
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
    pub fn to_json(&self) -> String {
        let Observation { span, parent, began_at, .. } = self.call;
        let name = operation_name(self.call.operation);
        let mut out = String::with_capacity(LENGTH);
        let mut record = Object::begin(&mut out);
        record.text("schema_url", SCHEMA_URL);
        match self.call.model.as_str() {
            "" => record.text("name", name),
            model => record.texts("name", &[name, " ", model]),
        }
        record.text("kind", "client");
        if let Some(span) = span {
            record.hexadecimal("trace_id", &span.trace_id.to_be_bytes());
            record.hexadecimal("span_id", &span.span_id.to_be_bytes());
            record.number("trace_flags", span.flags.into());
        }
        if let Some(parent) = parent {
            record.hexadecimal("parent_span_id", &parent.span_id.to_be_bytes());
        }
        record.number("start_unix_nano", unix_nano(*began_at));
        record.number("end_unix_nano", unix_nano(*began_at + self.outcome.at));
        record.number("status", self.outcome.failure.as_ref().map_or(0, |failure| failure.kind as u64));
        let mut attributes = record.object("attributes");
        self.add_attributes(&mut attributes, name);
        attributes.end();
        let mut metrics = record.object("metrics");
        self.add_metrics(&mut metrics);
        metrics.end();
        record.key("attempts");
        self.add_attempts(record.out);
        record.end();
        out
    }

    fn add_attributes(&self, attributes: &mut Object<'_>, name: &str) {
        let Record { call, progress, outcome, attempts, head } = self;
        attributes.text("gen_ai.operation.name", name);
        attributes.text("gen_ai.provider.name", "aws.bedrock");
        attributes.known_text("gen_ai.request.model", &call.model);
        attributes.boolean("gen_ai.request.stream", call.operation.streams());
        let parameters = &call.parameters;
        for (key, number) in [
            ("gen_ai.request.max_tokens", &parameters.max_tokens),
            ("gen_ai.request.temperature", &parameters.temperature),
            ("gen_ai.request.top_p", &parameters.top_p),
            ("gen_ai.request.top_k", &parameters.top_k),
        ] {
            number.iter().for_each(|number| attributes.raw(key, number));
        }
        if parameters.wants_json {
            attributes.text("gen_ai.output.type", "json");
        }
        if let Some(guardrail) = &parameters.guardrail {
            attributes.text("aws.bedrock.guardrail.id", guardrail);
        }
        if let Some((address, port)) = attempts.last().and_then(|attempt| attempt.host.rsplit_once(':')) {
            attributes.text("server.address", address);
            attributes.raw("server.port", port);
        }
        attributes.known_text("gen_ai.response.model", &head.model);
        self.add_usage(attributes);
        let broke = outcome.failure.is_some() && progress.events > 0;
        match progress.stop_reason.as_str() {
            "" if broke => attributes.list_of("gen_ai.response.finish_reasons", "error"),
            "" => {}
            reason => attributes.list_of("gen_ai.response.finish_reasons", reason),
        }
        if let Some(took) = progress.first_content {
            attributes.seconds("gen_ai.response.time_to_first_chunk", took);
        }
        let request_id = match &outcome.failure {
            Some(failure) if !failure.request_id.is_empty() => &failure.request_id,
            _ => &head.request_id,
        };
        attributes.known_text("aws.request_id", request_id);
        if let Some(status) = attempts.last().map(|attempt| attempt.status).filter(|status| *status > 0) {
            attributes.number("http.response.status_code", status.into());
        }
        attributes.number("http.request.body.size", call.sent as u64);
        attributes.number("http.response.body.size", progress.received as u64);
        if let Some(failure) = &outcome.failure {
            attributes.error_type(&failure.code, failure.kind);
        }
        attributes.text("libbedrock.operation", call.operation.name());
        attributes.number("libbedrock.attempts", attempts.len() as u64);
        if call.operation.streams() {
            attributes.number("libbedrock.events", progress.events as u64);
        }
        if let Some(took) = progress.first_event {
            attributes.seconds("libbedrock.time_to_first_event", took);
        }
        if let Ok(latency) = u64::try_from(progress.usage.latency_ms) {
            attributes.seconds("libbedrock.service_latency", Duration::from_millis(latency));
        }
    }

    fn add_usage(&self, attributes: &mut Object<'_>) {
        let usage = self.progress.usage;
        for (key, tokens) in [
            ("gen_ai.usage.input_tokens", all_input_tokens(usage)),
            ("gen_ai.usage.output_tokens", usage.output_tokens),
            ("gen_ai.usage.cache_read.input_tokens", usage.cache_read_tokens),
            ("gen_ai.usage.cache_creation.input_tokens", usage.cache_write_tokens),
            ("gen_ai.usage.cache_write.input_tokens", usage.cache_write_tokens),
        ] {
            attributes.count(key, tokens);
        }
    }

    fn add_metrics(&self, metrics: &mut Object<'_>) {
        let Record { progress, outcome, .. } = self;
        let usage = progress.usage;
        metrics.seconds("gen_ai.client.operation.duration", outcome.at);
        metrics.seconds("gen_ai.client.inference.duration", outcome.at);
        if let Some(took) = progress.first_content {
            metrics.seconds("gen_ai.client.operation.time_to_first_chunk", took);
            metrics.seconds("gen_ai.client.inference.time_to_first_chunk", took);
        }
        if let Some(each) = progress.time_per_event() {
            metrics.seconds("gen_ai.client.operation.time_per_output_chunk", each);
            metrics.seconds("gen_ai.client.inference.time_per_output_chunk", each);
        }
        let input = all_input_tokens(usage);
        if input >= 0 || usage.output_tokens >= 0 {
            let mut tokens = metrics.object("gen_ai.client.token.usage");
            tokens.count("input", input);
            tokens.count("output", usage.output_tokens);
            tokens.end();
        }
        for (key, tokens) in [
            ("gen_ai.client.inference.usage.input_tokens", input),
            ("gen_ai.client.inference.usage.output_tokens", usage.output_tokens),
            ("gen_ai.client.inference.usage.cache_read.input_tokens", usage.cache_read_tokens),
            ("gen_ai.client.inference.usage.cache_write.input_tokens", usage.cache_write_tokens),
        ] {
            metrics.count(key, tokens);
        }
    }

    fn add_attempts(&self, out: &mut String) {
        out.push('[');
        for (index, attempt) in self.attempts.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            let mut object = Object::begin(out);
            object.number("target", attempt.target as u64);
            object.known_text("gen_ai.request.model", &attempt.model);
            if let Some((address, port)) = attempt.host.rsplit_once(':') {
                object.text("server.address", address);
                object.raw("server.port", port);
            }
            object.seconds("start", attempt.began.saturating_duration_since(self.call.began));
            if let Some(took) = attempt.took {
                object.seconds("duration", took);
            }
            if attempt.status > 0 {
                object.number("http.response.status_code", attempt.status.into());
            }
            object.known_text("aws.request_id", &attempt.request_id);
            if let Some((kind, code)) = &attempt.failure {
                object.error_type(code, *kind);
            }
            if let Some(wait) = attempt.wait {
                object.seconds("wait", wait);
            }
            if let Some(connection) = &attempt.connection {
                object.connection(connection);
            }
            object.end();
        }
        out.push(']');
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

/// A JSON object that is being written.
struct Object<'a> {
    out: &'a mut String,
    is_empty: bool,
}

impl<'a> Object<'a> {
    fn begin(out: &'a mut String) -> Self {
        out.push('{');
        Object { out, is_empty: true }
    }

    fn end(self) {
        self.out.push('}');
    }

    /// Writes a key, which needs no escapes. Its value follows.
    fn key(&mut self, key: &str) {
        self.out.push_str(if std::mem::take(&mut self.is_empty) { "\"" } else { ",\"" });
        self.out.push_str(key);
        self.out.push_str("\":");
    }

    fn object(&mut self, key: &str) -> Object<'_> {
        self.key(key);
        Object::begin(self.out)
    }

    fn text(&mut self, key: &str, text: &str) {
        self.texts(key, &[text]);
    }

    /// Writes a text that has several parts.
    fn texts(&mut self, key: &str, parts: &[&str]) {
        self.key(key);
        self.out.push('"');
        parts.iter().for_each(|part| json::escape(self.out, part).expect("writing to a String cannot fail"));
        self.out.push('"');
    }

    /// Writes an array that holds one text.
    fn list_of(&mut self, key: &str, text: &str) {
        self.key(key);
        self.out.push('[');
        json::quote(self.out, text).expect("writing to a String cannot fail");
        self.out.push(']');
    }

    /// Writes at most 16 bytes.
    fn hexadecimal(&mut self, key: &str, bytes: &[u8]) {
        let mut digits = [0; 32];
        for (at, byte) in bytes.iter().enumerate() {
            digits[2 * at] = HEXADECIMAL[usize::from(byte >> 4)];
            digits[2 * at + 1] = HEXADECIMAL[usize::from(byte & 15)];
        }
        let digits = std::str::from_utf8(&digits[..2 * bytes.len()]).expect("digits are ASCII");
        self.texts(key, &[digits]);
    }

    /// Writes a text unless it is empty.
    fn known_text(&mut self, key: &str, text: &str) {
        if !text.is_empty() {
            self.text(key, text);
        }
    }

    /// Writes a value that is JSON already.
    fn raw(&mut self, key: &str, json: &str) {
        self.key(key);
        self.out.push_str(json);
    }

    fn boolean(&mut self, key: &str, value: bool) {
        self.raw(key, if value { "true" } else { "false" });
    }

    fn number(&mut self, key: &str, number: u64) {
        self.raw(key, itoa::Buffer::new().format(number));
    }

    /// Writes a count unless it is negative, which means that it is not known.
    fn count(&mut self, key: &str, count: i64) {
        if let Ok(count) = u64::try_from(count) {
            self.number(key, count);
        }
    }

    fn seconds(&mut self, key: &str, duration: Duration) {
        self.number(key, duration.as_secs());
        self.out.push('.');
        // The 1 before the digits keeps the zeros at their front.
        self.out.push_str(&itoa::Buffer::new().format(duration.subsec_micros() + 1_000_000)[1..]);
    }

    /// Writes the service's name for a failure, or that of its kind.
    fn error_type(&mut self, code: &str, kind: Kind) {
        match code {
            "" => self.text("error.type", &format!("{kind:?}")),
            code => self.text("error.type", code),
        }
    }

    fn connection(&mut self, connection: &AttemptConnection) {
        let AttemptConnection { wait, connected } = connection;
        let mut object = self.object("connection");
        object.boolean("reused", connected.is_none());
        object.seconds("wait", *wait);
        let times = connected.unwrap_or_default();
        for (key, took) in [("dns", times.dns), ("tcp", times.tcp), ("tls", times.tls)] {
            took.into_iter().for_each(|took| object.seconds(key, took));
        }
        object.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_json() {
        let mut out = String::new();
        let mut object = Object::begin(&mut out);
        object.seconds("none", Duration::ZERO);
        object.seconds("microsecond", Duration::from_nanos(1_999));
        object.seconds("much", Duration::new(u64::MAX, 999_999_999));
        object.hexadecimal("hex", &[0, 0x1f, 0xe0]);
        object.texts("parts", &["a\"", " ", "b"]);
        object.list_of("list", "a\nb");
        object.count("unknown", -1);
        object.boolean("is", false);
        object.end();
        assert_eq!(
            out,
            r#"{"none":0.000000,"microsecond":0.000001,"much":18446744073709551615.999999,"hex":"001fe0","#.to_owned()
                + r#""parts":"a\" b","list":["a\nb"],"is":false}"#
        );
    }
}
