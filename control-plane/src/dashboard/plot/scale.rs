//! The marks of an axis: 1, 2 or 5 times a power of ten.

/// The marks from 0 up to the first one that is not below `max`, at most `count_max` + 1 of them.
pub(super) fn marks(max: u64, count_max: u64) -> Vec<u64> {
    let max = max.max(1);
    let step = step(max, count_max.max(1));
    (0..=max.div_ceil(step))
        .map(|at| at.saturating_mul(step))
        .collect()
}

/// The smallest step with which `count_max` steps reach `max`.
fn step(max: u64, count_max: u64) -> u64 {
    let mut magnitude = 1_u64;
    loop {
        for factor in [1, 2, 5] {
            let step = magnitude.saturating_mul(factor);
            if step.saturating_mul(count_max) >= max {
                return step;
            }
        }
        magnitude = magnitude.saturating_mul(10);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_round_and_reach_the_maximum() {
        assert_eq!(marks(0, 4), [0, 1]);
        assert_eq!(marks(4, 4), [0, 1, 2, 3, 4]);
        assert_eq!(marks(1_284, 4), [0, 500, 1_000, 1_500]);
        assert_eq!(
            marks(48_200_000, 4),
            [0, 20_000_000, 40_000_000, 60_000_000]
        );
        for max in [1, 9, 10, 11, 999, u64::MAX / 2, u64::MAX] {
            let marks = marks(max, 4);
            assert!(marks.len() <= 5 && *marks.last().unwrap() >= max, "{max}");
        }
    }
}
