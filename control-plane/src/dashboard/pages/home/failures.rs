//! What failed in the last hour, by cause: a sentence each, the requests behind it, and the way out.

use maud::{Markup, html};

use crate::control::failures::{FailureCause, FailureList};
use crate::dashboard::context::PageContext;
use crate::dashboard::form::moment;
use crate::dashboard::sentences::marked;
use crate::status::Timestamp;

/// How many causes are shown; the rest is counted.
const CAUSES_MAX: usize = 8;

pub(super) fn section(context: &PageContext, list: &FailureList, since: Timestamp) -> Markup {
    let text = context.text;
    let since = moment(since);
    let more = list.causes.len().saturating_sub(CAUSES_MAX);
    let all = context.link_with("monitoring", [("failed", "1"), ("since", since.as_str())]);
    html! {
        section #failures {
            h2 { (text.failures_of_the_hour()) }
            @if list.causes.is_empty() {
                p.soft { (text.nothing_failed()) }
            } @else {
                div.table { table.blocks {
                    thead { tr {
                        th.number scope="col" { (text.requests()) }
                        th scope="col" { (text.what_and_what_to_do()) }
                        th scope="col" { (text.last_time()) }
                        th scope="col" { span.hidden-label { (text.way_out()) } }
                    } }
                    tbody { @for cause in list.causes.iter().take(CAUSES_MAX) {
                        (row(context, cause, &since))
                    } }
                } }
            }
            @if more > 0 { p { a href=(all) { (text.and_more(more)) } } }
        }
    }
}

fn row(context: &PageContext, cause: &FailureCause, since: &str) -> Markup {
    let text = context.text;
    let facts = cause.facts();
    let (what, advice) = facts.map_or_else(
        || (cause.what.clone(), cause.advice.clone()),
        |facts| (context.failure_what(&facts), context.failure_advice(&facts)),
    );
    html! {
        tr {
            td.number data-label=(text.requests()) { (context.count(cause.requests)) }
            td { div { (marked(&what)) div.why { (marked(&advice)) } } }
            td data-label=(text.last_time()) { (context.time(cause.last_at)) }
            td { div.row {
                a.button.small href=(requests_of(context, cause, since)) { (text.see_them()) }
                @if let Some((href, label)) = way_out(context, cause) {
                    a.button.small href=(href) { (label) }
                }
            } }
        }
    }
}

/// Exactly the requests that are counted in it.
fn requests_of(context: &PageContext, cause: &FailureCause, since: &str) -> String {
    let name = |name: &Option<String>| name.clone().unwrap_or_default();
    let (provider, account) = (name(&cause.provider), name(&cause.account));
    let (model, asked) = (name(&cause.model), name(&cause.asked));
    let key = name(&cause.key);
    context.link_with(
        "monitoring",
        [
            ("failed", "1"),
            ("cause", cause.cause.as_str()),
            ("blame", &cause.blame),
            ("provider", &provider),
            ("account", &account),
            ("model", &model),
            ("asked", &asked),
            ("key", &key),
            ("since", since),
        ],
    )
}

/// Where something can be done about it, by the word for the cause.
fn way_out(context: &PageContext, cause: &FailureCause) -> Option<(String, &'static str)> {
    let text = context.text;
    let provider = cause.provider.as_deref().unwrap_or_default();
    Some(match cause.cause.as_str() {
        "rate_limited" | "quota_spent" | "all_at_limit" | "overloaded" => {
            let link = context.link_with("accounts", [("provider", provider)]);
            (format!("{link}#add"), text.add_an_account())
        }
        "account" => match &cause.account {
            Some(name) => (context.link_to("accounts", name), text.sign_in()),
            None => (context.link("accounts"), text.see_accounts()),
        },
        "key_limit" => {
            let key = cause.key.as_deref().unwrap_or_default();
            let link = context.link_with("proxy", [("key", key)]);
            (format!("{link}#keys"), text.see_the_keys())
        }
        "bad_key" => (context.link("proxy#keys"), text.see_the_keys()),
        "no_such_model" => {
            let asked = cause.asked.as_deref().unwrap_or_default();
            let link = context.link_with("proxy", [("try", asked)]);
            (format!("{link}#rules"), text.try_the_name())
        }
        "unreachable" | "certificate" | "timed_out" => {
            let name = cause.account.as_deref()?;
            (context.link_to("accounts", name), text.see_the_account())
        }
        _ => return None,
    })
}
