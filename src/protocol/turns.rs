//! Puts turns into the one order that every target accepts. Each request decoder ends with
//! [`arrange`].
//!
//! Dialects differ in where results of tool calls stand and in what they merge; canon has one
//! order:
//!
//! ```text
//! assistant: text, call 1, call 2
//! user:      result 1, result 2, text
//! ```
//! Source: `translation.md` section 3.

use std::collections::{HashMap, VecDeque};

use super::DecodeError;
use super::names::shown;
use crate::canon::{Offset, Part, PartKind, Request, Role, ToolResult, Turn};
use crate::json::EscapedStr;

/// Replaces a result that never came because the user interrupted the call.
pub const INTERRUPTED: &str = "(no result: interrupted)";

/// Merges adjacent turns of equal role and puts the results of each turn's calls, in the order of
/// the calls, at the start of the user turn that follows. Calls without a result get one that says
/// so (noted in `added`).
///
/// # Errors
/// On a result without its call, naming the id, and on a call that the assistant did not make.
pub fn arrange(request: &mut Request) -> Result<(), DecodeError> {
    let mut turns = std::mem::take(&mut request.turns);
    merge(&mut turns);
    if has_tools(&turns) {
        let is_complete = collect_results(&mut turns)?;
        if !is_complete {
            request.added.push("tool_result");
        }
        merge(&mut turns);
    }
    request.turns = turns;
    Ok(())
}

fn has_tools(turns: &[Turn]) -> bool {
    let is_tool = |part: &Part| {
        matches!(
            part.kind,
            PartKind::ToolCall { .. } | PartKind::ToolResult(_)
        )
    };
    turns.iter().any(|turn| turn.parts.iter().any(is_tool))
}

/// Merges adjacent turns of equal role and name.
fn merge(turns: &mut Vec<Turn>) {
    turns.dedup_by(|next, previous| {
        let is_same = next.role == previous.role && next.name == previous.name;
        if is_same {
            previous.parts.append(&mut next.parts);
        }
        is_same
    });
}

/// Moves each result behind the turn of its call. Returns whether every call had one.
fn collect_results(turns: &mut Vec<Turn>) -> Result<bool, DecodeError> {
    let mut results = take_results(turns)?;
    let mut is_complete = true;
    let mut arranged = Vec::with_capacity(turns.len());
    for (index, turn) in turns.drain(..).enumerate() {
        let calls = calls_of(&turn);
        let at = turn.at;
        if !turn.parts.is_empty() {
            arranged.push(turn);
        }
        if calls.is_empty() {
            continue;
        }
        let mut answers = results.remove(&index).unwrap_or_default();
        let parts = calls.into_iter().map(|(id, name)| {
            let answer = answers.get_mut(&*id.to_plain());
            let answer = answer.and_then(VecDeque::pop_front);
            is_complete &= answer.is_some();
            let mut part = answer.unwrap_or_else(|| interrupted(id, at));
            if let PartKind::ToolResult(result) = &mut part.kind {
                result.name = Some(name);
            }
            part
        });
        let parts = parts.collect();
        arranged.push(Turn {
            role: Role::User,
            parts,
            name: None,
            at,
        });
    }
    *turns = arranged;
    Ok(is_complete)
}

/// The results of one turn's calls by the id of the call, in the order in which they came.
type Results = HashMap<String, VecDeque<Part>>;

