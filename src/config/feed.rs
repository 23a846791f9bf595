//! The options of a feed and of an observer.

use super::value::Value;
use crate::error::{Error, Kind, Result};
use crate::json::{Json, Kind as JsonKind};
use crate::runtime::feed::{Level, Subscription};

/// The maximum number of items that wait, unless "capacity" is given.
const CAPACITY: usize = 4096;

/// Reads the options of an observer: None stands for none.
pub fn observer(json: Option<&str>) -> Result<Subscription> {
    let mut subscription = Subscription { level: None, records: true, capacity: CAPACITY };
    json.map_or(Ok(()), |json| read(json, &mut subscription, &["capacity"]))?;
    Ok(subscription)
}

/// Reads the options of a feed.
pub fn feed(json: &str) -> Result<Subscription> {
    let mut subscription = Subscription { level: None, records: false, capacity: CAPACITY };
    read(json, &mut subscription, &["log", "records", "capacity"])?;
    if subscription.level.is_none() && !subscription.records {
        let what = r#"config: a feed of nothing: set "records": true, or "log" to a level"#;
        return Err(Error::new(Kind::Config, what));
    }
    Ok(subscription)
}

fn read(json: &str, subscription: &mut Subscription, known: &[&'static str]) -> Result<()> {
    let invalid = |what: String| Error::new(Kind::Config, format_args!("config: {what}"));
    let json = Json::parse(json).map_err(|fault| invalid(format!("the JSON is not valid: {fault}")))?;
    if json.kind() != JsonKind::Object {
        return Err(invalid(format!("expected an object, found {}", json.kind())));
    }
    let members = Value::root(json).members()?;
    for member in &members {
        match &*member.key {
            key if !known.contains(&key) => return Err(member.unknown(known.iter().copied())),
            "log" => {
                subscription.level = Some(member.choice(&[
                    ("error", Level::Error),
                    ("warn", Level::Warn),
                    ("info", Level::Info),
                    ("debug", Level::Debug),
                ])?);
            }
            "records" => subscription.records = member.bool()?,
            _ => subscription.capacity = member.count()?.try_into().unwrap_or(usize::MAX),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_and_what_is_wrong_is_named() {
        let read = feed(r#"{"log":"info","records":true,"capacity":10}"#).unwrap();
        assert_eq!(read, Subscription { level: Some(Level::Info), records: true, capacity: 10 });
        assert_eq!(observer(None).unwrap(), Subscription { level: None, records: true, capacity: CAPACITY });
        let error = |read: Result<Subscription>| read.unwrap_err().to_string();
        assert!(error(feed(r#"{"record":true}"#)).contains("records"));
        assert!(error(feed(r#"{"log":"verbose"}"#)).contains("\"error\" or \"warn\""));
        assert!(error(feed(r#"{"capacity":0,"records":true}"#)).contains("capacity"));
        assert!(error(feed("{}")).contains("a feed of nothing"));
        assert!(error(observer(Some(r#"{"log":"info"}"#))).contains("log"));
        assert!(error(observer(Some("[]"))).contains("expected an object"));
    }
}
