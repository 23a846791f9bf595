//! Events that are all right, in an order that is not, or with some of them left out. What counts is messageStop: once it has
//! come, the message is complete. Metadata and events that nobody knows may follow; more of a message may not, for two messages
//! are not one answer.

use crate::fault::{Expect, Fault};
use crate::golden::golden;
use crate::support::Reply;
use crate::support::capi::*;

pub fn faults() -> Vec<Fault> {
    let begun = || Reply::stream().message_start().text(0, &["Hel", "lo"]);
    let stopped = || begun().message_stop("end_turn");
    let whole = |row: &str, case: &str, reply: Reply| {
        let events = reply.piece_ends().len();
        Fault::new(row).case(case).streamed(reply, Expect::whole(events))
    };
    let cut = |row: &str, case: &str, reply: Reply| {
        let events = reply.piece_ends().len();
        let expect = Expect::fails(BEDROCK_E_TRUNCATED).after(events).says("before messageStop");
        Fault::new(row).case(case).streamed(reply, expect)
    };
    let goes_on = |row: &str, case: &str, before: Reply, event: &str, add: fn(Reply) -> Reply| {
        let events = before.piece_ends().len();
        let expect = Expect::fails(BEDROCK_E_PROTOCOL).after(events);
        let expect = expect.says("the response goes on after its messageStop").says(event);
        Fault::new(row).case(case).streamed(add(before).metadata(1, 1), expect)
    };
    vec![
        goes_on("events after messageStop", "text", stopped(), "contentBlockDelta", |reply| reply.text_delta(1, "on")),
        goes_on("events after messageStop", "a block", stopped(), "contentBlockDelta", |reply| reply.text(1, &["on"])),
        goes_on("events after messageStop", "a message", stopped(), "messageStart", Reply::message_start),
        whole("events after messageStop", "an unknown one", stopped().event("afterthought", "{}").metadata(1, 1)),
        goes_on("events after metadata", "text", golden(), "contentBlockDelta", |reply| reply.text_delta(2, "on")),
        whole("events after metadata", "metadata", golden().metadata(1, 1)),
        whole("no metadata", "", stopped()),
        goes_on("two messageStops", "the same", stopped(), "messageStop", |reply| reply.message_stop("end_turn")),
        goes_on("two messageStops", "another", stopped(), "messageStop", |reply| reply.message_stop("max_tokens")),
        whole("nothing but messageStop", "", Reply::stream().message_stop("end_turn")),
        whole("no messageStart", "", Reply::stream().text(0, &["Hello"]).message_stop("end_turn")),
        whole(
            "a block that is not stopped",
            "text",
            Reply::stream().message_start().text_delta(0, "Hello").message_stop("end_turn"),
        ),
        whole("metadata before messageStop", "", begun().metadata(1, 1).message_stop("end_turn")),
        cut("no messageStop", "", begun()),
        cut("no messageStop", "and metadata", begun().metadata(1, 1)),
        cut(
            "no messageStop",
            "an unknown event of that kind",
            begun().event("messagestop", "{}").event("MessageStop", "{}"),
        ),
    ]
}
