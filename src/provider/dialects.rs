//! The dialects that an upstream can speak, by their names in the configuration.
//!
//! Legacy completions are missing on purpose: clients may speak them, no upstream is called in them.

use crate::canon::Dialect;

pub const OPENAI_CHAT: Dialect = Dialect::named("openai_chat");
pub const OPENAI_RESPONSES: Dialect = Dialect::named("openai_responses");
pub const ANTHROPIC: Dialect = Dialect::named("anthropic");
pub const GEMINI: Dialect = Dialect::named("gemini");

pub const DIALECTS: [Dialect; 4] = [OPENAI_CHAT, OPENAI_RESPONSES, ANTHROPIC, GEMINI];

/// The upstream dialect of that name.
pub fn dialect(name: &str) -> Option<Dialect> {
    DIALECTS.into_iter().find(|dialect| dialect.name() == name)
}
