//! Conversations are saved, shortened and changed. A saved conversation continues with the same bytes, and a shortened
//! one is still valid.

mod support;

use bedrock::ffi::request::{BEDROCK_ATTACHMENTS_BY_NAME, BEDROCK_ATTACHMENTS_INLINE};
use serde_json::{Value, json};

use bedrock::json::Json;
use support::Corpus;
use support::capi::*;

const PNG: &[u8] = b"\x89PNG\r\n\x1a\nrest";

fn model(lint: &str) -> Model {
    let defaults = json!({"system": [{"text": "Be brief."}], "inferenceConfig": {"maxTokens": 9}});
    Model::new(&json!({"model": "m", "lint": lint, "transport": {"replies": ["Yes."]}, "defaults": defaults}))
}

fn saved(request: &Request) -> String {
    request.to_json(BEDROCK_ATTACHMENTS_INLINE).expect("the JSON of a request")
}

fn json_of(request: &Request) -> Value {
    serde_json::from_str(&saved(request)).expect("a saved request is JSON")
}

#[test]
fn a_saved_conversation_continues_with_the_same_bytes() {
    let model = model("off");
    for json in [
        "{}",
        " { } ",
        r#"{"messages":[]}"#,
        r#" { "inferenceConfig" : {"maxTokens": 5e1} ,
            "messages" : [ {"content": [ {"text":"a"} ] , "role": "user"} ] , "new": [1.0] } "#,
        r#"{"messages":[{"role":"system","content":"s"},{"role":"human","content":"h"},{"role":"ai","content":"a"}],
            "temperature":0.50,"max_completion_tokens":5,"stop":"x","tools":[{"name":"f"}],"tool_choice":"auto"}"#,
        r#"{"modelId":"other.model:1","messages":[{"role":"user","content":[{"text":"@a"}]}],
            "additionalModelRequestFields" : {"bytes":"@b"} }"#,
    ] {
        let request = Request::json(json);
        request.add_text("user", "One \"more\"\n").unwrap();
        request.add_image(None, PNG).unwrap();
        let again = Request::json(&saved(&request));
        assert_eq!(saved(&again), saved(&request));
        for request in [&request, &again] {
            request.add_text("assistant", "Yes.").unwrap();
            request.add_text("system", "No lists.").unwrap();
        }
        assert_eq!(again.body(&model), request.body(&model), "{json}");
    }
}

#[test]
fn every_portable_request_is_the_same_after_it_was_saved() {
    let cases = Json::parse(include_str!("dialect/cases.json")).expect("the cases are JSON");
    let model = model("off");
    let mut count = 0;
    for case in cases.elements() {
        let portable = case.get("portable").expect("a portable request").text();
        let Ok(request) = Request::try_json(portable) else { continue };
        let again = Request::json(&saved(&request));
        let [body, body_again] =
            [&request, &again].map(|request| request.body(&model).map_err(|failure| failure.message));
        assert_eq!(body_again, body, "{portable}");
        count += 1;
    }
    assert!(count >= 40, "only {count} requests");
}

#[test]
fn every_recorded_request_is_saved_byte_for_byte() {
    let corpora = Corpus::all("every recorded request is saved");
    let mut count = 0;
    let operations = ["converse", "converse-stream"];
    for interaction in corpora.iter().flat_map(|corpus| operations.map(|name| corpus.interactions(name))).flatten() {
        let Some(body) = interaction.request.and_then(|request| request.body) else { continue };
        let request = Request::json(&body);
        // The member that names the model moves to the end.
        if !body.contains("\"modelId\"") {
            assert_eq!(saved(&request), body, "{}", interaction.row.id);
        }
        assert_eq!(saved(&Request::json(&saved(&request))), saved(&request), "{}", interaction.row.id);
        count += 1;
    }
    println!("{count} recorded requests saved");
}

