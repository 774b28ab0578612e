//! The settings: what each is and does, when a change of it is in force, and what differs from the
//! defaults. Every change shows its difference first.

mod about;
mod broken;
mod field;
mod machine;
mod records;
mod save;
mod tables;

use maud::{Markup, html};

use super::{Section, Submitted};
use crate::control::overview::Overview;
use crate::control::{
    Config, ConfigError, Edit, Problems, Setting, Step, default_of, load, settings,
};
use crate::dashboard::config_change::{ChangeForm, change, plain};
use crate::dashboard::context::PageContext;
use crate::dashboard::form::{FailedForm, Fields};
use crate::dashboard::layout::{Page, failure};
use crate::dashboard::sentences::marked;
use crate::dashboard::texts::Texts;
use field::ShownSetting;

/// The tables of the file, in the order of this page. What has no table comes first there.
const GROUPS: [&str; 7] = [
    "dashboard",
    "",
    "scheduling",
    "network",
    "notifications",
    "record",
    "limits",
];

pub(super) async fn page(
    context: &PageContext,
    overview: &Overview,
    failed: Option<&FailedForm<'_>>,
) -> Page {
    let home = context.service.home();
    let found = settings(home).and_then(|settings| Ok((settings, load(home)?)));
    let (verdict, content) = match &found {
        Ok((settings, config)) => {
            let state = State::new(context, settings, config, failed).await;
            (
                verdict(context, overview, &state),
                whole(context, overview, &state).await,
            )
        }
        Err(error) => (
            broken::verdict(context, error),
            of_broken(context, overview, error).await,
        ),
    };
    Page {
        is_failed: failed.is_some(),
        ..Page::new(Section::Settings, verdict, content)
    }
}

/// Carries out a form of this page.
pub(super) async fn submit(
    context: &PageContext,
    form: &str,
    fields: &Fields,
) -> Option<Submitted> {
    let edits = match form {
        "autostart" => {
            return Some(Submitted::of(
                machine::set_autostart(fields).await,
                "settings",
            ));
        }
        "delete-records" => {
            return Some(Submitted::of(
                records::delete(context, fields).await,
                "settings",
            ));
        }
        "bodies" => {
            return Some(Submitted::of(
                records::bodies(context, fields).await,
                "settings",
            ));
        }
        "save" => save::edits(fields),
        "add-rule" => vec![save::rule_to_add(fields)],
        "remove-rule" => vec![save::rule_to_remove(fields)],
        "add-provider" => save::provider_to_add(fields),
        "remove-provider" => vec![Edit::RemoveProvider {
            name: fields.get("name").to_owned(),
        }],
        _ => return None,
    };
    let needed = match form {
        "save" => &save::needed(fields, &edits),
        _ => fields,
    };
    let form = ChangeForm {
        section: Section::Settings,
        action: &format!("settings/{form}"),
        fields: needed,
    };
    Some(change(context, &form, &edits).await)
}

/// What the page is made of.
struct State<'s> {
    shown: Vec<ShownSetting<'s>>,
    config: &'s Config,
    failed: Option<&'s FailedForm<'s>>,
    /// The keys whose typed values are wrong.
    wrong: Vec<String>,
    /// What is searched for; empty for all.
    sought: &'s str,
}

impl<'s> State<'s> {
    async fn new(
        context: &'s PageContext,
        settings: &'s [Setting],
        config: &'s Config,
        failed: Option<&'s FailedForm<'s>>,
    ) -> Self {
        let find = |path: &str| settings.iter().find(|setting| setting.key == path);
        let shown = save::own_keys().filter_map(|key| {
            let setting = find(key.path)?;
            Some(ShownSetting { key, setting })
        });
        let wrong = match failed.filter(|failed| failed.is("save", None)) {
            Some(failed) => wrong_keys(context, failed.fields).await,
            None => Vec::new(),
        };
        Self {
            shown: shown.collect(),
            config,
            failed,
            wrong,
            sought: context.query.get("q"),
        }
    }

    fn typed(&self) -> Option<&Fields> {
        let failed = self.failed.filter(|failed| failed.is("save", None));
        failed.map(|failed| failed.fields)
    }

    fn changed(&self) -> impl Iterator<Item = &ShownSetting<'s>> {
        self.shown.iter().filter(|shown| shown.is_changed())
    }
}

async fn wrong_keys(context: &PageContext, fields: &Fields) -> Vec<String> {
    match context
        .service
        .change_config(&save::edits(fields), Step::Show)
        .await
    {
        Err(ConfigError::Refused(Problems(problems))) => {
            problems.into_iter().map(|problem| problem.path).collect()
        }
        _ => Vec::new(),
    }
}

fn verdict(context: &PageContext, overview: &Overview, state: &State<'_>) -> String {
    let text = context.text;
    if overview.status.config_error.is_some() {
        return text.config_not_used().to_owned();
    }
    let own = state.config.providers.len() + state.config.rules.0.len();
    match (state.changed().count(), own) {
        (0, 0) => text.all_at_default().to_owned(),
        (0, _) => text.settings_at_default().to_owned(),
        (1, _) => text.one_differs().to_owned(),
        (count, _) => text.some_differ(count),
    }
}

