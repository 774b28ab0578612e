//! The filter of Monitoring: read from the URL, shown as a form, and kept in every link.

use maud::{Markup, html};

use crate::control::verbs::Log;
use crate::control::{ControlError, FilterNames, FilterPart};
use crate::dashboard::context::PageContext;
use crate::dashboard::form::{Fields, NO_NAME, query};
use crate::dashboard::request_parts::shortened;
use crate::dashboard::sentences::marked;
use crate::dashboard::texts::Texts;

/// The fields of the URL that filter, in the order in which links carry them.
const FIELDS: [&str; 13] = [
    "ending", "failed", "cause", "blame", "asked", "account", "provider", "model", "key", "client",
    "session", "since", "until",
];
/// Parts that links set and the form does not offer.
const LINKED: [FilterPart; 4] = [
    FilterPart::Cause,
    FilterPart::Blame,
    FilterPart::Asked,
    FilterPart::Session,
];
/// Whatever the client got an error for.
const FAILURES: &str = "failed,refused";
const PERIODS: [&str; 5] = ["1h", "24h", "today", "7d", "30d"];

/// Which requests the page is about.
pub(super) struct Filter<'q> {
    query: &'q Fields,
    pub(super) log: Log,
    /// The parts that mean nothing, and why.
    pub(super) problems: Vec<(FilterPart, ControlError)>,
}

impl<'q> Filter<'q> {
    pub(super) fn of(query: &'q Fields) -> Self {
        let log = log_of(query);
        Self {
            problems: log.problems(),
            query,
            log,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pairs().is_empty()
    }

    /// Whether it says how the requests ended, so that their number says no more.
    pub(super) fn names_ending(&self) -> bool {
        self.log.failed || !self.log.ending.is_empty()
    }

    /// What is set, as a link carries it.
    fn pairs(&self) -> Vec<(&'static str, &'q str)> {
        let set = FIELDS.iter().filter_map(|field| {
            let value = self.query.given(field)?;
            Some((*field, value))
        });
        set.collect()
    }

    /// The same requests at another place: `before`, `after`, `live`.
    pub(super) fn link(&self, context: &PageContext, more: &[(&str, &str)]) -> String {
        let pairs = self.pairs();
        context.link_with("monitoring", pairs.into_iter().chain(more.iter().copied()))
    }

    /// The stream of what comes, and its key.
    pub(super) fn live_link(&self, context: &PageContext) -> String {
        context.link_with("live", self.pairs())
    }

    pub(super) fn key(&self) -> String {
        query(self.pairs())
    }

    /// The same with other values of some parts. An empty one stands for none.
    pub(super) fn with(&self, context: &PageContext, parts: &[(&str, &str)]) -> String {
        let is_kept = |(field, _): &(&str, &str)| parts.iter().all(|(part, _)| part != field);
        let kept = self.pairs().into_iter().filter(is_kept);
        let set = parts.iter().map(|(part, value)| match *value {
            "" => (*part, NO_NAME),
            value => (*part, value),
        });
        context.link_with("monitoring", kept.chain(set))
    }

    fn without(&self, context: &PageContext, part: FilterPart) -> String {
        let pairs = self.pairs().into_iter();
        let is_kept = |(field, _): &(&str, &str)| {
            *field != part.name() && !(part == FilterPart::Ending && *field == "failed")
        };
        context.link_with("monitoring", pairs.filter(is_kept))
    }

    fn value(&self, part: FilterPart) -> &'q str {
        match part {
            FilterPart::Ending if self.log.failed => FAILURES,
            part => self.query.get(part.name()),
        }
    }

    /// The part with its value, as a link to the same list without it.
    fn chip(&self, context: &PageContext, part: FilterPart) -> Markup {
        let text = context.text;
        let value = shortened(self.value(part), VALUE_CHARS_MAX);
        html! {
            a.button.small href=(self.without(context, part)) title=(text.show_without()) {
                (name_of(text, part)) ": " (value) " ×"
            }
        }
    }

    /// Where nothing was found: which part to leave out.
    pub(super) fn excluding(&self, context: &PageContext, part: FilterPart, count: u64) -> Markup {
        let text = context.text;
        let value = shortened(self.value(part), VALUE_CHARS_MAX);
        let count = context.language().number(count);
        html! {
            p { (text.without_part(name_of(text, part), value, count)) " "
                a href=(self.without(context, part)) { (text.show_them()) } }
        }
    }
}

const VALUE_CHARS_MAX: usize = 60;

fn log_of(query: &Fields) -> Log {
    let given = |name: &str| query.given(name).map(str::to_owned);
    let name = |field: &str| match query.given(field)? {
        NO_NAME => Some(String::new()),
        name => Some(name.to_owned()),
    };
    let endings = query.all("ending").flat_map(|words| words.split(','));
    Log {
        failed: query.is_set("failed") && query.get("failed") != "0",
        ending: endings
            .filter(|word| !word.is_empty())
            .take(8)
            .map(str::to_owned)
            .collect(),
        cause: given("cause"),
        blame: given("blame"),
        asked: name("asked"),
        account: name("account"),
        provider: name("provider"),
        model: name("model"),
        key: name("key"),
        client: name("client"),
        session: given("session"),
        since: given("since"),
        until: given("until"),
        ..Log::default()
    }
}

