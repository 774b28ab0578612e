//! The texts that the tray and the notifications show.
//!
//! Names and reasons come from files and upstreams: they are shortened, stripped of hidden
//! characters, and escaped for where they go.

use super::german;
use super::texts::Texts;
use super::view::{LocalTime, View, quota_usage};
use crate::control::AccountFacts;
use crate::control::today::Totals;
use crate::host::printable::single_line;
use crate::language::Language;
use crate::modes::SchedulingMode;
use crate::status::{
    AccountStatus, Attention, ExhaustedQuota, NeedsUser, SignInCause, account_need, account_reason,
};

const LABEL_CHARS_MAX: usize = 80;
const NAME_CHARS_MAX: usize = 32;
const WINDOW_CHARS_MAX: usize = 20;
const TOOLTIP_LINE_CHARS_MAX: usize = 60;

/// What is true now, in one line.
pub(super) fn headline(view: &View, now: &LocalTime) -> String {
    let status = &view.overview.status;
    match now.language {
        Language::English => status.headline(&now.in_english()),
        Language::German => german::headline(status, now),
    }
}

/// The tooltip of the icon: the menu's first lines.
pub(super) fn tooltip(view: &View, now: &LocalTime) -> String {
    let mut text = format!("Aerostat: {}", headline(view, now));
    for needed in attention(view) {
        let line = match needed {
            Needed::One(attention) => attention_line(attention, view, now),
            Needed::More(count) => now.texts().more_need_you(count),
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

/// What is to be done and why, in one line.
pub(super) fn attention_line(attention: &Attention, view: &View, now: &LocalTime) -> String {
    let status = &view.overview.status;
    status.attention_text(attention, now.language)
}

/// What an account needs, and why.
pub(super) fn need(account: &AccountFacts, language: Language) -> (String, Option<String>) {
    let (name, provider) = (&account.name, &account.provider);
    let (takes_key, status) = (account.takes_key(), account.shown_status());
    (
        account_need(name, takes_key, status, language),
        account_reason(provider, status, language),
    )
}

/// Which quota is used up.
pub(super) fn exhausted(quota: &ExhaustedQuota, language: Language) -> String {
    quota.text(language)
}

/// What was today: requests, tokens, cost. What is not known is not zero.
pub(super) fn today(totals: &Totals, now: &LocalTime) -> String {
    let (texts, sums) = (now.texts(), &totals.sums);
    let requests = match sums.requests.saturating_add(totals.not_recorded) {
        0 => return texts.nothing_today().to_owned(),
        1 => texts.one_request().to_owned(),
        count => texts.requests(now.language.number(count)),
    };
    texts.today(requests, tokens_today(totals, now), cost_today(totals, now))
}

fn tokens_today(totals: &Totals, now: &LocalTime) -> String {
    let (texts, sums) = (now.texts(), &totals.sums);
    let has_gap = totals.not_recorded > 0 || sums.uncounted > 0 || sums.partial > 0;
    if has_gap && sums.total_tokens == 0 {
        return texts.tokens_unknown().to_owned();
    }
    let tokens = texts.tokens(now.language.compact(sums.total_tokens));
    if has_gap {
        texts.at_least(tokens)
    } else {
        tokens
    }
}

fn cost_today(totals: &Totals, now: &LocalTime) -> String {
    let (texts, cost) = (now.texts(), &totals.sums.cost);
    let has_gap = totals.not_recorded > 0 || cost.has_gap;
    if cost.is_unknown || has_gap && cost.micros == 0 {
        return texts.cost_unknown().to_owned();
    }
    if cost.is_free {
        return texts.free().to_owned();
    }
    let amount = now.language.money(cost.micros);
    if has_gap {
        texts.at_least(amount)
    } else {
        amount
    }
}

pub(super) fn accounts(view: &View, texts: Texts) -> String {
    let accounts = view.accounts().iter();
    let count = accounts.filter(|account| !account.is_offer()).count();
    match (count, view.attention_count()) {
        (0, _) => texts.no_accounts().to_owned(),
        (count, 0) => texts.accounts(count),
        (count, 1) => texts.accounts_needing_one(count),
        (count, needing) => texts.accounts_needing(count, needing),
    }
}

pub(super) fn account(account: &AccountFacts, now: &LocalTime) -> String {
    let name = cut_middle(&account.name, NAME_CHARS_MAX);
    let end = match account.shown_status().until() {
        Some(until) => now.texts().back(now.describe(until)),
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
    let texts = now.texts();
    let window = cut(&fullest.window, WINDOW_CHARS_MAX);
    let used = texts.used(fullest.used_percent, window);
    let resets = fullest.resets_at.map(|at| texts.resets(now.describe(at)));
    format!(", {used}{}", resets.unwrap_or_default())
}

fn account_status(account: &AccountFacts, now: &LocalTime) -> String {
    let texts = now.texts();
    match account.shown_status() {
        AccountStatus::Ready => texts.ready().to_owned(),
        AccountStatus::Busy => texts.busy().to_owned(),
        AccountStatus::Refreshing => texts.refreshing().to_owned(),
        AccountStatus::QuotaExhausted { .. } => sentence_start(&used_up(account, now)),
        AccountStatus::NeedsUser(NeedsUser::SignIn(sign_in)) => {
            match (account.takes_key(), sign_in.cause) {
                (true, SignInCause::NoCredential) => texts.enter_its_key(),
                (true, _) => texts.enter_a_new_key(),
                (false, SignInCause::NoCredential) => texts.sign_in_now(),
                (false, _) => texts.sign_in_again(),
            }
            .to_owned()
        }
        AccountStatus::NeedsUser(NeedsUser::AddressChanged { .. }) => {
            texts.address_changed().to_owned()
        }
        AccountStatus::NeedsUser(NeedsUser::VaultLocked { detail }) => {
            texts.vault_is_locked(detail.text(texts.0))
        }
        AccountStatus::NeedsUser(NeedsUser::Expired { .. }) => texts.expired().to_owned(),
        AccountStatus::Disabled => texts.off().to_owned(),
        status @ (AccountStatus::CoolingDown { .. }
        | AccountStatus::Unreachable { .. }
        | AccountStatus::NeedsUser(NeedsUser::Credential(_))
        | AccountStatus::ProviderDisabled { .. }
        | AccountStatus::ProviderUnknown { .. }) => {
            sentence_start(&status.reason_in(now.language).unwrap_or_default())
        }
    }
}

/// `5-hour limit used up`, or without the window where it is not known.
pub(super) fn used_up(account: &AccountFacts, now: &LocalTime) -> String {
    let usage = quota_usage(account, now.time);
    match usage.iter().find(|quota| quota.is_used_up()) {
        Some(quota) => now.texts().limit_used_up(&quota.window),
        None => now.texts().quota_used_up().to_owned(),
    }
}

/// A scheduling mode with what it does.
pub(super) fn mode(mode: SchedulingMode, texts: Texts) -> &'static str {
    match mode {
        SchedulingMode::CacheFirst => texts.cache_first(),
        SchedulingMode::Balance => texts.balance(),
        SchedulingMode::Performance => texts.performance(),
        SchedulingMode::Drain => texts.drain(),
    }
}

/// The title of the modes: the first words of the active one.
pub(super) fn scheduling(name: &str, texts: Texts) -> String {
    let long = match SchedulingMode::by_name(name) {
        Some(known) => mode(known, texts),
        None => name,
    };
    texts.scheduling(long.split(':').next().unwrap_or(long))
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
pub(super) fn list(names: &[String], texts: Texts) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [a, b] => texts.two(a, b),
        [a, b, c] => texts.three(a, b, c),
        [a, b, rest @ ..] => texts.many(a, b, rest.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::view::samples::{
        account, after, cooling, five_hour_quota, mittag, noon, offer, open_port, running,
        signed_out, with, with_port,
    };
    use super::*;
    use crate::control::account::CredentialForm;
    use crate::control::overview::Overview;
    use crate::control::stats::StatisticsRow;

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
                noon().texts(),
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
            overview.status.config_error =
                Some(crate::language::Said::quoted("config.toml:4:1: a: b"));
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
        assert_eq!(accounts(&offered, noon().texts()), "Accounts (none yet)");
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

    /// What was today, with a change.
    fn totals(change: impl FnOnce(&mut Totals)) -> Totals {
        let mut totals = Totals {
            since: noon().time,
            zone: "UTC".to_owned(),
            sums: StatisticsRow::default(),
            cache_share_permille: None,
            not_recorded: 0,
            prices_problem: None,
        };
        totals.sums.requests = 1_284;
        totals.sums.total_tokens = 48_211_004;
        totals.sums.cost.micros = 6_420_000;
        change(&mut totals);
        totals
    }

    #[test]
    fn today_stands_in_one_line() {
        let gap = totals(|totals| totals.sums.cost.has_gap = true);
        assert_eq!(
            today(&gap, &noon()),
            "Today: 1,284 requests · 48.2 M tokens · ≥ $6.42"
        );
        assert_eq!(
            today(&gap, &mittag()),
            "Heute: 1.284 Anfragen · 48,2 Mio. Token · ≥ 6,42 $"
        );
        let one = totals(|totals| {
            totals.sums.requests = 1;
            totals.sums.cost.is_free = true;
        });
        assert_eq!(
            today(&one, &noon()),
            "Today: 1 request · 48.2 M tokens · free"
        );
        let none = totals(|totals| totals.sums = StatisticsRow::default());
        assert_eq!(today(&none, &noon()), "Today: no requests yet");
    }

    #[test]
    fn what_is_not_known_of_today_is_no_zero() {
        let unknown = totals(|totals| {
            totals.sums.total_tokens = 0;
            totals.sums.uncounted = 3;
            totals.sums.cost.micros = 0;
            totals.sums.cost.is_unknown = true;
        });
        assert_eq!(
            today(&unknown, &noon()),
            "Today: 1,284 requests · tokens unknown · cost unknown"
        );
        let partly = totals(|totals| totals.sums.partial = 1);
        assert_eq!(
            today(&partly, &noon()),
            "Today: 1,284 requests · ≥ 48.2 M tokens · $6.42"
        );
        let dropped = totals(|totals| totals.not_recorded = 2);
        assert_eq!(
            today(&dropped, &noon()),
            "Today: 1,286 requests · ≥ 48.2 M tokens · ≥ $6.42"
        );
        let nothing_recorded = totals(|totals| {
            totals.sums = StatisticsRow::default();
            totals.not_recorded = 2;
        });
        assert_eq!(
            today(&nothing_recorded, &noon()),
            "Today: 2 requests · tokens unknown · cost unknown"
        );
    }

    #[test]
    fn german_says_the_same() {
        let in_german = |view: &View| headline(view, &mittag());
        assert_eq!(in_german(&running()), "Läuft auf 127.0.0.1:8045");
        let cooled = with(|overview| overview.accounts = vec![account("work", cooling("", 16))]);
        assert_eq!(in_german(&cooled), "Kein Konto bis 12:16");
        let exposed = with_port(running(), open_port(8045, true));
        assert_eq!(
            in_german(&exposed),
            "Läuft auf Port 8045, offen für das lokale Netz"
        );
        let slow = account("work", cooling("slow down", 24 * 60));
        assert_eq!(
            super::account(&slow, &mittag()),
            "work — Ratenlimit: „slow down“, pausiert bis morgen 12:00"
        );
        let mut used = account("work", AccountStatus::Ready);
        used.quota = vec![five_hour_quota(45, 140)];
        assert_eq!(
            super::account(&used, &mittag()),
            "work — Bereit, 45 % von 5-hour verbraucht, neu ab 14:20"
        );
        let signed_out = with(|overview| overview.accounts = vec![account("a", signed_out())]);
        assert_eq!(
            tooltip(&signed_out, &mittag()),
            "Aerostat: Kein Konto verfügbar; a braucht einen neuen Schlüssel: der Anbieter lehnt die Ern…"
        );
    }
}
