//! Recorded interactions: the samples of `tests/sample_recordings`, and a collection of real traffic.
//!
//! The collection is in `$BEDROCK_CORPUS`, or in `../shared/corpus` next to the project. It is not part of the project:
//! if it is not there, a test runs over the samples alone, and prints a line with "skipped".

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use serde_json::Value;
use serde_json::value::RawValue;

use super::reply::Reply;
use super::stream::{event_frame, exception_frame, frame};

/// Recorded interactions, and frames.
#[derive(Clone, Debug)]
pub struct Corpus {
    source: Source,
    rows: Vec<Row>,
}

#[derive(Clone, Debug)]
enum Source {
    /// The folder of the samples, and what they hold.
    Samples(PathBuf, Vec<Interaction>),
    /// The folder of the collection.
    Collection(PathBuf),
}

/// One line of the index.
#[derive(Clone, Debug)]
pub struct Row {
    /// "owner__repository/name".
    pub id: String,
    /// "converse", "converse-stream", "invoke", "invoke-with-response-stream", "count-tokens", "apply-guardrail".
    pub operation: String,
    pub model_id: Option<String>,
    pub status: u16,
    pub features: Vec<String>,
    pub flags: Vec<String>,
    /// The stream's bytes were not recorded, only its events.
    pub reconstructed: bool,
}

/// A recorded request and its response.
#[derive(Clone, Debug)]
pub struct Interaction {
    pub row: Row,
    pub request: Option<RecordedRequest>,
    pub response: RecordedResponse,
    /// The response as another decoder decoded it. None if it was not recorded.
    pub expected: Option<Value>,
    pub notes: Vec<String>,
}

/// A request as it was recorded.
#[derive(Clone, Debug)]
pub struct RecordedRequest {
    pub method: String,
    /// As on the wire.
    pub path: String,
    pub query: String,
    pub headers: Vec<(String, String)>,
    /// The JSON in the key order of the recording; None if it was not recorded or is not JSON.
    pub body: Option<String>,
    /// The recorded text of a body that is not JSON.
    pub body_text: Option<String>,
}

/// A response as it was recorded.
#[derive(Clone, Debug)]
pub struct RecordedResponse {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    /// The bytes of the body; None where only events were recorded.
    pub body: Option<Bytes>,
    /// The events, where only they were recorded.
    pub events: Vec<Value>,
}

/// A frame, good or bad, with what another decoder made of it.
#[derive(Clone, Debug)]
pub struct FrameVector {
    pub name: String,
    pub bytes: Bytes,
    /// Whether the bytes are one whole, valid frame.
    pub valid: bool,
    /// All of the case, as written down.
    pub case: Value,
}

impl Corpus {
    /// The samples, and the collection if it is there. If it is not, a line says that it was skipped for `test`.
    #[track_caller]
    pub fn all(test: &str) -> Vec<Corpus> {
        [Some(Corpus::samples()), Corpus::find_or_skip(test)].into_iter().flatten().collect()
    }

    /// The samples.
    #[track_caller]
    pub fn samples() -> Corpus {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sample_recordings");
        let expected = json_file(&folder.join("expected.json"));
        // Those that fail on their way have nothing to compare.
        let samples = expected.as_object().expect("expected.json holds the samples by their names").iter();
        let samples: Vec<_> = samples.map(|(name, expected)| sample(&folder, name, expected)).collect();
        Corpus {
            rows: samples.iter().map(|sample| sample.row.clone()).collect(),
            source: Source::Samples(folder, samples),
        }
    }

    /// The collection. None where there is none. Panics where `$BEDROCK_CORPUS` names a folder without one, or the
    /// index cannot be read.
    #[track_caller]
    pub fn find() -> Option<Corpus> {
        let root = match std::env::var_os("BEDROCK_CORPUS") {
            Some(named) => {
                let named = PathBuf::from(named);
                assert!(
                    named.join("index.json").is_file(),
                    "BEDROCK_CORPUS is {}, which holds no index.json",
                    named.display()
                );
                named
            }
            None => {
                let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
                beside.join("index.json").is_file().then_some(beside)?
            }
        };
        let index = json_file(&root.join("index.json"));
        let rows = index
            .as_array()
            .unwrap_or_else(|| panic!("the corpus's index.json is no list"))
            .iter()
            .map(Row::of)
            .collect();
        Some(Corpus { source: Source::Collection(root), rows })
    }

    /// The collection, or None with a line that says that `test` was skipped.
    #[track_caller]
    pub fn find_or_skip(test: &str) -> Option<Corpus> {
        let found = Corpus::find();
        if found.is_none() {
            println!("skipped: {test}: no recorded traffic (BEDROCK_CORPUS, or ../shared/corpus)");
        }
        found
    }

