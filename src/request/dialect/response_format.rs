//! `response_format`, which becomes outputConfig.textFormat.

use super::object::Object;
use crate::error::{Result, quote};
use crate::json::{Json, Kind, quoted};
use crate::request::errors::{beneath, invalid, wrong_type};

/// Translates `response_format`. Returns None for free text, which is the default.
pub fn text_format(format: Json<'_>) -> Result<Option<String>> {
    let format = Object::of(format);
    match &*format.text("type", "response_format")? {
        "text" => format.check_members("response_format", &["type"]).map(|()| None),
        "json_schema" => {
            format.check_members("response_format", &["type", "json_schema"])?;
            let at = |error| beneath("/json_schema", error);
            let given_schema = format.given("json_schema");
            let json = given_schema.ok_or_else(|| invalid("/json_schema", "response_format needs json_schema"))?;
            let json = Object::of(json);
            json.check_members("json_schema", &["name", "description", "schema", "strict"]).map_err(at)?;
            // The service always follows the schema strictly.
            if let Some(strict) = json.given("strict").filter(|strict| strict.bool().is_none()) {
                return Err(at(wrong_type("strict", "true or false", strict)));
            }
            let schema =
                json.given("schema").ok_or_else(|| invalid("/json_schema/schema", "json_schema needs schema"))?;
            if schema.kind() != Kind::Object {
                return Err(at(wrong_type("schema", "a JSON schema", schema)));
            }
            let mut structure = format!("\"schema\":{}", quoted(schema.text()));
            for key in ["name", "description"] {
                if let Some(text) = json.optional_text(key).map_err(at)? {
                    structure.push_str(&format!(",\"{key}\":{}", quoted(&text)));
                }
            }
            Ok(Some(format!("{{\"type\":\"json_schema\",\"structure\":{{\"jsonSchema\":{{{structure}}}}}}}")))
        }
        other => {
            let message = format_args!("Bedrock has no response format {}; it has text and json_schema", quote(other));
            Err(invalid("/type", message))
        }
    }
}
