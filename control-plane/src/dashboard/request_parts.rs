//! What the list of requests and the page of one show alike.

use maud::{Markup, html};

use super::context::PageContext;

/// How a request ended: by shape and word, then by colour.
pub(super) fn ending(context: &PageContext, ending: &str) -> Markup {
    let text = context.text;
    let (class, word) = match ending {
        "done" => ("state ready", text.ending_done()),
        "left" => ("state left", text.ending_left()),
        "refused" => ("state refused", text.ending_refused()),
        _ => ("state failed", text.ending_failed()),
    };
    html! { span class=(class) { (word) } }
}

/// The beginning of a text that others chose.
pub(super) fn shortened(text: &str, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Whether a model was served under the name that was asked for, with or without its provider.
pub(super) fn is_served_as_asked(asked: &str, served: &str) -> bool {
    let is_addressed = |rest: &str| rest.ends_with('/');
    asked == served || asked.strip_suffix(served).is_some_and(is_addressed)
}
