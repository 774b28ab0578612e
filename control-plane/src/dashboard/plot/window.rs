//! A quota window as a bar: what is used of it, and how much of it is gone.

use std::fmt::Write as _;

use maud::{Markup, html};

const WIDTH: f64 = 120.0;
const HEIGHT: f64 = 12.0;
const STROKES_APART: f64 = 5.0;

/// Shares from 0 to 1.
#[derive(Clone, Copy, Debug)]
pub(in crate::dashboard) struct WindowBar {
    pub(in crate::dashboard) used: f64,
    /// `None` where the window's length is unknown.
    pub(in crate::dashboard) gone: Option<f64>,
    /// Whether what is used was read so long ago that it may be another share by now.
    pub(in crate::dashboard) is_stale: bool,
}

/// The fill is what is used, hatched where that is stale; the stroke is how much of the window is
/// gone. `label` says all of it.
pub(in crate::dashboard) fn window_bar(bar: WindowBar, label: &str) -> Markup {
    let used = bar.used.clamp(0.0, 1.0);
    let class = if used >= 0.995 { "spent full" } else { "spent" };
    html! {
        svg.window width=(WIDTH) height=(HEIGHT) viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-label=(label) {
            title { (label) }
            rect.track x="0.5" y="0.5" width=(WIDTH - 1.0) height=(HEIGHT - 1.0) rx="3" {}
            @if used > 0.0 {
                @let filled = ((WIDTH - 2.0) * used).max(1.0).round();
                @let opacity = bar.is_stale.then_some("0.3");
                rect class=(class) x="1" y="1" height=(HEIGHT - 2.0) rx="2" width=(filled) fill-opacity=[opacity] {}
                @if bar.is_stale { path d=(hatch(filled)) stroke="currentColor" stroke-width="1.5" {} }
            }
            @if let Some(gone) = bar.gone {
                @let x = (WIDTH * gone.clamp(0.0, 1.0)).round();
                line.pace x1=(x) x2=(x) y1="0" y2=(HEIGHT) {}
            }
        }
    }
}

/// Strokes from below to above, over a fill of that width.
fn hatch(width: f64) -> String {
    let (left, top, bottom) = (1.0, 1.0, HEIGHT - 1.0);
    let right = left + width;
    let height = bottom - top;
    let mut strokes = String::new();
    let mut from = left - height + STROKES_APART / 2.0;
    while from < right {
        // Cut where it leaves the fill at either side.
        let (x1, x2) = (from.max(left), (from + height).min(right));
        let _ = write!(
            strokes,
            "M{x1} {}L{x2} {}",
            bottom - (x1 - from),
            bottom - (x2 - from)
        );
        from += STROKES_APART;
    }
    strokes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stale_bar_is_hatched_within_its_fill() {
        let bar = |is_stale| WindowBar {
            used: 0.5,
            gone: None,
            is_stale,
        };
        assert!(!window_bar(bar(false), "x").0.contains("<path"));
        assert!(window_bar(bar(true), "x").0.contains("<path"));
        for stroke in hatch(60.0).split('M').skip(1) {
            let numbers = stroke.split([' ', 'L']).map(|n| n.parse::<f64>().unwrap());
            let numbers: Vec<f64> = numbers.collect();
            let [x1, y1, x2, y2] = numbers[..] else {
                panic!("{stroke}");
            };
            assert!(1.0 <= x1 && x1 <= x2 && x2 <= 61.0, "{stroke}");
            assert!(1.0 <= y2 && y2 <= y1 && y1 <= HEIGHT - 1.0, "{stroke}");
        }
    }
}
