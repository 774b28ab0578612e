//! A whole as one bar of its parts.

use maud::{Markup, html};

const WIDTH: f64 = 1_000.0;
const HEIGHT: f64 = 16.0;

/// The parts side by side, each as wide as its share; nothing where all are 0. `label` says it.
pub(in crate::dashboard) fn share_bar(parts: &[(&'static str, u64)], label: &str) -> Markup {
    html! {
        svg width="100%" height=(HEIGHT) viewBox={ "0 0 " (WIDTH) " " (HEIGHT) }
            preserveAspectRatio="none" role="img" aria-label=(label) {
            title { (label) }
            @for (class, x, width) in spans(parts) {
                rect class=(class) x=(x) width=(width) height=(HEIGHT) {}
            }
        }
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a drawing is some thousand points wide"
)]
fn spans(parts: &[(&'static str, u64)]) -> Vec<(&'static str, f64, f64)> {
    let whole: u128 = parts.iter().map(|(_, value)| u128::from(*value)).sum();
    let mut before = 0_u128;
    let mut spans = Vec::new();
    for (class, value) in parts.iter().filter(|(_, value)| *value > 0) {
        let at = |sum: u128| (WIDTH * (sum as f64 / whole as f64)).round();
        let (begin, end) = (at(before), at(before + u128::from(*value)));
        spans.push((*class, begin, end - begin));
        before += u128::from(*value);
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_fill_the_bar_and_empty_ones_take_no_room() {
        let spans = spans(&[("a", 94), ("b", 0), ("c", 6)]);
        assert_eq!(spans, [("a", 0.0, 940.0), ("c", 940.0, 60.0)]);
        assert!(super::spans(&[("a", 0)]).is_empty());
    }
}
