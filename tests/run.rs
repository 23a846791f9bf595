//! The tool loop: what a run sends, what it tells the model in place of the program, and what the request holds after
//! whatever happened.

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bedrock::config::RunOptions;
use bedrock::error::{Error, Kind};
use bedrock::json::Json;
use bedrock::model::Model;
use bedrock::protocol::event::EventKind;
use bedrock::request::{Request, ResultKind, ToolDeclarations, ToolResult};
use bedrock::run::{Next, Run, Start};
use bedrock::runtime::sync::Mutex;
use serde_json::{Value, json};

use support::capi::{config, with};
use support::{Gate, LocalBedrock, Reply};

/// A model at a local service, with these members in its config.
fn model(bedrock: &LocalBedrock, members: Value) -> Arc<Model> {
    Arc::new(Model::new(&with(config(bedrock), members).to_string()).expect("a valid config"))
}

/// A conversation that begins with this text.
fn say(text: &str) -> Arc<Mutex<Request>> {
    let mut request = Request::default();
    request.add_text("user", text).expect("a text");
    Arc::new(Mutex::new(request))
}

fn messages(request: &Mutex<Request>) -> Value {
    let json = request.lock().to_json(true).expect("a request");
    serde_json::from_str::<Value>(&json).expect("JSON")["messages"].clone()
}

const WEATHER: &str = r#"[{"name": "weather", "description": "d", "input_schema": {"type": "object"}}]"#;

fn open(model: &Arc<Model>, request: &Arc<Mutex<Request>>, options: &str) -> Box<Run> {
    try_open(model, request, WEATHER, options).expect("a run")
}

fn try_open(model: &Arc<Model>, request: &Arc<Mutex<Request>>, tools: &str, options: &str) -> Result<Box<Run>, Error> {
    let tools = ToolDeclarations::parse(Json::parse(tools).expect("JSON"))?;
    let options = RunOptions::parse(options)?;
    let mut run = Run::new(Start { model: model.clone(), request: request.clone(), cancel: None, tools, options })?;
    run.begin()?;
    Ok(run)
}

/// What a program saw of a run.
#[derive(Debug, Default)]
struct Seen {
    /// The text of each round.
    texts: BTreeMap<u32, String>,
    /// The calls: round, id, input.
    calls: Vec<(u32, String, String)>,
}

/// Reads a run to its end, and gives the results in the reverse order of the calls.
fn finish(run: &mut Run) -> (Seen, Result<bool, Error>) {
    let (mut seen, mut given, remote) = (Seen::default(), 0, run.remote());
    loop {
        match run.next(Some(Duration::ZERO)) {
            Ok(Next::Event(event, round)) => match event.kind {
                EventKind::Text => seen.texts.entry(round).or_default().push_str(&event.text),
                EventKind::ToolCall => seen.calls.push((round, event.tool_id.to_string(), event.text.to_string())),
                _ => {}
            },
            Ok(Next::Again) if given < seen.calls.len() => {
                for (_, id, _) in seen.calls[given..].iter().rev() {
                    let result = ToolResult::new(id, &format!("result of {id}"), ResultKind::Text).expect("a result");
                    remote.give(result).expect("a call that waits");
                }
                given = seen.calls.len();
            }
            Ok(Next::Again) => {
                let _ = run.wait(Some(Duration::from_millis(50)));
            }
            Ok(Next::Done) => return (seen, Ok(true)),
            Ok(Next::Stopped) => return (seen, Ok(false)),
            Err(error) => return (seen, Err(error)),
        }
    }
}

/// Reads a run up to the first call, which it must have.
#[track_caller]
fn read_to_tool_call(run: &mut Run) {
    loop {
        match run.next(None) {
            Ok(Next::Event(event, _)) if event.kind == EventKind::ToolCall => return,
            Ok(Next::Event(..) | Next::Again) => {}
            Ok(Next::Done | Next::Stopped) => panic!("the run ended without a call"),
            Err(error) => panic!("the run failed before a call: {error}"),
        }
    }
}

