//! Items of a conversation that ask for something which only their own dialect has. Leaving one out
//! would answer another question than the client's, so it is refused by name.
//!
//! Items that only report what a hosted tool did are history, and may be left out.

use crate::canon::{Dialect, Losses, PartKind, Request};

/// Kinds of items that ask for something: a summary in place of an answer, and the consent to a
/// call of a remote tool. Source: Responses API, input items.
const ASKING: [&str; 2] = ["compaction_trigger", "mcp_approval_response"];

/// Refuses the first item that asks for what `target` does not have.
pub fn refuse(request: &Request, target: Dialect, losses: &mut Losses) {
    let parts = request.turns.iter().flat_map(|turn| &turn.parts);
    for part in parts {
        let PartKind::Hosted { dialect, kind, .. } = &part.kind else {
            continue;
        };
        let kind = kind.as_escaped();
        if *dialect != target && ASKING.contains(&kind) {
            let why = format!(
                "`{kind}` cannot be carried to the {target} dialect, and without it the request \
                 asks for something else; leave it out, or ask for a model of a provider that \
                 speaks {dialect}"
            );
            losses.refuse(part.at, why);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canon::{Offset, Part, Role, Turn};
    use crate::json::Raw;

    const OWN: Dialect = Dialect::named("openai_responses");

    fn refusal(kind: &'static str, target: Dialect) -> Option<String> {
        let hosted = PartKind::Hosted {
            dialect: OWN,
            kind: kind.into(),
            raw: Raw::from_static("{}"),
        };
        let request = Request {
            turns: vec![Turn {
                role: Role::Assistant,
                parts: vec![Part::new(hosted, Offset(1))],
                name: None,
                at: Offset(1),
            }],
            ..Request::default()
        };
        let mut losses = Losses::default();
        refuse(&request, target, &mut losses);
        losses.refusal().map(|refusal| refusal.why.clone())
    }

    #[test]
    fn what_asks_for_something_is_refused_by_name() {
        let target = Dialect::named("anthropic");
        for kind in ASKING {
            assert!(refusal(kind, target).unwrap().contains(kind));
            assert_eq!(refusal(kind, OWN), None);
        }
    }

    #[test]
    fn what_a_hosted_tool_did_is_history() {
        let target = Dialect::named("anthropic");
        for kind in ["web_search_call", "compaction", "later"] {
            assert_eq!(refusal(kind, target), None, "{kind}");
        }
    }
}
