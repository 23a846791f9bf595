//! The cache points of a request, as another model takes them.
//!
//! A cache point says nothing to the model. So one that the model of a fallback is certain to refuse is left out there,
//! also if the program set it for the first model; and a time that is too long is left to the service.

use super::document::Document;
use super::model_caching::ModelCaching;
use super::segment::Segment;
use super::zeroized::ZeroizedText;
use crate::error::Result;
use crate::json::{self, Json, Kind};

/// A cache point without a time.
const PLAIN: &str = r#"{"cachePoint":{"type":"default"}}"#;

/// Removes and shortens the cache points of a conversation that the model would refuse. One that is alone in its array
/// stays: the service takes no empty array either.
pub fn fit(document: &mut Document, caching: ModelCaching) -> Result<()> {
    if caching == ModelCaching::Everything {
        return Ok(());
    }
    let tools = document.given("toolConfig").and_then(|config| {
        let tools = config.get("tools").filter(|tools| tools.kind() == Kind::Array)?;
        replaced(config.text(), tools, caching.takes_points_for_tools())
    });
    if let Some(config) = tools {
        document.replace("toolConfig", "toolConfig", &config)?;
    }
    if let Some(system) = document.list_mut("system") {
        let blocks = system.take_items();
        let takes_points = caching.takes_points() || are_points(blocks.iter().map(Segment::json));
        for block in blocks {
            match fitted(block.json(), takes_points) {
                Fitted::Same => system.push(block),
                Fitted::Plain => system.push(Segment::element(PLAIN)?),
                Fitted::Removed => {}
            }
        }
    }
    if let Some(messages) = document.list_mut("messages") {
        for message in messages.take_items() {
            let content = message.json().get("content").filter(|content| content.kind() == Kind::Array);
            let new = content.and_then(|content| replaced(message.json().text(), content, caching.takes_points()));
            messages.push(match new {
                Some(text) => Segment::element(&*text)?,
                None => message,
            });
        }
    }
    Ok(())
}

/// What becomes of an element of an array.
#[derive(PartialEq, Eq)]
enum Fitted {
    Same,
    Plain,
    Removed,
}

fn fitted(element: Json<'_>, takes_points: bool) -> Fitted {
    match element.get("cachePoint") {
        Some(_) if !takes_points => Fitted::Removed,
        Some(point) if point.get("ttl").is_some() => Fitted::Plain,
        _ => Fitted::Same,
    }
}

/// Returns whether an array holds cache points alone.
fn are_points<'a>(mut elements: impl Iterator<Item = Json<'a>>) -> bool {
    elements.all(|element| element.get("cachePoint").is_some())
}

/// Returns `text` with the fitted elements in the array, which is a part of it. None if all stay the same.
fn replaced(text: &str, array: Json<'_>, takes_points: bool) -> Option<ZeroizedText> {
    let takes_points = takes_points || are_points(array.elements());
    if array.elements().all(|element| fitted(element, takes_points) == Fitted::Same) {
        return None;
    }
    let kept = array.elements().filter_map(|element| match fitted(element, takes_points) {
        Fitted::Same => Some(element.text()),
        Fitted::Plain => Some(PLAIN),
        Fitted::Removed => None,
    });
    let elements = ZeroizedText::join(&kept.collect::<Vec<_>>());
    let start = json::offset(text, array.text());
    let (before, after) = (&text[..start], &text[start + array.text().len()..]);
    let length = before.len() + elements.len() + after.len() + 2;
    Some(ZeroizedText::format(length, format_args!("{before}[{}]{after}", &*elements)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: &str = r#"{"cachePoint":{"type":"default","ttl":"1h"}}"#;

    fn fitted_for(caching: ModelCaching, request: &str) -> String {
        let mut document = Document::parse(request, "test").unwrap();
        fit(&mut document, caching).unwrap();
        document.write(None).unwrap().to_string()
    }

    fn request(tools: &str, other: &str) -> String {
        format!(
            r#"{{"toolConfig":{{"tools":[{{"toolSpec":{{}}}}{tools}],"toolChoice":{{}}}},
            "system":[{{"text":"s"}}{other}],"messages":[{{"role":"user","content":[{{"text":"a"}}{other}]}},{{"content":[],"role":"assistant"}}]}}"#
        )
    }

    #[test]
    fn points_that_a_model_refuses_are_removed_and_times_that_it_does_not_take_are_left_to_the_service() {
        let (hour, plain) = (format!(",{HOUR}"), format!(",{PLAIN}"));
        let given = request(&hour, &hour);
        for (caching, fitted) in [
            (ModelCaching::Everything, request(&hour, &hour)),
            (ModelCaching::FiveMinutes, request(&plain, &plain)),
            (ModelCaching::FiveMinutesNotForTools, request("", &plain)),
            (ModelCaching::Nothing, request("", "")),
        ] {
            assert_eq!(fitted_for(caching, &given), fitted, "{caching:?}");
            assert_eq!(fitted_for(caching, &fitted), fitted, "{caching:?}: what fits stays as it is");
        }
    }

    #[test]
    fn no_array_becomes_empty() {
        let given = format!(
            r#"{{"toolConfig":{{"tools":[{PLAIN}]}},"system":[{PLAIN},{PLAIN}],
            "messages":[{{"role":"user","content":[{PLAIN}]}}]}}"#
        );
        assert_eq!(fitted_for(ModelCaching::Nothing, &given), given);
    }
}
