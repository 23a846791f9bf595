//! Every failure of the service or of the network becomes an error with a status, a name and a message, in whatever
//! form it comes. None becomes a response.

mod support;

use std::collections::BTreeMap;
use std::ptr::null_mut;

use bytes::Bytes;
use serde_json::json;

use support::capi::*;
use support::stream::{EVENT_STREAM, event_frame, frame};
use support::{Cut, ErrorName, LocalBedrock, Reply};

const REQUEST_ID: &str = "0ddba11a-0000-4000-8000-000000000001";

/// A model that sends each request once.
#[track_caller]
fn without_retries(bedrock: &LocalBedrock) -> Model {
    Model::at_with(bedrock, json!({"retry": {"max_attempts": 1}}))
}

fn hello() -> Request {
    Request::say("Hello?")
}

/// Performs a unary call and a stream, each with this reply.
#[track_caller]
fn by_both_calls(bedrock: &LocalBedrock, model: &Model, reply: &Reply) -> [(&'static str, Outcome); 2] {
    let request = hello();
    bedrock.push(reply.clone());
    let unary = model.generate(&request);
    bedrock.push(reply.clone());
    let streamed = model.stream(&request);
    assert_eq!(streamed.events, []);
    assert_eq!(bedrock.unused_replies(), 0);
    [("Converse with", unary), ("ConverseStream with", streamed.outcome)]
}

// Errors over HTTP.

/// Name, HTTP status, message; status of the library, and whether the same call may succeed later.
const NAMED: [(&str, u16, &str, bedrock_status, bool); 34] = [
    ("ThrottlingException", 429, "Too many requests, please wait", BEDROCK_E_THROTTLED, true),
    ("ThrottlingException", 400, "the name says more than the status", BEDROCK_E_THROTTLED, true),
    ("ValidationException", 400, "Malformed input request", BEDROCK_E_VALIDATION, false),
    ("ValidationException", 400, "Input is too long for requested model.", BEDROCK_E_CONTEXT_OVERFLOW, false),
    (
        "ValidationException",
        400,
        "The model returned the following errors: prompt is too long: 210000 tokens > 200000 maximum",
        BEDROCK_E_CONTEXT_OVERFLOW,
        false,
    ),
    (
        "ValidationException",
        400,
        "The model returned the following errors: too many total text bytes: 10000002 > 9000000",
        BEDROCK_E_CONTEXT_OVERFLOW,
        false,
    ),
    (
        "ValidationException",
        400,
        "Input Tokens Exceeded: Number of input tokens exceeds maximum length. Please update the input to try again.",
        BEDROCK_E_CONTEXT_OVERFLOW,
        false,
    ),
    // A member that is too long, and not the conversation.
    (
        "ValidationException",
        400,
        "The value at toolConfig.tools.0.toolSpec.name exceeds maximum length of 64",
        BEDROCK_E_VALIDATION,
        false,
    ),
    ("IncompleteSignature", 400, "Authorization header requires 'Signature'", BEDROCK_E_ACCESS_DENIED, false),
    ("IncompleteSignatureException", 403, "Authorization header is broken", BEDROCK_E_ACCESS_DENIED, false),
    ("NotAuthorized", 400, "You do not have permission", BEDROCK_E_ACCESS_DENIED, false),
    ("RequestExpired", 400, "The request is too old", BEDROCK_E_ACCESS_DENIED, false),
    ("RequestInTheFuture", 400, "The request is not yet valid", BEDROCK_E_ACCESS_DENIED, false),
    ("InvalidToken", 400, "The provided token is malformed", BEDROCK_E_CREDENTIALS, false),
    ("SlowDown", 503, "Please reduce your request rate", BEDROCK_E_THROTTLED, true),
    ("AccessDeniedException", 403, "You don't have access to the model.", BEDROCK_E_ACCESS_DENIED, false),
    ("UnrecognizedClientException", 403, "The security token is invalid.", BEDROCK_E_ACCESS_DENIED, false),
    ("InvalidSignatureException", 403, "The signature does not match.", BEDROCK_E_ACCESS_DENIED, false),
    ("ExpiredTokenException", 403, "The security token is expired", BEDROCK_E_CREDENTIALS, false),
    ("MissingAuthenticationTokenException", 403, "Missing Authentication Token", BEDROCK_E_CREDENTIALS, false),
    ("ResourceNotFoundException", 404, "Could not resolve the model", BEDROCK_E_NOT_FOUND, false),
    ("UnknownOperationException", 404, "no such route", BEDROCK_E_NOT_FOUND, false),
    ("ServiceQuotaExceededException", 400, "Your quota is used up", BEDROCK_E_QUOTA, false),
    ("ModelErrorException", 424, "The model failed", BEDROCK_E_MODEL, true),
    ("ModelTimeoutException", 408, "The model took too long", BEDROCK_E_MODEL, true),
    ("ModelNotReadyException", 429, "The model is not ready", BEDROCK_E_MODEL, true),
    ("ModelStreamErrorException", 424, "The model's stream failed", BEDROCK_E_MODEL, true),
    ("InternalServerException", 500, "Something went wrong", BEDROCK_E_SERVICE, true),
    ("ServiceUnavailableException", 503, "The service is busy", BEDROCK_E_SERVICE, true),
    // Unpublished names: the HTTP status decides.
    ("FutureException", 400, "what comes next", BEDROCK_E_VALIDATION, false),
    ("FutureException", 403, "what comes next", BEDROCK_E_ACCESS_DENIED, false),
    ("FutureException", 404, "what comes next", BEDROCK_E_NOT_FOUND, false),
    ("FutureException", 429, "what comes next", BEDROCK_E_THROTTLED, true),
    ("FutureException", 500, "what comes next", BEDROCK_E_SERVICE, true),
];

#[test]
fn each_named_error_has_its_status_wherever_its_name_is() {
    let bedrock = LocalBedrock::start();
    let model = without_retries(&bedrock);
    for (code, http_status, message, status, retryable) in NAMED {
        for place in [ErrorName::Header, ErrorName::BodyType, ErrorName::BodyCode] {
            let reply = Reply::error_named(place, http_status, code, message).request_id(REQUEST_ID);
            for (doing, outcome) in by_both_calls(&bedrock, &model, &reply) {
                let failure = outcome.failure.as_ref().unwrap_or_else(|| panic!("{code}: {outcome:?}"));
                assert_eq!(name(failure.status), name(status), "{code} in {place:?}: {failure:?}");
                assert_eq!(failure.code, code, "{failure:?}");
                failure.says(&[doing, MODEL_ID, code, &http_status.to_string(), message.trim_end_matches('.')]);
                assert_eq!(failure.http_status, i32::from(http_status), "{failure:?}");
                assert_eq!((failure.request_id.as_str(), failure.attempts), (REQUEST_ID, 1), "{failure:?}");
                assert_eq!(failure.retryable, retryable, "{code}");
                assert_eq!(failure.path, "");
            }
        }
    }
}

#[test]
fn an_error_without_a_name_has_the_status_of_its_http_status() {
    let bedrock = LocalBedrock::start();
    let model = without_retries(&bedrock);
    let by_status = [
        (400, BEDROCK_E_VALIDATION),
        (401, BEDROCK_E_ACCESS_DENIED),
        (403, BEDROCK_E_ACCESS_DENIED),
        (404, BEDROCK_E_NOT_FOUND),
        (408, BEDROCK_E_MODEL),
        (424, BEDROCK_E_MODEL),
        (429, BEDROCK_E_THROTTLED),
        (500, BEDROCK_E_SERVICE),
        (502, BEDROCK_E_SERVICE),
        (503, BEDROCK_E_SERVICE),
        (504, BEDROCK_E_SERVICE),
        (529, BEDROCK_E_SERVICE),
    ];
    for (http_status, status) in by_status {
        let nameless = Reply::error_named(ErrorName::Nowhere, http_status, "", "something is wrong");
        let bodies =
            [nameless, Reply::empty(http_status), Reply::html(http_status), Reply::json("{}").status(http_status)];
        for reply in bodies {
            let said = reply.clone();
            for (doing, outcome) in by_both_calls(&bedrock, &model, &reply.request_id(REQUEST_ID)) {
                let failure = outcome.failed(status);
                assert_eq!(failure.code, "", "{said:?}");
                assert_eq!(failure.http_status, i32::from(http_status), "{said:?}");
                assert_eq!((failure.request_id.as_str(), failure.attempts), (REQUEST_ID, 1), "{said:?}");
                failure.says(&[doing, &http_status.to_string()]);
            }
        }
    }
    let too_long = Reply::error_named(ErrorName::Nowhere, 400, "", "Input is too long for requested model.");
    for (_, outcome) in by_both_calls(&bedrock, &model, &too_long) {
        outcome.failed(BEDROCK_E_CONTEXT_OVERFLOW);
    }
}

#[test]
fn an_error_is_read_in_every_spelling_of_its_name_and_message() {
    let bedrock = LocalBedrock::start();
    let model = without_retries(&bedrock);
    let plain = |body: &str| Reply::json(body.to_owned()).status(429);
    let headed = |value: &str| plain(r#"{"message":"slow down"}"#).header("X-Amzn-ErrorType", value);
    let replies = [
        headed("ThrottlingException"),
        headed("ThrottlingException:http://internal.amazon.com/coral/com.amazon.bedrock/"),
        headed("com.amazon.bedrock#ThrottlingException"),
        headed("com.amazon.bedrock#ThrottlingException:http://internal.amazon.com/"),
        // The header takes precedence.
        plain(r#"{"__type":"ValidationException","message":"slow down"}"#)
            .header("x-amzn-errortype", "ThrottlingException"),
        plain(r#"{"__type":"com.amazon.bedrock#ThrottlingException","message":"slow down"}"#),
        plain(r#"{"__type":"ThrottlingException","Message":"slow down"}"#),
        plain(r#"{"message":"slow down","code":"ThrottlingException"}"#),
        plain(r#" { "new" : [1] , "code" : "aws#ThrottlingException" , "Message" : "slow\u0020down" } "#),
        plain(r#"{"__type":"ThrottlingException","message":"slow down"}"#).content_type("application/x-amz-json-1.0"),
        plain(r#"{"__type":"ThrottlingException","message":"slow down"}"#).without_header("content-type"),
        plain(r#"{"__type":"ThrottlingException","message":"slow down"}"#).chunked().in_chunks_of(3),
    ];
    for reply in replies {
        let said = reply.clone();
        for (_, outcome) in by_both_calls(&bedrock, &model, &reply) {
            let failure = outcome.failed(BEDROCK_E_THROTTLED);
            assert_eq!(failure.code, "ThrottlingException", "{said:?}");
            failure.says(&["slow down"]);
        }
    }
}

#[test]
fn the_message_of_a_gateway_is_found_in_every_usual_form_of_json() {
    let bedrock = LocalBedrock::start();
    let model = without_retries(&bedrock);
    for body in [
        r#"{"error":{"message":"not on the list"}}"#,
        r#"{"error":{"code":403,"Message":"not on the list"}}"#,
        r#"{"error":"not on the list"}"#,
        r#"{"errors":[{"message":"not on the list"}]}"#,
        r#"{"errors":["not on the list"]}"#,
        r#"{"detail":"not on the list"}"#,
        r#"{"detail":[{"loc":["body"],"msg":"not on the list"}]}"#,
        r#"{"error":"invalid","error_description":"not on the list","message":"not on the list"}"#,
        r#"{"reason":"not on the list"}"#,
        r#""not on the list""#,
        r#"["not on the list"]"#,
    ] {
        for (_, outcome) in by_both_calls(&bedrock, &model, &Reply::json(body).status(400)) {
            let failure = outcome.failed(BEDROCK_E_VALIDATION);
            failure.says(&["HTTP 400", "not on the list"]);
            assert_eq!(failure.more.json, body);
        }
    }
    let coded = Reply::json(r#"{"error":{"code":"ThrottlingException","message":"slow down"}}"#).status(503);
    for (_, outcome) in by_both_calls(&bedrock, &model, &coded) {
        outcome.failed(BEDROCK_E_THROTTLED).says(&["slow down"]);
    }
}

#[test]
fn the_complete_body_of_a_service_error_can_be_read_as_json() {
    let bedrock = LocalBedrock::start();
    let model = without_retries(&bedrock);
    let body = r#" {"message":"The model failed","originalStatusCode":529, "resourceName":"arn:aws:x"}"#;
    let reply = Reply::json(body).status(424).header("x-amzn-errortype", "ModelErrorException");
    for (_, outcome) in by_both_calls(&bedrock, &model, &reply) {
        assert_eq!(outcome.failed(BEDROCK_E_MODEL).more.json, body, "byte for byte");
    }
    let payload = r#"{"message":"broke","originalMessage":"upstream","originalStatusCode":500}"#;
    bedrock.push(Reply::stream().message_start().exception("modelStreamErrorException", payload));
    assert_eq!(model.stream(&hello()).outcome.failed(BEDROCK_E_MODEL).more.json, payload);

    for (reply, status) in [
        (Reply::html(502), BEDROCK_E_SERVICE),
        (Reply::empty(500), BEDROCK_E_SERVICE),
        (Reply::json("{\"message\":").status(400), BEDROCK_E_VALIDATION),
        (Reply::not_http("nonsense\r\n\r\n"), BEDROCK_E_PROTOCOL),
    ] {
        for (_, outcome) in by_both_calls(&bedrock, &model, &reply) {
            assert_eq!(outcome.failed(status).more.json, "", "a body that is not JSON is not returned as JSON");
        }
    }
}

#[test]
fn a_service_error_says_what_to_do_next() {
    let bedrock = LocalBedrock::start();
    let model = without_retries(&bedrock);
    for (http_status, code, message, advice) in [
        (500, "InternalServerException", "The system encountered an unexpected error", "Call again later"),
        (503, "ServiceUnavailableException", "busy", "Call again later"),
        (424, "ModelErrorException", "The model failed", "Call again later"),
        (
            400,
            "ValidationException",
            "data retention mode 'default' is not available for this model",
            "Set the data retention mode",
        ),
        (400, "RequestExpired", "The request is too old", "Set this machine's clock"),
    ] {
        for (_, outcome) in by_both_calls(&bedrock, &model, &Reply::error(http_status, code, message)) {
            outcome.failure.expect("an error").says(&[message, advice]);
        }
    }
}

#[test]
fn a_message_of_many_lines_becomes_one_line() {
    let bedrock = LocalBedrock::start();
    let message = "first\nsecond\r\n\tthird\u{0}\u{1b}[31m fourth";
    let reply = Reply::error(400, "ValidationException", message);
    for (_, outcome) in by_both_calls(&bedrock, &without_retries(&bedrock), &reply) {
        // That it is one line is checked with every error.
        outcome.failed(BEDROCK_E_VALIDATION).says(&["first", "second", "third", "fourth"]);
    }
}

// Errors inside a stream.

/// Name, and status of the library.
const IN_STREAM: [(&str, bedrock_status); 13] = [
    ("internalServerException", BEDROCK_E_SERVICE),
    ("modelStreamErrorException", BEDROCK_E_MODEL),
    ("validationException", BEDROCK_E_VALIDATION),
    ("throttlingException", BEDROCK_E_THROTTLED),
    ("serviceUnavailableException", BEDROCK_E_SERVICE),
    // Not in the published model of the stream.
    ("modelTimeoutException", BEDROCK_E_MODEL),
    ("modelErrorException", BEDROCK_E_MODEL),
    ("accessDeniedException", BEDROCK_E_ACCESS_DENIED),
    ("serviceQuotaExceededException", BEDROCK_E_QUOTA),
    ("resourceNotFoundException", BEDROCK_E_NOT_FOUND),
    ("expiredTokenException", BEDROCK_E_CREDENTIALS),
    ("ThrottlingException", BEDROCK_E_THROTTLED),
    ("somethingNewException", BEDROCK_E_SERVICE),
];

#[test]
fn each_exception_in_a_stream_has_its_status_and_keeps_its_name() {
    let bedrock = LocalBedrock::start();
    let model = Model::at(&bedrock);
    for (code, status) in IN_STREAM {
        let message = "it went wrong half way";
        let payload = json!({"message": message, "originalStatusCode": 500}).to_string();
        let begun = Reply::stream().message_start().text_delta(0, "Hel").text_delta(0, "lo");
        let stopped = Reply::stream().message_start().text(0, &["Hel", "lo"]).message_stop("end_turn");
        let replies = [
            ("", Reply::stream().exception(code, &payload)),
            ("Hello", begun.clone().exception(code, &payload)),
            ("Hello", begun.clone().exception(code, &payload).message_stop("end_turn")),
            ("Hello", stopped.exception(code, &payload)),
            ("", Reply::stream().error_message(code, message)),
            ("Hello", begun.error_message(code, message)),
        ];
        for (text, reply) in replies {
            bedrock.push(reply.request_id(REQUEST_ID));
            let streamed = model.stream(&hello());
            assert_eq!(streamed.text(), text, "what came before {code} is shown");
            assert!(streamed.events.iter().all(|event| event.kind != BEDROCK_EVENT_OTHER), "{streamed:?}");
            let failure = streamed.outcome.failure.unwrap_or_else(|| panic!("{code}: OK"));
            assert_eq!(name(failure.status), name(status), "{code}: {failure:?}");
            assert_eq!(failure.code, code);
            failure.says(&[code, message]);
            assert_eq!((failure.http_status, failure.attempts), (0, 1), "{failure:?}");
            assert_eq!(failure.request_id, REQUEST_ID);
        }
    }
    assert_eq!(bedrock.requests().len(), 6 * IN_STREAM.len(), "a stream that has begun is not tried again");
}

#[test]
fn an_exception_in_a_stream_about_a_too_long_input_is_a_context_overflow() {
    let bedrock = LocalBedrock::start();
    let payload = json!({"message": "Input is too long for requested model."}).to_string();
    bedrock.push(Reply::stream().message_start().exception("validationException", &payload));
    Model::at(&bedrock).stream(&hello()).outcome.failed(BEDROCK_E_CONTEXT_OVERFLOW);
}

#[test]
fn an_exception_in_a_stream_is_reported_even_if_its_payload_is_unusual() {
    let bedrock = LocalBedrock::start();
    let model = Model::at(&bedrock);
    for payload in ["", "{}", "not JSON", "[1]", "\"text\"", r#"{"Message":"with a capital letter"}"#] {
        bedrock.push(Reply::stream().message_start().exception("throttlingException", payload));
        let streamed = model.stream(&hello());
        assert_eq!(streamed.outcome.failed(BEDROCK_E_THROTTLED).code, "throttlingException", "{payload}");
    }
    bedrock.push(Reply::stream().message_start().raw(frame(&[(":message-type", "exception")], b"{}")));
    let nameless = model.stream(&hello());
    assert!(nameless.outcome.status < 0, "{nameless:?}");
}

// Retries.

#[test]
fn a_transient_error_is_retried_with_the_same_bytes() {
    let passing = [
        Reply::error(503, "ServiceUnavailableException", "busy"),
        Reply::error(500, "InternalServerException", "oops"),
        Reply::error(429, "ThrottlingException", "slow down"),
        Reply::error_named(ErrorName::Nowhere, 503, "", "busy"),
        Reply::html(502),
        Reply::close_before_headers(),
        Reply::reset_before_headers(),
    ];
    for reply in passing {
        let bedrock = LocalBedrock::start();
        let model = Model::at(&bedrock);
        bedrock.push(reply.clone());
        bedrock.push(Reply::text_response("Hello"));
        let outcome = model.generate(&hello());
        assert_eq!((outcome.response().text.as_str(), outcome.response().attempts), ("Hello", 2), "{reply:?}");

        // On a new connection: a failure on a kept one is not an attempt (tests/connections.rs).
        let elsewhere = LocalBedrock::start();
        elsewhere.push(reply.clone());
        elsewhere.push(Reply::stream().text_stream(&["Hel", "lo"], "end_turn"));
        let streamed = Model::at(&elsewhere).stream(&hello());
        assert_eq!(streamed.text(), "Hello", "{reply:?}");
        assert_eq!(streamed.outcome.response().attempts, 2, "{reply:?}");

        let requests = [bedrock.requests(), elsewhere.requests()].concat();
        let bodies: Vec<_> = requests.iter().map(|request| request.body.clone()).collect();
        assert_eq!(bodies.len(), 4, "{reply:?}");
        assert!(bodies.iter().all(|body| *body == bodies[0]), "{bodies:?}");
    }
}

#[test]
fn an_error_that_persists_is_returned_after_max_attempts_requests() {
    let throttled = (429, "ThrottlingException", BEDROCK_E_THROTTLED);
    let busy = (503, "ServiceUnavailableException", BEDROCK_E_SERVICE);
    for (setting, attempts) in [(json!({}), 3), (json!({"max_attempts": 2}), 2), (json!({"max_attempts": 1}), 1)] {
        for (http_status, code, status) in [throttled, busy] {
            let bedrock = LocalBedrock::start();
            bedrock.respond_with(move |_| Reply::error(http_status, code, "busy").request_id(REQUEST_ID));
            let model =
                Model::at_with(&bedrock, json!({"retry": with(json!({"max_backoff": "1ms"}), setting.clone())}));
            let calls: [&dyn Fn() -> Outcome; 2] = [&|| model.generate(&hello()), &|| model.stream(&hello()).outcome];
            for call in calls {
                let outcome = call();
                let failure = outcome.failed(status);
                assert_eq!((failure.attempts, failure.http_status), (attempts, i32::from(http_status)));
                assert_eq!((failure.request_id.as_str(), failure.retryable), (REQUEST_ID, true));
                assert_eq!(bedrock.take_requests().len(), attempts as usize);
            }
        }
    }
}

#[test]
fn an_error_that_would_persist_is_not_retried() {
    let bedrock = LocalBedrock::start();
    let model = Model::at(&bedrock);
    for (code, http_status) in [
        ("ValidationException", 400),
        ("AccessDeniedException", 403),
        ("ResourceNotFoundException", 404),
        ("ServiceQuotaExceededException", 400),
    ] {
        for (_, outcome) in by_both_calls(&bedrock, &model, &Reply::error(http_status, code, "no")) {
            assert_eq!(outcome.failure.expect("an error").attempts, 1, "{code}");
        }
    }
    assert_eq!(bedrock.requests().len(), 8);
}

#[test]
fn nothing_is_retried_after_the_first_event() {
    let bedrock = LocalBedrock::start();
    let model = Model::at(&bedrock);
    let begun = || Reply::stream().message_start().text_delta(0, "Hel");
    let length = begun().body_len();
    let replies = [
        begun().exception("throttlingException", r#"{"message":"slow down"}"#),
        begun().exception("serviceUnavailableException", r#"{"message":"busy"}"#),
        begun().error_message("InternalFailure", "oops"),
        begun().cut_at(length, Cut::Close),
        begun().cut_at(length, Cut::CleanEnd),
        begun().raw("no frame at all"),
    ];
    for reply in replies {
        bedrock.push(reply.clone());
        let streamed = model.stream(&hello());
        assert!(streamed.outcome.status < 0, "{streamed:?}");
        assert_eq!(streamed.outcome.failure.expect("an error").attempts, 1, "{reply:?}");
        assert_eq!(bedrock.take_requests().len(), 1, "{reply:?}");
    }
}

#[test]
fn a_stream_that_fails_after_retries_reports_its_number_of_requests() {
    let bedrock = LocalBedrock::start();
    bedrock.push(Reply::error(503, "ServiceUnavailableException", "busy"));
    bedrock.push(Reply::error(503, "ServiceUnavailableException", "busy"));
    bedrock.push(Reply::stream().message_start().request_id(REQUEST_ID));
    let streamed = Model::at(&bedrock).stream(&hello());
    let failure = streamed.outcome.failed(BEDROCK_E_TRUNCATED);
    assert_eq!((failure.attempts, failure.request_id.as_str()), (3, REQUEST_ID));
}

// Invalid responses.

#[test]
fn html_instead_of_a_response_is_a_protocol_error() {
    let bedrock = LocalBedrock::start();
    for (_, outcome) in by_both_calls(&bedrock, &without_retries(&bedrock), &Reply::html(200)) {
        let failure = outcome.failed(BEDROCK_E_PROTOCOL);
        assert_eq!((failure.http_status, failure.attempts), (200, 1));
    }
}

#[test]
fn the_beginning_of_html_instead_of_an_error_is_quoted() {
    let bedrock = LocalBedrock::start();
    for (_, outcome) in by_both_calls(&bedrock, &without_retries(&bedrock), &Reply::html(502)) {
        outcome.failed(BEDROCK_E_SERVICE).says(&["502", "text/html", "<html>"]);
    }
}

#[test]
fn a_response_without_a_body_is_an_error() {
    let bedrock = LocalBedrock::start();
    let model = without_retries(&bedrock);
    let json = |status| Reply::json("").status(status);
    let stream = |status| Reply::stream().content_length().status(status);
    for status in [200, 201, 204] {
        for reply in [Reply::empty(status), json(status), stream(status), Reply::stream().status(status)] {
            for (doing, outcome) in by_both_calls(&bedrock, &model, &reply) {
                assert!(
                    [BEDROCK_E_PROTOCOL, BEDROCK_E_TRUNCATED].contains(&outcome.status),
                    "{doing} {reply:?}: {outcome:?}"
                );
                assert_eq!(outcome.failure.expect("an error").attempts, 1);
            }
        }
    }
}

#[test]
fn a_redirect_is_an_error_and_nothing_is_sent_to_its_location() {
    let elsewhere = LocalBedrock::start();
    let bedrock = LocalBedrock::start();
    let model = without_retries(&bedrock);
    for http_status in [301, 302, 303, 307, 308] {
        let reply = Reply::redirect(http_status, &format!("{}/model/m/converse", elsewhere.url()));
        for (_, outcome) in by_both_calls(&bedrock, &model, &reply) {
            let failure = outcome.failure.unwrap_or_else(|| panic!("{http_status} is not a response"));
            assert_eq!(failure.http_status, i32::from(http_status));
            failure.says(&[&http_status.to_string(), "redirects are not followed", "base_url"]);
            failure.says(&[&format!("http://127.0.0.1:{}/", elsewhere.port())]);
            assert!(!failure.message.contains("model/m/converse"), "{failure:?}");
        }
    }
    assert_eq!(elsewhere.connection_count(), 0, "credentials went where they do not belong");
}

#[test]
fn a_response_with_another_content_type_is_a_protocol_error_that_names_it() {
    let bedrock = LocalBedrock::start();
    let model = without_retries(&bedrock);
    let stream = Reply::stream().text_stream(&["Hello"], "end_turn");
    for content_type in ["application/json", "text/event-stream", "text/html; charset=utf-8", "application/vnd.amazon"]
    {
        for reply in [Reply::text_response("Hello"), Reply::json("{}"), Reply::empty(200)] {
            bedrock.push(reply.content_type(content_type).request_id(REQUEST_ID));
            let streamed = model.stream(&hello());
            assert_eq!(streamed.events, []);
            let failure = streamed.outcome.failed(BEDROCK_E_PROTOCOL);
            failure.says(&[content_type]);
            assert_eq!((failure.http_status, failure.request_id.as_str()), (200, REQUEST_ID));
        }
    }
    for content_type in [EVENT_STREAM.to_owned(), format!("{EVENT_STREAM}; charset=utf-8"), EVENT_STREAM.to_uppercase()]
    {
        bedrock.push(stream.clone().content_type(&content_type));
        assert_eq!(model.stream(&hello()).outcome.response().text, "Hello", "{content_type}");
    }
}

#[test]
fn a_success_whose_body_names_an_unknown_operation_is_not_found() {
    let bedrock = LocalBedrock::start();
    let quirk = r#"{"Output":{"__type":"com.amazon.coral.service#UnknownOperationException"},"Version":"1.0"}"#;
    let [(_, unary), (_, streamed)] = by_both_calls(&bedrock, &without_retries(&bedrock), &Reply::json(quirk));
    for outcome in [streamed, unary] {
        let failure = outcome.failed(BEDROCK_E_NOT_FOUND);
        assert_eq!((failure.code.as_str(), failure.http_status), ("UnknownOperationException", 200));
    }
}

#[test]
fn a_unary_response_that_is_not_a_json_object_is_a_protocol_error() {
    let bedrock = LocalBedrock::start();
    let model = without_retries(&bedrock);
    let bodies: [&[u8]; 9] =
        [b"", b" ", b"{", b"{}{}", b"not JSON", b"{\"a\":\"\xff\"}", b"null", b"[]", b"\"output\""];
    for body in bodies {
        bedrock.push(Reply::json(body).request_id(REQUEST_ID));
        let outcome = model.generate(&hello());
        let shown = String::from_utf8_lossy(body);
        assert_eq!(name(outcome.status), "BEDROCK_E_PROTOCOL", "{shown}: {outcome:?}");
        let failure = outcome.failed(BEDROCK_E_PROTOCOL);
        assert_eq!((failure.http_status, failure.request_id.as_str()), (200, REQUEST_ID), "{shown}");
    }
}

#[test]
fn of_an_error_with_an_endless_body_the_beginning_is_read() {
    let bedrock = LocalBedrock::start();
    let model = without_retries(&bedrock).with(json!({"timeout": "10s"}));
    let endless = Reply::error(400, "ValidationException", "no").chunked().then_forever(vec![b' '; 64 << 10]);
    for (_, outcome) in by_both_calls(&bedrock, &model, &endless) {
        assert_eq!(outcome.failed(BEDROCK_E_VALIDATION).http_status, 400);
    }
    // The bytes in flight when the client closed, and not those that a fast service sends in 10 seconds.
    for connection in 1..=bedrock.connection_count() {
        bedrock.wait_closed(connection);
        let written = bedrock.connection(connection).written;
        assert!(written < 64 << 20, "{written} bytes of an error were read");
    }
}

#[test]
fn an_endless_response_is_a_protocol_error() {
    let bedrock = LocalBedrock::start();
    let model = without_retries(&bedrock);
    bedrock.push(Reply::json("{").chunked().then_forever(vec![b' '; 1 << 20]));
    let failure = model.generate(&hello()).failed(BEDROCK_E_PROTOCOL).clone();
    failure.says(&["longer than"]);
    assert!(!failure.retryable);
    let event = json!({"contentBlockIndex": 0, "delta": {"text": "on".repeat(1 << 19)}}).to_string();
    bedrock.push(Reply::stream().message_start().then_forever(event_frame("contentBlockDelta", &event)));
    let streamed = model.stream_with(&hello(), null_mut(), |_| 0);
    streamed.outcome.failed(BEDROCK_E_PROTOCOL).says(&["longer than"]);
}

#[test]
fn a_response_that_is_not_http_is_a_protocol_error_and_not_retried() {
    let bedrock = LocalBedrock::start();
    let model = Model::at(&bedrock);
    for bytes in
        ["SSH-2.0-OpenSSH_9.6\r\n", "\u{0}\u{1}\u{2}", "HTTP/1.1 abc\r\n\r\n", "HTTP/1.1 200 OK\r\nno colon\r\n\r\n"]
    {
        for (_, outcome) in by_both_calls(&bedrock, &model, &Reply::not_http(bytes)) {
            let failure = outcome.failed(BEDROCK_E_PROTOCOL);
            failure.says(&["not valid HTTP", &format!("127.0.0.1:{}", bedrock.port())]);
            assert!(!failure.message.contains("other:"), "{failure:?}");
            assert_eq!((failure.attempts, failure.retryable), (1, false));
        }
    }
}

#[test]
fn malformed_chunks_are_a_protocol_error() {
    let bedrock = LocalBedrock::start();
    let model = without_retries(&bedrock);
    let head = |content_type: &str| {
        format!("HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nTransfer-Encoding: chunked\r\n\r\n")
    };
    for chunks in ["xyz\r\n", "2\r\n{}}\r\n", "-1\r\n{}\r\n"] {
        bedrock.push(Reply::not_http(head(EVENT_STREAM) + chunks));
        model.stream(&hello()).outcome.failed(BEDROCK_E_PROTOCOL).says(&["not valid HTTP", "chunk"]);
        bedrock.push(Reply::not_http(head("application/json") + chunks));
        model.generate(&hello()).failed(BEDROCK_E_PROTOCOL).says(&["not valid HTTP", "chunk"]);
    }
}

#[test]
fn endless_interim_responses_are_an_error_at_once() {
    let bedrock = LocalBedrock::start();
    let model = without_retries(&bedrock);
    let flood = "HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n".repeat(1000);
    for (_, outcome) in by_both_calls(&bedrock, &model, &Reply::not_http(flood)) {
        outcome.failed(BEDROCK_E_PROTOCOL).says(&["too many interim responses"]);
    }
}

#[test]
fn the_error_for_a_compressed_response_names_its_encoding() {
    let bedrock = LocalBedrock::start();
    let model = without_retries(&bedrock);
    // The beginning of gzip.
    let zipped = || Bytes::from_static(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xab, 0x56]);
    for reply in [
        Reply::empty(200).content_type("application/json").body(zipped()),
        Reply::empty(200).content_type(EVENT_STREAM).body(zipped()),
        Reply::empty(400).content_type("application/json").body(zipped()),
    ] {
        let status = if reply.status_code() == 200 { BEDROCK_E_PROTOCOL } else { BEDROCK_E_VALIDATION };
        for (_, outcome) in by_both_calls(&bedrock, &model, &reply.header("Content-Encoding", "gzip")) {
            outcome.failed(status).says(&["compressed", "content-encoding: gzip", "not asked for"]);
        }
    }
    for (_, outcome) in by_both_calls(&bedrock, &model, &Reply::html(502).header("Content-Encoding", "identity")) {
        outcome.failed(BEDROCK_E_SERVICE).says(&["It begins: <html>"]);
    }
}

// Damaged streams.

fn golden() -> Reply {
    Reply::stream()
        .message_start()
        .text(0, &["Hel", "lo"])
        .tool_call(1, "tooluse_1", "weather", &["{\"city\":", "\"Bern\"}"])
        .message_stop("tool_use")
        .metadata(11, 2)
}

/// Sends `damaged` instead of the golden stream: either the damage has no effect, or the call fails after the first of
/// the golden events.
#[track_caller]
fn never_a_different_response(
    bedrock: &LocalBedrock,
    model: &Model,
    damaged: Vec<u8>,
    events: &[Event],
    counts: &mut BTreeMap<String, usize>,
    what: &str,
) {
    bedrock.push(Reply::stream().raw(damaged));
    let streamed = model.stream_with(&hello(), null_mut(), |_| 0);
    *counts.entry(name(streamed.outcome.status)).or_default() += 1;
    assert!(events.starts_with(&streamed.events), "{what}: {streamed:?}");
    if streamed.outcome.status >= 0 {
        assert_eq!(streamed.events, events, "{what}: OK, and the response is not complete");
    }
}

#[test]
fn a_stream_with_any_bit_flipped_is_never_a_different_response() {
    let bedrock = LocalBedrock::start();
    let model = Model::at(&bedrock);
    bedrock.push(golden());
    let events = model.stream(&hello()).events;
    let bytes = golden().body_bytes();
    let mut counts = BTreeMap::new();
    for at in 0..bytes.len() {
        // Each byte, and its bits in turn.
        let mut damaged = bytes.to_vec();
        damaged[at] ^= 1 << (at % 8);
        never_a_different_response(&bedrock, &model, damaged, &events, &mut counts, &format!("a bit of byte {at}"));
    }
    println!("one bit of {} bytes flipped: {counts:?}", bytes.len());
    assert_eq!(counts.get("BEDROCK_OK"), None, "each byte stands under a checksum");
}

#[test]
fn a_stream_with_bytes_lost_or_doubled_is_never_a_different_response() {
    let bedrock = LocalBedrock::start();
    let model = Model::at(&bedrock);
    bedrock.push(golden());
    let events = model.stream(&hello()).events;
    let bytes = golden().body_bytes();
    let mut counts = BTreeMap::new();
    for at in (0..bytes.len()).step_by(3) {
        let (before, after) = bytes.split_at(at);
        let lost = [before, &after[1..]].concat();
        never_a_different_response(&bedrock, &model, lost, &events, &mut counts, &format!("byte {at} lost"));
        let doubled = [before, &after[..1], after].concat();
        never_a_different_response(&bedrock, &model, doubled, &events, &mut counts, &format!("byte {at} doubled"));
        let zeroed = [before, &vec![0; after.len().min(16)], &after[after.len().min(16)..]].concat();
        never_a_different_response(&bedrock, &model, zeroed, &events, &mut counts, &format!("zeros from byte {at}"));
    }
    println!("bytes lost, doubled, zeroed: {counts:?}");
}

#[test]
fn frames_that_are_not_events_are_protocol_errors() {
    let bedrock = LocalBedrock::start();
    let model = Model::at(&bedrock);
    // A prelude with the right checksum that announces a frame of a gigabyte.
    let mut huge = [0x40, 0, 0, 0, 0, 0, 0, 0].to_vec();
    huge.extend_from_slice(&crc32fast::hash(&huge).to_be_bytes());
    let not_utf8 = frame(&[(":event-type", "contentBlockDelta"), (":message-type", "event")], b"{\"a\":\"\xff\"}");
    let strange = [
        ("a frame of a gigabyte", huge.into()),
        ("no frame", "data: {\"type\":\"content_block_delta\"}\n\n".into()),
        ("an event that is not UTF-8", not_utf8),
        ("an event that is not JSON", event_frame("contentBlockDelta", "{\"contentBlockIndex\":0,")),
        ("a frame without a message type", frame(&[(":event-type", "contentBlockDelta")], b"{}")),
        ("an unknown message type", frame(&[(":message-type", "gossip")], b"{}")),
    ];
    for (what, bytes) in strange {
        bedrock.push(Reply::stream().message_start().raw(bytes).message_stop("end_turn").request_id(REQUEST_ID));
        let streamed = model.stream(&hello());
        assert_eq!(name(streamed.outcome.status), "BEDROCK_E_PROTOCOL", "{what}: {streamed:?}");
        let failure = streamed.outcome.failed(BEDROCK_E_PROTOCOL);
        assert_eq!((failure.request_id.as_str(), failure.attempts), (REQUEST_ID, 1), "{what}");
        assert_eq!(streamed.events.len(), 1, "{what}: what came before it is shown");
    }
}

#[test]
fn unknown_events_are_delivered_and_do_no_harm() {
    let bedrock = LocalBedrock::start();
    bedrock.push(
        Reply::stream()
            .event("weatherReport", r#"{"sun": true}"#)
            .message_start()
            .event("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"hologram":{"x":1}},"sibling":[]}"#)
            .text(0, &["Hello"])
            .message_stop("end_turn")
            .event("afterthought", "{}"),
    );
    let streamed = Model::at(&bedrock).stream(&hello());
    assert_eq!(streamed.outcome.response().text, "Hello");
    let others: Vec<_> = streamed.events.iter().filter(|event| event.kind == BEDROCK_EVENT_OTHER).collect();
    assert_eq!(others.iter().map(|event| event.text.as_str()).collect::<Vec<_>>(), ["weatherReport", "afterthought"]);
    assert_eq!(others[0].json, r#"{"sun": true}"#);
    assert!(streamed.events.iter().any(|event| event.kind == BEDROCK_EVENT_BLOCK_DELTA && event.block == 0));
}

// After a failure.

#[test]
fn after_a_failure_the_next_call_works() {
    let whole = || Reply::stream().text_stream(&["Hel", "lo"], "end_turn");
    let length = whole().body_len();
    let failing = [
        Reply::error(400, "ValidationException", "no"),
        Reply::error(503, "ServiceUnavailableException", "busy"),
        Reply::html(404),
        Reply::html(200),
        Reply::empty(204),
        Reply::redirect(307, "http://127.0.0.1:1/"),
        Reply::json("{}"),
        Reply::close_before_headers(),
        Reply::reset_before_headers(),
        Reply::not_http("nonsense\r\n\r\n"),
        whole().cut_at(length / 2, Cut::CleanEnd),
        whole().cut_at(length / 2, Cut::Close),
        whole().cut_at(length / 2, Cut::Reset),
        Reply::stream().message_start().exception("throttlingException", "{}"),
        Reply::stream().message_start().raw("no frame at all, and longer than a prelude").message_stop("end_turn"),
    ];
    for reply in failing {
        let bedrock = LocalBedrock::start();
        let model = without_retries(&bedrock);
        for _ in 0..2 {
            bedrock.push(reply.clone());
            assert!(model.stream(&hello()).outcome.status < 0, "{reply:?}");
            bedrock.push(whole());
            assert_eq!(model.stream(&hello()).outcome.response().text, "Hello", "after {reply:?}");
            bedrock.push(Reply::text_response("Hi"));
            assert_eq!(model.generate(&hello()).response().text, "Hi", "after {reply:?}");
        }
    }
}

#[test]
fn a_service_error_keeps_the_connection() {
    let bedrock = LocalBedrock::start();
    let model = Model::at(&bedrock);
    for _ in 0..3 {
        for (_, outcome) in by_both_calls(&bedrock, &model, &Reply::error(400, "ValidationException", "no")) {
            outcome.failed(BEDROCK_E_VALIDATION);
        }
    }
    assert_eq!(bedrock.connection_count(), 1);
}

#[test]
fn a_connection_that_the_service_has_closed_is_replaced() {
    let bedrock = LocalBedrock::start();
    let model = Model::at(&bedrock);
    bedrock.push(Reply::text_response("Hello").then_close());
    assert_eq!(model.generate(&hello()).response().text, "Hello");
    bedrock.wait_closed(1);
    bedrock.push(Reply::text_response("Hello again"));
    assert_eq!(model.generate(&hello()).response().text, "Hello again");
    assert_eq!(bedrock.connection_count(), 2);
}