    /// All lines of the index.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The interactions of an operation, in the index's order, each read when it is asked for.
    pub fn interactions<'a>(&'a self, operation: &'a str) -> impl Iterator<Item = Interaction> + 'a {
        self.rows.iter().filter(move |row| row.operation == operation).map(|row| self.load(row))
    }

    /// Reads one interaction. Panics where its file is not as the corpus describes it.
    #[track_caller]
    pub fn load(&self, row: &Row) -> Interaction {
        let root = match &self.source {
            Source::Samples(_, samples) => {
                return samples.iter().find(|sample| sample.row.id == row.id).expect("a sample").clone();
            }
            Source::Collection(root) => root,
        };
        let path = root.join(format!("{}.json", row.id));
        let file = read(&path);
        let members = object(&file, &path);
        let response: Value = parse(member(&members, "response", &path), &path);
        let expected = root.join(format!("{}.expected.json", row.id));
        Interaction {
            row: row.clone(),
            request: RecordedRequest::of(member(&members, "request", &path), &path),
            response: RecordedResponse::of(&response, &path),
            expected: expected.is_file().then(|| json_file(&expected)),
            notes: members.get("notes").map(|notes| strings(&parse(notes.get(), &path))).unwrap_or_default(),
        }
    }

    /// The vectors of the event stream's framing, of all sources.
    #[track_caller]
    pub fn frame_vectors(&self) -> Vec<FrameVector> {
        let mut vectors = Vec::new();
        let files = match &self.source {
            Source::Samples(folder, _) => vec![folder.join("frames.json")],
            Source::Collection(root) => ["eventstream_botocore.json", "eventstream_smithy_rs.json"]
                .map(|file| root.join("vectors").join(file))
                .into(),
        };
        for path in files {
            let content = json_file(&path);
            let cases = content["cases"].as_array().unwrap_or_else(|| panic!("{} holds no cases", path.display()));
            vectors.extend(cases.iter().map(|case| FrameVector {
                name: text(case, "name", &path),
                bytes: base64(&text(case, "bytes_b64", &path), &path),
                valid: case["valid"].as_bool().unwrap_or_else(|| case.get("expect").is_some()),
                case: case.clone(),
            }));
        }
        vectors
    }
}

impl Interaction {
    /// Returns the recorded response as a reply: its status, headers and bytes. A stream is chunked, with a frame in
    /// each chunk. If only events were recorded, they are encoded again. The server sets the headers that frame the
    /// body. A response without a content type is sent without one.
    pub fn reply(&self) -> Reply {
        let response = &self.response;
        let body = match &response.body {
            Some(body) => body.clone(),
            None => response.events.iter().flat_map(recorded_frame).collect(),
        };
        let streams = self.row.operation.ends_with("-stream") && response.status == 200;
        let reply = if streams { Reply::stream_of(body) } else { Reply::empty(200).body(body) };
        let mut reply = reply.status(response.status);
        reply.headers.clear();
        reply.verbatim = true;
        for (name, value) in &response.headers {
            if !["content-length", "transfer-encoding", "connection"]
                .iter()
                .any(|framing| name.eq_ignore_ascii_case(framing))
            {
                reply = reply.header(name, value);
            }
        }
        reply
    }
}

/// A sample: a recording of one interaction that came to its end, in the record format.
#[track_caller]
fn sample(folder: &Path, name: &str, expected: &Value) -> Interaction {
    let path = &folder.join(format!("{name}.json"));
    let file = read(path);
    let recording = object(&file, path);
    let interactions = elements(member(&recording, "interactions", path), path);
    let [interaction] = interactions[..] else { panic!("{} does not hold one interaction", path.display()) };
    let interaction = object(interaction.get(), path);
    let request = object(member(&interaction, "request", path), path);
    let response = object(member(&interaction, "response", path), path);
    let string = |raw: &str| parse(raw, path).as_str().expect("a string").to_owned();
    let target = string(member(&request, "path", path));
    let parts: Vec<&str> = target.split('/').collect();
    let (operation, model_id) = match parts[..] {
        ["", "model", id, operation] => (operation, Some(id.replace("%3A", ":"))),
        ["", "guardrail", .., "apply"] => ("apply-guardrail", None),
        _ => panic!("{}: an unknown path: {target}", path.display()),
    };
    let body = match response.get("events") {
        Some(events) => elements(events.get(), path)
            .iter()
            .flat_map(|event| {
                let event = object(event.get(), path);
                event_frame(&string(member(&event, "type", path)), member(&event, "payload", path))
            })
            .collect(),
        None => Bytes::copy_from_slice(member(&response, "body", path).as_bytes()),
    };
    let status = status(&parse(member(&response, "status", path), path), path);
    Interaction {
        row: Row {
            id: format!("samples/{name}"),
            operation: operation.to_owned(),
            model_id,
            status,
            features: Vec::new(),
            flags: Vec::new(),
            reconstructed: false,
        },
        request: Some(RecordedRequest {
            method: string(member(&request, "method", path)),
            path: target.clone(),
            query: String::new(),
            headers: pairs(&parse(member(&request, "headers", path), path)),
            body: Some(member(&request, "body", path).to_owned()),
            body_text: None,
        }),
        response: RecordedResponse {
            status,
            headers: pairs(&parse(member(&response, "headers", path), path)),
            body: Some(body),
            events: Vec::new(),
        },
        expected: Some(expected.clone()),
        notes: Vec::new(),
    }
}

