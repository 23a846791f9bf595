//! What goes beside an operation's body: members of a request that stand in its path, its query or its headers.
//!
//! Some of them say for one model's own requests what Converse has members for. Where a request or a model's defaults
//! have those, they are taken too: a guardrail that a model is bound to is not to be left behind with the operation.

use super::Document;
use crate::error::{Error, Kind, Result, quote};
use crate::json::{self, Json};
use crate::protocol::operation::Operation;
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;

/// A member that goes beside the body.
pub struct Beside {
    pub name: &'static str,
    /// "" where it goes into the path or the query.
    pub header: &'static str,
    /// Where Converse has it: a member, and a member of that.
    pub converse: Option<(&'static str, &'static str)>,
}

const GUARDRAIL: &str = "guardrailIdentifier";
const GUARDRAIL_VERSION: &str = "guardrailVersion";
pub const GUARDRAIL_CONFIG: &str = "guardrailConfig";
const TRACE: &str = "trace";
/// Members that are points in time.
const TIMES: [&str; 2] = ["submitTimeAfter", "submitTimeBefore"];

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
pub const OF_INVOKE_MODEL: [Beside; 9] = [
    header("accept", "accept"),
    header("contentType", "content-type"),
    header(GUARDRAIL, "x-amzn-bedrock-guardrailidentifier").or(GUARDRAIL_CONFIG, GUARDRAIL),
    header(GUARDRAIL_VERSION, "x-amzn-bedrock-guardrailversion").or(GUARDRAIL_CONFIG, GUARDRAIL_VERSION),
    header(TRACE, "x-amzn-bedrock-trace").or(GUARDRAIL_CONFIG, TRACE),
    header("performanceConfigLatency", "x-amzn-bedrock-performanceconfig-latency").or("performanceConfig", "latency"),
    header("serviceTier", "x-amzn-bedrock-service-tier").or("serviceTier", "type"),
    header("requestMetadata", "x-amzn-bedrock-request-metadata"),
    header("projectIdentifier", "x-amzn-bedrock-projectidentifier"),
];
pub const OF_GET_ASYNC_INVOKE: [Beside; 1] = [url("invocationArn")];
pub const OF_LIST_ASYNC_INVOKES: [Beside; 7] = [
    url(TIMES[0]),
    url(TIMES[1]),
    url("statusEquals"),
    url("maxResults"),
    url("nextToken"),
    url("sortBy"),
    url("sortOrder"),
];

/// What a document says of a member, and where.
pub struct Said {
    pub text: String,
    /// A JSON pointer.
    pub at: String,
}

impl Beside {
    /// What a request says, or else its model's defaults, where their own form is the newer one. Whoever names a
    /// guardrail takes no version from another.
    pub fn said(&self, operation: Operation, request: &Document, defaults: &Document) -> Result<Option<Said>> {
        type Form = fn(&Beside, Operation, &Document) -> Result<Option<Said>>;
        let layers: [(Form, &Document); 3] =
            [(Beside::either, request), (Beside::own, defaults), (Beside::of_converse, defaults)];
        let [identifier, version] = &OF_APPLY_GUARDRAIL;
        for (form, document) in layers {
            let said = form(self, operation, document)?;
            let named = self.name == version.name && form(identifier, operation, document)?.is_some();
            if said.is_some() || named {
                return Ok(said);
            }
        }
        Ok(None)
    }

    /// Both forms cannot be given at once.
    fn either(&self, operation: Operation, document: &Document) -> Result<Option<Said>> {
        match (self.own(operation, document)?, self.of_converse(operation, document)?) {
            (Some(own), Some(converse)) => {
                let what = format!("{} is given in {} too; they mean the same", self.name, converse.at);
                Err(refuse(operation, &own.at, &what))
            }
            (own, converse) => Ok(own.or(converse)),
        }
    }

    fn own(&self, operation: Operation, document: &Document) -> Result<Option<Said>> {
        let value = document.value(self.name).filter(|value| !self.is_of_converse(*value));
        value.map_or(Ok(None), |value| self.read(operation, value, format!("/{}", self.name)))
    }

