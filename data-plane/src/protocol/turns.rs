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

use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};

use super::DecodeError;
use super::names::shown;
use crate::canon::{Offset, Part, PartKind, Request, Role, ToolResult, Turn};
use crate::json::EscapedStr;

/// Replaces a result that never came because the user interrupted the call.
pub const INTERRUPTED: &str = "(no result: interrupted)";

/// Merges adjacent turns of equal role and puts the results of each turn's calls, in the order of the
/// calls, at the start of the user turn that follows. Calls without a result get one that says so
/// (noted in `added`). Every call has one result: one that came twice is kept once, others of the
/// same call join it, and one that stands before its call moves behind it (noted in `adjusted`).
///
/// # Errors
/// On a result without its call, naming the id, and on a call that the assistant did not make.
pub fn arrange(request: &mut Request) -> Result<(), DecodeError> {
    let mut turns = std::mem::take(&mut request.turns);
    move_leading_system(&mut turns, &mut request.system);
    merge(&mut turns);
    if has_tools(&turns) {
        let calls = Calls::take_results(&mut turns, request)?;
        turns = calls.arranged(turns, request);
        merge(&mut turns);
    }
    request.turns = turns;
    Ok(())
}

/// Moves system messages before the first turn to the system text, which is what they mean there.
fn move_leading_system(turns: &mut Vec<Turn>, system: &mut Vec<Part>) {
    let is_system = |turn: &&Turn| {
        matches!(turn.role, Role::System | Role::Developer)
            && turn
                .parts
                .iter()
                .all(|part| matches!(part.kind, PartKind::Text(_)))
    };
    let leading = turns.iter().take_while(is_system).count();
    for turn in turns.drain(..leading) {
        system.extend(turn.parts);
    }
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

/// The calls of a conversation with their results, in the order of the calls.
#[derive(Default)]
struct Calls {
    calls: Vec<Call>,
    by_id: HashMap<String, CallsOfId>,
}

struct Call {
    id: EscapedStr,
    name: EscapedStr,
    /// The index of its turn.
    turn: usize,
    result: Option<Part>,
}

/// The calls of one id, as indexes: some servers use the same ids again in each turn, or for several
/// calls of one turn.
#[derive(Default)]
struct CallsOfId {
    /// Those of the latest turn with that id that wait for their results.
    waiting: VecDeque<usize>,
    /// The one whose result came last.
    answered: Option<usize>,
}

impl Calls {
    /// Takes all results out of their turns. Each belongs to the nearest call before it with its id
    /// that has none yet.
    fn take_results(turns: &mut [Turn], request: &mut Request) -> Result<Self, DecodeError> {
        let mut calls = Self::default();
        let mut early = Vec::new();
        for (index, turn) in turns.iter_mut().enumerate() {
            for part in std::mem::take(&mut turn.parts) {
                match &part.kind {
                    PartKind::ToolCall { .. } if turn.role != Role::Assistant => {
                        return Err(DecodeError::unsupported(
                            part.at,
                            "expected tool calls in the assistant's turns only",
                        ));
                    }
                    PartKind::ToolCall { id, name, .. } => {
                        calls.called(id, name, index);
                        turn.parts.push(part);
                    }
                    PartKind::ToolResult(_) => early.extend(calls.answered(part, request)),
                    _ => turn.parts.push(part),
                }
            }
        }
        for part in early {
            request.adjusted.push(part.at);
            if let Some(part) = calls.answered(part, request) {
                return Err(orphan(&part));
            }
        }
        Ok(calls)
    }

    fn called(&mut self, id: &EscapedStr, name: &EscapedStr, turn: usize) {
        let of_id = self.by_id.entry(id.to_plain().into_owned()).or_default();
        // A call of an earlier turn that still waits was interrupted.
        if let Some(&waiting) = of_id.waiting.front()
            && self.calls[waiting].turn != turn
        {
            of_id.waiting.clear();
        }
        of_id.waiting.push_back(self.calls.len());
        self.calls.push(Call {
            id: id.clone(),
            name: name.clone(),
            turn,
            result: None,
        });
    }

    /// Gives a result to its call; returns it where no call with its id came yet.
    fn answered(&mut self, part: Part, request: &mut Request) -> Option<Part> {
        let PartKind::ToolResult(result) = &part.kind else {
            return None;
        };
        let of_id = self.by_id.get_mut(&*result.call_id.to_plain());
        let call = of_id.and_then(|of_id| {
            of_id.answered = of_id.waiting.pop_front().or(of_id.answered);
            of_id.answered
        });
        let Some(call) = call else {
            return Some(part);
        };
        match &mut self.calls[call].result {
            Some(first) => join_results(first, part, request),
            none => *none = Some(part),
        }
        None
    }

    /// The turns with the results behind the turns of their calls.
    fn arranged(self, turns: Vec<Turn>, request: &mut Request) -> Vec<Turn> {
        let mut calls = self.calls.into_iter().peekable();
        let mut is_complete = true;
        let mut arranged = Vec::with_capacity(turns.len());
        for (index, turn) in turns.into_iter().enumerate() {
            let at = turn.at;
            if !turn.parts.is_empty() {
                arranged.push(turn);
            }
            let mut results = Vec::new();
            while let Some(call) = calls.next_if(|call| call.turn == index) {
                is_complete &= call.result.is_some();
                results.push(call.into_result(at));
            }
            if !results.is_empty() {
                arranged.push(Turn {
                    role: Role::User,
                    parts: results,
                    name: None,
                    at,
                });
            }
        }
        if !is_complete {
            request.added.push("tool_result");
        }
        arranged
    }
}

impl Call {
    fn into_result(self, at: Offset) -> Part {
        let Self {
            id, name, result, ..
        } = self;
        let mut part = result.unwrap_or_else(|| interrupted(id, at));
        if let PartKind::ToolResult(result) = &mut part.kind {
            result.name = Some(name);
        }
        part
    }
}

/// Adds a further result to the first one of its call, as every dialect takes one. One that says the
/// same is left out: clients send it when they resume a conversation.
fn join_results(first: &mut Part, further: Part, request: &mut Request) {
    let (PartKind::ToolResult(first), PartKind::ToolResult(result)) =
        (&mut first.kind, further.kind)
    else {
        return;
    };
    request.adjusted.push(further.at);
    if !is_same_output(&first.parts, &result.parts) {
        first.is_error &= result.is_error;
        first.parts.extend(result.parts);
    }
}

/// Whether two outputs are written alike. Compares bytes, so that it costs no more than the shorter.
fn is_same_output(one: &[Part], other: &[Part]) -> bool {
    let is_same = |(one, other): (&Part, &Part)| match (&one.kind, &other.kind) {
        (PartKind::Text(one), PartKind::Text(other)) => one.as_escaped() == other.as_escaped(),
        (PartKind::Media(one), PartKind::Media(other)) => one == other,
        _ => false,
    };
    one.len() == other.len() && one.iter().zip(other).all(is_same)
}

fn orphan(part: &Part) -> DecodeError {
    let id = match &part.kind {
        PartKind::ToolResult(result) => shown(&result.call_id),
        _ => Cow::default(),
    };
    DecodeError::unsupported(
        part.at,
        format!("result for the tool call `{id}`, which no earlier turn made"),
    )
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
        let mut again = Request {
            turns: [turns, vec![results]].concat(),
            ..Request::default()
        };
        arrange(&mut again).unwrap();
        assert_eq!(sketch(&again), ["Assistant:+1 +1", "User:=1 =1 and and"]);
        assert_eq!(again.adjusted.len(), 2);
    }

    #[test]
    fn a_call_keeps_one_result_of_several() {
        let output = |id: &str, said: &str| {
            let mut part = answer(id);
            if let PartKind::ToolResult(result) = &mut part.kind {
                result.parts.push(text(said));
            }
            part
        };
        let turns = vec![
            turn(Role::Assistant, vec![call("1")]),
            turn(Role::User, vec![output("1", "a"), output("1", "a")]),
            turn(Role::Assistant, vec![text("so")]),
            turn(Role::User, vec![output("1", "b"), text("go on")]),
        ];
        let mut request = Request {
            turns,
            ..Request::default()
        };
        arrange(&mut request).unwrap();
        let expected = ["Assistant:+1", "User:=1", "Assistant:so", "User:go on"];
        assert_eq!(sketch(&request), expected);
        let PartKind::ToolResult(result) = &request.turns[1].parts[0].kind else {
            panic!("expected a result")
        };
        assert_eq!(result.parts, [text("a"), text("b")]);
        assert_eq!((request.adjusted.len(), request.added.len()), (2, 0));
    }

    #[test]
    fn a_result_before_its_call_moves_behind_it() {
        let turns = vec![
            turn(Role::User, vec![answer("1"), text("go")]),
            turn(Role::Assistant, vec![call("1"), call("2")]),
            turn(Role::User, vec![answer("2")]),
        ];
        let mut request = Request {
            turns,
            ..Request::default()
        };
        arrange(&mut request).unwrap();
        assert_eq!(
            sketch(&request),
            ["User:go", "Assistant:+1 +2", "User:=1 =2"]
        );
        assert_eq!((request.adjusted.len(), request.added.len()), (1, 0));
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
