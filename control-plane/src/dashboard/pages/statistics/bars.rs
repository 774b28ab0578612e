//! The plot: a bar for each time, of token kinds, endings or costs, or of the largest names.

use maud::Markup;

use super::asked::{Asked, Measure};
use super::table::by_name;
use super::times::{Times, names, slots};
use crate::control::stats::{Statistics, StatisticsRow};
use crate::dashboard::context::PageContext;
use crate::dashboard::plot::{Bar, BarPlot, Part, PlotOptions, PlotUnit};
use crate::dashboard::texts::Texts;
use crate::language::Language;

/// The classes of the largest names; the others are one part.
const SERIES: [&str; 5] = ["series-1", "series-2", "series-3", "series-4", "series-5"];
const OTHER: &str = "other";

/// What a plot is made of.
pub(super) struct Plotted<'p> {
    pub(super) asked: &'p Asked,
    /// By time, and by name where names are asked for.
    pub(super) by_time: &'p Statistics,
    /// The names, the largest first.
    pub(super) names: &'p [String],
    /// Before it nothing has a record.
    pub(super) oldest: Option<crate::status::Timestamp>,
}

/// What a row counts for.
pub(super) fn value(row: &StatisticsRow, measure: Measure) -> u64 {
    match measure {
        Measure::Tokens => row.total_tokens,
        Measure::Requests => row.requests,
        Measure::Cost => u64::try_from(row.cost.micros).unwrap_or(0),
    }
}

/// Whether it may be more.
fn is_partly_unknown(row: &StatisticsRow, measure: Measure) -> bool {
    match measure {
        Measure::Tokens => row.uncounted + row.partial > 0,
        Measure::Requests => false,
        Measure::Cost => row.cost.is_unknown || row.cost.has_gap,
    }
}

