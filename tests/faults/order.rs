//! Valid events in a wrong order, or with some of them missing. A message is complete with messageStop. Metadata and
//! unknown events may follow it. Further content may not, because two messages are not one response.

use crate::fault::{Expect, Fault};
use crate::golden::golden;
use crate::support::Reply;
use crate::support::capi::*;

pub fn faults() -> Vec<Fault> {
    let begun = || Reply::stream().message_start().text(0, &["Hel", "lo"]);
    let stopped = || begun().message_stop("end_turn");
    let completes = |row: &str, case: &str, reply: Reply| {
        let events = reply.piece_ends().len();
        Fault::new(row).case(case).streamed(reply, Expect::completes(events))
    };
    let cut = |row: &str, case: &str, reply: Reply| {
        let events = reply.piece_ends().len();
        let expect = Expect::fails(BEDROCK_E_TRUNCATED).after(events).says("before messageStop");
        Fault::new(row).case(case).streamed(reply, expect)
    };
    let continues = |row: &str, case: &str, before: Reply, event: &str, add: fn(Reply) -> Reply| {
        let events = before.piece_ends().len();
        let expect = Expect::fails(BEDROCK_E_PROTOCOL).after(events);
        let expect = expect.says("the response goes on after its messageStop").says(event);
        Fault::new(row).case(case).streamed(add(before).metadata(1, 1), expect)
    };
    vec![
        continues("events after messageStop", "text", stopped(), "contentBlockDelta", |reply| {
            reply.text_delta(1, "on")
        }),
        continues("events after messageStop", "a block", stopped(), "contentBlockDelta", |reply| {
            reply.text(1, &["on"])
        }),
        continues("events after messageStop", "a message", stopped(), "messageStart", Reply::message_start),
        completes("events after messageStop", "an unknown one", stopped().event("afterthought", "{}").metadata(1, 1)),
        continues("events after metadata", "text", golden(), "contentBlockDelta", |reply| reply.text_delta(2, "on")),
        completes("events after metadata", "metadata", golden().metadata(1, 1)),
        completes("no metadata", "", stopped()),
        continues("two messageStops", "the same", stopped(), "messageStop", |reply| reply.message_stop("end_turn")),
        continues("two messageStops", "another", stopped(), "messageStop", |reply| reply.message_stop("max_tokens")),
        completes("nothing but messageStop", "", Reply::stream().message_stop("end_turn")),
        completes("no messageStart", "", Reply::stream().text(0, &["Hello"]).message_stop("end_turn")),
        completes(
            "a block that is not stopped",
            "text",
            Reply::stream().message_start().text_delta(0, "Hello").message_stop("end_turn"),
        ),
        completes("metadata before messageStop", "", begun().metadata(1, 1).message_stop("end_turn")),
        cut("no messageStop", "", begun()),
        cut("no messageStop", "and metadata", begun().metadata(1, 1)),
        cut(
            "no messageStop",
            "unknown events with similar names",
            begun().event("messagestop", "{}").event("MessageStop", "{}"),
        ),
    ]
}
