//! The local checks: a request that the service is certain to reject is an error with a JSON pointer, and a request
//! that it is known to accept passes.
//!
//! `corpus.rs` tests that the checks accept every request that the service accepted in recorded traffic.

mod support;

use serde_json::{Value, json};

use support::capi::*;

fn model(lint: &str) -> Model {
    Model::new(&json!({"model": "m", "lint": lint, "transport": {"replies": []}}))
}

fn user(content: Value) -> Value {
    json!({"role": "user", "content": content})
}

fn assistant(content: Value) -> Value {
    json!({"role": "assistant", "content": content})
}

fn call(id: &str) -> Value {
    json!({"toolUse": {"toolUseId": id, "name": "f", "input": {}}})
}

fn result(id: &str) -> Value {
    json!({"toolResult": {"toolUseId": id, "content": [{"text": ""}]}})
}

fn tools() -> Value {
    json!({"tools": [{"toolSpec": {"name": "f", "inputSchema": {"json": {}}}}]})
}

fn with_tools(messages: Value) -> Value {
    json!({"messages": messages, "toolConfig": tools()})
}

fn hello(block: Value) -> Value {
    json!({"messages": [user(json!([{"text": "Hello?"}, block]))]})
}

/// A request that is valid except for its `toolConfig`.
fn with(tool_config: Value) -> Value {
    json!({"messages": [user(json!([{"text": "a"}]))], "toolConfig": tool_config})
}

fn inferred(config: Value) -> Value {
    json!({"messages": [user(json!([{"text": "a"}]))], "inferenceConfig": config})
}

fn prompted(system: Value) -> Value {
    json!({"messages": [user(json!([{"text": "a"}]))], "system": system})
}

fn document(name: &str) -> Value {
    json!({"document": {"format": "txt", "name": name, "source": {"text": "x"}}})
}

fn cache_points(count: usize) -> Value {
    let mut content = vec![json!({"text": "a"})];
    content.extend((2..count).map(|_| json!({"cachePoint": {"type": "default"}})));
    let point = json!({"cachePoint": {"type": "default"}});
    json!({"messages": [user(json!(content))], "system": [{"text": "s"}, point],
        "toolConfig": {"tools": [{"toolSpec": {"name": "f"}}, point]}})
}

