//! Sixteen bytes at a time: which of them are a quote, a backslash, a bracket.
//!
//! Every x86-64 processor has SSE2, and every AArch64 one NEON, so nothing is asked at run time.

use wide::u8x16;

const LANE: usize = 16;

/// Where one kind of byte stands among 64: bit `n` for the byte `n`.
pub(super) type Bits = u64;

/// How many bytes a block has.
pub(super) const BLOCK: usize = 64;

/// 64 bytes, which say where something stands among them.
pub(super) struct Block([u8x16; BLOCK / LANE]);

impl Block {
    pub(super) fn of(bytes: &[u8; BLOCK]) -> Self {
        let lanes = bytes.as_chunks::<LANE>().0;
        Self(std::array::from_fn(|at| u8x16::new(lanes[at])))
    }

    pub(super) fn quotes(&self) -> Bits {
        self.marked(|lane| lane.simd_eq(u8x16::splat(b'"')))
    }

    pub(super) fn backslashes(&self) -> Bits {
        self.marked(|lane| lane.simd_eq(u8x16::splat(b'\\')))
    }

    /// `{` and `[`: in ASCII a brace is its bracket with the bit 0x20 set.
    pub(super) fn opening(&self) -> Bits {
        self.marked(|lane| (lane | u8x16::splat(0x20)).simd_eq(u8x16::splat(b'{')))
    }

    /// `}` and `]`.
    pub(super) fn closing(&self) -> Bits {
        self.marked(|lane| (lane | u8x16::splat(0x20)).simd_eq(u8x16::splat(b'}')))
    }

    /// Quotes, and what a string holds only as an escape: backslashes and control characters.
    pub(super) fn escaped_or_quotes(&self) -> Bits {
        self.marked(ends_plain_text)
    }

    fn marked(&self, mark: impl Fn(u8x16) -> u8x16) -> Bits {
        let lanes = self.0.iter().enumerate();
        lanes.fold(0, |bits, (at, lane)| {
            bits | Bits::from(mark(*lane).to_bitmask()) << (at * LANE)
        })
    }
}

/// How many bytes from the start need no escape: up to a quote, a backslash or a control character.
pub(super) fn plain_len(bytes: &[u8]) -> usize {
    let (lanes, rest) = bytes.as_chunks::<LANE>();
    for (index, lane) in lanes.iter().enumerate() {
        let stops = ends_plain_text(u8x16::new(*lane));
        if stops.any() {
            return index * LANE + stops.to_bitmask().trailing_zeros() as usize;
        }
    }
    let plain = rest.iter().take_while(|byte| !needs_escape(**byte)).count();
    bytes.len() - rest.len() + plain
}

fn ends_plain_text(lane: u8x16) -> u8x16 {
    lane.simd_eq(u8x16::splat(b'"'))
        | lane.simd_eq(u8x16::splat(b'\\'))
        | lane.simd_eq(lane.min(u8x16::splat(0x1f)))
}

pub(super) fn needs_escape(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bits(block: &[u8; BLOCK], is_marked: impl Fn(u8) -> bool) -> Bits {
        let marked = |(at, byte): (usize, &u8)| Bits::from(is_marked(*byte)) << at;
        block.iter().enumerate().map(marked).sum()
    }

    proptest! {
        #[test]
        fn each_byte_is_found_where_it_stands(
            bytes in prop::collection::vec(prop_oneof![any::<u8>(), prop::sample::select(&b"\"\\{}[]:, \n\x1f\x20"[..])], BLOCK),
        ) {
            let block: &[u8; BLOCK] = bytes[..].try_into().unwrap();
            let found = Block::of(block);
            prop_assert_eq!(found.quotes(), bits(block, |byte| byte == b'"'));
            prop_assert_eq!(found.backslashes(), bits(block, |byte| byte == b'\\'));
            prop_assert_eq!(found.opening(), bits(block, |byte| byte == b'{' || byte == b'['));
            prop_assert_eq!(found.closing(), bits(block, |byte| byte == b'}' || byte == b']'));
            prop_assert_eq!(found.escaped_or_quotes(), bits(block, needs_escape));
        }

        #[test]
        fn a_plain_beginning_ends_at_what_needs_an_escape(
            bytes in prop::collection::vec(prop_oneof![20 => 0x20..=0xff_u8, 1 => any::<u8>()], 0..80),
        ) {
            let expected = bytes.iter().take_while(|byte| !needs_escape(**byte)).count();
            prop_assert_eq!(plain_len(&bytes), expected);
        }
    }
}
