//! What the servers of this dialect differ in: OpenAI's own takes what its reference says, and
//! others what their chat templates were written for.
//!
//! Source: chat templates of Qwen ("System message must be at the beginning."), Mistral's API ("Tool
//! call id was … but must be a-z, A-Z, 0-9, with a length of 9", "Unexpected role 'user' after role
//! 'tool'").

use sha2::{Digest as _, Sha256};

use crate::json::EscapedStr;
use crate::protocol::openai::abilities;
use crate::protocol::{Maker, Target, names};

/// OpenAI's API refuses a longer id. Others give longer ones and want them back.
const OPENAI_ID_LEN_MAX: usize = 40;
const MISTRAL_ID_LEN: usize = 9;

/// Fields of OpenAI's that the API of a maker refuses, of requests and of messages.
///
/// Source: Mistral's "Extra inputs are not permitted" (422; its request names other fields only);
/// Groq, "OpenAI compatibility", "currently unsupported" (400), "property 'reasoning_content' is
/// unsupported".
const REFUSED: [(Maker, &[&str]); 2] = [
    (
        Maker::Mistral,
        &[
            "stream_options",
            "seed",
            "user",
            "metadata",
            "service_tier",
            "verbosity",
            "logprobs",
            "modalities",
            "name",
            "refusal",
            "reasoning_content",
        ],
    ),
    (
        Maker::Groq,
        &["logprobs", "n", "name", "refusal", "reasoning_content"],
    ),
];

/// Whether the maker's API refuses the field.
pub(super) fn refuses(maker: Maker, field: &str) -> bool {
    let row = REFUSED.iter().find(|(refusing, _)| *refusing == maker);
    row.is_some_and(|(_, fields)| fields.contains(&field))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ChatServer {
    Openai,
    Mistral,
    DeepSeek,
    Other,
}

/// Where an assistant's message stands to a tool loop, which goes from one message of the user's to
/// the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PlaceInLoop {
    Outside,
    Calls,
    /// It follows results and calls nothing.
    End,
}

impl ChatServer {
    pub(super) fn of(target: &Target<'_>) -> Self {
        if abilities::is_openai(target) {
            Self::Openai
        } else if abilities::is_mistral(target) {
            Self::Mistral
        } else if abilities::is_deepseek(target) {
            Self::DeepSeek
        } else {
            Self::Other
        }
    }

    /// Whether system messages may stand anywhere. Many templates take one only, in front.
    pub(super) fn takes_system_anywhere(self) -> bool {
        self == Self::Openai
    }

    /// Whether a user's message may follow the results of calls.
    pub(super) fn takes_user_after_results(self) -> bool {
        self != Self::Mistral
    }

    /// Whether an assistant's message takes reasoning. Servers that want it back want it within a
    /// tool loop, and some refuse it elsewhere. OpenAI and Mistral refuse it everywhere.
    pub(super) fn takes_reasoning(self, place: PlaceInLoop) -> bool {
        match self {
            Self::Openai | Self::Mistral => false,
            Self::DeepSeek => place != PlaceInLoop::Outside,
            Self::Other => place == PlaceInLoop::Calls,
        }
    }

    /// Whether an assistant's message within a tool loop must have reasoning, if an empty one.
    ///
    /// Source: DeepSeek, "Thinking Mode": "The `reasoning_content` in the thinking mode must be
    /// passed back to the API", for all of a turn that calls tools, in all later requests.
    pub(super) fn requires_reasoning(self) -> bool {
        self == Self::DeepSeek
    }

    /// A call's id: as its maker gave it wherever the server takes it, alike in call and result.
    pub(super) fn call_id(self, id: &EscapedStr) -> EscapedStr {
        match self {
            Self::Openai => names::shortened(id, OPENAI_ID_LEN_MAX),
            Self::Mistral => nine_characters(id),
            Self::DeepSeek | Self::Other => id.clone(),
        }
    }
}

fn nine_characters(id: &EscapedStr) -> EscapedStr {
    const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let plain = id.to_plain();
    if plain.len() == MISTRAL_ID_LEN && plain.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return id.clone();
    }
    let digest = Sha256::digest(plain.as_bytes());
    let characters = digest.iter().take(MISTRAL_ID_LEN);
    let characters =
        characters.map(|byte| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()]));
    EscapedStr::from(characters.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_stays_where_the_server_takes_it() {
        let id = |server: ChatServer, id: &str| server.call_id(&id.into()).to_plain().into_owned();
        let kimi = "functions.Bash:0";
        assert_eq!(id(ChatServer::Other, kimi), kimi);
        assert_eq!(id(ChatServer::Openai, kimi), kimi);
        let long = "functions.mcp__a_very_long_name_of_a_tool__and_more:12";
        assert_eq!(id(ChatServer::Other, long), long);
        assert_eq!(id(ChatServer::Openai, long).len(), OPENAI_ID_LEN_MAX);
        assert_eq!(id(ChatServer::Mistral, "D681PevKs"), "D681PevKs");
        let mapped = id(ChatServer::Mistral, "toolu_01");
        assert_eq!(mapped, id(ChatServer::Mistral, "toolu_01"));
        assert_ne!(mapped, id(ChatServer::Mistral, "toolu_02"));
        assert!(mapped.len() == 9 && mapped.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    }
}
