//! From a path to a dialect's operation, forgiving what people get wrong about base URLs.
//!
//! Prefix aliases, missing or doubled version segments and trailing slashes are all fine; what is
//! left is matched against the dialects' own routes, then against the tables of what passes as it
//! is. `/p/PROVIDER` in front of such a path names the provider. It reads the head only, and decides nothing
//! about who may ask.

use std::sync::LazyLock;

use http::Method;
use http::request::Parts;
use percent_encoding::percent_decode_str;

use crate::protocol::surface::{self, Captured, SurfaceRoute};
use crate::protocol::{self, Hints, Notice, Operation, Protocol};

/// The route of a request.
pub(super) struct RouteMatch {
    pub(super) route: Route,
    /// The dialect of the route, else the one that the client most likely speaks. Errors are
    /// rendered in it.
    pub(super) protocol: &'static dyn Protocol,
    /// The provider that the prefix `/p/PROVIDER` names.
    pub(super) provider: Option<String>,
}

/// What a path and method select.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// The root, which clients probe to see whether the port answers.
    Root,
    Health,
    Operation {
        operation: Operation,
        model: Option<String>,
    },
    /// A path that passes as it is.
    Surface(Box<SurfaceMatch>),
    /// A dialect's path that asks no model.
    Notice(Notice),
    /// The path exists, with these other methods.
    MethodNotAllowed(Vec<Method>),
    NotFound,
}

/// What a path of a dialect's surface said.
#[derive(Clone, Debug)]
pub(super) struct SurfaceMatch {
    pub(super) row: &'static SurfaceRoute,
    pub(super) captured: Captured,
    /// The dialect's own path as the client wrote it, without prefixes and version segment.
    pub(super) path: String,
}

impl PartialEq for SurfaceMatch {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.row, other.row) && self.captured == other.captured
    }
}

impl Eq for SurfaceMatch {}

impl RouteMatch {
    fn new(route: Route, protocol: &'static dyn Protocol) -> Self {
        Self {
            route,
            protocol,
            provider: None,
        }
    }

    pub(super) fn of(head: &Parts) -> Self {
        if let Some(exact) = exact(head) {
            return exact;
        }
        let path = Path::read(head.uri.path());
        let likely = path.likely_dialect(head);
        let mut matched = match path.own() {
            Some(route) if is_read(&head.method) => Self::new(route, likely),
            Some(_) => Self::new(
                Route::MethodNotAllowed(vec![Method::GET, Method::HEAD]),
                likely,
            ),
            None => path.find(&head.method, likely),
        };
        matched.provider = path.provider;
        matched
    }
}

/// A path exactly as a dialect's documentation writes it, and of one dialect only. Most requests
/// use one, and need no normalizing.
struct ExactRoute {
    path: String,
    method: Method,
    protocol: &'static dyn Protocol,
    operation: Operation,
}

static EXACT: LazyLock<Vec<ExactRoute>> = LazyLock::new(|| {
    let mut exact = Vec::new();
    for protocol in protocol::ALL {
        for route in protocol.descriptor().routes {
            if route.pattern.contains('{') || routes_matching(route.pattern) > 1 {
                continue;
            }
            exact.push(ExactRoute {
                path: protocol.descriptor().path(route),
                method: route.method.clone(),
                protocol: *protocol,
                operation: route.operation,
            });
        }
    }
    exact
});

/// How many routes of all dialects match `path`.
fn routes_matching(path: &str) -> usize {
    protocol::ALL
        .iter()
        .flat_map(|protocol| protocol.descriptor().routes)
        .filter(|route| route.matches(path).is_some())
        .count()
}

fn exact(head: &Parts) -> Option<RouteMatch> {
    let exact = EXACT
        .iter()
        .find(|exact| exact.path == head.uri.path() && exact.method == head.method)?;
    let route = Route::Operation {
        operation: exact.operation,
        model: None,
    };
    Some(RouteMatch::new(route, exact.protocol))
}

