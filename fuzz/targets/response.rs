//! A message of a model with any texts, tool calls and reasoning: the getters return, structured output is JSON, and a
//! conversation with the message and a result for each of its calls can be sent.
#![no_main]

use bedrock::config::Cache;
use bedrock::json::{Json, quoted};
use bedrock::protocol::operation::Operation;
use bedrock::protocol::response_head::ResponseHead;
use bedrock::request::{Document, Request, ResultKind, ToolResult};
use bedrock::response::Response;
use bedrock::text::Text;
use libfuzzer_sys::fuzz_target;
use std::collections::HashSet;

const TOOLS: &str = r#"{"toolConfig":{"tools":[{"toolSpec":{"name":"f","inputSchema":{"json":{"type":"object"}}}}]}}"#;

/// Returns a block of one of three kinds.
fn block((kind, first, second, third): &(u8, &str, &str, &str)) -> String {
    let [one, other] = [first, second].map(|text| quoted(text));
    match kind % 4 {
        0 => format!(r#"{{"text":{one}}}"#),
        1 => format!(r#"{{"reasoningContent":{{"reasoningText":{{"text":{one},"signature":{other}}}}}}}"#),
        _ => {
            let input = if Json::parse(third).is_ok() { (*third).to_owned() } else { quoted(third) };
            format!(r#"{{"toolUse":{{"toolUseId":{one},"name":{other},"input":{input}}}}}"#)
        }
    }
}

fuzz_target!(|given: (bool, bool, &str, Vec<(u8, &str, &str, &str)>)| {
    let (streamed, complete, stop_reason, blocks) = given;
    let content: Vec<_> = blocks.iter().map(block).collect();
    let message = format!(r#"{{"role":"assistant","content":[{}]}}"#, content.join(","));
    let json = format!(r#"{{"output":{{"message":{message}}},"stopReason":{}}}"#, quoted(stop_reason));
    // The texts may nest deeper than a response can.
    if Json::parse(&json).is_err() {
        return;
    }
    let response = if streamed {
        Response::streamed(json, complete, ResponseHead::default(), 1)
    } else {
        Response::unary(Text::from(json), ResponseHead::default(), 1)
    };
    match response.structured() {
        Ok(value) => assert!(Json::parse(value.as_str()).is_ok()),
        Err(error) => assert!(error.message().as_str().starts_with("bedrock: ")),
    }
    let calls: Vec<_> = response.tool_calls().iter().filter(|call| !call.id.is_empty() && !call.name.is_empty()).collect();
    let ids: HashSet<_> = calls.iter().map(|call| call.id.as_str()).collect();
    assert_eq!(ids.len(), calls.len(), "two calls have one id");

    let mut request = Request::parse(TOOLS).expect("a request");
    request.add_text("user", "Hi").expect("a text");
    let result = |id: &&str| ToolResult::new(id, "done", ResultKind::Text).expect("a result");
    let results: Vec<_> = calls.iter().map(|call| call.id.as_str()).map(|id| result(&id)).collect();
    request.add_round(&response, &results).expect("a round");
    let defaults = Document::default();
    if let Err(error) = request.serialize(Operation::Converse, "m", &defaults, &Cache::default(), true) {
        panic!("{}", error.message().as_str());
    }
});
