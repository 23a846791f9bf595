//! Cache points that the model's config adds to a conversation.
//!
//! They are added where the program has set none and the model takes one, at the ends of parts that stay the same from
//! call to call.

use super::document::{Document, pointer_to};
use super::errors::invalid;
use super::list::List;
use super::model_caching::ModelCaching;
use super::segment::Segment;
use super::zeroized::ZeroizedText;
use crate::config::{Cache, CachePlace, CacheTtl};
use crate::error::Result;
use crate::json::{self, Json, Kind};

/// The most cache points that a request can have.
pub const MAX_CACHE_POINTS: usize = 4;

/// A cache point of a request.
struct CachePoint {
    position: Position,
    /// None for a time that is not known here.
    ttl: Option<CacheTtl>,
}

/// The place of a cache point, in the order in which the service reads a request.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Position {
    Tools,
    System,
    Message(usize),
}

/// Adds the cache points of `cache` to a conversation in Converse's form, for a model that takes `caching`. A point is
/// left out if its place is empty or has a cache point already, if the request has as many points as it can have, or if
/// the service would refuse it there.
// Never inlined: its frame is large, and the checks of a request run on a thread with a small stack beneath its caller.
#[inline(never)]
pub fn add(document: &mut Document, cache: &Cache, caching: ModelCaching) -> Result<()> {
    if cache.points.is_empty() {
        return Ok(());
    }
    let mut points = given(document);
    let given_ttl = caching.ttl(cache.ttl);
    let ttl = given_ttl.unwrap_or(CacheTtl::FiveMinutes);
    let is_taken = |place: &CachePlace| match place {
        CachePlace::Tools => caching.takes_points_for_tools(),
        CachePlace::System | CachePlace::LastUser => caching.takes_points(),
    };
    for place in cache.points.iter().filter(|place| is_taken(place)) {
        let Some(position) = position(document, *place) else { continue };
        let is_free = points.iter().all(|point| point.position != position);
        let keeps_order = points.iter().all(|point| point.keeps_order(position, ttl));
        if is_free && keeps_order && points.len() < MAX_CACHE_POINTS {
            insert(document, position, &block(given_ttl))?;
            points.push(CachePoint { position, ttl: Some(ttl) });
        }
    }
    Ok(())
}

impl CachePoint {
    fn of(block: Json<'_>, position: Position) -> Option<CachePoint> {
        let point = block.get("cachePoint")?;
        let ttl = match point.get("ttl").and_then(Json::string) {
            None => Some(CacheTtl::FiveMinutes),
            Some(name) => CacheTtl::NAMES.iter().find(|(known, _)| *known == name).map(|(_, ttl)| *ttl),
        };
        Some(CachePoint { position, ttl })
    }

    /// Returns whether a point `at` another position may have the time `ttl` beside this one: the service refuses a
    /// longer time behind a shorter one.
    fn keeps_order(&self, at: Position, ttl: CacheTtl) -> bool {
        self.ttl.is_none_or(|own| if self.position < at { own >= ttl } else { own <= ttl })
    }
}

/// Returns the cache points that a request has.
fn given(document: &Document) -> Vec<CachePoint> {
    let tools = tools(document).into_iter().flat_map(Json::elements).map(|tool| (tool, Position::Tools));
    let system = document.items("system").iter().map(|block| (block.json(), Position::System));
    let messages = document.items("messages").iter().enumerate().flat_map(|(index, message)| {
        let content = message.json().get("content").into_iter().flat_map(Json::elements);
        content.map(move |block| (block, Position::Message(index)))
    });
    tools.chain(system).chain(messages).filter_map(|(block, position)| CachePoint::of(block, position)).collect()
}

fn tools(document: &Document) -> Option<Json<'_>> {
    document.given("toolConfig")?.get("tools").filter(|tools| tools.kind() == Kind::Array)
}

