//! The portable dialect: requests in the form of chat completions, and their translation to Converse.
//!
//! `dialect/cases.json` has the cases: each with the exact body that is expected, or with the expected error.

mod support;

use bedrock::ffi::conversation::bedrock_request_add_tool_result;
use bedrock::json::Json;
use serde_json::{Value, json};

use support::capi::*;

/// A model without local checks: most cases are no complete requests.
fn unchecked() -> Model {
    Model::new(&json!({"model": "m", "lint": "off", "transport": {"replies": []}}))
}

/// Returns the body of a request, or the error of either function that can report one.
fn body(portable: &str, model: &Model) -> Result<String, Failure> {
    Request::try_json(portable)?.body(model)
}

#[test]
fn every_portable_request_becomes_the_expected_converse_request_or_the_expected_error() {
    let cases = Json::parse(include_str!("dialect/cases.json")).expect("the cases are JSON");
    let model = unchecked();
    let mut wrong = Vec::new();
    let mut count = 0;
    for case in cases.elements() {
        let text = |key| case.get(key).and_then(Json::string).unwrap_or_default();
        let portable = case.get("portable").expect("a portable request").text();
        let difference = match (body(portable, &model), case.get("converse")) {
            (Ok(body), Some(converse)) if body == converse.text() => None,
            (Ok(body), Some(converse)) => Some(format!("{body}\n  expected: {}", converse.text())),
            (Ok(body), None) => Some(format!("expected an error, found {body}")),
            (Err(failure), None) if failure.path == text("at") && failure.message.contains(&*text("error")) => None,
            (Err(failure), _) => Some(format!("{} at {:?}", failure.message, failure.path)),
        };
        wrong.extend(difference.map(|difference| format!("{}:\n  {difference}", text("case"))));
        count += 1;
    }
    assert!(wrong.is_empty(), "{} of {count} cases:\n{}", wrong.len(), wrong.join("\n"));
    assert!(count >= 150, "only {count} cases");
}

