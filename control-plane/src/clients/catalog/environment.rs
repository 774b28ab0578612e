//! Shells and SDKs, by variables alone.
//!
//! Source: the SDKs of OpenAI, Anthropic and Google in their releases of 2026.

use crate::clients::client::{BLANK, Client, Setup, Variable, Warning};

pub(super) static OPENAI: Client = Client {
    name: "openai",
    title: "OpenAI SDKs",
    setup: Setup::Environment,
    variables: &[
        Variable::url("OPENAI_BASE_URL", "/v1"),
        Variable::key("OPENAI_API_KEY"),
    ],
    ..BLANK
};

pub(super) static ANTHROPIC: Client = Client {
    name: "anthropic",
    title: "Anthropic SDKs",
    setup: Setup::Environment,
    variables: &[
        Variable::url("ANTHROPIC_BASE_URL", ""),
        Variable::key("ANTHROPIC_API_KEY"),
    ],
    warnings: &[Warning::always(
        "In a shell's profile, `ANTHROPIC_BASE_URL` points every program there that speaks to Anthropic at this gateway.",
        "Im Profil einer Shell lenkt `ANTHROPIC_BASE_URL` jedes Programm hierher, das mit Anthropic spricht.",
    )],
    ..BLANK
};

pub(super) static GEMINI: Client = Client {
    name: "gemini",
    title: "Google Gen AI SDKs",
    setup: Setup::Environment,
    variables: &[
        Variable::url("GOOGLE_GEMINI_BASE_URL", ""),
        Variable::key("GEMINI_API_KEY"),
    ],
    ..BLANK
};