/// A request's path, split into what prefixes say and the dialect's own path.
struct Path {
    /// What follows the prefixes, percent-decoded, with one leading slash and none at the end.
    path: String,
    /// The same as the client wrote it.
    raw: String,
    /// The provider that `/p/PROVIDER` in front of all names.
    provider: Option<String>,
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
        let provider = provider_of(path);
        if provider.is_some() {
            segments.by_ref().take(2).for_each(drop);
        }
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
        let mut remaining: Vec<&str> = segments.collect();
        if let [root, after, ..] = remaining[..]
            && is_upload_root(root)
            && is_version(after)
        {
            version = Some(after.to_owned());
            remaining.remove(1);
        }
        let remaining = remaining.join("/");
        let decoded = percent_decode_str(&remaining).decode_utf8_lossy();
        Self {
            path: format!("/{decoded}"),
            raw: format!("/{remaining}"),
            provider,
            alias,
            version,
        }
    }

    /// The gateway's own routes.
    fn own(&self) -> Option<Route> {
        match self.path.as_str() {
            // Clients probe their base URL, so an alias is fine here; a version alone is an
            // incomplete path.
            "/" if self.version.is_none() => Some(Route::Root),
            // Claude Code from 2.1.332 on asks `HEAD /api/hello` before anything else, without a key.
            "/api/hello" if self.version.is_none() && self.alias.is_none() => Some(Route::Root),
            "/healthz" if self.version.is_none() && self.alias.is_none() => Some(Route::Health),
            _ => None,
        }
    }

    /// The dialect that the client most likely speaks: of a prefix, else by the request's hints.
    fn likely_dialect(&self, head: &Parts) -> &'static dyn Protocol {
        let Parts {
            method,
            uri,
            headers,
            ..
        } = head;
        let hints = Hints {
            method,
            path: &self.path,
            version: self.version.as_deref(),
            query: uri.query(),
            headers,
        };
        if let Some(alias) = self.alias {
            return alias;
        }
        protocol::ALL
            .iter()
            .copied()
            .find(|protocol| protocol.is_hinted(&hints))
            .unwrap_or(protocol::FALLBACK)
    }

    /// The dialect whose vendor has such a path, though nothing serves it here: the likely one where
    /// several have it, or none.
    fn owner(&self, likely: &'static dyn Protocol) -> &'static dyn Protocol {
        if self.alias.is_some() {
            return likely;
        }
        let root = self.path.split('/').nth(1).unwrap_or_default();
        // `models:batchEmbed` is below `models`.
        let root = root.split(':').next().unwrap_or_default();
        std::iter::once(likely)
            .chain(protocol::ALL.iter().copied())
            .find(|protocol| protocol.descriptor().path_roots.contains(&root))
            .unwrap_or(likely)
    }

    /// The route of this path: of the likely dialect where several have it.
    fn find(&self, method: &Method, likely: &'static dyn Protocol) -> RouteMatch {
        let mut other_methods = RouteMatch::new(Route::NotFound, self.owner(likely));
        for protocol in std::iter::once(likely).chain(protocol::ALL.iter().copied()) {
            for route in protocol.descriptor().routes {
                let Some(model) = route.matches(&self.path) else {
                    continue;
                };
                // `models/x/operations/y` is no model's name.
                if route.operation == Operation::ShowModel
                    && self.surface(method, protocol).is_some()
                {
                    continue;
                }
                if is_method(&route.method, method) {
                    let operation = route.operation;
                    return RouteMatch::new(Route::Operation { operation, model }, protocol);
                }
                other_methods.add_allowed(protocol, &route.method);
            }
            if let Some(found) = self.surface(method, protocol) {
                return RouteMatch::new(Route::Surface(Box::new(found)), protocol);
            }
            for row in protocol.descriptor().surface.routes {
                if row.matches(&self.path).is_some() {
                    other_methods.add_allowed(protocol, &row.method);
                }
            }
        }
        match self.notice(method) {
            Some(notice) if other_methods.route == Route::NotFound => notice,
            _ => other_methods,
        }
    }

    fn notice(&self, method: &Method) -> Option<RouteMatch> {
        let of = |protocol: &'static dyn Protocol| {
            let route = Route::Notice(protocol.notice(method, &self.path)?);
            Some(RouteMatch::new(route, protocol))
        };
        protocol::ALL.iter().copied().find_map(of)
    }

    /// The row of a dialect's surface that serves the path by this method.
    fn surface(&self, method: &Method, protocol: &'static dyn Protocol) -> Option<SurfaceMatch> {
        let rows = protocol.descriptor().surface.routes.iter();
        let mut by_method = rows.filter(|row| is_method(&row.method, method));
        let (row, captured) = by_method.find_map(|row| Some((row, row.matches(&self.path)?)))?;
        Some(SurfaceMatch {
            row,
            captured,
            path: self.raw.clone(),
        })
    }
}

