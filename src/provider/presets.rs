//! The providers that need no base URL from the person: one row each.
//!
//! Adding a provider that speaks a known dialect with a known form of authentication is one more row here, and nothing else.

use super::Auth;
use crate::canon::Dialect;
use crate::protocol::{anthropic, gemini, openai_chat, openai_responses};

/// A provider as it is without a word of configuration.
#[derive(Clone, Copy, Debug)]
pub struct Preset {
    pub name: &'static str,
    pub dialects: &'static [Dialect],
    pub base_url: &'static str,
    pub auth: Auth,
    pub key_env: Option<&'static str>,
    /// Where its keys and terms are explained.
    pub docs: &'static str,
}

pub static PRESETS: [Preset; 5] = [
    Preset {
        name: "openai",
        dialects: &[openai_chat::DIALECT, openai_responses::DIALECT],
        base_url: "https://api.openai.com/v1",
        auth: Auth::Bearer,
        key_env: Some("OPENAI_API_KEY"),
        docs: "https://platform.openai.com/docs/api-reference",
    },
    Preset {
        name: "anthropic",
        dialects: &[anthropic::DIALECT],
        base_url: "https://api.anthropic.com",
        auth: Auth::XApiKey,
        key_env: Some("ANTHROPIC_API_KEY"),
        docs: "https://platform.claude.com/docs/en/api/overview",
    },
    Preset {
        name: "gemini",
        dialects: &[gemini::DIALECT],
        base_url: "https://generativelanguage.googleapis.com",
        auth: Auth::XGoogApiKey,
        key_env: Some("GEMINI_API_KEY"),
        docs: "https://ai.google.dev/gemini-api/docs/api-key",
    },
    Preset {
        name: "openrouter",
        dialects: &[openai_chat::DIALECT],
        base_url: "https://openrouter.ai/api/v1",
        auth: Auth::Bearer,
        key_env: Some("OPENROUTER_API_KEY"),
        docs: "https://openrouter.ai/docs/api-reference/overview",
    },
    Preset {
        name: "ollama",
        dialects: &[openai_chat::DIALECT],
        base_url: "http://127.0.0.1:11434",
        auth: Auth::None,
        key_env: None,
        docs: "https://docs.ollama.com/openai",
    },
];

pub fn preset(name: &str) -> Option<&'static Preset> {
    PRESETS.iter().find(|preset| preset.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::BaseUrl;

    #[test]
    fn every_preset_can_be_called_as_it_stands() {
        for preset in &PRESETS {
            let base = BaseUrl::parse(preset.base_url).unwrap();
            assert!(!preset.dialects.is_empty());
            assert_eq!(preset.auth == Auth::None, preset.key_env.is_none(), "{}", preset.name);
            assert!(!base.is_plain_http() || base.is_loopback(), "{}", preset.name);
        }
    }
}
