//! Whether JSON that comes in pieces is whole yet.

/// Counts brackets outside of strings. Tells where an object ends, not whether it is well-formed.
#[derive(Debug, Default)]
pub(super) struct Balance {
    depth: u32,
    has_begun: bool,
    is_in_string: bool,
    is_escaped: bool,
}

impl Balance {
    pub(super) fn push(&mut self, piece: &str) {
        piece.bytes().for_each(|byte| self.byte(byte));
    }

    pub(super) fn is_whole(&self) -> bool {
        self.has_begun && self.depth == 0
    }

    fn byte(&mut self, byte: u8) {
        if std::mem::take(&mut self.is_escaped) {
            return;
        }
        match byte {
            b'\\' if self.is_in_string => self.is_escaped = true,
            b'"' => self.is_in_string = !self.is_in_string,
            b'{' | b'[' if !self.is_in_string => {
                self.has_begun = true;
                self.depth = self.depth.saturating_add(1);
            }
            b'}' | b']' if !self.is_in_string => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_whole_at_its_last_bracket() {
        let mut balance = Balance::default();
        for piece in ["", "{\"a\":\"", "}\\", "\"}\",\"b\":[{", "}]"] {
            balance.push(piece);
            assert!(!balance.is_whole(), "after {piece}");
        }
        balance.push("}");
        assert!(balance.is_whole());
    }
}
