//! Members of the two dialects with the same meaning, for documents that override each other.

use super::members::{
    INFERENCE_CONFIG, OUTPUT_CONFIG, RENAMED, RESPONSE_FORMAT, SETTINGS, Setting, TOOL_CHOICE, TOOL_CONFIG, TOOLS,
    has_member, setting,
};
use crate::error::Result;
use crate::request::document::Document;

/// Removes the members of `older` that `newer` sets in the other dialect.
pub fn remove_overridden(older: &mut Document, newer: &Document) {
    for Setting { name, native, .. } in &SETTINGS {
        if has_member(newer, INFERENCE_CONFIG, native) {
            older.remove(name);
        }
    }
    if newer.given(TOOL_CONFIG).is_some() {
        older.remove(TOOLS);
        older.remove(TOOL_CHOICE);
    }
    if newer.given(TOOLS).is_some() {
        older.remove(TOOL_CONFIG);
    }
    if has_member(newer, OUTPUT_CONFIG, "textFormat") {
        older.remove(RESPONSE_FORMAT);
    }
}

/// Adds the members of `newer`, which override those with the same meaning in either dialect.
pub fn replace(document: &mut Document, newer: Document) {
    remove_overridden(document, &newer);
    document.replace_with(newer);
}

/// Removes a member, and the member of the other dialect with the same meaning.
pub fn remove(document: &mut Document, name: &str) -> Result<()> {
    document.remove(name);
    if let Some(setting) = setting(name) {
        document.remove(setting.name);
        return remove_from_object(document, INFERENCE_CONFIG, setting.native);
    }
    if let Some((_, native)) = RENAMED.iter().find(|(known, _)| *known == name) {
        document.remove(native);
    }
    match name {
        INFERENCE_CONFIG => SETTINGS.iter().for_each(|setting| document.remove(setting.name)),
        TOOLS => document.remove(TOOL_CONFIG),
        TOOL_CONFIG => [TOOLS, TOOL_CHOICE].iter().for_each(|name| document.remove(name)),
        OUTPUT_CONFIG => document.remove(RESPONSE_FORMAT),
        TOOL_CHOICE => return remove_from_object(document, TOOL_CONFIG, "toolChoice"),
        RESPONSE_FORMAT => return remove_from_object(document, OUTPUT_CONFIG, "textFormat"),
        _ => {}
    }
    Ok(())
}

/// Removes a member of a native object. The object is also removed if it is then empty.
pub fn remove_from_object(document: &mut Document, object: &str, key: &str) -> Result<()> {
    let Some(value) = document.value(object).filter(|value| value.get(key).is_some()) else { return Ok(()) };
    let left: Vec<_> =
        value.members().filter(|member| !member.key.is(key)).map(|member| member.segment.to_owned()).collect();
    if left.is_empty() {
        document.remove(object);
        return Ok(());
    }
    document.replace(object, object, &format!("{{{}}}", left.join(",")))
}
