//! Every word that the tray and the notifications show.
//!
//! Names and reasons come from files and upstreams: they are cut, freed of what steers a display,
//! and escaped for where they go.

use std::time::SystemTime;

use crate::host::printable::single_line;

use super::view::{AccountState, AccountView, Endpoint, Now, View};

const LABEL_CHARS_MAX: usize = 80;
const NAME_CHARS_MAX: usize = 40;

pub(super) fn headline(view: &View) -> String {
    match &view.endpoint {
        Endpoint::Starting => "Starting…".to_owned(),
        Endpoint::Running {
            port,
            is_exposed: false,
        } => format!("Running on 127.0.0.1:{port}"),
        Endpoint::Running {
            port,
            is_exposed: true,
        } => format!("Running on port {port}, open to the local network"),
        Endpoint::Stopped => "Stopped".to_owned(),
        Endpoint::Stopping => "Stopping…".to_owned(),
        Endpoint::PortTaken { port, by: None } => format!("Port {port} is in use"),
        Endpoint::PortTaken { port, by: Some(by) } => format!("Port {port} is in use by {by}"),
        Endpoint::Failed { port, .. } => format!("Port {port} cannot be opened"),
    }
}

/// What the pointer shows over the icon.
pub(super) fn tooltip(view: &View) -> String {
    let headline = format!("Aerostat: {}", headline(view));
    match view.attention_count() {
        0 => headline,
        1 => format!("{headline}; 1 account needs attention"),
        count => format!("{headline}; {count} accounts need attention"),
    }
}

pub(super) fn accounts(view: &View) -> String {
    match (view.accounts.len(), view.attention_count()) {
        (0, _) => "Accounts (none yet)".to_owned(),
        (count, 0) => format!("Accounts ({count})"),
        (count, 1) => format!("Accounts ({count}, 1 needs attention)"),
        (count, needing) => format!("Accounts ({count}, {needing} need attention)"),
    }
}

pub(super) fn account(account: &AccountView, now: &Now) -> String {
    let name = cut(&account.name, NAME_CHARS_MAX);
    let back = back(&account.state)
        .map(|until| format!(", back {}", now.words(until)))
        .unwrap_or_default();
    // A long reason makes room for the time: that is what people look for.
    let room = LABEL_CHARS_MAX
        .saturating_sub(name.chars().count() + back.chars().count() + " — ".chars().count());
    format!("{name} — {}{back}", cut(&account_state(account), room))
}

/// When it serves again by itself.
fn back(state: &AccountState) -> Option<SystemTime> {
    match state {
        AccountState::Cooling { until, .. } | AccountState::QuotaUsedUp { until, .. } => *until,
        _ => None,
    }
}

fn account_state(account: &AccountView) -> String {
    match &account.state {
        AccountState::Ready => "Ready".to_owned(),
        AccountState::Busy => "Busy".to_owned(),
        AccountState::Refreshing => "Refreshing its token".to_owned(),
        AccountState::QuotaUsedUp { .. } => sentence_start(&used_up(account)),
        AccountState::SignInNeeded { .. } => "Sign in again…".to_owned(),
        AccountState::Locked { why } => format!("Vault locked ({why})"),
        AccountState::Disabled => "Off".to_owned(),
        AccountState::Cooling { why, .. } | AccountState::Unusable { why } => sentence_start(why),
    }
}

/// `5-hour limit used up`, or without the window where it is not known.
pub(super) fn used_up(account: &AccountView) -> String {
    account.spent_window().map_or_else(
        || "quota used up".to_owned(),
        |quota| format!("{} limit used up", quota.window),
    )
}

/// The names of the scheduling modes in the configuration, and what people read.
pub(super) const MODES: [(&str, &str); 4] = [
    (
        "cache_first",
        "Cache first: wait for the conversation's account",
    ),
    (
        "balance",
        "Balance: keep the account, switch when it is limited",
    ),
    ("performance", "Performance: spread by load"),
    ("drain", "Drain: use accounts in their order"),
];

/// The first words of a mode.
pub(super) fn mode(name: &str) -> String {
    let long = MODES
        .iter()
        .find(|(known, _)| *known == name)
        .map_or(name, |(_, words)| words);
    format!("Scheduling: {}", long.split(':').next().unwrap_or(long))
}

pub(super) fn sentence_start(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map(|first| first.to_uppercase().chain(chars).collect())
        .unwrap_or_default()
}

/// A text as a menu takes it: one line, not too long, `&` without its meaning of an access key.
pub(super) fn label(text: &str) -> String {
    cut(text, LABEL_CHARS_MAX).replace('&', "&&")
}

/// At most `chars_max` characters, none of which steers a display.
pub(super) fn cut(text: &str, chars_max: usize) -> String {
    let mut plain = single_line(text);
    let mut cut: String = plain.by_ref().take(chars_max).collect();
    if plain.next().is_some() {
        cut.pop();
        cut.push('…');
    }
    cut
}

/// A text in lines of about `width` characters, broken at spaces.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// `a`, `a and b`, `a, b and 3 more`.
pub(super) fn list(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [a, b] => format!("{a} and {b}"),
        [a, b, c] => format!("{a}, {b} and {c}"),
        [a, b, rest @ ..] => format!("{a}, {b} and {} more", rest.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::view::samples::{account, after, noon, running};
    use super::*;

    #[test]
    fn a_label_is_one_line_without_meaning_of_its_own() {
        assert_eq!(label("a&b_c"), "a&&b_c");
        assert_eq!(
            label("two\nlines\u{1b}[2J \u{202e}\u{e0041}x"),
            "two lines[2J x"
        );
        let long = label(&"x".repeat(100));
        assert_eq!(long.chars().count(), 80);
        assert!(long.ends_with('…'));
    }

    #[test]
    fn a_long_reason_does_not_hide_when_an_account_is_back() {
        let state = AccountState::Cooling {
            why: "overloaded, ".repeat(20),
            until: Some(after(140)),
        };
        let text = super::account(&account(&"n".repeat(64), state), &noon());
        assert!(
            text.ends_with("…, back 14:20") && text.chars().count() == 80,
            "{text}"
        );
        assert!(label(&text).ends_with("back 14:20"));
    }

    #[test]
    fn a_list_names_at_most_three() {
        let names = |names: &[&str]| {
            list(
                &names
                    .iter()
                    .map(|name| (*name).to_owned())
                    .collect::<Vec<_>>(),
            )
        };
        assert_eq!(names(&["a", "b"]), "a and b");
        assert_eq!(names(&["a", "b", "c"]), "a, b and c");
        assert_eq!(names(&["a", "b", "c", "d"]), "a, b and 2 more");
    }

    #[test]
    fn a_long_word_has_its_own_line() {
        assert_eq!(wrapped("a bb ccccccc d", 5), ["a bb", "ccccccc", "d"]);
    }

    #[test]
    fn the_tooltip_counts_who_needs_attention() {
        let mut view = running();
        assert_eq!(tooltip(&view), "Aerostat: Running on 127.0.0.1:8045");
        view.facts.accounts.push(account(
            "home",
            AccountState::SignInNeeded {
                why: "revoked".to_owned(),
            },
        ));
        assert_eq!(
            tooltip(&view),
            "Aerostat: Running on 127.0.0.1:8045; 1 account needs attention"
        );
    }
}