fn calls(calls: &[(&str, &str, &str)]) -> Reply {
    let start = Reply::stream().message_start().reasoning(0, &["Let me ", "see."], "c2ln").text(1, &["I will look."]);
    let reply = calls
        .iter()
        .zip(2..)
        .fold(start, |reply, ((id, name, input), index)| reply.tool_call(index, id, name, &[*input]));
    reply.message_stop("tool_use").metadata(11, 2)
}

fn end() -> Reply {
    Reply::stream().text_stream(&["It is ", "sunny."], "end_turn")
}

#[test]
fn a_run_sends_its_tools_and_the_results_in_the_order_of_the_calls_and_keeps_reasoning() {
    let bedrock = LocalBedrock::start();
    bedrock.push(calls(&[("a", "weather", r#"{"city":"Bern"}"#), ("b", "weather", "")]));
    bedrock.push(end());
    let request = say("How is the weather?");
    // A run needs the content, also if the model does not keep it.
    let mut run = open(&model(&bedrock, json!({"keep_answer": false})), &request, "");
    let (seen, end) = finish(&mut run);
    assert!(end.expect("no failure"));
    let call = |round, id: &str, input: &str| (round, id.to_owned(), input.to_owned());
    assert_eq!(seen.calls, [call(1, "a", r#"{"city":"Bern"}"#), call(1, "b", "{}")]);
    assert_eq!(
        seen.texts.into_iter().collect::<Vec<_>>(),
        [(1, "I will look.".to_owned()), (2, "It is sunny.".to_owned())]
    );

    let sent = bedrock.requests();
    assert_eq!(sent.len(), 2);
    let tool =
        json!({"toolSpec": {"name": "weather", "description": "d", "inputSchema": {"json": {"type": "object"}}}});
    for request in &sent {
        assert_eq!(request.json()["toolConfig"], json!({"tools": [tool]}));
    }
    let second = sent[1].json();
    let content = &second["messages"][1]["content"];
    assert_eq!(
        content[0],
        json!({"reasoningContent": {"reasoningText": {"text": "Let me see.", "signature": "c2ln"}}})
    );
    let result = |id: &str| json!({"toolResult": {"toolUseId": id, "content": [{"text": format!("result of {id}")}]}});
    assert_eq!(second["messages"][2], json!({"role": "user", "content": [result("a"), result("b")]}));

    // The request holds what was sent, the last message, and no tools.
    let kept: Value = serde_json::from_str(&request.lock().to_json(true).expect("a request")).expect("JSON");
    assert_eq!(kept.as_object().expect("an object").keys().collect::<Vec<_>>(), ["messages"]);
    let kept = kept["messages"].as_array().expect("messages");
    assert_eq!(kept[..3], second["messages"].as_array().expect("messages")[..]);
    assert_eq!(kept[3], json!({"role": "assistant", "content": [{"text": "It is sunny."}]}));
    let response = run.response().expect("a response");
    assert_eq!(response.text().as_str(), "It is sunny.");
}

#[test]
fn the_usage_of_the_response_is_the_sum_of_all_rounds() {
    let bedrock = LocalBedrock::start();
    bedrock.push(calls(&[("a", "weather", "{}")]));
    bedrock.push(calls(&[("b", "weather", "{}")]));
    bedrock.push(Reply::stream().message_start().text(0, &["Done."]).message_stop("end_turn").metadata(30, 4));
    let mut run = open(&model(&bedrock, json!({})), &say("Go."), "");
    assert!(finish(&mut run).1.expect("no failure"));
    let usage = run.response().expect("a response").usage();
    assert_eq!((usage.input_tokens, usage.output_tokens, usage.total()), (52, 8, 60));
}

#[test]
fn the_model_is_informed_of_a_call_that_the_program_does_not_get() {
    let bedrock = LocalBedrock::start();
    bedrock.push(calls(&[("a", "weather", r#"{"city":"#), ("b", "wether", "{}"), ("c", "weather", "{}")]));
    bedrock.push(calls(&[("d", "weather", "[1]")]));
    bedrock.push(end());
    let request = say("Go.");
    let mut run = open(&model(&bedrock, json!({})), &request, "");
    let (seen, end) = finish(&mut run);
    assert!(end.expect("no failure"));
    assert_eq!(seen.calls.iter().map(|(_, id, _)| id.as_str()).collect::<Vec<_>>(), ["c"]);
    let messages = messages(&request);
    let result = |message: usize, index: usize| messages[message]["content"][index]["toolResult"].clone();
    for (message, index, id, part) in [
        (2, 0, "a", "not a JSON object"),
        (2, 1, "b", "There is no tool \"wether\". The tools are: weather."),
        (4, 0, "d", "not a JSON object"),
    ] {
        let result = result(message, index);
        assert_eq!((&result["toolUseId"], &result["status"]), (&json!(id), &json!("error")));
        assert!(result["content"][0]["text"].as_str().expect("a text").contains(part), "{result}");
    }
    assert_eq!(result(2, 2)["status"], Value::Null);
    assert_eq!(messages[1]["content"][2]["toolUse"]["input"], json!({}), "the service accepts only objects");
}

#[test]
fn a_conversation_goes_on_after_an_invented_name_and_a_repeated_id() {
    let bedrock = LocalBedrock::start();
    bedrock.push(calls(&[("a", "functions.weather", "{}"), ("a", "weather", "{}"), ("a", "weather", "{}")]));
    bedrock.push(end());
    let request = say("Go.");
    let model = model(&bedrock, json!({}));
    let (seen, ended) = finish(&mut open(&model, &request, ""));
    assert!(ended.expect("no failure"));
    assert_eq!(seen.calls.iter().map(|(_, id, _)| id.as_str()).collect::<Vec<_>>(), ["a-2", "a-3"]);
    let messages = messages(&request);
    let of = |message: usize, pointer: &str| {
        let blocks = messages[message]["content"].as_array().expect("blocks");
        blocks.iter().filter_map(|block| block.pointer(pointer)).cloned().collect::<Vec<_>>()
    };
    assert_eq!(of(1, "/toolUse/name"), ["functions_weather", "weather", "weather"]);
    assert_eq!(of(1, "/toolUse/toolUseId"), ["a", "a-2", "a-3"]);
    assert_eq!(of(2, "/toolResult/toolUseId"), ["a", "a-2", "a-3"]);
    assert_eq!(of(2, "/toolResult/content/0/text")[1], "result of a-2");
    assert_eq!(bedrock.requests()[1].json()["messages"], json!(messages.as_array().expect("messages")[..3]));
    bedrock.push(end());
    request.lock().add_text("user", "And then?").expect("a text");
    assert!(finish(&mut open(&model, &request, "")).1.expect("the request can be sent"));
}

#[test]
fn a_call_that_was_cut_off_before_its_input_does_not_reach_the_program() {
    for stop_reason in ["max_tokens", "model_context_window_exceeded", "malformed_tool_use"] {
        let bedrock = LocalBedrock::start();
        let start = Reply::stream().message_start();
        let calls = start.tool_call(0, "a", "weather", &["{}"]).tool_call(1, "b", "weather", &[]);
        bedrock.push(calls.message_stop(stop_reason).metadata(11, 2));
        bedrock.push(end());
        let request = say("Go.");
        let (seen, ended) = finish(&mut open(&model(&bedrock, json!({})), &request, ""));
        assert!(ended.expect("no failure"));
        assert_eq!(seen.calls.len(), 1, "{stop_reason}: the first call is complete");
        let result = messages(&request)[2]["content"][1]["toolResult"].clone();
        assert_eq!((&result["toolUseId"], &result["status"]), (&json!("b"), &json!("error")));
    }
}

#[test]
fn a_round_with_a_result_that_cannot_be_sent_is_not_added() {
    let image = r#"[{"image":{"format":"png","source":{"bytes":"@missing"}}}]"#;
    for options in ["", r#"{"max_rounds": 1}"#] {
        let bedrock = LocalBedrock::start();
        bedrock.push(calls(&[("a", "weather", "{}")]));
        let (model, request) = (model(&bedrock, json!({})), say("Go."));
        let mut run = open(&model, &request, options);
        read_to_tool_call(&mut run);
        run.remote().give(ToolResult::new("a", image, ResultKind::Content).expect("a result")).expect("it waits");
        let error = finish(&mut run).1.expect_err("the bytes are not attached");
        assert_eq!(
            (error.kind(), error.path().as_str()),
            (Kind::Request, "/messages/2/content/0/toolResult/content/0/image/source/bytes")
        );
        assert!(error.message().as_str().contains("The round was not added"), "{error}");
        assert_eq!(messages(&request).as_array().expect("messages").len(), 1);
        bedrock.push(end());
        assert!(finish(&mut open(&model, &request, "")).1.expect("the request can be sent"));
    }
}

#[test]
fn a_result_that_the_service_would_refuse_is_an_error_and_its_call_still_waits() {
    let bedrock = LocalBedrock::start();
    bedrock.push(calls(&[("a", "weather", "{}")]));
    bedrock.push(end());
    let mut run = open(&model(&bedrock, json!({})), &say("Go."), "");
    read_to_tool_call(&mut run);
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(505), "]".repeat(505));
    for (content, kind, path, part) in [
        ("{", ResultKind::Json, "", "not valid"),
        (&*deep, ResultKind::Json, "", "deeper than 502 levels"),
        ("{}", ResultKind::Content, "", "expected an array"),
        ("[1]", ResultKind::Content, "/0", "expected a content block"),
        ("[{}]", ResultKind::Content, "/0", "empty"),
        (r#"[{"text":"a"},{"text":1}]"#, ResultKind::Content, "/1/text", "not a string"),
        (r#"[{"json":[1]}]"#, ResultKind::Content, "/0/json", "only an object"),
        (r#"[{"toolUse":{"toolUseId":"1","name":"f","input":{}}}]"#, ResultKind::Content, "/0", "cannot have toolUse"),
        (r#"[{"image":{"format":"jpg","source":{"bytes":"aaaa"}}}]"#, ResultKind::Content, "/0/image/format", "jpeg"),
        (
            r#"[{"image":{"format":"png","source":{"bytes":"%"}}}]"#,
            ResultKind::Content,
            "/0/image/source/bytes",
            "base64",
        ),
        (
            r#"[{"document":{"format":"txt","name":"a.b","source":{"bytes":"aaaa"}}}]"#,
            ResultKind::Content,
            "/0/document/name",
            "cannot have",
        ),
    ] {
        let error = ToolResult::new("a", content, kind).err().expect(content);
        assert_eq!((error.kind(), error.path().as_str()), (Kind::Request, path), "{error}");
        assert!(error.message().as_str().contains(part), "{error}");
    }
    run.remote().give(ToolResult::new("a", "sun", ResultKind::Text).expect("a result")).expect("it waits");
    assert!(finish(&mut run).1.expect("no failure"));
}

#[test]
fn a_failure_leaves_the_complete_rounds_in_the_request_and_the_next_run_goes_on() {
    for failure in [Reply::error(400, "ValidationException", "no"), Reply::stream().message_start().text(0, &["It"])] {
        let bedrock = LocalBedrock::start();
        bedrock.push(calls(&[("a", "weather", "{}")]));
        bedrock.push(failure);
        let (model, request) = (model(&bedrock, json!({})), say("Go."));
        let mut run = open(&model, &request, "");
        let error = finish(&mut run).1.expect_err("a failure");
        assert!(matches!(error.kind(), Kind::Validation | Kind::Truncated), "{error}");
        assert_eq!(run.next(None).expect_err("an end is final").kind(), error.kind());
        assert_eq!(messages(&request).as_array().expect("messages").len(), 3);
        bedrock.push(end());
        let (seen, end) = finish(&mut open(&model, &request, ""));
        assert!(end.expect("no failure"));
        assert_eq!(seen.texts[&1], "It is sunny.");
        assert_eq!(messages(&request).as_array().expect("messages").len(), 4);
    }
}

#[test]
fn a_run_that_is_ended_during_a_message_or_a_call_adds_nothing_of_that_round() {
    let bedrock = LocalBedrock::start();
    let gate = Gate::new();
    let model = model(&bedrock, json!({}));
    bedrock.push(Reply::stream().message_start().text_delta(0, "I").wait_for(&gate));
    let request = say("Go.");
    let mut run = open(&model, &request, "");
    assert!(matches!(run.next(None), Ok(Next::Event(..))));
    let remote = run.remote();
    std::thread::spawn(move || remote.cancel());
    let end = loop {
        match run.next(None) {
            Ok(Next::Event(..)) => {}
            end => break end.map(|_| ()),
        }
    };
    assert_eq!(end.expect_err("cancelled").kind(), Kind::Cancelled);

    // A server of its own: on a busy machine, the run ends before it has taken its reply.
    let slow = LocalBedrock::start();
    slow.push(Reply::stream().message_start().text_delta(0, "I").wait_for(&gate));
    let mut late = open(&self::model(&slow, json!({})), &request, r#"{"total": "50ms"}"#);
    let error = finish(&mut late).1.expect_err("too late");
    assert_eq!(error.kind(), Kind::Timeout);
    assert!(error.message().as_str().contains("not complete within 50ms (total)"), "{error}");

    bedrock.push(calls(&[("a", "weather", "{}")]));
    let mut left = open(&model, &request, "");
    read_to_tool_call(&mut left);
    let remote = left.remote();
    drop(left);
    let result = ToolResult::new("a", "late", ResultKind::Text).expect("a result");
    assert_eq!(remote.give(result).expect_err("nobody waits").kind(), Kind::InvalidArgument);
    assert_eq!(messages(&request).as_array().expect("messages").len(), 1);
    gate.open();
}

#[test]
fn a_tool_that_the_request_declares_is_sent_as_the_request_declares_it() {
    let own = r#"{"toolSpec":{"name":"weather","inputSchema":{"json":{"type":"object","title":"own"}}}}"#;
    for (members, defaults) in [
        (format!(r#"{{"toolConfig":{{"tools":[{own}],"toolChoice":{{"auto":{{}}}}}}}}"#), json!({})),
        ("{}".to_owned(), json!({"toolConfig": {"tools": [serde_json::from_str::<Value>(own).expect("JSON")]}})),
    ] {
        let bedrock = LocalBedrock::start();
        bedrock.push(end());
        let request = say("Go.");
        request.lock().set(members.as_str()).expect("members");
        let tools = r#"[{"name": "weather"}, {"name": "news", "description": "n"}]"#;
        let model = model(&bedrock, json!({"defaults": defaults}));
        let mut run = try_open(&model, &request, tools, "").expect("a run");
        assert!(finish(&mut run).1.expect("no failure"));
        let sent = &bedrock.requests()[0].json()["toolConfig"]["tools"];
        assert_eq!(sent[0]["toolSpec"]["inputSchema"]["json"]["title"], "own");
        assert_eq!(sent[1]["toolSpec"]["name"], "news");
        assert_eq!(sent.as_array().expect("tools").len(), 2);
    }
}

#[test]
fn a_run_stops_after_the_last_permitted_round_with_its_results_in_the_request() {
    let bedrock = LocalBedrock::start();
    bedrock.respond_with(|request| calls(&[(&format!("t{}", request.text().len()), "weather", "{}")]));
    let request = say("Go.");
    let mut run = open(&model(&bedrock, json!({})), &request, r#"{"max_rounds": 3}"#);
    let (seen, end) = finish(&mut run);
    assert_eq!((end.expect("no failure"), seen.calls.len(), bedrock.requests().len()), (false, 3, 3));
    assert_eq!(messages(&request).as_array().expect("messages").len(), 7);
    assert!(matches!(run.next(None), Ok(Next::Stopped)), "an end is final");
}

#[test]
fn a_program_may_change_the_request_between_rounds() {
    let bedrock = LocalBedrock::start();
    bedrock.push(calls(&[("a", "weather", "{}")]));
    bedrock.push(end());
    let request = say("Go.");
    let mut run = open(&model(&bedrock, json!({})), &request, "");
    read_to_tool_call(&mut run);
    request.lock().add_text("user", "In Bern.").expect("a text");
    run.remote().give(ToolResult::new("a", "rain", ResultKind::Text).expect("a result")).expect("it waits");
    assert!(finish(&mut run).1.expect("no failure"));
    let sent = bedrock.requests()[1].json()["messages"].clone();
    assert_eq!(sent[0]["content"], json!([{"text": "Go."}, {"text": "In Bern."}]));
    assert_eq!(sent[2]["content"][0]["toolResult"]["toolUseId"], "a");
}
