//! The usage that a response reports: in a member of its JSON, in its headers, or in its last chunk.

use crate::json::{self, Json, Member};

/// The token counts and the latency of a response, -1 if they were not reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    pub input_tokens: i64,
    pub output_tokens: i64,
    pub total_tokens: i64,
    pub cache_read_tokens: i64,
    pub cache_write_tokens: i64,
    /// In milliseconds.
    pub latency_ms: i64,
    /// The part of `cache_write_tokens` that is kept for five minutes.
    pub cache_write_5m_tokens: i64,
    /// The part that is kept for an hour.
    pub cache_write_1h_tokens: i64,
}

/// The member with the token counts, in the last chunk of an InvokeModelWithResponseStream.
pub const INVOCATION_METRICS: &str = "amazon-bedrock-invocationMetrics";

impl Usage {
    /// Reads the JSON of a response: of Converse, or in a model's own form.
    pub fn of_response(response: Json<'_>) -> Usage {
        response.members().filter_map(Usage::of_member).fold(Usage::default(), Usage::or)
    }

    /// Reads a member of the JSON of a response. Returns None if it reports no usage.
    pub fn of_member(member: Member<'_>) -> Option<Usage> {
        let of_member = match (&*member.key.string()?, member.value) {
            ("usage", usage) => Usage::of_usage(usage),
            // Converse.
            ("metrics", metrics) => Usage { latency_ms: count(metrics, "latencyMs"), ..Usage::default() },
            // Cohere. The billed units are the tokens of the prompt and of the output.
            ("meta", meta) => Usage::of_usage(meta.get("billed_units").or_else(|| meta.get("tokens"))?),
            // Titan.
            ("inputTextTokenCount", tokens) => Usage { input_tokens: whole_number(tokens), ..Usage::default() },
            ("results", results) => {
                let tokens = results.elements().map(|result| count(result, "tokenCount")).filter(|n| *n >= 0);
                Usage { output_tokens: tokens.reduce(i64::saturating_add).unwrap_or(-1), ..Usage::default() }
            }
            // Llama.
            ("prompt_token_count", tokens) => Usage { input_tokens: whole_number(tokens), ..Usage::default() },
            ("generation_token_count", tokens) => Usage { output_tokens: whole_number(tokens), ..Usage::default() },
            _ => return None,
        };
        Some(of_member)
    }

    /// Reads an object with token counts, under the names of Converse, Anthropic and OpenAI, in one pass.
    fn of_usage(usage: Json<'_>) -> Usage {
        // The service mostly sends two names for a count of cached tokens, and sometimes either alone.
        let (mut reported, mut secondary) = (Usage::default(), Usage::default());
        for member in usage.members() {
            let Some(key) = member.key.string() else { continue };
            let (count, tokens) = match &*key {
                "inputTokens" | "input_tokens" | "prompt_tokens" => (&mut reported.input_tokens, member.value),
                "outputTokens" | "output_tokens" | "completion_tokens" => (&mut reported.output_tokens, member.value),
                "totalTokens" | "total_tokens" => (&mut reported.total_tokens, member.value),
                "cacheReadInputTokens" | "cache_read_input_tokens" => (&mut reported.cache_read_tokens, member.value),
                "cacheReadInputTokenCount" => (&mut secondary.cache_read_tokens, member.value),
                "cacheWriteInputTokens" | "cache_creation_input_tokens" => {
                    (&mut reported.cache_write_tokens, member.value)
                }
                "cacheWriteInputTokenCount" => (&mut secondary.cache_write_tokens, member.value),
                // Converse. There may be several entries for a time to live.
                "cacheDetails" => {
                    for detail in member.value.elements() {
                        let count = match detail.get("ttl").and_then(Json::string).as_deref() {
                            Some("5m") => &mut reported.cache_write_5m_tokens,
                            Some("1h") => &mut reported.cache_write_1h_tokens,
                            _ => continue,
                        };
                        *count = plus(*count, self::count(detail, "inputTokens"));
                    }
                    continue;
                }
                // Anthropic.
                "cache_creation" => {
                    reported.cache_write_5m_tokens = self::count(member.value, "ephemeral_5m_input_tokens");
                    reported.cache_write_1h_tokens = self::count(member.value, "ephemeral_1h_input_tokens");
                    continue;
                }
                "prompt_tokens_details" => match member.value.get("cached_tokens") {
                    Some(cached) => (&mut secondary.cache_read_tokens, cached),
                    None => continue,
                },
                _ => continue,
            };
            *count = whole_number(tokens);
        }
        reported.or(secondary)
    }

