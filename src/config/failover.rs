//! The config keys `fallbacks`, `fallback_on`, `cooldown` and `hedge`: other targets for a call that the model's own
//! target does not answer.

use super::check::{check_model_id, check_region};
use super::value::Value;
use crate::error::{Kind, Result};
use crate::json::OwnedJson;
use std::time::Duration;

/// The time for which a target that failed is not called, unless the config sets it.
const DEFAULT_COOLDOWN: Duration = Duration::from_secs(30);

/// When and where a call is sent to another target.
#[derive(Clone, Debug)]
pub struct Failover {
    /// In the order in which they are called.
    pub fallbacks: Vec<Fallback>,
    /// The failures after which the next target is called, besides those that always count.
    pub on: Vec<Kind>,
    /// The time for which a target that failed is not called.
    pub cooldown: Duration,
    /// The time after which the next target is called beside one that has not answered. None: never.
    pub hedge_after: Option<Duration>,
}

/// A target beside the model's own.
#[derive(Clone, Debug)]
pub struct Fallback {
    /// A model id that passed [`check_model_id`]. None: the model of the call.
    pub model: Option<String>,
    /// A region that passed [`check_region`]. None: the region of the model.
    pub region: Option<String>,
    /// An endpoint. None: the endpoint of `region`, or else that of the model.
    pub base_url: Option<String>,
    /// An object of members that replace those of the request.
    pub request: Option<OwnedJson>,
    /// The JSON pointer to this element of the config.
    pub path: String,
}

impl Default for Failover {
    fn default() -> Self {
        Failover { fallbacks: Vec::new(), on: Vec::new(), cooldown: DEFAULT_COOLDOWN, hedge_after: None }
    }
}

const ON: [(&str, Kind); 4] = [
    ("access_denied", Kind::AccessDenied),
    ("context_overflow", Kind::ContextOverflow),
    ("not_found", Kind::NotFound),
    ("validation", Kind::Validation),
];

impl Failover {
    /// Reads `fallbacks`. The URLs are checked when all keys are known (`combinations`).
    pub(super) fn read_fallbacks(&mut self, value: &Value<'_>) -> Result<()> {
        self.fallbacks = value.elements()?.iter().map(Fallback::parse).collect::<Result<_>>()?;
        if self.fallbacks.is_empty() {
            return Err(value.error("is empty: omit the key"));
        }
        Ok(())
    }

    /// Reads `fallback_on`.
    pub(super) fn read_on(&mut self, value: &Value<'_>) -> Result<()> {
        self.on = value.elements()?.iter().map(|kind| kind.choice(&ON)).collect::<Result<_>>()?;
        Ok(())
    }
}

impl Fallback {
    fn parse(value: &Value<'_>) -> Result<Self> {
        let members = value.members()?;
        value.expect_members(&members, &["model", "region", "base_url", "request"])?;
        let member = |key: &str| members.iter().find(|member| member.key == key);
        if !["model", "region", "base_url"].iter().any(|key| member(key).is_some()) {
            return Err(value.error("needs a \"model\", a \"region\" or a \"base_url\": it is the same target without"));
        }
        Ok(Fallback {
            model: member("model").map(|model| model.checked(check_model_id)).transpose()?,
            region: member("region").map(|region| region.checked(check_region)).transpose()?,
            base_url: member("base_url").map(Value::text).transpose()?,
            request: member("request").map(Value::object).transpose()?,
            path: value.path.clone(),
        })
    }
}
