//! What an answer cost, as the service tells it: in a member of the answer, in its headers, or in its last chunk.

use crate::json::{self, Json};

/// Tokens and time, -1 where they were not reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    pub input_tokens: i64,
    pub output_tokens: i64,
    pub total_tokens: i64,
    pub cache_read_tokens: i64,
    pub cache_write_tokens: i64,
    /// In milliseconds.
    pub latency_ms: i64,
}

/// The member of the last chunk of an InvokeModelWithResponseStream that counts.
pub const INVOCATION_METRICS: &str = "amazon-bedrock-invocationMetrics";

impl Usage {
    /// What an answer says of itself: Converse's, and those of models in their own form.
    pub fn of_answer(answer: Json<'_>) -> Usage {
        let mut told = Usage::default();
        for member in answer.members() {
            let Some(key) = member.key.string() else { continue };
            let of_member = match (&*key, member.value) {
                ("usage", usage) => Usage::of_usage(usage),
                // Converse.
                ("metrics", metrics) => Usage { latency_ms: count(metrics, "latencyMs"), ..Usage::default() },
                // Cohere. What is billed is what the model was given and wrote.
                ("meta", meta) => {
                    let units = meta.get("billed_units").or_else(|| meta.get("tokens"));
                    units.map(Usage::of_usage).unwrap_or_default()
                }
                // Titan.
                ("inputTextTokenCount", tokens) => Usage { input_tokens: whole(tokens), ..Usage::default() },
                ("results", results) => {
                    let tokens = results.elements().map(|result| count(result, "tokenCount")).filter(|n| *n >= 0);
                    Usage { output_tokens: tokens.reduce(i64::saturating_add).unwrap_or(-1), ..Usage::default() }
                }
                // Llama.
                ("prompt_token_count", tokens) => Usage { input_tokens: whole(tokens), ..Usage::default() },
                ("generation_token_count", tokens) => Usage { output_tokens: whole(tokens), ..Usage::default() },
                _ => continue,
            };
            told = told.or(of_member);
        }
        told
    }

    /// An object that counts tokens, under the names of Converse, Anthropic and OpenAI. One pass: each stream has one.
    fn of_usage(usage: Json<'_>) -> Usage {
        // The service mostly sends two names for what a cache did, and either may stand alone.
        let (mut told, mut yielding) = (Usage::default(), Usage::default());
        for member in usage.members() {
            let Some(key) = member.key.string() else { continue };
            let (count, tokens) = match &*key {
                "inputTokens" | "input_tokens" | "prompt_tokens" => (&mut told.input_tokens, member.value),
                "outputTokens" | "output_tokens" | "completion_tokens" => (&mut told.output_tokens, member.value),
                "totalTokens" | "total_tokens" => (&mut told.total_tokens, member.value),
                "cacheReadInputTokens" | "cache_read_input_tokens" => (&mut told.cache_read_tokens, member.value),
                "cacheReadInputTokenCount" => (&mut yielding.cache_read_tokens, member.value),
                "cacheWriteInputTokens" | "cache_creation_input_tokens" => (&mut told.cache_write_tokens, member.value),
                "cacheWriteInputTokenCount" => (&mut yielding.cache_write_tokens, member.value),
                "prompt_tokens_details" => match member.value.get("cached_tokens") {
                    Some(cached) => (&mut yielding.cache_read_tokens, cached),
                    None => continue,
                },
                _ => continue,
            };
            *count = whole(tokens);
        }
        told.or(yielding)
    }

    /// What the last chunk of a stream tells, whichever model wrote the others.
    pub fn of_chunk(chunk: Json<'_>) -> Option<Usage> {
        let metrics = chunk.get(INVOCATION_METRICS).filter(|metrics| metrics.kind() == json::Kind::Object)?;
        let told = |name| count(metrics, name);
        Some(Usage {
            input_tokens: told("inputTokenCount"),
            output_tokens: told("outputTokenCount"),
            total_tokens: -1,
            cache_read_tokens: told("cacheReadInputTokenCount"),
            cache_write_tokens: told("cacheWriteInputTokenCount"),
            latency_ms: told("invocationLatency"),
        })
    }

