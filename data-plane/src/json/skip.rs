//! Where a string or a container ends, with attention to quotes, backslashes and brackets alone.
//!
//! Most of a large request is text that someone else will read, so what matters is to be past it.
//! 64 bytes are looked at together: bits say where quotes and brackets stand, what a backslash
//! escapes, and what lies within a string. Only blocks in which the value may end are looked at
//! more closely.
//!
//! Source of the steps for escapes and strings: G. Langdale and D. Lemire, "Parsing Gigabytes of
//! JSON per Second", sections 3.1.1 and 3.1.2.

use super::lanes::{BLOCK, Bits, Block};

/// The bits of the odd bytes: 1, 3, 5 and so on.
const ODD_BYTES: Bits = 0xaaaa_aaaa_aaaa_aaaa;

/// How a skipped value breaks off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BrokenOff {
    InString,
    InContainer,
}

/// The length of the string or container that `text` begins with: a quote, a brace or a bracket.
///
/// Brackets are counted, whichever they are, and nothing else is checked. A backslash outside of a
/// string, which is no JSON, escapes a quote too.
///
/// # Errors
/// If the value does not end within `text`.
pub(super) fn len(text: &[u8]) -> Result<usize, BrokenOff> {
    let mut skip = Skip::default();
    let is_string = text.first() == Some(&b'"');
    let (blocks, rest) = text.as_chunks::<BLOCK>();
    let mut last = [b' '; BLOCK];
    last[..rest.len()].copy_from_slice(rest);
    for (index, block) in blocks.iter().chain([&last]).enumerate() {
        let block = Block::of(block);
        let end = if is_string {
            skip.end_of_string(&block, index == 0)
        } else {
            skip.end_of_container(&block)
        };
        if let Some(end) = end {
            return Ok(index * BLOCK + end);
        }
    }
    Err(if is_string || skip.within_string != 0 {
        BrokenOff::InString
    } else {
        BrokenOff::InContainer
    })
}

/// What one block leaves to the next.
#[derive(Default)]
struct Skip {
    /// Whether the first byte is escaped by the last of the block before: 0 or 1.
    escaped: Bits,
    /// All bits where the block begins within a string, else none.
    within_string: Bits,
    depth: usize,
}

impl Skip {
    /// Where the string ends, if it does in this block: after its closing quote.
    fn end_of_string(&mut self, block: &Block, is_first: bool) -> Option<usize> {
        // The string's own opening quote ends nothing.
        let quotes = self.unescaped_quotes(block) & !Bits::from(is_first);
        (quotes != 0).then(|| quotes.trailing_zeros() as usize + 1)
    }

    /// Where the container ends, if it does in this block: after its closing bracket.
    fn end_of_container(&mut self, block: &Block) -> Option<usize> {
        let quotes = self.unescaped_quotes(block);
        if quotes == 0 && self.within_string != 0 {
            return None;
        }
        let strings = prefix_xor(quotes) ^ self.within_string;
        self.within_string = if strings >> (BLOCK - 1) == 1 { !0 } else { 0 };
        let (opening, closing) = (block.opening() & !strings, block.closing() & !strings);
        if closing == 0 {
            self.depth += opening.count_ones() as usize;
            return None;
        }
        let closed = closing.count_ones() as usize;
        if self.depth > closed {
            self.depth = self.depth + opening.count_ones() as usize - closed;
            return None;
        }
        self.end_among(opening, closing)
    }

    /// The same, bracket by bracket.
    fn end_among(&mut self, opening: Bits, closing: Bits) -> Option<usize> {
        let mut brackets = opening | closing;
        while brackets != 0 {
            let at = brackets.trailing_zeros();
            if opening >> at & 1 == 1 {
                self.depth += 1;
            } else {
                self.depth -= 1;
                if self.depth == 0 {
                    return Some(at as usize + 1);
                }
            }
            brackets &= brackets - 1;
        }
        None
    }

    /// The quotes that no backslash escapes.
    fn unescaped_quotes(&mut self, block: &Block) -> Bits {
        let (quotes, backslashes, before) = (block.quotes(), block.backslashes(), self.escaped);
        if backslashes == 0 {
            self.escaped = 0;
            return quotes & !before;
        }
        // A run of backslashes escapes in pairs from its start. Subtracting from the odd bits
        // carries through a run, and leaves every second of its bits set, by where it starts.
        let starts = backslashes & !before;
        let after = starts << 1;
        let alternating = (after | ODD_BYTES).wrapping_sub(starts) ^ ODD_BYTES;
        let escaped = alternating ^ (backslashes | before);
        self.escaped = (alternating & backslashes) >> (BLOCK - 1);
        quotes & !escaped
    }
}

/// Each bit: whether the number of bits set up to it, itself included, is odd.
fn prefix_xor(mut bits: Bits) -> Bits {
    for shift in [1, 2, 4, 8, 16, 32] {
        bits ^= bits << shift;
    }
    bits
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The same, byte by byte.
    fn plainly(text: &[u8]) -> Result<usize, BrokenOff> {
        let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
        for (at, byte) in text.iter().enumerate() {
            let is_escaped = std::mem::take(&mut escaped);
            match byte {
                b'\\' => escaped = !is_escaped,
                b'"' => in_string ^= !is_escaped,
                _ if in_string => {}
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth -= 1,
                _ => {}
            }
            if depth == 0 && !in_string {
                return Ok(at + 1);
            }
        }
        Err(if in_string {
            BrokenOff::InString
        } else {
            BrokenOff::InContainer
        })
    }

    #[test]
    fn runs_of_backslashes_over_the_seams_of_blocks() {
        for before in 0..140 {
            for backslashes in 0..140 {
                let text = format!(
                    "\"{}{}\" [\"]",
                    "x".repeat(before),
                    "\\".repeat(backslashes)
                );
                let text = text.as_bytes();
                assert_eq!(len(text), plainly(text), "{before} {backslashes}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]
        #[test]
        fn the_end_is_where_byte_by_byte_it_is(
            first in prop::sample::select(vec!['"', '{', '[']),
            rest in "([\\\\\"\\[\\]{} a]|\\\\\\\\|\\\\\"|\"[a-z{\\[]{0,90}\"|[{\\[][a-z]{0,30}){0,40}",
        ) {
            let text = format!("{first}{rest}");
            prop_assert_eq!(len(text.as_bytes()), plainly(text.as_bytes()));
        }
    }
}
