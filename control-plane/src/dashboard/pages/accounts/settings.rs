//! The settings of an account as a form.

use maud::{Markup, html};

use super::field::{Field, TypedForm, described, remarks};
use super::forms::{carried_out, path_of};
use crate::control::account::SettingChanges;
use crate::control::verbs::AccountSet;
use crate::control::{AccountFacts, ControlError};
use crate::dashboard::context::PageContext;
use crate::dashboard::form::{FailedForm, Fields};
use crate::dashboard::pages::Submitted;
use crate::dashboard::sentences::marked;
use crate::language::Said;

const FIELDS: [&str; 6] = [
    "priority",
    "concurrency",
    "expires",
    "models",
    "proxy",
    "budgets",
];

pub(super) fn form(
    context: &PageContext,
    account: &AccountFacts,
    failed: Option<&FailedForm<'_>>,
) -> Markup {
    let text = context.text;
    let form = TypedForm::new(context.language(), "set", &FIELDS, failed);
    let (priority, concurrency) = (account.priority.to_string(), shown(account.concurrency));
    let models = account.models.as_ref().map(|models| models.join(", "));
    let expires = account
        .expires_on
        .map(|at| day_of(context, at))
        .unwrap_or_default();
    let of = |name, label, value, hint| Field {
        name,
        label,
        value,
        hint: Some(hint),
        ..Field::default()
    };
    let lines = [
        of(
            "priority",
            text.set_priority(),
            &priority,
            text.set_priority_hint(),
        ),
        of(
            "concurrency",
            text.set_concurrency(),
            &concurrency,
            text.concurrency_hint(),
        ),
        of(
            "models",
            text.set_models(),
            models.as_deref().unwrap_or_default(),
            text.models_hint(),
        ),
        of(
            "proxy",
            text.set_proxy(),
            account.proxy.as_deref().unwrap_or_default(),
            text.proxy_hint(),
        ),
        of(
            "expires",
            text.set_last_day(),
            &expires,
            text.expires_hint(),
        ),
    ];
    let content = html! {
        @if let Some(error) = form.other_error() { p.error role="alert" { (marked(error)) } }
        @for line in &lines { (line.draw(&form)) }
        (budgets(context, account, &form))
        button.primary { (text.save_settings()) }
    };
    context.form(&format!("{}/set", path_of(&account.name)), "", &content)
}

fn budgets(context: &PageContext, account: &AccountFacts, form: &TypedForm<'_>) -> Markup {
    let text = context.text;
    let set: Vec<&str> = account
        .budgets
        .iter()
        .map(|budget| budget.budget.as_str())
        .collect();
    let set = set.join("\n");
    let (id, error) = (form.id("budgets"), form.error_of("budgets"));
    let hint = Some(text.budgets_hint());
    html! {
        div.field {
            label for=(id) { (text.set_budgets()) }
            textarea id=(id) name="budgets" rows="2" spellcheck="false" aria-invalid=[error.map(|_| "true")]
                aria-describedby=[described(&id, error, hint)] { (form.typed("budgets").unwrap_or(&set)) }
            (remarks(&id, error, hint))
        }
    }
}

fn shown(number: Option<u32>) -> String {
    number.map(|number| number.to_string()).unwrap_or_default()
}

/// The last day on which the account counts: it ends at the next midnight.
fn day_of(context: &PageContext, end: crate::status::Timestamp) -> String {
    let last = end
        .checked_sub(std::time::Duration::from_secs(1))
        .unwrap_or(end);
    let last = context.zoned(last);
    last.map(|at| at.date().to_string()).unwrap_or_default()
}

pub(super) async fn submit(context: &PageContext, name: &str, fields: &Fields) -> Submitted {
    let set = match changes(context, name, fields) {
        Ok(changes) if changes.is_empty() => return Submitted::Done(path_of(name)),
        Ok(changes) => AccountSet {
            name: name.to_owned(),
            changes,
        },
        Err(error) => return Submitted::Failed(error),
    };
    Submitted::of(carried_out(context, set).await, &path_of(name))
}

/// What differs from the settings as they are: a field that was emptied takes its setting back.
fn changes(
    context: &PageContext,
    name: &str,
    fields: &Fields,
) -> Result<SettingChanges, ControlError> {
    let overview = context.service.overview(context.now);
    let found = overview
        .accounts
        .into_iter()
        .find(|account| account.name == name);
    let account =
        found.ok_or_else(|| ControlError::failed(Said::quoted(context.text.account_is_gone())))?;
    let or = |field: &str, none: &str| match fields.get(field) {
        "" => none.to_owned(),
        typed => typed.to_owned(),
    };
    let models = account.models.as_ref().map(|models| models.join(", "));
    let expires = account.expires_on.map(|at| day_of(context, at));
    let before = |value: Option<String>, none: &str| value.unwrap_or_else(|| none.to_owned());
    let unless_same = |new: String, old: String| (new != old).then_some(new);
    Ok(SettingChanges {
        enabled: None,
        priority: priority(context, fields)?.filter(|new| *new != account.priority),
        concurrency: unless_same(
            or("concurrency", "none"),
            before(account.concurrency.map(|count| count.to_string()), "none"),
        ),
        expires: unless_same(or("expires", "none"), before(expires, "none")),
        models: unless_same(or("models", "all"), before(models, "all")),
        proxy: unless_same(or("proxy", "none"), before(account.proxy.clone(), "none")),
        budgets: changed_budgets(&account, fields.get("budgets")),
    })
}

fn priority(context: &PageContext, fields: &Fields) -> Result<Option<u32>, ControlError> {
    let typed = fields.get("priority");
    match typed.parse() {
        Ok(number) => Ok(Some(number)),
        Err(_) if typed.is_empty() => Ok(None),
        Err(_) => Err(ControlError::in_field(
            "priority",
            Said::quoted(context.text.expected_a_number(typed)),
        )),
    }
}

/// One budget a line; none at all is the word for taking them back.
fn changed_budgets(account: &AccountFacts, typed: &str) -> Vec<String> {
    let lines = typed.lines().map(str::trim).filter(|line| !line.is_empty());
    let new: Vec<String> = lines.map(str::to_owned).collect();
    let old = account.budgets.iter().map(|budget| budget.budget.as_str());
    if new.iter().map(String::as_str).eq(old) {
        return Vec::new();
    }
    if new.is_empty() {
        return vec!["none".to_owned()];
    }
    new
}
