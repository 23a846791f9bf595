//! The members of a request that name the model. They go into the path.

use super::document::Document;
use super::errors::invalid;
use crate::config::check_model_id;
use crate::error::Result;

/// The names of the members in the two dialects.
pub const MODEL_ID_MEMBERS: [&str; 2] = ["modelId", "model"];

/// Removes the members that name the model, and returns the name.
pub fn take_model_id(document: &mut Document) -> Result<Option<String>> {
    let mut model_id = None;
    for name in MODEL_ID_MEMBERS {
        let Some(value) = document.value(name) else { continue };
        let invalid_id =
            |message: String| invalid(format!("/{name}"), format_args!("reading the request: {name}: {message}"));
        let id = value.string().ok_or_else(|| invalid_id(format!("expected a string, found {}", value.kind())))?;
        check_model_id(&id).map_err(invalid_id)?;
        if model_id.is_some() {
            return Err(invalid_id("modelId and model are both given; they mean the same".to_owned()));
        }
        model_id = Some(id.into_owned());
        document.remove(name);
    }
    Ok(model_id)
}
