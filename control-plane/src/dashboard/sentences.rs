//! What statuses, needs and failures are in the reader's language, with times by the reader's clock.

use maud::{Markup, html};

use super::context::PageContext;
use crate::control::ControlError;
use crate::control::failure_reason::{FailureFacts, Wording};
use crate::control::overview::Overview;
use crate::control::request_log::LogRow;
use crate::status::{AccountStatus, Attention, Timestamp};

impl PageContext {
    /// `cooling until 14:05: rate limit`.
    pub(super) fn status_text(&self, status: &AccountStatus) -> String {
        let summary = status.summary_in(self.language());
        match status.until() {
            Some(until) => self.text.until(summary, self.time_text(until)),
            None => summary,
        }
    }

    /// Why something was not done or cannot be read.
    pub(super) fn error_text<'e>(&self, error: &'e ControlError) -> &'e str {
        error.text(self.language())
    }

    /// What is to be done and why, as a sentence.
    pub(super) fn attention_text(&self, attention: &Attention, overview: &Overview) -> String {
        sentence(&overview.status.attention_text(attention, self.language()))
    }

    /// Why a request failed, as a sentence.
    pub(super) fn failure_what(&self, facts: &FailureFacts<'_>) -> String {
        let what = self.worded(|wording| facts.what(wording));
        // A provider is called as it is written in the configuration.
        match facts.provider {
            Some(provider) if what.starts_with(provider) => ended(what),
            _ => sentence(&what),
        }
    }

    /// What to do about it, as a sentence.
    pub(super) fn failure_advice(&self, facts: &FailureFacts<'_>) -> String {
        sentence(&self.worded(|wording| facts.advice(wording)))
    }

    /// Both of a row of the list. `None` where it did not fail.
    pub(super) fn why(&self, row: &LogRow) -> Option<String> {
        let facts = row.failure()?;
        let (what, advice) = (self.failure_what(&facts), self.failure_advice(&facts));
        Some(format!("{what} {advice}"))
    }

    fn worded(&self, write: impl FnOnce(&Wording<'_>) -> String) -> String {
        let time = |at: Timestamp| self.time_text(at);
        write(&Wording {
            language: self.language(),
            time: &time,
        })
    }
}

/// A clause with a capital and a full stop. What begins with a name in backticks stays as it is.
pub(super) fn sentence(clause: &str) -> String {
    let mut chars = clause.chars();
    let first = chars.next().into_iter().flat_map(char::to_uppercase);
    ended(first.chain(chars).collect())
}

fn ended(mut text: String) -> String {
    if !text.ends_with(['.', '!', '?', '…']) {
        text.push('.');
    }
    text
}

/// A sentence whose parts in backticks are names and commands.
pub(super) fn marked(text: &str) -> Markup {
    let pieces = text.split('`').enumerate();
    html! {
        @for (at, piece) in pieces {
            @if at % 2 == 1 { code { (piece) } } @else { (piece) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_backticks_is_code_and_escaped() {
        let text = marked("Run `a <b>`, then ask.");
        assert_eq!(text.0, "Run <code>a &lt;b&gt;</code>, then ask.");
        assert_eq!(marked("one `open").0, "one <code>open</code>");
    }

    #[test]
    fn a_clause_becomes_a_sentence() {
        assert_eq!(sentence("ask again"), "Ask again.");
        assert_eq!(sentence("Is it?"), "Is it?");
    }
}
