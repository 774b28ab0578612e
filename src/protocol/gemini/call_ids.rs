//! Ids of calls where Gemini leaves them out, and which result answers which call.
//!
//! Source: Gemini API, `FunctionCall.id` (optional); results match by id if there is one, else by
//! name and order. Ids are made from what is known: no randomness here.

use std::cmp::Reverse;

use sha2::{Digest as _, Sha256};

use crate::json::EscapedStr;

/// The calls of a history that wait for their results.
#[derive(Debug, Default)]
pub(super) struct Calls {
    open: Vec<Open>,
}

#[derive(Debug)]
struct Open {
    id: EscapedStr,
    name: EscapedStr,
    turn: usize,
    is_minted: bool,
}

impl Calls {
    /// Notes a call and gives its id: its own, or one made from where it stands, the same each time
    /// the history comes back.
    pub(super) fn call(
        &mut self,
        id: Option<EscapedStr>,
        name: &EscapedStr,
        turn: usize,
        position: usize,
    ) -> EscapedStr {
        let is_minted = id.is_none();
        let id = id.unwrap_or_else(|| EscapedStr::from(format!("call_{turn}_{position}")));
        self.open.push(Open {
            id: id.clone(),
            name: name.clone(),
            turn,
            is_minted,
        });
        id
    }

    /// The id of the call that a result answers. A result that answers none keeps its own id, or
    /// its name for want of one.
    pub(super) fn result(&mut self, id: Option<EscapedStr>, name: &EscapedStr) -> EscapedStr {
        let answered = id
            .as_ref()
            .and_then(|id| self.by_id(id))
            .or_else(|| self.by_name(name, id.is_some()));
        match answered {
            Some(index) => self.open.remove(index).id,
            None => id.unwrap_or_else(|| name.clone()),
        }
    }

    fn by_id(&self, id: &EscapedStr) -> Option<usize> {
        self.open.iter().position(|call| call.id == *id)
    }

    /// The first open call of that name in the latest turn that has one. A result with an id never
    /// answers a call with another.
    fn by_name(&self, name: &EscapedStr, only_minted: bool) -> Option<usize> {
        let fits =
            |(_, call): &(usize, &Open)| call.name == *name && (call.is_minted || !only_minted);
        let named = self.open.iter().enumerate().filter(fits);
        named
            .max_by_key(|(index, call)| (call.turn, Reverse(*index)))
            .map(|(index, _)| index)
    }
}

/// The id of an answer's call that came without one: 29 characters, unique through the request's
/// random id.
pub(super) fn minted(request_id: &str, counter: u64) -> EscapedStr {
    let digest = Sha256::digest(format!("{request_id}.{counter}"));
    let hex: String = digest
        .iter()
        .take(12)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    EscapedStr::from(format!("call_{hex}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_without_ids_answer_calls_by_name_and_order() {
        let mut calls = Calls::default();
        for (position, name) in ["a", "b", "a"].into_iter().enumerate() {
            calls.call(None, &name.into(), 1, position);
        }
        let answered = ["a", "a", "b"].map(|name| calls.result(None, &name.into()));
        assert_eq!(
            answered,
            ["call_1_0", "call_1_2", "call_1_1"].map(EscapedStr::from)
        );
    }

    #[test]
    fn a_call_that_was_interrupted_takes_no_later_result() {
        let mut calls = Calls::default();
        calls.call(None, &"a".into(), 1, 0);
        calls.call(None, &"a".into(), 3, 0);
        assert_eq!(calls.result(None, &"a".into()), "call_3_0");
    }

    #[test]
    fn a_result_with_an_id_never_answers_another_id() {
        let mut calls = Calls::default();
        calls.call(Some("x".into()), &"a".into(), 1, 0);
        assert_eq!(calls.result(Some("y".into()), &"a".into()), "y");
        assert_eq!(calls.result(Some("x".into()), &"a".into()), "x");
    }

    #[test]
    fn minted_ids_differ_and_stay_short() {
        assert_ne!(minted("r", 0), minted("r", 1));
        assert_ne!(minted("r", 0), minted("s", 0));
        assert_eq!(minted("r", 0).to_plain().len(), 29);
    }
}
