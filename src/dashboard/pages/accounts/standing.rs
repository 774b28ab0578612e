//! How an account stands, in words: its state, its reason, and whether it would be asked next.

use maud::{Markup, html};

use crate::control::{AccountFacts, Place, Precedence, SkipReason};
use crate::dashboard::context::PageContext;
use crate::dashboard::texts::Texts;
use crate::status::{AccountStatus, CooldownCause, ExhaustedQuota, NeedsUser, SignInCause};

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
    Some(status_text(context, &account.name, status))
}

/// How much of what a provider said fits into a line.
const LINE_CHARS_MAX: usize = 160;

/// Why it does not serve, or whether it would be asked next, in one line.
pub(super) fn line(context: &PageContext, account: &AccountFacts, place: Option<&Place>) -> String {
    let told = place.map(|place| self::place(context, &account.name, place));
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
pub(super) fn place(context: &PageContext, name: &str, place: &Place) -> String {
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
        Place::PassedOver(reason) => passed_over(context, name, reason),
    }
}

fn passed_over(context: &PageContext, name: &str, reason: &SkipReason) -> String {
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
            Some(status) => text.not_asked(status_text(context, name, &status)),
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
            detail: cooldown.detail.as_deref().map(str::to_owned),
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
pub(super) fn status_text(context: &PageContext, name: &str, status: &AccountStatus) -> String {
    let text = context.text;
    match status {
        AccountStatus::CoolingDown {
            until,
            cause,
            models,
            detail,
        } => {
            let cause = cause_text(text, *cause);
            let about = match models.is_empty() {
                true => text.pauses_until(context.time_text(*until), cause),
                false => {
                    text.pauses_for_models(context.time_text(*until), models.join(", "), cause)
                }
            };
            with_detail(&about, detail.as_deref())
        }
        AccountStatus::QuotaExhausted { until, quota } => {
            let until = context.time_text(*until);
            match quota {
                ExhaustedQuota::Budget(budget) => text.budget_is_spent_until(budget, until),
                ExhaustedQuota::Provider(detail) => {
                    with_detail(&text.quota_is_spent_until(until), detail.as_deref())
                }
            }
        }
        AccountStatus::Unreachable { until } => {
            text.unreachable_next_try(context.time_text(*until))
        }
        AccountStatus::NeedsUser(need) => needs(context, name, need),
        AccountStatus::ProviderDisabled { provider } => text.provider_is_switched_off(provider),
        AccountStatus::ProviderUnknown { provider } => text.provider_is_unknown(provider),
        AccountStatus::Ready
        | AccountStatus::Busy
        | AccountStatus::Refreshing
        | AccountStatus::Disabled => state(text, status).1.to_owned(),
    }
}

fn needs(context: &PageContext, name: &str, need: &NeedsUser) -> String {
    let text = context.text;
    match need {
        NeedsUser::SignIn(sign_in) => {
            let why = match sign_in.cause {
                SignInCause::NoCredential => text.nothing_is_stored(),
                SignInCause::KeyRefused => text.key_was_refused(),
                SignInCause::TokenRefused => text.token_was_refused(),
                SignInCause::NothingToRefresh => text.token_ended(),
                SignInCause::GrantRefused => text.grant_was_refused(),
                SignInCause::InterruptedRefresh => text.refresh_was_interrupted(),
            };
            with_detail(why, sign_in.detail.as_deref())
        }
        NeedsUser::AddressChanged { entered_for, now } => text.address_differs(entered_for, now),
        NeedsUser::VaultLocked { detail } => with_detail(text.vault_is_locked(), Some(detail)),
        NeedsUser::Expired { at } => text.expired_at(context.time_text(*at)),
        NeedsUser::Credential(problem) => with_detail(
            &text.account_has_no_credential(name),
            Some(&problem.to_string()),
        ),
    }
}

fn cause_text(text: Texts, cause: CooldownCause) -> &'static str {
    match cause {
        CooldownCause::RateLimit => text.cause_rate_limit(),
        CooldownCause::Quota => text.cause_quota(),
        CooldownCause::Overloaded => text.cause_overloaded(),
        CooldownCause::Forbidden => text.cause_forbidden(),
        CooldownCause::Failing => text.cause_failing(),
        CooldownCause::RefreshFailing => text.cause_refresh_failing(),
    }
}

/// What the provider said stands after it, in its own language.
fn with_detail(said: &str, detail: Option<&str>) -> String {
    let said = said.trim_end_matches('.');
    match detail {
        Some(detail) => format!("{said}: {detail}"),
        None => said.to_owned(),
    }
}
