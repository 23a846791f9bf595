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
    /// The members `usage` and `metrics` of a Converse answer.
    pub fn of_answer(answer: Json<'_>) -> Usage {
        let (usage, metrics) = (answer.get("usage"), answer.get("metrics"));
        Usage {
            input_tokens: count(usage, &["inputTokens"]),
            output_tokens: count(usage, &["outputTokens"]),
            total_tokens: count(usage, &["totalTokens"]),
            // The service mostly sends both names, and either may stand alone.
            cache_read_tokens: count(usage, &["cacheReadInputTokens", "cacheReadInputTokenCount"]),
            cache_write_tokens: count(usage, &["cacheWriteInputTokens", "cacheWriteInputTokenCount"]),
            latency_ms: count(metrics, &["latencyMs"]),
        }
    }

    /// What the last chunk of a stream tells, whichever model wrote the others.
    pub fn of_chunk(chunk: Json<'_>) -> Option<Usage> {
        let metrics = chunk.get(INVOCATION_METRICS).filter(|metrics| metrics.kind() == json::Kind::Object)?;
        let told = |name| count(Some(metrics), &[name]);
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
        let or = |own: i64, other: i64| if own < 0 { other } else { own };
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

/// The first of these members that is a whole number.
fn count(object: Option<Json<'_>>, names: &[&str]) -> i64 {
    names.iter().find_map(|name| object?.get(name)?.i64()).unwrap_or(-1)
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
