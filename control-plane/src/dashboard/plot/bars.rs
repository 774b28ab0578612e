//! Stacked bars over time, or over anything else that has an order.

use maud::{Markup, PreEscaped, html};

use super::scale::marks;
use super::scrolling;
use crate::dashboard::context::PageContext;
use crate::language::Language;

/// The drawing's size in its own units; the page scales it.
const WIDTH: f64 = 1_000.0;
const HEIGHT: f64 = 220.0;
/// What the axes take at the left and below.
const LEFT: f64 = 56.0;
/// A bar of that width is as wide as its label.
const LABEL: f64 = 48.0;
const BELOW: f64 = 22.0;
const ABOVE: f64 = 14.0;
/// How many marks the upright axis has at most, and how many labels fit below.
const MARKS_MAX: u64 = 4;
const LABELS_MAX: usize = 12;
/// The widest bar.
const BAR_MAX: f64 = 48.0;

/// Bars side by side, each of parts that stand on each other.
pub(in crate::dashboard) struct BarPlot<'p> {
    /// What is drawn, as a sentence: the figure's caption.
    pub(in crate::dashboard) caption: &'p str,
    /// The parts' classes and names, from below: all that any bar has.
    pub(in crate::dashboard) legend: &'p [(&'static str, &'p str)],
    pub(in crate::dashboard) bars: Vec<Bar>,
    /// What stands above the first column of the table.
    pub(in crate::dashboard) column: &'p str,
}

pub(in crate::dashboard) struct Bar {
    /// Below the axis, where there is room.
    pub(in crate::dashboard) label: String,
    /// Its whole name: in the table, and beside its parts when it is pointed at.
    pub(in crate::dashboard) name: String,
    /// Where it leads.
    pub(in crate::dashboard) href: Option<String>,
    /// From below, in the order of the legend.
    pub(in crate::dashboard) parts: Vec<Part>,
}

pub(in crate::dashboard) struct Part {
    pub(in crate::dashboard) class: &'static str,
    pub(in crate::dashboard) value: u64,
}

/// What the values are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::dashboard) enum PlotUnit {
    #[default]
    Count,
    /// Micro-dollars.
    Money,
}

impl PlotUnit {
    /// For the axis.
    fn short(self, language: Language, value: u64) -> String {
        match self {
            Self::Count => language.compact(value),
            Self::Money => self.whole(language, value),
        }
    }

    fn whole(self, language: Language, value: u64) -> String {
        match self {
            Self::Count => language.number(value),
            Self::Money => language.money(i64::try_from(value).unwrap_or(i64::MAX)),
        }
    }
}

/// How a plot is drawn where it is no plain count.
#[derive(Clone, Copy, Debug)]
pub(in crate::dashboard) struct PlotOptions<'o> {
    pub(in crate::dashboard) unit: PlotUnit,
    /// Whether the numbers stand below; else they stand on the page anyway.
    pub(in crate::dashboard) has_table: bool,
    /// For each bar whether it may be more than is known: that is hatched.
    pub(in crate::dashboard) partly_unknown: &'o [bool],
}

impl Default for PlotOptions<'_> {
    fn default() -> Self {
        Self {
            unit: PlotUnit::Count,
            has_table: true,
            partly_unknown: &[],
        }
    }
}

impl PlotOptions<'_> {
    fn is_unknown(&self, at: usize) -> bool {
        self.partly_unknown.get(at).copied().unwrap_or(false)
    }

    fn has_unknown(&self) -> bool {
        self.partly_unknown.contains(&true)
    }
}

/// Where the label of a bar stands: below its middle, but below narrow ones the first stays clear of
/// the axis.
fn label_place(at: usize, x: f64, width: f64) -> (f64, &'static str) {
    if at == 0 && width < LABEL {
        (x, "start")
    } else {
        (round(x + width / 2.0), "middle")
    }
}

/// What an unknown part is filled with.
const HATCH: &str = "url(#hatch)";

impl Bar {
    fn sum(&self) -> u64 {
        let values = self.parts.iter().map(|part| part.value);
        values.fold(0, u64::saturating_add)
    }
}

