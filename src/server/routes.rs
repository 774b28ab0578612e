//! From a path to a dialect's operation, forgiving what people get wrong about base URLs.
//!
//! Prefix aliases, missing or doubled version segments and trailing slashes are all fine; what is
//! left is matched against the dialects' own routes. It reads the head only, and decides nothing
//! about who may ask.

use std::sync::LazyLock;

use http::Method;
use http::request::Parts;
use percent_encoding::percent_decode_str;

use crate::protocol::{self, Hints, Operation, Protocol};

/// Where a request leads.
pub(super) struct Place {
    pub(super) found: Found,
    /// The dialect of the route; elsewhere the one that the client most likely speaks. Errors are
    /// said in it.
    pub(super) protocol: &'static dyn Protocol,
}

/// What a path has to offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// The root, where nothing is asked for but whether somebody is there.
    Root,
    Health,
    Route {
        operation: Operation,
        model: Option<String>,
    },
    /// The path exists, with these other methods.
    OtherMethod(Vec<Method>),
    Nothing,
}

impl Place {
    pub(super) fn of(head: &Parts) -> Self {
        if let Some(straight) = straight(head) {
            return straight;
        }
        let path = Path::read(head.uri.path());
        let likely = path.likely_dialect(head);
        match path.own() {
            Some(found) if is_read(&head.method) => Self {
                found,
                protocol: likely,
            },
            Some(_) => Self {
                found: Found::OtherMethod(vec![Method::GET, Method::HEAD]),
                protocol: likely,
            },
            None => path.find(&head.method, likely),
        }
    }
}

/// A path as the dialects' own documents write it, that one dialect alone has: most requests name
/// one, and need no forgiving.
struct Straight {
    path: String,
    method: Method,
    protocol: &'static dyn Protocol,
    operation: Operation,
}

static STRAIGHT: LazyLock<Vec<Straight>> = LazyLock::new(|| {
    let routes = || {
        protocol::ALL.iter().flat_map(|protocol| {
            protocol
                .descriptor()
                .routes
                .iter()
                .map(move |route| (*protocol, route))
        })
    };
    let sharers = |path: &str| {
        routes()
            .filter(|(_, route)| route.matches(path).is_some())
            .count()
    };
    let whole =
        routes().filter(|(_, route)| !route.pattern.contains('{') && sharers(route.pattern) == 1);
    whole
        .map(|(protocol, route)| Straight {
            path: format!("/{}{}", protocol.descriptor().version, route.pattern),
            method: route.method.clone(),
            protocol,
            operation: route.operation,
        })
        .collect()
});

fn straight(head: &Parts) -> Option<Place> {
    let known = STRAIGHT
        .iter()
        .find(|known| known.path == head.uri.path() && known.method == head.method)?;
    let found = Found::Route {
        operation: known.operation,
        model: None,
    };
    Some(Place {
        found,
        protocol: known.protocol,
    })
}

/// A request's path, its forgiven prefixes taken off.
struct Path {
    /// What is left, percent-decoded, with one leading slash and none at the end.
    rest: String,
    /// The dialect that a prefix names.
    alias: Option<&'static dyn Protocol>,
    version: Option<String>,
}

impl Path {
    fn read(path: &str) -> Self {
        let mut segments = path
            .split('/')
            .filter(|segment| !segment.is_empty())
            .peekable();
        let (mut alias, mut version) = (None, None);
        while let Some(segment) = segments.peek() {
            if let Some(named) = by_alias(segment) {
                alias = alias.or(Some(named));
            } else if is_version(segment) {
                version = Some((*segment).to_owned());
            } else {
                break;
            }
            segments.next();
        }
        let rest = segments.collect::<Vec<_>>().join("/");
        let rest = percent_decode_str(&rest).decode_utf8_lossy().into_owned();
        Self {
            rest: format!("/{rest}"),
            alias,
            version,
        }
    }

    /// What this gateway offers beside the dialects.
    fn own(&self) -> Option<Found> {
        match self.rest.as_str() {
            // Clients probe their base URL, so an alias is fine here; a version alone is a path
            // that is not finished.
            "/" if self.version.is_none() => Some(Found::Root),
            "/healthz" if self.version.is_none() && self.alias.is_none() => Some(Found::Health),
            _ => None,
        }
    }

