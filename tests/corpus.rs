//! Recorded traffic (the samples in the repository, and a collection of the real service's) is replayed over loopback
//! to a C program, `tests/c/replay.c`. Every interaction must reach it unchanged.
//!
//! - Requests: the body is the caller's, byte for byte, on the path of the SDKs, with a valid signature.
//! - Responses: the JSON is the service's, verbatim. A stream's events are the recorded ones, in order, and assemble to
//!   the response that another decoder made of them. An error has its status, code, message and request id.
//!
//! The local checks on requests are on, and reject nothing that the service accepted.

#[path = "corpus/expected.rs"]
mod expected;
#[path = "corpus/replay.rs"]
mod replay;
mod support;

use std::fmt;

use expected::{Expected, Failure};
use replay::{Call, Replay};
use support::{Corpus, Interaction, Reply, Request, frames};

#[test]
fn every_recorded_interaction_is_the_same_through_c() {
    let corpora = Corpus::all("every recorded interaction");
    let Some(mut replay) = Replay::start() else { return };
    let mut tally = Tally::default();
    let operations = ["converse", "converse-stream"];
    for interaction in corpora.iter().flat_map(|corpus| operations.map(|name| corpus.interactions(name))).flatten() {
        let call = Call::of(&interaction);
        let expected = Expected::of(&interaction);
        tally.count(&interaction, &call, &expected);
        match play(&mut replay, &interaction, &call, &expected) {
            Ok(true) => tally.caught += 1,
            Ok(false) if interaction.row.status == 400 && call.recorded => tally.not_caught(&interaction),
            Ok(false) => {}
            Err(what) => tally.failures.push(format!("{}: {what}", interaction.row.id)),
        }
    }
    println!("{tally}");
    assert!(tally.failures.is_empty(), "\n{}\n", tally.failures.join("\n"));
    replay.end();
}

#[test]
fn every_recorded_interaction_of_the_other_operations_is_the_same_through_c() {
    let corpora = Corpus::all("every recorded interaction of the other operations");
    let Some(mut replay) = Replay::start() else { return };
    let mut failures = Vec::new();
    for operation in ["invoke", "invoke-with-response-stream", "count-tokens", "apply-guardrail"] {
        let (mut played, mut recorded, mut refused, mut events) = (0, 0, 0, 0);
        for interaction in corpora.iter().flat_map(|corpus| corpus.interactions(operation)) {
            let call = Call::of(&interaction);
            let expected = Expected::of(&interaction);
            played += 1;
            recorded += usize::from(call.recorded);
            refused += usize::from(interaction.row.status != 200);
            events += expected.event_count();
            if let Err(what) = play(&mut replay, &interaction, &call, &expected) {
                failures.push(format!("{}: {what}", interaction.row.id));
            }
        }
        assert!(played > 0, "nothing was played of {operation}");
        println!(
            "corpus: {played} {operation} interactions replayed through C ({recorded} with their requests, {refused} refused by the service, {events} events)"
        );
    }
    assert!(failures.is_empty(), "\n{} failures\n{}\n", failures.len(), failures.join("\n"));
    replay.end();
}

#[test]
fn an_error_frame_fails_a_stream_after_the_events_before_it() {
    for corpus in Corpus::all("an error frame in mid-stream") {
        let Some(mut replay) = Replay::start() else { return };
        check_error_frame(&corpus, &mut replay);
        replay.end();
    }
}

fn check_error_frame(corpus: &Corpus, replay: &mut Replay) {
    let vectors = corpus.frame_vectors();
    let error = vectors.iter().find(|vector| vector.name == "ERROR_EVENT_MESSAGE").expect("the vector of an error");
    let header = |name: &str| error.case["expect"]["headers"][name].as_str().expect("a header of the vector");
    let failure = Failure { http_status: 0, code: header(":error-code"), message: header(":error-message") };

    let recorded = corpus.interactions("converse-stream").find(|stream| stream.row.status == 200);
    let recorded = recorded.expect("a recorded stream");
    let (call, events) = (Call::of(&recorded), frames(&recorded.reply().body_bytes()));
    for count in 0..=events.len() {
        let before = &events[..count];
        let reply = before.iter().fold(Reply::stream(), |reply, event| reply.event(event.event_type(), event.text()));
        replay.reply_with(reply.request_id("an-id").raw(error.bytes.clone()));
        let transcript = replay.call(&call, "error");
        let expected = Expected::of_failing_stream(before, &failure, "an-id");
        expected.check(&transcript).unwrap_or_else(|what| panic!("after {count} events: {what}"));
    }
    println!("corpus: the vectors' error frame in {} places of a stream", events.len() + 1);
}