/// Whether a route of the method `served` serves `asked`.
fn is_method(served: &Method, asked: &Method) -> bool {
    served == asked || (*served == Method::GET && *asked == Method::HEAD)
}

/// The provider of `/p/PROVIDER/…`.
fn provider_of(path: &str) -> Option<String> {
    let mut segments = path.split('/').filter(|segment| !segment.is_empty());
    segments.next().filter(|first| *first == "p")?;
    let name = percent_decode_str(segments.next()?).decode_utf8_lossy();
    Some(name.into_owned())
}

/// Whether a dialect has paths whose version segment follows `root`.
fn is_upload_root(root: &str) -> bool {
    protocol::ALL
        .iter()
        .any(|protocol| protocol.descriptor().surface.upload_root == Some(root))
}

fn by_alias(segment: &str) -> Option<&'static dyn Protocol> {
    protocol::ALL
        .iter()
        .copied()
        .find(|protocol| protocol.descriptor().aliases.contains(&segment))
}

impl RouteMatch {
    /// The operation of a dialect's route.
    pub(super) fn operation(&self) -> Option<Operation> {
        match &self.route {
            Route::Operation { operation, .. } => Some(*operation),
            Route::Surface(found) => Some(Operation::Surface(found.row.about)),
            _ => None,
        }
    }

    /// Why the vendor's call of this method and path is not passed on.
    pub(super) fn refusal(&self, head: &Parts) -> Option<&'static str> {
        let path = Path::read(head.uri.path()).path;
        let refused = self.protocol.descriptor().surface.refused.iter();
        refused
            .filter(|(method, ..)| *method == head.method)
            .find(|(_, pattern, _)| surface::captures(pattern, &path).is_some())
            .map(|(.., why)| *why)
    }

    /// Whether a body of the path need not be JSON.
    pub(super) fn takes_files(&self) -> bool {
        matches!(&self.route, Route::Surface(found) if found.row.takes_files)
    }

    /// Adds a method that the path allows. The first dialect that has the path counts as the
    /// client's.
    fn add_allowed(&mut self, protocol: &'static dyn Protocol, method: &Method) {
        let mut methods = match std::mem::replace(&mut self.route, Route::NotFound) {
            Route::MethodNotAllowed(methods) => methods,
            _ => {
                self.protocol = protocol;
                Vec::new()
            }
        };
        let head = (*method == Method::GET).then_some(Method::HEAD);
        for method in [method.clone()].into_iter().chain(head) {
            if !methods.contains(&method) {
                methods.push(method);
            }
        }
        self.route = Route::MethodNotAllowed(methods);
    }
}

