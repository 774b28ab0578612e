//! Two calls with one id, in one answer or in two of a conversation: clients pair results by id, so
//! the later calls get ids of their own, which return to their maker as it gave them.
//!
//! Many models count their calls from 1 in each answer. The id of the n-th such call is the maker's with [`MARK`], a letter for the maker's dialect and n
//! behind it: `call_1_aeroc2`. It needs no memory. Toward other dialects it stays, since many refuse
//! an id that comes twice.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use crate::canon::{Dialect, Event, PartHead, PartKind, Request, Response};
use crate::json::EscapedStr;

/// Of characters that every dialect takes in an id.
const MARK: &str = "_aero";

/// The letters of the dialects that upstreams speak.
const LETTERS: [(char, &str); 4] = [
    ('c', "openai_chat"),
    ('r', "openai_responses"),
    ('a', "anthropic"),
    ('g', "gemini"),
];

/// Gives the calls of one answer ids that come once in its conversation.
#[derive(Debug)]
pub struct UniqueIds {
    maker: Dialect,
    /// The conversation up to the answer, until its first call.
    request: Option<Arc<Request>>,
    /// How many calls before the answer came with the id.
    earlier: HashMap<EscapedStr, u32>,
    /// How many calls of a choice came with the id, with those before.
    counts: HashMap<(u32, EscapedStr), u32>,
}

impl UniqueIds {
    /// `request`: the conversation that the answer goes on with.
    pub fn new(maker: Dialect, request: Option<Arc<Request>>) -> Self {
        Self {
            maker,
            request,
            earlier: HashMap::new(),
            counts: HashMap::new(),
        }
    }

    pub fn events(&mut self, events: &mut [Event]) {
        for event in events {
            if let Event::PartStart { at, head } = event {
                self.head(at.choice, head);
            }
        }
    }

    pub fn response(&mut self, response: &mut Response) {
        for (index, choice) in (0..).zip(&mut response.choices) {
            for part in &mut choice.parts {
                self.head(index, &mut part.head);
            }
        }
    }

    fn head(&mut self, choice: u32, head: &mut PartHead) {
        let PartHead::ToolCall { id, .. } = head else {
            return;
        };
        if let Some(request) = self.request.take() {
            self.earlier = earlier_calls(&request, self.maker);
        }
        let earlier = self.earlier.get(id).copied();
        let count = self.counts.entry((choice, id.clone()));
        let count = count.or_insert(earlier.unwrap_or_default());
        *count += 1;
        if *count > 1
            && let Some(letter) = letter(self.maker)
        {
            *id = EscapedStr::from(format!("{}{MARK}{letter}{count}", id.to_plain()));
        }
    }
}

/// The ids of a conversation's calls as their maker gave them, each with its highest number.
fn earlier_calls(request: &Request, maker: Dialect) -> HashMap<EscapedStr, u32> {
    let mut earlier: HashMap<EscapedStr, u32> = HashMap::new();
    for part in request.turns.iter().flat_map(|turn| &turn.parts) {
        let PartKind::ToolCall { id, .. } = &part.kind else {
            continue;
        };
        let (id, number) = original(id, maker).unwrap_or_else(|| (id.detached(), 1));
        let highest = earlier.entry(id).or_default();
        *highest = number.max(*highest);
    }
    earlier
}

fn letter(dialect: Dialect) -> Option<char> {
    let own = |(_, name): &&(char, &str)| *name == dialect.name();
    LETTERS.iter().find(own).map(|(letter, _)| *letter)
}

/// The request for an upstream that speaks `target`, with the ids of its own making as it gave
/// them. It is copied only where there is one.
pub fn restored(request: &Arc<Request>, target: Dialect) -> Arc<Request> {
    let mut parts = request.turns.iter().flat_map(|turn| &turn.parts);
    if !parts.any(|part| id_of(&part.kind).is_some_and(|id| original(id, target).is_some())) {
        return request.clone();
    }
    let mut restored = Request::clone(request);
    for part in restored.turns.iter_mut().flat_map(|turn| &mut turn.parts) {
        let id = match &mut part.kind {
            PartKind::ToolCall { id, .. } => id,
            PartKind::ToolResult(result) => &mut result.call_id,
            _ => continue,
        };
        if let Some((original, _)) = original(id, target) {
            *id = original;
        }
    }
    Arc::new(restored)
}

fn id_of(part: &PartKind) -> Option<&EscapedStr> {
    match part {
        PartKind::ToolCall { id, .. } => Some(id),
        PartKind::ToolResult(result) => Some(&result.call_id),
        _ => None,
    }
}

