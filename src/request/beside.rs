//! What goes beside an operation's body: members of a request that stand in its path, its query or its headers.
//!
//! Some of them say for one model's own requests what Converse has members for. Where a request or a model's defaults have those,
//! they are taken too: a guardrail that a model is bound to is not to be left behind with the operation.

use super::Document;
use crate::error::{Error, Kind, Result, quote};
use crate::json::{self, Json};
use crate::wire::operation::Operation;

/// A member that goes beside the body.
pub struct Beside {
    pub name: &'static str,
    /// "" where it goes into the path or the query.
    pub header: &'static str,
    /// Where Converse has it: a member, and a member of that.
    converse: Option<(&'static str, &'static str)>,
}

pub const GUARDRAIL: &str = "guardrailIdentifier";
pub const GUARDRAIL_VERSION: &str = "guardrailVersion";
pub const GUARDRAIL_CONFIG: &str = "guardrailConfig";
const TRACE: &str = "trace";

const fn url(name: &'static str) -> Beside {
    Beside { name, header: "", converse: None }
}

const fn header(name: &'static str, header: &'static str) -> Beside {
    Beside { name, header, converse: None }
}

impl Beside {
    const fn or(mut self, member: &'static str, key: &'static str) -> Beside {
        self.converse = Some((member, key));
        self
    }
}

pub const OF_APPLY_GUARDRAIL: [Beside; 2] =
    [url(GUARDRAIL).or(GUARDRAIL_CONFIG, GUARDRAIL), url(GUARDRAIL_VERSION).or(GUARDRAIL_CONFIG, GUARDRAIL_VERSION)];
pub const OF_INVOKE_MODEL: [Beside; 8] = [
    header("accept", "accept"),
    header("contentType", "content-type"),
    header(GUARDRAIL, "x-amzn-bedrock-guardrailidentifier").or(GUARDRAIL_CONFIG, GUARDRAIL),
    header(GUARDRAIL_VERSION, "x-amzn-bedrock-guardrailversion").or(GUARDRAIL_CONFIG, GUARDRAIL_VERSION),
    header(TRACE, "x-amzn-bedrock-trace").or(GUARDRAIL_CONFIG, TRACE),
    header("performanceConfigLatency", "x-amzn-bedrock-performanceconfig-latency").or("performanceConfig", "latency"),
    header("serviceTier", "x-amzn-bedrock-service-tier").or("serviceTier", "type"),
    header("requestMetadata", "x-amzn-bedrock-request-metadata"),
];
pub const OF_GET_ASYNC_INVOKE: [Beside; 1] = [url("invocationArn")];
pub const OF_LIST_ASYNC_INVOKES: [Beside; 7] = [
    url("submitTimeAfter"),
    url("submitTimeBefore"),
    url("statusEquals"),
    url("maxResults"),
    url("nextToken"),
    url("sortBy"),
    url("sortOrder"),
];

impl Beside {
    /// What a request says, as text.
    pub fn value(&self, operation: Operation, request: &Document) -> Result<Option<String>> {
        let converse = self.converse.and_then(|(member, key)| request.value(member)?.get(key)?.string());
        if let Some(text) = converse {
            // Converse writes small what is traced.
            return Ok(Some(if self.name == TRACE { text.to_ascii_uppercase() } else { text.into_owned() }));
        }
        let Some(value) = request.value(self.name) else { return Ok(None) };
        match value.kind() {
            json::Kind::Null => Ok(None),
            json::Kind::String => Ok(value.string().map(|text| text.into_owned())),
            json::Kind::Number => Ok(Some(value.text().to_owned())),
            json::Kind::Object if self.name == "requestMetadata" => Ok(Some(on_one_line(value))),
            other => Err(refuse(operation, self.name, &format!("expected a string, found {other}"))),
        }
    }

    /// The member of Converse that says the same, or the member itself.
    fn group(&self) -> &'static str {
        self.converse.map_or(self.name, |(member, _)| member)
    }
}

/// Takes from the defaults what the operation has and the request has not, under either name.
pub fn inherit(request: &mut Document, defaults: &Document, beside: &[Beside], members: &[&str]) {
    let group = |name: &str| {
        let known = beside.iter().find(|beside| beside.name == name || beside.group() == name);
        known.map_or_else(|| name.to_owned(), |beside| beside.group().to_owned())
    };
    let given: Vec<_> = request.names().map(group).collect();
    let known = |name: &str| {
        members.contains(&name) || beside.iter().any(|beside| beside.name == name || beside.group() == name)
    };
    let mut inherited = defaults.clone();
    inherited.keep(|name| known(name) && !given.contains(&group(name)));
    request.fill_from(&inherited);
}

/// That a request holds nothing which has no place in the operation.
pub fn only(operation: Operation, request: &Document, members: &[&str], beside: &[Beside]) -> Result<()> {
    let names: Vec<&str> = members.iter().copied().chain(beside.iter().map(|beside| beside.name)).collect();
    let known = |name: &str| names.contains(&name) || beside.iter().any(|beside| beside.group() == name);
    match request.names().find(|name| !known(name)) {
        None => Ok(()),
        Some(strange) => {
            let what = format!("has no member {}; it has {}", quote(strange), names.join(", "));
            Err(refuse(operation, strange, &what))
        }
    }
}

/// What is wrong with a member of a request.
pub fn refuse(operation: Operation, member: &str, what: &str) -> Error {
    let what = format_args!("the request for {}: {what}", operation.name());
    Error::new(Kind::Request, what).at(format!("/{}", json::pointer_token(member)))
}

/// JSON without line breaks, fit for a header.
fn on_one_line(value: Json<'_>) -> String {
    let read: serde_json::Result<serde_json::Value> = serde_json::from_str(value.text());
    read.map_or_else(|_| value.text().to_owned(), |read| read.to_string())
}
