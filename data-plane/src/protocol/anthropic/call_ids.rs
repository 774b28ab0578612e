//! Ids of calls on the wire: the client's own wherever the API takes them, alike in call and result.
//!
//! Source: "`tool_use` ids must be unique". Some servers use the same ids again in each turn.

use std::collections::{HashMap, HashSet, VecDeque};

use super::rules::CALL_ID_LEN_MAX;
use crate::json::EscapedStr;
use crate::protocol::names;

/// The ids that are on the wire so far.
#[derive(Debug, Default)]
pub(super) struct CallIds {
    used: HashSet<String>,
    /// By the client's id: those of calls whose results are still to be written, and how often the
    /// id came.
    calls: HashMap<String, (VecDeque<EscapedStr>, usize)>,
}

impl CallIds {
    /// The id of the next call.
    pub(super) fn of_call(&mut self, id: &EscapedStr) -> EscapedStr {
        let fitting = names::call_id(id, CALL_ID_LEN_MAX);
        let plain = fitting.to_plain().into_owned();
        let (waiting, count) = self.calls.entry(id.to_plain().into_owned()).or_default();
        let mut unique = plain.clone();
        while !self.used.insert(unique.clone()) {
            *count += 1;
            unique = format!("{plain}_{count}");
        }
        let on_wire = if unique == plain {
            fitting
        } else {
            EscapedStr::from(unique)
        };
        waiting.push_back(on_wire.clone());
        on_wire
    }

    /// The id of the next result. Results follow their calls, in the order of the calls.
    pub(super) fn of_result(&mut self, id: &EscapedStr) -> EscapedStr {
        let calls = self.calls.get_mut(&*id.to_plain());
        calls
            .and_then(|(waiting, _)| waiting.pop_front())
            .unwrap_or_else(|| names::call_id(id, CALL_ID_LEN_MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_comes_again_gets_another_in_call_and_result() {
        let mut ids = CallIds::default();
        let id = EscapedStr::from("call_1");
        assert_eq!(ids.of_call(&id), "call_1");
        assert_eq!(ids.of_result(&id), "call_1");
        assert_eq!(ids.of_call(&id), "call_1_1");
        assert_eq!(ids.of_call(&id), "call_1_2");
        assert_eq!(ids.of_result(&id), "call_1_1");
        assert_eq!(ids.of_result(&id), "call_1_2");
        assert_eq!(ids.of_call(&"call_1_1".into()), "call_1_1_1");
    }
}