    /// The dialect that the client most likely speaks: of a prefix, else by what it says of itself.
    fn likely_dialect(&self, head: &Parts) -> &'static dyn Protocol {
        let Parts {
            method,
            uri,
            headers,
            ..
        } = head;
        let hints = Hints {
            method,
            path: &self.rest,
            version: self.version.as_deref(),
            query: uri.query(),
            headers,
        };
        let hinted = || {
            protocol::ALL
                .iter()
                .copied()
                .find(|protocol| protocol.is_hinted(&hints))
        };
        self.alias.or_else(hinted).unwrap_or(protocol::FALLBACK)
    }

    /// The route of this path: of the likely dialect where several have it.
    fn find(&self, method: &Method, likely: &'static dyn Protocol) -> Place {
        let mut others = Place {
            found: Found::Nothing,
            protocol: likely,
        };
        for protocol in std::iter::once(likely).chain(protocol::ALL.iter().copied()) {
            for route in protocol.descriptor().routes {
                let Some(model) = route.matches(&self.rest) else {
                    continue;
                };
                if route.method == *method
                    || (route.method == Method::GET && *method == Method::HEAD)
                {
                    return Place {
                        found: Found::Route {
                            operation: route.operation,
                            model,
                        },
                        protocol,
                    };
                }
                others.offer(protocol, &route.method);
            }
        }
        others
    }
}

fn by_alias(segment: &str) -> Option<&'static dyn Protocol> {
    protocol::ALL
        .iter()
        .copied()
        .find(|protocol| protocol.descriptor().aliases.contains(&segment))
}

impl Place {
    /// Adds a method that the path has. The first dialect that has the path is the one whose client
    /// is here.
    fn offer(&mut self, protocol: &'static dyn Protocol, method: &Method) {
        let mut methods = match std::mem::replace(&mut self.found, Found::Nothing) {
            Found::OtherMethod(methods) => methods,
            _ => {
                self.protocol = protocol;
                Vec::new()
            }
        };
        let offered = [method.clone()]
            .into_iter()
            .chain((*method == Method::GET).then_some(Method::HEAD));
        for method in offered {
            if !methods.contains(&method) {
                methods.push(method);
            }
        }
        self.found = Found::OtherMethod(methods);
    }
}

