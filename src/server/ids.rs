//! Ids of requests.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

/// How many of the 128 bits an id shows, as hexadecimal digits: 96.
const DIGITS: usize = 24;

/// Where this process begins to count.
static SEED: LazyLock<[u64; 2]> = LazyLock::new(seed);

/// How many ids there were.
static COUNT: AtomicU64 = AtomicU64::new(0);

/// A fresh id that looks random from its first digit on, so that what is made from a part of it
/// differs too. It is no secret.
///
/// The system is asked for randomness once; from there on a counter is scrambled, which is cheaper
/// than a call for each request.
pub(super) fn next() -> String {
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let halves = SEED.map(|seed| scrambled(seed.wrapping_add(count)));
    let number = u128::from(halves[0]) << 64 | u128::from(halves[1]);
    let digits: [u8; DIGITS] =
        std::array::from_fn(|at| b"0123456789abcdef"[(number >> (124 - 4 * at)) as usize & 15]);
    String::from_utf8_lossy(&digits).into_owned()
}

/// One to one, so that different counts never give the same id.
///
/// Source: the finisher of SplitMix64 (Steele, Lea, Flood, 2014).
fn scrambled(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

fn seed() -> [u64; 2] {
    let mut bytes = [0; 16];
    // Without randomness there is still the time; ids only have to differ.
    if getrandom::fill(&mut bytes).is_err() {
        let now = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_or(0, |since| since.as_nanos());
        bytes = now.to_le_bytes();
    }
    let number = u128::from_le_bytes(bytes);
    [number as u64, (number >> 64) as u64]
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_differ_also_in_their_first_half() {
        let ids: Vec<String> = (0..1000).map(|_| next()).collect();
        assert!(
            ids.iter()
                .all(|id| id.len() == DIGITS && id.bytes().all(|digit| digit.is_ascii_hexdigit()))
        );
        assert_eq!(
            ids.iter().map(|id| &id[..12]).collect::<HashSet<_>>().len(),
            ids.len()
        );
    }
}