fn is_read(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// `v1`, `v1beta`, `v1alpha`, `v1beta2`, `v2`.
fn is_version(segment: &str) -> bool {
    let Some(version) = segment.strip_prefix('v') else {
        return false;
    };
    let is_digit = |c: char| c.is_ascii_digit();
    let suffix = version.trim_start_matches(is_digit);
    let has_number = suffix.len() < version.len();
    has_number && ["", "beta", "alpha"].contains(&suffix.trim_end_matches(is_digit))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matched(method: Method, target: &str, headers: &[(&str, &str)]) -> RouteMatch {
        let mut request = http::Request::builder().method(method).uri(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        RouteMatch::of(&request.body(()).unwrap().into_parts().0)
    }

    fn route(method: Method, path: &str) -> (&'static str, Route) {
        let matched = matched(method, path, &[]);
        (matched.protocol.dialect().name(), matched.route)
    }

    fn to(operation: Operation, model: Option<&str>) -> Route {
        Route::Operation {
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
        let paths: Vec<&str> = EXACT.iter().map(|exact| exact.path.as_str()).collect();
        assert!(
            paths.contains(&"/v1/chat/completions") && paths.contains(&"/v1/messages"),
            "{paths:?}"
        );
        for exact in EXACT.iter() {
            let forgiven = route(exact.method.clone(), &format!("/{}", exact.path));
            assert_eq!(
                route(exact.method.clone(), &exact.path),
                forgiven,
                "{}",
                exact.path
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
            let matched = matched(Method::GET, path, headers);
            assert_eq!(matched.protocol.dialect().name(), dialect, "{path}");
            assert_eq!(matched.route, to(Operation::ListModels, None), "{path}");
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
            ("anthropic", Route::MethodNotAllowed(vec![Method::POST]))
        );
        assert_eq!(
            route(Method::DELETE, "/v1/models"),
            (
                "openai_chat",
                Route::MethodNotAllowed(vec![Method::GET, Method::HEAD])
            )
        );
        assert_eq!(route(Method::GET, "/v1/nothing").1, Route::NotFound);
        assert_eq!(route(Method::GET, "/v1").1, Route::NotFound);
    }

    #[test]
    fn errors_are_said_in_the_dialect_of_the_route() {
        let keyed = |path| {
            matched(Method::POST, path, &[("x-goog-api-key", "k")])
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
    fn an_unknown_path_is_said_in_the_dialect_that_it_belongs_to() {
        let version = [("anthropic-version", "2023-06-01")];
        for (path, headers, dialect) in [
            ("/v1/responses/x/y/z", &[][..], "openai_responses"),
            ("/v1/responses/x/none", &version, "openai_responses"),
            ("/v1/conversations/x/y", &[], "openai_responses"),
            ("/v1/audio/nothing", &[], "openai_chat"),
            ("/v1/audio/nothing", &version, "openai_chat"),
            ("/v1/images/nothing", &[], "openai_chat"),
            ("/v1/files/x/y", &[], "openai_chat"),
            ("/v1/files/x/y", &version, "anthropic"),
            ("/v1beta/files/x/y", &[], "gemini"),
            ("/v1beta/cachedContents/x/y", &[], "gemini"),
            ("/v1/tunedModels", &[], "gemini"),
            ("/v1/messages/batches/x/y", &[], "anthropic"),
            ("/v1/completions/x", &[], "openai_completions"),
            ("/gemini/v1beta/audio", &[], "gemini"),
            ("/v1/nothing", &[], "openai_chat"),
        ] {
            let matched = matched(Method::POST, path, headers);
            assert_eq!(matched.protocol.dialect().name(), dialect, "{path}");
            assert_eq!(matched.route, Route::NotFound, "{path}");
        }
    }

    #[test]
    fn a_path_that_passes_is_told_with_its_object_model_and_provider() {
        let surface = |method, target: &str| {
            let matched = matched(method, target, &[]);
            let Route::Surface(found) = matched.route else {
                panic!("{target}: {:?}", matched.route);
            };
            let SurfaceMatch { captured, path, .. } = *found;
            let dialect = matched.protocol.dialect().name();
            (dialect, captured.model, captured.id, path, matched.provider)
        };
        let text = |text: &str| Some(text.to_owned());
        let (get, post) = (|| Method::GET, || Method::POST);
        assert_eq!(
            surface(get(), "/p/my%20lab/openai/v1/v1/files/f%2d1/content/"),
            (
                "openai_chat",
                None,
                text("f-1"),
                "/files/f%2d1/content".to_owned(),
                text("my lab")
            )
        );
        assert_eq!(
            surface(post(), "/upload/v1beta/files?upload_id=x"),
            ("gemini", None, None, "/upload/files".to_owned(), None)
        );
        assert_eq!(
            surface(get(), "/v1beta/models/veo/operations/o"),
            (
                "gemini",
                text("veo"),
                text("o"),
                "/models/veo/operations/o".to_owned(),
                None
            )
        );
        assert_eq!(surface(Method::HEAD, "/v1/files/f").0, "openai_chat");
        assert_eq!(
            route(Method::POST, "/p/lab/v1/chat/completions").1,
            to(Operation::Generate, None)
        );
    }

    #[test]
    fn the_root_is_only_probed() {
        for path in ["/", "/anthropic", "/anthropic/", "/?x=y", "/api/hello"] {
            assert_eq!(route(Method::HEAD, path).1, Route::Root, "{path}");
        }
        assert_eq!(route(Method::GET, "/healthz/").1, Route::Health);
        let read = Route::MethodNotAllowed(vec![Method::GET, Method::HEAD]);
        assert_eq!(
            (
                route(Method::POST, "/").1,
                route(Method::POST, "/healthz").1
            ),
            (read.clone(), read)
        );
    }
}
