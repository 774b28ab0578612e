//! Token statistics: sums by time, model, account, program, provider and key, with what they cost
//! and what they leave out.

mod asked;
mod bars;
mod csv;
mod notes;
mod table;
mod times;

use maud::{Markup, html};

use super::{Section, Shown};
use crate::control::overview::Overview;
use crate::control::stats::Statistics;
use crate::control::{ControlError, PriceListFacts, Verb as _};
use crate::dashboard::context::PageContext;
use crate::dashboard::form::NO_NAME;
use crate::dashboard::layout::{Page, unreadable};
use crate::dashboard::texts::Texts;
use crate::ordering;
use crate::status::Timestamp;
use asked::{Asked, Measure, NAMED, Period};
use bars::Plotted;
use table::{Table, by_name};

pub(super) async fn page(context: &PageContext, overview: &Overview) -> Page {
    let asked = Asked::of(context);
    let told = Told::ask(context, &asked).await;
    let records = overview.status.records.as_ref();
    let oldest = records.and_then(|records| records.oldest);
    let told = match &told {
        Ok(told) => told,
        Err(error) => return unreadable(context, Section::Statistics, error),
    };
    Page {
        action: Some(download(context, &asked)),
        ..Page::new(
            Section::Statistics,
            verdict(context, &asked, &told.table),
            html! { (controls(context, &asked)) (whole(context, &asked, told, oldest)) },
        )
    }
}

/// The same as a file.
pub(super) fn file(context: &PageContext) -> Shown {
    Shown::Response(csv::file(context))
}

/// What was asked, answered.
struct Told {
    /// By time, and by name where names are asked for.
    by_time: Statistics,
    /// A row for each time, or each name.
    table: Statistics,
    prices: PriceListFacts,
}

impl Told {
    async fn ask(context: &PageContext, asked: &Asked) -> Result<Self, ControlError> {
        let (service, notes) = (&context.service, PageContext::notes());
        let by_time = asked.question(context, [asked.unit].into_iter().chain(asked.by).collect());
        let by_time = by_time.run(service, &notes).await?;
        let table = match asked.by {
            Some(by) => {
                asked
                    .question(context, vec![by])
                    .run(service, &notes)
                    .await?
            }
            None => by_time.clone(),
        };
        let prices = service.price_list();
        Ok(Self {
            by_time,
            table,
            prices,
        })
    }

    /// The names with the largest values.
    fn names(&self, asked: &Asked) -> Vec<String> {
        let mut rows: Vec<_> = self.table.rows.iter().collect();
        ordering::sort_by_key(&mut rows, |row| {
            std::cmp::Reverse(bars::value(row, asked.measure))
        });
        let names = rows.iter().map(|row| row.keys.first().cloned().flatten());
        names.map(Option::unwrap_or_default).collect()
    }
}

/// `48.2 M tokens in 7 days, 94.1 % of the input from cache; at least $6.42.`
fn verdict(context: &PageContext, asked: &Asked, statistics: &Statistics) -> String {
    let (text, language) = (context.text, context.language());
    let (total, period) = (&statistics.total, period_text(context, asked));
    if total.requests == 0 {
        return text.no_requests_in(period);
    }
    if total.total_tokens == 0 {
        return text.no_tokens_in(language.number(total.requests), period);
    }
    let mut verdict = text.so_many_tokens_in(language.compact(total.total_tokens), period);
    let share = language.share(total.cache_read_tokens, total.input_tokens);
    if let Some(share) = share.filter(|_| total.cache_read_tokens > 0) {
        verdict += &text.comma_from_cache(share);
    }
    let cost = &total.cost;
    let amount = language.money(cost.micros);
    verdict += &match (cost.is_unknown, cost.is_free, cost.has_gap) {
        (true, ..) => text.semicolon_cost_unknown().to_owned(),
        (_, true, _) => text.semicolon_free().to_owned(),
        (_, _, true) => text.semicolon_at_least(amount),
        _ => text.semicolon_cost(amount),
    };
    verdict
}