fn is_read(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// `v1`, `v1beta`, `v1alpha`, `v1beta2`, `v2`.
fn is_version(segment: &str) -> bool {
    let Some(rest) = segment.strip_prefix('v') else {
        return false;
    };
    let letters = rest.trim_start_matches(|digit: char| digit.is_ascii_digit());
    letters.len() < rest.len()
        && ["", "beta", "alpha"]
            .contains(&letters.trim_end_matches(|digit: char| digit.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(method: Method, target: &str, headers: &[(&str, &str)]) -> Place {
        let mut request = http::Request::builder().method(method).uri(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Place::of(&request.body(()).unwrap().into_parts().0)
    }

    fn route(method: Method, path: &str) -> (&'static str, Found) {
        let place = place(method, path, &[]);
        (place.protocol.dialect().name(), place.found)
    }

    fn to(operation: Operation, model: Option<&str>) -> Found {
        Found::Route {
            operation,
            model: model.map(str::to_owned),
        }
    }

    #[test]
    fn forgiven_paths_reach_their_operation() {
        let generate = to(Operation::Generate, None);
        for path in [
            "/v1/chat/completions",
            "/chat/completions",
            "/v1/v1/chat/completions/",
            "/openai/v1/chat/completions",
            "/v1/openai/chat/completions",
            "//v1//chat/completions",
        ] {
            assert_eq!(
                route(Method::POST, path),
                ("openai_chat", generate.clone()),
                "{path}"
            );
        }
        for path in [
            "/v1/messages",
            "/messages",
            "/anthropic/v1/messages",
            "/v1/v1beta/messages",
        ] {
            assert_eq!(
                route(Method::POST, path),
                ("anthropic", generate.clone()),
                "{path}"
            );
        }
    }

    #[test]
    fn straight_paths_lead_where_forgiving_leads() {
        let paths: Vec<&str> = STRAIGHT.iter().map(|known| known.path.as_str()).collect();
        assert!(
            paths.contains(&"/v1/chat/completions") && paths.contains(&"/v1/messages"),
            "{paths:?}"
        );
        for known in STRAIGHT.iter() {
            let forgiven = route(known.method.clone(), &format!("/{}", known.path));
            assert_eq!(
                route(known.method.clone(), &known.path),
                forgiven,
                "{}",
                known.path
            );
        }
    }

    #[test]
    fn gemini_models_keep_their_slashes_and_split_at_the_last_colon() {
        let post = |path| route(Method::POST, path);
        for (path, operation, model) in [
            (
                "/v1beta/models/lab/llama3:8b:generateContent",
                Operation::Generate,
                "lab/llama3:8b",
            ),
            (
                "/v1beta/lab/llama3:8b:generateContent",
                Operation::Generate,
                "lab/llama3:8b",
            ),
            (
                "/v1/models/lab%2Fllama3%3A8b:streamGenerateContent",
                Operation::StreamGenerate,
                "lab/llama3:8b",
            ),
            (
                "/gemini/v1beta/models/models/x/countTokens",
                Operation::CountTokens,
                "x",
            ),
        ] {
            assert_eq!(post(path), ("gemini", to(operation, Some(model))), "{path}");
        }
    }

    #[test]
    fn a_list_of_models_has_the_shape_of_who_asks() {
        let version = [("anthropic-version", "2023-06-01")];
        for (path, headers, dialect) in [
            ("/v1/models", &[][..], "openai_chat"),
            ("/v1/models", &version[..], "anthropic"),
            ("/anthropic/v1/models", &[], "anthropic"),
            ("/openai/v1/models", &version, "openai_chat"),
            ("/v1beta/models", &[], "gemini"),
            ("/genai/v1/models", &[], "gemini"),
            ("/v1/models", &[("x-goog-api-key", "k")], "gemini"),
            ("/v1/models?key=k", &[], "gemini"),
        ] {
            let place = place(Method::GET, path, headers);
            assert_eq!(place.protocol.dialect().name(), dialect, "{path}");
            assert_eq!(place.found, to(Operation::ListModels, None), "{path}");
        }
    }

    #[test]
    fn a_models_name_with_a_colon_is_no_sign_of_gemini() {
        let model = to(Operation::ShowModel, Some("lab/llama3:8b"));
        assert_eq!(
            route(Method::GET, "/v1/models/lab/llama3:8b"),
            ("openai_chat", model)
        );
        assert_eq!(route(Method::POST, "/v1/models/x:unknownVerb").0, "gemini");
    }

    #[test]
    fn other_methods_are_told_from_unknown_paths() {
        assert_eq!(
            route(Method::GET, "/v1/messages"),
            ("anthropic", Found::OtherMethod(vec![Method::POST]))
        );
        assert_eq!(
            route(Method::DELETE, "/v1/models"),
            (
                "openai_chat",
                Found::OtherMethod(vec![Method::GET, Method::HEAD])
            )
        );
        assert_eq!(route(Method::GET, "/v1/nothing").1, Found::Nothing);
        assert_eq!(route(Method::GET, "/v1").1, Found::Nothing);
    }

    #[test]
    fn errors_are_said_in_the_dialect_of_the_route() {
        let keyed = |path| {
            place(Method::POST, path, &[("x-goog-api-key", "k")])
                .protocol
                .dialect()
                .name()
        };
        assert_eq!(keyed("/v1/chat/completions"), "openai_chat");
        assert_eq!(keyed("/v1/responses"), "openai_responses");
        assert_eq!(keyed("/v1/messages"), "anthropic");
        assert_eq!(keyed("/v1/nothing"), "gemini");
    }

    #[test]
    fn the_root_is_only_probed() {
        for path in ["/", "/anthropic", "/anthropic/", "/?x=y"] {
            assert_eq!(route(Method::HEAD, path).1, Found::Root, "{path}");
        }
        assert_eq!(route(Method::GET, "/healthz/").1, Found::Health);
        let read = Found::OtherMethod(vec![Method::GET, Method::HEAD]);
        assert_eq!(
            (
                route(Method::POST, "/").1,
                route(Method::POST, "/healthz").1
            ),
            (read.clone(), read)
        );
    }
}
