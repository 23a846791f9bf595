//! Every response that a model returns can be added to a conversation, and the result is a request that the service
//! accepts.

mod support;

use std::ffi::CString;
use std::ptr::{dangling_mut, null_mut};

use bedrock::ffi::conversation::bedrock_request_add_tool_result;
use bedrock::ffi::generate::bedrock_generate;
use bedrock::ffi::response::*;
use serde_json::{Value, json};

use support::capi::*;

/// A model with scripted replies and the default checks.
fn scripted(replies: Value) -> Model {
    Model::new(&json!({"model": "m", "transport": {"replies": replies}}))
}

/// A scripted reply with the JSON of a unary response.
fn reply(content: Value, stop_reason: &str) -> Value {
    json!({"json": {"output": {"message": {"role": "assistant", "content": content}}, "stopReason": stop_reason}})
}

/// A conversation with a tool.
fn tool_conversation() -> Request {
    Request::json(
        r#"{"messages":[{"role":"user","content":[{"text":"Go."}]}],
            "toolConfig":{"tools":[{"toolSpec":{"name":"f","inputSchema":{"json":{"type":"object"}}}}]}}"#,
    )
}

/// Calls the model, adds its response, and adds a result for each tool call, as the documentation shows. Returns the
/// number of tool calls.
fn round(model: &Model, request: &Request) -> usize {
    let mut response = dangling_mut();
    let status = unsafe { bedrock_generate(model.handle(), request.handle(), null_mut(), &mut response, null_mut()) };
    assert_eq!(name(status), "BEDROCK_OK");
    request.add_response(response).expect("a response can be added");
    let calls = Response::calls_of(response);
    for call in &calls {
        let id = CString::new(call.id.as_str()).expect("an id without NUL");
        let added = unsafe {
            let text = c"done".as_ptr();
            bedrock_request_add_tool_result(request.handle(), id.as_ptr(), text, usize::MAX, 0, null_mut())
        };
        assert_eq!(name(added), "BEDROCK_OK");
    }
    bedrock_response_free(response);
    calls.len()
}

/// Returns the messages that the next call would send, if they pass the local checks.
#[track_caller]
fn messages(request: &Request, model: &Model) -> Value {
    let body = request.body(model).unwrap_or_else(|failure| panic!("the request is rejected: {}", failure.message));
    serde_json::from_str::<Value>(&body).expect("a body is JSON")["messages"].clone()
}

fn call(id: &str, input: Value) -> Value {
    json!({"toolUse": {"toolUseId": id, "name": "f", "input": input}})
}

fn result(id: &str) -> Value {
    json!({"toolResult": {"toolUseId": id, "content": [{"text": "done"}]}})
}

#[test]
fn an_empty_text_beside_a_tool_call_is_left_out_of_the_conversation() {
    let model = scripted(json!([reply(json!([{"text": ""}, call("t", json!({})), {"text": " \n"}]), "tool_use")]));
    let request = tool_conversation();
    assert_eq!(round(&model, &request), 1);
    let sent = messages(&request, &model);
    assert_eq!(sent[1], json!({"role": "assistant", "content": [call("t", json!({}))]}));
    assert_eq!(sent[2]["content"], json!([result("t")]));
}

#[test]
fn a_tool_that_the_service_ran_stays_in_the_conversation_and_is_not_a_call_for_the_program() {
    let search =
        json!({"toolUse": {"toolUseId": "s", "name": "nova_grounding", "type": "server_tool_use", "input": {}}});
    let found = json!({"toolResult": {"toolUseId": "s", "type": "nova_grounding_result", "content": [{"text": "x"}]}});
    let mut own = call("t", json!({"a": 1}));
    own["toolUse"]["type"] = json!("tool_use");
    let content = json!([search, found, {"text": "Found."}, own]);
    let model = scripted(json!([
        reply(content.clone(), "tool_use"),
        reply(json!([search, found, {"text": "Found."}]), "end_turn")
    ]));
    let request = tool_conversation();
    assert_eq!(round(&model, &request), 1, "the client's call alone");
    assert_eq!(messages(&request, &model)[1]["content"], content);
    assert_eq!(round(&model, &request), 0, "the turn is over");
}

#[test]
fn an_empty_response_adds_no_message() {
    for content in [json!([]), json!([{"text": ""}]), json!([{"text": " \n"}, {"text": ""}])] {
        let model = scripted(json!([reply(content.clone(), "end_turn")]));
        let request = tool_conversation();
        assert_eq!(round(&model, &request), 0, "{content}");
        request.add_text("user", "And?").unwrap();
        let sent = messages(&request, &model);
        assert_eq!(sent, json!([{"role": "user", "content": [{"text": "Go."}, {"text": "And?"}]}]), "{content}");
    }
}

#[test]
fn blank_text_of_any_role_adds_nothing() {
    let model = scripted(json!([]));
    let request = tool_conversation();
    let before = request.body(&model).unwrap();
    for role in ["user", "assistant", "system"] {
        for blank in ["", " ", "\n\t\u{a0}"] {
            request.add_text(role, blank).unwrap();
            request.add(&json!({"role": role, "content": [{"type": "text", "text": blank}]}).to_string()).unwrap();
        }
    }
    assert_eq!(request.body(&model).unwrap(), before);
    assert!(request.add_text("robot", "").is_err(), "an unknown role is an error");
    let failure = request.add_text("tool", "72").expect_err("the role tool is not for texts");
    failure.is(BEDROCK_E_REQUEST).says(&["bedrock_request_add_tool_result"]);
}