/// Returns the position of a place, or None if there is nothing before the cache point, or reasoning.
fn position(document: &Document, place: CachePlace) -> Option<Position> {
    match place {
        CachePlace::Tools => tools(document)?.elements().next().map(|_| Position::Tools),
        CachePlace::System => document.items("system").first().map(|_| Position::System),
        CachePlace::LastUser => {
            let messages = document.items("messages");
            let is_users = |message: &Segment| message.content_of("user").is_some();
            let index = messages.iter().rposition(is_users)?;
            let last = messages[index].content_of("user")?.elements().last()?;
            last.get("reasoningContent").is_none().then_some(Position::Message(index))
        }
    }
}

fn block(ttl: Option<CacheTtl>) -> String {
    let ttl = ttl.map(|ttl| format!(",\"ttl\":\"{}\"", ttl.name())).unwrap_or_default();
    format!("{{\"cachePoint\":{{\"type\":\"default\"{ttl}}}}}")
}

fn insert(document: &mut Document, position: Position, block: &str) -> Result<()> {
    match position {
        Position::Tools => {
            let (Some(config), Some(tools)) = (document.given("toolConfig"), tools(document)) else { return Ok(()) };
            let end = json::offset(config.text(), tools.text()) + tools.text().len() - 1;
            let (before, after) = config.text().split_at(end);
            let length = config.text().len() + block.len() + 1;
            let text = ZeroizedText::format(length, format_args!("{before},{block}{after}"));
            document.replace("toolConfig", "toolConfig", &text)
        }
        Position::System => {
            let block = Segment::element(block)?;
            list(document, "system")?.push(block);
            Ok(())
        }
        Position::Message(index) => {
            let message = Segment::element(&*format!("{{\"role\":\"user\",\"content\":[{block}]}}"))?;
            list(document, "messages")?.append_content(index, &message);
            Ok(())
        }
    }
}

