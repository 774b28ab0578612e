//! From a path to a dialect's operation, forgiving what people get wrong about base URLs.
//!
//! Prefix aliases, missing or doubled version segments and trailing slashes are all fine; what is left is matched against the
//! dialects' own routes.

use http::{HeaderMap, Method};
use percent_encoding::percent_decode_str;

use crate::protocol::{self, Hints, Operation, Protocol};

/// A request's path, its forgiven prefixes taken off.
pub(super) struct Path {
    /// What is left, percent-decoded, with one leading slash and none at the end.
    rest: String,
    /// The dialect that a prefix names.
    alias: Option<&'static dyn Protocol>,
    version: Option<String>,
}

/// Where a request goes.
#[derive(Clone)]
pub(super) struct Matched {
    pub(super) protocol: &'static dyn Protocol,
    pub(super) operation: Operation,
    pub(super) model: Option<String>,
}

/// What a path has to offer.
pub(super) enum Found {
    Route(Matched),
    /// The path exists, with these other methods.
    OtherMethod(Vec<Method>),
    Nothing,
}

impl Path {
    pub(super) fn read(path: &str) -> Self {
        let mut segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
        segments.reverse();
        let (mut alias, mut version) = (None, None);
        while let Some(segment) = segments.last() {
            if let Some(named) = by_alias(segment) {
                alias = alias.or(Some(named));
            } else if is_version(segment) {
                version = Some((*segment).to_owned());
            } else {
                break;
            }
            segments.pop();
        }
        segments.reverse();
        let rest = percent_decode_str(&segments.join("/")).decode_utf8_lossy().into_owned();
        Self { rest: format!("/{rest}"), alias, version }
    }

    /// The dialect that the client most likely speaks: of a prefix, else by what it says of itself.
    pub(super) fn likely_dialect(&self, headers: &HeaderMap, query: Option<&str>) -> &'static dyn Protocol {
        let hints = Hints { path: &self.rest, version: self.version.as_deref(), query, headers };
        let hinted = || protocol::ALL.iter().copied().find(|protocol| protocol.is_hinted(&hints));
        self.alias.or_else(hinted).unwrap_or(protocol::FALLBACK)
    }

    /// The route of this path: of the likely dialect where several have it.
    pub(super) fn find(&self, method: &Method, likely: &'static dyn Protocol) -> Found {
        let mut others = Vec::new();
        for protocol in std::iter::once(likely).chain(protocol::ALL.iter().copied()) {
            for route in protocol.routes() {
                let Some(model) = route.matches(&self.rest) else { continue };
                if route.method == *method || (*method == Method::HEAD && route.method == Method::GET) {
                    return Found::Route(Matched { protocol, operation: route.operation, model });
                }
                if !others.contains(&route.method) {
                    others.push(route.method.clone());
                }
            }
        }
        if others.is_empty() { Found::Nothing } else { Found::OtherMethod(others) }
    }

    /// Whether this is the path of the health check.
    pub(super) fn is_health(&self) -> bool {
        self.rest == "/healthz" && self.alias.is_none() && self.version.is_none()
    }

    /// Whether nothing is asked for but whether somebody is there.
    pub(super) fn is_root(&self) -> bool {
        self.rest == "/"
    }
}

fn by_alias(segment: &str) -> Option<&'static dyn Protocol> {
    protocol::ALL.iter().copied().find(|protocol| protocol.aliases().contains(&segment))
}

/// `v1`, `v1beta`, `v1alpha`, `v2`.
fn is_version(segment: &str) -> bool {
    let Some(rest) = segment.strip_prefix('v') else { return false };
    let letters = rest.trim_start_matches(|digit: char| digit.is_ascii_digit());
    letters.len() < rest.len() && ["", "beta", "alpha"].contains(&letters.trim_end_matches(|digit: char| digit.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(method: &Method, path: &str) -> Option<(String, Operation, Option<String>)> {
        let path = Path::read(path);
        let likely = path.likely_dialect(&HeaderMap::new(), None);
        match path.find(method, likely) {
            Found::Route(matched) => Some((matched.protocol.dialect().name().to_owned(), matched.operation, matched.model)),
            _ => None,
        }
    }

    #[test]
    fn forgiven_paths_reach_their_operation() {
        for path in [
            "/v1/chat/completions",
            "/chat/completions",
            "/v1/v1/chat/completions/",
            "/openai/v1/chat/completions",
            "/v1/openai/chat/completions",
        ] {
            assert_eq!(found(&Method::POST, path), Some(("openai_chat".into(), Operation::Generate, None)), "{path}");
        }
        for path in ["/v1/messages", "/messages", "/anthropic/v1/messages", "/v1/v1beta/messages"] {
            assert_eq!(found(&Method::POST, path), Some(("anthropic".into(), Operation::Generate, None)), "{path}");
        }
    }

    #[test]
    fn gemini_models_keep_their_slashes_and_split_at_the_last_colon() {
        let expected = |operation, model: &str| Some(("gemini".to_owned(), operation, Some(model.to_owned())));
        let post = |path| found(&Method::POST, path);
        assert_eq!(post("/v1beta/models/lab/llama3:8b:generateContent"), expected(Operation::Generate, "lab/llama3:8b"));
        assert_eq!(
            post("/v1/models/lab%2Fllama3%3A8b:streamGenerateContent"),
            expected(Operation::StreamGenerate, "lab/llama3:8b")
        );
        assert_eq!(post("/gemini/v1beta/models/models/x/countTokens"), expected(Operation::CountTokens, "x"));
    }

    #[test]
    fn an_alias_says_whose_list_of_models_is_meant() {
        let shape = |path| found(&Method::GET, path).map(|(dialect, ..)| dialect);
        assert_eq!(shape("/v1/models").as_deref(), Some("openai_chat"));
        assert_eq!(shape("/anthropic/v1/models").as_deref(), Some("anthropic"));
        assert_eq!(shape("/v1beta/models").as_deref(), Some("gemini"));
    }

    #[test]
    fn other_methods_are_told_from_unknown_paths() {
        let path = Path::read("/v1/messages");
        let likely = path.likely_dialect(&HeaderMap::new(), None);
        assert!(matches!(path.find(&Method::GET, likely), Found::OtherMethod(methods) if methods == [Method::POST]));
        let path = Path::read("/v1/nothing");
        assert!(matches!(path.find(&Method::GET, likely), Found::Nothing));
    }
}
