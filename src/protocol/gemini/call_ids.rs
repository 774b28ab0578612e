//! Ids of calls where Gemini leaves them out, and which result answers which call.
//!
//! Ids are derived from what is known, so that a history gives the same ids each time it comes.
//!
//! Source: Gemini API, `FunctionCall.id` (optional); results match by id if there is one, else by
//! name and order.

use std::collections::{HashMap, VecDeque};

use sha2::{Digest as _, Sha256};

use crate::json::EscapedStr;

/// The calls of a history that have no result yet.
///
/// Each is in several queues; one that has its result stays in the others until they come to it, so
/// that no queue is searched.
#[derive(Debug, Default)]
pub(super) struct PendingCalls {
    /// The ids of the calls; `None` for one that has its result.
    calls: Vec<Option<EscapedStr>>,
    by_id: HashMap<String, VecDeque<usize>>,
    by_name: HashMap<String, ByTurn>,
    /// The same for the calls whose id is ours, because the client sent none.
    generated_by_name: HashMap<String, ByTurn>,
}

/// The calls of each turn in their order, the latest turn last.
type ByTurn = Vec<(usize, VecDeque<usize>)>;

impl PendingCalls {
    /// Adds a call and returns its id: its own, or one made from its place in the history.
    pub(super) fn add(
        &mut self,
        id: Option<EscapedStr>,
        name: &EscapedStr,
        turn: usize,
        position: usize,
    ) -> EscapedStr {
        let is_generated = id.is_none();
        let id = id.unwrap_or_else(|| EscapedStr::from(format!("call_{turn}_{position}")));
        let index = self.calls.len();
        self.calls.push(Some(id.clone()));
        let name = name.to_plain();
        let by_id = self.by_id.entry(id.to_plain().into_owned()).or_default();
        by_id.push_back(index);
        push(
            self.by_name.entry(name.clone().into_owned()).or_default(),
            turn,
            index,
        );
        if is_generated {
            let by_name = self.generated_by_name.entry(name.into_owned());
            push(by_name.or_default(), turn, index);
        }
        id
    }

    /// Removes the call that a result answers and returns its id. A result that answers none keeps
    /// its own id, or takes its name as one.
    pub(super) fn resolve(&mut self, id: Option<EscapedStr>, name: &EscapedStr) -> EscapedStr {
        let by_id = id.as_ref().and_then(|id| self.take_by_id(id));
        by_id
            .or_else(|| self.take_by_name(name, id.is_some()))
            .or(id)
            .unwrap_or_else(|| name.clone())
    }

    fn take_by_id(&mut self, id: &EscapedStr) -> Option<EscapedStr> {
        let queue = self.by_id.get_mut(&*id.to_plain())?;
        take_first(queue, &mut self.calls)
    }

    /// Takes the first call of that name in the latest turn that has one: an interrupted call of an
    /// earlier turn never gets its result. A result with an id never answers a call with another
    /// (`only_generated`).
    fn take_by_name(&mut self, name: &EscapedStr, only_generated: bool) -> Option<EscapedStr> {
        let by_name = if only_generated {
            &mut self.generated_by_name
        } else {
            &mut self.by_name
        };
        let turns = by_name.get_mut(&*name.to_plain())?;
        while let Some((_, queue)) = turns.last_mut() {
            if let Some(id) = take_first(queue, &mut self.calls) {
                return Some(id);
            }
            turns.pop();
        }
        None
    }
}

fn push(turns: &mut ByTurn, turn: usize, index: usize) {
    match turns.last_mut() {
        Some((last, queue)) if *last == turn => queue.push_back(index),
        _ => turns.push((turn, [index].into())),
    }
}

/// Takes the first call of the queue that has no result yet.
fn take_first(queue: &mut VecDeque<usize>, calls: &mut [Option<EscapedStr>]) -> Option<EscapedStr> {
    while let Some(index) = queue.pop_front() {
        if let Some(id) = calls[index].take() {
            return Some(id);
        }
    }
    None
}

/// The id of a response's call that came without one: 29 characters, unique by the request's random
/// id.
pub(super) fn generate(request_id: &str, counter: u64) -> EscapedStr {
    let digest = Sha256::digest(format!("{request_id}.{counter}"));
    EscapedStr::from(format!("call_{}", hex::encode(&digest[..12])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_without_ids_answer_calls_by_name_and_order() {
        let mut calls = PendingCalls::default();
        for (position, name) in ["a", "b", "a"].into_iter().enumerate() {
            calls.add(None, &name.into(), 1, position);
        }
        let answered = ["a", "a", "b"].map(|name| calls.resolve(None, &name.into()));
        assert_eq!(
            answered,
            ["call_1_0", "call_1_2", "call_1_1"].map(EscapedStr::from)
        );
    }

    #[test]
    fn a_call_that_was_interrupted_takes_no_later_result() {
        let mut calls = PendingCalls::default();
        calls.add(None, &"a".into(), 1, 0);
        calls.add(None, &"a".into(), 3, 0);
        assert_eq!(calls.resolve(None, &"a".into()), "call_3_0");
    }

    #[test]
    fn a_result_with_an_id_never_answers_another_id() {
        let mut calls = PendingCalls::default();
        calls.add(Some("x".into()), &"a".into(), 1, 0);
        assert_eq!(calls.resolve(Some("y".into()), &"a".into()), "y");
        assert_eq!(calls.resolve(Some("x".into()), &"a".into()), "x");
    }

    #[test]
    fn a_call_is_answered_once_by_name_or_by_id() {
        let mut calls = PendingCalls::default();
        calls.add(Some("x".into()), &"a".into(), 1, 0);
        calls.add(None, &"a".into(), 1, 1);
        assert_eq!(calls.resolve(Some("x".into()), &"a".into()), "x");
        assert_eq!(calls.resolve(None, &"a".into()), "call_1_1");
        assert_eq!(calls.resolve(None, &"a".into()), "a");
        assert_eq!(calls.resolve(Some("x".into()), &"a".into()), "x");
    }

    /// Took the square of the number of calls once: minutes for these.
    #[test]
    fn results_in_reverse_are_no_more_work() {
        const CALLS: usize = 200_000;
        let mut calls = PendingCalls::default();
        for n in 0..CALLS {
            calls.add(Some(n.to_string().into()), &"a".into(), n, 0);
        }
        for n in (0..CALLS).rev() {
            let id = EscapedStr::from(n.to_string());
            assert_eq!(calls.resolve(Some(id.clone()), &"a".into()), id);
        }
        assert_eq!(calls.resolve(None, &"a".into()), "a");
    }

    #[test]
    fn minted_ids_differ_and_stay_short() {
        assert_ne!(generate("r", 0), generate("r", 1));
        assert_ne!(generate("r", 0), generate("s", 0));
        assert_eq!(generate("r", 0).to_plain().len(), 29);
    }
}
