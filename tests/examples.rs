//! The examples' chat, agent and notebook against the odd responses of real models: none of them ends the conversation.
//! And the programs whose functions are the examples of the manual.

mod support;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use support::{CProgram, LocalBedrock, Reply};

/// A folder of its own for a test's files.
fn scratch(test: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("examples").join(test);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a scratch folder under target/tmp");
    folder
}

/// A command that runs the example with that service.
fn command(program: &CProgram, bedrock: &LocalBedrock, folder: &Path) -> Command {
    let mut command = program.command();
    let environment = [("BEDROCK_EXAMPLE", "real"), ("AWS_EC2_METADATA_DISABLED", "true")];
    command.envs(environment).env("BEDROCK_BASE_URL", bedrock.url()).env("HOME", folder).current_dir(folder);
    command
}

fn run(mut command: Command, input: &str) -> Output {
    let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = pipes.spawn().expect("the example starts");
    child.stdin.take().expect("stdin is a pipe").write_all(input.as_bytes()).expect("the example reads");
    child.wait_with_output().expect("the example ends")
}

/// The output of an example, which has to succeed.
#[track_caller]
fn printed(command: Command, input: &str) -> String {
    let output = run(command, input);
    let [out, err] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).expect("it prints UTF-8"));
    assert!(output.status.success(), "{}\n{out}\n{err}", output.status);
    out
}

/// A busy service: more refusals than the three attempts of the library.
fn throttle(bedrock: &LocalBedrock) {
    for _ in 0..5 {
        bedrock.push(Reply::error(429, "ThrottlingException", "Too many requests.").header("Retry-After", "0"));
    }
}

/// The messages of the last request, each with its role and the kinds of its blocks.
fn shape(bedrock: &LocalBedrock) -> Vec<String> {
    let body = bedrock.last_request().json();
    let messages = body["messages"].as_array().expect("messages").clone();
    let kind = |block: &Value| block.as_object().expect("a block").keys().next().expect("a member").clone();
    let blocks = |message: &Value| message["content"].as_array().expect("content").iter().map(kind).collect::<Vec<_>>();
    messages
        .iter()
        .map(|message| format!("{} {}", message["role"].as_str().unwrap(), blocks(message).join(" ")))
        .collect()
}

#[test]
fn the_agent_survives_odd_responses() {
    let Some(agent) = CProgram::example("04_tools") else { return };
    let folder = scratch("agent");
    let bedrock = LocalBedrock::start();
    let reserve = |reply: Reply, index, id, part| {
        reply.tool_call(index, id, "reserve", &["{\"part\": \"", part, "\", \"quantity\": 4}"])
    };
    let message = || Reply::stream().message_start();

    bedrock.push(reserve(message().text(0, &[""]), 1, "1", "M8 bolt").message_stop("tool_use"));
    throttle(&bedrock);
    bedrock.push(message().tool_call(0, "b", "reserve", &["{\"part\": \"M8"]).message_stop("max_tokens"));
    let search = json!({"toolUseId": "s", "name": "nova_grounding", "type": "server_tool_use"});
    let found = json!({"toolUseId": "s", "type": "nova_grounding_result"});
    let block = |index, start| json!({"contentBlockIndex": index, "start": start}).to_string();
    let result = json!({"contentBlockIndex": 1, "delta": {"toolResult": [{"text": "x"}]}}).to_string();
    let searched = message()
        .event("contentBlockStart", &block(0, json!({"toolUse": search})))
        .block_stop(0)
        .event("contentBlockStart", &block(1, json!({"toolResult": found})))
        .event("contentBlockDelta", &result)
        .block_stop(1)
        .text(2, &["I looked it up."]);
    bedrock.push(reserve(searched, 3, "2", "M8 nut").message_stop("tool_use"));
    bedrock.push(message().message_stop("end_turn"));
    let out = printed(command(&agent, &bedrock, &folder), "");
    assert_eq!(out.lines().collect::<Vec<_>>(), ["reserve 4 M8 bolt", "reserve 4 M8 nut", ""]);
    assert!(!out.contains("nova_grounding"), "the service's own tool was run: {out}");
    let expected = [
        "user text",
        "assistant toolUse",
        "user toolResult",
        "assistant toolUse",
        "user toolResult",
        "assistant toolUse toolResult text toolUse",
        "user toolResult",
    ];
    assert_eq!(shape(&bedrock), expected);
    let sent = bedrock.last_request().json();
    assert_eq!(
        sent["messages"][3]["content"][0]["toolUse"]["input"],
        json!({}),
        "an input that is not an object is not sent"
    );
    let result = |message: usize| &sent["messages"][message]["content"][0]["toolResult"];
    assert_eq!(result(2)["content"][0]["text"], "Reserved. 96 of M8 bolt are left.");
    assert_eq!(result(4)["status"], "error");
    assert_eq!(result(6)["content"][0]["text"], "Reserved. 8 of M8 nut are left.");
    assert_eq!(bedrock.requests().len(), 9, "four responses and five service errors");
    assert_eq!(bedrock.problems(), [""; 0]);
}