/// Returns a list of which a position is known.
fn list<'a>(document: &'a mut Document, name: &str) -> Result<&'a mut List> {
    document.list_mut(name).ok_or_else(|| invalid(pointer_to(name), "adding a cache point: it is not an array"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const POINT: &str = r#"{"cachePoint":{"type":"default"}}"#;
    const HOUR: &str = r#"{"cachePoint":{"type":"default","ttl":"1h"}}"#;

    fn added(request: &str, ttl: Option<CacheTtl>, points: &[CachePlace]) -> String {
        added_for(ModelCaching::Everything, request, ttl, points)
    }

    fn added_for(caching: ModelCaching, request: &str, ttl: Option<CacheTtl>, points: &[CachePlace]) -> String {
        let mut document = Document::parse(request, "test").unwrap();
        add(&mut document, &Cache { ttl, points: points.to_vec() }, caching).unwrap();
        document.write(None).unwrap().to_string()
    }

    const ALL: [CachePlace; 3] = [CachePlace::System, CachePlace::Tools, CachePlace::LastUser];

    #[test]
    fn points_are_added_at_the_end_of_each_place() {
        let request = r#"{ "system":[{"text":"s"}],"toolConfig":{"tools":[ {"toolSpec":{}} ],"toolChoice":{}},"messages":[
            {"role":"user","content":[{"text":"a"}]},{"role":"assistant","content":[{"text":"b"}]},
            {"role":"user","content":[{"text":"c"}] }, {"role":"assistant","content":[{"text":"d"}]}]}"#;
        let expected = r#"{ "system":[{"text":"s"},POINT],"toolConfig":{"tools":[ {"toolSpec":{}} ,POINT],"toolChoice":{}},"messages":[
            {"role":"user","content":[{"text":"a"}]},{"role":"assistant","content":[{"text":"b"}]},
            {"role":"user","content":[{"text":"c"},POINT] }, {"role":"assistant","content":[{"text":"d"}]}]}"#;
        assert_eq!(added(request, None, &ALL), expected.replace("POINT", POINT));
        assert_eq!(added(request, Some(CacheTtl::OneHour), &ALL), expected.replace("POINT", HOUR));
        assert_eq!(added(request, None, &[]), request);
    }

    #[test]
    fn a_model_gets_only_what_its_family_takes() {
        let request = |tools: &str, other: &str| {
            format!(
                r#"{{"toolConfig":{{"tools":[{{}}{tools}]}},"system":[{{"text":"s"}}{other}],
                "messages":[{{"role":"user","content":[{{"text":"a"}}{other}]}}]}}"#
            )
        };
        let (hour, plain) = (format!(",{HOUR}"), format!(",{POINT}"));
        for (caching, expected) in [
            (ModelCaching::Everything, request(&hour, &hour)),
            (ModelCaching::FiveMinutes, request(&plain, &plain)),
            (ModelCaching::FiveMinutesNotForTools, request("", &plain)),
            (ModelCaching::Nothing, request("", "")),
        ] {
            assert_eq!(added_for(caching, &request("", ""), Some(CacheTtl::OneHour), &ALL), expected, "{caching:?}");
        }
    }

    #[test]
    fn empty_places_and_places_with_a_point_and_reasoning_get_none() {
        for request in [
            "{}".to_owned(),
            r#"{"system":[],"toolConfig":{"tools":[]},"messages":[]}"#.to_owned(),
            r#"{"system":null,"toolConfig":null,"messages":[{"role":"user","content":[]}]}"#.to_owned(),
            r#"{"messages":[{"role":"user","content":[{"reasoningContent":{}}]}]}"#.to_owned(),
            r#"{"messages":[{"role":"assistant","content":[{"text":"a"}]}]}"#.to_owned(),
            format!(r#"{{"system":[{POINT},{{"text":"s"}}]}}"#),
            format!(r#"{{"toolConfig":{{"tools":[{{"toolSpec":{{}}}},{POINT}]}}}}"#),
            format!(r#"{{"messages":[{{"role":"user","content":[{POINT},{{"text":"s"}}]}}]}}"#),
        ] {
            assert_eq!(added(&request, None, &ALL), request);
        }
    }

    #[test]
    fn there_are_never_more_than_four_and_the_first_places_come_first() {
        let user = |own: usize| {
            let blocks = format!(r#"{{"text":"a"}}{}"#, format!(",{POINT}").repeat(own));
            format!(
                r#"{{"system":[{{"text":"s"}}],"toolConfig":{{"tools":[{{}}]}},"messages":[
                {{"role":"user","content":[{blocks}]}},{{"role":"user","content":[{{"text":"b"}}]}}]}}"#
            )
        };
        for (own, after) in [(0, 3), (1, 4), (2, 4), (3, 4), (4, 4), (5, 5)] {
            let text = added(&user(own), None, &ALL);
            assert_eq!(text.matches("cachePoint").count(), after, "{text}");
        }
        let text = added(&user(3), None, &[CachePlace::LastUser, CachePlace::System]);
        assert!(text.ends_with(&format!(r#"{{"text":"b"}},{POINT}]}}]}}"#)), "{text}");
    }

    #[test]
    fn a_longer_time_never_follows_a_shorter_one() {
        let hour = Some(CacheTtl::OneHour);
        let system = |own: &str| {
            format!(r#"{{"system":[{{"text":"s"}},{own}],"messages":[{{"role":"user","content":[{{"text":"a"}}]}}]}}"#)
        };
        assert_eq!(added(&system(POINT), hour, &ALL), system(POINT));
        assert_eq!(added(&system(HOUR), hour, &ALL).matches(HOUR).count(), 2);
        assert_eq!(added(&system(HOUR), None, &ALL).matches(POINT).count(), 1);
        let message = format!(
            r#"{{"system":[{{"text":"s"}}],"messages":[{{"role":"user","content":[{{"text":"a"}},{HOUR}]}}]}}"#
        );
        assert_eq!(added(&message, None, &ALL), message);
        // A time that is not known here is left to the service.
        let newer = system(&HOUR.replace("1h", "1d"));
        assert_eq!(added(&newer, hour, &ALL).matches(HOUR).count(), 1);
    }
}
