//! The tokens of a request, estimated before it is sent.
//!
//! The service reserves the input and the maximum length of the output when a request comes, and settles that with
//! the tokens that were used. The input is estimated by its length; the error of the estimate is learned
//! (`correction`).

use crate::error::Result;
use crate::json::Json;
use crate::protocol::frame_buffer::LONG;
use crate::request::SerializedRequest;
use crate::runtime::blocking;
use memchr::{memchr, memmem};

/// About how many bytes of JSON are a token, the fewest of common texts and families.
const BYTES_PER_TOKEN: u64 = 3;
/// The tokens of an image or of a page of a document, as most families count them.
const TOKENS_PER_MEDIUM: u64 = 1_600;
/// What a token of the output counts when the service settles a reservation, by a part of the model id. The first row
/// that fits counts. Without one it is 1.
const OUTPUT_RATES: [(&str, u64); 5] = [
    ("anthropic.claude-3-7-", 5),
    ("anthropic.claude-3-", 1),
    ("anthropic.claude-v2", 1),
    ("anthropic.claude-instant", 1),
    ("anthropic.claude", 5),
];
/// What a request without a limit of its output reserves: the service takes the maximum of the model.
const UNLIMITED_OUTPUT: u64 = 64_000;
/// Parts of the ids of models whose output has no tokens.
const WITHOUT_OUTPUT: [&str; 2] = ["embed", "rerank"];
/// Where the families of models have the limit of the output.
const MAX_TOKENS: [&str; 7] = [
    "/inferenceConfig/maxTokens",
    "/inferenceConfig/max_new_tokens",
    "/max_tokens",
    "/max_completion_tokens",
    "/max_tokens_to_sample",
    "/max_gen_len",
    "/textGenerationConfig/maxTokenCount",
];

/// The tokens that a request may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Estimate {
    pub input: u64,
    /// The limit of the output.
    pub output: u64,
    /// What each token of the output counts once it has been used.
    pub output_rate: u64,
}

impl Estimate {
    /// Estimates the tokens of a request, a long one on another thread.
    pub async fn of_request(request: &SerializedRequest) -> Result<Self> {
        let rate = output_rate(&request.subject);
        let writes = !WITHOUT_OUTPUT.iter().any(|part| request.subject.contains(part));
        let estimate = match &request.body {
            None => Ok(Estimate { input: 0, output: 0, output_rate: rate }),
            Some(body) if body.len() <= LONG => Ok(Estimate::of(body, rate)),
            Some(body) => {
                let body = body.clone();
                blocking::CHECKS.run(move || Ok(Estimate::of(&body, rate))).await
            }
        }?;
        Ok(Estimate { output: if writes { estimate.output } else { 0 }, ..estimate })
    }

    /// Estimates the tokens of a request with this body.
    fn of(body: &[u8], output_rate: u64) -> Self {
        let (media, length_of_media) = media(body);
        let text = (body.len() - length_of_media) as u64;
        let output = std::str::from_utf8(body).ok().and_then(|text| Json::parse(text).ok()).and_then(|json| {
            let limit = MAX_TOKENS.iter().find_map(|pointer| json.pointer(pointer)?.i64());
            limit.and_then(|limit| u64::try_from(limit).ok())
        });
        let input = text.div_ceil(BYTES_PER_TOKEN) + media * TOKENS_PER_MEDIUM;
        Estimate { input, output: output.unwrap_or(UNLIMITED_OUTPUT), output_rate }
    }
}

fn output_rate(model_id: &str) -> u64 {
    OUTPUT_RATES.iter().find(|(part, _)| model_id.contains(part)).map_or(1, |(_, rate)| *rate)
}

/// Returns the number of media in base64, and their length.
fn media(body: &[u8]) -> (u64, usize) {
    const BEGINNING: &[u8] = br#""bytes":""#;
    let (mut number, mut length, mut rest) = (0, 0, body);
    while let Some(at) = memmem::find(rest, BEGINNING) {
        rest = &rest[at + BEGINNING.len()..];
        let end = memchr(b'"', rest).unwrap_or(rest.len());
        number += 1;
        length += end;
        rest = &rest[end..];
    }
    (number, length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_input_is_estimated_by_its_length_and_the_output_is_its_limit() {
        let body = format!(r#"{{"messages":"{}","inferenceConfig":{{"maxTokens":500}}}}"#, "word ".repeat(600));
        let estimate = Estimate::of(body.as_bytes(), 1);
        assert_eq!(estimate.output, 500);
        assert!((1_000..1_100).contains(&estimate.input), "{estimate:?}");
    }

    #[test]
    fn an_image_counts_by_itself_and_not_by_its_length() {
        let body = format!(r#"{{"max_tokens":1,"content":[{{"bytes":"{}"}}]}}"#, "A".repeat(1 << 20));
        let estimate = Estimate::of(body.as_bytes(), 1);
        assert!((1_600..1_700).contains(&estimate.input) && estimate.output == 1, "{estimate:?}");
    }

    #[test]
    fn a_token_of_the_output_counts_five_times_for_claude_since_3_7() {
        for (model_id, rate) in [
            ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", 5),
            ("anthropic.claude-3-7-sonnet-20250219-v1:0", 5),
            ("anthropic.claude-3-5-haiku-20241022-v1:0", 1),
            ("amazon.nova-pro-v1:0", 1),
        ] {
            assert_eq!(output_rate(model_id), rate, "{model_id}");
        }
    }

    #[tokio::test]
    async fn a_model_that_writes_nothing_reserves_no_output() {
        for (subject, output) in [("amazon.titan-embed-text-v2:0", 0), ("amazon.nova-pro-v1:0", UNLIMITED_OUTPUT)] {
            let body = Some(br#"{"inputText":"Hello"}"#.as_slice().into());
            let (subject, path) = (subject.to_owned(), String::new());
            let request = SerializedRequest { subject, path, headers: Vec::new(), body };
            assert_eq!(Estimate::of_request(&request).await.unwrap().output, output);
        }
    }

    #[test]
    fn a_request_without_a_limit_reserves_much() {
        assert_eq!(Estimate::of(br#"{"messages":[]}"#, 1).output, UNLIMITED_OUTPUT);
    }
}
