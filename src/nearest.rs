//! The known word that a mistyped one most likely meant.
//!
//! It compares words and knows nothing of what they name.

/// The edits that make one of two words from the other, where they are near: at most a third of the
/// longer one.
fn near_edits(a: &str, b: &str) -> Option<usize> {
    let (a_chars, b_chars) = (a.chars().count(), b.chars().count());
    let edits_max = a_chars.max(b_chars).div_ceil(3);
    // Each character more is an edit; this keeps giant words cheap.
    if a_chars.abs_diff(b_chars) > edits_max {
        return None;
    }
    Some(edits(a, b)).filter(|edits| *edits <= edits_max)
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

/// The Levenshtein distance in characters.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
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
    fn distances_are_counted_in_edits() {
        assert_eq!(edits("kitten", "sitting"), 3);
        assert_eq!(edits("", "abc"), 3);
        assert_eq!(edits("abc", "abc"), 0);
    }
}
