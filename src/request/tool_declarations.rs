//! Tools that a run adds to each request that it sends, and that do not stay in the request.

use super::dialect::members::TOOL_CONFIG;
use super::dialect::tools::translate_tools;
use super::dialect::with_member::with_member;
use super::document::Document;
use super::zeroized::ZeroizedText;
use crate::error::{Error, Kind, Result, quote};
use crate::json::{self, Json};
use std::sync::Arc;

/// The tools of a run.
#[derive(Clone, Default)]
pub struct ToolDeclarations {
    declared: Arc<[Declaration]>,
    /// The names of the tools that the model may call, or None if the request alone decides.
    known: Option<Arc<[String]>>,
}

struct Declaration {
    name: Option<String>,
    /// In Converse's form.
    json: ZeroizedText,
}

impl ToolDeclarations {
    /// Reads an array of tools in either dialect.
    pub fn parse(tools: Json<'_>) -> Result<Self> {
        let doing = |error: Error| error.while_doing("reading the tools of a run");
        let mut declared: Vec<Declaration> = Vec::new();
        for block in translate_tools(tools).map_err(doing)? {
            let name = declared_name(Json::parse(&block.json).ok());
            if name.is_some() && declared.iter().any(|earlier| earlier.name == name) {
                let name = quote(name.as_deref().unwrap_or_default());
                return Err(doing(Error::new(Kind::Request, format_args!("the tool {name} is given twice"))));
            }
            declared.push(Declaration { name, json: block.json });
        }
        let known = declared.iter().filter_map(|tool| tool.name.clone()).collect();
        Ok(ToolDeclarations { declared: declared.into(), known: Some(known) })
    }

    /// Permits the model to call these tools too, which the request itself declares.
    pub fn and_declared_by_the_request(mut self, names: impl IntoIterator<Item = String>) -> Self {
        self.known = Some(self.names().map(str::to_owned).collect::<Vec<_>>().into_iter().chain(names).collect());
        self
    }

    /// Returns the names of the tools that the model may call. None are known if the request alone decides.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.known.iter().flat_map(|names| names.iter()).map(String::as_str)
    }

    /// Returns whether the model may call a tool.
    pub fn is_known(&self, name: &str) -> bool {
        self.known.is_none() || self.names().any(|known| known == name)
    }

    /// Adds the tools to a complete conversation in Converse's form, unless it declares one of the same name.
    pub fn add_to(&self, document: &mut Document) -> Result<()> {
        let config = document.given(TOOL_CONFIG);
        let given = config.and_then(|config| config.get("tools")).filter(|tools| tools.kind() == json::Kind::Array);
        let is_given = |tool: &Declaration| {
            tool.name.is_some()
                && given.into_iter().flat_map(Json::elements).any(|other| declared_name(Some(other)) == tool.name)
        };
        let added: Vec<&str> = self.declared.iter().filter(|tool| !is_given(tool)).map(|tool| &*tool.json).collect();
        if added.is_empty() {
            return Ok(());
        }
        let given: Vec<&str> = given.into_iter().flat_map(Json::elements).map(Json::text).collect();
        let tools = format!("[{}]", [given, added].concat().join(","));
        match config {
            // The service, or the local check, says what is wrong with it.
            Some(config) if config.kind() != json::Kind::Object => Ok(()),
            Some(config) => {
                let changed = with_member(config, "tools", &tools);
                document.replace(TOOL_CONFIG, TOOL_CONFIG, &changed)
            }
            None => {
                document.remove(TOOL_CONFIG);
                document.add(TOOL_CONFIG, &format!("{{\"tools\":{tools}}}"));
                Ok(())
            }
        }
    }
}

fn declared_name(tool: Option<Json<'_>>) -> Option<String> {
    let name = tool?.pointer("/toolSpec/name")?.string()?;
    Some(name.into_owned())
}