#[test]
fn an_invalid_request_is_an_error_with_a_pointer_and_is_sent_if_checks_are_off() {
    let image = |format: &str, bytes: &str| hello(json!({"image": {"format": format, "source": {"bytes": bytes}}}));
    let named = |name: &str| json!({"messages": [user(json!([{"text": "a"}]))], "toolConfig": {"tools": [{"toolSpec": {"name": name}}]}});
    let in_result = json!({"toolResult": {"toolUseId": "1", "content": [document("a.b")]}});
    for (what, request, at, says) in [
        ("no messages", json!({}), "/messages", "has no messages"),
        ("an empty list of messages", json!({"messages": []}), "/messages", "messages is empty"),
        ("an empty text", hello(json!({"text": ""})), "/messages/0/content/1/text", "is empty"),
        ("an unknown image format", image("bmp", "AAAA"), "/messages/0/content/1/image/format", "png, jpeg, gif, webp"),
        (
            "an unknown document format",
            hello(json!({"document": {"format": "exe", "name": "a", "source": {"bytes": "AAAA"}}})),
            "/messages/0/content/1/document/format",
            "pdf, csv",
        ),
        (
            "an unknown audio format",
            hello(json!({"audio": {"format": "midi", "source": {"bytes": "AAAA"}}})),
            "/messages/0/content/1/audio/format",
            "mp3, wav",
        ),
        (
            "an unknown video format",
            hello(json!({"video": {"format": "vhs", "source": {"bytes": "AAAA"}}})),
            "/messages/0/content/1/video/format",
            "mp4, mov",
        ),
        ("bad base64", image("png", "no base64!"), "/messages/0/content/1/image/source/bytes", "not base64"),
        ("no bytes", image("png", ""), "/messages/0/content/1/image/source/bytes", "no bytes"),
        ("a name with a dot", hello(document("a.pdf")), "/messages/0/content/1/document/name", "\".\""),
        ("a name with two spaces", hello(document("a  b")), "/messages/0/content/1/document/name", "two spaces"),
        ("an empty name", hello(document("")), "/messages/0/content/1/document/name", "is empty"),
        ("a long name", hello(document(&"a".repeat(201))), "/messages/0/content/1/document/name", "longer than 200"),
        (
            "a document without a text",
            json!({"messages": [user(json!([document("a")]))]}),
            "/messages/0/content/0/document",
            "needs a text block",
        ),
        (
            "a name inside a result",
            with_tools(json!([assistant(json!([call("1")])), user(json!([in_result]))])),
            "/messages/1/content/0/toolResult/content/0/document/name",
            "\".\"",
        ),
        ("five cache points", cache_points(5), "/toolConfig/tools/1", "4 cache points"),
        ("a tool with a space", named("look up"), "/toolConfig/tools/0/toolSpec/name", "\"look up\""),
        ("a tool without a name", named(""), "/toolConfig/tools/0/toolSpec/name", "1 to 64"),
        ("a tool with a long name", named(&"a".repeat(65)), "/toolConfig/tools/0/toolSpec/name", "1 to 64"),
        (
            "a result without its call",
            with_tools(json!([user(json!([result("1")]))])),
            "/messages/0/content/0/toolResult/toolUseId",
            "\"1\"",
        ),
        (
            "a result one turn too late",
            with_tools(json!([
                assistant(json!([call("1")])),
                user(json!([result("1")])),
                assistant(json!([{"text": "a"}])),
                user(json!([result("1")]))
            ])),
            "/messages/3/content/0/toolResult/toolUseId",
            "\"1\"",
        ),
        (
            "a call without a result before the next turn",
            with_tools(json!([
                assistant(json!([call("1"), call("2")])),
                user(json!([result("1")])),
                assistant(json!([{"text": "a"}]))
            ])),
            "/messages/0/content/1/toolUse",
            "\"2\" has no result",
        ),
        (
            "a call in the last message",
            with_tools(json!([user(json!([{"text": "a"}])), assistant(json!([call("1")]))])),
            "/messages/1/content/0/toolUse",
            "\"1\" has no result",
        ),
        (
            "a text instead of a result",
            with_tools(json!([assistant(json!([call("1")])), user(json!([{"text": "a"}]))])),
            "/messages/0/content/0/toolUse",
            "\"1\" has no result",
        ),
        (
            "two calls and one result",
            with_tools(json!([assistant(json!([call("1"), call("2")])), user(json!([result("2")]))])),
            "/messages/0/content/0/toolUse",
            "\"1\" has no result",
        ),
        (
            "two calls with the same id",
            with_tools(json!([assistant(json!([call("1"), call("1")])), user(json!([result("1")]))])),
            "/messages/0/content/1/toolUse/toolUseId",
            "another tool call",
        ),
        (
            "a call with an invalid name",
            with_tools(json!([
                assistant(json!([{"toolUse": {"toolUseId": "1", "name": "a.b", "input": {}}}])),
                user(json!([result("1")]))
            ])),
            "/messages/0/content/0/toolUse/name",
            "\"a.b\"",
        ),
        (
            "a message without blocks",
            json!({"messages": [user(json!([{"text": "a"}])), assistant(json!([])), user(json!([{"text": "a"}]))]}),
            "/messages/1/content",
            "content is empty",
        ),
        (
            "a message without a role",
            json!({"messages": [user(json!([{"text": "a"}])), {"content": [{"text": "a"}]}]}),
            "/messages/1/role",
            "role is missing",
        ),
        (
            "an unknown role",
            json!({"messages": [{"role": "wizard", "content": [{"text": "a"}]}]}),
            "/messages/0/role",
            "\"wizard\"",
        ),
        (
            "content that is a number",
            json!({"messages": [{"role": "user", "content": 5}]}),
            "/messages/0/content",
            "a number",
        ),
        (
            "a block that is a text",
            json!({"messages": [user(json!(["hi"]))]}),
            "/messages/0/content/0",
            "found a string",
        ),
        ("an empty block", json!({"messages": [user(json!([{}]))]}), "/messages/0/content/0", "is empty"),
        (
            "a block with two members",
            hello(json!({"text": "a", "cachePoint": {"type": "default"}})),
            "/messages/0/content/1",
            "has one kind",
        ),
        ("a text that is a number", hello(json!({"text": 5})), "/messages/0/content/1/text", "a number"),
        ("an empty system prompt", prompted(json!([{"text": ""}])), "/system/0/text", "is empty"),
        ("a system prompt that is a number", prompted(json!(5)), "/system", "a number"),
        ("a file extension as a format", image("jpg", "/9j/4AAQ"), "/messages/0/content/1/image/format", "write jpeg"),
        ("a format in capitals", image("PNG", "iVBORw0KGgo="), "/messages/0/content/1/image/format", "write png"),
        (
            "a MIME type as a format",
            image("image/png", "iVBORw0KGgo="),
            "/messages/0/content/1/image/format",
            "write png",
        ),
        ("a wrong label", image("png", "/9j/4AAQSkZJRgAB"), "/messages/0/content/1/image/format", "the bytes are jpeg"),
        (
            "a document that is labelled as an image",
            image("png", "JVBERi0xLjcK"),
            "/messages/0/content/1/image/format",
            "the bytes are pdf",
        ),
        ("a toolConfig without tools", with(json!({})), "/toolConfig", "has no tools"),
        ("an empty list of tools", with(json!({"tools": []})), "/toolConfig/tools", "tools is empty"),
        ("tools that are no array", with(json!({"tools": {}})), "/toolConfig/tools", "an object, not an array"),
        ("maxTokens of 0", inferred(json!({"maxTokens": 0})), "/inferenceConfig/maxTokens", "whole number"),
        ("a fraction of a token", inferred(json!({"maxTokens": 1.5})), "/inferenceConfig/maxTokens", "whole number"),
        (
            "too many tokens",
            inferred(json!({"maxTokens": 99_999_999_999_i64})),
            "/inferenceConfig/maxTokens",
            "whole number",
        ),
        (
            "an empty stop sequence",
            inferred(json!({"stopSequences": ["a", ""]})),
            "/inferenceConfig/stopSequences/1",
            "is empty",
        ),
        (
            "tool calls without toolConfig",
            json!({"messages": [assistant(json!([call("1")])), user(json!([result("1")]))]}),
            "/messages/0/content/0/toolUse",
            "no toolConfig",
        ),
    ] {
        let request = Request::json(&request.to_string());
        let failure = request.body(&model("error")).expect_err(what);
        assert_eq!((failure.status, failure.path.as_str()), (BEDROCK_E_REQUEST, at), "{what}: {failure:?}");
        assert!(
            failure.message.starts_with("bedrock: checking the request: ")
                || failure.message.contains("Bedrock has no "),
            "{what}: {failure:?}"
        );
        assert!(failure.message.contains(says), "{what}: {failure:?}");
        request.body(&model("off")).unwrap_or_else(|failure| panic!("{what}: {failure:?}"));
    }
}

