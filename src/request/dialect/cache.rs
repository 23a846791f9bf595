//! Marks at the end of what a model is to cache: `cache_control`, as gateways have it, and `prompt_cache_breakpoint`.

use super::object::Object;
use crate::error::{Result, quote};
use crate::json::{Json, Kind, quoted};
use crate::request::dialect::{mistyped, refuse, within};
use crate::request::places::{Block, Origin};

pub const MARKS: [&str; 2] = ["cache_control", "prompt_cache_breakpoint"];

/// The cachePoint block that follows what `marked` becomes; None where `marked` has no mark.
pub fn point(marked: &Object<'_>) -> Result<Option<Block>> {
    let [control, breakpoint] = MARKS.map(|mark| marked.given(mark));
    let (key, ttl) = match (control, breakpoint) {
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => {
            let what = format_args!("{} and {} are both given; they mean the same", MARKS[0], MARKS[1]);
            return Err(refuse(format!("/{}", MARKS[1]), what));
        }
        (Some(control), None) => (MARKS[0], of_control(control).map_err(|error| within(error, "/cache_control"))?),
        (None, Some(mark)) => {
            of_breakpoint(mark).map_err(|error| within(error, "/prompt_cache_breakpoint"))?;
            (MARKS[1], String::new())
        }
    };
    let json = format!("{{\"cachePoint\":{{\"type\":\"default\"{ttl}}}}}");
    Ok(Some(Block::new(json, Origin::composed(format!("/{key}"), &[("/type", "/type"), ("/ttl", "/ttl")]))))
}

/// {type: "ephemeral", ttl}. Gives cachePoint's ttl.
fn of_control(control: Json<'_>) -> Result<String> {
    let control = object(control, &["type", "ttl"])?;
    let kind = control.text("type", "cache_control")?;
    if kind != "ephemeral" {
        return Err(refuse("/type", format_args!("{} is no kind of cache; it is ephemeral", quote(&kind))));
    }
    if control.given("ttl").is_none() {
        return Ok(String::new());
    }
    match &*control.text("ttl", "cache_control")? {
        ttl @ ("5m" | "1h") => Ok(format!(",\"ttl\":{}", quoted(ttl))),
        other => {
            let what = format_args!("{} is no time that Converse keeps a prefix; it has 5m and 1h", quote(other));
            Err(refuse("/ttl", what))
        }
    }
}

/// {mode: "explicit"}. Its lifetimes are others than Converse's.
fn of_breakpoint(mark: Json<'_>) -> Result<()> {
    let mark = object(mark, &["mode", "ttl"])?;
    let mode = mark.text("mode", "prompt_cache_breakpoint")?;
    if mode != "explicit" {
        return Err(refuse("/mode", format_args!("{} is no mode of a breakpoint; it is explicit", quote(&mode))));
    }
    if mark.given("ttl").is_some() {
        let what = "Converse keeps a prefix for 5m or 1h; use cache_control, or leave ttl out";
        return Err(refuse("/ttl", what));
    }
    Ok(())
}

fn object<'a>(mark: Json<'a>, known: &[&str]) -> Result<Object<'a>> {
    if mark.kind() != Kind::Object {
        return Err(mistyped("", "an object", mark));
    }
    let mark = Object::of(mark);
    mark.only("a cache's mark", known).map(|()| mark)
}