fn period_text(context: &PageContext, asked: &Asked) -> String {
    let (text, language, today) = (context.text, context.language(), context.today());
    let date = |date| language.date(date, today);
    match asked.period {
        Period::Today => text.in_today().to_owned(),
        Period::Week => text.in_days(7),
        Period::Month => text.in_days(30),
        Period::Year => text.in_months(12),
        Period::Free => text.in_from_to(date(asked.from), date(asked.to)),
    }
}

fn download(context: &PageContext, asked: &Asked) -> Markup {
    let link = asked.link(context, "statistics.csv", &[]);
    html! { a.button href=(link) download { (context.text.download_csv()) } }
}

fn controls(context: &PageContext, asked: &Asked) -> Markup {
    let text = context.text;
    let no_days = [("from", ""), ("to", "")];
    let period = |period: Period| {
        let changes = [no_days[0], no_days[1], ("range", period.name())];
        (
            period_name(text, period),
            asked.link(context, "statistics", &changes),
            asked.period == period,
        )
    };
    let measure = |measure: Measure| {
        let link = asked.link(context, "statistics", &[("show", measure.name())]);
        (measure_name(text, measure), link, asked.measure == measure)
    };
    let by = NAMED.into_iter().map(|by| {
        let link = asked.link(context, "statistics", &[("by", by.name()), ("sort", "")]);
        (by_name(text, by), link, asked.by == Some(by))
    });
    let all = (
        text.all_together(),
        asked.link(context, "statistics", &[("by", ""), ("sort", "")]),
        asked.by.is_none(),
    );
    html! {
        (tabs(text.period(), Period::FIXED.into_iter().map(period)))
        div.row {
            (tabs(text.shown_by(), [all].into_iter().chain(by)))
            (tabs(text.shown_measure(), Measure::ALL.into_iter().map(measure)))
        }
        (days(context, asked))
        (only(context, asked))
    }
}

fn tabs<'t>(label: &str, tabs: impl Iterator<Item = (&'t str, String, bool)>) -> Markup {
    html! {
        nav aria-label=(label) { ul.tabs {
            @for (name, link, is_current) in tabs {
                li { a href=(link) aria-current=[is_current.then_some("true")] { (name) } }
            }
        } }
    }
}

