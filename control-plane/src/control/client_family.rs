//! The addresses that clients are given.

use crate::protocol::{Protocol, anthropic, gemini, openai_chat};

/// Clients that are set up with the same base URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientFamily {
    OpenAi,
    Anthropic,
    Gemini,
}

impl ClientFamily {
    /// In the order in which they are shown.
    pub const ALL: [Self; 3] = [Self::OpenAi, Self::Anthropic, Self::Gemini];

    pub fn id(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
        }
    }

    /// The name as people read it.
    pub fn label(self) -> &'static str {
        match self {
            Self::OpenAi => "OpenAI",
            Self::Anthropic => "Anthropic",
            Self::Gemini => "Gemini",
        }
    }

    /// What its clients take as their base URL, where the gateway serves at `gateway_url`.
    pub fn base_url(self, gateway_url: &str) -> String {
        let protocol: &dyn Protocol = match self {
            Self::OpenAi => &openai_chat::OpenaiChat,
            Self::Anthropic => &anthropic::Anthropic,
            Self::Gemini => &gemini::Gemini,
        };
        format!("{gateway_url}{}", protocol.descriptor().base_url_suffix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_family_has_the_suffix_of_its_dialect() {
        let urls = ClientFamily::ALL.map(|family| family.base_url("http://127.0.0.1:1"));
        assert_eq!(
            urls,
            [
                "http://127.0.0.1:1/v1",
                "http://127.0.0.1:1",
                "http://127.0.0.1:1"
            ]
        );
    }
}
