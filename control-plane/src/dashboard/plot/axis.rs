//! Spans of time on one axis, a row each, with the gaps between them.

use std::time::Duration;

use maud::{Markup, html};

use super::scale::marks;
use super::scrolling;
use crate::dashboard::context::PageContext;

/// The drawing's width in its own units; the page scales it.
const WIDTH: f64 = 1_000.0;
/// What the rows' names take at the left, and the axis above.
const LEFT: f64 = 150.0;
const ABOVE: f64 = 22.0;
const ROW: f64 = 24.0;
const BAR: f64 = 12.0;
const MARKS_MAX: u64 = 7;
/// In microseconds.
const MILLISECOND: u64 = 1_000;

/// Rows on one axis that begins at zero.
pub(in crate::dashboard) struct TimeAxis<'p> {
    /// What is drawn, as a sentence: the figure's caption.
    pub(in crate::dashboard) caption: &'p str,
    pub(in crate::dashboard) ends_after: Duration,
    pub(in crate::dashboard) rows: Vec<AxisRow>,
    /// Classes of spans and what they mean.
    pub(in crate::dashboard) legend: Vec<(&'static str, &'p str)>,
}

pub(in crate::dashboard) struct AxisRow {
    /// As long as fits at the left.
    pub(in crate::dashboard) name: String,
    pub(in crate::dashboard) spans: Vec<AxisSpan>,
}

pub(in crate::dashboard) struct AxisSpan {
    pub(in crate::dashboard) class: &'static str,
    pub(in crate::dashboard) from: Duration,
    pub(in crate::dashboard) to: Duration,
    /// Said when it is pointed at.
    pub(in crate::dashboard) title: String,
}

impl TimeAxis<'_> {
    pub(in crate::dashboard) fn draw(&self, context: &PageContext) -> Markup {
        html! {
            figure {
                figcaption { (self.caption) }
                (scrolling(self.caption, &self.drawing(context)))
                ul.legend {
                    @for (class, name) in &self.legend {
                        li { svg viewBox="0 0 12 12" aria-hidden="true" { rect class=(class) width="12" height="12" rx="2" {} } (name) }
                    }
                }
            }
        }
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "a drawing has some hundred rows at most"
    )]
    fn drawing(&self, context: &PageContext) -> Markup {
        let marks = time_marks(micros(self.ends_after));
        let end = *marks.last().unwrap_or(&1);
        let height = ABOVE + ROW * self.rows.len() as f64;
        html! {
            svg.plot viewBox={ "0 0 " (WIDTH) " " (height) } role="img" aria-label=(self.caption) {
                @for mark in &marks {
                    @let x = x(*mark, end);
                    line.grid x1=(x) x2=(x) y1=(ABOVE) y2=(height) {}
                    text x=(x) y="12" text-anchor=(anchor(*mark, end)) {
                        (mark_text(context, *mark, end))
                    }
                }
                @for (at, row) in self.rows.iter().enumerate() {
                    @let y = ABOVE + ROW * at as f64;
                    text x="0" y=(y + 16.0) { (row.name) }
                    @for span in &row.spans { (bar(span, y, end)) }
                }
            }
        }
    }
}

fn bar(span: &AxisSpan, y: f64, end: u64) -> Markup {
    let (from, to) = (x(micros(span.from), end), x(micros(span.to), end));
    html! {
        rect class=(span.class) x=(from) y=(y + (ROW - BAR) / 2.0) width=(round((to - from).max(1.0)))
            height=(BAR) rx="1" { title { (span.title) } }
    }
}

/// From a millisecond on, in whole ones.
fn time_marks(end: u64) -> Vec<u64> {
    let unit = if end < MILLISECOND { 1 } else { MILLISECOND };
    let marks = marks(end.div_ceil(unit), MARKS_MAX).into_iter();
    marks.map(|mark| mark.saturating_mul(unit)).collect()
}

/// All marks in the unit of the last one.
fn mark_text(context: &PageContext, mark: u64, end: u64) -> String {
    let language = context.language();
    match end {
        0..MILLISECOND => format!("{} µs", language.number(mark)),
        MILLISECOND..1_000_000 => format!("{} ms", language.number(mark / 1_000)),
        _ if mark == 0 => "0 s".to_owned(),
        _ => language.duration(Duration::from_micros(mark)),
    }
}

/// The last mark's label would stand out of the drawing.
fn anchor(mark: u64, end: u64) -> &'static str {
    match mark {
        0 => "start",
        mark if mark == end => "end",
        _ => "middle",
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a drawing is some thousand points wide"
)]
fn x(micros: u64, end: u64) -> f64 {
    let share = micros as f64 / end.max(1) as f64;
    round(LEFT + (WIDTH - LEFT) * share.min(1.0))
}

/// To a tenth: more digits only make the page longer.
fn round(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_lie_where_their_times_are() {
        assert!((x(0, 4_000) - LEFT).abs() < 1e-9);
        assert!((x(4_000, 4_000) - WIDTH).abs() < 1e-9);
        assert!((x(2_000, 4_000) - (LEFT + WIDTH) / 2.0).abs() < 1e-9);
        assert!((x(9_000, 4_000) - WIDTH).abs() < 1e-9, "none stands out");
        assert_eq!(anchor(0, 0), "start");
    }

    #[test]
    fn marks_are_whole_milliseconds_from_one_on() {
        assert_eq!(time_marks(600), [0, 100, 200, 300, 400, 500, 600]);
        assert_eq!(time_marks(1_200), [0, 1_000, 2_000]);
        assert_eq!(time_marks(4_700), [0, 1_000, 2_000, 3_000, 4_000, 5_000]);
        assert!(time_marks(u64::MAX).len() < 9);
    }
}
