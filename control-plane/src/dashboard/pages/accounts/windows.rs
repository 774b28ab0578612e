//! Quota windows and budgets as bars, with what is used, when it resets, and how fast it goes.

use std::time::Duration;

use maud::{Markup, html};

use crate::control::{AccountFacts, BudgetFacts, QuotaFacts};
use crate::dashboard::context::PageContext;
use crate::dashboard::plot::{WindowBar, window_bar};

/// How much of a name that a provider gave its window is shown.
const NAME_CHARS_MAX: usize = 40;
const MINUTE: Duration = Duration::from_secs(60);

/// The window that is used up most, for a row of the list.
pub(super) fn fullest(context: &PageContext, account: &AccountFacts) -> Markup {
    let now = context.now;
    let current = account.quota.iter().filter(|quota| !quota.has_reset(now));
    let budgets = account
        .budgets
        .iter()
        .map(|budget| (share_of(budget), budget));
    let fullest_budget = budgets.max_by(|one, other| one.0.total_cmp(&other.0));
    let shares = current.filter_map(|quota| Some((quota.used_share()?, quota)));
    let fullest = shares.max_by(|one, other| one.0.total_cmp(&other.0));
    match (fullest, fullest_budget) {
        (Some((used, _)), Some((spent, budget))) if spent > used => self::budget(context, budget),
        (None, Some((_, budget))) => self::budget(context, budget),
        (Some((_, quota)), _) => window(context, quota),
        (None, None) => match account.quota.first() {
            Some(quota) => window(context, quota),
            None => html! { span.unknown { (context.text.limits_unknown()) } },
        },
    }
}

/// One window as in a row: its bar, where both numbers are known, and the same in words.
fn window(context: &PageContext, quota: &QuotaFacts) -> Markup {
    drawn(context, quota, &parts(context, quota))
}

/// The same with the age of a reading that is good.
pub(super) fn window_with_age(context: &PageContext, quota: &QuotaFacts) -> Markup {
    let mut parts = parts(context, quota);
    if !quota.has_reset(context.now) && quota.stale_for(context.now).is_none() {
        parts.push(match quota.age(context.now) {
            age if age < MINUTE => context.text.window_just_read().to_owned(),
            age => context.text.window_read_ago(rough(context, age)),
        });
    }
    drawn(context, quota, &parts)
}

fn drawn(context: &PageContext, quota: &QuotaFacts, parts: &[String]) -> Markup {
    let name = window_name(context, quota);
    let said = parts.join(" · ");
    let bar = quota.used_share().filter(|_| !quota.has_reset(context.now));
    html! {
        @if let Some(used) = bar {
            @let is_stale = quota.stale_for(context.now).is_some();
            @let bar = WindowBar { used, gone: quota.gone_share(context.now), is_stale };
            (window_bar(bar, &label(context, quota, &name, &said))) " "
        }
        span.why { (name) ": " (said) }
    }
}

