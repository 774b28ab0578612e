//! Ids of calls where a dialect leaves them out (Gemini, Ollama), and which result answers which
//! call.
//!
//! Ids are derived from what is known, so that a history gives the same ids each time it comes.
//!
//! Source: Gemini API, `FunctionCall.id` (optional); results match by id if there is one, else by
//! name and order.

use std::collections::{HashMap, VecDeque};

use sha2::{Digest as _, Sha256};

use crate::json::EscapedStr;

/// The calls of a history, and which of them have no result yet.
#[derive(Debug, Default)]
pub(crate) struct PendingCalls {
    calls: Vec<PendingCall>,
    by_id: HashMap<String, VecDeque<usize>>,
    by_name: HashMap<String, CallsOfName>,
}

#[derive(Debug)]
struct PendingCall {
    id: EscapedStr,
    turn: usize,
    is_answered: bool,
}

/// The calls of one tool, as indexes.
#[derive(Debug, Default)]
struct CallsOfName {
    /// Those with an id of the client's.
    named: Turns,
    /// Those whose id is ours, because the client sent none.
    generated: Turns,
    /// The one that was answered last.
    answered: Option<usize>,
}

/// Calls by turn, the latest turn last.
#[derive(Debug, Default)]
struct Turns(Vec<VecDeque<usize>>);

impl Turns {
    fn add(&mut self, index: usize, calls: &[PendingCall]) {
        match self.0.last_mut() {
            Some(turn)
                if turn
                    .back()
                    .is_some_and(|&last| calls[last].turn == calls[index].turn) =>
            {
                turn.push_back(index);
            }
            _ => self.0.push(VecDeque::from([index])),
        }
    }

    /// The first call of the latest turn that has one: an interrupted call of an earlier turn never
    /// gets its result.
    fn first_of_latest(&mut self, calls: &[PendingCall]) -> Option<usize> {
        while let Some(turn) = self.0.last_mut() {
            while turn.front().is_some_and(|&call| calls[call].is_answered) {
                turn.pop_front();
            }
            if let Some(&call) = turn.front() {
                return Some(call);
            }
            self.0.pop();
        }
        None
    }
}

impl PendingCalls {
    /// Adds a call and returns its id: its own, or one made from its place in the history.
    pub(crate) fn add(
        &mut self,
        id: Option<EscapedStr>,
        name: &EscapedStr,
        turn: usize,
        position: usize,
    ) -> EscapedStr {
        let is_generated = id.is_none();
        let id = id.unwrap_or_else(|| EscapedStr::from(format!("call_{turn}_{position}")));
        let index = self.calls.len();
        self.calls.push(PendingCall {
            id: id.clone(),
            turn,
            is_answered: false,
        });
        self.by_id
            .entry(id.to_plain().into_owned())
            .or_default()
            .push_back(index);
        let of_name = self
            .by_name
            .entry(name.to_plain().into_owned())
            .or_default();
        let turns = if is_generated {
            &mut of_name.generated
        } else {
            &mut of_name.named
        };
        turns.add(index, &self.calls);
        id
    }

    /// Marks the call that a result answers and returns its id. A result that comes again answers
    /// the same call. One that answers none keeps its own id, or takes its name as one.
    pub(crate) fn resolve(&mut self, id: Option<EscapedStr>, name: &EscapedStr) -> EscapedStr {
        let by_id = id.as_ref().and_then(|id| self.position_by_id(id));
        let answered = by_id.or_else(|| self.position_by_name(name, id.is_some()));
        let Some(index) = answered else {
            return id.unwrap_or_else(|| name.clone());
        };
        self.calls[index].is_answered = true;
        if let Some(of_name) = self.by_name.get_mut(&*name.to_plain()) {
            of_name.answered = Some(index);
        }
        self.calls[index].id.clone()
    }

    /// The first call of that id without a result, else the last of them.
    fn position_by_id(&mut self, id: &EscapedStr) -> Option<usize> {
        let calls = self.by_id.get_mut(&*id.to_plain())?;
        while calls.len() > 1 && self.calls[calls[0]].is_answered {
            calls.pop_front();
        }
        calls.front().copied()
    }

    /// The call of that name without a result. A result with an id never answers a call with another
    /// (`only_generated`).
    fn position_by_name(&mut self, name: &EscapedStr, only_generated: bool) -> Option<usize> {
        let of_name = self.by_name.get_mut(&*name.to_plain())?;
        let generated = of_name.generated.first_of_latest(&self.calls);
        if only_generated {
            return generated;
        }
        let named = of_name.named.first_of_latest(&self.calls);
        let latest = match (generated, named) {
            (Some(one), Some(other)) if self.calls[one].turn == self.calls[other].turn => {
                Some(one.min(other))
            }
            (one, other) => one.max(other),
        };
        latest.or(of_name.answered)
    }
}

/// The id of a response's call that came without one: 29 characters, unique by the request's random
/// id.
pub(crate) fn generate(request_id: &str, counter: u64) -> EscapedStr {
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
        assert_eq!(calls.resolve(Some("x".into()), &"a".into()), "x");
    }

    #[test]
    fn a_result_that_comes_again_answers_the_same_call() {
        let mut calls = PendingCalls::default();
        calls.add(None, &"a".into(), 1, 0);
        calls.add(Some("x".into()), &"b".into(), 1, 1);
        for _ in 0..2 {
            assert_eq!(calls.resolve(None, &"a".into()), "call_1_0");
            assert_eq!(calls.resolve(Some("x".into()), &"b".into()), "x");
        }
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
        assert_eq!(calls.resolve(None, &"b".into()), "b");
    }

    #[test]
    fn minted_ids_differ_and_stay_short() {
        assert_ne!(generate("r", 0), generate("r", 1));
        assert_ne!(generate("r", 0), generate("s", 0));
        assert_eq!(generate("r", 0).to_plain().len(), 29);
    }
}
