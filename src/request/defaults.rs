//! A model's defaults: members that every request of the model gets, unless it has its own.

use super::dialect::{self, equivalents, members::is_translated_for_call};
use super::document::{Document, pointer_to};
use super::http_binding;
use super::model_id::{MODEL_ID_MEMBERS, take_model_id};
use super::operation_members::{GUARDRAIL_CONFIG, OperationMembers};
use super::unknown_members::{self, MembersOf};
use crate::config::call_settings;
use crate::error::{Error, Kind, Result};
use crate::json::{Json, OwnedJson};
use crate::protocol::operation::Operation;

/// Reads `defaults` of the config, in either dialect. Returns the members and the model id, if one is among them.
pub fn parse_defaults(json: &OwnedJson) -> Result<(Document, Option<String>)> {
    let read = || {
        let mut defaults = Document::parse(json, MembersOf::Defaults.doing())?;
        unknown_members::check(&defaults, MembersOf::Defaults)?;
        dialect::translate(&mut defaults)?;
        let model_id = take_model_id(&mut defaults)?;
        Ok((defaults, model_id))
    };
    let (mut defaults, model_id) = read().map_err(|error: Error| error.in_config("/defaults"))?;
    defaults.move_source_beneath("/defaults");
    Ok((defaults, model_id))
}

/// Reads `request` of an element of `fallbacks`, in either dialect. `path` is the JSON pointer to it.
pub fn parse_fallback_request(json: &OwnedJson, path: &str) -> Result<Document> {
    let of = MembersOf::Fallback;
    let read = || {
        let mut members = Document::parse(json, of.doing())?;
        unknown_members::check(&members, of)?;
        if let Some(name) = MODEL_ID_MEMBERS.iter().find(|name| members.contains(name)) {
            let what = format_args!("{}: {name} is no member of it: give \"model\" beside \"request\"", of.doing());
            return Err(Error::new(Kind::Config, what).at(pointer_to(name)));
        }
        check_guardrail(&members)?;
        dialect::translate(&mut members)?;
        Ok(members)
    };
    let mut members = read().map_err(|error: Error| error.in_config(path))?;
    members.move_source_beneath(path);
    Ok(members)
}

/// Checks that a fallback keeps a guardrail on: its region may need another one, but not none.
fn check_guardrail(members: &Document) -> Result<()> {
    let Some(guardrail) = members.value(GUARDRAIL_CONFIG) else { return Ok(()) };
    let named = |name| guardrail.get(name).and_then(Json::string).is_some_and(|text| !text.is_empty());
    if named("guardrailIdentifier") && named("guardrailVersion") {
        return Ok(());
    }
    let what = format_args!(
        "{}: {GUARDRAIL_CONFIG} must name another guardrail, with guardrailIdentifier and guardrailVersion: a guardrail \
         holds for every target",
        MembersOf::Fallback.doing()
    );
    Err(Error::new(Kind::Config, what).at(pointer_to(GUARDRAIL_CONFIG)))
}

/// Members that change the defaults of a model.
pub struct DefaultsChange {
    pub replaced: Document,
    /// The names of the members that are null.
    removed: Vec<String>,
}

/// Reads members that change the defaults of a model. Call settings and the model's name are kept, also if they are
/// null.
pub fn parse_change(text: &str) -> Result<DefaultsChange> {
    let given = MembersOf::DerivedModel;
    let mut replaced = Document::parse(text, given.doing())?;
    unknown_members::check(&replaced, given)?;
    let kept: Vec<_> = call_settings().chain(MODEL_ID_MEMBERS).collect();
    let removed = replaced.remove_nulls(&kept);
    dialect::translate(&mut replaced)?;
    Ok(DefaultsChange { replaced, removed })
}

/// Changes the defaults of a model.
pub fn apply_change(defaults: &mut Document, change: DefaultsChange) -> Result<()> {
    let DefaultsChange { replaced, removed } = change;
    removed.iter().try_for_each(|name| equivalents::remove(defaults, name))?;
    http_binding::remove_overridden(defaults, &replaced);
    equivalents::replace(defaults, replaced);
    Ok(())
}

/// Adds the defaults that a request for Converse lacks, in either dialect.
pub fn fill_conversation(request: &mut Document, defaults: &Document) {
    if !request.names().chain(defaults.names()).any(is_translated_for_call) {
        request.fill_from(defaults);
        return;
    }
    let mut defaults = defaults.clone();
    equivalents::remove_overridden(&mut defaults, request);
    request.fill_from(&defaults);
}

/// Adds the defaults that a request for another operation lacks: only members of that operation.
pub fn fill_body(request: &mut Document, defaults: &Document, operation: Operation) {
    let members = OperationMembers::of(operation).body;
    let mut inherited = defaults.clone();
    inherited.retain(|name| members.iter().any(|member| member.inherited && member.name == name));
    request.fill_from(&inherited);
}
