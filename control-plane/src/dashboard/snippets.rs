//! How programs are pointed here by hand: lines to be copied, with where they belong. What they say
//! is the catalog's of clients; only curl, which is none, has its line here.

use maud::{Markup, html};

use super::context::PageContext;
use crate::control::{ClientChoice, ClientFamily, LinesByHand};

/// The clients that have a tab, by their names in the catalog, in the order of the tabs.
const TABS: [(&str, &str); 8] = [
    ("claude-code", "Claude Code"),
    ("codex", "Codex"),
    ("gemini-cli", "Gemini CLI"),
    ("openai", "OpenAI SDK"),
    ("anthropic", "Anthropic SDK"),
    ("continue", "Continue"),
    ("cursor", "Cursor"),
    (CURL, "curl"),
];
const CURL: &str = "curl";

/// The tabs, and the lines of the chosen program. `page` is the page that they stand on.
pub(super) fn snippets(context: &PageContext, page: &str, url: &str, wants_key: bool) -> Markup {
    let chosen = tab(context.query.get("client"));
    html! {
        ul.tabs #client aria-label=(context.text.programs()) {
            @for (name, label) in TABS {
                @let link = context.link_with(page, [("client", name)]);
                li { a href={ (link) "#client" } aria-current=[(name == chosen).then_some("true")] {
                    (label)
                } }
            }
        }
        @if chosen == CURL {
            (lines(context, "", &curl(url, wants_key)))
        } @else {
            (by_hand(context, chosen))
        }
    }
}

/// The first one where there is none of that name.
fn tab(name: &str) -> &'static str {
    let mut tabs = TABS.into_iter();
    let found = tabs.find(|(known, _)| *known == name);
    found.unwrap_or(TABS[0]).0
}

fn by_hand(context: &PageContext, name: &str) -> Markup {
    let choice = ClientChoice {
        name: name.to_owned(),
        ..ClientChoice::default()
    };
    let language = context.language();
    match context.service.client_by_hand(&choice, language) {
        Err(error) => html! { p.error { (error.message) } },
        Ok(LinesByHand {
            blocks,
            notes,
            names_models,
        }) => html! {
            @for block in &blocks { (lines(context, &block.place, &block.text)) }
            @for note in &notes { p.hint { (note) } }
            @if names_models { p.hint { (context.text.note_model("demo", "provider/model")) } }
        },
    }
}

/// `place` is a file; empty for a terminal.
fn lines(context: &PageContext, place: &str, lines: &str) -> Markup {
    let text = context.text;
    let place = if place.is_empty() {
        text.terminal()
    } else {
        place
    };
    html! {
        div.row {
            span.meta { (place) }
            button.small type="button" hidden data-copy=(lines) data-copied=(text.copied()) { (text.copy()) }
        }
        pre { (lines) }
    }
}

fn curl(url: &str, wants_key: bool) -> String {
    let url = ClientFamily::OpenAi.base_url(url);
    let key = match wants_key {
        true => " -H \"Authorization: Bearer $(aerostat key show)\"",
        false => "",
    };
    format!(
        "curl {url}/chat/completions{key} -H \"Content-Type: application/json\" -d '{{\"model\": \"demo\", \"messages\": [{{\"role\": \"user\", \"content\": \"Hello\"}}]}}'"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_named_only_where_the_port_asks_for_one() {
        let url = "http://127.0.0.1:8045";
        assert!(!curl(url, false).contains("key show"));
        assert!(curl(url, true).contains("Bearer $(aerostat key show)"));
    }

    #[test]
    fn a_tab_of_no_program_is_the_first_one() {
        assert_eq!(tab("codex"), "codex");
        assert_eq!(tab("\"><script>"), "claude-code");
    }

    #[test]
    fn every_tab_but_curls_is_a_client() {
        for (name, _) in TABS {
            let is_client = crate::control::is_client(name);
            assert_eq!(is_client, name != CURL, "{name}");
        }
    }
}
