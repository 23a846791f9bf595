//! What a model takes of prompt caching, as far as its id tells.
//!
//! A family is listed only if the service is certain to refuse something for it. The ARN of an inference profile may
//! stand for any model, and a new family may take everything.

use crate::config::CacheTtl;

/// A part of each model id of Claude.
pub const CLAUDE: &str = "anthropic.claude";

/// What a model takes of prompt caching.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModelCaching {
    Everything,
    /// Cache points without a time: the service keeps what is before them for 5 minutes.
    FiveMinutes,
    /// As [`ModelCaching::FiveMinutes`], and none behind the tools.
    FiveMinutesNotForTools,
    Nothing,
}

/// The families that do not take everything, each with a part of its model ids. The first row that fits counts.
const FAMILIES: [(&str, ModelCaching); 29] = {
    use ModelCaching::*;
    [
        ("anthropic.claude-3-5-haiku", FiveMinutes),
        ("anthropic.claude-3-5-sonnet-20241022", FiveMinutes),
        ("anthropic.claude-3-7-sonnet", FiveMinutes),
        ("anthropic.claude-sonnet-4-2", FiveMinutes),
        ("anthropic.claude-opus-4-2", FiveMinutes),
        ("anthropic.claude-opus-4-1", FiveMinutes),
        ("anthropic.claude-3-", Nothing),
        ("anthropic.claude-v2", Nothing),
        ("anthropic.claude-instant", Nothing),
        ("amazon.nova", FiveMinutesNotForTools),
        ("amazon.titan", Nothing),
        ("ai21.j", Nothing),
        ("cohere.command", Nothing),
        ("deepseek.r1", Nothing),
        ("deepseek.v3", Nothing),
        ("google.gemma", Nothing),
        ("meta.llama", Nothing),
        ("minimax.minimax-m2", Nothing),
        ("mistral.ministral", Nothing),
        ("mistral.mistral", Nothing),
        ("mistral.mixtral", Nothing),
        ("mistral.magistral", Nothing),
        ("mistral.pixtral", Nothing),
        ("mistral.voxtral", Nothing),
        ("moonshot.kimi-k2", Nothing),
        ("nvidia.nemotron", Nothing),
        ("openai.gpt-oss", Nothing),
        ("qwen.qwen3", Nothing),
        ("writer.palmyra", Nothing),
    ]
};

impl ModelCaching {
    pub fn of(model_id: &str) -> Self {
        let row = FAMILIES.iter().find(|(family, _)| model_id.contains(family));
        row.map_or(ModelCaching::Everything, |(_, caching)| *caching)
    }

    /// Returns whether a cache point can be behind system prompts and messages.
    pub fn takes_points(self) -> bool {
        self != ModelCaching::Nothing
    }

    /// Returns whether a cache point can be behind tools.
    pub fn takes_points_for_tools(self) -> bool {
        matches!(self, ModelCaching::Everything | ModelCaching::FiveMinutes)
    }

    /// Returns the time that a cache point has, of the time that is asked for.
    pub fn ttl(self, asked: Option<CacheTtl>) -> Option<CacheTtl> {
        asked.filter(|_| self == ModelCaching::Everything)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_family_of_a_model_is_found_in_its_id_and_an_unknown_one_takes_everything() {
        for (model_id, caching) in [
            ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", ModelCaching::Everything),
            ("anthropic.claude-sonnet-4-20250514-v1:0", ModelCaching::FiveMinutes),
            ("anthropic.claude-3-haiku-20240307-v1:0", ModelCaching::Nothing),
            ("anthropic.claude-3-5-sonnet-20240620-v1:0", ModelCaching::Nothing),
            ("eu.amazon.nova-pro-v1:0", ModelCaching::FiveMinutesNotForTools),
            ("arn:aws:bedrock:us-east-1::foundation-model/meta.llama3-70b-instruct-v1:0", ModelCaching::Nothing),
            ("arn:aws:bedrock:us-east-1:1:application-inference-profile/abc", ModelCaching::Everything),
            ("new.model", ModelCaching::Everything),
        ] {
            assert_eq!(ModelCaching::of(model_id), caching, "{model_id}");
        }
    }
}