pub(super) fn budget(context: &PageContext, budget: &BudgetFacts) -> Markup {
    let (text, language) = (context.text, context.language());
    let said = text.budget_used(language.number(budget.spent), language.number(budget.limit));
    let resets = text.window_resets(context.time_text(budget.resets_at));
    let counted = budget.budget.split_whitespace().nth(1);
    let name = text.your_budget(counted.unwrap_or_default());
    let bar = WindowBar {
        used: share_of(budget),
        gone: None,
        is_stale: false,
    };
    html! {
        (window_bar(bar, &format!("{name}: {said}"))) " "
        span.why title=(budget.budget) { (name) ": " (said) " · " (resets) }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share is drawn")]
fn share_of(budget: &BudgetFacts) -> f64 {
    budget.spent as f64 / budget.limit.max(1) as f64
}

fn label(context: &PageContext, quota: &QuotaFacts, name: &str, said: &str) -> String {
    match quota.gone_share(context.now) {
        Some(gone) => {
            let percent = (gone * 100.0).clamp(0.0, 100.0).round();
            format!(
                "{name}: {said}; {}",
                context.text.of_the_window_gone(percent)
            )
        }
        None => format!("{name}: {said}"),
    }
}

/// `92 % used`, `resets 14:05`, `gone 13:40 at this pace`, `out of date: read 3 h ago`.
fn parts(context: &PageContext, quota: &QuotaFacts) -> Vec<String> {
    let (text, now) = (context.text, context.now);
    if quota.has_reset(now) {
        let at = quota.resets_at.map(|at| context.time_text(at));
        return vec![text.window_reset_since(at.unwrap_or_default())];
    }
    let mut parts = vec![used(context, quota)];
    parts.extend(
        quota
            .resets_at
            .map(|at| text.window_resets(context.time_text(at))),
    );
    let gone = quota.gone_at().filter(|at| *at > now);
    parts.extend(gone.map(|at| text.gone_at_this_pace(context.time_text(at))));
    parts.extend(
        quota
            .stale_for(now)
            .map(|age| text.window_is_stale(rough(context, age))),
    );
    parts
}

/// An age in its largest unit.
fn rough(context: &PageContext, age: Duration) -> String {
    let seconds = match age.as_secs() {
        seconds @ 0..3_600 => seconds / 60 * 60,
        seconds @ 3_600..86_400 => seconds / 3_600 * 3_600,
        seconds => seconds / 86_400 * 86_400,
    };
    context.language().duration(Duration::from_secs(seconds))
}

fn used(context: &PageContext, quota: &QuotaFacts) -> String {
    let (text, language) = (context.text, context.language());
    let amount = |count: u64| match currency(&quota.window) {
        Some("usd") => language.money(
            i64::try_from(count)
                .unwrap_or(i64::MAX)
                .saturating_mul(10_000),
        ),
        Some(currency) => format!(
            "{} {}",
            language.number(count / 100),
            currency.to_uppercase()
        ),
        None => language.number(count),
    };
    match (quota.used_percent(), quota.remaining, quota.limit) {
        (Some(_), Some(left), Some(limit)) if currency(&quota.window).is_some() => {
            text.window_left_of(amount(left), amount(limit))
        }
        (Some(percent), _, _) => text.window_percent_used(percent),
        (None, Some(left), _) => text.window_left(amount(left)),
        (None, None, Some(limit)) => text.window_limit_known(amount(limit)),
        (None, None, None) => text.unknown().to_owned(),
    }
}

/// `credits_usd_cents` counts hundredths of dollars.
fn currency(window: &str) -> Option<&str> {
    let rest = window.strip_suffix("_cents")?;
    rest.split_once('_').map(|(_, currency)| currency)
}

/// What people call a window; the provider's own word where there is none.
pub(super) fn window_name(context: &PageContext, quota: &QuotaFacts) -> String {
    let name = match quota.window.as_str() {
        window if currency(window).is_some() => context.text.window_balance().to_owned(),
        window if window.starts_with(|c: char| c.is_ascii_digit()) => {
            spelled(context, window, quota.length_seconds)
        }
        window => counted(context, window),
    };
    let name: String = name.chars().take(NAME_CHARS_MAX).collect();
    match &quota.model {
        Some(model) => format!("{name} ({model})"),
        None => name,
    }
}

/// `input_tokens`, `requests_per_day`.
fn counted(context: &PageContext, window: &str) -> String {
    let text = context.text;
    let (what, per) = match window.rsplit_once('_') {
        Some((what, "day")) => (what, Some(text.window_day())),
        Some((what, "hour")) => (what, Some(text.window_hour())),
        Some((what, "minute")) => (what, Some(text.window_minute())),
        _ => (window, None),
    };
    let what = match what.strip_suffix("_per").unwrap_or(what) {
        "requests" => text.window_requests().to_owned(),
        "tokens" => text.window_tokens().to_owned(),
        "input_tokens" => text.window_input_tokens().to_owned(),
        "output_tokens" => text.window_output_tokens().to_owned(),
        other => other.replace('_', " "),
    };
    match per {
        Some(per) => format!("{what}/{per}"),
        None => what,
    }
}

/// `5h` as `5 h`, `7d_opus` as `7 d opus`.
fn spelled(context: &PageContext, window: &str, length: Option<u64>) -> String {
    let rest = window.split_once('_').map_or("", |(_, rest)| rest);
    match length {
        Some(seconds) => {
            let length = context.language().duration(Duration::from_secs(seconds));
            format!("{length} {}", rest.replace('_', " "))
                .trim_end()
                .to_owned()
        }
        None => window.replace('_', " "),
    }
}
