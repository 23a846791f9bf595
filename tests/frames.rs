//! The frame decoder: it decodes every valid frame, rejects frames that are damaged or beyond the limits, and takes
//! little memory. It is compared with the vectors of botocore and smithy-rs, and with aws-smithy-eventstream.

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use aws_smithy_eventstream::frame::{read_message_from, write_message_to};
use aws_smithy_types::DateTime;
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};
use bedrock::protocol::frame::Frame;
use bedrock::protocol::frame_buffer::FrameBuffer;
use bedrock::protocol::frame_error::FrameError;
use bedrock::protocol::frame_headers::{MessageType, Value};
use bedrock::protocol::frame_limits::{MAX_FRAME, MAX_HEADER_COUNT, MAX_HEADERS};
use bytes::Bytes;
use support::Corpus;

const PRELUDE: usize = 12;

// The vectors.

#[test]
fn every_vector_is_decoded_or_rejected_as_by_other_decoders() {
    let corpora = Corpus::all("every_vector_is_decoded_or_rejected_as_by_other_decoders");
    let vectors: Vec<_> = corpora.iter().flat_map(Corpus::frame_vectors).collect();
    let mut good = 0;
    for vector in &vectors {
        let decoded = decode([&vector.bytes[..]]);
        if !vector.valid {
            assert!(decoded.is_err(), "{}: a bad frame passed as {decoded:?}", vector.name);
            let drop_by_drop = decode(vector.bytes.chunks(1));
            assert_eq!(drop_by_drop, decoded, "{}: another error byte by byte", vector.name);
            continue;
        }
        good += 1;
        // The files of botocore and smithy-rs state the expectation in different forms.
        let case = &vector.case;
        let expected = case.get("expect").unwrap_or_else(|| &case["botocore_frames"][0]);
        let [frame] = &decoded.unwrap_or_else(|error| panic!("{}: {error}", vector.name))[..] else {
            panic!("{}: not exactly one frame", vector.name)
        };
        let headers = expected["headers"].as_object().expect("headers");
        assert_eq!(frame.headers.len(), headers.len(), "{}", vector.name);
        for (name, value) in &frame.headers {
            assert_eq!(as_json(value), headers[name], "{}: header {name}", vector.name);
        }
        assert_eq!(base64(&frame.payload), expected["payload_b64"], "{}", vector.name);
    }
    println!("{} vectors: {good} good, {} bad", vectors.len(), vectors.len() - good);
    assert!(good > 0 && good < vectors.len(), "the vectors hold good frames and bad ones");
}

/// Returns a header's value in the form of the vectors.
fn as_json(value: &Owned) -> serde_json::Value {
    match value {
        Owned::Bool(flag) => (*flag).into(),
        Owned::Number(_, number) => (*number).into(),
        Owned::Bytes(bytes) => serde_json::json!({ "$b64": base64(bytes) }),
        Owned::Text(text) => text.as_str().into(),
        Owned::Uuid(uuid) => serde_json::json!({ "$b64": base64(uuid) }),
    }
}

fn base64(bytes: &[u8]) -> String {
    base64_simd::STANDARD.encode_to_string(bytes)
}

// The SDK's own encoder and decoder.

#[test]
fn every_message_is_read_as_the_sdk_reads_it_however_it_is_split() {
    let mut random = Random(1);
    for round in 0..60 {
        let mut messages: Vec<_> = (0..1 + random.below(5)).map(|_| message(&mut random)).collect();
        // The frames of a stream often have the headers of the one before.
        if random.below(2) == 0 {
            let alike = Message::new_from_parts(messages[0].headers().to_vec(), random.bytes(20));
            messages.insert(1, alike);
        }
        let frames: Vec<_> = messages.iter().map(encode).collect();
        let expected: Vec<_> = frames.iter().map(|frame| oracle(frame)).collect();
        assert_eq!(expected, messages.iter().map(Decoded::from_sdk).collect::<Vec<_>>(), "the oracle itself");
        let body = frames.concat();

        let check = |decoded: Result<Vec<Decoded>, FrameError>, how: &dyn std::fmt::Display| {
            assert_eq!(decoded.as_ref(), Ok(&expected), "round {round}, {how}");
        };
        check(decode([&body[..]]), &"all in one chunk");
        check(decode(frames.iter().map(|frame| &frame[..])), &"a frame a chunk");
        check(decode(body.chunks(1)), &"byte by byte");
        for at in 0..=body.len() {
            let (head, tail) = body.split_at(at);
            check(decode([head, tail]), &format_args!("split at {at}"));
        }
        for _ in 0..50 {
            let longest = 1 + random.below(body.len());
            let mut rest = &body[..];
            let chunks: Vec<_> = std::iter::from_fn(|| {
                let (chunk, after) = rest.split_at_checked(random.below(longest) + 1).unwrap_or((rest, &[]));
                rest = after;
                (!chunk.is_empty()).then_some(chunk)
            })
            .collect();
            check(decode(chunks), &"random chunks");
        }
    }
}

