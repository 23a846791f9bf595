//! The local checks: what the service is sure to refuse is an error with a pointer, and what it is known to take passes.
//!
//! That nothing is refused of what the service took in recorded traffic is for `corpus.rs` to see.

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
fn what_the_service_is_sure_to_refuse_is_an_error_with_a_pointer_and_is_sent_where_checks_are_off() {
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
            "a result that comes a turn too late",
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
            "an unanswered call",
            with_tools(json!([
                assistant(json!([call("1"), call("2")])),
                user(json!([result("1")])),
                assistant(json!([{"text": "a"}]))
            ])),
            "/messages/0/content/1/toolUse",
            "\"2\" has no result",
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
            failure.message.starts_with("bedrock: checking the request: ") || failure.message.contains("no format"),
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
    for given in [portable, hello(json!({"image": {"format": "png", "source": {"bytes": "@photo"}}}))] {
        let request = Request::json(&given.to_string());
        request.attach("photo", b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01");
        let failure = request.body(&model("error")).expect_err("a jpeg that is labelled png");
        assert_eq!((failure.status, failure.path.as_str()), (BEDROCK_E_REQUEST, "/messages/0/content/1/image/format"));
        failure.says(&["labelled png", "bytes are jpeg"]);
        request.body(&model("off")).expect("checks can be turned off");
        let unknown = Request::json(&given.to_string());
        unknown.attach("photo", b"who knows what this is");
        unknown.body(&model("error")).expect("bytes that could be anything");
    }
}

#[test]
fn what_the_service_is_known_to_take_passes() {
    for (what, request) in [
        (
            "a conversation that the assistant begins",
            json!({"messages": [assistant(json!([{"text": "a"}])), user(json!([{"text": "b"}]))]}),
        ),
        (
            "messages of one role in a row",
            json!({"messages": [user(json!([{"text": "a"}])), user(json!([{"text": "b"}]))]}),
        ),
        ("a text of a space", json!({"messages": [user(json!([{"text": " "}]))]})),
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
            "a result whose call is the stored prompt's",
            json!({"promptVariables": {}, "messages": [user(json!([result("1")]))]}),
        ),
        ("audio of all formats", hello(json!({"audio": {"format": "x-aac", "source": {"bytes": "AAAA"}}}))),
        (
            "a document whose text is in the message beside it",
            json!({"messages": [user(json!([{"text": "a"}])), user(json!([document("b")]))]}),
        ),
        (
            "results on both sides of what the system says",
            with_tools(json!([
                assistant(json!([call("1"), call("2")])),
                user(json!([result("1")])),
                {"role": "system", "content": [{"toolAddition": {}}]},
                user(json!([result("2")])),
                assistant(json!([{"text": "a"}]))
            ])),
        ),
        (
            "a call that is the last word",
            with_tools(json!([user(json!([{"text": "a"}])), assistant(json!([call("1")]))])),
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