/// Days of one's own.
fn days(context: &PageContext, asked: &Asked) -> Markup {
    let text = context.text;
    let kept = asked.changed(&[("from", ""), ("to", ""), ("range", "")]);
    let is_bad = asked.has_bad_days.then_some("true");
    let shown = |name: &str, date: jiff::civil::Date| match asked.has_bad_days {
        true => context.query.get(name).to_owned(),
        false => date.to_string(),
    };
    html! {
        form.filter method="get" action=(context.link("statistics")) {
            @for (name, value) in kept.iter().filter(|(_, value)| !value.is_empty()) {
                input type="hidden" name=(name) value=(value);
            }
            label { (text.from())
                input type="date" name="from" value=(shown("from", asked.from)) aria-invalid=[is_bad] aria-describedby=[is_bad.map(|_| "bad-days")]; }
            label { (text.until_and_with())
                input type="date" name="to" value=(shown("to", asked.to)) aria-invalid=[is_bad] aria-describedby=[is_bad.map(|_| "bad-days")]; }
            button { (text.show()) }
            @if asked.has_bad_days { p.error #bad-days { (text.expected_days()) } }
        }
    }
}

/// The names that everything is of, each with a link without it.
fn only(context: &PageContext, asked: &Asked) -> Markup {
    let text = context.text;
    html! {
        @if !asked.only.is_empty() { p.row {
            @for (by, name) in &asked.only {
                @let link = asked.link(context, "statistics", &[(by.name(), "")]);
                span { (text.only()) " " (by_name(text, *by)) " " (named(text, name)) " " a href=(link) { (text.take_out()) } }
            }
        } }
    }
}

fn named(text: Texts, name: &str) -> Markup {
    html! { @if name == NO_NAME { (text.without_name()) } @else { code { (name) } } }
}

fn whole(context: &PageContext, asked: &Asked, told: &Told, oldest: Option<Timestamp>) -> Markup {
    if told.table.total.requests == 0 {
        return html! {
            p { (context.text.no_requests_hint()) }
            (notes::left_out(context, &told.table))
        };
    }
    let names = told.names(asked);
    let plotted = Plotted {
        asked,
        by_time: &told.by_time,
        names: &names,
        oldest,
    };
    let table = Table {
        asked,
        statistics: &told.table,
        oldest,
    };
    html! {
        (figures(context, asked, &told.table))
        (notes::left_out(context, &told.table))
        (plotted.draw(context))
        (table.draw(context))
        (kept_since(context, told, oldest))
        (notes::cache(context, &told.table))
        (notes::prices(context, &told.prices))
    }
}

fn figures(context: &PageContext, asked: &Asked, statistics: &Statistics) -> Markup {
    let (text, language) = (context.text, context.language());
    let (total, times) = (&statistics.total, asked.bounds(context));
    let requests = asked.requests(context, times, &[]);
    let failed = asked.requests(context, times, &[("failed", "1")]);
    html! {
        dl.figures {
            div { dt { (text.requests()) }
                dd.value { a href=(requests) { (context.count(total.requests)) } }
                dd.meta { a href=(failed) { (text.count_failed(language.number(total.failures()))) } ", "
                    (text.count_left(language.number(total.left))) }
            }
            div { dt { (text.tokens()) }
                dd.value { (context.count(total.total_tokens)) }
                dd.meta { (text.input_and_output(language.compact(total.input_tokens), language.compact(total.output_tokens))) }
            }
            div { dt { (text.cost()) }
                dd.value { (table::cost(context, &total.cost)) }
                dd.meta { @match table::missing(context, &total.cost) {
                    Some(missing) => (missing),
                    None if total.cost.charged_micros > 0 => (text.of_it_charged(language.money(total.cost.charged_micros))),
                    None if total.cost.is_free => {},
                    None => (text.at_list_price()),
                } }
            }
            div { dt { (text.first_byte_median()) }
                dd.value { (first_byte(context, total.first_byte_median_ms)) }
                dd.meta { "p95 " (first_byte(context, total.first_byte_p95_ms)) }
            }
        }
    }
}

fn first_byte(context: &PageContext, ms: Option<u64>) -> Markup {
    match ms {
        Some(ms) => html! { (context.language().duration(std::time::Duration::from_millis(ms))) },
        None => context.unknown(),
    }
}

/// Since when requests lead to their records, where some of these no longer do.
fn kept_since(context: &PageContext, told: &Told, oldest: Option<Timestamp>) -> Markup {
    let is_gone = |oldest| {
        let ends = told.by_time.rows.iter().filter_map(|row| row.until);
        ends.min().is_some_and(|end| end <= oldest)
    };
    html! {
        @match oldest {
            Some(oldest) if is_gone(oldest) => p.hint { (context.text.records_kept_since(context.time_text(oldest))) },
            None => p.hint { (context.text.no_records_kept()) },
            Some(_) => {},
        }
    }
}

fn period_name(text: Texts, period: Period) -> &'static str {
    match period {
        Period::Today => text.period_today(),
        Period::Week => text.period_week(),
        Period::Month => text.period_month(),
        Period::Year | Period::Free => text.period_year(),
    }
}

fn measure_name(text: Texts, measure: Measure) -> &'static str {
    match measure {
        Measure::Tokens => text.tokens(),
        Measure::Requests => text.requests(),
        Measure::Cost => text.cost(),
    }
}