#[test]
fn attached_bytes_of_another_format_than_their_label_are_an_error_that_names_both() {
    let portable = json!({"messages": [{"role": "user", "content": [
        {"type": "text", "text": "What is this?"}, {"type": "image", "data": "@photo", "mime_type": "image/png"}]}]});
    let native = hello(json!({"image": {"format": "png", "source": {"bytes": "@photo"}}}));
    for (given, at) in [(portable, "/messages/0/content/1/mime_type"), (native, "/messages/0/content/1/image/format")] {
        let request = Request::json(&given.to_string());
        request.attach("photo", b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01");
        let failure = request.body(&model("error")).expect_err("a jpeg that is labelled png");
        assert_eq!((failure.status, failure.path.as_str()), (BEDROCK_E_REQUEST, at));
        failure.says(&["labelled png", "bytes are jpeg"]);
        request.body(&model("off")).expect("checks can be turned off");
        let pdf = Request::json(&given.to_string());
        pdf.attach("photo", b"%PDF-1.7\n");
        let failure = pdf.body(&model("error")).expect_err("a document that is labelled png");
        failure.says(&["labelled png", "bytes are pdf"]);
        let unknown = Request::json(&given.to_string());
        unknown.attach("photo", b"bytes of an unknown format");
        unknown.body(&model("error")).expect("bytes of an unknown format");
    }
}

#[test]
fn an_empty_attachment_is_an_error() {
    let request = Request::json(&hello(json!({"image": {"format": "png", "source": {"bytes": "@none"}}})).to_string());
    request.attach("none", b"");
    let failure = request.body(&model("error")).expect_err("no bytes");
    assert_eq!(failure.path, "/messages/0/content/1/image/source/bytes");
    failure.says(&["no bytes", "empty"]);
}

#[test]
fn an_error_points_into_the_json_that_the_program_passed() {
    let system = json!({"role": "system", "content": "Be brief."});
    let ask = json!({"role": "user", "content": "a"});
    let tool = json!({"type": "function", "function": {"name": "f"}});
    let call = json!({"role": "assistant", "content": "b", "tool_calls": [
        {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}},
        {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]});
    let alone = |name: &str| json!({"role": "user", "content": [{"type": "document", "data": name, "mime_type": "text/plain"}]});
    for (what, request, at) in [
        ("a document after a system prompt", json!({"messages": [system, alone("QQ==")]}), "/messages/1/content/0"),
        (
            "a document in a message that is merged with another",
            json!({"messages": [ask, {"role": "user", "content": [{"type": "text", "text": "b"},
                {"type": "document", "data": "!", "mime_type": "text/plain"}]}]}),
            "/messages/1/content/1/data",
        ),
        (
            "a tool's name",
            json!({"messages": [ask], "tools": [{"name": "f", "cache_control": {"type": "ephemeral"}},
                {"type": "function", "function": {"name": "a b"}}]}),
            "/tools/1/function/name",
        ),
        (
            "a native tool's name",
            json!({"messages": [ask], "tools": [{"toolSpec": {"name": ""}}]}),
            "/tools/0/toolSpec/name",
        ),
        ("a call's id", json!({"messages": [ask, call], "tools": [tool]}), "/messages/1/tool_calls/1/id"),
        (
            "a result without its call",
            json!({"messages": [system, ask, {"role": "tool", "tool_call_id": "9", "content": "x"}], "tools": [tool]}),
            "/messages/2/tool_call_id",
        ),
        (
            "a missing attachment",
            json!({"messages": [system, {"role": "user", "content": [{"type": "image", "data": "@x", "mime_type": "image/png"}]}]}),
            "/messages/1/content/0/data",
        ),
        (
            "a native message after a system prompt",
            json!({"messages": [system, user(json!([{"text": "a"}, {"text": ""}]))]}),
            "/messages/1/content/1/text",
        ),
        (
            "an image inside a tool's result",
            json!({"messages": [ask, {"role": "assistant", "tool_calls": [{"id": "1", "name": "f"}]},
                {"role": "tool", "tool_call_id": "1", "content": [{"type": "text", "text": "x"},
                    {"type": "image", "data": "@x", "mime_type": "image/png"}]}], "tools": [tool]}),
            "/messages/2/content/1/data",
        ),
        (
            "a setting beside its native object",
            json!({"messages": [ask], "inferenceConfig": {"maxTokens": 0}, "top_p": 1}),
            "/inferenceConfig/maxTokens",
        ),
    ] {
        let failure = Request::json(&request.to_string()).body(&model("error")).expect_err(what);
        assert_eq!((failure.status, failure.path.as_str()), (BEDROCK_E_REQUEST, at), "{what}: {failure:?}");
    }
}

#[test]
fn an_error_in_defaults_points_into_the_config_or_the_json_of_the_derived_model() {
    let defaults = json!({"tools": [{"name": "a b"}]});
    let ask = r#"{"messages": [{"role": "user", "content": "a"}]}"#;
    let config = json!({"model": "m", "transport": {"replies": []}, "defaults": defaults});
    let failure = Request::json(ask).body(&Model::new(&config)).expect_err("a tool's name");
    assert_eq!(failure.path, "/defaults/tools/0/name", "{failure:?}");
    let config = json!({"model": "m", "transport": {"replies": []}, "defaults": {"inferenceConfig": 5}});
    let failure = Request::json(r#"{"temperature": 0}"#).body(&Model::new(&config)).expect_err("no object");
    assert_eq!(failure.path, "/defaults/inferenceConfig", "{failure:?}");
    let failure = Request::json(ask).body(&model("error").with(defaults)).expect_err("a tool's name");
    assert_eq!(failure.path, "/tools/0/name", "{failure:?}");
}

#[test]
fn an_error_in_an_extended_conversation_points_into_the_json_that_the_library_keeps() {
    let request = Request::json(r#"{"messages": [{"role": "system", "content": "Be brief."}]}"#);
    request
        .add(r#"{"role": "user", "content": [{"type": "document", "data": "QQ==", "mime_type": "text/plain"}]}"#)
        .expect("a message");
    let failure = request.body(&model("error")).expect_err("a document without a text");
    assert_eq!(failure.path, "/messages/0/content/0/document", "{failure:?}");
}

#[test]
fn a_conversation_for_count_tokens_may_end_with_a_tool_call() {
    let model = Model::new(&json!({"model": "m", "region": "us-east-1", "api_key": "a", "secret_key": "s",
        "transport": {"replies": [{"json": {"inputTokens": 7}}]}}));
    let request = with_tools(json!([user(json!([{"text": "a"}])), assistant(json!([call("1")]))]));
    model.call("CountTokens", &Request::json(&request.to_string())).response();
}

#[test]
fn requests_that_the_service_is_known_to_accept_pass() {
    for (what, request) in [
        (
            "a conversation that the assistant begins",
            json!({"messages": [assistant(json!([{"text": "a"}])), user(json!([{"text": "b"}]))]}),
        ),
        (
            "messages of one role in a row",
            json!({"messages": [user(json!([{"text": "a"}])), user(json!([{"text": "b"}]))]}),
        ),
        ("a text of one space", json!({"messages": [user(json!([{"text": " "}]))]})),
        ("a name with an underscore", hello(document("sample_2"))),
        ("a name in another script", hello(document("\u{e9}t\u{e9}"))),
        ("a MIME type as a format", hello(json!({"video": {"format": "video/mp4", "source": {"bytes": "AAAA"}}}))),
        ("four cache points", cache_points(4)),
        ("base64 without its padding", hello(json!({"image": {"format": "png", "source": {"bytes": "QQ"}}}))),
        ("a stored prompt without messages", json!({"promptVariables": {}})),
        (
            "a stored prompt without variables",
            json!({"modelId": "arn:aws:bedrock:us-east-1:123456789012:prompt/ABCDEFGHIJ:1"}),
        ),
        (
            "a result whose call is in the stored prompt",
            json!({"promptVariables": {}, "messages": [user(json!([result("1")]))]}),
        ),
        ("audio of all formats", hello(json!({"audio": {"format": "x-aac", "source": {"bytes": "AAAA"}}}))),
        (
            "a document whose text is in the message beside it",
            json!({"messages": [user(json!([{"text": "a"}])), user(json!([document("b")]))]}),
        ),
        (
            "results before and after a system message",
            with_tools(json!([
                assistant(json!([call("1"), call("2")])),
                user(json!([result("1")])),
                {"role": "system", "content": [{"toolAddition": {}}]},
                user(json!([result("2")])),
                assistant(json!([{"text": "a"}]))
            ])),
        ),
        (
            "results in two messages, and a text",
            with_tools(json!([
                assistant(json!([call("1"), call("2")])),
                user(json!([result("2")])),
                user(json!([result("1"), {"text": "and"}])),
                assistant(json!([{"text": "a"}]))
            ])),
        ),
        (
            "a tool that the service runs itself",
            with_tools(json!([
                assistant(
                    json!([{"toolUse": {"toolUseId": "1", "name": "f", "input": {}, "type": "server_tool_use"}}])
                ),
                user(json!([{"text": "a"}])),
                assistant(json!([{"text": "b"}]))
            ])),
        ),
        (
            "blocks that this version does not know",
            hello(json!({"hologram": {"format": "x", "source": {"bytes": "!"}}})),
        ),
    ] {
        let request = Request::json(&request.to_string());
        request.body(&model("error")).unwrap_or_else(|failure| panic!("{what}: {failure:?}"));
    }
}