/// The maker's id of one that was made unique, and its number. `None` for other ids, and for another
/// maker's.
fn original(id: &EscapedStr, target: Dialect) -> Option<(EscapedStr, u32)> {
    let plain: Cow<'_, str> = id.to_plain();
    let (original, mark) = plain.rsplit_once(MARK)?;
    let number = mark.strip_prefix(letter(target)?)?;
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let number = number.parse().ok().filter(|_| is_number)?;
    Some((EscapedStr::from(original), number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canon::{Choice, Offset, Part, ResponsePart, Role, ToolInput, ToolResult, Turn};
    use crate::json::Raw;

    const CHAT: Dialect = Dialect::named("openai_chat");
    const ANTHROPIC: Dialect = Dialect::named("anthropic");

    fn answer(ids: &[&'static str]) -> Response {
        let part = |id: &&'static str| ResponsePart {
            head: PartHead::ToolCall {
                id: (*id).into(),
                name: "f".into(),
                namespace: None,
                free: false,
            },
            texts: Vec::new(),
            signature: None,
            citations: Vec::new(),
            logprobs: Vec::new(),
        };
        Response {
            choices: vec![Choice {
                parts: ids.iter().map(part).collect(),
                ..Choice::default()
            }],
            ..Response::default()
        }
    }

    fn ids(response: &Response) -> Vec<String> {
        let parts = response.choices.iter().flat_map(|choice| &choice.parts);
        parts
            .filter_map(|part| match &part.head {
                PartHead::ToolCall { id, .. } => Some(id.to_plain().into_owned()),
                _ => None,
            })
            .collect()
    }

    fn history(ids: &[String]) -> Arc<Request> {
        let call = |id: &String| {
            let kind = PartKind::ToolCall {
                id: id.as_str().into(),
                name: "f".into(),
                namespace: None,
                input: ToolInput::Json(Raw::from_static("{}")),
            };
            Part::new(kind, Offset(0))
        };
        let result = |id: &String| {
            let result = ToolResult {
                call_id: id.as_str().into(),
                name: None,
                parts: Vec::new(),
                is_error: false,
            };
            Part::new(PartKind::ToolResult(result), Offset(0))
        };
        let turn = |role, parts| Turn {
            role,
            parts,
            name: None,
            at: Offset(0),
        };
        Arc::new(Request {
            turns: vec![
                turn(Role::Assistant, ids.iter().map(call).collect()),
                turn(Role::User, ids.iter().map(result).collect()),
            ],
            ..Request::default()
        })
    }

    fn sent(request: &Request) -> Vec<String> {
        let parts = request.turns.iter().flat_map(|turn| &turn.parts);
        parts
            .filter_map(|part| id_of(&part.kind))
            .map(|id| id.to_plain().into_owned())
            .collect()
    }

    #[test]
    fn ids_that_come_once_stay() {
        let mut response = answer(&["functions.Bash:0", "functions.Bash:1"]);
        UniqueIds::new(CHAT, None).response(&mut response);
        assert_eq!(ids(&response), ["functions.Bash:0", "functions.Bash:1"]);
    }

    #[test]
    fn an_id_that_comes_twice_is_two_ids_and_returns_as_one() {
        let mut response = answer(&["call_1", "call_1", "call_1"]);
        UniqueIds::new(CHAT, None).response(&mut response);
        let unique = ids(&response);
        assert_eq!(unique, ["call_1", "call_1_aeroc2", "call_1_aeroc3"]);

        let request = history(&unique);
        assert_eq!(sent(&restored(&request, CHAT)), ["call_1"; 6]);
        let other = restored(&request, ANTHROPIC);
        assert_eq!(sent(&other)[..3], unique);
        assert!(Arc::ptr_eq(&other, &request));
    }

    #[test]
    fn an_id_that_came_in_an_earlier_answer_gets_the_next_number() {
        let mut request: Option<Arc<Request>> = None;
        let mut seen: Vec<String> = Vec::new();
        for expected in ["call_1", "call_1_aeroc2", "call_1_aeroc3"] {
            let mut response = answer(&["call_1", "other"]);
            UniqueIds::new(CHAT, request.take()).response(&mut response);
            let given = ids(&response);
            assert_eq!(given[0], expected);
            seen.push(given[0].clone());
            request = Some(history(&seen));
        }
        // What is gone from the history does not come again either.
        let kept = Some(history(&seen[2..]));
        let mut response = answer(&["call_1"]);
        UniqueIds::new(CHAT, kept).response(&mut response);
        assert_eq!(ids(&response), ["call_1_aeroc4"]);
    }
}
