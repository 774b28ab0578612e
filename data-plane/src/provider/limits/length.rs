//! How long a quota window lasts, as far as its name tells.

use std::time::Duration;

const HOUR: u64 = 60 * 60;
const DAY: u64 = 24 * HOUR;

/// The length of a window of that name: `5h`, `7d_opus`, `requests_per_day`, `tokens-minute`.
///
/// `None` where the name tells none, as `requests` and `tokens`, and for months, which differ.
/// Source: the names that `windows` reads from headers.
pub fn window_length(name: &str) -> Option<Duration> {
    let words: Vec<&str> = name.split(['_', '-', ' ']).collect();
    let seconds = words
        .first()
        .and_then(|word| counted(word))
        .or_else(|| spelled(&words))?;
    // No window of a provider is longer than a year.
    (seconds <= 366 * DAY).then(|| Duration::from_secs(seconds))
}

/// `5h`, `7d`.
fn counted(word: &str) -> Option<u64> {
    let digits = word.bytes().take_while(u8::is_ascii_digit).count();
    let count: u64 = word[..digits].parse().ok().filter(|count| *count > 0)?;
    let unit = match &word[digits..] {
        "s" => 1,
        "m" | "min" => 60,
        "h" => HOUR,
        "d" => DAY,
        "w" => 7 * DAY,
        _ => return None,
    };
    count.checked_mul(unit)
}

/// `5-hour`, `requests_per_day`.
fn spelled(words: &[&str]) -> Option<u64> {
    let (unit, before) = words.split_last()?;
    let count = before
        .last()
        .and_then(|word| word.parse().ok())
        .unwrap_or(1);
    named(unit)?
        .checked_mul(count)
        .filter(|seconds| *seconds > 0)
}

fn named(word: &str) -> Option<u64> {
    Some(match word {
        "second" => 1,
        "minute" => 60,
        "hour" => HOUR,
        "day" => DAY,
        "week" => 7 * DAY,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_tells_a_length_has_one() {
        for (name, seconds) in [
            ("5h", Some(5 * HOUR)),
            ("7d", Some(7 * DAY)),
            ("7d_opus", Some(7 * DAY)),
            ("5-hour", Some(5 * HOUR)),
            ("requests_per_day", Some(DAY)),
            ("tokens_minute", Some(60)),
            ("requests", None),
            ("input_tokens", None),
            ("requests_month", None),
            ("0h", None),
            ("99999999999999999999h", None),
            ("9999999d", None),
            ("balance_usd_cents", None),
            ("", None),
            ("5ü", None),
        ] {
            assert_eq!(
                window_length(name),
                seconds.map(Duration::from_secs),
                "{name}"
            );
        }
    }
}
