//! Numbers, sizes, durations and money as they are written in a language. Integers throughout: what
//! is rounded is rounded here, when it is shown.

use std::time::Duration;

use super::Language;

impl Language {
    const fn decimal_mark(self) -> char {
        match self {
            Self::English => '.',
            Self::German => ',',
        }
    }

    const fn group_mark(self) -> char {
        match self {
            Self::English => ',',
            Self::German => '.',
        }
    }

    /// The whole number: `48,211,004`, `48.211.004`.
    pub fn number(self, number: u64) -> String {
        let digits = number.to_string();
        let mut text = String::with_capacity(digits.len() + digits.len() / 3);
        for (at, digit) in digits.chars().enumerate() {
            if at > 0 && (digits.len() - at).is_multiple_of(3) {
                text.push(self.group_mark());
            }
            text.push(digit);
        }
        text
    }

    /// From 10,000 on with one decimal and a word for the magnitude: `48.2 M`, `48,2 Mio.`
    pub fn compact(self, number: u64) -> String {
        let magnitudes: [(u64, &str); 3] = match self {
            Self::English => [(1_000_000_000, "B"), (1_000_000, "M"), (1_000, "k")],
            Self::German => [
                (1_000_000_000, "Mrd."),
                (1_000_000, "Mio."),
                (1_000, "Tsd."),
            ],
        };
        if number < 10_000 {
            return self.number(number);
        }
        // What rounds up to a thousand of one magnitude is one of the next.
        let fitting = magnitudes
            .iter()
            .find(|(unit, _)| number >= unit - unit / 20_000);
        let (unit, word) = *fitting.unwrap_or(&magnitudes[2]);
        format!("{} {word}", self.tenths(rounded(number, unit / 10)))
    }

    /// A share in percent with one decimal: `94.1 %`. `None` of nothing.
    pub fn share(self, part: u64, whole: u64) -> Option<String> {
        let per_mille =
            (u128::from(part) * 1_000 + u128::from(whole) / 2).checked_div(whole.into())?;
        let per_mille = u64::try_from(per_mille).unwrap_or(u64::MAX);
        Some(format!("{} %", self.tenths(per_mille)))
    }

    /// `340 ms`, `0.84 s`, `3.2 s`, `2 min 10 s`, `3 h 4 min`, `3 d 4 h`.
    pub fn duration(self, duration: Duration) -> String {
        let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        match millis {
            0..500 => format!("{millis} ms"),
            500..995 => format!("0{}{:02} s", self.decimal_mark(), rounded(millis, 10)),
            995..59_950 => format!("{} s", self.tenths(rounded(millis, 100))),
            _ => self.long_duration(rounded(millis, 1_000)),
        }
    }

    fn long_duration(self, seconds: u64) -> String {
        let (large, small) = match seconds {
            0..3_600 => ((seconds / 60, "min"), (seconds % 60, "s")),
            3_600..86_400 => ((seconds / 3_600, "h"), (seconds % 3_600 / 60, "min")),
            _ => ((seconds / 86_400, "d"), (seconds % 86_400 / 3_600, "h")),
        };
        match small.0 {
            0 => format!("{} {}", large.0, large.1),
            count => format!("{} {} {count} {}", large.0, large.1, small.1),
        }
    }

    /// `214 kB`, `1.6 MB`: decimal units.
    pub fn bytes(self, bytes: u64) -> String {
        match bytes {
            0..1_000 => format!("{bytes} B"),
            1_000..999_500 => format!("{} kB", rounded(bytes, 1_000)),
            999_500..999_950_000 => format!("{} MB", self.tenths(rounded(bytes, 100_000))),
            _ => format!("{} GB", self.tenths(rounded(bytes, 100_000_000))),
        }
    }

    /// Micro-dollars: cents from $1 on, four digits below. `$6.42`, `6,42 $`.
    pub fn money(self, micros: i64) -> String {
        let sign = if micros < 0 { "−" } else { "" };
        let size = micros.unsigned_abs();
        let (digits, unit) = if size >= 995_000 || size == 0 {
            (2, 10_000)
        } else {
            (4, 100)
        };
        let scaled = rounded(size, unit);
        let whole = self.number(scaled / 10_u64.pow(digits));
        let part = scaled % 10_u64.pow(digits);
        let width = digits as usize;
        let amount = format!("{whole}{}{part:0width$}", self.decimal_mark());
        match self {
            Self::English => format!("{sign}${amount}"),
            Self::German => format!("{sign}{amount} $"),
        }
    }

    fn tenths(self, tenths: u64) -> String {
        format!(
            "{}{}{}",
            self.number(tenths / 10),
            self.decimal_mark(),
            tenths % 10
        )
    }
}

/// How many units a number is, half a unit rounded up.
fn rounded(number: u64, unit: u64) -> u64 {
    number / unit + u64::from(number % unit >= unit.div_ceil(2))
}

#[cfg(test)]
mod tests {
    use super::Language::{English, German};
    use super::*;

    #[test]
    fn numbers_are_grouped_and_made_short() {
        assert_eq!(English.number(48_211_004), "48,211,004");
        assert_eq!(German.number(1_284), "1.284");
        assert_eq!(
            (English.number(0), English.number(999)),
            ("0".into(), "999".into())
        );
        for (number, english, german) in [
            (9_999, "9,999", "9.999"),
            (10_000, "10.0 k", "10,0 Tsd."),
            (999_949, "999.9 k", "999,9 Tsd."),
            (999_951, "1.0 M", "1,0 Mio."),
            (48_211_004, "48.2 M", "48,2 Mio."),
            (u64::MAX, "18,446,744,073.7 B", "18.446.744.073,7 Mrd."),
        ] {
            assert_eq!(English.compact(number), english);
            assert_eq!(German.compact(number), german);
        }
    }

    #[test]
    fn a_share_of_nothing_is_unknown() {
        assert_eq!(English.share(941, 1_000).as_deref(), Some("94.1 %"));
        assert_eq!(German.share(1, 3).as_deref(), Some("33,3 %"));
        assert_eq!(English.share(0, 0), None);
    }

    #[test]
    fn durations_take_the_unit_that_fits() {
        for (millis, text) in [
            (340, "340 ms"),
            (840, "0.84 s"),
            (999, "1.0 s"),
            (3_200, "3.2 s"),
            (59_960, "1 min"),
            (130_000, "2 min 10 s"),
            (11_040_000, "3 h 4 min"),
            (273_600_000, "3 d 4 h"),
        ] {
            assert_eq!(English.duration(Duration::from_millis(millis)), text);
        }
        assert_eq!(German.duration(Duration::from_millis(840)), "0,84 s");
    }

    #[test]
    fn sizes_and_money_are_rounded_when_shown() {
        assert_eq!(English.bytes(214_300), "214 kB");
        assert_eq!(German.bytes(1_620_000), "1,6 MB");
        assert_eq!(English.bytes(999_700), "1.0 MB");
        assert_eq!(English.money(6_420_000), "$6.42");
        assert_eq!(English.money(4_250), "$0.0043");
        assert_eq!(English.money(999_999), "$1.00");
        assert_eq!(English.money(0), "$0.00");
        assert_eq!(German.money(1_234_567_891), "1.234,57 $");
        assert_eq!(English.money(-41_200_000), "−$41.20");
    }
}
