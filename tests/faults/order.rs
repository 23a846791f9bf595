//! Events that are all right, in an order that is not, or with some of them left out. What counts is messageStop: once it has
//! come, the message is complete, and what comes after it is shown and does no harm.

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
    vec![
        whole("events after messageStop", "text", stopped().text_delta(1, "and on").metadata(1, 1)),
        whole("events after messageStop", "a block", stopped().text(1, &["and", "on"]).metadata(1, 1)),
        whole("events after messageStop", "a message", stopped().message_start().metadata(1, 1)),
        whole("events after messageStop", "an unknown one", stopped().event("afterthought", "{}").metadata(1, 1)),
        whole("events after metadata", "text", golden().text_delta(2, "and on")),
        whole("events after metadata", "metadata", golden().metadata(1, 1)),
        whole("no metadata", "", stopped()),
        whole("two messageStops", "the same", stopped().message_stop("end_turn").metadata(1, 1)),
        whole("two messageStops", "another", stopped().message_stop("max_tokens").metadata(1, 1)),
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