impl BarPlot<'_> {
    /// The figure: the drawing, its legend, and the same numbers as a table.
    pub(in crate::dashboard) fn draw(&self, context: &PageContext) -> Markup {
        self.draw_with(context, &PlotOptions::default())
    }

    pub(in crate::dashboard) fn draw_with(
        &self,
        context: &PageContext,
        options: &PlotOptions<'_>,
    ) -> Markup {
        html! {
            figure {
                figcaption { (self.caption) }
                (scrolling(self.caption, &self.drawing(context, options)))
                (self.legend(context, options))
                @if options.has_table { details {
                    summary { (context.text.numbers_of_the_plot()) }
                    (self.table(context, options))
                } }
            }
        }
    }

    fn drawing(&self, context: &PageContext, options: &PlotOptions<'_>) -> Markup {
        let max = self.bars.iter().map(Bar::sum).max().unwrap_or(0);
        let marks = marks(max, MARKS_MAX);
        let scale = Scale::new(*marks.last().unwrap_or(&1), self.bars.len());
        html! {
            // A column can be clicked wherever it is, not only where it is drawn.
            svg.plot viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="group" aria-label=(self.caption)
                pointer-events="all" fill="none" {
                @if options.has_unknown() { (hatch()) }
                @for mark in &marks {
                    @let y = round(scale.y(*mark));
                    line class=(if *mark == 0 { "axis" } else { "grid" })
                        x1=(LEFT) x2=(WIDTH) y1=(y) y2=(y) {}
                    text x=(LEFT - 6.0) y=(y + 4.0) text-anchor="end" {
                        (options.unit.short(context.language(), *mark))
                    }
                }
                @for (at, bar) in self.bars.iter().enumerate() {
                    (self.bar(context, options, &scale, at, bar))
                }
            }
        }
    }

    fn bar(
        &self,
        context: &PageContext,
        options: &PlotOptions<'_>,
        scale: &Scale,
        at: usize,
        bar: &Bar,
    ) -> Markup {
        let (x, width) = (scale.x(at), scale.bar);
        let is_unknown = options.is_unknown(at);
        let column = html! {
            title { (self.spoken(context, options, bar, is_unknown)) }
            (path(&Paint::Nothing, x, ABOVE, width, HEIGHT - BELOW - ABOVE))
            @for (below, part) in from_below(&bar.parts) {
                @let (top, bottom) = (scale.y(below.saturating_add(part.value)), scale.y(below));
                (path(&Paint::Class(part.class), x, top, width, (bottom - top - GAP).max(0.5)))
            }
            @if is_unknown {
                @let top = (scale.y(bar.sum()) - CAP).max(0.0);
                (path(&Paint::Hatch, x, top, width, CAP - GAP))
            }
        };
        html! {
            @match &bar.href {
                Some(href) => a href=(href) tabindex="-1" { (column) },
                None if bar.sum() > 0 || is_unknown => g { (column) },
                None => {},
            }
            @if scale.has_label(at) {
                @let (at_x, anchor) = label_place(at, x, width);
                text x=(at_x) y=(HEIGHT - 6.0) text-anchor=(anchor) { (bar.label) }
            }
        }
    }

    /// `29 Nov: 1,284 served, 12 failed`.
    fn spoken(
        &self,
        context: &PageContext,
        options: &PlotOptions<'_>,
        bar: &Bar,
        is_unknown: bool,
    ) -> String {
        let known = bar.parts.iter().filter(|part| part.value > 0).map(|part| {
            let value = options.unit.whole(context.language(), part.value);
            format!("{value} {}", self.name_of(part.class))
        });
        let unknown = is_unknown.then(|| context.text.part_unknown().to_owned());
        let parts: Vec<String> = known.chain(unknown).collect();
        format!("{}: {}", bar.name, parts.join(", "))
    }

    fn name_of(&self, class: &str) -> &str {
        let mut named = self.legend.iter().filter(|(known, _)| *known == class);
        named.next().map_or("", |(_, name)| name)
    }

    fn legend(&self, context: &PageContext, options: &PlotOptions<'_>) -> Markup {
        html! {
            ul.legend {
                @for (class, name) in self.legend {
                    li { svg viewBox="0 0 12 12" aria-hidden="true" { rect class=(class) width="12" height="12" rx="2" {} } (name) }
                }
                @if options.has_unknown() {
                    li { svg viewBox="0 0 12 12" aria-hidden="true" { rect fill=(HATCH) width="12" height="12" {} } (context.text.part_unknown()) }
                }
            }
        }
    }

    fn table(&self, context: &PageContext, options: &PlotOptions<'_>) -> Markup {
        let bars = self.bars.iter().enumerate();
        let shown = bars.filter(|(at, bar)| bar.sum() > 0 || options.is_unknown(*at));
        html! {
            div.table { table.dense.numbers {
                thead { tr {
                    th scope="col" { (self.column) }
                    @for (_, name) in self.legend { th scope="col" { (name) } }
                } }
                tbody { @for (at, bar) in shown { tr {
                    th scope="row" {
                        @match &bar.href {
                            Some(href) => a href=(href) { (bar.name) },
                            None => (bar.name),
                        }
                        @if options.is_unknown(at) { " " span.unknown { "(" (context.text.part_unknown()) ")" } }
                    }
                    @for (class, _) in self.legend {
                        td { (options.unit.whole(context.language(), value_of(bar, class))) }
                    }
                } } }
            } }
        }
    }
}

