//! The texts that the tray and the notifications show.
//!
//! Names and reasons come from files and upstreams: they are shortened, stripped of hidden
//! characters, and escaped for where they go.

use std::time::SystemTime;

use super::view::{LocalTime, View, quota_usage};
use crate::control::AccountFacts;
use crate::host::printable::single_line;
use crate::modes::SchedulingMode;
use crate::status::{AccountStatus, Attention, NeedsUser, SignInCause};

const LABEL_CHARS_MAX: usize = 80;
const NAME_CHARS_MAX: usize = 32;
const WINDOW_CHARS_MAX: usize = 20;
const TOOLTIP_LINE_CHARS_MAX: usize = 60;

/// What is true now, in one line.
pub(super) fn headline(view: &View, now: &LocalTime) -> String {
    view.overview.status.headline(now)
}

/// The tooltip of the icon: the menu's first lines.
pub(super) fn tooltip(view: &View, now: &LocalTime) -> String {
    let mut text = format!("Aerostat: {}", headline(view, now));
    for needed in attention(view) {
        let line = match needed {
            Needed::One(attention) => attention.to_string(),
            Needed::More(count) => more_attention(count),
        };
        text.push_str("; ");
        text.push_str(&cut(&line, TOOLTIP_LINE_CHARS_MAX));
    }
    text
}

/// A line about what needs the user.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Needed<'v> {
    One(&'v Attention),
    /// That so many have no line of their own.
    More(usize),
}

/// At most two lines about what needs the user.
pub(super) fn attention(view: &View) -> Vec<Needed<'_>> {
    match view.attention() {
        [first, _, rest @ ..] if !rest.is_empty() => {
            vec![Needed::One(first), Needed::More(rest.len() + 1)]
        }
        few => few.iter().map(Needed::One).collect(),
    }
}

pub(super) fn more_attention(count: usize) -> String {
    format!("{count} more need you: see the dashboard")
}

pub(super) fn accounts(view: &View) -> String {
    let accounts = view.accounts().iter();
    let count = accounts.filter(|account| !account.is_offer()).count();
    match (count, view.attention_count()) {
        (0, _) => "Accounts (none yet)".to_owned(),
        (count, 0) => format!("Accounts ({count})"),
        (count, 1) => format!("Accounts ({count}, 1 needs attention)"),
        (count, needing) => format!("Accounts ({count}, {needing} need attention)"),
    }
}

pub(super) fn account(account: &AccountFacts, now: &LocalTime) -> String {
    let name = cut_middle(&account.name, NAME_CHARS_MAX);
    let end = match account.shown_status().until() {
        Some(until) => format!(", back {}", now.describe(until)),
        None => usage(account, now),
    };
    // A long reason makes room for the time: that is what people look for.
    let used = name.chars().count() + end.chars().count() + " — ".chars().count();
    let room = LABEL_CHARS_MAX.saturating_sub(used);
    let status = cut(&account_status(account, now), room);
    format!("{name} — {status}{end}")
}

/// How much is used of the fullest window, and when that is reset.
fn usage(account: &AccountFacts, now: &LocalTime) -> String {
    if !account.shown_status().is_serving() {
        return String::new();
    }
    let usage = quota_usage(account, now.time);
    let Some(fullest) = usage.iter().max_by_key(|quota| quota.used_percent) else {
        return String::new();
    };
    let used = format!(
        ", {} % of {} used",
        fullest.used_percent,
        cut(&fullest.window, WINDOW_CHARS_MAX)
    );
    match fullest.resets_at {
        Some(at) => format!("{used}, resets {}", now.describe(at)),
        None => used,
    }
}

