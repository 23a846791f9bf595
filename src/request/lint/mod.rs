//! Local checks of a conversation, before it is sent.
//!
//! A check rejects only requests that the service is certain to refuse, and its error has a pointer to the cause. The
//! service accepts more than its documentation says. Recorded traffic shows that it accepts a conversation that begins
//! with the assistant, consecutive messages of one role, texts of white space, document names with an underscore, and a
//! video whose format is a MIME type. Limits that differ between models, such as the size of an image, are not checked
//! either. The config key `lint` turns all checks off.
//!
//! ```text
//!   shape           messages and content blocks
//!   turns           tool calls with their results, documents with a text
//!   media           formats, bytes and names
//!   tools           toolConfig and the names of tools
//!   cache_points    the number of cache points
//!   schema          the schemas that the service compiles
//!   errors          the error of a check
//! ```

mod cache_points;
mod errors;
mod media;
pub(super) mod schema;
mod shape;
mod tools;
mod turns;

use super::attachments::Attachments;
use super::document::Document;
use super::inference_config::{check_max_tokens, check_stop_sequence};
use super::segment::Segment;
use crate::error::{Error, Result};
use crate::json::{Json, Kind};
use cache_points::CachePoints;
use errors::rejected;
use media::check_media;
use schema::check_schemas;
use shape::{check_block, check_message, check_result, check_text};
use tools::check_tools;
use turns::{Turns, is_server_tool_result};

/// Checks a conversation. `for_generation` is whether a model generates a response to it: a conversation whose tokens
/// are counted may end with tool calls.
pub fn check(document: &Document, attachments: &Attachments, model_id: &str, for_generation: bool) -> Result<()> {
    // A stored prompt has messages and tools of its own, which are not known here.
    let is_stored_prompt = model_id.contains(":prompt/") || document.names().any(|name| name == "promptVariables");
    if !is_stored_prompt {
        check_messages_exist(document)?;
    }
    check_inference_config(document)?;
    let mut cache_points = CachePoints::default();
    let mut turns = Turns::new(!is_stored_prompt);
    for (index, message) in items(document, "messages").enumerate() {
        check_message(message, &format!("/messages/{index}"))?;
        let path = format!("/messages/{index}/content");
        turns.begin_message(message)?;
        let content = message.get("content").into_iter().flat_map(Json::elements);
        for (index, block) in content.enumerate() {
            let path = format!("{path}/{index}");
            check_block(block, &path)?;
            check_text(block, &path)?;
            let result = block.get("toolResult").filter(|result| !is_server_tool_result(*result));
            if let Some(content) = result.and_then(|result| result.get("content")) {
                check_result(content, &format!("{path}/toolResult/content"))?;
            }
            check_media(block, attachments, &path)?;
            cache_points.count(block, &path)?;
            turns.add_block(block, &path)?;
        }
    }
    turns.check_document_has_text()?;
    if for_generation {
        turns.check_all_calls_have_results()?;
    }
    check_system(document, &mut cache_points)?;
    check_tools(document, &mut cache_points, turns.first_tool_block.filter(|_| !is_stored_prompt))?;
    check_schemas(document, model_id)
}

/// Checks the content of a tool's result, before the request is known that it becomes a part of.
pub fn check_result_alone(content: Json<'_>) -> Result<()> {
    check_result(content, "")?;
    let attachments = Attachments::default();
    content.elements().enumerate().try_for_each(|(index, block)| check_media(block, &attachments, &format!("/{index}")))
}

fn check_messages_exist(document: &Document) -> Result<()> {
    let advice = "add at least one message of the user";
    match (document.list("messages"), document.value("messages")) {
        (Some(list), _) if list.items().is_empty() => {
            Err(rejected("/messages", format_args!("messages is empty; {advice}")))
        }
        (Some(_), _) => Ok(()),
        (None, None) => Err(rejected("/messages", format_args!("it has no messages; {advice}"))),
        (None, Some(other)) => Err(rejected("/messages", format_args!("messages is {}, not an array", other.kind()))),
    }
}

/// Returns the items of one of the document's lists.
fn items<'a>(document: &'a Document, list: &str) -> impl Iterator<Item = Json<'a>> {
    document.items(list).iter().map(Segment::json)
}

fn check_system(document: &Document, cache_points: &mut CachePoints) -> Result<()> {
    if let Some(other) = document.given("system") {
        return Err(rejected("/system", format_args!("system is {}, not an array of blocks", other.kind())));
    }
    for (index, block) in items(document, "system").enumerate() {
        let path = format!("/system/{index}");
        check_block(block, &path)?;
        check_text(block, &path)?;
        cache_points.count(block, &path)?;
    }
    Ok(())
}

fn check_inference_config(document: &Document) -> Result<()> {
    let Some(config) = document.value("inferenceConfig") else { return Ok(()) };
    let rejected = |error: Error| rejected(error.path().as_str(), error.without_prefix());
    let limit = config.get("maxTokens").filter(|limit| limit.kind() == Kind::Number);
    if let Some(limit) = limit {
        check_max_tokens(limit, "/inferenceConfig/maxTokens").map_err(rejected)?;
    }
    let stops = config.get("stopSequences").into_iter().flat_map(Json::elements).enumerate();
    for (index, stop) in stops {
        check_stop_sequence(stop, &format!("/inferenceConfig/stopSequences/{index}")).map_err(rejected)?;
    }
    Ok(())
}