#[test]
fn a_body_is_between_frames_exactly_at_their_ends() {
    let mut random = Random(2);
    let frames: Vec<_> = (0..5).map(|_| encode(&message(&mut random))).collect();
    let mut ends = vec![0];
    ends.extend(frames.iter().scan(0, |end, frame| {
        *end += frame.len();
        Some(*end)
    }));
    let body = frames.concat();
    for at in 0..=body.len() {
        let mut decoder = FrameBuffer::default();
        feed(&mut decoder, &body[..at], |_| ()).unwrap();
        assert_eq!(decoder.is_between_frames(), ends.contains(&at), "after {at} bytes");
    }
}

#[test]
fn the_type_and_name_of_a_frame_follow_its_own_headers() {
    let about = |kind: &str, name: &str, value: &str| -> (MessageType, &'static str, Vec<u8>) {
        let headers =
            [raw_header(b":message-type", 7, kind.as_bytes()), raw_header(name.as_bytes(), 7, value.as_bytes())];
        let (kind, named) = match kind {
            "event" => (MessageType::Event, ":event-type"),
            "exception" => (MessageType::Exception, ":exception-type"),
            "error" => (MessageType::Error, ":error-code"),
            _ => (MessageType::Unknown, ""),
        };
        let reported = if name == named { value } else { "" };
        (kind, reported.to_owned().leak(), raw_frame(&headers.concat(), b"{}"))
    };
    let frames = [
        about("event", ":event-type", "messageStart"),
        about("event", ":event-type", "messageStart"),
        about("event", ":event-type", "metadata"),
        about("event", ":event-type", "somethings"),
        (MessageType::Unknown, "", raw_frame(&[], b"")),
        about("error", ":error-code", "metadata"),
        about("exception", ":exception-type", "metadata"),
        about("evenly", ":event-type", "metadata"),
        about("exception", ":event-type", "metadata"),
        (MessageType::Unknown, "", raw_frame(&raw_header(b":message-type", 6, b"event"), b"")),
    ];
    let mut random = Random(6);
    let mut decoder = FrameBuffer::default();
    for _ in 0..2_000 {
        let (kind, name, bytes) = &frames[random.below(frames.len())];
        let (head, tail) = bytes.split_at(random.below(bytes.len() + 1));
        let mut shown = None;
        for chunk in [head, tail] {
            feed(&mut decoder, chunk, |frame| shown = Some((frame.message_type(), frame.name().to_owned()))).unwrap();
        }
        assert_eq!(shown, Some((*kind, name.as_bytes().to_owned())));
    }
}

#[test]
fn a_frame_with_one_wrong_bit_is_rejected() {
    let mut random = Random(3);
    let good = encode(&message(&mut random));
    let mut flips = 0;
    for _ in 0..40 {
        let mut frame = encode(&message(&mut random));
        for bit in 0..frame.len() * 8 {
            frame[bit / 8] ^= 1 << (bit % 8);
            let split = random.below(frame.len() + 1);
            for chunks in [&[&frame[..], &good[..]][..], &[&frame[..split], &frame[split..], &good[..]]] {
                let (shown, result) = decode_until_error(chunks.iter().copied());
                assert!(shown.is_empty() && result.is_err(), "bit {bit} was wrong and {shown:?} was shown");
            }
            frame[bit / 8] ^= 1 << (bit % 8);
            flips += 1;
        }
        assert!(decode([&frame[..]]).is_ok(), "the frame itself is good");
    }
    println!("{flips} wrong bits, none accepted");
}

