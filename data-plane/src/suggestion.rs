//! "Did you mean": the known word that a mistyped one most likely meant.
//!
//! It compares words and knows nothing of what they name. A hint is a courtesy: its cost is
//! bounded, whatever a client sends and however long the list is.

use crate::ordering;
/// The longest word that is compared, in characters. What people mistype is shorter.
const WORD_CHARS_MAX: usize = 80;

/// The most pairs of characters that one search compares: a few milliseconds. Words of a list that
/// is longer still are not looked at.
const PAIRS_MAX: usize = 4_000_000;

/// The Levenshtein distance between two words, of which `word` has `word_chars`. `None` where it is
/// more than a third of the longer one: those are different words. What is compared is taken from
/// `pairs_left`.
fn near_edits(word: &str, word_chars: usize, known: &str, pairs_left: &mut usize) -> Option<usize> {
    let known_chars = known.chars().take(WORD_CHARS_MAX + 1).count();
    let edits_max = word_chars.max(known_chars).div_ceil(3);
    // The difference in length is a lower bound.
    if known_chars > WORD_CHARS_MAX || word_chars.abs_diff(known_chars) > edits_max {
        return None;
    }
    *pairs_left = pairs_left.checked_sub(word_chars * known_chars)?;
    Some(strsim::levenshtein(word, known)).filter(|edits| *edits <= edits_max)
}

/// The known words near to `word`, nearest first, at most `count`. None is near to a word that is
/// longer than any that people mistype.
pub fn nearest<'a>(
    word: &str,
    known: impl IntoIterator<Item = &'a str>,
    count: usize,
) -> Vec<&'a str> {
    let word_chars = word.chars().take(WORD_CHARS_MAX + 1).count();
    if word_chars > WORD_CHARS_MAX {
        return Vec::new();
    }
    let mut pairs_left = PAIRS_MAX;
    let mut near: Vec<(usize, &str)> = known
        .into_iter()
        .filter_map(|known| {
            let edits = near_edits(word, word_chars, known, &mut pairs_left)?;
            Some((edits, known))
        })
        .collect();
    ordering::sort_by_key(&mut near, |near| *near);
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

    #[test]
    fn a_giant_word_is_compared_with_nothing() {
        let (giant, long) = ("x".repeat(1_000_000), "x".repeat(WORD_CHARS_MAX));
        assert!(nearest(&giant, [giant.as_str()], 1).is_empty());
        assert!(nearest(&long, [giant.as_str()], 1).is_empty());
        assert_eq!(nearest(&long, [long.as_str()], 1), [long.as_str()]);
    }

    #[test]
    fn a_giant_list_is_searched_as_far_as_the_bound_allows() {
        let known: Vec<String> = (0..PAIRS_MAX / 50)
            .map(|n| format!("model-{n:06}"))
            .collect();
        let names = || known.iter().map(String::as_str);
        assert_eq!(nearest("model-000001", names(), 1), ["model-000001"]);
        let last = known.last().unwrap();
        assert!(!nearest(last, names(), 3).contains(&last.as_str()));
    }
}
