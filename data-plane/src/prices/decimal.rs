//! Decimal amounts without a float in between.

/// Reads `0.125` as millionths. `None` where it is no such amount, or has more digits than that
/// holds.
pub fn micros(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let fraction = fraction.trim_end_matches('0');
    let is_amount = !whole.is_empty()
        && whole
            .bytes()
            .chain(fraction.bytes())
            .all(|byte| byte.is_ascii_digit())
        && fraction.len() <= 6;
    if !is_amount {
        return None;
    }
    let scale = 10_u64.pow(6 - fraction.len() as u32);
    let fraction: u64 = if fraction.is_empty() {
        0
    } else {
        fraction.parse().ok()?
    };
    let whole: u64 = whole.parse().ok()?;
    whole.checked_mul(1_000_000)?.checked_add(fraction * scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_read_exactly() {
        assert_eq!(micros("0.003625"), Some(3_625));
        assert_eq!(micros("15"), Some(15_000_000));
        assert_eq!(micros("1.50"), Some(1_500_000));
        for wrong in [
            "",
            ".5",
            "-1",
            "1e3",
            "0.0000001",
            "1,5",
            "99999999999999999999",
        ] {
            assert_eq!(micros(wrong), None, "{wrong}");
        }
    }
}
