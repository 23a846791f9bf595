//! Faulty HTTP responses: service errors by name and by status, HTML, empty bodies, redirects, wrong content types,
//! invalid HTTP.

use bytes::Bytes;
use serde_json::json;

use crate::carrier::Carrier;
use crate::fault::{Expect, Fault};
use crate::golden::golden;
use crate::support::capi::*;
use crate::support::stream::EVENT_STREAM;
use crate::support::{ErrorName, LocalBedrock, Reply};

/// Service errors: name, HTTP status, message, and the expected status.
const NAMED: [(&str, u16, &str, bedrock_status); 17] = [
    ("ValidationException", 400, "Malformed input request", BEDROCK_E_VALIDATION),
    ("ValidationException", 400, "Input is too long for requested model.", BEDROCK_E_CONTEXT_OVERFLOW),
    ("ServiceQuotaExceededException", 400, "Your quota is used up", BEDROCK_E_QUOTA),
    ("AccessDeniedException", 403, "You don't have access to the model", BEDROCK_E_ACCESS_DENIED),
    ("UnrecognizedClientException", 403, "The security token is invalid", BEDROCK_E_ACCESS_DENIED),
    ("ExpiredTokenException", 403, "The security token is expired", BEDROCK_E_CREDENTIALS),
    ("ResourceNotFoundException", 404, "Could not resolve the model", BEDROCK_E_NOT_FOUND),
    ("ModelTimeoutException", 408, "The model took too long", BEDROCK_E_MODEL),
    ("ConflictException", 409, "Another request was faster", BEDROCK_E_VALIDATION),
    ("ModelErrorException", 424, "The model failed", BEDROCK_E_MODEL),
    ("ThrottlingException", 429, "Too many requests", BEDROCK_E_THROTTLED),
    ("ModelNotReadyException", 429, "The model is not ready", BEDROCK_E_MODEL),
    ("FutureException", 418, "what comes next", BEDROCK_E_VALIDATION),
    ("InternalServerException", 500, "Something went wrong", BEDROCK_E_SERVICE),
    ("ServiceUnavailableException", 503, "The service is busy", BEDROCK_E_SERVICE),
    ("FutureException", 503, "what comes next", BEDROCK_E_SERVICE),
    ("FutureException", 599, "what comes next", BEDROCK_E_SERVICE),
];

