//! Tests of the effort for a request: how often its bytes are read, from the program's JSON to the serialized body.

use super::attachments::Attachments;
use super::media_block::MediaBlock;
use crate::config::Cache;
use crate::json::{Json, cost};
use crate::protocol::operation::Operation;
use crate::protocol::response_head::ResponseHead;
use crate::request::{Document, Medium, Request};
use crate::response::Response;
use crate::text::Text;
use std::sync::Arc;

/// Serializes a request. Returns its body, and the number of bytes that were read for it.
fn body(operation: Operation, text: &str) -> (String, usize) {
    cost::of_reading(|| {
        let request = Request::parse(text).unwrap();
        let serialized = request.serialize(operation, "m", &Document::default(), &Cache::default(), true).unwrap();
        String::from_utf8(serialized.body.unwrap().to_vec()).unwrap()
    })
}

/// 4 MB of base64. The number of bytes is no multiple of three.
fn image() -> String {
    base64_simd::STANDARD.encode_to_string((0..3_000_001).map(|at| (at * 7 + at / 256) as u8).collect::<Vec<_>>())
}

#[test]
fn four_megabytes_of_base64_in_a_native_request_are_read_once() {
    let image = image();
    let messages = format!(
        concat!(
            r#"[{{"role":"user","content":[{{"text":"What is this?"}},"#,
            r#"{{"image":{{"format":"png","source":{{"bytes":"{}"}}}}}}]}}]"#
        ),
        image
    );
    let text = format!(r#"{{ "inferenceConfig": {{"maxTokens": 5}}, "messages": {messages} }}"#);
    let (sent, read) = body(Operation::Converse, &text);
    assert_eq!(sent, text);
    assert!(read <= text.len() + 10_000, "{read} bytes of {} were read", text.len());

    let (count, read) = body(Operation::CountTokens, &format!(r#"{{"messages":{messages}}}"#));
    assert!(count.contains(&messages));
    assert!(read <= text.len() + 10_000, "{read} bytes of {} were read", text.len());

    let text = format!(r#"{{"body":{{"images":["{image}"],"inputText":"x"}}}}"#);
    let (sent, read) = body(Operation::InvokeModel, &text);
    assert_eq!(format!(r#"{{"body":{sent}}}"#), text);
    assert!(read <= text.len() + 10_000, "{read} bytes of {} were read", text.len());
}

#[test]
fn four_megabytes_of_base64_in_a_message_that_is_added_are_read_once() {
    let message = format!(
        r#"{{"role":"user","content":[{{"image":{{"format":"png","source":{{"bytes":"{}"}}}}}},{{"text":"?"}}]}}"#,
        image()
    );
    let (request, read) = cost::of_reading(|| {
        let mut request = Request::default();
        request.add_message(message.as_str()).unwrap();
        request.add_text("assistant", "An image.").unwrap();
        request.add_text("user", "Of what?").unwrap();
        request
    });
    assert!(read <= message.len() + 10_000, "{read} bytes of {} were read", message.len());
    let (_, read) = cost::of_reading(|| {
        request.serialize(Operation::Converse, "m", &Document::default(), &Cache::default(), true).unwrap()
    });
    assert!(read <= 10_000, "{read} bytes were read for a call");
}

#[test]
fn four_megabytes_of_base64_in_chat_completions_are_read_twice() {
    let image = image();
    let data = format!(r#"{{"type":"image","data":"{image}","mime_type":"image/png"}}"#);
    let url = format!(r#"{{"type":"image_url","image_url":{{"url":"data:image/png;base64,{image}"}}}}"#);
    for part in [data, url] {
        let text = format!(r#"{{"messages":[{{"role":"user","content":[{{"type":"text","text":"?"}},{part}]}}]}}"#);
        let (sent, read) = body(Operation::Converse, &text);
        assert!(sent.contains(&format!(r#"{{"image":{{"format":"png","source":{{"bytes":"{image}"}}}}}}"#)));
        assert!(read <= 2 * text.len() + 10_000, "{read} bytes of {} were read", text.len());
    }
}

/// A name, and a function that adds the item of an index.
type Way<'a> = (&'a str, &'a dyn Fn(&mut Request, usize));

/// Returns the number of bytes that are read and copied while `count` items are added one by one.
fn effort_of_adding(count: usize, add: impl Fn(&mut Request, usize)) -> usize {
    let (request, total) = cost::of_all(|| {
        let mut request = Request::default();
        (0..count).for_each(|index| add(&mut request, index));
        request
    });
    assert!(request.message_count() > 0);
    total
}

#[test]
fn adding_ten_thousand_items_takes_at_most_eleven_times_the_effort_of_a_thousand() {
    let media = |request: &mut Request, medium, name, bytes: &'static [u8]| {
        let block = MediaBlock { medium, role: "user", format: None, name, bytes };
        request.add_media(&block, || Arc::new(bytes)).unwrap();
    };
    let response = |id: usize| {
        let call = format!(r#"{{"toolUse":{{"toolUseId":"{id}","name":"f","input":{{"a":"{}"}}}}}}"#, "x".repeat(400));
        let json = format!(r#"{{"output":{{"message":{{"role":"assistant","content":[{call}]}}}}}}"#);
        Response::unary(Text::from(json), ResponseHead::default(), 1)
    };
    let ways: [Way<'_>; 15] = [
        ("native messages in turn", &|request, index| {
            let role = ["user", "assistant"][index % 2];
            request.add_message(&format!(r#"{{"role":"{role}","content":[{{"text":"{index}"}}]}}"#)).unwrap();
        }),
        ("native messages of one role", &|request, index| {
            request.add_message(&format!(r#"{{"role":"user","content":[{{"text":"{index}"}}]}}"#)).unwrap();
        }),
        ("native messages with documents", &|request, index| {
            let document = format!(r#"{{"document":{{"name":"{index}","format":"txt","source":{{"bytes":"YQ=="}}}}}}"#);
            request.add_message(&format!(r#"{{"role":"user","content":[{document}]}}"#)).unwrap();
        }),
        ("portable messages in turn", &|request, index| {
            let role = ["human", "ai"][index % 2];
            request.add_message(&format!(r#"{{"role":"{role}","content":"{index}"}}"#)).unwrap();
        }),
        ("portable messages of one role", &|request, index| {
            request.add_message(&format!(r#"{{"role":"human","content":"{index}"}}"#)).unwrap();
        }),
        ("portable messages with documents of one name", &|request, _| {
            let part = r#"{"type":"document","data":"YQ==","mime_type":"text/plain","name":"report"}"#;
            request.add_message(&format!(r#"{{"role":"human","content":[{part}]}}"#)).unwrap();
        }),
        ("texts in turn", &|request, index| request.add_text(["user", "assistant"][index % 2], "text").unwrap()),
        ("texts of one role", &|request, _| request.add_text("user", &"text".repeat(20)).unwrap()),
        ("long texts of one role", &|request, _| request.add_text("user", &"text".repeat(500)).unwrap()),
        ("system prompts", &|request, _| {
            request.add_text("system", "text").unwrap();
            if request.message_count() == 0 {
                request.add_text("user", "text").unwrap();
            }
        }),
        ("results of tools", &|request, index| request.add_tool_result(&index.to_string(), "done", false).unwrap()),
        ("responses", &|request, index| request.add_response(&response(index)).unwrap()),
        ("responses and results", &|request, index| {
            request.add_response(&response(index)).unwrap();
            request.add_tool_result(&index.to_string(), "done", index % 2 == 0).unwrap();
        }),
        ("images", &|request, _| media(request, Medium::Image, None, b"\x89PNG\r\n\x1a\n")),
        ("documents of one name", &|request, _| media(request, Medium::Document, Some("report.pdf"), b"%PDF-1.7")),
    ];
    for (what, add) in ways {
        let [few, many] = [1_000, 10_000].map(|count| effort_of_adding(count, add));
        println!("{what}: {few} for 1,000, {many} for 10,000");
        assert!(many <= 11 * few, "{what}: {few} for 1,000, {many} for 10,000");
    }
}

#[test]
fn a_message_that_grew_block_by_block_is_the_same_as_its_text_read_at_once() {
    let attached = r#"{"image":{"format":"png","source":{"bytes":"@late"}}}"#;
    for message in [
        r#"{"role":"user","content":[]}"#.to_owned(),
        r#" { "content" : [ {"text":"a"} ] , "role": "user" , "new": {"bytes":"@x","long":"LONG"} } "#.to_owned(),
        format!(r#"{{"role":"user","content":[{{"text":"@a"}},{attached}]}}"#),
    ] {
        let mut request = Request::default();
        request.add_message(&message.replace("LONG", &"l".repeat(300))).unwrap();
        for index in 0..9 {
            let long = "t".repeat(index * 60);
            request.add_text("user", &format!("@text {long}\"")).unwrap();
            let part =
                format!(r#"{{"type":"image","data":"{}","mime_type":"image/png"}}"#, ["@late", "YWJj"][index % 2]);
            request.add_message(&format!(r#"{{"role":"human","content":[{part}]}}"#)).unwrap();
            let last = request.document.items("messages").last().unwrap();
            assert_eq!(request.message_count(), 1);
            assert!(last.is_consistent(), "{}", last.text());
        }
        let error = request.to_json(true).map(drop).unwrap_err();
        assert!(error.path().as_str().starts_with("/messages/0/"), "{error}");
        request.attach("x", Arc::new(b"X")).unwrap();
        request.attach("late", Arc::new(b"LATE")).unwrap();
        let inline = request.to_json(true).unwrap();
        assert!(!inline.contains("@late") && inline.matches("TEFURQ==").count() >= 5, "{}", &*inline);
    }
}

#[test]
fn a_reference_below_five_hundred_levels_is_found_on_a_small_stack_in_linear_time() {
    let levels = 500;
    let filler = "x".repeat(1_000_000);
    let nested = format!("{}{{\"bytes\":\"@x\"}}{}", r#"[{"a":"#.repeat(levels / 2), r#","b":0}]"#.repeat(levels / 2));
    let text = format!(r#"{{"messages":[{{"filler":"{filler}","content":{nested}}}]}}"#);
    let search = move || {
        let (document, read) = cost::of_reading(|| Document::parse(text.as_str(), "reading").unwrap());
        assert!(read <= 2 * text.len(), "{read} bytes of {} were read", text.len());
        let mut attachments = Attachments::default();
        attachments.add("x", std::sync::Arc::new(b"ABC".to_vec())).unwrap();
        document.write(&attachments).unwrap()
    };
    // Tests are built to be debugged, and their frames are larger than a program's.
    let small = std::thread::Builder::new().stack_size(96 << 10).spawn(search).unwrap();
    let written = small.join().unwrap();
    assert!(Json::parse(&written).is_ok() && written.contains(r#"{"bytes":"QUJD"}"#));
}
