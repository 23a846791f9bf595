//! The options of a run.

use super::value::Value;
use crate::error::{Error, Kind, Result};
use crate::json::{Json, Kind as JsonKind, OwnedJson};
use std::time::Duration;

/// The name of the options in messages.
const OPTIONS: &str = "options of a run";
const KNOWN: [&str; 3] = ["max_rounds", "total", "tools"];
/// An agent at work takes fewer rounds; a model that calls tools without an end takes as many as it gets.
const MAX_ROUNDS: u32 = 20;

/// The options of a run.
pub struct RunOptions {
    /// How often the model may be asked.
    pub max_rounds: u32,
    /// How long all rounds may take, with the tools.
    pub total: Option<Duration>,
    /// An array of tools, in either dialect.
    pub tools: Option<OwnedJson>,
}

impl RunOptions {
    /// Reads the options. "" are the defaults.
    pub fn parse(text: &str) -> Result<Self> {
        let mut options = RunOptions { max_rounds: MAX_ROUNDS, total: None, tools: None };
        if text.is_empty() {
            return Ok(options);
        }
        let invalid = |what: String| Error::new(Kind::Config, format_args!("{OPTIONS}: {what}"));
        let json = Json::parse(text).map_err(|fault| invalid(format!("the JSON is not valid: {fault}")))?;
        if json.kind() != JsonKind::Object {
            return Err(invalid(format!("expected an object, found {}", json.kind())));
        }
        for member in Value::root_of(OPTIONS, json).members()? {
            match &*member.key {
                "max_rounds" => options.max_rounds = member.count()?,
                "total" => options.total = Some(member.duration()?),
                "tools" => {
                    member.elements()?;
                    options.tools = Some(OwnedJson::from(member.json));
                }
                _ => return Err(member.unknown(KNOWN.into_iter())),
            }
        }
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_that_are_not_given_have_their_defaults() {
        for text in ["", "{}"] {
            let options = RunOptions::parse(text).unwrap();
            assert_eq!((options.max_rounds, options.total), (20, None));
            assert!(options.tools.is_none());
        }
        let options = RunOptions::parse(r#"{"max_rounds": 3, "total": "1.5s"}"#).unwrap();
        assert_eq!((options.max_rounds, options.total), (3, Some(Duration::from_millis(1500))));
    }

    #[test]
    fn wrong_options_are_named_as_in_the_config() {
        for (text, message) in [
            (r#"{"max_round": 3}"#, r#"options of a run: "max_round" is not a known key; did you mean "max_rounds"?"#),
            (r#"{"x": 3}"#, r#""x" is not a known key; known are max_rounds, total, tools"#),
            (r#"{"max_rounds": 0}"#, r#""max_rounds" must be a whole number from 1"#),
            (r#"{"total": 30}"#, r#""total" needs a unit"#),
            (r#"{"tools": {}}"#, r#""tools" must be an array"#),
            (r#"{"total": "1s", "total": "2s"}"#, r#""total" is given twice"#),
            ("[]", "expected an object, found an array"),
            ("{", "the JSON is not valid"),
        ] {
            let error = RunOptions::parse(text).err().unwrap();
            assert_eq!(error.kind(), Kind::Config, "{text}");
            assert!(error.message().as_str().contains(message), "{text}: {error}");
        }
    }
}
