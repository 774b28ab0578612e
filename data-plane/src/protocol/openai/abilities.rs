//! The abilities of OpenAI's own models, by their names.
//!
//! Servers of other vendors speak Chat too, and each supports a part of it: many (Mistral, Groq,
//! llama.cpp) refuse or ignore OpenAI's newer fields. Source: OpenAI's guide to reasoning models
//! (`max_tokens`, `temperature`, `top_p` and penalties are refused); the API references of Mistral
//! and Groq (unknown fields are a 422 and a 400). Knows nothing of requests.

use crate::protocol::{Maker, Target};

/// Whether OpenAI's own model answers: by the provider's name, or by the model's, since gateways of
/// all kinds serve them.
pub(in crate::protocol) fn is_openai(target: &Target<'_>) -> bool {
    let name = family(target.model);
    let is_named = ["gpt-", "chatgpt-", "codex-"]
        .iter()
        .any(|start| name.starts_with(start))
        || is_o_series(name);
    target.maker == Maker::Openai
        || target.provider == "openai"
        || is_named && !name.starts_with("gpt-oss")
}

/// Whether Mistral's own API or one of its models answers, whose templates check the same.
pub(in crate::protocol) fn is_mistral(target: &Target<'_>) -> bool {
    const FAMILIES: [&str; 8] = [
        "mistral",
        "ministral",
        "magistral",
        "mixtral",
        "codestral",
        "devstral",
        "pixtral",
        "open-mi",
    ];
    let name = family(target.model).to_ascii_lowercase();
    target.maker == Maker::Mistral || FAMILIES.iter().any(|family| name.starts_with(family))
}

/// Whether DeepSeek's own API or one of its models answers.
pub(in crate::protocol) fn is_deepseek(target: &Target<'_>) -> bool {
    let name = family(target.model).to_ascii_lowercase();
    target.maker == Maker::DeepSeek
        || target.maker == Maker::Unknown && name.starts_with("deepseek")
}

/// Whether a model wants its own reasoning back that it did not sign, and has an API that takes it.
///
/// Source: DeepSeek, "Thinking Mode"; Moonshot: "thinking is enabled but reasoning_content is
/// missing in assistant tool call message".
pub(in crate::protocol) fn wants_plain_reasoning(target: &Target<'_>) -> bool {
    const FAMILIES: [&str; 3] = ["deepseek", "kimi", "moonshot"];
    let name = family(target.model).to_ascii_lowercase();
    target.maker == Maker::DeepSeek || FAMILIES.iter().any(|family| name.starts_with(family))
}

/// Whether a model reasons before it answers and refuses sampling parameters.
pub(in crate::protocol) fn refuses_sampling(model: &str) -> bool {
    let name = family(model);
    let is_gpt_5 = name.starts_with("gpt-5") && !name.starts_with("gpt-5-chat");
    is_gpt_5 || name.starts_with("codex-") || is_o_series(name)
}

/// The name without a router's prefix for the vendor and without the prefix of a fine-tuned model.
fn family(model: &str) -> &str {
    let name = model.rsplit('/').next().unwrap_or(model);
    name.strip_prefix("ft:").unwrap_or(name)
}

/// `o1`, `o3-mini`, `o4-mini-2025-04-16`.
fn is_o_series(name: &str) -> bool {
    let mut letters = name.bytes();
    letters.next() == Some(b'o') && letters.next().is_some_and(|digit| digit.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Operation;

    fn target<'a>(provider: &'a str, model: &'a str) -> Target<'a> {
        Target {
            operation: Operation::Generate,
            provider,
            maker: crate::protocol::Maker::Unknown,
            model,
            stream: false,
            output_tokens_max: None,
        }
    }

    #[test]
    fn names_tell_whose_model_it_is() {
        for model in [
            "gpt-4.1",
            "openai/gpt-5",
            "o3-mini",
            "chatgpt-4o-latest",
            "ft:gpt-4o:acme::1",
        ] {
            assert!(is_openai(&target("lab", model)), "{model}");
        }
        for model in [
            "mistral-large",
            "openai/gpt-oss-120b",
            "llama3:8b",
            "olmo-2",
            "deepseek-chat",
        ] {
            assert!(!is_openai(&target("lab", model)), "{model}");
        }
        assert!(is_openai(&target("openai", "anything")));
    }

    #[test]
    fn reasoning_models_refuse_sampling() {
        for (model, refuses) in [
            ("gpt-5-mini", true),
            ("o1", true),
            ("openai/o4-mini", true),
            ("gpt-5-chat-latest", false),
            ("gpt-4.1", false),
        ] {
            assert_eq!(refuses_sampling(model), refuses, "{model}");
        }
    }
}
