//! The texts that the tray and the notifications show.
//!
//! Names and reasons come from files and upstreams: they are shortened, stripped of hidden
//! characters, and escaped for where they go.

use super::view::{LocalTime, View, quota_usage};
use crate::control::AccountFacts;
use crate::host::printable::single_line;
use crate::modes::SchedulingMode;
use crate::status::{AccountStatus, BindFailureCause, NeedsUser, PortOwner, PortStatus};

const LABEL_CHARS_MAX: usize = 80;
const NAME_CHARS_MAX: usize = 40;

pub(super) fn headline(view: &View) -> String {
    match view.port() {
        PortStatus::Starting => "Starting…".to_owned(),
        PortStatus::Running {
            port,
            is_exposed: false,
            ..
        } => format!("Running on 127.0.0.1:{port}"),
        PortStatus::Running {
            port,
            is_exposed: true,
            ..
        } => format!("Running on port {port}, open to the local network"),
        PortStatus::Stopped => "Stopped".to_owned(),
        PortStatus::Draining | PortStatus::Ending => "Stopping…".to_owned(),
        PortStatus::Unavailable(failure) => {
            let port = failure.port;
            match &failure.cause {
                BindFailureCause::InUse {
                    owner: PortOwner::Unknown,
                } => format!("Port {port} is in use"),
                BindFailureCause::InUse { owner } => format!("Port {port} is in use by {owner}"),
                BindFailureCause::Refused => format!("Port {port} cannot be opened"),
            }
        }
    }
}

/// The tooltip of the icon.
pub(super) fn tooltip(view: &View) -> String {
    let headline = format!("Aerostat: {}", headline(view));
    match view.attention_count() {
        0 => headline,
        1 => format!("{headline}; 1 account needs attention"),
        count => format!("{headline}; {count} accounts need attention"),
    }
}

pub(super) fn accounts(view: &View) -> String {
    match (view.accounts().len(), view.attention_count()) {
        (0, _) => "Accounts (none yet)".to_owned(),
        (count, 0) => format!("Accounts ({count})"),
        (count, 1) => format!("Accounts ({count}, 1 needs attention)"),
        (count, needing) => format!("Accounts ({count}, {needing} need attention)"),
    }
}

pub(super) fn account(account: &AccountFacts, now: &LocalTime) -> String {
    let name = cut(&account.name, NAME_CHARS_MAX);
    let back = match account.shown_status().until() {
        Some(until) => format!(", back {}", now.describe(until)),
        None => String::new(),
    };
    // A long reason makes room for the time: that is what people look for.
    let used = name.chars().count() + back.chars().count() + " — ".chars().count();
    let room = LABEL_CHARS_MAX.saturating_sub(used);
    format!("{name} — {}{back}", cut(&account_status(account), room))
}

fn account_status(account: &AccountFacts) -> String {
    match account.shown_status() {
        AccountStatus::Ready => "Ready".to_owned(),
        AccountStatus::Busy => "Busy".to_owned(),
        AccountStatus::Refreshing => "Refreshing its token".to_owned(),
        AccountStatus::QuotaExhausted { .. } => sentence_start(&used_up(account)),
        AccountStatus::NeedsUser(NeedsUser::SignIn(_) | NeedsUser::AddressChanged { .. }) => {
            "Sign in again…".to_owned()
        }
        AccountStatus::NeedsUser(NeedsUser::VaultLocked { detail }) => {
            format!("Vault locked ({detail})")
        }
        AccountStatus::NeedsUser(NeedsUser::Expired { .. }) => "Expired".to_owned(),
        AccountStatus::Disabled => "Off".to_owned(),
        status @ (AccountStatus::CoolingDown { .. }
        | AccountStatus::Unreachable { .. }
        | AccountStatus::NeedsUser(NeedsUser::Credential(_))
        | AccountStatus::ProviderDisabled { .. }
        | AccountStatus::ProviderUnknown { .. }) => {
            sentence_start(&status.reason().unwrap_or_default())
        }
    }
}

/// `5-hour limit used up`, or without the window where it is not known.
pub(super) fn used_up(account: &AccountFacts) -> String {
    let usage = quota_usage(account);
    match usage.iter().find(|quota| quota.is_used_up()) {
        Some(quota) => format!("{} limit used up", quota.window),
        None => "quota used up".to_owned(),
    }
}

/// A scheduling mode with what it does.
pub(super) fn mode(mode: SchedulingMode) -> &'static str {
    match mode {
        SchedulingMode::CacheFirst => "Cache first: wait for the conversation's account",
        SchedulingMode::Balance => "Balance: keep the account, switch when it is limited",
        SchedulingMode::Performance => "Performance: spread by load",
        SchedulingMode::Drain => "Drain: use accounts in their order",
    }
}

/// The title of the modes: the first words of the active one.
pub(super) fn scheduling(name: &str) -> String {
    let long = match SchedulingMode::by_name(name) {
        Some(known) => mode(known),
        None => name,
    };
    format!("Scheduling: {}", long.split(':').next().unwrap_or(long))
}

pub(super) fn sentence_start(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map(|first| first.to_uppercase().chain(chars).collect())
        .unwrap_or_default()
}

/// A text for a menu item: one line, not too long, `&` escaped because it marks an access key.
pub(super) fn label(text: &str) -> String {
    cut(text, LABEL_CHARS_MAX).replace('&', "&&")
}

/// The text on one line without hidden characters, at most `chars_max` characters long.
pub(super) fn cut(text: &str, chars_max: usize) -> String {
    let mut chars = single_line(text);
    let mut cut: String = chars.by_ref().take(chars_max).collect();
    if chars.next().is_some() {
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
    use super::super::view::samples::{account, cooling, noon, running, signed_out};
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
        let status = cooling(&"overloaded, ".repeat(20), 140);
        let text = super::account(&account(&"n".repeat(64), status), &noon());
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
        view.overview.accounts.push(account("home", signed_out()));
        assert_eq!(
            tooltip(&view),
            "Aerostat: Running on 127.0.0.1:8045; 1 account needs attention"
        );
    }
}
