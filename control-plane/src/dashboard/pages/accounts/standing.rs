//! How an account stands, in words: its state, its reason, and whether it would be asked next.

use maud::{Markup, html};

use crate::control::{AccountFacts, Place, Precedence, SkipReason};
use crate::dashboard::context::PageContext;
use crate::dashboard::texts::Texts;
use crate::language::Said;
use crate::status::{AccountStatus, ExhaustedQuota, NeedsUser};

/// The lamp with its word.
pub(super) fn lamp(context: &PageContext, account: &AccountFacts) -> Markup {
    let (class, word) = state(context.text, account.shown_status());
    html! { span class={ "state " (class) } { (word) } }
}

/// The class of the lamp, and the word beside it.
fn state(text: Texts, status: &AccountStatus) -> (&'static str, &'static str) {
    match status {
        AccountStatus::Ready => ("ready", text.lamp_ready()),
        AccountStatus::Busy => ("busy", text.lamp_busy()),
        AccountStatus::Refreshing => ("busy", text.lamp_refreshing()),
        AccountStatus::CoolingDown { models, .. } if !models.is_empty() => {
            ("rests", text.lamp_rests_partly())
        }
        AccountStatus::CoolingDown { .. }
        | AccountStatus::QuotaExhausted { .. }
        | AccountStatus::Unreachable { .. } => ("rests", text.lamp_rests()),
        AccountStatus::NeedsUser(_)
        | AccountStatus::ProviderDisabled { .. }
        | AccountStatus::ProviderUnknown { .. } => ("needs", text.lamp_needs_you()),
        AccountStatus::Disabled => ("off", text.lamp_off()),
    }
}

/// Why it does not serve, and until when. `None` where the lamp says it all.
pub(super) fn why(context: &PageContext, account: &AccountFacts) -> Option<String> {
    let status = account.shown_status();
    status.reason()?;
    Some(status_text(context, status))
}

/// How much of what a provider said fits into a line.
const LINE_CHARS_MAX: usize = 160;

/// Why it does not serve, or whether it would be asked next, in one line.
pub(super) fn line(context: &PageContext, account: &AccountFacts, place: Option<&Place>) -> String {
    let told = place.map(|place| self::place(context, place));
    let line = match (why(context, account), place) {
        (Some(why), Some(Place::PassedOver(_)) | None) => why,
        (Some(why), Some(_)) => format!("{why}. {}", told.unwrap_or_default()),
        (None, _) => told.unwrap_or_else(|| context.text.not_in_use().to_owned()),
    };
    match line.char_indices().nth(LINE_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// Whether the next request would ask it, as a sentence.
pub(super) fn place(context: &PageContext, place: &Place) -> String {
    let text = context.text;
    match place {
        Place::Next => text.would_be_next().to_owned(),
        Place::Behind { first, because } => match because {
            Precedence::Priority => text.behind_by_priority(first),
            Precedence::FailedLately => text.behind_as_it_failed(first),
            Precedence::UsedUp => text.behind_as_used_up(first),
            Precedence::NearlyUsedUp => text.behind_as_nearly_used_up(first),
            Precedence::Probe => text.behind_a_probe(first),
            Precedence::Load => text.behind_by_load(first),
            Precedence::Turn => text.behind_by_turn(first),
            Precedence::Order => text.behind_by_order(first),
        },
        Place::PassedOver(reason) => passed_over(context, reason),
    }
}

fn passed_over(context: &PageContext, reason: &SkipReason) -> String {
    let text = context.text;
    match reason {
        SkipReason::ModelNotAllowed => text.not_asked_model().to_owned(),
        SkipReason::Disabled => text.not_asked_off().to_owned(),
        SkipReason::Busy { in_flight } => text.not_asked_busy(in_flight),
        SkipReason::Paced { until } => text.not_asked_paced(context.time_text(*until)),
        SkipReason::Refreshing => text.not_asked_refreshing().to_owned(),
        SkipReason::CircuitOpen { until } => {
            text.not_asked(text.unreachable_next_try(context.time_text(*until)))
        }
        _ => match status_of(reason) {
            Some(status) => text.not_asked(status_text(context, &status)),
            None => text.not_asked(reason),
        },
    }
}

/// The status that says the same as a reason.
fn status_of(reason: &SkipReason) -> Option<AccountStatus> {
    Some(match reason {
        SkipReason::CoolingDown(cooldown) => AccountStatus::CoolingDown {
            until: cooldown.until,
            cause: cooldown.cause,
            models: cooldown.model.iter().map(ToString::to_string).collect(),
            detail: cooldown.detail.clone(),
        },
        SkipReason::BudgetSpent { until, budget } => AccountStatus::QuotaExhausted {
            until: *until,
            quota: ExhaustedQuota::Budget(budget.clone()),
        },
        SkipReason::NeedsUser(needs_user) => AccountStatus::NeedsUser(needs_user.clone()),
        _ => return None,
    })
}

/// The status as a sentence without its full stop.
pub(super) fn status_text(context: &PageContext, status: &AccountStatus) -> String {
    let text = context.text;
    match status {
        AccountStatus::CoolingDown {
            until,
            cause,
            models,
            detail,
        } => {
            let cause = cause.text(context.language());
            let about = match models.is_empty() {
                true => text.pauses_until(context.time_text(*until), cause),
                false => {
                    text.pauses_for_models(context.time_text(*until), models.join(", "), cause)
                }
            };
            with_detail(context, &about, detail.as_ref())
        }
        AccountStatus::QuotaExhausted { until, quota } => {
            let until = context.time_text(*until);
            match quota {
                ExhaustedQuota::Budget(budget) => text.budget_is_spent_until(budget, until),
                ExhaustedQuota::Provider(detail) => {
                    with_detail(context, &text.quota_is_spent_until(until), detail.as_ref())
                }
            }
        }
        AccountStatus::Unreachable { until } => {
            text.unreachable_next_try(context.time_text(*until))
        }
        AccountStatus::NeedsUser(need) => needs(context, need),
        AccountStatus::ProviderDisabled { .. } | AccountStatus::ProviderUnknown { .. } => {
            status.reason_in(context.language()).unwrap_or_default()
        }
        AccountStatus::Ready
        | AccountStatus::Busy
        | AccountStatus::Refreshing
        | AccountStatus::Disabled => state(text, status).1.to_owned(),
    }
}

fn needs(context: &PageContext, need: &NeedsUser) -> String {
    let language = context.language();
    match need {
        NeedsUser::SignIn(_) | NeedsUser::AddressChanged { .. } => {
            need.sign_in_reason(language).unwrap_or_default()
        }
        NeedsUser::Expired { at } => context.text.expired_at(context.time_text(*at)),
        NeedsUser::VaultLocked { .. } | NeedsUser::Credential(_) => need.text(language),
    }
}

/// What the provider said stands after it, in its own language.
fn with_detail(context: &PageContext, said: &str, detail: Option<&Said>) -> String {
    let said = said.trim_end_matches('.');
    match detail {
        Some(detail) => {
            let words = detail.text(context.language());
            match detail.is_quoted() {
                true => format!("{said}: {}", context.language().quotation(words)),
                false => format!("{said}: {words}"),
            }
        }
        None => said.to_owned(),
    }
}