#[test]
fn a_conversation_grows_only_at_its_end_and_always_to_the_same_bytes() {
    let model = unchecked();
    let turn = |turn: usize| match turn % 4 {
        0 => format!(
            r#"{{"role": "user", "content": [{{"type": "text", "text": "{turn}"}},
            {{"type": "document", "name": "report", "mime_type": "text/plain", "data": "QQ=="}}]}}"#
        ),
        1 => format!(
            r#"{{"role": "ai", "content": "", "tool_calls": [{{"id": "{turn}", "name": "f", "arguments": "{{\"n\": 0.10}}"}}]}}"#
        ),
        2 => format!(r#"{{"role": "tool", "tool_call_id": "{}", "content": {{"n": 1e400}}}}"#, turn - 1),
        _ => format!(r#"{{"role": "assistant", "content": [{{"text" : "{turn}"}}]}}"#),
    };
    let settings = r#"{"temperature": 0, "max_tokens": 5, "tools": [{"name": "f"}], "messages": []}"#;
    let request = Request::json(settings);
    let mut before = String::new();
    for number in 0..200 {
        request.add(&turn(number)).expect("a message");
        let body = request.body(&model).expect("a body");
        let closing = before.rfind("]}]").unwrap_or(0);
        assert_eq!(body[..closing], before[..closing], "turn {number} changed earlier messages");
        before = body;
    }
    let again = Request::json(settings);
    (0..200).for_each(|number| again.add(&turn(number)).expect("a message"));
    assert_eq!(again.body(&model).expect("a body"), before);
    assert!(before.contains(r#""name":"report (50)""#) && before.contains("1e400") && before.contains("0.10"));
}

#[test]
fn members_of_a_request_override_those_of_its_models_defaults_in_either_dialect() {
    let tool = |name: &str| json!({"toolSpec": {"name": name, "inputSchema": {"json": {"type": "object"}}}});
    let config = |names: &[&str]| json!({"tools": names.iter().map(|name| tool(name)).collect::<Vec<_>>()});
    for (what, defaults, request, wanted) in [
        (
            "settings of both are merged",
            json!({"max_tokens": 5, "temperature": 1}),
            json!({"temperature": 0}),
            json!({"inferenceConfig": {"maxTokens": 5, "temperature": 0}}),
        ),
        (
            "a native setting of the request wins",
            json!({"temperature": 1, "top_p": 0.5}),
            json!({"inferenceConfig": {"temperature": 0}}),
            json!({"inferenceConfig": {"temperature": 0, "topP": 0.5}}),
        ),
        (
            "a portable setting of the request wins over a native default",
            json!({"inferenceConfig": {"temperature": 1, "maxTokens": 5}}),
            json!({"temperature": 0}),
            json!({"inferenceConfig": {"temperature": 0, "maxTokens": 5}}),
        ),
        ("tools of the defaults", json!({"tools": [{"name": "f"}]}), json!({}), json!({"toolConfig": config(&["f"])})),
        (
            "the request's tools replace those of the defaults",
            json!({"tools": [{"name": "f"}]}),
            json!({"tools": [{"name": "g"}]}),
            json!({"toolConfig": config(&["g"])}),
        ),
        (
            "portable tools replace a native toolConfig",
            json!({"toolConfig": config(&["f"])}),
            json!({"tools": [{"name": "g"}]}),
            json!({"toolConfig": config(&["g"])}),
        ),
        (
            "a native toolConfig replaces portable tools",
            json!({"tools": [{"name": "f"}], "tool_choice": "required"}),
            json!({"toolConfig": config(&["g"])}),
            json!({"toolConfig": config(&["g"])}),
        ),
        (
            "the choice of a tool wins over none",
            json!({"tools": [{"name": "f"}], "tool_choice": "none"}),
            json!({"tool_choice": {"name": "f"}}),
            json!({"toolConfig": {"tools": [tool("f")], "toolChoice": {"tool": {"name": "f"}}}}),
        ),
        (
            "max_tokens 0 does not change the default",
            json!({"max_tokens": 5}),
            json!({"max_tokens": 0}),
            json!({"inferenceConfig": {"maxTokens": 5}}),
        ),
        (
            "a response format of text removes a native schema",
            json!({"outputConfig": {"textFormat": {"type": "json_schema"}}}),
            json!({"response_format": {"type": "text"}}),
            json!({}),
        ),
        (
            "messages of the defaults are translated",
            json!({"messages": [{"role": "human", "content": "a"}]}),
            json!({}),
            json!({"messages": [{"role": "user", "content": [{"text": "a"}]}]}),
        ),
        (
            "none removes the tools of the defaults",
            json!({"toolConfig": config(&["f"])}),
            json!({"tool_choice": "none"}),
            json!({}),
        ),
    ] {
        let model = unchecked();
        let bound = model.try_with(&defaults.to_string()).unwrap_or_else(|failure| panic!("{what}: {failure:?}"));
        let request = request.to_string();
        let parse = |body: Result<String, Failure>| -> Value {
            serde_json::from_str(&body.unwrap_or_else(|failure| panic!("{what}: {failure:?}"))).expect("a body is JSON")
        };
        assert_eq!(parse(body(&request, &bound)), wanted, "{what}");
        // The defaults belong to the derived model alone.
        let plain = parse(body("{}", &model));
        assert_eq!(plain, json!({}), "{what}");
        // Defaults of the config and of a derived model have the same effect.
        let configured = json!({"model": "m", "lint": "off", "transport": {"replies": []}, "defaults": defaults});
        assert_eq!(parse(body(&request, &Model::new(&configured))), wanted, "{what}, by config");
    }
}

#[test]
fn a_later_member_replaces_an_earlier_one_in_either_dialect() {
    let model = unchecked();
    let native = |temperature: i32| json!({"inferenceConfig": {"temperature": temperature}});
    for (before, after) in [
        (json!({"temperature": 1}), native(0)),
        (native(1), json!({"temperature": 0})),
        (json!({"temperature": 1}), json!({"temperature": 0})),
    ] {
        let request = Request::json(&before.to_string());
        request.set(&after.to_string()).expect("members");
        let derived = model.with(before.clone()).with(after.clone());
        for body in [request.body(&model), Request::json("{}").body(&derived)] {
            let body: Value = serde_json::from_str(&body.expect("a body")).expect("a body is JSON");
            assert_eq!(body, native(0), "{before} then {after}");
        }
    }
}

#[test]
fn null_removes_a_member_in_either_dialect() {
    let tool = json!({"toolSpec": {"name": "f", "inputSchema": {"json": {"type": "object"}}}});
    let config = json!({"toolConfig": {"tools": [tool]}});
    for (before, null, after) in [
        (json!({"system": "be nice"}), "system", json!({})),
        (json!({"messages": [{"role": "system", "content": "be nice"}]}), "system", json!({"messages": []})),
        (json!({"messages": [{"role": "user", "content": "a"}]}), "messages", json!({})),
        (config.clone(), "toolConfig", json!({})),
        (json!({"tools": [{"name": "f"}], "tool_choice": "required"}), "toolConfig", json!({})),
        (json!({"tools": [{"name": "f"}]}), "tools", json!({})),
        (config.clone(), "tools", json!({})),
        (json!({"tools": [{"name": "f"}], "tool_choice": "required"}), "tool_choice", config.clone()),
        (json!({"temperature": 1, "top_p": 1}), "temperature", json!({"inferenceConfig": {"topP": 1}})),
        (
            json!({"inferenceConfig": {"temperature": 1, "topP": 1}}),
            "temperature",
            json!({"inferenceConfig": {"topP": 1}}),
        ),
        (json!({"max_completion_tokens": 5}), "max_tokens", json!({})),
        (json!({"temperature": 1, "inferenceConfig": {"topP": 1}}), "inferenceConfig", json!({})),
        (json!({"metadata": {"a": "b"}}), "metadata", json!({})),
        (json!({"service_tier": "flex"}), "serviceTier", json!({})),
        (json!({"response_format": {"type": "json_schema", "json_schema": {"schema": {}}}}), "outputConfig", json!({})),
        (json!({"additionalModelRequestFields": {"a": 1}}), "additionalModelRequestFields", json!({})),
        (json!({"new": 1}), "new", json!({})),
        (json!({}), "guardrailConfig", json!({})),
    ] {
        let what = format!("{null} of {before}");
        let set = format!("{{\"{null}\": null}}");
        let request = Request::json(&before.to_string());
        request.set(&set).unwrap_or_else(|failure| panic!("{what}: {failure:?}"));
        let derived = unchecked().with(before).with(serde_json::from_str(&set).expect("JSON"));
        for body in [request.body(&unchecked()), Request::json("{}").body(&derived)] {
            let body: Value = serde_json::from_str(&body.expect("a body")).expect("a body is JSON");
            assert_eq!(body, after, "{what}");
        }
    }
}

#[test]
fn an_added_message_with_a_second_participant_name_is_an_error() {
    let request = Request::json(r#"{"messages": [{"role": "user", "name": "Bob", "content": "a"}]}"#);
    request.add(r#"{"role": "user", "name": "Bob", "content": "b"}"#).expect("the same name");
    let failure = request.add(r#"{"role": "user", "name": "Alice", "content": "c"}"#).expect_err("another name");
    assert_eq!((failure.status, failure.path.as_str()), (BEDROCK_E_REQUEST, "/name"), "{failure:?}");
    request.set(r#"{"messages": [{"role": "user", "name": "Alice", "content": "c"}]}"#).expect("other messages");
}

#[test]
fn an_empty_tool_result_becomes_an_empty_text() {
    let request = Request::json("{}");
    let status = unsafe {
        bedrock_request_add_tool_result(request.handle(), c"1".as_ptr(), c"".as_ptr(), 0, 0, std::ptr::null_mut())
    };
    assert_eq!(status, BEDROCK_OK);
    let body = request.body(&unchecked()).expect("a body");
    assert_eq!(
        body,
        r#"{"messages":[{"role":"user","content":[{"toolResult":{"toolUseId":"1","content":[{"text":""}]}}]}]}"#
    );
}

#[test]
fn json_that_its_translation_would_nest_too_deep_is_an_error() {
    let deep = format!("{}{}", "{\"a\":".repeat(509), "1") + &"}".repeat(509);
    let failure = body(&format!(r#"{{"tools": [{{"name": "f", "input_schema": {deep}}}]}}"#), &unchecked());
    let failure = failure.expect_err("more than 512 levels");
    assert_eq!((failure.status, failure.path.as_str()), (BEDROCK_E_REQUEST, "/tools"), "{failure:?}");
    let call = format!(r#"{{"role": "assistant", "tool_calls": [{{"id": "c", "name": "f", "arguments": {deep}}}]}}"#);
    assert_eq!(Request::json("{}").add(&call).expect_err("more than 512 levels").status, BEDROCK_E_REQUEST);
}

#[test]
fn twenty_thousand_tool_results_or_documents_take_no_quadratic_time() {
    let model = unchecked();
    let messages = |message: &str| format!(r#"{{"messages":[{}]}}"#, vec![message; 20_000].join(","));
    for message in [
        r#"{"role": "tool", "tool_call_id": "1", "content": "x"}"#,
        r#"{"role": "user", "content": [{"type": "document", "name": "a", "mime_type": "text/plain", "data": "QQ=="}]}"#,
    ] {
        let body = body(&messages(message), &model).expect("a body");
        assert_eq!(body.matches("\"toolUseId\"").count() + body.matches("\"name\":\"a").count(), 20_000);
    }
}

#[test]
fn invalid_defaults_are_an_error_of_the_function_that_makes_the_model() {
    let failure = unchecked().try_with(r#"{"seed": 1}"#).err().expect("an error");
    assert_eq!((failure.status, failure.path.as_str()), (BEDROCK_E_REQUEST, "/seed"));
    let config = json!({"model": "m", "defaults": {"tools": [{"nam": "f"}, {"name": 1}]}});
    let failure = Model::try_new(&config.to_string()).err().expect("an error");
    assert_eq!((failure.status, failure.path.as_str()), (BEDROCK_E_CONFIG, "/defaults/tools/1/name"));
}

#[test]
fn the_examples_of_the_dialect_guide_are_sent_as_shown() {
    let guide = include_str!("../docs/dialects.md");
    let model = unchecked();
    let mut count = 0;
    for example in guide.split("```json\n").skip(1) {
        let example = example.split("```").next().unwrap_or_default();
        let (portable, converse) = example.trim_end().split_once('\n').expect("two lines");
        assert_eq!(body(portable, &model).expect("a body"), converse);
        count += 1;
    }
    assert!(count >= 4, "only {count} examples");
}