#[test]
fn a_saved_request_is_unchecked_and_does_not_contain_the_models_defaults() {
    let request = Request::json("{}");
    assert_eq!(saved(&request), "{}");
    request.set(r#"{"modelId": "other", "new": [ 0 ]}"#).unwrap();
    assert_eq!(saved(&request), r#"{ "new": [ 0 ],"modelId":"other"}"#, "modelId is saved as the last member");
    request.add_text("user", "Hi").unwrap();
    let model = model("error");
    assert!(request.body(&model).unwrap().contains("Be brief."));
    let again = Request::json(&saved(&request));
    let new = model.with(json!({"system": [{"text": "Be long."}]}));
    assert!(
        again.body(&new).unwrap().contains("Be long."),
        "the system prompt of the model that is called, not of an earlier one"
    );
    let outcome = new.generate(&again);
    assert_eq!(outcome.response().text, "Yes.");
}

#[test]
fn attachments_are_saved_as_base64_or_by_their_names() {
    let model = model("error");
    let request = Request::say("What is this?");
    request.add(r#"{"role":"user","content":[{"image":{"format":"png","source":{"bytes":"@mine"}}}]}"#).unwrap();
    let failure = request.to_json(BEDROCK_ATTACHMENTS_INLINE).unwrap_err();
    assert_eq!(
        (name(failure.status), &*failure.path),
        ("BEDROCK_E_REQUEST".into(), "/messages/1/content/0/image/source/bytes")
    );
    request.attach("mine", PNG);
    let body = request.body(&model).unwrap();

    let by_name = request.to_json(BEDROCK_ATTACHMENTS_BY_NAME).unwrap();
    assert!(by_name.contains(r#""@mine""#), "{by_name}");
    let again = Request::json(&by_name);
    again.attach("mine", PNG);
    assert_eq!(again.body(&model).unwrap(), body);

    let inline = Request::json(&saved(&request));
    assert_eq!(inline.body(&model).unwrap(), body);
    let failure = request.to_json(7).unwrap_err();
    assert_eq!(name(failure.status), "BEDROCK_E_INVALID_ARGUMENT");
}

#[test]
fn a_body_that_is_one_attachment_is_saved_by_name_only() {
    let request = Request::json(r#"{"body": "@all"}"#);
    request.attach("all", br#"{"inputText": "Hi"}"#);
    let failure = request.to_json(BEDROCK_ATTACHMENTS_INLINE).unwrap_err();
    assert_eq!((name(failure.status), &*failure.path), ("BEDROCK_E_REQUEST".into(), "/body"));
    assert_eq!(request.to_json(BEDROCK_ATTACHMENTS_BY_NAME).unwrap(), r#"{"body": "@all"}"#);
}

#[test]
fn messages_can_be_counted_and_removed() {
    let request = Request::json(r#"{"system":[{"text":"s"}]}"#);
    assert_eq!(request.message_count(), 0);
    request.remove_messages(0, 0).unwrap();
    assert!(request.trim(0).is_none());
    assert_eq!(saved(&request), r#"{"system":[{"text":"s"}]}"#, "no messages member is added");
    for turn in ["1", "2", "3"] {
        request.add_text("user", turn).unwrap();
        request.add_text("assistant", turn).unwrap();
    }
    assert_eq!(request.message_count(), 6);
    for (first, count) in [(0, 7), (6, 1), (7, 0), (usize::MAX, 2)] {
        let failure = request.remove_messages(first, count).unwrap_err();
        assert_eq!(name(failure.status), "BEDROCK_E_INVALID_ARGUMENT");
        failure.says(&["there are 6"]);
    }
    request.remove_messages(2, 2).unwrap();
    let message = |role: &str, text: &str| json!({"role": role, "content": [{"text": text}]});
    let left =
        json!([message("user", "1"), message("assistant", "1"), message("user", "3"), message("assistant", "3")]);
    assert_eq!(json_of(&request)["messages"], left);
    request.remove_messages(0, 4).unwrap();
    assert_eq!(request.message_count(), 0);
    request.add_text("user", "afresh").unwrap();
    assert_eq!(json_of(&request), json!({"system": [{"text": "s"}], "messages": [message("user", "afresh")]}));
}

#[test]
fn a_trimmed_conversation_is_one_that_the_service_accepts() {
    let model = model("error");
    let tools = r#"{"toolConfig":{"tools":[{"toolSpec":{"name":"f","inputSchema":{"json":{}}}}]}}"#;
    let long = || {
        let request = Request::json(tools);
        for turn in 0..4 {
            request.add_text("user", &format!("Turn {turn}")).unwrap();
            for round in 0..turn {
                let id = format!("{turn}-{round}");
                let call = json!({"toolUse": {"toolUseId": id, "name": "f", "input": {}}});
                request.add(&json!({"role": "assistant", "content": [call]}).to_string()).unwrap();
                let result = json!({"toolResult": {"toolUseId": id, "content": [{"text": "done"}]}});
                request.add(&json!({"role": "user", "content": [result]}).to_string()).unwrap();
            }
            request.add_text("assistant", "Done.").unwrap();
        }
        request
    };
    let total = long().message_count();
    for most in 0..=total {
        let request = long();
        let removed = request.trim(most);
        assert_eq!(removed.is_some(), most < total, "{most}");
        assert_all_are_there(&long(), removed.as_ref(), &request);
        let left = request.message_count();
        assert!(left <= most.max(2), "{most}: {left} messages are left");
        request.add_text("user", "And?").unwrap();
        let body = request.body(&model).unwrap_or_else(|failure| panic!("{most}: {}", failure.message));
        assert!(body.contains("Turn 3"), "{most}: the user's last message stays");
    }
}

/// Asserts that each message of `whole` is either in `removed` or in `left`, in its order, and that all other members
/// are in both.
fn assert_all_are_there(whole: &Request, removed: Option<&Request>, left: &Request) {
    let (mut whole, left) = (json_of(whole), json_of(left));
    let Some(removed) = removed.map(json_of) else { return assert_eq!(whole, left) };
    let messages = |json: &Value| json["messages"].as_array().expect("messages").clone();
    let (mut removed_messages, mut left_messages) =
        (messages(&removed).into_iter().peekable(), messages(&left).into_iter().peekable());
    for message in messages(&whole) {
        let found = removed_messages.next_if_eq(&message).or_else(|| left_messages.next_if_eq(&message));
        assert!(found.is_some(), "{message} is lost");
    }
    assert_eq!((removed_messages.next(), left_messages.next()), (None, None));
    for mut part in [removed, left] {
        part["messages"].take();
        whole["messages"].take();
        assert_eq!(part, whole);
    }
}

#[test]
fn trimmed_messages_can_be_sent_to_ask_for_a_summary() {
    let request = Request::json(r#"{"system":[{"text":"s"}],"inferenceConfig":{"maxTokens":9}}"#);
    for turn in ["1", "2"] {
        request.add_text("user", turn).unwrap();
        request.add_text("assistant", turn).unwrap();
    }
    let removed = request.trim(2).expect("two messages went");
    assert_eq!((removed.message_count(), request.message_count()), (2, 2));
    removed.add_text("user", "Summarize this.").unwrap();
    let body = removed.body(&model("error")).unwrap();
    assert!(body.contains(r#""maxTokens":9"#) && body.contains("Summarize") && !body.contains(r#""2""#), "{body}");
}

#[test]
fn a_member_can_be_removed_in_either_dialect() {
    let after = |json: &str, member: &str| {
        let request = Request::json(json);
        request.remove(member).unwrap();
        saved(&request)
    };
    for (json, member, left) in [
        (r#"{"system":[{"text":"s"}],"new":1}"#, "system", r#"{"new":1}"#),
        (r#"{"a":1,"b":2}"#, "c", r#"{"a":1,"b":2}"#),
        (r#"{"modelId":"m","a":1}"#, "modelId", r#"{"a":1}"#),
        (r#"{"model":"m","a":1}"#, "modelId", r#"{"a":1}"#),
        (r#"{"tools":[{"name":"f"}],"tool_choice":"auto","a":1}"#, "toolConfig", r#"{"a":1}"#),
        (r#"{"toolConfig":{"tools":[]},"a":1}"#, "tools", r#"{"a":1}"#),
        (
            r#"{"temperature":0,"max_completion_tokens":3,"inferenceConfig":{"topP":1},"a":1}"#,
            "inferenceConfig",
            r#"{"a":1}"#,
        ),
        (r#"{"temperature":0,"max_tokens":3}"#, "max_completion_tokens", r#"{"temperature":0}"#),
        (r#"{"inferenceConfig":{"maxTokens":3,"topP":1}}"#, "max_tokens", r#"{"inferenceConfig":{"topP":1}}"#),
        (r#"{"inferenceConfig":{"maxTokens":3},"a":1}"#, "max_tokens", r#"{"a":1}"#),
        (r#"{"response_format":{"type":"text"},"a":1}"#, "outputConfig", r#"{"a":1}"#),
        (r#"{"messages":[{"role":"user","content":"a"}],"a":1}"#, "messages", r#"{"a":1}"#),
    ] {
        assert_eq!(after(json, member), left, "{json} without {member}");
    }
}

#[test]
fn images_and_documents_need_no_json_and_get_distinct_names() {
    let model = model("error");
    let request = Request::say("Compare them.");
    request.add(r#"{"role":"user","content":[{"image":{"format":"png","source":{"bytes":"@image-2"}}}]}"#).unwrap();
    request.add_image(None, PNG).unwrap();
    request.add_image(Some("image/png"), PNG).unwrap();
    request.attach("image-2", PNG);
    request.add_document(None, Some("report: 1/2.pdf"), b"%PDF-1.7").unwrap();
    request.add_document(None, Some("report: 1/2.pdf"), b"%PDF-1.7").unwrap();
    request.add_document(Some("txt"), None, b"text").unwrap();
    request.add_document(None, Some("notes.md"), b"text").unwrap();
    let image = |name: &str| json!({"image": {"format": "png", "source": {"bytes": name}}});
    let document = |format: &str, name: &str, attached: &str| {
        let source = json!({"bytes": attached});
        json!({"document": {"format": format, "name": name, "source": source}})
    };
    let by_name: Value = serde_json::from_str(&request.to_json(BEDROCK_ATTACHMENTS_BY_NAME).unwrap()).unwrap();
    let blocks = json!([
        image("@image-2"),
        image("@image-1"),
        image("@image-3"),
        document("pdf", "report 1 2", "@document-1"),
        document("pdf", "report 1 2 (2)", "@document-2"),
        document("txt", "document", "@document-3"),
        document("md", "notes", "@document-4"),
    ]);
    assert_eq!(by_name["messages"][1]["content"], blocks);
    request.body(&model).expect("a request that passes the local checks");
}

#[test]
fn bytes_that_are_no_image_or_document_are_rejected_and_nothing_is_added() {
    let request = Request::say("What is this?");
    let before = saved(&request);
    for (failure, part) in [
        (request.add_image(None, b""), "there are no bytes"),
        (request.add_image(None, b"GIF"), "its format is unknown"),
        (request.add_image(Some("bmp"), b"BM"), "it has png, jpeg, gif, webp"),
        (request.add_image(Some("gif"), PNG), "labelled gif, and the bytes are png"),
        (request.add_document(None, Some("a.xyz"), b"a"), "its format is unknown"),
    ] {
        let failure = failure.expect_err(part);
        assert_eq!(name(failure.status), "BEDROCK_E_REQUEST");
        failure.says(&[part]);
    }
    assert_eq!(saved(&request), before);
}
