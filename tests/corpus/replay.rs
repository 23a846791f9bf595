//! The C program `tests/c/replay.c` and the Bedrock that it calls.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::sync::LazyLock;

use serde_json::json;
use serde_json::value::RawValue;

use crate::support::{Auth, CProgram, Interaction, LocalBedrock, Reply};

const REGION: &str = "us-east-1";
const ACCESS_KEY: &str = "AKIDEXAMPLE";
const SECRET_KEY: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

/// The request and the model of an interaction whose request was not recorded.
const PLAIN_REQUEST: &str = r#"{"messages":[{"role":"user","content":[{"text":"Hello"}]}]}"#;
const PLAIN_MODEL: &str = "anthropic.claude-3-haiku-20240307-v1:0";

/// The request in a model's own form of such an interaction.
const PLAIN_BODY: &str = r#"{"inputText":"Hello"}"#;

/// A call, and the request that the library has to send.
pub struct Call {
    /// The function of the C API that makes the call: "generate", "stream", or an operation's name for `bedrock_call`.
    interface: &'static str,
    /// Whether the request is the recorded one.
    pub recorded: bool,
    model_id: String,
    request: String,
    pub path: String,
    pub body: String,
}

impl Call {
    pub fn of(interaction: &Interaction) -> Call {
        let asked = interaction.request.as_ref();
        let recorded = asked.and_then(|request| request.body.as_deref());
        let model_id = interaction.row.model_id.as_deref().unwrap_or(PLAIN_MODEL);
        let (interface, plain) = match interaction.row.operation.as_str() {
            "converse" => ("generate", PLAIN_REQUEST),
            "converse-stream" => ("stream", PLAIN_REQUEST),
            "invoke" => ("InvokeModel", PLAIN_BODY),
            "invoke-with-response-stream" => ("InvokeModelWithResponseStream", PLAIN_BODY),
            "count-tokens" => ("CountTokens", PLAIN_REQUEST),
            "apply-guardrail" => ("ApplyGuardrail", "{}"),
            other => panic!("an operation that is not played: {other}"),
        };
        let given = recorded.unwrap_or(plain);
        // Some clients do not escape a ':'. The SDKs do.
        let mut path = format!("/model/{}/{}", escaped(model_id), interaction.row.operation);
        let (request, body) = match interface {
            // One recording has the model's id in the body, too. There it names the model and is not sent.
            "generate" | "stream" => {
                (given.to_owned(), given.replacen(&format!(r#"{{"modelId":"{model_id}","#), "{", 1))
            }
            "InvokeModel" | "InvokeModelWithResponseStream" => (format!(r#"{{"body":{given}}}"#), given.to_owned()),
            "ApplyGuardrail" => {
                path = asked.expect("a guardrail's request was recorded").path.clone();
                let [_, _, guardrail, _, version, _] = path.split('/').collect::<Vec<_>>()[..] else {
                    panic!("{path}")
                };
                let members = format!(r#","guardrailIdentifier":"{guardrail}","guardrailVersion":"{version}"}}"#);
                (given.trim_end_matches('}').to_owned() + closing(given) + &members, given.to_owned())
            }
            // The library wraps the request, as the other client did.
            _ => match converse_of(given) {
                Some(converse) => (converse.to_owned(), format!(r#"{{"input":{{"converse":{converse}}}}}"#)),
                None => (given.to_owned(), given.to_owned()),
            },
        };
        Call { interface, recorded: recorded.is_some(), model_id: model_id.to_owned(), request, path, body }
    }

    pub fn streams(&self) -> bool {
        self.interface == "stream"
    }

    /// Whether the body equals the request, byte for byte.
    pub fn is_sent_whole(&self) -> bool {
        self.body == self.request
    }
}

/// Returns the request that a CountTokens counts, verbatim.
fn converse_of(given: &str) -> Option<&str> {
    let input: BTreeMap<&str, &RawValue> = serde_json::from_str(given).ok()?;
    let counted: BTreeMap<&str, &RawValue> = serde_json::from_str(input.get("input")?.get()).ok()?;
    counted.get("converse").map(|converse| converse.get())
}

pub fn escaped(id: &str) -> String {
    id.replace(':', "%3A").replace('/', "%2F")
}

/// Returns the closing braces of an object except the last.
fn closing(object: &str) -> &str {
    let braces = object.len() - object.trim_end_matches('}').len();
    &object[object.len() - braces..object.len() - 1]
}

/// The program's transcript of a call: names and texts, in its order.
pub type Transcript = Vec<(String, String)>;

/// The program, running.
pub struct Replay {
    pub bedrock: LocalBedrock,
    program: Child,
    commands: ChildStdin,
    fields: BufReader<ChildStdout>,
}

impl Replay {
    /// None without a C compiler, after a message.
    pub fn start() -> Option<Replay> {
        static PROGRAM: LazyLock<Option<CProgram>> = LazyLock::new(|| CProgram::build("replay"));
        let program = PROGRAM.as_ref()?.command().stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut program = program.expect("the program starts");
        let bedrock = LocalBedrock::start();
        bedrock.auth(Auth::sigv4(ACCESS_KEY, SECRET_KEY, REGION));
        Some(Replay {
            bedrock,
            commands: program.stdin.take().expect("stdin is a pipe"),
            fields: BufReader::new(program.stdout.take().expect("stdout is a pipe")),
            program,
        })
    }

    /// Sets the reply to every call from now on.
    pub fn reply_with(&self, reply: Reply) {
        self.bedrock.respond_with(move |_| reply.clone());
    }

    /// Makes a call and returns the values of all getters of bedrock.h. `lint` is "error" or "off": the local checks on
    /// requests.
    pub fn call(&mut self, call: &Call, lint: &str) -> Transcript {
        let config = json!({
            "model": call.model_id,
            "region": REGION,
            "api_key": ACCESS_KEY,
            "secret_key": SECRET_KEY,
            "base_url": self.bedrock.url(),
            "retry": {"max_attempts": 1},
            "lint": lint,
        })
        .to_string();
        let command = format!("{} {} {}\n{config}{}", call.interface, config.len(), call.request.len(), call.request);
        self.commands.write_all(command.as_bytes()).expect("the program reads its commands");
        std::iter::from_fn(|| Some(self.field()).filter(|(name, _)| name != "end")).collect()
    }

    fn field(&mut self) -> (String, String) {
        let mut head = String::new();
        self.fields.read_line(&mut head).expect("the program writes UTF-8");
        let (name, length) = head.trim_end().split_once(' ').expect("the program writes its fields to the end");
        let length: usize = length.parse().expect("a field has a length");
        let mut text = vec![0; length + 1];
        self.fields.read_exact(&mut text).expect("a field is as long as it says");
        assert_eq!(text.pop(), Some(b'\n'), "a field ends with a newline");
        (name.to_owned(), String::from_utf8(text).expect("texts are UTF-8"))
    }

    /// Ends the program, which then checks that all handles were freed.
    pub fn end(self) {
        let Replay { bedrock, mut program, commands, .. } = self;
        drop(commands);
        let status = program.wait().expect("the program ends");
        assert!(status.success(), "the program found something wrong at its end: {status}");
        assert_eq!(bedrock.problems(), [""; 0]);
    }
}
