//! What a model's name became, and why: as it is stored, and in words.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{LIST_MAX, shorten};
use crate::language::{InLanguage, Language, said};
use crate::outcome::Timestamp;
use crate::status::NotAsked;

/// What a model's name became. Requests for the same name share it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    pub by: ResolvedBy,
    /// The places that could serve it, `provider/model`, in the order in which they are tried.
    pub candidates: Vec<String>,
}

impl Resolved {
    pub fn new(mut by: ResolvedBy, mut candidates: Vec<String>) -> Self {
        by.bound();
        candidates.truncate(LIST_MAX);
        Self { by, candidates }
    }
}

said! {
    /// What a name matched.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(tag = "by", rename_all = "snake_case")]
    pub enum ResolvedBy;
    Rule { name: String, rule: String }: "rule `{rule}` matches `{name}`" |
        "die Regel `{rule}` passt auf `{name}`";
    RuleInVain { name: String, rule: String, skipped: Reasons }:
        "rule `{rule}` matches `{name}`, but none of its providers can serve: {skipped}" |
        "die Regel `{rule}` passt auf `{name}`, aber keiner ihrer Anbieter kann antworten: {skipped}";
    Addressed { name: String }: "`{name}` addresses a provider directly" |
        "`{name}` nennt den Anbieter selbst";
    Demo { name: String }: "`{name}` is the built-in offline provider" |
        "`{name}` ist der eingebaute Offline-Anbieter";
    Listed { name: String }: "a provider lists `{name}`" | "ein Anbieter führt `{name}`";
    OnlyProvider { name: String }: "`{name}` goes to the only enabled provider" |
        "`{name}` geht an den einzigen eingeschalteten Anbieter";
    NamedByPath { name: String }: "the path of the request for `{name}` names the provider" |
        "der Pfad der Anfrage nach `{name}` nennt den Anbieter";
    KeepsObject { name: String }: "the request for `{name}` is about what an account of the provider keeps" |
        "die Anfrage nach `{name}` betrifft, was ein Konto des Anbieters verwahrt";
    FirstOfDialect { name: String }:
        "nothing in the request for `{name}` tells the provider, so it goes to the first enabled one of its dialect" |
        "nichts in der Anfrage nach `{name}` nennt den Anbieter, sie geht an den ersten eingeschalteten ihres Dialekts";
    Unknown { name: String, skipped: Clauses, nearest: Nearest }:
        "no rule and no provider lists `{name}`{skipped}{nearest}; add a [[models]] rule or address it as provider/model" |
        "keine Regel und kein Anbieter führt `{name}`{skipped}{nearest}; eine Regel in [[models]] aufnehmen oder anbieter/modell angeben";
    /// As an earlier version stored it.
    Sentence { text: String }: "{text}" | "{text}";
}

impl ResolvedBy {
    fn bound(&mut self) {
        match self {
            Self::RuleInVain { skipped, .. } => skipped.0.truncate(LIST_MAX),
            Self::Unknown {
                skipped, nearest, ..
            } => {
                skipped.0.truncate(LIST_MAX);
                nearest.0.truncate(LIST_MAX);
                nearest.0.iter_mut().for_each(shorten);
            }
            _ => {}
        }
    }
}

/// Why candidates were left out, with commas between them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reasons(pub Vec<NotAsked>);

/// The same, each behind a semicolon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clauses(pub Vec<NotAsked>);

/// Similar names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nearest(pub Vec<String>);

impl InLanguage for Reasons {
    fn text(&self, language: Language) -> Cow<'_, str> {
        let reasons = self.0.iter().map(|reason| clause(reason, language));
        Cow::Owned(reasons.collect::<Vec<_>>().join(", "))
    }
}

impl InLanguage for Clauses {
    fn text(&self, language: Language) -> Cow<'_, str> {
        let clauses = self.0.iter().map(|reason| clause(reason, language));
        Cow::Owned(clauses.map(|clause| format!("; {clause}")).collect())
    }
}

impl InLanguage for Nearest {
    fn text(&self, language: Language) -> Cow<'_, str> {
        if self.0.is_empty() {
            return Cow::Borrowed("");
        }
        let names = self.0.iter().map(|name| format!("`{name}`"));
        let names = names.collect::<Vec<_>>().join(", ");
        Cow::Owned(match language {
            Language::English => format!("; nearest: {names}"),
            Language::German => format!("; ähnlich: {names}"),
        })
    }
}

fn clause(reason: &NotAsked, language: Language) -> String {
    // A provider that is off or missing names no moment.
    reason.text(language, &|at: Timestamp| crate::status::rfc3339(at))
}
