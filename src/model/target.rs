//! A target: a model at an endpoint, to which a call can be sent.

use super::rest::Rest;
use crate::config::{Cache, Fallback};
use crate::error::Result;
use crate::protocol::frame_buffer::LONG;
use crate::protocol::operation::Operation;
use crate::request::{Document, parse_fallback_request};
use crate::runtime::blocking;
use crate::sdk::call::Call;
use crate::sdk::sdk_config::{SdkConfig, with_endpoint};
use std::fmt::Write as _;
use std::time::Duration;

/// A target. The first of a model has no values of its own: its model id is that of the call.
pub struct Target {
    model: Option<String>,
    region: Option<String>,
    base_url: Option<String>,
    /// Members that replace those of the request.
    members: Document,
    pub rest: Rest,
}

impl Target {
    /// Returns the first target of a model.
    pub fn first(cooldown: Duration) -> Self {
        Target { model: None, region: None, base_url: None, members: Document::default(), rest: Rest::new(cooldown) }
    }

    /// Returns the target of a fallback, or an error about the members of its request.
    pub fn of(fallback: &Fallback, cooldown: Duration) -> Result<Self> {
        let Fallback { model, region, base_url, request, path } = fallback.clone();
        let members = match request {
            Some(json) => parse_fallback_request(&json, &format!("{path}/request")).map_err(|error| {
                // The error of a value names no key.
                if error.without_prefix().starts_with("config: ") {
                    return error;
                }
                let index = path.rsplit('/').next().unwrap_or_default();
                error.while_doing(format_args!("config: \"fallbacks.{index}.request\""))
            })?,
            None => Document::default(),
        };
        Ok(Target { model, region, base_url, members, rest: Rest::new(cooldown) })
    }

    /// Returns whether the target has a model of its own.
    pub fn has_model(&self) -> bool {
        self.model.is_some()
    }

    /// Returns whether the target can answer the call. The body of InvokeModel is in a model's own form, and a token
    /// count is that of a model: another model would answer something else. Other operations are about a resource of
    /// one region.
    pub fn can_answer(&self, call: &Call) -> bool {
        let is_first = self.model.is_none() && self.region.is_none() && self.base_url.is_none();
        match call.operation {
            Operation::Converse | Operation::ConverseStream => true,
            Operation::InvokeModel | Operation::InvokeModelWithResponseStream | Operation::CountTokens => {
                let is_same_model = self.model.as_ref().is_none_or(|model| *model == call.request.subject);
                is_same_model && self.members.is_empty()
            }
            _ => is_first,
        }
    }

    /// Returns the call as this target gets it. `cache` has the cache points that the model adds.
    pub async fn call(&self, first: &Call, cache: &Cache) -> Result<Call> {
        let model = self.model.as_deref().unwrap_or(&first.request.subject);
        if model == first.request.subject && self.members.is_empty() {
            return Ok(first.clone());
        }
        let length = first.request.body.as_ref().map_or(0, |body| body.len());
        let request = if length <= LONG {
            first.request.for_target(model, &self.members, cache)?
        } else {
            let (request, model, members) = (first.request.clone(), model.to_owned(), self.members.clone());
            let cache = cache.clone();
            blocking::CHECKS.run(move || request.for_target(&model, &members, &cache)).await?
        };
        Ok(Call { request, operation: first.operation, traceparent: first.traceparent.clone() })
    }

    /// Returns the name of the target in messages, for a call of this model.
    pub fn name(&self, model: &str) -> String {
        let mut name = self.model.as_deref().unwrap_or(model).to_owned();
        if let Some(region) = &self.region {
            let _ = write!(name, " in {region}");
        }
        if let Some(url) = &self.base_url {
            let _ = write!(name, " at {url}");
        }
        name
    }

    /// Returns the SDK's configuration for calls of this target.
    pub fn sdk_config(&self, base: &SdkConfig) -> SdkConfig {
        with_endpoint(base, self.region.as_deref(), self.base_url.as_deref())
    }
}
