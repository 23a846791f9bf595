//! A status, headers and a body as the service or a gateway may send them: an error with a message of one line, or a
//! response that is JSON.
#![no_main]

use bedrock::error::Error;
use bedrock::json::Json;
use bedrock::protocol::bad_response::not_a_stream;
use bedrock::protocol::operation::ResponseForm;
use bedrock::protocol::redact::Secrets;
use bedrock::protocol::service_error::ServiceError;
use bedrock::protocol::unary_response::{UnaryBody, UnaryHead};
use libfuzzer_sys::fuzz_target;

const SECRET: &str = "bedrock-api-key-c2VjcmV0";

fn check(error: &Error) {
    let message = error.message().as_str();
    assert!(message.starts_with("bedrock: ") && !message.contains(char::is_control), "{message:?}");
    assert!(message.len() < 9 << 10, "a message of {} bytes", message.len());
    let json = error.json().as_str();
    assert!(json.is_empty() || Json::parse(json).is_ok(), "{json:?}");
}

fuzz_target!(|given: (u16, u8, &str, &str, &[u8])| {
    let (status, known, name, header, body) = given;
    let status = 100 + status % 500;
    let names = ["x-amzn-errortype", "content-type", "content-encoding", "location", "retry-after", "date"];
    let headers = |wanted: &str| {
        let at = names.iter().position(|name| *name == wanted)?;
        (known >> at & 1 == 1).then_some(if at % 2 == 0 { name } else { header })
    };
    // The body may contain the key that authorized the request.
    let secrets = Secrets::in_headers([("authorization", &*format!("Bearer {SECRET}"))]);
    let body = if known & 0x80 == 0 { body.to_vec() } else { [body, SECRET.as_bytes(), body].concat() };

    let error = ServiceError::from_http(status, headers, &body, &secrets).into_error();
    check(&error);
    for text in [error.message(), error.json(), error.code(), error.request_id()] {
        assert!(!text.as_str().contains(SECRET), "a secret is in {text:?}");
    }
    let text = String::from_utf8_lossy(&body);
    check(&ServiceError::from_exception(name, &text).into_error());
    check(&ServiceError::new(name, header).into_error());
    check(&not_a_stream(status, header, &text));
    for (form, delimited) in [(ResponseForm::Service, true), (ResponseForm::Model, true), (ResponseForm::Model, false)]
    {
        let head = UnaryHead { status, content_type: header.to_owned(), delimited, form };
        match head.read_body(body.clone()) {
            Ok(UnaryBody { text, stop_reason, .. }) => {
                Json::parse(&text).expect("a response is JSON");
                assert!(stop_reason.is_empty() || text[stop_reason].starts_with('"'));
            }
            Err(error) => check(&error),
        }
    }
});