fn account_status(account: &AccountFacts, now: &LocalTime) -> String {
    match account.shown_status() {
        AccountStatus::Ready => "Ready".to_owned(),
        AccountStatus::Busy => "Busy".to_owned(),
        AccountStatus::Refreshing => "Refreshing its token".to_owned(),
        AccountStatus::QuotaExhausted { .. } => sentence_start(&used_up(account, now.time)),
        AccountStatus::NeedsUser(NeedsUser::SignIn(sign_in)) => {
            match (account.takes_key(), sign_in.cause) {
                (true, SignInCause::NoCredential) => "Enter its key…",
                (true, _) => "Enter a new key…",
                (false, SignInCause::NoCredential) => "Sign in…",
                (false, _) => "Sign in again…",
            }
            .to_owned()
        }
        AccountStatus::NeedsUser(NeedsUser::AddressChanged { .. }) => {
            "Its address changed…".to_owned()
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
pub(super) fn used_up(account: &AccountFacts, now: SystemTime) -> String {
    let usage = quota_usage(account, now);
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

/// A name of at most `chars_max` characters: of a long one, beginning and end stay, since names of
/// one kind begin alike.
pub(super) fn cut_middle(name: &str, chars_max: usize) -> String {
    let chars: Vec<char> = single_line(name).collect();
    if chars.len() <= chars_max {
        return chars.into_iter().collect();
    }
    let kept = chars_max.saturating_sub(1);
    let (start, end) = (kept - kept / 2, kept / 2);
    let mut cut: String = chars[..start].iter().collect();
    cut.push('…');
    cut.extend(&chars[chars.len() - end..]);
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
    use super::super::view::samples::{
        account, after, cooling, five_hour_quota, noon, offer, open_port, running, signed_out,
        with, with_port,
    };
    use super::*;
    use crate::control::account::CredentialForm;
    use crate::control::overview::Overview;

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
    fn two_long_names_stay_distinguishable() {
        let long = |end: &str| format!("{}-{end}", "team-of-the-laboratory".repeat(2));
        let text = |name: &str| super::account(&account(name, AccountStatus::Ready), &noon());
        assert!(
            text(&long("berlin")).ends_with("-berlin — Ready"),
            "{}",
            text(&long("berlin"))
        );
        assert_ne!(text(&long("berlin")), text(&long("munich")));
        assert_eq!(cut_middle("abcdefgh", 5), "ab…gh");
        assert_eq!(cut_middle("abcdefgh", 8), "abcdefgh");
    }

    #[test]
    fn the_used_share_and_the_reset_stand_beside_the_account() {
        let mut used = account("work", AccountStatus::Ready);
        used.quota = vec![five_hour_quota(45, 140), five_hour_quota(20, 10)];
        assert_eq!(
            super::account(&used, &noon()),
            "work — Ready, 45 % of 5-hour used, resets 14:20"
        );
        let mut later = noon();
        later.time = after(141);
        assert_eq!(super::account(&used, &later), "work — Ready");
    }

    #[test]
    fn a_key_is_entered_and_not_signed_in() {
        let mut needing = account("alpha", signed_out());
        assert_eq!(
            super::account(&needing, &noon()),
            "alpha — Enter a new key…"
        );
        needing.form = CredentialForm::OAuth;
        assert_eq!(super::account(&needing, &noon()), "alpha — Sign in again…");
    }

    #[test]
    fn one_look_answers() {
        let at_noon = |view: &View| headline(view, &noon());
        let one_of_two = with(|overview| overview.accounts.push(account("home", signed_out())));
        assert_eq!(at_noon(&running()), "Running on 127.0.0.1:8045");
        assert_eq!(at_noon(&one_of_two), "Running · 1 of 2 can serve");
        let no_account =
            with(|overview| overview.accounts = vec![account("work", cooling("", 16))]);
        assert_eq!(at_noon(&no_account), "No account until 12:16");
        let stuck = with(|overview| overview.accounts = vec![account("work", signed_out())]);
        assert_eq!(at_noon(&stuck), "No account can serve");
        let rejected = |overview: &mut Overview| {
            overview.status.config_error = Some("config.toml:4:1: a: b".to_owned());
            overview.status.config_error_line = Some(4);
        };
        assert_eq!(at_noon(&with(rejected)), "Configuration not used: line 4");
        for limited in [one_of_two, no_account, stuck, with(rejected)] {
            let exposed = at_noon(&with_port(limited, open_port(8045, true)));
            assert!(
                exposed.ends_with(" · open to the local network"),
                "{exposed}"
            );
        }
        let offered = with(|overview| overview.accounts = vec![offer("lab")]);
        assert_eq!(at_noon(&offered), "Running on 127.0.0.1:8045");
        assert_eq!(accounts(&offered), "Accounts (none yet)");
        assert_eq!(offered.attention(), []);
    }

    #[test]
    fn the_tooltip_says_what_the_menu_begins_with() {
        let mut view = running();
        let of = |view: &View| tooltip(view, &noon());
        assert_eq!(of(&view), "Aerostat: Running on 127.0.0.1:8045");
        for name in ["a", "b", "c"] {
            view.overview.accounts.push(account(name, signed_out()));
        }
        view.overview.settle();
        assert_eq!(
            of(&view),
            "Aerostat: Running · 1 of 4 can serve; a needs a new key: the provider refused to refresh; \
             2 more need you: see the dashboard"
        );
    }
}
