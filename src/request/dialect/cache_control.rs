//! Cache marks, which become cache points: `cache_control`, as gateways have it, and `prompt_cache_breakpoint`.

use super::block::Block;
use super::object::Object;
use crate::error::{Result, quote};
use crate::json::{Json, Kind, quoted};
use crate::request::errors::{beneath, given_twice, invalid, wrong_type};

const CACHE_CONTROL: &str = "cache_control";
const BREAKPOINT: &str = "prompt_cache_breakpoint";
pub const MARKS: [&str; 2] = [CACHE_CONTROL, BREAKPOINT];

/// Returns the cachePoint block for the cache mark of `marked`, or None if it has no mark.
pub fn cache_point(marked: &Object<'_>) -> Result<Option<Block>> {
    let [control, breakpoint] = MARKS.map(|mark| marked.given(mark));
    let (key, ttl) = match (control, breakpoint) {
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => return Err(given_twice(format!("/{BREAKPOINT}"), CACHE_CONTROL, BREAKPOINT)),
        (Some(control), None) => {
            (CACHE_CONTROL, ttl_of_control(control).map_err(|error| beneath("/cache_control", error))?)
        }
        (None, Some(mark)) => {
            check_breakpoint(mark).map_err(|error| beneath("/prompt_cache_breakpoint", error))?;
            (BREAKPOINT, String::new())
        }
    };
    let json = format!("{{\"cachePoint\":{{\"type\":\"default\"{ttl}}}}}");
    Ok(Some(Block::composed(json, format!("/{key}"), &[("/type", "/type"), ("/ttl", "/ttl")])))
}

/// Reads `{type: "ephemeral", ttl}`, and returns the member ttl of cachePoint.
fn ttl_of_control(control: Json<'_>) -> Result<String> {
    let control = mark_object(control, &["type", "ttl"])?;
    let kind = control.text("type", CACHE_CONTROL)?;
    if kind != "ephemeral" {
        return Err(invalid("/type", format_args!("the cache type {} is unknown; use ephemeral", quote(&kind))));
    }
    if control.given("ttl").is_none() {
        return Ok(String::new());
    }
    match &*control.text("ttl", CACHE_CONTROL)? {
        ttl @ ("5m" | "1h") => Ok(format!(",\"ttl\":{}", quoted(ttl))),
        other => Err(invalid("/ttl", format_args!("Converse has no ttl {}; use 5m or 1h", quote(other)))),
    }
}

/// Checks `{mode: "explicit"}`. Its ttl has other values than Converse's.
fn check_breakpoint(mark: Json<'_>) -> Result<()> {
    let mark = mark_object(mark, &["mode", "ttl"])?;
    let mode = mark.text("mode", BREAKPOINT)?;
    if mode != "explicit" {
        return Err(invalid("/mode", format_args!("the breakpoint mode {} is unknown; use explicit", quote(&mode))));
    }
    if mark.given("ttl").is_some() {
        let message = "Converse keeps a prefix for 5m or 1h; use cache_control, or leave ttl out";
        return Err(invalid("/ttl", message));
    }
    Ok(())
}

fn mark_object<'a>(mark: Json<'a>, known: &[&str]) -> Result<Object<'a>> {
    if mark.kind() != Kind::Object {
        return Err(wrong_type("", "an object", mark));
    }
    let mark = Object::of(mark);
    mark.check_members("a cache mark", known).map(|()| mark)
}
