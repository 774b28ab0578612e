//! Ids of calls where Gemini leaves them out, and which result answers which call.
//!
//! Ids are derived from what is known, so that a history gives the same ids each time it comes.
//!
//! Source: Gemini API, `FunctionCall.id` (optional); results match by id if there is one, else by
//! name and order.

use std::cmp::Reverse;

use sha2::{Digest as _, Sha256};

use crate::json::EscapedStr;

/// The calls of a history that have no result yet.
#[derive(Debug, Default)]
pub(super) struct PendingCalls {
    calls: Vec<PendingCall>,
}

#[derive(Debug)]
struct PendingCall {
    id: EscapedStr,
    name: EscapedStr,
    turn: usize,
    /// Whether the id is ours, because the client sent none.
    is_generated: bool,
}

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
        self.calls.push(PendingCall {
            id: id.clone(),
            name: name.clone(),
            turn,
            is_generated,
        });
        id
    }

    /// Removes the call that a result answers and returns its id. A result that answers none keeps
    /// its own id, or takes its name as one.
    pub(super) fn resolve(&mut self, id: Option<EscapedStr>, name: &EscapedStr) -> EscapedStr {
        let answered = id
            .as_ref()
            .and_then(|id| self.position_by_id(id))
            .or_else(|| self.position_by_name(name, id.is_some()));
        match answered {
            Some(index) => self.calls.remove(index).id,
            None => id.unwrap_or_else(|| name.clone()),
        }
    }

    fn position_by_id(&self, id: &EscapedStr) -> Option<usize> {
        self.calls.iter().position(|call| call.id == *id)
    }

    /// The first call of that name in the latest turn that has one: an interrupted call of an
    /// earlier turn never gets its result. A result with an id never answers a call with another
    /// (`only_generated`).
    fn position_by_name(&self, name: &EscapedStr, only_generated: bool) -> Option<usize> {
        let matching = self
            .calls
            .iter()
            .enumerate()
            .filter(|(_, call)| call.name == *name && (call.is_generated || !only_generated));
        matching
            .max_by_key(|(index, call)| (call.turn, Reverse(*index)))
            .map(|(index, _)| index)
    }
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
    fn minted_ids_differ_and_stay_short() {
        assert_ne!(generate("r", 0), generate("r", 1));
        assert_ne!(generate("r", 0), generate("s", 0));
        assert_eq!(generate("r", 0).to_plain().len(), 29);
    }
}
