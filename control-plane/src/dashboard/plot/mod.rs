//! Drawings as SVG: colours are classes of the style sheet, every bar is a link, and the numbers
//! stand beside as a table.

mod axis;
mod bars;
mod scale;
mod share;
mod window;

pub(super) use axis::{AxisRow, AxisSpan, TimeAxis};
pub(super) use bars::{Bar, BarPlot, Part, PlotOptions, PlotUnit};
pub(super) use share::share_bar;
pub(super) use window::{WindowBar, window_bar};
