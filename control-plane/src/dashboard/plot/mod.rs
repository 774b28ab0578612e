//! Drawings as SVG: colours are classes of the style sheet, every bar is a link, and the numbers
//! stand beside as a table.

mod axis;
mod bars;
mod scale;
mod share;
mod window;

use maud::{Markup, html};

pub(super) use axis::{AxisRow, AxisSpan, TimeAxis};
pub(super) use bars::{Bar, BarPlot, Part, PlotOptions, PlotUnit};
pub(super) use share::share_bar;
pub(super) use window::{WindowBar, window_bar};

/// A drawing that scrolls sideways where there is little room, also by the keyboard.
fn scrolling(name: &str, drawing: &Markup) -> Markup {
    html! { div.scroll tabindex="0" role="group" aria-label=(name) { (drawing) } }
}