// Limits.

#[test]
fn a_length_is_used_only_after_its_checksum_and_never_beyond_the_limit() {
    for (total, headers, expected) in [
        (0, 0, FrameError::Length(0)),
        (15, 0, FrameError::Length(15)),
        (MAX_FRAME as u32 + 1, 0, FrameError::Length(MAX_FRAME as u32 + 1)),
        (256 << 20, 0, FrameError::Length(256 << 20)),
        (u32::MAX, u32::MAX, FrameError::Length(u32::MAX)),
        (16, 1, FrameError::HeadersLength(1)),
        (100, 85, FrameError::HeadersLength(85)),
        (100, u32::MAX, FrameError::HeadersLength(u32::MAX)),
        (MAX_FRAME as u32, MAX_HEADERS as u32 + 1, FrameError::HeadersLength(MAX_HEADERS as u32 + 1)),
    ] {
        let honest = prelude(total, headers);
        assert_eq!(decode([&honest[..]]), Err(expected), "{total}, {headers}");
        assert_eq!(decode(honest.chunks(1)), Err(expected), "{total}, {headers}, byte by byte");
        let mut wrong = honest;
        wrong[11] ^= 1;
        assert_eq!(decode([&wrong[..]]), Err(FrameError::PreludeChecksum), "{total}, {headers}");
    }
}

#[test]
fn bytes_that_have_not_arrived_take_no_memory() {
    // The prelude of the longest frame, and its first bytes.
    let announced = prelude(MAX_FRAME as u32, MAX_HEADERS as u32);
    let mut decoder = FrameBuffer::default();
    let before = allocated();
    feed(&mut decoder, &announced, |_| ()).unwrap();
    feed(&mut decoder, &[0; 100], |_| ()).unwrap();
    let taken = allocated().bytes - before.bytes;
    assert!(taken < 4096, "{taken} bytes were allocated for 112");
}

#[test]
fn the_longest_frame_is_in_memory_once() {
    let largest = raw_frame(&[], &vec![7; MAX_FRAME - PRELUDE - 4]);
    let mut decoder = FrameBuffer::default();
    let before = allocated().live;
    let mut live = 0;
    for chunk in largest.chunks(100_000) {
        feed(&mut decoder, chunk, |frame| {
            assert!(frame.payload.iter().all(|byte| *byte == 7));
            live = allocated().live - before;
        })
        .unwrap();
    }
    assert!((MAX_FRAME - 64..MAX_FRAME + 4096).contains(&live), "{live} bytes for a frame of {MAX_FRAME}");
}

#[test]
fn the_longest_frame_is_decoded_and_its_buffer_is_freed() {
    let largest = raw_frame(&[], &vec![7; MAX_FRAME - PRELUDE - 4]);
    let mut decoder = FrameBuffer::default();
    let mut shown = 0;
    for chunk in [&largest[..1 << 20], &largest[1 << 20..]] {
        feed(&mut decoder, chunk, |frame| shown += frame.payload.len()).unwrap();
    }
    assert_eq!(shown, MAX_FRAME - PRELUDE - 4);
    let kept = allocated();
    drop(decoder);
    let freed = kept.live - allocated().live;
    assert!(freed <= 64 << 10, "{freed} bytes were kept after the frame");
}

