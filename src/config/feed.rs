//! The options of a feed and of an observer.

use super::value::Value;
use crate::error::{Error, Kind, Result};
use crate::json::{Json, Kind as JsonKind};
use crate::runtime::feed::{Form, Level, Subscription};
use std::fmt;

/// The maximum number of items that wait, unless "capacity" is given.
const CAPACITY: usize = 4096;

/// Reads the options of an observer: None stands for none.
pub fn observer(json: Option<&str>) -> Result<Subscription> {
    let mut options = Options { level: None, records: true, content: false, capacity: CAPACITY };
    json.map_or(Ok(()), |json| options.read(json, &["capacity", "content"]))?;
    Ok(options.subscription())
}

/// Reads the options of a feed.
pub fn feed(json: &str) -> Result<Subscription> {
    let mut options = Options { level: None, records: false, content: false, capacity: CAPACITY };
    options.read(json, &["log", "records", "content", "capacity"])?;
    if options.level.is_none() && !options.records {
        return Err(invalid(r#"a feed of nothing: set "records": true, or "log" to a level"#));
    }
    if options.content && !options.records {
        return Err(invalid(r#""content" is about records: set "records": true"#));
    }
    Ok(options.subscription())
}

struct Options {
    level: Option<Level>,
    records: bool,
    content: bool,
    capacity: usize,
}

impl Options {
    fn read(&mut self, json: &str, known: &[&'static str]) -> Result<()> {
        let json = Json::parse(json).map_err(|fault| invalid(format_args!("the JSON is not valid: {fault}")))?;
        if json.kind() != JsonKind::Object {
            return Err(invalid(format_args!("expected an object, found {}", json.kind())));
        }
        let members = Value::root(json).members()?;
        for member in &members {
            match &*member.key {
                key if !known.contains(&key) => return Err(member.unknown(known.iter().copied())),
                "log" => {
                    self.level = Some(member.choice(&[
                        ("error", Level::Error),
                        ("warn", Level::Warn),
                        ("info", Level::Info),
                        ("debug", Level::Debug),
                    ])?);
                }
                "records" => self.records = member.bool()?,
                "content" => self.content = member.bool()?,
                _ => self.capacity = member.count()?.try_into().unwrap_or(usize::MAX),
            }
        }
        Ok(())
    }

    fn subscription(self) -> Subscription {
        let form = if self.content { Form::WithContent } else { Form::WithoutContent };
        Subscription { level: self.level, records: self.records.then_some(form), capacity: self.capacity }
    }
}

fn invalid(what: impl fmt::Display) -> Error {
    Error::new(Kind::Config, format_args!("config: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_and_what_is_wrong_is_named() {
        let read = feed(r#"{"log":"info","records":true,"capacity":10}"#).unwrap();
        let without_content = Some(Form::WithoutContent);
        assert_eq!(read, Subscription { level: Some(Level::Info), records: without_content, capacity: 10 });
        assert_eq!(observer(None).unwrap(), Subscription { level: None, records: without_content, capacity: CAPACITY });
        let content = observer(Some(r#"{"content":true}"#)).unwrap();
        assert_eq!(content.records, Some(Form::WithContent));
        let error = |read: Result<Subscription>| read.unwrap_err().to_string();
        assert!(error(feed(r#"{"record":true}"#)).contains("records"));
        assert!(error(feed(r#"{"log":"verbose"}"#)).contains("\"error\" or \"warn\""));
        assert!(error(feed(r#"{"capacity":0,"records":true}"#)).contains("capacity"));
        assert!(error(feed("{}")).contains("a feed of nothing"));
        assert!(error(feed(r#"{"log":"info","content":true}"#)).contains("\"records\": true"));
        assert!(error(observer(Some(r#"{"log":"info"}"#))).contains("log"));
        assert!(error(observer(Some("[]"))).contains("expected an object"));
    }
}