#[test]
fn the_chat_survives_odd_responses() {
    let Some(chat) = CProgram::example("03_chat") else { return };
    let folder = scratch("chat");
    let bedrock = LocalBedrock::start();
    bedrock.push(Reply::stream().text_stream(&["One", "."], "end_turn"));
    throttle(&bedrock);
    bedrock.push(Reply::stream().message_start().message_stop("end_turn").metadata(1, 0));
    bedrock.push(Reply::stream().text_stream(&["", "Two."], "end_turn"));
    bedrock.push(Reply::error(400, "ValidationException", "This is refused"));
    bedrock.push(Reply::stream().text_stream(&["Four."], "end_turn"));
    // The fourth turn fails, and the chat goes on without it.
    let output = run(command(&chat, &bedrock, &folder), "first\nsilent\nsecond\nrefused\n\n \nfourth\n");
    let out = String::from_utf8(output.stdout).expect("it prints UTF-8");
    for text in ["One.", "Two.", "Four."] {
        assert!(out.contains(text), "{out}");
    }
    assert!(String::from_utf8_lossy(&output.stderr).contains("This is refused"));
    assert_eq!(shape(&bedrock), ["user text", "assistant text", "user text text", "assistant text", "user text"]);
    let texts = bedrock.last_request().json()["messages"][2]["content"].clone();
    assert_eq!(texts, json!([{"text": "silent"}, {"text": "second"}]), "a question without a response is sent again");
    assert_eq!(bedrock.problems(), [""; 0]);
}

#[test]
fn a_conversation_is_saved_loaded_shortened_and_goes_on() {
    let Some(notebook) = CProgram::example("16_save") else { return };
    let folder = scratch("notebook");
    let bedrock = LocalBedrock::start();
    let say = |text: &str| {
        let mut command = command(&notebook, &bedrock, &folder);
        command.args(["talk.json", text]);
        printed(command, "")
    };
    let kept = || -> Value {
        let file = std::fs::read(folder.join("talk.json")).expect("the conversation was saved");
        serde_json::from_slice(&file).expect("it is JSON")
    };
    let count = |kept: &Value| kept["messages"].as_array().map_or(0, Vec::len);

    bedrock.respond_with(|request| {
        Reply::text_response(&format!("Answer {}.", request.json()["messages"].as_array().unwrap().len()))
    });
    let mut before = String::new();
    for turn in 0..4 {
        let out = say(&format!("Question {turn}"));
        assert_eq!(out, format!("Answer {}.\n", 2 * turn + 1));
        let sent = bedrock.last_request().text().to_owned();
        let end = r#"],"system":[{"text":"Be brief."}],"inferenceConfig":{"maxTokens":1000}}"#;
        let messages = sent.replace(' ', "");
        assert!(messages.ends_with(&end.replace(' ', "")), "the defaults of today: {sent}");
        assert!(sent.starts_with(&before), "messages that were sent are sent again, byte for byte: {sent}");
        before = sent[..sent.find("],\"system\"").expect("a system prompt")].to_owned();
    }
    assert_eq!(count(&kept()), 8);
    assert!(kept().get("system").is_none() && kept().get("inferenceConfig").is_none(), "the program's own: {}", kept());

    // The last turn is undone.
    let mut undo = command(&notebook, &bedrock, &folder);
    undo.arg("talk.json");
    assert_eq!(printed(undo, ""), "2 messages removed.\n");
    assert_eq!(count(&kept()), 6);

    // The conversation is too long for the model: the older half is removed, until it fits.
    bedrock.push(Reply::error(400, "ValidationException", "Input is too long for requested model."));
    bedrock.push(Reply::error(400, "ValidationException", "Input is too long for requested model."));
    assert_eq!(say("Still there?"), "Answer 1.\n");
    let kept = kept();
    assert_eq!(count(&kept), 2);
    assert_eq!(kept["messages"][0]["content"][0]["text"], "Still there?");
    assert_eq!(say("And now?"), "Answer 3.\n");
    assert_eq!(bedrock.problems(), [""; 0]);
}

#[test]
fn the_programs_of_the_manual_print_what_is_expected() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/manual");
    let files = std::fs::read_dir(&folder).expect("docs/manual").map(|file| file.expect("a file").path());
    let programs: Vec<_> = files.filter(|path| path.extension().is_some_and(|kind| kind == "c")).collect();
    assert!(!programs.is_empty());
    for path in programs {
        let name = path.file_stem().expect("a name").to_str().expect("UTF-8");
        let Some(program) = CProgram::manual(name) else { return };
        let mut command = program.command();
        command.env("AWS_EC2_METADATA_DISABLED", "true").current_dir(scratch("manual"));
        let expected = std::fs::read_to_string(folder.join("expected").join(name).with_extension("txt"));
        assert_eq!(printed(command, ""), expected.expect("what it prints"), "{name}");
    }
}
