//! An object without one of its members.

use crate::json::Json;
use std::borrow::Cow;

/// Returns the object without the member at `path`, and without the objects around it that are empty then. Returns None
/// if nothing is left.
pub(super) fn without_member(object: Json<'_>, path: &[&str]) -> Option<String> {
    let (key, below) = path.split_first()?;
    let members = object.members().filter_map(|member| {
        if !member.key.is(key) {
            return Some(Cow::Borrowed(member.segment));
        }
        let rest = without_member(member.value, below)?;
        Some(Cow::Owned(format!("{}:{rest}", member.key.text())))
    });
    let members: Vec<_> = members.collect();
    (!members.is_empty()).then(|| format!("{{{}}}", members.join(",")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_other_members_stay_as_they_were_written() {
        let rest = |object: &str, path: &[&str]| without_member(Json::parse(object).unwrap(), path);
        assert_eq!(rest(r#"{"text": "a"}"#, &["text"]), None);
        assert_eq!(rest(r#"{"text":"a", "b": 1.0 }"#, &["text"]).as_deref(), Some(r#"{ "b": 1.0 }"#));
        assert_eq!(rest(r#"{"a":{"b":1},"c":2}"#, &["a", "b"]).as_deref(), Some(r#"{"c":2}"#));
        assert_eq!(rest(r#"{"a":{"b":1,"d":3},"c":2}"#, &["a", "b"]).as_deref(), Some(r#"{"a":{"d":3},"c":2}"#));
    }
}
