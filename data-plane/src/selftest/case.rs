//! The format of the case files.
//!
//! A file is prose, then cases: `=== name`, a request, and one or more expectations `--- upstream
//! upstream`, each an answer. Requests and answers look like HTTP: a line, headers, an empty line,
//! the body. `UPSTREAM` stands for the upstream's dialect. In an expectation a string that ends in
//! `<name>` takes any text or number there, the same wherever the name stands again.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, StatusCode};

/// The placeholder for the upstream's dialect.
const UPSTREAM: &str = "UPSTREAM";

pub(super) struct Case {
    pub(super) name: &'static str,
    request: Message,
    /// By the upstream dialects for which they hold.
    expectations: Vec<(&'static str, Message)>,
}

/// A request or a response: its first line, its headers, its body.
#[derive(Clone, Copy)]
struct Message {
    first: &'static str,
    headers: &'static str,
    body: &'static str,
}

/// The expected response.
pub(super) struct Expected {
    pub(super) status: StatusCode,
    headers: Vec<(&'static str, String)>,
    pub(super) body: String,
}

/// Parses a case file.
pub(super) fn read(text: &'static str) -> Vec<Case> {
    sections(text, "\n=== ")
        .map(|(name, text)| read_case(name, text))
        .collect()
}

fn read_case(name: &'static str, text: &'static str) -> Case {
    let request = text.split("\n--- ").next().unwrap_or_default();
    let expectations =
        sections(text, "\n--- ").map(|(upstreams, response)| (upstreams, Message::read(response)));
    Case {
        name,
        request: Message::read(request),
        expectations: expectations.collect(),
    }
}

/// Splits at each mark: the rest of its line, and the text below.
fn sections(
    text: &'static str,
    mark: &'static str,
) -> impl Iterator<Item = (&'static str, &'static str)> {
    text.split(mark)
        .skip(1)
        .map(|section| section.split_once('\n').unwrap_or((section, "")))
}

impl Message {
    fn read(text: &'static str) -> Self {
        let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
        let (first, headers) = head.split_once('\n').unwrap_or((head, ""));
        Self {
            first,
            headers,
            body: body.trim_end(),
        }
    }

    fn headers(&self) -> impl Iterator<Item = (&'static str, &'static str)> + use<> {
        self.headers
            .lines()
            .filter_map(|line| line.split_once(": "))
    }
}

impl Case {
    /// The request to the demo in the upstream's dialect.
    pub(super) fn request(&self, upstream: &str) -> Request<Bytes> {
        let (method, path) = self
            .request
            .first
            .split_once(' ')
            .expect("cases are literals, and a test reads them all");
        let mut request = Request::new(Bytes::from(self.request.body.replace(UPSTREAM, upstream)));
        *request.method_mut() = Method::from_bytes(method.as_bytes()).expect("a literal method");
        *request.uri_mut() = path
            .replace(UPSTREAM, upstream)
            .parse()
            .expect("a literal path");
        for (name, value) in self.request.headers() {
            request.headers_mut().insert(
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            );
        }
        request
    }

    /// `None` where the case says nothing about that upstream.
    pub(super) fn expected(&self, upstream: &str) -> Option<Expected> {
        let names_upstream =
            |(names, _): &&(&str, Message)| names.split(' ').any(|name| name == upstream);
        let (_, response) = self.expectations.iter().find(names_upstream)?;
        Some(Expected {
            status: response.first.parse().expect("a literal status"),
            headers: response
                .headers()
                .map(|(name, value)| (name, value.replace(UPSTREAM, upstream)))
                .collect(),
            body: response.body.replace(UPSTREAM, upstream),
        })
    }
}

impl Expected {
    /// The header's value. `None` = the response must not have it.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "Prose.\n\n=== ping\nPOST /v1/UPSTREAM\nx-a: b\n\n{\"model\":\"UPSTREAM\"}\n\n--- gemini openai_chat\n200\n\n{}\n\
                        --- anthropic\n400\nx-aerostat-dropped: UPSTREAM\n\n1\n\n2\n";

    #[test]
    fn a_case_is_a_request_and_what_each_upstream_makes_of_it() {
        let cases = read(TEXT);
        assert_eq!((cases.len(), cases[0].name), (1, "ping"));
        let request = cases[0].request("gemini");
        assert_eq!(
            (request.uri().path(), &request.headers()["x-a"]),
            ("/v1/gemini", &HeaderValue::from_static("b"))
        );
        assert_eq!(request.body(), "{\"model\":\"gemini\"}");
        let refused = cases[0].expected("anthropic").unwrap();
        assert_eq!(
            (refused.status, refused.body.as_str()),
            (StatusCode::BAD_REQUEST, "1\n\n2")
        );
        assert_eq!(
            (refused.header("x-aerostat-dropped"), refused.header("x-b")),
            (Some("anthropic"), None)
        );
        assert_eq!(cases[0].expected("openai_chat").unwrap().body, "{}");
        assert!(cases[0].expected("openai_responses").is_none());
    }
}