async fn whole(context: &PageContext, overview: &Overview, state: &State<'_>) -> Markup {
    let login_error = state.failed.filter(|failed| failed.is("autostart", None));
    html! {
        @if let Some(error) = &overview.status.config_error { div.notice.bad { p { (marked(error.text(context.language()))) } } }
        (changed(context, state))
        (search(context, state))
        @if state.sought.is_empty() {
            (machine::start_at_login(context, login_error.map(|failed| failed.error)).await)
        }
        (form(context, state))
        @if state.sought.is_empty() {
            (tables::rules(context, state.config, state.failed))
            (tables::providers(context, state.config, state.failed))
            (records::section(context, overview, state.failed))
            (machine::files(context))
        }
    }
}

async fn of_broken(context: &PageContext, overview: &Overview, error: &ConfigError) -> Markup {
    html! {
        (broken::content(context, error))
        (machine::start_at_login(context, None).await)
        (records::section(context, overview, None))
        (machine::files(context))
    }
}

/// The settings that differ from their defaults, each leading to its field.
fn changed(context: &PageContext, state: &State<'_>) -> Markup {
    let text = context.text;
    if state.changed().next().is_none() {
        return html! {};
    }
    html! {
        div.table { table.dense.blocks {
            thead { tr {
                th scope="col" { (text.setting()) } th scope="col" { (text.value()) }
                th scope="col" { (text.default_heading()) }
            } }
            tbody { @for shown in state.changed() { tr {
                th scope="row" { a href={ "#" (shown.key.path) } { code { (shown.key.path) } } }
                td data-label=(text.value()) { code { (plain(&shown.setting.value)) } }
                td data-label=(text.default_value()) { code { (plain(&default_of(shown.key))) } }
            } } }
        } }
    }
}

fn search(context: &PageContext, state: &State<'_>) -> Markup {
    let text = context.text;
    html! {
        form.filter method="get" action=(context.link("settings")) role="search" {
            label { (text.search_settings())
                input type="search" name="q" value=(state.sought); }
            button { (text.search()) }
            @if !state.sought.is_empty() { a.button href=(context.link("settings")) { (text.show_all()) } }
        }
    }
}

/// All fields stand in one form, so that several changes are one.
fn form(context: &PageContext, state: &State<'_>) -> Markup {
    let is_sought =
        |shown: &&ShownSetting<'_>| state.sought.is_empty() || shown.matches(context, state.sought);
    let sought: Vec<&ShownSetting<'_>> = state.shown.iter().filter(is_sought).collect();
    if sought.is_empty() {
        return html! { p { (context.text.no_setting_found(state.sought)) } };
    }
    let content = html! {
        // Enter in a field reviews what was typed: the first button of a form is its own.
        button.hidden-label tabindex="-1" aria-hidden="true" { (context.text.review()) }
        @if let Some(failed) = state.failed.filter(|failed| failed.is("save", None)) {
            @if state.wrong.is_empty() { (failure(context, failed.error)) } @else { (marked_as_wrong(context)) }
        }
        @for group in GROUPS { (group_of(context, state, &sought, group)) }
    };
    context.form("settings/save", "", &content)
}

/// Each wrong setting says beside it what would be right.
fn marked_as_wrong(context: &PageContext) -> Markup {
    let text = context.text;
    html! {
        div.notice.bad role="alert" {
            p { strong { (text.not_done()) ". " } (text.see_what_is_marked()) }
        }
    }
}

fn group_of(
    context: &PageContext,
    state: &State<'_>,
    sought: &[&ShownSetting<'_>],
    group: &str,
) -> Markup {
    let table_of = |path: &'static str| path.split_once('.').map_or("", |(table, _)| table);
    let of_group = sought
        .iter()
        .filter(|shown| table_of(shown.key.path) == group);
    let fields: Vec<_> = of_group.collect();
    if fields.is_empty() {
        return html! {};
    }
    let is_open = fields
        .iter()
        .any(|shown| shown.is_changed() || state.wrong.iter().any(|key| key == shown.key.path));
    let rows = html! {
        div.sheet {
            @for shown in &fields {
                @let is_wrong = state.wrong.iter().any(|key| key == shown.key.path);
                (shown.draw(context, state.typed(), is_wrong))
            }
            p.row { button.primary { (context.text.review()) } }
        }
    };
    html! {
        section id={ "g-" (group) } {
            h2 { (group_name(context.text, group)) @if !group.is_empty() { " " code { "[" (group) "]" } } }
            // What few people change stays folded.
            @if group == "limits" {
                details open[is_open || !state.sought.is_empty()] {
                    summary { (context.text.settings_in_it(fields.len())) }
                    (rows)
                }
            } @else { (rows) }
        }
    }
}

fn group_name(text: Texts, group: &str) -> &'static str {
    match group {
        "dashboard" => text.group_dashboard(),
        "scheduling" => text.group_scheduling(),
        "network" => text.group_network(),
        "notifications" => text.group_notifications(),
        "record" => text.group_record(),
        "limits" => text.group_limits(),
        _ => text.group_port(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_has_a_place_on_the_page() {
        for key in save::own_keys() {
            let table = key.path.split_once('.').map_or("", |(table, _)| table);
            assert!(GROUPS.contains(&table), "{}", key.path);
        }
    }
}