/// Plays one interaction. Ok(true): a local check rejected a request that the service rejected as well.
fn play(replay: &mut Replay, interaction: &Interaction, call: &Call, expected: &Expected) -> Result<bool, String> {
    replay.reply_with(interaction.reply());
    let mut transcript = replay.call(call, "error");
    let refused = transcript.first().is_some_and(|(_, status)| status == "BEDROCK_E_REQUEST");
    let caught = refused && interaction.row.status == 400;
    if caught {
        transcript = replay.call(call, "off");
    }
    let requests = replay.bedrock.take_requests();
    expected.check(&transcript)?;
    check_sent(&requests, call)?;
    if let Some(recorded) = &interaction.request {
        differ("the path", &recorded.path.replace(':', "%3A"), &call.path)?;
    }
    Ok(caught)
}

/// Checks the requests that the local Bedrock has received.
fn check_sent(requests: &[Request], call: &Call) -> Result<(), String> {
    let [request] = requests else { return Err(format!("{} requests were sent, not one", requests.len())) };
    differ("the signature error", "", request.refused.as_deref().unwrap_or_default())?;
    differ("the method", "POST", &request.method)?;
    differ("the path", &call.path, &request.target)?;
    differ("the content type", "application/json", request.header("content-type").unwrap_or_default())?;
    differ("the body", &call.body, request.text())
}

/// Returns the first difference of two texts, with an excerpt of both, or nothing if they are equal.
fn differ(name: &str, expected: &str, found: &str) -> Result<(), String> {
    if expected == found {
        return Ok(());
    }
    let same = expected.chars().zip(found.chars()).take_while(|(a, b)| a == b).map(|(a, _)| a.len_utf8()).sum();
    let excerpt = |text: &str| {
        let (before, after) = text.split_at(same);
        let skipped = before.chars().count().saturating_sub(60);
        let nearby: String = before.chars().skip(skipped).chain(after.chars().take(120)).collect();
        format!("{nearby:?} ({} bytes)", text.len())
    };
    Err(format!("{name} differs at byte {same}\n  expected:  {}\n  found:     {}", excerpt(expected), excerpt(found)))
}

/// The counts of a run.
#[derive(Default)]
struct Tally {
    converse: usize,
    converse_stream: usize,
    events: usize,
    /// The requests that were recorded. Others are replaced by a plain one.
    recorded: usize,
    /// Of these, the ones that were sent without the member that named the model.
    without_model_id: usize,
    /// The requests that the service rejected as invalid.
    refused: usize,
    /// Of these, the ones that a local check rejected as well.
    caught: usize,
    /// The other recorded ones, with the reason why no local check rejects them.
    beyond: Vec<String>,
    failures: Vec<String>,
}

impl Tally {
    fn count(&mut self, interaction: &Interaction, call: &Call, expected: &Expected) {
        let refused = interaction.row.status == 400;
        self.converse += usize::from(!call.streams());
        self.converse_stream += usize::from(call.streams());
        self.events += expected.event_count();
        self.recorded += usize::from(call.recorded);
        self.without_model_id += usize::from(!call.is_sent_whole());
        self.refused += usize::from(refused);
    }
}

impl Tally {
    fn not_caught(&mut self, interaction: &Interaction) {
        let id = &interaction.row.id;
        match beyond_local_checks(interaction) {
            Some(reason) => self.beyond.push(format!("{reason}: {id}")),
            None => self.failures.push(format!("{id}: a local check could have refused what the service refused")),
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tally { converse, converse_stream, events, recorded, without_model_id, .. } = self;
        let Tally { refused, caught, beyond, failures, .. } = self;
        let (plain, failures) = (converse + converse_stream - recorded, failures.len());
        writeln!(
            f,
            "corpus: {converse} converse + {converse_stream} converse-stream interactions replayed through C, {failures} failures"
        )?;
        writeln!(
            f,
            "corpus: {recorded} requests as recorded ({without_model_id} less its modelId), {plain} plain ones; {events} events"
        )?;
        write!(f, "corpus: of {refused} invalid requests local checks caught {caught}; not these:")?;
        beyond.iter().try_for_each(|reason| write!(f, "\n  {reason}"))
    }
}

/// Messages of the service for rejected requests, and the reason why a local check cannot know them.
const BEYOND_LOCAL_CHECKS: [(&str, &str); 7] = [
    ("Input Tokens Exceeded", "tokens are the model's to count"),
    ("model identifier is invalid", "only the service knows which models exist"),
    ("extraneous key", "what a model's own request has, which others take"),
    ("doesn't support the s3Uri field", "other models read from S3"),
    ("Field required", "what a model's own request has, which others take"),
    ("is not supported", "other models take more of JSON schema"),
    ("Try calling via inference profile", "only the service knows which models exist"),
];

/// Returns the reason why no local check can reject this request. None if one must reject it.
fn beyond_local_checks(interaction: &Interaction) -> Option<&'static str> {
    let body = interaction.reply().body_bytes();
    let body = String::from_utf8_lossy(&body);
    BEYOND_LOCAL_CHECKS.iter().find(|(message, _)| body.contains(message)).map(|(_, reason)| *reason)
}
