//! Items of a conversation that ask for something which only their own dialect has. Leaving one out
//! would answer another question than the client's, so it is refused by name.
//!
//! Items that only report what a hosted tool did are history, and may be left out.

use crate::canon::{Dialect, Losses, Part, PartKind, Request, Role};

/// Kinds of items that ask for something: a summary in place of an answer, the consent to a call of
/// a remote tool, a look at a file. Source: Responses API, input items; Anthropic Messages API,
/// `container_upload`.
const ASKING: [&str; 3] = [
    "compaction_trigger",
    "mcp_approval_response",
    "container_upload",
];

/// Refuses the first item that asks for what `target` does not have, and one that the answer is to
/// be about, whatever its kind: the output of a tool that only its own dialect knows.
pub fn refuse(request: &Request, target: Dialect, losses: &mut Losses) {
    let parts = request.turns.iter().flat_map(|turn| &turn.parts);
    for part in parts {
        if let Some((dialect, kind)) = foreign(part, target)
            && ASKING.contains(&kind)
        {
            losses.refuse(part.at, why(dialect, kind, target));
        }
    }
    let Some(last) = request.turns.last().filter(|turn| turn.role == Role::User) else {
        return;
    };
    let mut foreigners = last.parts.iter().map_while(|part| foreign(part, target));
    if let Some((dialect, kind)) = foreigners.next()
        && foreigners.count() + 1 == last.parts.len()
    {
        losses.refuse(last.parts[0].at, why(dialect, kind, target));
    }
}

/// The dialect and the kind of an item that only another dialect has.
fn foreign(part: &Part, target: Dialect) -> Option<(Dialect, &str)> {
    match &part.kind {
        PartKind::Hosted { dialect, kind, .. } if *dialect != target => {
            Some((*dialect, kind.as_escaped()))
        }
        _ => None,
    }
}

fn why(dialect: Dialect, kind: &str, target: Dialect) -> String {
    format!(
        "`{kind}` cannot be carried to the {target} dialect, and without it the request asks for \
         something else; leave it out, or ask for a model of a provider that speaks {dialect}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canon::{Offset, Turn};
    use crate::json::Raw;

    const OWN: Dialect = Dialect::named("openai_responses");

    fn refusal(kind: &'static str, target: Dialect) -> Option<String> {
        refusal_of(kind, Role::Assistant, target)
    }

    fn refusal_of(kind: &'static str, role: Role, target: Dialect) -> Option<String> {
        let hosted = PartKind::Hosted {
            dialect: OWN,
            kind: kind.into(),
            raw: Raw::from_static("{}"),
        };
        let request = Request {
            turns: vec![Turn {
                role,
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

    #[test]
    fn an_output_that_the_answer_is_to_be_about_is_refused() {
        let refused = |target| refusal_of("shell_call_output", Role::User, target);
        let why = refused(Dialect::named("gemini")).unwrap();
        assert!(why.contains("`shell_call_output`"), "{why}");
        assert_eq!(refused(OWN), None);
        assert_eq!(refusal("shell_call", Dialect::named("gemini")), None);
    }
}