/// How a rectangle is filled.
enum Paint {
    /// It is not seen, but can be clicked.
    Nothing,
    Class(&'static str),
    Hatch,
}

/// A rectangle as a path that closes itself, which takes the least room in a page.
fn path(paint: &Paint, x: f64, y: f64, width: f64, height: f64) -> Markup {
    let (x, y, width, height) = (round(x), round(y), round(width), round(height));
    let paint = match paint {
        Paint::Nothing => String::new(),
        Paint::Class(class) => format!(" class=\"{class}\""),
        Paint::Hatch => format!(" fill=\"{HATCH}\""),
    };
    PreEscaped(format!(
        "<path{paint} d=\"M{x} {y}h{width}v{height}h-{width}\"/>"
    ))
}

/// Slanted strokes.
fn hatch() -> Markup {
    html! {
        defs { pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)" {
            rect.other width="2.5" height="6" {}
        } }
    }
}

fn value_of(bar: &Bar, class: &str) -> u64 {
    let parts = bar.parts.iter().filter(|part| part.class == class);
    parts.map(|part| part.value).sum()
}

/// The parts that show, each with what stands below it.
fn from_below(parts: &[Part]) -> impl Iterator<Item = (u64, &Part)> {
    let stacked = parts.iter().scan(0_u64, |below, part| {
        let at = *below;
        *below = below.saturating_add(part.value);
        Some((at, part))
    });
    stacked.filter(|(_, part)| part.value > 0)
}

/// What keeps parts apart.
const GAP: f64 = 1.0;
/// How high what is unknown is drawn: its size is not known.
const CAP: f64 = 12.0;

/// Where bars and values lie.
struct Scale {
    max: u64,
    step: f64,
    bar: f64,
    /// Every how manyth bar has a label.
    label_every: usize,
}

impl Scale {
    #[expect(
        clippy::cast_precision_loss,
        reason = "a drawing is some thousand points wide"
    )]
    fn new(max: u64, count: usize) -> Self {
        let step = (WIDTH - LEFT) / count.max(1) as f64;
        Self {
            max,
            step,
            bar: (step * 0.8).min(BAR_MAX),
            label_every: count.div_ceil(LABELS_MAX).max(1),
        }
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "a drawing is some thousand points wide"
    )]
    fn x(&self, at: usize) -> f64 {
        LEFT + self.step * at as f64 + (self.step - self.bar) / 2.0
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "a drawing is some hundred points high"
    )]
    fn y(&self, value: u64) -> f64 {
        let room = HEIGHT - BELOW - ABOVE;
        HEIGHT - BELOW - room * (value as f64 / self.max as f64)
    }

    fn has_label(&self, at: usize) -> bool {
        at.is_multiple_of(self.label_every)
    }
}

/// To a tenth: more digits only make the page longer.
fn round(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_stand_on_each_other_and_empty_ones_take_no_room() {
        let part = |value| Part {
            class: "served",
            value,
        };
        let parts = [part(3), part(0), part(2)];
        let stacked: Vec<_> = from_below(&parts)
            .map(|(below, part)| (below, part.value))
            .collect();
        assert_eq!(stacked, [(0, 3), (3, 2)]);
        let scale = Scale::new(5, 96);
        assert!((scale.y(0) - (HEIGHT - BELOW)).abs() < 1e-9 && (scale.y(5) - ABOVE).abs() < 1e-9);
        assert!(scale.x(95) + scale.bar <= WIDTH);
        assert_eq!(
            (0..96).filter(|at| scale.has_label(*at)).count(),
            LABELS_MAX
        );
    }
}