#[test]
fn headers_are_limited_in_size_and_number_and_none_may_repeat() {
    // Three headers that fill the block to the byte: name length, name, type, value length, value.
    let block = |size: usize| -> Vec<u8> {
        let value = |size: usize| vec![0; size - 5];
        let sizes = [60_000, 60_000, size - 120_000];
        sizes.iter().zip(b"abc").flat_map(|(&size, &name)| raw_header(&[name], 6, &value(size))).collect()
    };
    assert_eq!(decode([&raw_frame(&block(MAX_HEADERS), b"x")[..]]).map(|frames| frames[0].headers.len()), Ok(3));
    let larger = raw_frame(&block(MAX_HEADERS + 1), b"x");
    assert_eq!(decode([&larger[..]]), Err(FrameError::HeadersLength(MAX_HEADERS as u32 + 1)));

    let flags = |count: usize| -> Vec<u8> { (0..count).flat_map(|at| [1, at as u8 + 1, 0]).collect() };
    let most = decode([&raw_frame(&flags(MAX_HEADER_COUNT), b"")[..]]).expect("as many headers as may be");
    assert_eq!(most[0].headers.len(), MAX_HEADER_COUNT);
    let more = raw_frame(&flags(MAX_HEADER_COUNT + 1), b"");
    assert_eq!(decode([&more[..]]), Err(FrameError::TooManyHeaders));
    // As many as fit into a block.
    let many: Vec<u8> =
        (0..MAX_HEADERS / 4).flat_map(|at| [2, 1 + (at / 127) as u8 % 127, 1 + (at % 127) as u8, 0]).collect();
    assert_eq!(decode([&raw_frame(&many, b"")[..]]), Err(FrameError::TooManyHeaders));

    let twice = [flags(5), vec![1, 3, 1]].concat();
    assert_eq!(decode([&raw_frame(&twice, b"")[..]]), Err(FrameError::DuplicateHeader));
    let last_of_all = [flags(MAX_HEADER_COUNT - 1), vec![1, 1, 0]].concat();
    assert_eq!(decode([&raw_frame(&last_of_all, b"")[..]]), Err(FrameError::DuplicateHeader));
}

#[test]
fn an_invalid_header_is_rejected_although_the_checksums_are_valid() {
    for (headers, expected) in [
        (&[0, 0][..], FrameError::HeaderName),
        (&[5, b'a', 0], FrameError::HeaderCutOff),
        (&[1, b'a'], FrameError::HeaderCutOff),
        (&[1, 0xff, 0], FrameError::HeaderText),
        (&[1, b'a', 10], FrameError::HeaderType(10)),
        (&[1, b'a', 255], FrameError::HeaderType(255)),
        (&[1, b'a', 3, 1], FrameError::HeaderCutOff),
        (&[1, b'a', 4, 1, 2, 3], FrameError::HeaderCutOff),
        (&[1, b'a', 8, 1, 2, 3, 4, 5, 6, 7], FrameError::HeaderCutOff),
        (&[1, b'a', 9, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15], FrameError::HeaderCutOff),
        (&[1, b'a', 6, 0], FrameError::HeaderCutOff),
        (&[1, b'a', 7, 0xff, 0xff, b'x'], FrameError::HeaderCutOff),
        (&[1, b'a', 7, 0, 1, 0xff], FrameError::HeaderText),
        // A valid header before it changes nothing.
        (&[1, b'a', 0, 1, b'b', 77], FrameError::HeaderType(77)),
    ] {
        // A decoder that reads on would take the payload for the rest of the header.
        assert_eq!(decode([&raw_frame(headers, &[0; 40])[..]]), Err(expected), "{headers:?}");
    }
}

#[test]
fn random_bytes_with_valid_checksums_never_panic() {
    let mut random = Random(4);
    let (mut good, mut bad) = (0, 0);
    for _ in 0..200_000 {
        let headers: Vec<u8> = (0..random.below(24)).map(|_| random.below(12) as u8).collect();
        match decode([&raw_frame(&headers, b"{}")[..]]) {
            Ok(_) => good += 1,
            Err(_) => bad += 1,
        }
    }
    assert!(good > 1_000 && bad > 1_000, "{good} good, {bad} bad: too few to say anything");
}

// Memory.

#[test]
fn complete_and_split_frames_are_decoded_without_allocating() {
    let mut random = Random(5);
    let body: Vec<u8> = (0..1_000).flat_map(|_| encode(&message(&mut random))).collect();
    for size in [1, 7, 100, 1_460, 16 << 10, body.len()] {
        let mut decoder = FrameBuffer::default();
        let mut seen = 0;
        let mut count = |frame: Frame<'_>| seen += frame.headers().count() + frame.payload.len();
        body.chunks(size).for_each(|chunk| feed(&mut decoder, chunk, &mut count).unwrap());
        let before = allocated();
        body.chunks(size).for_each(|chunk| feed(&mut decoder, chunk, &mut count).unwrap());
        let calls = allocated().calls - before.calls;
        assert_eq!(calls, 0, "1,000 frames in chunks of {size} bytes");
        assert!(seen > 1_000);
    }
}

