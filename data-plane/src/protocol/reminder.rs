//! System text in the middle of a conversation, for a target that takes none there.

use crate::json::EscapedStr;

/// The text in the tags in which Claude's own clients send it within a user's message.
pub(super) fn wrapped(text: &EscapedStr) -> EscapedStr {
    let [open, close] = ["<system-reminder>", "</system-reminder>"].map(EscapedStr::from_static);
    EscapedStr::join([&open, text, &close], "\\n")
}
