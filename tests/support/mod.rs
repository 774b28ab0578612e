//! What the integration tests share.
//!
//! [`upstream`] stands in for the services that the agent calls, [`grammar`] checks what clients
//! receive, [`raw`] speaks HTTP byte by byte, [`agent`] runs the real program. Everything here is
//! written against the wire references and must not use the crate under test: the same mistake on
//! both sides would go unnoticed.

// A helper belongs to whichever test module needs it next.
#![allow(dead_code)]

pub mod agent;
pub mod browser;
pub mod grammar;
pub mod lab;
pub mod raw;
#[cfg(target_os = "linux")]
pub mod terminal;
pub mod upstream;

/// A wire format, with the program's name for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    Chat,
    Completions,
    Responses,
    Anthropic,
    Gemini,
    Ollama,
}

impl Dialect {
    pub const ALL: [Self; 6] = [
        Self::Chat,
        Self::Completions,
        Self::Responses,
        Self::Anthropic,
        Self::Gemini,
        Self::Ollama,
    ];

    /// Those in which an upstream answers.
    pub const OF_UPSTREAMS: [Self; 5] = [
        Self::Chat,
        Self::Completions,
        Self::Responses,
        Self::Anthropic,
        Self::Gemini,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Chat => "openai_chat",
            Self::Completions => "openai_completions",
            Self::Responses => "openai_responses",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
            Self::Ollama => "ollama",
        }
    }
}
