//! Second names of models, for Claude Code's picker.
//!
//! The picker shows what `/v1/models` lists under names that begin with `claude` or `anthropic`, and
//! leaves the others out (measured with 2.1.332). So that client is offered every other model once
//! more as `claude~<name>`, with the true name to read. No provider's name has a `~`.

use crate::canon::ModelCard;

const PREFIX: &str = "claude~";
/// What the picker shows without help.
const SHOWN: [&str; 2] = ["claude", "anthropic"];

/// The program that is offered second names, as `record::agent_family` calls it.
pub const OFFERED_TO: &str = "claude-code";

/// The name that is meant. What is no second name means itself.
pub fn meant(name: &str) -> &str {
    let rest = name.strip_prefix(PREFIX);
    rest.filter(|rest| !rest.is_empty()).unwrap_or(name)
}

/// The models that the picker would leave out, under their second names.
pub fn second_cards(cards: &[ModelCard]) -> Vec<ModelCard> {
    let is_hidden = |card: &&ModelCard| !SHOWN.iter().any(|start| card.id.starts_with(start));
    cards.iter().filter(is_hidden).map(second_card).collect()
}

fn second_card(card: &ModelCard) -> ModelCard {
    let title = card.display_name.as_ref().unwrap_or(&card.id);
    ModelCard {
        display_name: Some(title.clone()),
        id: format!("{PREFIX}{}", card.id),
        ..card.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_picker_hides_gets_a_second_name_that_means_the_first() {
        let card = |id: &str| ModelCard {
            id: id.to_owned(),
            ..ModelCard::default()
        };
        let cards = ["gpt-5", "claude-x", "anthropic/y", "lab/claude-x"].map(card);
        let second = second_cards(&cards);
        let ids: Vec<&str> = second.iter().map(|card| &*card.id).collect();
        assert_eq!(ids, ["claude~gpt-5", "claude~lab/claude-x"]);
        assert_eq!(second[0].display_name.as_deref(), Some("gpt-5"));
        assert_eq!(meant("claude~lab/claude-x"), "lab/claude-x");
        for own in ["claude-x", "claude~", "gpt-5"] {
            assert_eq!(meant(own), own);
        }
    }
}
