//! The operations besides Converse: the HTTP request of each, and how its response is returned.
//!
//! `tests/c/operations.c` calls each of them through every interface.

mod support;

use serde_json::{Value, json};

use support::capi::*;
use support::pull::{Pull, Pulled};
use support::{Auth, Cut, LocalBedrock, Reply};

const ARN: &str = "arn:aws:bedrock:us-east-1:123456789012:async-invoke/abc";

fn request(json: Value) -> Request {
    Request::json(&json.to_string())
}

fn chunk(reply: Reply, text: &str) -> Reply {
    reply.event("chunk", &format!(r#"{{"bytes":"{}","p":"abc"}}"#, base64_simd::STANDARD.encode_to_string(text)))
}

fn metrics() -> &'static str {
    r#"{"amazon-bedrock-invocationMetrics":{"inputTokenCount":3,"outputTokenCount":2,"cacheReadInputTokenCount":1,"invocationLatency":40}}"#
}

/// A local Bedrock that verifies signatures and sends the same reply to every request.
fn replying(reply: Reply) -> LocalBedrock {
    let bedrock = LocalBedrock::start();
    bedrock.auth(Auth::sigv4(ACCESS_KEY, SECRET_KEY, REGION));
    bedrock.respond_with(move |_| reply.clone());
    bedrock
}

#[test]
fn each_operation_is_signed_and_sends_its_members_as_the_service_expects() {
    let bedrock = replying(Reply::json("{}"));
    let model = Model::at(&bedrock);
    let hello = json!({"messages": [{"role": "user", "content": [{"text": "Hello"}]}]});
    let at = |path: &str| format!("/model/amazon.nova-micro-v1%3A0/{path}");
    for (operation, given, method, target, body) in [
        (
            "ApplyGuardrail",
            r#"{"guardrailIdentifier":"gr1","source": "INPUT","guardrailVersion":"DRAFT","content":[{"text":{"text":"a"}}],"new":1e400}"#,
            "POST",
            "/guardrail/gr1/version/DRAFT/apply".to_owned(),
            r#"{"source": "INPUT","content":[{"text":{"text":"a"}}],"new":1e400}"#,
        ),
        (
            "ApplyGuardrail",
            r#"{"guardrailIdentifier":"arn:aws:bedrock:us-east-1:123456789012:guardrail/gr1","guardrailVersion":1}"#,
            "POST",
            "/guardrail/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Aguardrail%2Fgr1/version/1/apply".to_owned(),
            "{}",
        ),
        (
            "CountTokens",
            r#"{"messages": [{"role":"user","content":"Hello"}],"temperature":0.5,"inferenceConfig":{"maxTokens":5},"system":[{"text":"Be brief."}]}"#,
            "POST",
            at("count-tokens"),
            r#"{"input":{"converse":{"messages": [{"role":"user","content":[{"text":"Hello"}]}],"system":[{"text":"Be brief."}]}}}"#,
        ),
        (
            "CountTokens",
            r#"{"body":{"inputText":"Hello"}}"#,
            "POST",
            at("count-tokens"),
            r#"{"input":{"invokeModel":{"body":"eyJpbnB1dFRleHQiOiJIZWxsbyJ9"}}}"#,
        ),
        (
            "CountTokens",
            r#"{"input": {"converse":{"messages":[]}}}"#,
            "POST",
            at("count-tokens"),
            r#"{"input": {"converse":{"messages":[]}}}"#,
        ),
        (
            "InvokeModel",
            r#"{"body": {"b": 1e400, "a":[ 0.10 ], "user":"@absent"} }"#,
            "POST",
            at("invoke"),
            r#"{"b": 1e400, "a":[ 0.10 ], "user":"@absent"}"#,
        ),
        (
            "InvokeModel",
            r#"{"modelId":"other.model","body":{"messages":[{"role":"system","content":"not to be translated"}],"max_tokens":0}}"#,
            "POST",
            "/model/other.model/invoke".to_owned(),
            r#"{"messages":[{"role":"system","content":"not to be translated"}],"max_tokens":0}"#,
        ),
        ("InvokeModel", r#"{"body":[1, 2]}"#, "POST", at("invoke"), "[1, 2]"),
        (
            "InvokeGuardrailChecks",
            r#"{"messages":[{"role":"user","content":[{"text":"a"}]},{"role":"user","content":[{"text":"b"}]},{"role":"system","content":[{"text":" "}]}],"checks":{},"user":"x"}"#,
            "POST",
            "/guardrail-checks/invoke".to_owned(),
            r#"{"messages":[{"role":"user","content":[{"text":"a"}]},{"role":"user","content":[{"text":"b"}]},{"role":"system","content":[{"text":" "}]}],"checks":{},"user":"x"}"#,
        ),
        (
            "StartAsyncInvoke",
            r#"{"modelInput":{"seconds": 6},"outputDataConfig":{"s3OutputDataConfig":{"s3Uri":"s3://b"}},"clientRequestToken":"once"}"#,
            "POST",
            "/async-invoke".to_owned(),
            r#"{"modelInput":{"seconds": 6},"outputDataConfig":{"s3OutputDataConfig":{"s3Uri":"s3://b"}},"clientRequestToken":"once","modelId":"amazon.nova-micro-v1:0"}"#,
        ),
        (
            "GetAsyncInvoke",
            &json!({"invocationArn": ARN}).to_string(),
            "GET",
            "/async-invoke/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Aasync-invoke%2Fabc".to_owned(),
            "",
        ),
        ("ListAsyncInvokes", "{}", "GET", "/async-invoke".to_owned(), ""),
        (
            "ListAsyncInvokes",
            r#"{"maxResults":2,"statusEquals":"Completed","submitTimeAfter":"2026-01-02T03:04:05Z","nextToken":"a+b/c= &?é","sortBy":"SubmissionTime","sortOrder":"Ascending","submitTimeBefore":"2027"}"#,
            "GET",
            "/async-invoke?submitTimeAfter=2026-01-02T03%3A04%3A05Z&submitTimeBefore=2027&statusEquals=Completed&maxResults=2&nextToken=a%2Bb%2Fc%3D%20%26%3F%C3%A9&sortBy=SubmissionTime&sortOrder=Ascending"
                .to_owned(),
            "",
        ),
        (
            "ListAsyncInvokes",
            r#"{"submitTimeAfter":1767323045,"submitTimeBefore":1767323045.5}"#,
            "GET",
            "/async-invoke?submitTimeAfter=2026-01-02T03%3A04%3A05Z&submitTimeBefore=2026-01-02T03%3A04%3A05.5Z".to_owned(),
            "",
        ),
    ] {
        model.call(operation, &Request::json(given)).response();
        let [sent] = &bedrock.take_requests()[..] else { panic!("{operation}: one request") };
        assert_eq!(sent.refused, None, "{operation}");
        assert_eq!((sent.method.as_str(), &sent.target, sent.text()), (method, &target, body), "{operation} {given}");
        let typed = (!body.is_empty()).then_some("application/json");
        assert_eq!(sent.header("content-type"), typed, "{operation}");
        assert_eq!(sent.header("content-length").is_some(), typed.is_some(), "{operation}");
    }
    // The system message comes first although it was added last.
    let checks = request(json!({"checks": {}}));
    checks.add(r#"{"role":"user","content":"u"}"#).expect("a message");
    checks.add(r#"{"role":"system","content":"s"}"#).expect("a message");
    model.call("InvokeGuardrailChecks", &checks).response();
    let roles: Vec<_> = bedrock.last_request().json()["messages"].as_array().expect("an array").clone();
    assert_eq!(roles.iter().map(|message| message["role"].clone()).collect::<Vec<_>>(), ["system", "user"]);
    bedrock.take_requests();
    // Counting does not change a request.
    let counted = request(hello);
    let body = counted.body(&model);
    model.call("CountTokens", &counted).response();
    assert_eq!(counted.body(&model), body);
}

#[test]
fn members_beside_the_body_of_invoke_model_are_sent_as_headers() {
    let bedrock = replying(Reply::json("{}"));
    let model = Model::at(&bedrock);
    let beside = json!({
        "body": {}, "accept": "image/png", "contentType": "application/json; charset=utf-8", "trace": "ENABLED",
        "guardrailIdentifier": "gr1", "guardrailVersion": "2", "performanceConfigLatency": "optimized",
        "serviceTier": "flex", "requestMetadata": {"z": 1.10, "team": "\u{e9}"}, "projectIdentifier": "p1",
    });
    model.call("InvokeModel", &request(beside)).response();
    let sent = bedrock.last_request();
    for (name, value) in [
        ("accept", "image/png"),
        ("content-type", "application/json; charset=utf-8"),
        ("x-amzn-bedrock-trace", "ENABLED"),
        ("x-amzn-bedrock-guardrailidentifier", "gr1"),
        ("x-amzn-bedrock-guardrailversion", "2"),
        ("x-amzn-bedrock-performanceconfig-latency", "optimized"),
        ("x-amzn-bedrock-service-tier", "flex"),
        ("x-amzn-bedrock-projectidentifier", "p1"),
        ("x-amzn-bedrock-request-metadata", r#"{"team":"\u00e9","z":1.1}"#),
    ] {
        assert_eq!(sent.header_values(name).collect::<Vec<_>>(), [value], "{name}");
    }
    assert_eq!(sent.refused, None);

    bedrock.respond_with(|_| chunk(Reply::stream(), metrics()));
    model.call("InvokeModelWithResponseStream", &request(json!({"body": {}, "accept": "application/json"}))).response();
    assert_eq!(bedrock.last_request().header("x-amzn-bedrock-accept"), Some("application/json"));
}

#[test]
fn a_models_guardrail_applies_to_every_operation_that_accepts_one_unless_the_request_has_its_own() {
    let bedrock = replying(Reply::json("{}"));
    let guarded = json!({"guardrailIdentifier": "gr1", "guardrailVersion": "3", "trace": "enabled"});
    let model = Model::at(&bedrock).with(json!({
        "guardrailConfig": guarded, "serviceTier": {"type": "flex"}, "performanceConfig": {"latency": "optimized"},
        "temperature": 0.5, "system": [{"text": "Be brief."}],
    }));
    let header = |name: &str| bedrock.last_request().header(name).map(str::to_owned);
    model.call("InvokeModel", &request(json!({"body": {}}))).response();
    assert_eq!(header("x-amzn-bedrock-guardrailidentifier").as_deref(), Some("gr1"));
    assert_eq!(header("x-amzn-bedrock-guardrailversion").as_deref(), Some("3"));
    assert_eq!(header("x-amzn-bedrock-trace").as_deref(), Some("ENABLED"));
    assert_eq!(header("x-amzn-bedrock-service-tier").as_deref(), Some("flex"));
    assert_eq!(header("x-amzn-bedrock-performanceconfig-latency").as_deref(), Some("optimized"));
    assert_eq!(bedrock.last_request().text(), "{}");

    model.call("ApplyGuardrail", &request(json!({"source": "INPUT", "content": []}))).response();
    assert_eq!(bedrock.last_request().target, "/guardrail/gr1/version/3/apply");
    assert_eq!(bedrock.last_request().json(), json!({"source": "INPUT", "content": []}));

    // The identifier of one guardrail never goes with the version of another.
    let own = json!({"body": {}, "guardrailIdentifier": "gr2", "guardrailVersion": "1"});
    model.call("InvokeModel", &request(own)).response();
    assert_eq!(header("x-amzn-bedrock-guardrailidentifier").as_deref(), Some("gr2"));
    assert_eq!(header("x-amzn-bedrock-guardrailversion").as_deref(), Some("1"));
    let half = model.call("ApplyGuardrail", &request(json!({"guardrailIdentifier": "gr2", "content": []})));
    assert_eq!(half.failed(BEDROCK_E_REQUEST).path, "/guardrailVersion");

    // A member that overrides one setting keeps the rest of the guardrail.
    for (given, version, trace) in [
        (json!({"trace": "DISABLED"}), "3", "DISABLED"),
        (json!({"guardrailVersion": "4"}), "4", "ENABLED"),
        (json!({"guardrailConfig": {"trace": "disabled"}}), "3", "DISABLED"),
        (json!({"trace": null}), "3", "ENABLED"),
    ] {
        model.call("InvokeModel", &request(json!({"body": {}}).over(given.clone()))).response();
        assert_eq!(header("x-amzn-bedrock-guardrailidentifier").as_deref(), Some("gr1"), "{given}");
        assert_eq!(header("x-amzn-bedrock-guardrailversion").as_deref(), Some(version), "{given}");
        assert_eq!(header("x-amzn-bedrock-trace").as_deref(), Some(trace), "{given}");
    }
    let newer = model.with(json!({"guardrailConfig": {"guardrailIdentifier": "gr5", "guardrailVersion": "5"}}));
    newer.call("InvokeModel", &request(json!({"body": {}}))).response();
    assert_eq!(header("x-amzn-bedrock-guardrailidentifier").as_deref(), Some("gr5"));
    // Later defaults win, in either form.
    let own = newer.with(json!({"guardrailIdentifier": "gr6", "guardrailVersion": "6"}));
    own.call("InvokeModel", &request(json!({"body": {}}))).response();
    assert_eq!(header("x-amzn-bedrock-guardrailidentifier").as_deref(), Some("gr6"));
    assert_eq!(header("x-amzn-bedrock-guardrailversion").as_deref(), Some("6"));
    let last = own.with(json!({"guardrailConfig": {"guardrailIdentifier": "gr7", "guardrailVersion": "7"}}));
    last.call("InvokeModel", &request(json!({"body": {}}))).response();
    assert_eq!(header("x-amzn-bedrock-guardrailidentifier").as_deref(), Some("gr7"));
    assert_eq!(header("x-amzn-bedrock-guardrailversion").as_deref(), Some("7"));
}

#[test]
fn an_invalid_guardrail_is_an_error_and_no_request_is_sent_without_it() {
    let bedrock = replying(Reply::json("{}"));
    let plain = Model::at(&bedrock);
    let guarded = plain.with(json!({"guardrailConfig": {"guardrailIdentifier": "gr1", "guardrailVersion": "3"}}));
    for (model, given, path) in [
        (&guarded, json!({"guardrailConfig": "gr2"}), "/guardrailConfig"),
        (
            &guarded,
            json!({"guardrailConfig": {"guardrailIdentifier": ["gr2"]}}),
            "/guardrailConfig/guardrailIdentifier",
        ),
        (&guarded, json!({"guardrailIdentifier": ""}), "/guardrailIdentifier"),
        (&plain, json!({"guardrailConfig": {"guardrailId": "gr2"}}), "/guardrailConfig"),
        (
            &plain,
            json!({"guardrailIdentifier": "gr1", "guardrailConfig": {"guardrailIdentifier": "gr2"}}),
            "/guardrailIdentifier",
        ),
    ] {
        for operation in ["InvokeModel", "ApplyGuardrail"] {
            let whole = json!({}).over(given.clone()).over(if operation == "InvokeModel" {
                json!({"body": {}})
            } else {
                json!({"content": [], "guardrailVersion": "1"})
            });
            let outcome = model.call(operation, &request(whole));
            assert_eq!(outcome.failed(BEDROCK_E_REQUEST).path, path, "{operation} {given}");
        }
    }
    assert_eq!(bedrock.requests().len(), 0);
    // A version may be a number.
    let number = json!({"body": {}, "guardrailConfig": {"guardrailIdentifier": "gr1", "guardrailVersion": 2}});
    plain.call("InvokeModel", &request(number)).response();
    assert_eq!(bedrock.last_request().header("x-amzn-bedrock-guardrailversion"), Some("2"));
}

#[test]
fn a_models_defaults_apply_to_every_operation_that_has_these_members() {
    let bedrock = replying(Reply::json("{}"));
    let model = Model::at(&bedrock).with(json!({
        "source": "OUTPUT", "outputScope": "FULL", "guardrailIdentifier": "gr1", "guardrailVersion": "1",
        "checks": {"promptAttack": {}}, "outputDataConfig": {"s3OutputDataConfig": {"s3Uri": "s3://b"}},
        "tags": [], "accept": "text/plain",
    }));
    model.call("ApplyGuardrail", &request(json!({"content": [], "source": "INPUT"}))).response();
    assert_eq!(bedrock.last_request().json(), json!({"content": [], "source": "INPUT", "outputScope": "FULL"}));
    model.call("InvokeGuardrailChecks", &request(json!({"messages": []}))).response();
    assert_eq!(bedrock.last_request().json(), json!({"messages": [], "checks": {"promptAttack": {}}}));
    model.call("StartAsyncInvoke", &request(json!({"modelInput": {}, "clientRequestToken": "once"}))).response();
    let job = json!({"modelInput": {}, "clientRequestToken": "once", "modelId": MODEL_ID, "tags": [],
        "outputDataConfig": {"s3OutputDataConfig": {"s3Uri": "s3://b"}}});
    assert_eq!(bedrock.last_request().json(), job);
    model.call("InvokeModel", &request(json!({"body": {}}))).response();
    assert_eq!(bedrock.last_request().header("accept"), Some("text/plain"));
}

/// Merges objects: members of the other object win.
trait Over {
    fn over(self, members: Value) -> Value;
}

impl Over for Value {
    fn over(mut self, members: Value) -> Value {
        let object = self.as_object_mut().expect("an object");
        object.extend(members.as_object().expect("an object").clone());
        self
    }
}

#[test]
fn an_attachment_may_be_any_text_of_a_body_or_the_whole_body() {
    let bedrock = replying(Reply::json("{}"));
    let model = Model::at(&bedrock);
    let image = request(json!({"body": {"inputImage": "@img", "images": ["@img", "@else"], "text": "@ img"}}));
    image.attach("img", b"\x89PNG");
    model.call("InvokeModel", &image).response();
    let expected = json!({"inputImage": "iVBORw==", "images": ["iVBORw==", "@else"], "text": "@ img"});
    assert_eq!(bedrock.last_request().json(), expected);

    let whole = request(json!({"body": "@payload"}));
    whole.attach("payload", b"{\"a\" : 1}");
    model.call("InvokeModel", &whole).response();
    assert_eq!(bedrock.last_request().text(), "{\"a\" : 1}");

    let video = request(json!({"modelInput": {"image": {"source": {"bytes": "@img"}}}, "outputDataConfig": {}}));
    video.attach("img", b"\x89PNG");
    model.call("StartAsyncInvoke", &video).response();
    assert_eq!(bedrock.last_request().json()["modelInput"]["image"]["source"]["bytes"], "iVBORw==");

    let counted = request(json!({"input": {"invokeModel": {"body": "@img"}}}));
    counted.attach("img", b"\x89PNG");
    model.call("CountTokens", &counted).response();
    assert_eq!(bedrock.last_request().json()["input"]["invokeModel"]["body"], "iVBORw==");

    let guarded = request(json!({"content": [{"image": {"format": "png", "source": {"bytes": "@img"}}}],
        "guardrailIdentifier": "gr1", "guardrailVersion": "1"}));
    guarded.attach("img", b"\x89PNG");
    model.call("ApplyGuardrail", &guarded).response();
    assert_eq!(bedrock.last_request().json()["content"][0]["image"]["source"]["bytes"], "iVBORw==");
}

#[test]
fn each_job_has_its_own_client_request_token_and_its_retries_share_it() {
    let bedrock = LocalBedrock::start();
    bedrock.push(Reply::error(503, "ServiceUnavailableException", "Busy"));
    bedrock.push(Reply::json(json!({"invocationArn": ARN}).to_string()));
    bedrock.push(Reply::json("{}"));
    let model = Model::at(&bedrock);
    let job = request(json!({"modelInput": {}, "outputDataConfig": {}}));
    assert_eq!(model.call("StartAsyncInvoke", &job).response().attempts, 2);
    model.call("StartAsyncInvoke", &request(json!({"modelInput": {}, "clientRequestToken": null}))).response();
    let tokens: Vec<_> = bedrock.requests().iter().map(|sent| sent.json()["clientRequestToken"].clone()).collect();
    assert_eq!(tokens[0].as_str().map(str::len), Some(32));
    assert!(tokens[0] == tokens[1] && tokens[1] != tokens[2], "{tokens:?}");
}

#[test]
fn a_request_that_does_not_fit_the_operation_is_rejected_before_it_is_sent() {
    let bedrock = replying(Reply::json("{}"));
    let model = Model::at(&bedrock);
    for (operation, given, path, says) in [
        ("InvokeModel", json!({"inputText": "Hello"}), "/body", "needs body"),
        ("InvokeModel", json!({"body": null}), "/body", "needs body"),
        ("InvokeModel", json!({"body": {}, "max_completion_tokens": 5}), "/max_completion_tokens", "has no member"),
        ("CountTokens", json!({"body": {}, "boddy": 1}), "/boddy", "has no member"),
        ("Converse", json!({"body": {}, "messages": []}), "/body", "belongs to another operation"),
        ("ListAsyncInvokes", json!({"submitTimeAfter": 1767323045000_i64}), "/submitTimeAfter", "seconds since 1970"),
        ("ListAsyncInvokes", json!({"nextToken": ""}), "/nextToken", "is empty"),
        ("InvokeModel", json!({"body": {}, "inputText": "Hello"}), "/inputText", "has no member \"inputText\""),
        ("InvokeModel", json!({"body": {}, "accept": "a\nb"}), "/accept", "control character"),
        ("InvokeModel", json!({"body": {}, "trace": true}), "/trace", "expected a string"),
        ("ApplyGuardrail", json!({"guardrailVersion": "1"}), "/guardrailIdentifier", "needs guardrailIdentifier"),
        ("ApplyGuardrail", json!({"guardrailIdentifier": "a", "guardrailVersion": ".."}), "/guardrailVersion", ".."),
        ("GetAsyncInvoke", json!({}), "/invocationArn", "needs invocationArn"),
        ("GetAsyncInvoke", json!({"invocationArn": ARN, "x/y": 1}), "/x~1y", "has no member \"x/y\""),
        ("ListAsyncInvokes", json!({"pageSize": 1}), "/pageSize", "it has submitTimeAfter"),
        ("CountTokens", json!({"input": {}, "messages": []}), "/messages", "has no member"),
        ("CountTokens", json!({"messages": []}), "/messages", "checking the request"),
        (
            "ApplyGuardrail",
            json!({"guardrailIdentifier": "a b", "guardrailVersion": "1"}),
            "/guardrailIdentifier",
            "' '",
        ),
    ] {
        let outcome = model.call(operation, &request(given.clone()));
        let failure = outcome.failed(BEDROCK_E_REQUEST);
        assert_eq!((failure.path.as_str(), failure.attempts), (path, 0), "{operation} {given}: {failure:?}");
        failure.says(&[says]);
    }
    assert_eq!(bedrock.requests().len(), 0);
}

#[test]
fn the_usage_of_an_invocation_is_read_from_its_headers_or_its_last_chunk() {
    let counted = [("Input-Token-Count", "8"), ("Output-Token-Count", "5"), ("Cache-Read-Input-Token-Count", "2")];
    let reply = counted
        .iter()
        .fold(Reply::json(r#"{"embedding":[1]}"#), |reply, (name, value)| {
            reply.header(&format!("X-Amzn-Bedrock-{name}"), value)
        })
        .header("X-Amzn-Bedrock-Invocation-Latency", "77");
    let invoke = request(json!({"body": {}}));
    let bedrock = replying(reply);
    let usage = Model::at(&bedrock).call("InvokeModel", &invoke).response().usage.clone();
    let nothing = Usage { total_tokens: -1, cache_write_tokens: -1, ..usage.clone() };
    assert_eq!(usage, Usage { input_tokens: 8, output_tokens: 5, cache_read_tokens: 2, latency_ms: 77, ..nothing });

    bedrock.respond_with(|_| chunk(chunk(chunk(Reply::stream(), "{}"), metrics()), "{}"));
    let counted = Model::at(&bedrock).call("InvokeModelWithResponseStream", &invoke);
    let usage = counted.response().usage.clone();
    let nothing = Usage { total_tokens: -1, cache_write_tokens: -1, ..usage.clone() };
    assert_eq!(usage, Usage { input_tokens: 3, output_tokens: 2, cache_read_tokens: 1, latency_ms: 40, ..nothing });
}

#[test]
fn usage_in_the_headers_of_an_invocation_overrides_usage_in_its_body() {
    let body = r#"{"usage":{"inputTokens":100,"totalTokens":105},"metrics":{"latencyMs":1}}"#;
    let bedrock = replying(Reply::json(body).header("X-Amzn-Bedrock-Input-Token-Count", "8"));
    let usage = Model::at(&bedrock).call("InvokeModel", &request(json!({"body": {}}))).response().usage.clone();
    assert_eq!((usage.input_tokens, usage.total_tokens, usage.latency_ms), (8, 105, 1));
}

#[test]
fn a_response_of_another_content_type_is_returned_as_base64_and_invalid_json_is_an_error() {
    let bedrock = replying(Reply::json(b"\x89PNG".to_vec()).content_type("image/png"));
    let model = Model::at(&bedrock);
    let invoke = request(json!({"body": {}}));
    let response = model.call("InvokeModel", &invoke).response().json.clone();
    assert_eq!(response, r#"{"contentType":"image/png","body":"iVBORw=="}"#);
    bedrock.respond_with(|_| Reply::json("plain words").content_type("text/plain"));
    let response = model.call("InvokeModel", &invoke).response().json.clone();
    assert_eq!(response, r#"{"contentType":"text/plain","body":"cGxhaW4gd29yZHM="}"#);
    bedrock.respond_with(|_| Reply::json("{}\n{}\n").content_type("application/jsonlines"));
    let response = model.call("InvokeModel", &invoke).response().json.clone();
    assert_eq!(response, r#"{"contentType":"application/jsonlines","body":"e30Ke30K"}"#);
    for whole in ["[1, 2]", r#"{"__type":"a member of the model's own"}"#] {
        bedrock.respond_with(move |_| Reply::json(whole));
        assert_eq!(model.call("InvokeModel", &invoke).response().json, whole);
    }
    for broken in ["", "{\"a\":"] {
        bedrock.respond_with(move |_| Reply::json(broken));
        model.call("InvokeModel", &invoke).failed(BEDROCK_E_PROTOCOL).says(&["not JSON"]);
    }
    bedrock.respond_with(|_| Reply::json("[1, 2]"));
    model
        .call("GetAsyncInvoke", &request(json!({"invocationArn": ARN})))
        .failed(BEDROCK_E_PROTOCOL)
        .says(&["an array"]);
}

#[test]
fn a_stream_of_chunks_that_is_cut_at_any_byte_is_truncated() {
    let bedrock = LocalBedrock::start();
    let model = Model::at_with(&bedrock, json!({"retry": {"max_attempts": 1}}));
    let invoke = request(json!({"body": {}}));
    let whole = chunk(chunk(chunk(Reply::stream(), r#"{"a":1}"#), r#"{"b":2}"#), metrics());
    let pulled = |reply: Reply| {
        bedrock.respond_with(move |_| reply.clone());
        let stream = Pull::call(&model, "InvokeModelWithResponseStream", &invoke);
        let mut chunks = Vec::new();
        loop {
            match stream.next(-1) {
                Pulled::Event(event) => chunks.push(event.text),
                end => return (chunks, end, stream.response()),
            }
        }
    };
    let all = [r#"{"a":1}"#, r#"{"b":2}"#, metrics()];
    let (chunks, end, response) = pulled(whole.clone());
    assert_eq!((chunks, end), (all.map(str::to_owned).to_vec(), Pulled::Done));
    assert_eq!((response.json, response.complete), (format!("[{}]", all.join(",")), true));

    let ends = whole.piece_ends();
    for length in 0..whole.body_len() {
        let (chunks, end, response) = pulled(whole.clone().cut_at(length, Cut::Close));
        let Pulled::Failed(failure) = end else { panic!("cut at {length}: {end:?}") };
        assert_eq!(name(failure.status), "BEDROCK_E_TRUNCATED", "cut at {length}: {failure:?}");
        let complete = ends.iter().filter(|end| **end <= length).count();
        assert_eq!(chunks, all[..complete], "cut at {length}");
        assert_eq!((response.json, response.complete), (format!("[{}]", all[..complete].join(",")), false));
    }
}

#[test]
fn a_stream_without_metrics_is_complete_if_its_body_ends_but_not_if_its_connection_closes() {
    let bedrock = LocalBedrock::start();
    let model = Model::at_with(&bedrock, json!({"retry": {"max_attempts": 1}}));
    let invoke = request(json!({"body": {}}));
    let call = |reply: Reply| {
        bedrock.respond_with(move |_| reply.clone());
        model.call("InvokeModelWithResponseStream", &invoke)
    };
    let uncounted = || chunk(Reply::stream(), r#"{"a":1}"#);
    assert_eq!(call(uncounted()).response().json, r#"[{"a":1}]"#);
    call(uncounted().until_close()).failed(BEDROCK_E_TRUNCATED).says(&["before its last chunk"]);
    call(Reply::stream()).failed(BEDROCK_E_TRUNCATED);
    for length in 1..uncounted().body_len() {
        call(uncounted().cut_at(length, Cut::CleanEnd)).failed(BEDROCK_E_TRUNCATED);
    }
    let unknown = chunk(uncounted(), r#"{"amazon-bedrock-invocationMetrics":null}"#);
    call(unknown.until_close()).failed(BEDROCK_E_TRUNCATED);
    // A message ends with messageStop, not with metrics.
    bedrock.respond_with(|_| chunk(Reply::stream().message_start().text(0, &["Hello"]), metrics()));
    model.stream(&Request::say("Hello?")).outcome.failed(BEDROCK_E_TRUNCATED);
    assert_eq!(call(chunk(uncounted(), metrics()).until_close()).response().usage.input_tokens, 3);
}

#[test]
fn a_response_that_nothing_proves_complete_is_truncated() {
    let bedrock = LocalBedrock::start();
    let model = Model::at_with(&bedrock, json!({"retry": {"max_attempts": 1}}));
    let call = |reply: Reply| {
        bedrock.push(reply);
        model.call("InvokeModel", &request(json!({"body": {}})))
    };
    let of = |content_type: &str, body: &'static [u8]| Reply::empty(200).content_type(content_type).body(body);
    for (content_type, body) in [
        ("image/png", &b"\x89PNG\r\n"[..]),
        ("text/plain", b"half a sen"),
        ("application/json", b"123"),
        ("application/json", b"{\"half\": 1"),
    ] {
        let outcome = call(of(content_type, body).until_close());
        outcome.failed(BEDROCK_E_TRUNCATED).says(&["does not show whether it is complete"]);
    }
    for (content_type, body) in [("application/json", &b"{\"a\":1}"[..]), ("application/json", b"[1]"), ("", b"\"a\"")]
    {
        assert_eq!(call(of(content_type, body).until_close()).response().json.as_bytes(), body);
    }
    for (content_type, body) in [("application/json", &b"123"[..]), ("text/plain", b"a sentence")] {
        call(of(content_type, body)).response();
    }
}

#[test]
fn an_exception_in_a_stream_of_chunks_follows_the_chunks_before_it() {
    let bedrock =
        replying(chunk(Reply::stream(), r#"{"a":1}"#).exception("modelTimeoutException", r#"{"message":"Too slow"}"#));
    let stream = Pull::call(&Model::at(&bedrock), "InvokeModelWithResponseStream", &request(json!({"body": {}})));
    assert!(matches!(stream.next(-1), Pulled::Event(event) if event.text == r#"{"a":1}"#));
    let Pulled::Failed(failure) = stream.next(-1) else { panic!("no failure") };
    assert_eq!((failure.status, failure.code.as_str()), (BEDROCK_E_MODEL, "modelTimeoutException"));
    failure.says(&["InvokeModelWithResponseStream with amazon.nova-micro-v1:0", "Too slow"]);
    assert_eq!(stream.response().json, r#"[{"a":1}]"#);
}

#[test]
fn a_running_call_can_be_cancelled_from_another_thread() {
    let bedrock = LocalBedrock::start();
    bedrock.respond_with(|_| Reply::hang());
    let model = Model::at(&bedrock);
    for operation in ["InvokeModel", "InvokeModelWithResponseStream"] {
        let stream = Pull::call(&model, operation, &request(json!({"body": {}})));
        bedrock.wait_requests(1);
        let handle = stream.handle() as usize;
        let firing = std::thread::spawn(move || bedrock::ffi::stream::bedrock_stream_cancel(handle as *mut _));
        let Pulled::Failed(failure) = stream.next(-1) else { panic!("{operation}: no failure") };
        assert_eq!(name(failure.status), "BEDROCK_E_CANCELLED", "{operation}");
        firing.join().expect("a thread that cancels");
        bedrock.take_requests();
    }
}

#[test]
fn a_script_replies_to_every_operation() {
    let model = Model::new(&json!({"model": MODEL_ID, "transport": {"replies": [
        {"json": {"inputTokens": 12}},
        {"events": [{"chunk": {"text": "Hel"}}, {"chunk": {"text": "lo"}}]},
        {"error": {"status": 400, "code": "ValidationException", "message": "No"}},
    ]}}));
    assert_eq!(model.call("CountTokens", &Request::say("Hello?")).response().json, r#"{"inputTokens":12}"#);
    let invoke = request(json!({"body": {}}));
    let streamed = model.call("InvokeModelWithResponseStream", &invoke);
    assert_eq!(streamed.response().json, r#"[{"text":"Hel"},{"text":"lo"}]"#);
    model.call("InvokeModel", &invoke).failed(BEDROCK_E_VALIDATION);
}
