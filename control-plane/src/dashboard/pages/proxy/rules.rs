//! The rules that turn a model's name into models at providers, with a box to try a name.

use maud::{Markup, html};

use super::trial;
use crate::control::Edit;
use crate::dashboard::context::PageContext;
use crate::dashboard::form::{FailedForm, Fields};
use crate::dashboard::sentences::marked;

/// How many rules are shown; the rest is counted.
const RULES_MAX: usize = 200;

pub(super) async fn section(context: &PageContext, failed: Option<&FailedForm<'_>>) -> Markup {
    let text = context.text;
    let asked = context.query.get("try");
    html! {
        section #rules {
            h2 { (text.what_a_name_becomes()) }
            (trial_box(context, asked))
            @if !asked.is_empty() { (trial::result(context, asked).await) }
            (rules(context))
            (addition(context, failed))
        }
    }
}

/// It changes nothing, so that its result has an address.
fn trial_box(context: &PageContext, asked: &str) -> Markup {
    let text = context.text;
    html! {
        form.filter method="get" action={ (context.link("proxy")) "#rules" } role="search" {
            label { (text.model_name())
                input name="try" value=(asked) required maxlength="200" placeholder="gpt-5" spellcheck="false" autocomplete="off";
            }
            button.primary { (text.try_the_name()) }
        }
    }
}

fn rules(context: &PageContext) -> Markup {
    let (text, config) = (context.text, context.service.config());
    let rules = &config.rules.0;
    let more = rules.len().saturating_sub(RULES_MAX);
    html! {
        h3 { (text.rules()) }
        @if rules.is_empty() {
            p.soft { (text.no_rules()) }
        } @else {
            p.soft { (text.order_of_rules()) }
            div.table { table.blocks {
                thead { tr {
                    th.number scope="col" { "#" } th scope="col" { (text.name_asked_for()) }
                    th scope="col" { (text.becomes()) }
                    th scope="col" { span.hidden-label { (text.remove()) } }
                } }
                tbody { @for (at, rule) in rules.iter().take(RULES_MAX).enumerate() { tr {
                    td.number data-label="#" { (at + 1) }
                    th scope="row" data-label=(text.name_asked_for()) { code { (rule.name) } }
                    td data-label=(text.becomes()) { div {
                        @for (at, target) in rule.targets.iter().enumerate() {
                            @if at > 0 { ", " (text.then()) " " }
                            code { (target.provider) "/" (target.model) }
                        }
                    } }
                    @let name = rule.name.to_string();
                    td { div.row {
                        (step(context, at, &name, EARLIER, at == 0))
                        (step(context, at, &name, LATER, at + 1 == rules.len()))
                        (removal(context, at, &name))
                    } }
                } } }
            } }
            @if more > 0 { p { (text.and_more(more)) } }
        }
    }
}

/// It changes places with the rule above or below, once the difference was seen.
fn step(context: &PageContext, at: usize, name: &str, to: &str, is_off: bool) -> Markup {
    let (sign, label) = match to {
        EARLIER => ("↑", context.text.rule_earlier(name)),
        _ => ("↓", context.text.rule_later(name)),
    };
    let content = html! {
        input type="hidden" name="at" value=(at);
        input type="hidden" name="name" value=(name);
        input type="hidden" name="to" value=(to);
        button.small aria-label=(label) title=(label) disabled[is_off] { (sign) }
    };
    context.form("proxy/move-rule", "inline", &content)
}

/// Nothing is removed before the difference was seen.
fn removal(context: &PageContext, at: usize, name: &str) -> Markup {
    let content = html! {
        input type="hidden" name="at" value=(at);
        input type="hidden" name="name" value=(name);
        button.small aria-label=(context.text.remove_rule(name)) { (context.text.remove()) }
    };
    context.form("proxy/remove-rule", "inline", &content)
}

fn addition(context: &PageContext, failed: Option<&FailedForm<'_>>) -> Markup {
    let text = context.text;
    let failed = failed.filter(|failed| failed.is(ADD, None));
    let typed = |name: &str| failed.map_or("", |failed| failed.fields.get(name));
    let invalid = failed.map(|_| "true");
    let content = html! {
        div.field {
            label for="rule-name" { (text.name_asked_for()) }
            input #rule-name name="name" value=(typed("name")) required spellcheck="false" autocomplete="off"
                aria-invalid=[invalid] aria-describedby="rule-name-hint rule-error";
            p.hint #rule-name-hint { (text.rule_name_hint()) }
        }
        div.field {
            label for="rule-targets" { (text.rule_targets()) }
            input #rule-targets name="targets" value=(typed("targets")) required spellcheck="false" autocomplete="off"
                aria-invalid=[invalid] aria-describedby="rule-targets-hint rule-error";
            p.hint #rule-targets-hint { (text.rule_targets_hint()) }
        }
        @if let Some(failed) = failed { p.error #rule-error role="alert" { (marked(context.error_text(failed.error))) } }
        button.primary { (text.show_the_change()) }
    };
    html! {
        details open[failed.is_some()] {
            summary { (text.add_a_rule()) }
            (context.form("proxy/add-rule", "", &content))
        }
    }
}

pub(super) const ADD: &str = "add-rule";
pub(super) const REMOVE: &str = "remove-rule";
pub(super) const MOVE: &str = "move-rule";
const EARLIER: &str = "earlier";
const LATER: &str = "later";

pub(super) fn to_add(fields: &Fields) -> Vec<Edit> {
    let targets = fields.get("targets").split(',').map(str::trim);
    let targets = targets.filter(|target| !target.is_empty());
    vec![Edit::AddRule {
        name: fields.get("name").to_owned(),
        targets: targets.map(str::to_owned).collect(),
    }]
}

/// A place that is no number is that of no rule.
pub(super) fn to_remove(fields: &Fields) -> Vec<Edit> {
    vec![Edit::RemoveRule {
        at: fields.get("at").parse().unwrap_or(usize::MAX),
        name: fields.get("name").to_owned(),
    }]
}

pub(super) fn to_move(fields: &Fields) -> Vec<Edit> {
    vec![Edit::MoveRule {
        at: fields.get("at").parse().unwrap_or(usize::MAX),
        name: fields.get("name").to_owned(),
        is_earlier: fields.get("to") == EARLIER,
    }]
}