    fn of_converse(&self, operation: Operation, document: &Document) -> Result<Option<Said>> {
        let Some((member, key)) = self.converse else { return Ok(None) };
        let object = document.value(member).filter(|value| value.kind() != json::Kind::Null);
        match object {
            Some(object) if object.kind() == json::Kind::Object => {
                let at = format!("/{member}/{key}");
                let mut said = object.get(key).map_or(Ok(None), |value| self.read(operation, value, at))?;
                if let Some(said) = said.as_mut().filter(|_| self.name == TRACE) {
                    // Converse writes it small.
                    said.text.make_ascii_uppercase();
                }
                Ok(said)
            }
            Some(other) if member != self.name => {
                let what = format!("expected an object, found {}", other.kind());
                Err(refuse(operation, &format!("/{member}"), &what))
            }
            _ => Ok(None),
        }
    }

    /// Where both have one name, an object is Converse's.
    fn is_of_converse(&self, value: Json<'_>) -> bool {
        self.converse.is_some_and(|(member, _)| member == self.name) && value.kind() == json::Kind::Object
    }

    fn read(&self, operation: Operation, value: Json<'_>, at: String) -> Result<Option<Said>> {
        let text = match value.kind() {
            json::Kind::Null => return Ok(None),
            json::Kind::String => value.string().unwrap_or_default().into_owned(),
            json::Kind::Number if TIMES.contains(&self.name) => point_in_time(value).ok_or_else(|| {
                let what = format!("{} is no time; it is text in ISO 8601, or seconds since 1970", value.text());
                refuse(operation, &at, &what)
            })?,
            json::Kind::Number => value.text().to_owned(),
            json::Kind::Object if self.name == "requestMetadata" => fit_for_a_header(value.text()),
            other => return Err(refuse(operation, &at, &format!("expected a string, found {other}"))),
        };
        if text.is_empty() {
            return Err(refuse(operation, &at, &format!("{} is empty", self.name)));
        }
        Ok(Some(Said { text, at }))
    }
}

/// Takes out of `older` what `newer` says in Converse's form.
pub fn supersede(older: &mut Document, newer: &Document) {
    for Beside { name, converse, .. } in &OF_INVOKE_MODEL {
        if converse.is_some_and(|(member, _)| member != *name && newer.has(member)) {
            older.remove(name);
        }
    }
}

/// Takes from the defaults the members among these that the request has not.
pub fn inherit(request: &mut Document, defaults: &Document, members: &[&str]) {
    let mut inherited = defaults.clone();
    inherited.keep(|name| members.contains(&name));
    request.fill_from(&inherited);
}

/// That a request holds nothing which has no place in the operation.
pub fn only(operation: Operation, request: &Document, members: &[&str], beside: &[Beside]) -> Result<()> {
    let names: Vec<&str> = members.iter().copied().chain(beside.iter().map(|beside| beside.name)).collect();
    let converse = |name: &str| beside.iter().any(|beside| beside.converse.is_some_and(|(member, _)| member == name));
    match request.names().find(|name| !names.contains(name) && !converse(name)) {
        None => Ok(()),
        Some(strange) => {
            let what = format!("it has no member {}; it has {}", quote(strange), names.join(", "));
            Err(refuse(operation, &format!("/{}", json::pointer_token(strange)), &what))
        }
    }
}

/// What is wrong with a member of a request.
pub fn refuse(operation: Operation, at: &str, what: &str) -> Error {
    Error::new(Kind::Request, format_args!("the request for {}: {what}", operation.name())).at(at)
}

/// Seconds since 1970, in ISO 8601, which the service wants to have. Milliseconds by mistake are too far away to be a
/// time.
fn point_in_time(seconds: Json<'_>) -> Option<String> {
    let seconds = seconds.f64().filter(|seconds| seconds.is_finite() && seconds.abs() < 1e12)?;
    DateTime::from_secs_f64(seconds).fmt(Format::DateTime).ok()
}

/// JSON without white space or a character beyond ASCII, which says the same.
fn fit_for_a_header(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let (mut in_string, mut escaped) = (false, false);
    for c in json.chars() {
        match c {
            _ if !in_string && c.is_ascii_whitespace() => continue,
            '"' if !escaped => in_string = !in_string,
            _ if !c.is_ascii() => {
                let mut units = [0; 2];
                c.encode_utf16(&mut units).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04x}")));
                continue;
            }
            _ => {}
        }
        escaped = in_string && c == '\\' && !escaped;
        out.push(c);
    }
    out
}
