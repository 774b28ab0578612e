//! Tells when a JSON value that arrives in pieces is complete.

/// Counts the brackets outside of strings. Finds the end of an object or array; does not check
/// that it is well-formed.
#[derive(Debug, Default)]
pub(super) struct BracketCounter {
    depth: u32,
    has_begun: bool,
    is_in_string: bool,
    is_escaped: bool,
}

impl BracketCounter {
    pub(super) fn push(&mut self, json: &str) {
        for byte in json.bytes() {
            self.push_byte(byte);
        }
    }

    /// Whether every bracket that was opened is closed, and at least one was.
    pub(super) fn is_balanced(&self) -> bool {
        self.has_begun && self.depth == 0
    }

    /// Whether a bracket is still open.
    pub(super) fn is_open(&self) -> bool {
        self.depth > 0
    }

    fn push_byte(&mut self, byte: u8) {
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
        let mut counter = BracketCounter::default();
        for piece in ["", "{\"a\":\"", "}\\", "\"}\",\"b\":[{", "}]"] {
            counter.push(piece);
            assert!(!counter.is_balanced(), "after {piece}");
        }
        counter.push("}");
        assert!(counter.is_balanced());
    }
}
