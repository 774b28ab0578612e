//! "Did you mean": the known word that a mistyped one most likely meant.
//!
//! It compares words and knows nothing of what they name.

/// The Levenshtein distance between two words. `None` where it is more than a third of the longer
/// one: those are different words.
fn near_edits(a: &str, b: &str) -> Option<usize> {
    let (a_chars, b_chars) = (a.chars().count(), b.chars().count());
    let edits_max = a_chars.max(b_chars).div_ceil(3);
    // The difference in length is a lower bound, which keeps giant words cheap.
    if a_chars.abs_diff(b_chars) > edits_max {
        return None;
    }
    Some(strsim::levenshtein(a, b)).filter(|edits| *edits <= edits_max)
}

/// The known words near to `word`, nearest first, at most `count`.
pub fn nearest<'a>(
    word: &str,
    known: impl IntoIterator<Item = &'a str>,
    count: usize,
) -> Vec<&'a str> {
    let mut near: Vec<(usize, &str)> = known
        .into_iter()
        .filter_map(|candidate| Some((near_edits(word, candidate)?, candidate)))
        .collect();
    near.sort();
    near.dedup();
    near.into_iter()
        .take(count)
        .map(|(_, candidate)| candidate)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_keyboard_finds_its_word() {
        assert_eq!(
            nearest("base_ulr", ["base_url", "auth", "protocol"], 1),
            ["base_url"]
        );
        assert_eq!(
            nearest("gpt-5-mimi", ["gpt-5", "gpt-5-mini", "o3"], 1),
            ["gpt-5-mini"]
        );
    }

    #[test]
    fn a_word_of_its_own_finds_nothing() {
        assert!(nearest("colour", ["base_url", "auth"], 3).is_empty());
    }
}