/// Takes all results out of their turns. They are grouped by the index of the turn that made the
/// call: the nearest before with that id, since some servers reuse ids in each turn or give several
/// calls of one turn the same.
fn take_results(turns: &mut [Turn]) -> Result<HashMap<usize, Results>, DecodeError> {
    let mut pending: HashMap<String, PendingCalls> = HashMap::new();
    let mut results: HashMap<usize, Results> = HashMap::new();
    for (index, turn) in turns.iter_mut().enumerate() {
        for part in std::mem::take(&mut turn.parts) {
            match &part.kind {
                PartKind::ToolCall { .. } if turn.role != Role::Assistant => {
                    return Err(DecodeError::unsupported(
                        part.at,
                        "expected tool calls in the assistant's turns only",
                    ));
                }
                PartKind::ToolCall { id, .. } => {
                    pending
                        .entry(id.to_plain().into_owned())
                        .or_default()
                        .add(index);
                    turn.parts.push(part);
                }
                PartKind::ToolResult(result) => {
                    let id = result.call_id.to_plain().into_owned();
                    let caller = pending
                        .get_mut(&id)
                        .and_then(PendingCalls::take_one)
                        .ok_or_else(|| orphan(result, part.at))?;
                    let results = results.entry(caller).or_default();
                    results.entry(id).or_default().push_back(part);
                }
                _ => turn.parts.push(part),
            }
        }
    }
    Ok(results)
}

/// The calls with one id that have no result yet. All are of one turn, given by its index.
#[derive(Default)]
struct PendingCalls {
    turn: usize,
    calls: usize,
}

impl PendingCalls {
    fn add(&mut self, turn: usize) {
        let earlier = if self.turn == turn { self.calls } else { 0 };
        *self = Self {
            turn,
            calls: earlier + 1,
        };
    }

    /// Takes the call of a result. Returns its turn.
    fn take_one(&mut self) -> Option<usize> {
        self.calls = self.calls.checked_sub(1)?;
        Some(self.turn)
    }
}

fn orphan(result: &ToolResult, at: Offset) -> DecodeError {
    let id = shown(&result.call_id);
    DecodeError::unsupported(
        at,
        format!(
            "result for the tool call `{id}`, which no earlier turn made (or which has its result already)"
        ),
    )
}

fn calls_of(turn: &Turn) -> Vec<(EscapedStr, EscapedStr)> {
    let call = |part: &Part| match &part.kind {
        PartKind::ToolCall { id, name, .. } => Some((id.clone(), name.clone())),
        _ => None,
    };
    turn.parts.iter().filter_map(call).collect()
}