    /// Reads the last chunk of a stream. Its form is the same for all models.
    pub fn of_chunk(chunk: Json<'_>) -> Option<Usage> {
        let metrics = chunk.get(INVOCATION_METRICS).filter(|metrics| metrics.kind() == json::Kind::Object)?;
        let count = |name| count(metrics, name);
        Some(Usage {
            input_tokens: count("inputTokenCount"),
            output_tokens: count("outputTokenCount"),
            total_tokens: -1,
            cache_read_tokens: count("cacheReadInputTokenCount"),
            cache_write_tokens: count("cacheWriteInputTokenCount"),
            latency_ms: count("invocationLatency"),
            ..Usage::default()
        })
    }

    /// Reads the headers of an InvokeModel response.
    pub fn of_headers<'a>(header: impl Fn(&str) -> Option<&'a str>) -> Usage {
        let count = |name: &str| {
            let value = header(name).and_then(|value| value.trim().parse().ok());
            value.filter(|count| *count >= 0).unwrap_or(-1)
        };
        Usage {
            input_tokens: count("x-amzn-bedrock-input-token-count"),
            output_tokens: count("x-amzn-bedrock-output-token-count"),
            total_tokens: -1,
            cache_read_tokens: count("x-amzn-bedrock-cache-read-input-token-count"),
            cache_write_tokens: count("x-amzn-bedrock-cache-write-input-token-count"),
            latency_ms: count("x-amzn-bedrock-invocation-latency"),
            ..Usage::default()
        }
    }

    /// Returns the total of the service, or else the sum of input and output. -1 if nothing is known.
    pub fn total(self) -> i64 {
        if self.total_tokens < 0 { plus(self.input_tokens, self.output_tokens) } else { self.total_tokens }
    }

    /// Returns the sum of the usages of two calls, one after the other.
    pub fn plus(self, other: Usage) -> Usage {
        Usage {
            input_tokens: plus(self.input_tokens, other.input_tokens),
            output_tokens: plus(self.output_tokens, other.output_tokens),
            total_tokens: plus(self.total(), other.total()),
            cache_read_tokens: plus(self.cache_read_tokens, other.cache_read_tokens),
            cache_write_tokens: plus(self.cache_write_tokens, other.cache_write_tokens),
            latency_ms: plus(self.latency_ms, other.latency_ms),
            cache_write_5m_tokens: plus(self.cache_write_5m_tokens, other.cache_write_5m_tokens),
            cache_write_1h_tokens: plus(self.cache_write_1h_tokens, other.cache_write_1h_tokens),
        }
    }

    /// Returns this usage, with the values of `other` for those that were not reported.
    pub fn or(self, other: Usage) -> Usage {
        Usage {
            input_tokens: or(self.input_tokens, other.input_tokens),
            output_tokens: or(self.output_tokens, other.output_tokens),
            total_tokens: or(self.total_tokens, other.total_tokens),
            cache_read_tokens: or(self.cache_read_tokens, other.cache_read_tokens),
            cache_write_tokens: or(self.cache_write_tokens, other.cache_write_tokens),
            latency_ms: or(self.latency_ms, other.latency_ms),
            cache_write_5m_tokens: or(self.cache_write_5m_tokens, other.cache_write_5m_tokens),
            cache_write_1h_tokens: or(self.cache_write_1h_tokens, other.cache_write_1h_tokens),
        }
    }
}

/// Adds two numbers of which either may be unknown.
fn plus(value: i64, other: i64) -> i64 {
    if value < 0 || other < 0 { value.max(other) } else { value.saturating_add(other) }
}

fn or(value: i64, other: i64) -> i64 {
    if value < 0 { other } else { value }
}

/// Returns the value of a member that is a whole number and not negative, else -1.
fn count(object: Json<'_>, name: &str) -> i64 {
    object.get(name).map_or(-1, whole_number)
}

fn whole_number(number: Json<'_>) -> i64 {
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
            cache_write_5m_tokens: -1,
            cache_write_1h_tokens: -1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_models_own_form_of_response_reports_its_usage() {
        let none = Usage::default();
        for (response, expected) in [
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
            (
                r#"{"usage":{"inputTokens":1,"cacheWriteInputTokens":9,"cacheDetails":[{"ttl":"5m","inputTokens":2},
                    {"ttl":"1h","inputTokens":3},{"ttl":"5m","inputTokens":4},{"ttl":"2d","inputTokens":5},{}]}}"#,
                Usage {
                    input_tokens: 1,
                    cache_write_tokens: 9,
                    cache_write_5m_tokens: 6,
                    cache_write_1h_tokens: 3,
                    ..none
                },
            ),
            (
                r#"{"usage":{"cache_creation":{"ephemeral_5m_input_tokens":7,"ephemeral_1h_input_tokens":0}}}"#,
                Usage { cache_write_5m_tokens: 7, cache_write_1h_tokens: 0, ..none },
            ),
            (r#"{"usage":[],"meta":1,"results":{"tokenCount":1},"prompt_token_count":-4}"#, none),
            (r#"{"results":[{"a":1}]}"#, none),
        ] {
            assert_eq!(Usage::of_response(Json::parse(response).unwrap()), expected, "{response}");
        }
    }
}
