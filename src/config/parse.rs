//! Reads the config JSON of `bedrock_model_new`, the call settings of a derived model, and new credentials.
//!
//! Members of `options` count as if they were at the top. The order of keys does not matter. `null` is a wrong type and
//! does not mean "not given": a program whose secret is missing by mistake gets an error, and does not sign with the
//! credentials of the machine.

use super::combinations;
use super::draft::Draft;
use super::environment::variables::Variables;
use super::keys::{self, Reader};
use super::nearest;
use super::value::Value;
use super::{Auth, CallSettings, Config};
use crate::error::{Error, Kind, Result};
use crate::json::{Json, Kind as JsonKind};

impl Config {
    /// Reads and checks a config, with the environment variables of the process.
    pub fn parse(text: &str) -> Result<Config> {
        Config::parse_in(text, Variables::of_process())
    }

    /// Reads and checks a config, with the given environment variables.
    pub(super) fn parse_in(text: &str, variables: Variables) -> Result<Config> {
        let mut draft = Draft::new(variables);
        for member in root(text)?.members()? {
            if member.key == keys::OPTIONS {
                member.members()?.into_iter().try_for_each(|option| read(&mut draft, option))?;
            } else {
                read(&mut draft, member)?;
            }
        }
        combinations::check(&draft)?;
        Ok(draft.into_config())
    }

    /// Returns this config with other keys that authorize calls: those of `text`, and no other of them. Region and
    /// endpoint stay those of the config's own profile.
    pub fn with_credentials(&self, text: &str) -> Result<Config> {
        let profile = self.profile.clone();
        let unauthorized = Config {
            auth: Auth::Auto,
            credentials: None,
            bearer_token: None,
            bearer_token_file: None,
            profile: None,
            credentials_profile: None,
            role: None,
            ..self.clone()
        };
        let mut draft = Draft::of(unauthorized);
        for member in root(text)?.members()? {
            if !keys::find(&member.key, None).is_some_and(keys::Key::authorizes) {
                return Err(member.unknown(keys::AUTHORIZING.into_iter()));
            }
            read(&mut draft, member)?;
        }
        combinations::check_authorization(&draft)?;
        let given = draft.into_config();
        Ok(Config { credentials_profile: Some(given.profile.clone()), profile, ..given })
    }
}

fn root(text: &str) -> Result<Value<'_>> {
    let json = Json::parse(text)
        .map_err(|fault| Error::new(Kind::Config, format_args!("config: the JSON is not valid: {fault}")))?;
    if json.kind() != JsonKind::Object {
        return Err(Error::new(Kind::Config, format_args!("config: expected an object, found {}", json.kind())));
    }
    Ok(Value::root(json))
}

fn read(draft: &mut Draft, value: Value<'_>) -> Result<()> {
    let Some(key) = keys::find(&value.key, None) else {
        return Err(unknown(&value));
    };
    if draft.has(key.name) {
        return Err(value.error("is given both at the top and under \"options\": remove one"));
    }
    match key.reader {
        Reader::Model(read) => read(draft, &value)?,
        Reader::Call(_) | Reader::Timer(_) | Reader::CallObject => draft.config.calls.read(key, &value)?,
        Reader::ModelObject => {
            for member in value.members()? {
                match keys::find(&member.key, Some(key.name)).map(|found| &found.reader) {
                    Some(Reader::Model(read)) => read(draft, &member)?,
                    _ => return Err(member.unknown(keys::members(key.name))),
                }
            }
        }
        Reader::Options => return Err(unknown(&value)),
    }
    draft.note(key.name, value.path);
    Ok(())
}

fn unknown(value: &Value<'_>) -> Error {
    if nearest::is_request_member(&value.key) {
        return value.error("is a member of requests: put it under \"defaults\"");
    }
    value.unknown(keys::names().filter(|name| value.key != *name))
}

impl CallSettings {
    /// Sets the call setting `key`, if it is one, and returns whether it is. `path` is the JSON pointer of `value`.
    /// After an error, some members of an object may have been set: the caller discards the settings.
    pub fn set(&mut self, key: &str, value: Json<'_>, path: &str) -> Result<bool> {
        match keys::find(key, None).filter(|key| key.is_call_setting()) {
            Some(found) => self.read(found, &Value::new(key, value, path)).map(|()| true),
            None => Ok(false),
        }
    }

    fn read(&mut self, key: &keys::Key, value: &Value<'_>) -> Result<()> {
        match key.reader {
            Reader::Call(read) => read(self, value),
            Reader::Timer(timeout) => value.duration().map(|limit| self.set_timer(timeout, limit)),
            Reader::CallObject => value.members()?.iter().try_for_each(|member| {
                let Some(found) = keys::find(&member.key, Some(key.name)) else {
                    return Err(member.unknown(keys::members(key.name)));
                };
                self.read(found, member)
            }),
            Reader::Model(_) | Reader::ModelObject | Reader::Options => Ok(()),
        }
    }
}