fn interrupted(call_id: EscapedStr, at: Offset) -> Part {
    let parts = vec![Part::text(EscapedStr::from_static(INTERRUPTED), at)];
    Part::new(
        PartKind::ToolResult(ToolResult {
            call_id,
            name: None,
            parts,
            is_error: true,
        }),
        at,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canon::ToolInput;
    use crate::json::Raw;

    fn turn(role: Role, parts: Vec<Part>) -> Turn {
        Turn {
            role,
            parts,
            name: None,
            at: Offset(0),
        }
    }

    fn call(id: &str) -> Part {
        let input = ToolInput::Json(Raw::from_static("{}"));
        Part::new(
            PartKind::ToolCall {
                id: id.into(),
                name: format!("tool_{id}").into(),
                namespace: None,
                input,
            },
            Offset(0),
        )
    }

    fn answer(id: &str) -> Part {
        Part::new(
            PartKind::ToolResult(ToolResult {
                call_id: id.into(),
                name: None,
                parts: vec![],
                is_error: false,
            }),
            Offset(0),
        )
    }

    fn text(text: &str) -> Part {
        Part::text(text.into(), Offset(0))
    }

    /// `user:=1 =2 hi`: a turn's role, then `+id` for calls, `=id` for results, `!id` for results
    /// that never came, and text.
    fn sketch(request: &Request) -> Vec<String> {
        let part = |part: &Part| match &part.kind {
            PartKind::ToolCall { id, .. } => format!("+{}", id.to_plain()),
            PartKind::ToolResult(result) if result.is_error => {
                format!("!{}", result.call_id.to_plain())
            }
            PartKind::ToolResult(result) => format!("={}", result.call_id.to_plain()),
            PartKind::Text(text) => text.to_plain().into_owned(),
            _ => "?".to_owned(),
        };
        let line = |turn: &Turn| {
            format!(
                "{:?}:{}",
                turn.role,
                turn.parts.iter().map(part).collect::<Vec<_>>().join(" ")
            )
        };
        request.turns.iter().map(line).collect()
    }

    #[test]
    fn results_follow_their_calls_in_the_order_of_the_calls() {
        let turns = vec![
            turn(Role::User, vec![text("go")]),
            turn(Role::Assistant, vec![call("1")]),
            turn(Role::Assistant, vec![call("2")]),
            turn(Role::User, vec![answer("2"), text("and")]),
            turn(Role::System, vec![text("note")]),
            turn(Role::User, vec![answer("1")]),
        ];
        let mut request = Request {
            turns,
            ..Request::default()
        };
        arrange(&mut request).unwrap();
        assert_eq!(
            sketch(&request),
            [
                "User:go",
                "Assistant:+1 +2",
                "User:=1 =2 and",
                "System:note"
            ]
        );
        assert!(request.added.is_empty());
    }

    /// Took the square of the number of calls once: minutes for these.
    #[test]
    fn results_in_reverse_are_no_more_work() {
        const CALLS: usize = 100_000;
        let ids = (0..CALLS).map(|n| n.to_string());
        let calls = ids.clone().map(|id| call(&id)).collect();
        let answers = ids.rev().map(|id| answer(&id)).collect();
        let mut request = Request {
            turns: vec![turn(Role::Assistant, calls), turn(Role::User, answers)],
            ..Request::default()
        };
        arrange(&mut request).unwrap();
        let PartKind::ToolResult(last) = &request.turns[1].parts[CALLS - 1].kind else {
            panic!("expected a result")
        };
        assert_eq!(last.call_id, (CALLS - 1).to_string().as_str());
    }

    #[test]
    fn an_interrupted_call_gets_a_result_that_says_so() {
        let turns = vec![
            turn(Role::Assistant, vec![call("1"), call("2")]),
            turn(Role::User, vec![answer("2"), text("stop")]),
        ];
        let mut request = Request {
            turns,
            ..Request::default()
        };
        arrange(&mut request).unwrap();
        assert_eq!(sketch(&request), ["Assistant:+1 +2", "User:!1 =2 stop"]);
        assert_eq!(request.added, ["tool_result"]);
    }

    #[test]
    fn ids_may_come_again_in_a_later_turn() {
        let turns = vec![
            turn(Role::Assistant, vec![call("1")]),
            turn(Role::User, vec![answer("1")]),
            turn(Role::Assistant, vec![call("1")]),
            turn(Role::User, vec![answer("1")]),
        ];
        let mut request = Request {
            turns,
            ..Request::default()
        };
        arrange(&mut request).unwrap();
        assert_eq!(
            sketch(&request),
            ["Assistant:+1", "User:=1", "Assistant:+1", "User:=1"]
        );
    }

    #[test]
    fn calls_of_one_turn_may_share_an_id() {
        let results = turn(Role::User, vec![answer("1"), text("and"), answer("1")]);
        let turns = vec![
            turn(Role::Assistant, vec![call("1"), call("1")]),
            results.clone(),
        ];
        let mut request = Request {
            turns: turns.clone(),
            ..Request::default()
        };
        arrange(&mut request).unwrap();
        assert_eq!(sketch(&request), ["Assistant:+1 +1", "User:=1 =1 and"]);
        let mut one_more = Request {
            turns: [turns, vec![results]].concat(),
            ..Request::default()
        };
        arrange(&mut one_more).unwrap_err();
    }

    #[test]
    fn a_call_that_the_assistant_did_not_make_is_refused() {
        let mut request = Request {
            turns: vec![turn(Role::User, vec![call("1"), answer("1")])],
            ..Request::default()
        };
        arrange(&mut request).unwrap_err();
    }

    #[test]
    fn a_result_without_its_call_is_refused_by_name() {
        let mut request = Request {
            turns: vec![turn(Role::User, vec![answer("lost")])],
            ..Request::default()
        };
        let DecodeError::Unsupported { fault, .. } = arrange(&mut request).unwrap_err() else {
            panic!("expected a refusal")
        };
        assert!(fault.message.contains("`lost`"), "{}", fault.message);
    }
}