/// Encodes an event that was recorded decoded.
fn recorded_frame(event: &Value) -> Bytes {
    let string = |name: &str| event[name].as_str().unwrap_or_default();
    let payload = event["payload"].to_string();
    match string("message_type") {
        "exception" => exception_frame(string("exception_type"), &payload),
        "error" => frame(
            &[
                (":error-code", string("error_code")),
                (":error-message", string("error_message")),
                (":message-type", "error"),
            ],
            b"",
        ),
        _ => event_frame(string("event_type"), &payload),
    }
}

impl Row {
    fn of(row: &Value) -> Row {
        let path = Path::new("index.json");
        Row {
            id: text(row, "id", path),
            operation: text(row, "operation", path),
            model_id: row["model_id"].as_str().map(str::to_owned),
            status: status(&row["status"], path),
            features: strings(&row["features"]),
            flags: strings(&row["flags"]),
            reconstructed: row["reconstructed"].as_bool().unwrap_or_default(),
        }
    }
}

impl RecordedRequest {
    fn of(json: &str, path: &Path) -> Option<RecordedRequest> {
        if json == "null" {
            return None;
        }
        // The body's text is kept as it stands: its key order is part of it.
        let members = object(json, path);
        let string = |name: &str| {
            let value: Value = members.get(name).map_or(Value::Null, |value| parse(value.get(), path));
            value.as_str().map(str::to_owned)
        };
        Some(RecordedRequest {
            method: string("method").unwrap_or_else(|| panic!("{}: a request without a method", path.display())),
            path: string("path").unwrap_or_else(|| panic!("{}: a request without a path", path.display())),
            query: string("query").unwrap_or_default(),
            headers: members.get("headers").map(|headers| pairs(&parse(headers.get(), path))).unwrap_or_default(),
            body: members.get("body_json").map(|body| body.get().to_owned()).filter(|body| body != "null"),
            body_text: string("body_text"),
        })
    }
}

impl RecordedResponse {
    fn of(response: &Value, path: &Path) -> RecordedResponse {
        RecordedResponse {
            status: status(&response["status"], path),
            headers: pairs(&response["headers"]),
            body: response["body_b64"].as_str().map(|body| base64(body, path)),
            events: response["events"].as_array().cloned().unwrap_or_default(),
        }
    }
}

#[track_caller]
fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("cannot read {}: {e}", path.display()))
}

#[track_caller]
fn json_file(path: &Path) -> Value {
    parse(&read(path), path)
}

#[track_caller]
fn parse(json: &str, path: &Path) -> Value {
    serde_json::from_str(json).unwrap_or_else(|e| panic!("{} is not JSON: {e}", path.display()))
}

#[track_caller]
fn object<'a>(json: &'a str, path: &Path) -> BTreeMap<String, &'a RawValue> {
    serde_json::from_str(json).unwrap_or_else(|e| panic!("{} is no JSON object: {e}", path.display()))
}

#[track_caller]
fn elements<'a>(json: &'a str, path: &Path) -> Vec<&'a RawValue> {
    serde_json::from_str(json).unwrap_or_else(|e| panic!("{} is no JSON array: {e}", path.display()))
}

#[track_caller]
fn member<'a>(members: &BTreeMap<String, &'a RawValue>, name: &str, path: &Path) -> &'a str {
    members.get(name).unwrap_or_else(|| panic!("{} has no {name:?}", path.display())).get()
}

#[track_caller]
fn text(value: &Value, name: &str, path: &Path) -> String {
    value[name].as_str().unwrap_or_else(|| panic!("{}: {name:?} is no string", path.display())).to_owned()
}

#[track_caller]
fn status(value: &Value, path: &Path) -> u16 {
    let status = value.as_u64().and_then(|status| u16::try_from(status).ok());
    status.unwrap_or_else(|| panic!("{}: no HTTP status", path.display()))
}

#[track_caller]
fn base64(encoded: &str, path: &Path) -> Bytes {
    let decoded = base64_simd::STANDARD.decode_to_vec(encoded);
    decoded.unwrap_or_else(|e| panic!("{}: bad base64: {e}", path.display())).into()
}

fn strings(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn pairs(value: &Value) -> Vec<(String, String)> {
    let members = value.as_object().into_iter().flatten();
    members.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
}