    /// The headers of an InvokeModel answer. `header` gives one by its name.
    pub fn of_headers<'a>(header: impl Fn(&str) -> Option<&'a str>) -> Usage {
        let told = |name: &str| {
            let value = header(name).and_then(|value| value.trim().parse().ok());
            value.filter(|count| *count >= 0).unwrap_or(-1)
        };
        Usage {
            input_tokens: told("x-amzn-bedrock-input-token-count"),
            output_tokens: told("x-amzn-bedrock-output-token-count"),
            total_tokens: -1,
            cache_read_tokens: told("x-amzn-bedrock-cache-read-input-token-count"),
            cache_write_tokens: told("x-amzn-bedrock-cache-write-input-token-count"),
            latency_ms: told("x-amzn-bedrock-invocation-latency"),
        }
    }

    /// This, and what `other` tells where this says nothing.
    pub fn or(self, other: Usage) -> Usage {
        Usage {
            input_tokens: or(self.input_tokens, other.input_tokens),
            output_tokens: or(self.output_tokens, other.output_tokens),
            total_tokens: or(self.total_tokens, other.total_tokens),
            cache_read_tokens: or(self.cache_read_tokens, other.cache_read_tokens),
            cache_write_tokens: or(self.cache_write_tokens, other.cache_write_tokens),
            latency_ms: or(self.latency_ms, other.latency_ms),
        }
    }
}

fn or(own: i64, other: i64) -> i64 {
    if own < 0 { other } else { own }
}

/// A member that is a whole number and no less than 0.
fn count(object: Json<'_>, name: &str) -> i64 {
    object.get(name).map_or(-1, whole)
}

fn whole(number: Json<'_>) -> i64 {
    number.i64().filter(|count| *count >= 0).unwrap_or(-1)
}

impl Default for Usage {
    fn default() -> Self {
        Usage {
            input_tokens: -1,
            output_tokens: -1,
            total_tokens: -1,
            cache_read_tokens: -1,
            cache_write_tokens: -1,
            latency_ms: -1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_in_their_own_form_say_what_they_used_under_names_of_their_own() {
        let none = Usage::default();
        for (answer, expected) in [
            (
                r#"{"inputTextTokenCount":5,"results":[{"tokenCount":7,"outputText":"a"},{"tokenCount":1}]}"#,
                Usage { input_tokens: 5, output_tokens: 8, ..none },
            ),
            (r#"{"embedding":[0.5,0.25],"inputTextTokenCount":3}"#, Usage { input_tokens: 3, ..none }),
            (
                r#"{"usage":{"input_tokens":1,"output_tokens":2,"cache_read_input_tokens":3,"cache_creation_input_tokens":4}}"#,
                Usage { input_tokens: 1, output_tokens: 2, cache_read_tokens: 3, cache_write_tokens: 4, ..none },
            ),
            (
                r#"{"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3,"prompt_tokens_details":{"cached_tokens":0}}}"#,
                Usage { input_tokens: 1, output_tokens: 2, total_tokens: 3, cache_read_tokens: 0, ..none },
            ),
            (
                r#"{"meta":{"api_version":{"version":"1"},"billed_units":{"input_tokens":4,"output_tokens":6}}}"#,
                Usage { input_tokens: 4, output_tokens: 6, ..none },
            ),
            (
                r#"{"generation":"a","prompt_token_count":4,"generation_token_count":6}"#,
                Usage { input_tokens: 4, output_tokens: 6, ..none },
            ),
            (r#"{"usage":[],"meta":1,"results":{"tokenCount":1},"prompt_token_count":-4}"#, none),
            (r#"{"results":[{"a":1}]}"#, none),
        ] {
            assert_eq!(Usage::of_answer(Json::parse(answer).unwrap()), expected, "{answer}");
        }
    }
}
