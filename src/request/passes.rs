//! How often the bytes of a request are looked at, from the program's JSON to the body that is sent.

use super::attachment::Attachments;
use super::{Document, Request};
use crate::json::{Json, effort};
use crate::wire::operation::Operation;

/// The body of a request given as JSON, and how many bytes were looked at on the way to it.
fn body(operation: Operation, text: &str) -> (String, usize) {
    effort::of(|| {
        let request = Request::parse(text).unwrap();
        let input = request.input(operation, "m", &Document::default(), true).unwrap();
        String::from_utf8(input.body.unwrap().to_vec()).unwrap()
    })
}

/// 4 MB, of which a part is no whole block.
fn image() -> String {
    base64_simd::STANDARD.encode_to_string((0..3_000_001).map(|at| (at * 7 + at / 256) as u8).collect::<Vec<_>>())
}

#[test]
fn four_megabytes_of_base64_in_a_native_request_are_looked_at_once() {
    let image = image();
    let messages = format!(
        concat!(
            r#"[{{"role":"user","content":[{{"text":"What is this?"}},"#,
            r#"{{"image":{{"format":"png","source":{{"bytes":"{}"}}}}}}]}}]"#
        ),
        image
    );
    let text = format!(r#"{{ "inferenceConfig": {{"maxTokens": 5}}, "messages": {messages} }}"#);
    let (sent, looked_at) = body(Operation::Converse, &text);
    assert_eq!(sent, text);
    assert!(looked_at <= text.len() + 10_000, "{looked_at} bytes of {} were looked at", text.len());

    let (count, looked_at) = body(Operation::CountTokens, &format!(r#"{{"messages":{messages}}}"#));
    assert!(count.contains(&messages));
    assert!(looked_at <= text.len() + 10_000, "{looked_at} bytes of {} were looked at", text.len());

    let text = format!(r#"{{"body":{{"images":["{image}"],"inputText":"x"}}}}"#);
    let (sent, looked_at) = body(Operation::InvokeModel, &text);
    assert_eq!(format!(r#"{{"body":{sent}}}"#), text);
    assert!(looked_at <= text.len() + 10_000, "{looked_at} bytes of {} were looked at", text.len());
}

#[test]
fn four_megabytes_of_base64_in_a_message_that_is_added_are_looked_at_once() {
    let message = format!(
        r#"{{"role":"user","content":[{{"image":{{"format":"png","source":{{"bytes":"{}"}}}}}},{{"text":"?"}}]}}"#,
        image()
    );
    let (request, looked_at) = effort::of(|| {
        let mut request = Request::default();
        request.add_message(message.as_str()).unwrap();
        request.add_text("assistant", "An image.").unwrap();
        request.add_text("user", "Of what?").unwrap();
        request
    });
    assert!(looked_at <= message.len() + 10_000, "{looked_at} bytes of {} were looked at", message.len());
    let (_, looked_at) = effort::of(|| request.input(Operation::Converse, "m", &Document::default(), true).unwrap());
    assert!(looked_at <= 10_000, "{looked_at} bytes were looked at for a call");
}

#[test]
fn four_megabytes_of_base64_in_chat_completions_are_looked_at_twice() {
    let image = image();
    let data = format!(r#"{{"type":"image","data":"{image}","mime_type":"image/png"}}"#);
    let url = format!(r#"{{"type":"image_url","image_url":{{"url":"data:image/png;base64,{image}"}}}}"#);
    for part in [data, url] {
        let text = format!(r#"{{"messages":[{{"role":"user","content":[{{"type":"text","text":"?"}},{part}]}}]}}"#);
        let (sent, looked_at) = body(Operation::Converse, &text);
        assert!(sent.contains(&format!(r#"{{"image":{{"format":"png","source":{{"bytes":"{image}"}}}}}}"#)));
        assert!(looked_at <= 2 * text.len() + 10_000, "{looked_at} bytes of {} were looked at", text.len());
    }
}

#[test]
fn a_reference_below_five_hundred_levels_is_found_on_a_small_stack_in_linear_time() {
    let levels = 500;
    let filler = "x".repeat(1_000_000);
    let nested = format!("{}{{\"bytes\":\"@x\"}}{}", r#"[{"a":"#.repeat(levels / 2), r#","b":0}]"#.repeat(levels / 2));
    let text = format!(r#"{{"messages":[{{"filler":"{filler}","content":{nested}}}]}}"#);
    let search = move || {
        let (document, looked_at) = effort::of(|| Document::parse(text.as_str(), "reading").unwrap());
        assert!(looked_at <= 2 * text.len(), "{looked_at} bytes of {} were looked at", text.len());
        let mut attachments = Attachments::default();
        attachments.add("x", std::sync::Arc::new(b"ABC".to_vec())).unwrap();
        document.write(&attachments).unwrap()
    };
    // Tests are built to be debugged, and their frames are larger than a program's.
    let small = std::thread::Builder::new().stack_size(96 << 10).spawn(search).unwrap();
    let written = small.join().unwrap();
    assert!(Json::parse(&written).is_ok() && written.contains(r#"{"bytes":"QUJD"}"#));
}