/// Counts the allocations of each thread: tests run in parallel.
struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[derive(Clone, Copy)]
struct Allocated {
    calls: usize,
    bytes: usize,
    /// Not freed yet.
    live: usize,
}

thread_local! {
    static ALLOCATED: Cell<Allocated> = const { Cell::new(Allocated { calls: 0, bytes: 0, live: 0 }) };
}

fn allocated() -> Allocated {
    ALLOCATED.get()
}

fn count(taken: usize, freed: usize) {
    let Allocated { calls, bytes, live } = ALLOCATED.get();
    let calls = calls + usize::from(taken > 0);
    // Memory of another thread may be freed here.
    ALLOCATED.set(Allocated { calls, bytes: bytes + taken, live: live.wrapping_add(taken).wrapping_sub(freed) });
}

unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(0, layout.size());
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size, layout.size());
        unsafe { System.realloc(pointer, layout, size) }
    }
}

// Frames, decoded and encoded.

/// A frame that owns its bytes, of either decoder.
#[derive(Clone, Debug, PartialEq)]
struct Decoded {
    headers: Vec<(String, Owned)>,
    payload: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq)]
enum Owned {
    Bool(bool),
    /// Of a type of that number.
    Number(u8, i64),
    Bytes(Vec<u8>),
    Text(String),
    Uuid([u8; 16]),
}

impl Decoded {
    fn of(frame: &Frame<'_>) -> Self {
        let headers = frame.headers().map(|(name, value)| {
            let value = match value {
                Value::Bool(flag) => Owned::Bool(flag),
                Value::Byte(number) => Owned::Number(2, number.into()),
                Value::Int16(number) => Owned::Number(3, number.into()),
                Value::Int32(number) => Owned::Number(4, number.into()),
                Value::Int64(number) => Owned::Number(5, number),
                Value::Bytes(bytes) => Owned::Bytes(bytes.to_owned()),
                Value::Text(text) => {
                    assert_eq!(frame.text(name), Some(text), "the text of header {name}");
                    Owned::Text(text.to_owned())
                }
                Value::Timestamp(milliseconds) => Owned::Number(8, milliseconds),
                Value::Uuid(uuid) => Owned::Uuid(uuid),
            };
            (name.to_owned(), value)
        });
        Decoded { headers: headers.collect(), payload: frame.payload.to_vec() }
    }

    fn from_sdk(message: &Message) -> Self {
        let headers = message.headers().iter().map(|header| {
            let value = match header.value() {
                HeaderValue::Bool(flag) => Owned::Bool(*flag),
                HeaderValue::Byte(number) => Owned::Number(2, (*number).into()),
                HeaderValue::Int16(number) => Owned::Number(3, (*number).into()),
                HeaderValue::Int32(number) => Owned::Number(4, (*number).into()),
                HeaderValue::Int64(number) => Owned::Number(5, *number),
                HeaderValue::ByteArray(bytes) => Owned::Bytes(bytes.to_vec()),
                HeaderValue::String(text) => Owned::Text(text.as_str().to_owned()),
                HeaderValue::Timestamp(time) => Owned::Number(8, time.to_millis().expect("milliseconds that fit")),
                HeaderValue::Uuid(uuid) => Owned::Uuid(uuid.to_be_bytes()),
                unknown => panic!("the SDK has the new header type {unknown:?}"),
            };
            (header.name().as_str().to_owned(), value)
        });
        Decoded { headers: headers.collect(), payload: message.payload().to_vec() }
    }
}

#[test]
fn a_long_frame_is_returned_separately_and_in_order_however_it_is_split() {
    let of = |size: usize| {
        encode(&Message::new(vec![b'x'; size]).add_header(Header::new("n", HeaderValue::Int64(size as i64))))
    };
    let frames = [of(1), of(1 << 20), of(2), of(3), of(3 << 20), of(4)];
    let wanted: Vec<_> = frames.iter().map(|frame| oracle(frame)).collect();
    let wire = frames.concat();
    for size in [1 << 14, 1 << 20, wire.len()] {
        let (mut decoder, mut shown, mut apart) = (FrameBuffer::default(), Vec::new(), 0);
        for mut chunk in wire.chunks(size) {
            loop {
                let all = &mut shown;
                let fed = decoder.feed_short(&mut chunk, |frame| {
                    all.push(Decoded::of(&frame));
                    Ok::<_, FrameError>(())
                });
                fed.unwrap();
                let Some(long) = decoder.take_long() else { break };
                apart += 1;
                long.open(|frame| {
                    shown.push(Decoded::of(&frame));
                    Ok::<_, FrameError>(())
                })
                .unwrap();
            }
        }
        assert!(shown == wanted && apart == 2 && decoder.is_between_frames(), "in pieces of {size}");
    }
}

