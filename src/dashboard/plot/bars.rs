//! Stacked bars over time, or over anything else that has an order.

use maud::{Markup, html};

use super::scale::marks;
use crate::dashboard::context::PageContext;

/// The drawing's size in its own units; the page scales it.
const WIDTH: f64 = 1_000.0;
const HEIGHT: f64 = 220.0;
/// What the axes take at the left and below.
const LEFT: f64 = 56.0;
const BELOW: f64 = 22.0;
const ABOVE: f64 = 8.0;
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

impl Bar {
    fn sum(&self) -> u64 {
        self.parts.iter().map(|part| part.value).sum()
    }
}

impl BarPlot<'_> {
    /// The figure: the drawing, its legend, and the same numbers as a table.
    pub(in crate::dashboard) fn draw(&self, context: &PageContext) -> Markup {
        html! {
            figure {
                figcaption { (self.caption) }
                div.scroll { (self.drawing(context)) }
                (self.legend())
                details {
                    summary { (context.text.numbers_of_the_plot()) }
                    (self.table(context))
                }
            }
        }
    }

    fn drawing(&self, context: &PageContext) -> Markup {
        let max = self.bars.iter().map(Bar::sum).max().unwrap_or(0);
        let marks = marks(max, MARKS_MAX);
        let scale = Scale::new(*marks.last().unwrap_or(&1), self.bars.len());
        html! {
            svg.plot viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-label=(self.caption) {
                @for mark in &marks {
                    @let y = round(scale.y(*mark));
                    line class=(if *mark == 0 { "axis" } else { "grid" })
                        x1=(LEFT) x2=(WIDTH) y1=(y) y2=(y) {}
                    text x=(LEFT - 6.0) y=(y + 4.0) text-anchor="end" {
                        (context.language().compact(*mark))
                    }
                }
                @for (at, bar) in self.bars.iter().enumerate() { (self.bar(context, &scale, at, bar)) }
            }
        }
    }

    fn bar(&self, context: &PageContext, scale: &Scale, at: usize, bar: &Bar) -> Markup {
        let x = scale.x(at);
        let stack = html! {
            title { (self.spoken(context, bar)) }
            // The whole column can be clicked, not the drawn part of it alone.
            rect x=(round(x)) y=(ABOVE) width=(round(scale.bar)) height=(HEIGHT - BELOW - ABOVE)
                fill="none" pointer-events="all" {}
            @for (below, part) in from_below(&bar.parts) {
                @let (top, bottom) = (scale.y(below + part.value), scale.y(below));
                rect class=(part.class) x=(round(x)) width=(round(scale.bar)) y=(round(top))
                    height=(round((bottom - top - GAP).max(0.5))) {}
            }
        };
        html! {
            @match &bar.href {
                Some(href) => a href=(href) tabindex="-1" { (stack) },
                None => g { (stack) },
            }
            @if scale.has_label(at) {
                text x=(round(x + scale.bar / 2.0)) y=(HEIGHT - 6.0) text-anchor="middle" { (bar.label) }
            }
        }
    }

    /// `29 Nov: 1,284 served, 12 failed`.
    fn spoken(&self, context: &PageContext, bar: &Bar) -> String {
        let parts = bar.parts.iter().filter(|part| part.value > 0).map(|part| {
            let count = context.language().number(part.value);
            format!("{count} {}", self.name_of(part.class))
        });
        let parts: Vec<String> = parts.collect();
        match parts.is_empty() {
            true => format!("{}: 0", bar.name),
            false => format!("{}: {}", bar.name, parts.join(", ")),
        }
    }

    fn name_of(&self, class: &str) -> &str {
        let mut named = self.legend.iter().filter(|(known, _)| *known == class);
        named.next().map_or("", |(_, name)| name)
    }

    fn legend(&self) -> Markup {
        html! {
            ul.legend {
                @for (class, name) in self.legend {
                    li { svg viewBox="0 0 12 12" aria-hidden="true" { rect class=(class) width="12" height="12" rx="2" {} } (name) }
                }
            }
        }
    }

    fn table(&self, context: &PageContext) -> Markup {
        html! {
            div.table { table.dense {
                thead { tr {
                    th scope="col" { (self.column) }
                    @for (_, name) in self.legend { th.number scope="col" { (name) } }
                } }
                tbody { @for bar in self.bars.iter().filter(|bar| bar.sum() > 0) { tr {
                    th scope="row" { @match &bar.href {
                        Some(href) => a href=(href) { (bar.name) },
                        None => (bar.name),
                    } }
                    @for (class, _) in self.legend {
                        td.number { (context.language().number(value_of(bar, class))) }
                    }
                } } }
            } }
        }
    }
}

fn value_of(bar: &Bar, class: &str) -> u64 {
    let parts = bar.parts.iter().filter(|part| part.class == class);
    parts.map(|part| part.value).sum()
}

/// The parts that show, each with what stands below it.
fn from_below(parts: &[Part]) -> impl Iterator<Item = (u64, &Part)> {
    let stacked = parts.iter().scan(0, |below, part| {
        let at = *below;
        *below += part.value;
        Some((at, part))
    });
    stacked.filter(|(_, part)| part.value > 0)
}

/// What keeps parts apart.
const GAP: f64 = 1.0;

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
