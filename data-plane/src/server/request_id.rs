//! Ids of requests.

/// How many hexadecimal digits an id has: 96 bits.
const DIGITS: usize = 24;

/// A fresh id that looks random from its first digit on, so that ids derived from a part of it
/// differ too. It is no secret.
///
/// The generator is seeded from the system once per thread, which is cheaper than asking the system
/// for each request.
pub(super) fn generate() -> String {
    let number = fastrand::u128(..);
    let digits: [u8; DIGITS] =
        std::array::from_fn(|at| b"0123456789abcdef"[(number >> (124 - 4 * at)) as usize & 15]);
    String::from_utf8_lossy(&digits).into_owned()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_differ_also_in_their_first_half() {
        let ids: Vec<String> = (0..1000).map(|_| generate()).collect();
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
