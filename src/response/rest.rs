//! What is left of an object once a member was taken out of it.

use crate::json::Json;
use std::borrow::Cow;

/// The object without the member that `path` leads to, and without the objects that are empty then. None where nothing
/// is left.
pub(super) fn without(object: Json<'_>, path: &[&str]) -> Option<String> {
    let (key, below) = path.split_first()?;
    let members = object.members().filter_map(|member| {
        if !member.key.is(key) {
            return Some(Cow::Borrowed(member.segment));
        }
        let rest = without(member.value, below)?;
        Some(Cow::Owned(format!("{}:{rest}", member.key.text())))
    });
    let members: Vec<_> = members.collect();
    (!members.is_empty()).then(|| format!("{{{}}}", members.join(",")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_beside_a_member_stays_as_it_was_written() {
        let rest = |object: &str, path: &[&str]| without(Json::parse(object).unwrap(), path);
        assert_eq!(rest(r#"{"text": "a"}"#, &["text"]), None);
        assert_eq!(rest(r#"{"text":"a", "b": 1.0 }"#, &["text"]).as_deref(), Some(r#"{ "b": 1.0 }"#));
        assert_eq!(rest(r#"{"a":{"b":1},"c":2}"#, &["a", "b"]).as_deref(), Some(r#"{"c":2}"#));
        assert_eq!(rest(r#"{"a":{"b":1,"d":3},"c":2}"#, &["a", "b"]).as_deref(), Some(r#"{"a":{"d":3},"c":2}"#));
    }
}
