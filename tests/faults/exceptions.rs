//! Service errors inside a stream: each name, in each form, at each position.

use serde_json::json;

use crate::carrier::Carrier;
use crate::fault::{Expect, Fault};
use crate::golden::{EVENTS, ends, golden};
use crate::interface::Interface;
use crate::support::Reply;
use crate::support::capi::*;
use crate::support::stream::{exception_frame, frame};

/// Names of exceptions, and the expected status.
const NAMES: [(&str, bedrock_status); 22] = [
    // In the published model of the stream.
    ("internalServerException", BEDROCK_E_SERVICE),
    ("modelStreamErrorException", BEDROCK_E_MODEL),
    ("validationException", BEDROCK_E_VALIDATION),
    ("throttlingException", BEDROCK_E_THROTTLED),
    ("serviceUnavailableException", BEDROCK_E_SERVICE),
    // In the published model of other operations.
    ("modelTimeoutException", BEDROCK_E_MODEL),
    ("modelErrorException", BEDROCK_E_MODEL),
    ("modelNotReadyException", BEDROCK_E_MODEL),
    ("accessDeniedException", BEDROCK_E_ACCESS_DENIED),
    ("unrecognizedClientException", BEDROCK_E_ACCESS_DENIED),
    ("invalidSignatureException", BEDROCK_E_ACCESS_DENIED),
    ("expiredTokenException", BEDROCK_E_CREDENTIALS),
    ("resourceNotFoundException", BEDROCK_E_NOT_FOUND),
    ("serviceQuotaExceededException", BEDROCK_E_QUOTA),
    ("conflictException", BEDROCK_E_VALIDATION),
    ("InternalFailure", BEDROCK_E_SERVICE),
    // As other parts of AWS spell them.
    ("ThrottlingException", BEDROCK_E_THROTTLED),
    ("TooManyRequestsException", BEDROCK_E_THROTTLED),
    // Unknown names.
    ("somethingNewException", BEDROCK_E_SERVICE),
    ("messageStop", BEDROCK_E_SERVICE),
    ("\u{1f30d}", BEDROCK_E_SERVICE),
    ("", BEDROCK_E_SERVICE),
];

const MESSAGE: &str = "it went wrong half way";

pub fn faults(carrier: Carrier) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (name, status) in NAMES {
        let payload = json!({"message": MESSAGE, "originalStatusCode": 500}).to_string();
        let error = [(":error-code", name), (":error-message", MESSAGE), (":message-type", "error")];
        let forms = [("an exception", exception_frame(name, &payload)), ("an error frame", frame(&error, b""))];
        for (form, bytes) in forms {
            for position in (0..=EVENTS).step_by(carrier.step(1, 5)) {
                let expect = Expect::fails(status).after(position).code(name).says(name).says(MESSAGE);
                let fault = Fault::new(&format!("{form}: {name:?}")).case(format!("after event {position}"));
                let all = position == EVENTS / 2;
                let reply = inserted(position, &bytes);
                faults.push(fault.streamed(reply, expect).by(if all {
                    &Interface::STREAMS
                } else {
                    &Interface::THREE
                }));
            }
        }
    }
    let overflow = json!({"message": "Input is too long for requested model."}).to_string();
    faults.push(Fault::new("an exception: input too long").streamed(
        inserted(1, &exception_frame("validationException", &overflow)),
        Expect::fails(BEDROCK_E_CONTEXT_OVERFLOW).after(1).code("validationException").says("too long"),
    ));
    for payload in
        ["", "{}", "not JSON", "[1]", "\"text\"", "{\"message\":null}", "{\"Message\":\"with a capital letter\"}"]
    {
        let expect =
            Expect::fails(BEDROCK_E_THROTTLED).after(2).code("throttlingException").says("throttlingException");
        let reply = inserted(2, &exception_frame("throttlingException", payload));
        faults.push(Fault::new("an exception with an unexpected payload").case(payload).streamed(reply, expect));
    }
    faults
}

/// The golden stream with one more frame after `position` events.
fn inserted(position: usize, bytes: &[u8]) -> Reply {
    let body = golden().body_bytes();
    let at = if position == 0 { 0 } else { ends()[position - 1] };
    Reply::stream_of(body.slice(..at)).raw(bytes.to_vec()).raw(body.slice(at..))
}