impl Plotted<'_> {
    pub(super) fn draw(&self, context: &PageContext) -> Markup {
        let slots = slots(context, self.asked, &self.by_time.rows);
        let legend = self.legend(context.text);
        let legend: Vec<(&'static str, &str)> = legend
            .iter()
            .map(|(class, name)| (*class, name.as_str()))
            .collect();
        let bars: Vec<(Bar, bool)> = slots
            .iter()
            .map(|times| self.bar(context, *times))
            .collect();
        let unknown: Vec<bool> = bars.iter().map(|(_, is_unknown)| *is_unknown).collect();
        let plot = BarPlot {
            caption: &self.caption(context.text),
            legend: &legend,
            bars: bars.into_iter().map(|(bar, _)| bar).collect(),
            column: context.text.time(),
        };
        let options = PlotOptions {
            unit: match self.asked.measure {
                Measure::Cost => PlotUnit::Money,
                Measure::Tokens | Measure::Requests => PlotUnit::Count,
            },
            // Without names the page's own table has the same numbers.
            has_table: self.asked.by.is_some() || self.asked.measure != Measure::Tokens,
            partly_unknown: &unknown,
        };
        plot.draw_with(context, &options)
    }

    fn caption(&self, text: Texts) -> String {
        let (of_kinds, measure) = match self.asked.measure {
            Measure::Tokens => (text.tokens_over_time(), text.tokens()),
            Measure::Requests => (text.requests_over_time(), text.requests()),
            Measure::Cost => (text.cost_over_time(), text.cost()),
        };
        match self.asked.by {
            Some(by) => text.measure_by(measure, within_sentence(text, by_name(text, by))),
            None => of_kinds.to_owned(),
        }
    }

    fn bar(&self, context: &PageContext, times: Times) -> (Bar, bool) {
        let of_time = self
            .by_time
            .rows
            .iter()
            .filter(|row| row.from == Some(times.0));
        let rows: Vec<&StatisticsRow> = of_time.collect();
        let (label, name) = names(context, self.asked.unit, times);
        let has_records = self.oldest.is_some_and(|oldest| oldest < times.1) && !rows.is_empty();
        let bar = Bar {
            label,
            name,
            href: has_records.then(|| self.asked.requests(context, times, &[])),
            parts: self.parts(&rows),
        };
        let is_unknown = rows
            .iter()
            .any(|row| is_partly_unknown(row, self.asked.measure));
        (bar, is_unknown)
    }

    fn parts(&self, rows: &[&StatisticsRow]) -> Vec<Part> {
        if self.asked.by.is_none() {
            let parts = rows.first().map(|row| parts_of(row, self.asked.measure));
            let parts = parts.unwrap_or_default().into_iter();
            return parts.map(|(class, value)| Part { class, value }).collect();
        }
        let mut values = [0_u64; SERIES.len() + 1];
        for row in rows {
            let name = row.keys.get(1).cloned().flatten().unwrap_or_default();
            let at = self
                .names
                .iter()
                .take(SERIES.len())
                .position(|known| *known == name);
            let slot = &mut values[at.unwrap_or(SERIES.len())];
            *slot = slot.saturating_add(value(row, self.asked.measure));
        }
        let classes = SERIES.into_iter().chain([OTHER]);
        classes
            .zip(values)
            .map(|(class, value)| Part { class, value })
            .collect()
    }

    fn legend(&self, text: Texts) -> Vec<(&'static str, String)> {
        if self.asked.by.is_none() {
            let legend = legend_of(text, self.asked.measure).into_iter();
            return legend
                .map(|(class, name)| (class, name.to_owned()))
                .collect();
        }
        let shown = |name: &String| match name.is_empty() {
            true => text.without_name().to_owned(),
            false => name.clone(),
        };
        let named = SERIES.into_iter().zip(self.names.iter().map(shown));
        let mut legend: Vec<(&'static str, String)> = named.collect();
        if self.names.len() > SERIES.len() {
            legend.push((OTHER, text.other_names().to_owned()));
        }
        legend
    }
}

/// German nouns keep their capital letter.
fn within_sentence(text: Texts, name: &str) -> String {
    match text.0 {
        Language::English => name.to_lowercase(),
        Language::German => name.to_owned(),
    }
}

/// What a row is made of: the parts add up to [`value`].
fn parts_of(row: &StatisticsRow, measure: Measure) -> Vec<(&'static str, u64)> {
    let micros = |micros: i64| u64::try_from(micros).unwrap_or(0);
    match measure {
        Measure::Tokens => vec![
            ("input", row.input_new_tokens),
            ("cache-read", row.cache_read_tokens),
            (
                "cache-write",
                row.cache_write_5m_tokens + row.cache_write_1h_tokens,
            ),
            (
                "output",
                row.output_tokens.saturating_sub(row.reasoning_tokens),
            ),
            ("reasoning", row.reasoning_tokens.min(row.output_tokens)),
        ],
        Measure::Requests => vec![
            (
                "served",
                row.requests.saturating_sub(row.failures() + row.left),
            ),
            ("left-early", row.left),
            ("failures", row.failures()),
        ],
        Measure::Cost => {
            let parts = &row.cost.parts;
            let reasoning = row.cost.reasoning_micros.min(parts.output);
            vec![
                ("input", micros(parts.input_new)),
                ("cache-read", micros(parts.cache_read)),
                (
                    "cache-write",
                    micros(parts.cache_write_5m + parts.cache_write_1h),
                ),
                ("output", micros(parts.output - reasoning)),
                ("reasoning", micros(reasoning)),
                (OTHER, micros(row.cost.charged_micros + parts.search)),
            ]
        }
    }
}

fn legend_of(text: Texts, measure: Measure) -> Vec<(&'static str, &'static str)> {
    let kinds = [
        ("input", text.new_input()),
        ("cache-read", text.cache_read()),
        ("cache-write", text.cache_write()),
        ("output", text.output_without_reasoning()),
        ("reasoning", text.reasoning()),
    ];
    match measure {
        Measure::Tokens => kinds.to_vec(),
        Measure::Cost => {
            let mut kinds = kinds.to_vec();
            kinds.push((OTHER, text.charged_and_search()));
            kinds
        }
        Measure::Requests => vec![
            ("served", text.ended_served()),
            ("left-early", text.ended_left()),
            ("failures", text.ended_failed()),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::cost::{CostFacts, CostParts};

    #[test]
    fn the_parts_of_a_bar_add_up_to_its_value() {
        let row = StatisticsRow {
            requests: 10,
            failed: 2,
            refused: 1,
            left: 3,
            input_new_tokens: 7,
            cache_read_tokens: 5,
            cache_write_tokens: 3,
            cache_write_5m_tokens: 2,
            cache_write_1h_tokens: 1,
            output_tokens: 11,
            reasoning_tokens: 4,
            total_tokens: 26,
            cost: CostFacts {
                micros: 45,
                charged_micros: 10,
                reasoning_micros: 4,
                parts: CostParts {
                    input_new: 1,
                    cache_read: 2,
                    cache_write_5m: 3,
                    cache_write_1h: 4,
                    output: 10,
                    search: 15,
                },
                ..CostFacts::default()
            },
            ..StatisticsRow::default()
        };
        for measure in Measure::ALL {
            let parts = parts_of(&row, measure);
            let sum: u64 = parts.iter().map(|(_, value)| value).sum();
            assert_eq!(sum, value(&row, measure), "{}", measure.name());
            let legend = legend_of(Texts(Language::English), measure);
            let classes = |(class, _): &(&'static str, u64)| *class;
            assert!(
                parts
                    .iter()
                    .map(classes)
                    .eq(legend.iter().map(|(class, _)| *class))
            );
        }
    }
}
