//! What routing needs of a request: model, stream, session.
//!
//! A small body is looked through whole. Of a larger one the two ends are read first, since most
//! clients write the members beside the conversation close to an edge; then all of it, up to a
//! length from which looking through would cost more than sending it on. What lies between the ends
//! is left to the upstream to judge.
//!
//! A client that wants no stream often says nothing of streams. Whether the word occurs at all is
//! found out at a tenth of what reading costs.

use std::borrow::Cow;
use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::client_request::ClientRequest;
use crate::canon::Fault;
use crate::json::{Document, EdgeMembers};
use crate::protocol::RoutingFields;

/// Up to this length a body is read whole at once.
const SMALL_BYTES_MAX: usize = 16 * 1024;

/// Up to this length a body is read whole where its ends do not tell all: with a shallow index that
/// costs less than a copy of it.
const WHOLE_BYTES_MAX: usize = 512 * 1024;

/// How much of each end is read: at first, where that does not tell of a stream, and of a body that
/// is too long to be read whole.
const NEAREST_BYTES: usize = 1024;
const NEAR_BYTES: usize = 4 * 1024;
const FAR_BYTES: usize = 64 * 1024;

/// The member that asks for a stream, in the dialects that have one for it.
static STREAM: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new("\"stream\""));

/// The members that name what a request continues.
///
/// Source: OpenAI Responses reference, "Create a model response".
static CONTINUED: LazyLock<[Finder<'_>; 2]> =
    LazyLock::new(|| ["\"previous_response_id\"", "\"conversation\""].map(Finder::new));

/// Whether the body may say what it continues. Most do not, and need not be read for it.
pub(super) fn may_continue(request: &ClientRequest) -> bool {
    CONTINUED.iter().any(|word| request.body.contains(word))
}

/// Reads the whole body.
///
/// # Errors
/// When the request does not say what routing needs.
pub(super) fn from_whole(request: &ClientRequest) -> Result<RoutingFields, Fault> {
    let body = request.body.whole();
    let mut fields = request
        .protocol
        .routing_fields(&request.inbound(body))
        .map_err(|error| error.into_fault(body))?;
    fields
        .stream
        .get_or_insert(request.protocol.streams_unasked());
    Ok(fields)
}

/// The models that the body names beside its own: what some services fall back to. None where the
/// body cannot be read.
///
/// Source: OpenRouter's documentation, "Model fallbacks": `models`, an array of names.
pub(super) fn other_models(request: &ClientRequest) -> Vec<String> {
    let body = request.body.whole().clone();
    let Ok(document) = Document::parse(body) else {
        return Vec::new();
    };
    let fields = document.root().fields().into_iter().flatten();
    let lists = fields.filter(|(name, _)| name == "models");
    let names = lists.filter_map(|(_, list)| list.items().ok()).flatten();
    names
        .filter_map(|name| name.str().ok().map(Cow::into_owned))
        .collect()
}

/// Reads both ends of a large body. `None` where the body is small, or its ends do not tell enough
/// and it can be read whole.
///
/// Of a body that is too long for that, `stream` and the session's field may stand between the
/// ends, and are then missing. So is `stream` where the body does not have it, or writes it with
/// escapes: what the upstream sends then tells what was asked for.
pub(super) fn from_ends(request: &ClientRequest) -> Option<RoutingFields> {
    let bytes = request.body.len();
    if bytes <= SMALL_BYTES_MAX {
        return None;
    }
    let says_stream = |fields: &RoutingFields| fields.stream.is_some();
    let nearest = from_edges(request, bytes, NEAREST_BYTES);
    if nearest.as_ref().is_some_and(says_stream) {
        return nearest;
    }
    if nearest.is_some() && !request.body.contains(&STREAM) {
        return nearest;
    }
    let near = from_edges(request, bytes, NEAR_BYTES);
    if near.as_ref().is_some_and(says_stream) {
        return near;
    }
    if bytes <= WHOLE_BYTES_MAX {
        return None;
    }
    from_edges(request, bytes, FAR_BYTES).or(near)
}

/// Reads the first and the last `length` bytes.
fn from_edges(request: &ClientRequest, bytes: usize, length: usize) -> Option<RoutingFields> {
    let head = request.body.slice(0..length);
    let tail = request.body.slice(bytes - length..bytes);
    let edges = EdgeMembers::of(head.whole(), tail.whole(), bytes)?;
    let mut fields = request
        .protocol
        .routing_fields(&request.inbound(edges.text()))
        .ok()?;
    fields.model_at = fields.model_at.map(|at| edges.locate(at));
    Some(fields)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::HeaderMap;
    use tokio::time::Instant;
    use tokio_util::sync::CancellationToken;
    use tracing::Span;

    use super::*;
    use crate::outcome::Timestamp;
    use crate::protocol::query::KnownQuery;
    use crate::protocol::{self, Operation};
    use crate::segmented_bytes::SegmentedBytes;

    fn request(dialect: &str, body: &str) -> ClientRequest {
        let mut segments = SegmentedBytes::default();
        body.as_bytes()
            .chunks(10_000)
            .for_each(|chunk| segments.push(Bytes::copy_from_slice(chunk)));
        ClientRequest {
            request_id: "1".to_owned(),
            method: http::Method::POST,
            uri: http::Uri::from_static("/"),
            protocol: protocol::by_name(dialect).unwrap(),
            provider: None,
            surface: None,
            operation: Operation::Generate,
            path_model: (dialect == "gemini").then(|| "m".to_owned()),
            query: KnownQuery::default(),
            key: None,
            permit: None,
            query_key: None,
            repeats: None,
            headers: HeaderMap::new(),
            body: segments,
            received_at: Timestamp::now(),
            arrived: Instant::now(),
            shutdown: CancellationToken::new(),
            span: Span::none(),
        }
    }

    fn long() -> String {
        r#"{"role":"user","content":"He said \"{\\\"model\\\":\\\"x\\\"}\" and [left\\"},"#
            .repeat(8000)
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
            let request = request(dialect, &body);
            let (ends, whole) = (from_ends(&request).unwrap(), from_whole(&request).unwrap());
            assert_eq!(ends, whole, "{dialect}");
            if let Some(at) = ends.model_at {
                assert_eq!(body[at].replace('\\', ""), whole.model);
            }
        }
    }

    #[test]
    fn what_stands_between_the_ends_is_not_known() {
        let (long, model) = (long(), r#""model":"m""#);
        let hidden = from_ends(&request(
            "openai_chat",
            &format!(r#"{{{model},"messages":[{long}],"stream":true,"tools":[{long}]}}"#),
        ));
        assert_eq!(
            hidden.map(|fields| (fields.model, fields.stream)),
            Some(("m".to_owned(), None))
        );
        assert_eq!(
            from_ends(&request(
                "openai_chat",
                &format!(r#"{{"messages":[{long}],{model},"tools":[{long}]}}"#)
            )),
            None
        );
        assert_eq!(
            from_ends(&request("openai_chat", r#"{"model":"m","messages":[]}"#)),
            None,
            "a small one is read whole"
        );
    }

    #[test]
    fn a_body_without_the_word_is_not_read_through() {
        let long = long();
        for more in ["", r#","note":"he said \"stream\"""#] {
            let body = format!(r#"{{"model":"m","messages":[{long}]{more}}}"#);
            let fields = from_ends(&request("openai_chat", &body)).unwrap();
            assert_eq!((fields.model.as_str(), fields.stream), ("m", None));
        }
        // A tool's parameter of that name is no reason to believe it.
        let tool = r#"{"parameters":{"properties":{"stream":{"type":"boolean"}}}}"#;
        let medium = &long[..long.len() / 4];
        let medium = &medium[..=medium.rfind("},").unwrap()];
        let body = format!(r#"{{"model":"m","messages":[{medium}],"tools":[{tool},{medium}]}}"#);
        assert!((SMALL_BYTES_MAX..WHOLE_BYTES_MAX).contains(&body.len()));
        assert_eq!(
            from_ends(&request("openai_chat", &body)),
            None,
            "read whole"
        );
    }

    #[test]
    fn what_may_continue_is_found_wherever_it_stands() {
        let long = long();
        let body =
            |member: &str| format!(r#"{{"model":"m","input":[{long}]{member},"tools":[{long}]}}"#);
        let may = |member: &str| may_continue(&request("openai_responses", &body(member)));
        assert!(may(r#","previous_response_id":"r""#));
        assert!(may(r#","conversation":{"id":"c"}"#));
        assert!(!may(r#","note":"a \"conversation\"""#));
    }

    #[test]
    fn a_farther_look_is_taken_for_what_is_missing() {
        let (long, tools) = (long(), "\"x\",".repeat(5000));
        let body =
            format!(r#"{{"messages":[{long}],"model":"m","stream":true,"tools":[{tools}1]}}"#);
        let fields = from_ends(&request("openai_chat", &body)).unwrap();
        assert_eq!((fields.model.as_str(), fields.stream), ("m", Some(true)));
        assert_eq!(&body[fields.model_at.unwrap()], "m");
    }
}
