//! What routing needs of a request: of a small body all is looked at, of a large one the two ends,
//! since reading it through would cost more than sending it on. What lies between is then the
//! upstream's to judge.

use super::Call;
use crate::canon::Fault;
use crate::json::EdgeMembers;
use crate::protocol::RoutingFields;

/// Up to which length a body is looked at whole.
const WHOLE_BYTES_MAX: usize = 64 * 1024;

/// How much of each end is looked at: as a rule the few members beside the conversation stand close
/// to the edge.
const ENDS_BYTES: [usize; 2] = [4 * 1024, WHOLE_BYTES_MAX];

/// Looks at all of the body.
///
/// # Errors
/// When the request does not say what routing needs.
pub(super) fn at_whole(call: &Call) -> Result<RoutingFields, Fault> {
    let body = call.body.whole();
    let mut peek = call
        .protocol
        .routing_fields(&call.inbound(body))
        .map_err(|error| error.into_fault(body))?;
    peek.stream.get_or_insert(false);
    Ok(peek)
}

/// Looks at the ends of a large body. `None` where it is small, or its ends do not name the model.
///
/// `stream` and what names the conversation may stand between them, and are then missing.
pub(super) fn at_ends(call: &Call) -> Option<RoutingFields> {
    let bytes = call.body.len();
    if bytes <= WHOLE_BYTES_MAX {
        return None;
    }
    let mut looks = ENDS_BYTES
        .iter()
        .filter_map(|length| at_edges(call, bytes, (*length).min(bytes / 2)));
    let near = looks.next()?;
    if near.stream.is_some() {
        Some(near)
    } else {
        looks.next().or(Some(near))
    }
}

fn at_edges(call: &Call, bytes: usize, length: usize) -> Option<RoutingFields> {
    let (head, tail) = (
        call.body.slice(0..length),
        call.body.slice(bytes - length..bytes),
    );
    let ends = EdgeMembers::of(head.whole(), tail.whole(), bytes)?;
    let mut peek = call
        .protocol
        .routing_fields(&call.inbound(ends.text()))
        .ok()?;
    peek.model_at = peek.model_at.map(|at| ends.locate(at));
    Some(peek)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::HeaderMap;
    use tokio::time::Instant;

    use super::*;
    use crate::outcome::Timestamp;
    use crate::protocol::{self, Operation};
    use crate::segmented_bytes::SegmentedBytes;

    fn call(dialect: &str, body: &str) -> Call {
        let mut pieces = SegmentedBytes::default();
        body.as_bytes()
            .chunks(10_000)
            .for_each(|chunk| pieces.push(Bytes::copy_from_slice(chunk)));
        Call {
            request_id: "1".to_owned(),
            protocol: protocol::by_name(dialect).unwrap(),
            operation: Operation::Generate,
            path_model: (dialect == "gemini").then(|| "m".to_owned()),
            query: None,
            headers: HeaderMap::new(),
            body: pieces,
            received_at: Timestamp::now(),
            arrived: Instant::now(),
        }
    }

    fn long() -> String {
        r#"{"role":"user","content":"He said \"{\\\"model\\\":\\\"x\\\"}\" and [left\\"},"#
            .repeat(3000)
            + r#"{"role":"user","content":"?"}"#
    }

    #[test]
    fn the_ends_say_what_the_whole_says() {
        let long = long();
        for (dialect, body) in [
            (
                "openai_chat",
                format!(
                    r#"{{"model":"a/b","stream":true,"messages":[{long}],"prompt_cache_key":"k"}}"#
                ),
            ),
            (
                "openai_chat",
                format!(r#"{{"messages":[{long}],"model":"a\/b","stream":false}}"#),
            ),
            (
                "anthropic",
                format!(
                    r#"{{"max_tokens":9,"messages":[{long}],"metadata":{{"user_id":"u"}},"model":"c","stream":true}}"#
                ),
            ),
            (
                "openai_responses",
                format!(
                    r#"{{"model":"m","input":[{long}],"previous_response_id":"r","stream":true}} "#
                ),
            ),
            ("gemini", format!(r#"{{"contents":[{long}]}}"#)),
        ] {
            let call = call(dialect, &body);
            let (ends, whole) = (at_ends(&call).unwrap(), at_whole(&call).unwrap());
            assert_eq!(ends, whole, "{dialect}");
            if let Some(at) = ends.model_at {
                assert_eq!(body[at].replace('\\', ""), whole.model);
            }
        }
    }

    #[test]
    fn what_stands_between_the_ends_is_not_known() {
        let (long, model) = (long(), r#""model":"m""#);
        let hidden = at_ends(&call(
            "openai_chat",
            &format!(r#"{{{model},"messages":[{long}],"stream":true,"tools":[{long}]}}"#),
        ));
        assert_eq!(
            hidden.map(|peek| (peek.model, peek.stream)),
            Some(("m".to_owned(), None))
        );
        assert_eq!(
            at_ends(&call(
                "openai_chat",
                &format!(r#"{{"messages":[{long}],{model},"tools":[{long}]}}"#)
            )),
            None
        );
        assert_eq!(
            at_ends(&call("openai_chat", r#"{"model":"m","messages":[]}"#)),
            None,
            "a small one is looked at whole"
        );
    }

    #[test]
    fn a_farther_look_is_taken_for_what_is_missing() {
        let (long, tools) = (long(), "\"x\",".repeat(5000));
        let body =
            format!(r#"{{"messages":[{long}],"model":"m","stream":true,"tools":[{tools}1]}}"#);
        let peek = at_ends(&call("openai_chat", &body)).unwrap();
        assert_eq!((peek.model.as_str(), peek.stream), ("m", Some(true)));
        assert_eq!(&body[peek.model_at.unwrap()], "m");
    }
}
