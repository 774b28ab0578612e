//! A quota window as a bar: what is used of it, and how much of it is gone.

use maud::{Markup, html};

const WIDTH: f64 = 120.0;
const HEIGHT: f64 = 12.0;

/// Shares from 0 to 1.
#[derive(Clone, Copy, Debug)]
pub(in crate::dashboard) struct WindowBar {
    pub(in crate::dashboard) used: f64,
    /// `None` where the window's length is unknown.
    pub(in crate::dashboard) gone: Option<f64>,
}

/// The fill is what is used; the stroke is how much of the window is gone. `label` says both.
pub(in crate::dashboard) fn window_bar(bar: WindowBar, label: &str) -> Markup {
    let used = bar.used.clamp(0.0, 1.0);
    let class = if used >= 0.995 { "spent full" } else { "spent" };
    html! {
        svg.window width=(WIDTH) height=(HEIGHT) viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-label=(label) {
            title { (label) }
            rect.track x="0.5" y="0.5" width=(WIDTH - 1.0) height=(HEIGHT - 1.0) rx="3" {}
            @if used > 0.0 {
                rect class=(class) x="1" y="1" height=(HEIGHT - 2.0) rx="2"
                    width=(((WIDTH - 2.0) * used).max(1.0).round()) {}
            }
            @if let Some(gone) = bar.gone {
                @let x = (WIDTH * gone.clamp(0.0, 1.0)).round();
                line.pace x1=(x) x2=(x) y1="0" y2=(HEIGHT) {}
            }
        }
    }
}