pub fn faults(carrier: Carrier, elsewhere: &LocalBedrock) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (code, status, message, expected) in NAMED {
        let row = match code {
            "ThrottlingException" => "429 without Retry-After".to_owned(),
            _ => format!("{status} {code}"),
        };
        let text = message.trim_end_matches('.');
        let expect = || Expect::fails(expected).code(code).http(status).says(code).says(text);
        for position in
            [ErrorName::Header, ErrorName::BodyType, ErrorName::BodyCode].into_iter().step_by(carrier.step(1, 3))
        {
            let reply = Reply::error_named(position, status, code, message);
            faults.push(Fault::new(&row).case(format!("{message}, its name in {position:?}")).both(reply, expect()));
        }
    }
    for after in ["1", "60", "0", "-1", "soon", "Wed, 21 Oct 2065 07:28:00 GMT", "99999999999999999999"] {
        let reply = Reply::error(429, "ThrottlingException", "Slow down").header("Retry-After", after);
        let expect = Expect::fails(BEDROCK_E_THROTTLED).code("ThrottlingException").http(429).says("Slow down");
        faults.push(Fault::new("429 with Retry-After").case(after).both(reply, expect));
    }
    let by_status = [
        (400, BEDROCK_E_VALIDATION),
        (401, BEDROCK_E_ACCESS_DENIED),
        (403, BEDROCK_E_ACCESS_DENIED),
        (404, BEDROCK_E_NOT_FOUND),
        (408, BEDROCK_E_MODEL),
        (429, BEDROCK_E_THROTTLED),
        (500, BEDROCK_E_SERVICE),
        (502, BEDROCK_E_SERVICE),
        (504, BEDROCK_E_SERVICE),
    ];
    for (status, expected) in by_status {
        let expect = || Expect::fails(expected).http(status).says(&status.to_string());
        let row = format!("{status} without a name");
        faults.push(Fault::new(&row).case("empty").both(Reply::empty(status), expect()));
        let html = expect().says("text/html").says("<html>");
        faults.push(Fault::new(&row).case("HTML").both(Reply::html(status), html));
    }
    faults.push(
        Fault::new("HTML instead of a response").both(Reply::html(200), Expect::fails(BEDROCK_E_PROTOCOL).http(200)),
    );
    let empty = || Expect::fails(BEDROCK_E_PROTOCOL).http(200);
    faults.push(Fault::new("an empty 200").case("without content type").both(Reply::empty(200), empty()));
    faults.push(
        Fault::new("an empty 200")
            .case("with the right content type")
            // An empty stream ends before messageStop.
            .streamed(Reply::stream(), Expect::fails(BEDROCK_E_TRUNCATED).says("before messageStop"))
            .unary(Reply::json(""), empty().says("empty")),
    );
    let no_content = || Expect::fails(BEDROCK_E_PROTOCOL).http(204);
    faults.push(Fault::new("204").case("without content type").both(Reply::empty(204), no_content()));
    faults.push(
        Fault::new("204")
            .case("with the right content type")
            .streamed(Reply::stream().status(204), Expect::fails(BEDROCK_E_TRUNCATED).says("before messageStop"))
            .unary(Reply::json("").status(204), no_content()),
    );
    for status in [301, 302, 303, 307, 308] {
        let reply = Reply::redirect(status, &format!("{}/model/m/converse", elsewhere.url()));
        let expect = Expect::fails(BEDROCK_E_PROTOCOL).http(status).says(&status.to_string());
        faults.push(Fault::new("a redirect").case(status.to_string()).both(reply, expect));
    }
    for content_type in ["application/json", "text/event-stream", "text/html; charset=utf-8", "application/vnd.amazon"]
    {
        let expect = Expect::fails(BEDROCK_E_PROTOCOL).http(200).says(content_type);
        let reply = Reply::text_response("Hello").content_type(content_type);
        faults.push(Fault::new("a stream with a wrong content type").case(content_type).streamed(reply, expect));
    }
    faults.push(
        Fault::new("a body of another kind than its content type")
            .case("JSON labelled as a stream, and a stream as a unary response")
            .streamed(
                Reply::text_response("Hello").content_type(EVENT_STREAM),
                Expect::fails(BEDROCK_E_PROTOCOL).says("damaged"),
            )
            .unary(golden(), Expect::fails(BEDROCK_E_PROTOCOL).http(200)),
    );
    for body in ["{", "not JSON", "null", "[]", "{}{}"] {
        let expect = Expect::fails(BEDROCK_E_PROTOCOL).http(200).says("JSON");
        faults.push(Fault::new("a body that is not a JSON object").case(body).unary(Reply::json(body), expect));
    }
    faults
}

/// Faults that only HTTP/1.1 can have.
pub fn faults_of_http1() -> Vec<Fault> {
    let lost = || Expect::fails(BEDROCK_E_NETWORK);
    let invalid = || Expect::fails(BEDROCK_E_PROTOCOL).says("not valid HTTP");
    let mut faults = vec![
        Fault::new("closed before the head").both(Reply::close_before_headers(), lost()),
        Fault::new("reset before the head").both(Reply::reset_before_headers(), lost()),
    ];
    for bytes in
        ["SSH-2.0-OpenSSH_9.6\r\n", "\0\u{1}\u{2}", "HTTP/1.1 abc\r\n\r\n", "HTTP/1.1 200 OK\r\nno colon\r\n\r\n"]
    {
        faults.push(
            Fault::new("invalid HTTP").case(bytes.escape_debug().to_string()).both(Reply::not_http(bytes), invalid()),
        );
    }
    let head = |headers: &str| Bytes::from(format!("HTTP/1.1 200 OK\r\n{headers}\r\n"));
    let oversized = [
        ("10,000 tiny headers", head(&"a: b\r\n".repeat(10_000))),
        ("a header of 8 MiB", head(&format!("a: {}\r\n", "b".repeat(8 << 20)))),
        ("a head of 8 MiB that never ends", Bytes::from("a: b\r\n".repeat((8 << 20) / 6))),
    ];
    for (case, bytes) in oversized {
        faults.push(Fault::new("an oversized head").case(case).both(Reply::not_http(bytes), invalid()));
    }
    let smuggled = Reply::stream().header("Content-Length", "5").header("Transfer-Encoding", "chunked");
    faults.push(
        Fault::new("two framings")
            .streamed(
                smuggled.clone().raw("12345"),
                Expect::fails(BEDROCK_E_TRUNCATED).or(BEDROCK_E_NETWORK).or(BEDROCK_E_PROTOCOL),
            )
            .unary(
                Reply::json(json!({}).to_string()).header("Content-Length", "1"),
                Expect::fails(BEDROCK_E_PROTOCOL).http(200),
            ),
    );
    faults
}