pub(super) fn name_of(text: Texts, part: FilterPart) -> &'static str {
    match part {
        FilterPart::Ending => text.ending(),
        FilterPart::Cause => text.cause(),
        FilterPart::Blame => text.blame(),
        FilterPart::Asked => text.asked_model(),
        FilterPart::Account => text.account(),
        FilterPart::Provider => text.provider(),
        FilterPart::Model => text.model(),
        FilterPart::Key => text.key(),
        FilterPart::Client => text.client(),
        FilterPart::Session => text.conversation(),
        FilterPart::Since => text.since(),
        FilterPart::Until => text.until_when(),
    }
}

/// The filter row.
pub(super) fn form(context: &PageContext, filter: &Filter<'_>, names: &FilterNames) -> Markup {
    let text = context.text;
    let choice = |part, names: &[String]| choice(context, filter, part, names);
    html! {
        form.filter method="get" action=(context.link("monitoring")) data-filter {
            (ending_choice(context, filter))
            (choice(FilterPart::Account, &names.accounts))
            (choice(FilterPart::Model, &names.models))
            (choice(FilterPart::Client, &names.clients))
            (choice(FilterPart::Provider, &names.providers))
            @if !names.keys.is_empty() { (choice(FilterPart::Key, &names.keys)) }
            (moment(context, filter, FilterPart::Since))
            (moment(context, filter, FilterPart::Until))
            datalist #periods { @for period in PERIODS { option value=(period) {} } }
            @for part in LINKED {
                @if !filter.value(part).is_empty() {
                    input type="hidden" name=(part.name()) value=(filter.value(part));
                }
            }
            button { (text.filter()) }
            @if !filter.is_empty() { a href=(context.link("monitoring")) { (text.filter_nothing()) } }
        }
        @let linked = LINKED.iter().filter(|part| !filter.value(**part).is_empty());
        @let chips: Vec<Markup> = linked.map(|part| filter.chip(context, *part)).collect();
        @if !chips.is_empty() { p.row { @for chip in chips { (chip) } } }
        (problems(context, filter))
    }
}

/// What is wrong with parts that have no field.
fn problems(context: &PageContext, filter: &Filter<'_>) -> Markup {
    let has_field = |part: FilterPart| matches!(part, FilterPart::Since | FilterPart::Until);
    let without = filter.problems.iter().filter(|(part, _)| !has_field(*part));
    html! {
        @for (part, error) in without {
            div.notice.bad role="alert" { p { strong { (name_of(context.text, *part)) ". " } (marked(context.error_text(error))) } }
        }
    }
}

fn ending_choice(context: &PageContext, filter: &Filter<'_>) -> Markup {
    let text = context.text;
    let chosen = filter.value(FilterPart::Ending);
    let choices = [
        ("", text.any()),
        ("done", text.ending_done()),
        ("left", text.ending_left()),
        (FAILURES, text.ending_any_failure()),
        ("failed", text.ending_failed()),
        ("refused", text.ending_refused()),
    ];
    html! {
        label { (text.ending())
            select name="ending" {
                @for (value, name) in choices {
                    option value=(value) selected[value == chosen] { (name) }
                }
            }
        }
    }
}

fn choice(
    context: &PageContext,
    filter: &Filter<'_>,
    part: FilterPart,
    names: &[String],
) -> Markup {
    let text = context.text;
    let chosen = filter.value(part);
    let is_known = chosen.is_empty() || names.iter().any(|name| name == chosen);
    let option = |value: &str, name: &str| html! { option value=(value) selected[value == chosen] { (name) } };
    html! {
        label { (name_of(text, part))
            select name=(part.name()) {
                (option("", text.any()))
                @if chosen == NO_NAME { (option(NO_NAME, text.no_name())) }
                @else if !is_known { (option(chosen, &shortened(chosen, VALUE_CHARS_MAX))) }
                @for name in names { (option(name, &shortened(name, VALUE_CHARS_MAX))) }
            }
        }
    }
}

fn moment(context: &PageContext, filter: &Filter<'_>, part: FilterPart) -> Markup {
    let mut problems = filter.problems.iter().filter(|(of, _)| *of == part);
    let problem = problems.next().map(|(_, error)| error);
    let (name, describing) = (part.name(), format!("{}-error", part.name()));
    html! {
        label { (name_of(context.text, part))
            input name=(name) value=(filter.value(part)) list="periods" size="9" maxlength="40"
                placeholder=(context.text.any()) autocomplete="off"
                aria-invalid=[problem.map(|_| "true")]
                aria-describedby=[problem.map(|_| describing.as_str())];
            @if problem.is_some() {
                span.error id=(describing) { (context.text.expected_a_time()) }
            }
        }
    }
}
