//! A stream of events with any payloads: the events and the assembled response do not depend on the pieces in which the
//! stream arrives. The JSON of each event is valid, and so is the assembled response.
#![no_main]

use bedrock::error::Error;
use bedrock::json::Json;
use bedrock::protocol::batch::Batch;
use bedrock::protocol::event_decoder::EventDecoder;
use bedrock::protocol::frame_buffer::FrameBuffer;
use bedrock::protocol::operation::{Operation, ResponseForm};
use bedrock::response::assembler::Assembler;
use libbedrock_fuzz::{events, frame};
use libfuzzer_sys::fuzz_target;

/// The result of a stream: its events as text, the assembled response, and the error that ended it.
#[derive(Debug, PartialEq)]
struct Outcome {
    events: Vec<String>,
    response: String,
    error: Option<String>,
}

fn read<'a>(operation: Operation, chunks: impl Iterator<Item = &'a [u8]>) -> Outcome {
    let model_form = operation == Operation::InvokeModelWithResponseStream;
    let mut decoder = EventDecoder::new(if model_form { ResponseForm::Model } else { ResponseForm::Service });
    let mut frames = FrameBuffer::default();
    let mut assembler = Assembler::of(operation).expect("a streaming operation");
    let mut outline = Assembler::without_content(operation).expect("a streaming operation");
    let mut outcome = Outcome { events: Vec::new(), response: String::new(), error: None };
    for chunk in chunks {
        let mut batch = Batch::default();
        batch.reserve(chunk.len());
        let fed = frames.feed(chunk, |frame| decoder.decode(frame, &mut batch));
        for index in 0..batch.len() {
            let event = batch.get(index).expect("an event of the batch");
            if !event.json.as_str().is_empty() {
                Json::parse(event.json.as_str()).expect("an event's JSON is JSON");
            }
            assembler.push(&event);
            outline.push(&event);
            outcome.events.push(format!("{event:?}"));
        }
        if let Err(error) = fed {
            let error: Error = error;
            assert!(error.message().as_str().starts_with("bedrock: "));
            outcome.error = Some(error.message().to_string());
            break;
        }
    }
    outcome.response = assembler.into_json();
    for response in [&outcome.response, &outline.into_json()] {
        Json::parse(response).expect("a response is JSON");
    }
    outcome
}

fuzz_target!(|bytes: &[u8]| {
    let Some((&mode, bytes)) = bytes.split_first() else { return };
    let operation = if mode & 1 == 0 { Operation::ConverseStream } else { Operation::InvokeModelWithResponseStream };
    let stream: Vec<u8> = events(bytes).flat_map(|(kind, name, payload)| frame(kind, name, payload)).collect();
    let whole = read(operation, [&stream[..]].into_iter());
    let pieces = read(operation, stream.chunks(1 + usize::from(mode >> 1)));
    assert_eq!(whole, pieces);
});