fn feed(decoder: &mut FrameBuffer, chunk: &[u8], mut each: impl FnMut(Frame<'_>)) -> Result<(), FrameError> {
    decoder.feed(chunk, |frame| {
        each(frame);
        Ok(())
    })
}

/// Returns the frames before the end or the error.
fn decode_until_error<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Decoded>, Result<(), FrameError>) {
    let (mut decoder, mut shown) = (FrameBuffer::default(), Vec::new());
    let result =
        chunks.into_iter().try_for_each(|chunk| feed(&mut decoder, chunk, |frame| shown.push(Decoded::of(&frame))));
    (shown, result)
}

fn decode<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<Decoded>, FrameError> {
    let (shown, result) = decode_until_error(chunks);
    result.map(|()| shown)
}

/// Returns a frame as the SDK decodes it.
fn oracle(frame: &[u8]) -> Decoded {
    Decoded::from_sdk(&read_message_from(frame).expect("the SDK reads what it wrote"))
}

fn encode(message: &Message) -> Vec<u8> {
    let mut frame = Vec::new();
    write_message_to(message, &mut frame).expect("a message within the protocol's limits");
    frame
}

/// Returns a message with random headers and a short payload.
fn message(random: &mut Random) -> Message {
    let length = random.below(60);
    let mut message = Message::new(random.bytes(length));
    let headers = random.below(12);
    for at in 0..headers {
        let extreme = random.below(4) == 0;
        let number = if extreme { [i64::MIN, i64::MAX, -1, 0][random.below(4)] } else { random.next() as i64 };
        let length = if random.below(10) == 0 { 0 } else { random.below(40) };
        let value = match random.below(9) {
            0 => HeaderValue::Bool(number & 1 == 0),
            1 => HeaderValue::Byte(number as i8),
            2 => HeaderValue::Int16(number as i16),
            3 => HeaderValue::Int32(number as i32),
            4 => HeaderValue::Int64(number),
            5 => HeaderValue::ByteArray(random.bytes(length)),
            6 => HeaderValue::String(random.text(length).into()),
            7 => HeaderValue::Timestamp(DateTime::from_millis(number % (1 << 50))),
            _ => HeaderValue::Uuid(u128::from(random.next()) << 64 | u128::from(random.next())),
        };
        let more = random.below(20);
        message = message.add_header(Header::new(format!("{at}{}", random.text(more)), value));
    }
    message
}

fn prelude(total: u32, headers: u32) -> [u8; PRELUDE] {
    let mut prelude = [0; PRELUDE];
    prelude[..4].copy_from_slice(&total.to_be_bytes());
    prelude[4..8].copy_from_slice(&headers.to_be_bytes());
    let checksum = crc32fast::hash(&prelude[..8]);
    prelude[8..].copy_from_slice(&checksum.to_be_bytes());
    prelude
}

/// Returns a frame with these headers, valid or not, and with valid lengths and checksums.
fn raw_frame(headers: &[u8], payload: &[u8]) -> Vec<u8> {
    let total = PRELUDE + headers.len() + payload.len() + 4;
    let mut frame = [&prelude(total as u32, headers.len() as u32)[..], headers, payload].concat();
    frame.extend(crc32fast::hash(&frame).to_be_bytes());
    frame
}

fn raw_header(name: &[u8], kind: u8, value: &[u8]) -> Vec<u8> {
    [&[name.len() as u8][..], name, &[kind], &(value.len() as u16).to_be_bytes(), value].concat()
}

/// A generator of the same numbers each time (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn bytes(&mut self, length: usize) -> Bytes {
        (0..length).map(|_| self.next() as u8).collect()
    }

    fn text(&mut self, length: usize) -> String {
        (0..length).map(|_| ['a', 'Z', ':', '-', '"', '\0', 'é', '😀'][self.below(8)]).collect()
    }
}
