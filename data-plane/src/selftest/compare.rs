//! Compares a response with the expected one. Bodies are compared as JSON values, so that the order
//! of an object's members does not matter; streams record by record. Knows no dialect.

use std::collections::HashMap;

use bytes::Bytes;
use http::Response;
use serde_json::{Map, Value};

use super::case::Expected;
use super::{Answered, Mismatch};

/// The headers that are checked. One that an expectation does not name must be absent.
const HEADERS: [&str; 4] = [
    "content-type",
    "x-aerostat-model",
    "x-aerostat-dropped",
    "x-aerostat-adjusted",
];

/// The content type where the expectation names none.
const JSON: &str = "application/json";

/// What ends each record of a stream, by its content type.
const STREAMS: [(&str, &str); 2] = [
    ("text/event-stream", "\n\n"),
    ("application/x-ndjson", "\n"),
];

type Checked = Result<(), Mismatch>;

/// Checks a response.
///
/// # Errors
/// The first difference.
pub(super) fn check(expected: &Expected, answered: &Answered) -> Checked {
    let response = answered
        .as_ref()
        .map_err(|fault| mismatch("the exchange", "an answer", &fault.message))?;
    same(
        "status",
        expected.status.as_str(),
        response.status().as_str(),
    )?;
    HEADERS
        .iter()
        .try_for_each(|name| check_header(expected, response, name))?;
    let found = std::str::from_utf8(response.body())
        .map_err(|_| mismatch("body", "UTF-8", "other bytes"))?;
    let mut placeholders = Placeholders::default();
    let content_type = expected.header("content-type");
    let stream = STREAMS.iter().find(|(name, _)| Some(*name) == content_type);
    if let Some((_, end)) = stream {
        return check_stream(&expected.body, found, end, &mut placeholders);
    }
    placeholders.check(
        "body",
        &json("the expectation", &expected.body)?,
        &json("body", found)?,
    )
}

fn check_header(expected: &Expected, response: &Response<Bytes>, name: &str) -> Checked {
    let default = if name == "content-type" {
        JSON
    } else {
        "(none)"
    };
    let found = response
        .headers()
        .get(name)
        .map_or("(none)", |value| value.to_str().unwrap_or("(not text)"));
    same(name, expected.header(name).unwrap_or(default), found)
}

fn check_stream(
    expected: &str,
    found: &str,
    end: &str,
    placeholders: &mut Placeholders,
) -> Checked {
    let Some(found) = found.strip_suffix(end) else {
        return Err(mismatch("body", "the end of a record at its end", "none"));
    };
    let expected: Vec<&str> = expected.split("\n\n").collect();
    let found: Vec<&str> = found.split(end).collect();
    for (index, (expected, found)) in expected.iter().zip(&found).enumerate() {
        check_record(expected, found, placeholders)
            .map_err(|mismatch| mismatch.inside(&format!("record {index}")))?;
    }
    same(
        "number of records",
        &expected.len().to_string(),
        &found.len().to_string(),
    )
}

fn check_record(expected: &str, found: &str, placeholders: &mut Placeholders) -> Checked {
    let (expected_head, expected_data) = split_record(expected);
    let (found_head, found_data) = split_record(found);
    same("its lines before the data", expected_head, found_head)?;
    match serde_json::from_str(expected_data) {
        Ok(expected) => placeholders.check("data", &expected, &json("data", found_data)?),
        Err(_) => same("data", expected_data, found_data),
    }
}

/// The lines before the `data:` line, and the data.
fn split_record(record: &str) -> (&str, &str) {
    // A record of JSON alone has no such line.
    let at = if record.starts_with('{') {
        0
    } else {
        record.find("data: ").unwrap_or(record.len())
    };
    (&record[..at], record[at..].trim_start_matches("data: "))
}

/// The values of an expectation's `<name>`s in this response.
#[derive(Default)]
struct Placeholders(HashMap<String, String>);

impl Placeholders {
    fn check(&mut self, at: &str, expected: &Value, found: &Value) -> Checked {
        match (expected, found) {
            (Value::Object(expected), Value::Object(found)) => {
                self.check_members(at, expected, found)
            }
            (Value::Array(expected), Value::Array(found)) => self.check_items(at, expected, found),
            (Value::String(pattern), _) if pattern.ends_with('>') => {
                self.check_placeholder(at, pattern, &plain(found))
            }
            _ if expected == found => Ok(()),
            _ => Err(mismatch(at, &expected.to_string(), &found.to_string())),
        }
    }

    /// `msg_<id>` is the prefix `msg_` and the name `id`.
    fn check_placeholder(&mut self, at: &str, pattern: &str, found: &str) -> Checked {
        let (prefix, name) = pattern.split_once('<').unwrap_or(("", pattern));
        match found.strip_prefix(prefix) {
            Some(value) if !value.is_empty() => {
                let known = self.0.entry(name.to_owned());
                same(at, known.or_insert_with(|| value.to_owned()), value)
            }
            _ => Err(mismatch(at, pattern, found)),
        }
    }

    fn check_members(
        &mut self,
        at: &str,
        expected: &Map<String, Value>,
        found: &Map<String, Value>,
    ) -> Checked {
        for (key, expected) in expected {
            let at = format!("{at}.{key}");
            let found = found
                .get(key)
                .ok_or_else(|| mismatch(&at, &expected.to_string(), "nothing"))?;
            self.check(&at, expected, found)?;
        }
        let extra = found.iter().find(|(key, _)| !expected.contains_key(*key));
        match extra {
            Some((key, value)) => {
                let at = format!("{at}.{key}");
                Err(mismatch(&at, "nothing", &value.to_string()))
            }
            None => Ok(()),
        }
    }

    fn check_items(&mut self, at: &str, expected: &[Value], found: &[Value]) -> Checked {
        for (index, (expected, found)) in expected.iter().zip(found).enumerate() {
            self.check(&format!("{at}[{index}]"), expected, found)?;
        }
        same(
            &format!("{at}.length"),
            &expected.len().to_string(),
            &found.len().to_string(),
        )
    }
}

/// A string's own text, any other value as JSON.
fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn json(at: &str, text: &str) -> Result<Value, Mismatch> {
    serde_json::from_str(text).map_err(|error| mismatch(at, "JSON", &error.to_string()))
}

fn same(at: &str, expected: &str, found: &str) -> Checked {
    if expected == found {
        Ok(())
    } else {
        Err(mismatch(at, expected, found))
    }
}

fn mismatch(at: &str, expected: &str, found: &str) -> Mismatch {
    Mismatch {
        at: at.to_owned(),
        expected: expected.to_owned(),
        found: found.to_owned(),
    }
}

impl Mismatch {
    fn inside(self, outer: &str) -> Self {
        Self {
            at: format!("{outer}: {}", self.at),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;
    use crate::selftest::case;

    const CASES: &str = "\n=== whole\nGET /\n\n--- demo\n200\nx-aerostat-dropped: seed\n\n\
        {\"id\":\"msg_<id>\",\"at\":\"<time>\",\"list\":[1,{\"of\":\"<id>\",\"text\":\"a < b\"}]}\n\
        \n=== stream\nGET /\n\n--- demo\n200\ncontent-type: text/event-stream\n\n\
        event: start\ndata: {\"n\":0,\"id\":\"<id>\"}\n\ndata: {\"n\":1,\"id\":\"<id>\"}\n\ndata: [DONE]\n";
    const WHOLE: &str = r#"{"list":[1,{"text":"a < b","of":"7"}],"id":"msg_7","at":1767225600}"#;
    const STREAM: &str = "event: start\ndata: {\"id\":\"x\",\"n\":0}\n\ndata: {\"n\":1,\"id\":\"x\"}\n\ndata: [DONE]\n\n";

    fn answer(headers: &[(&'static str, &'static str)], body: &str) -> Response<Bytes> {
        let mut response = Response::new(Bytes::copy_from_slice(body.as_bytes()));
        let headers = headers.iter().map(|(name, value)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        });
        response.headers_mut().extend(headers);
        response
    }

    /// Where the first difference is.
    fn place(case: usize, answered: Response<Bytes>) -> Option<String> {
        let expected = case::read(CASES)[case].expected("demo").unwrap();
        check(&expected, &Ok(answered))
            .err()
            .map(|mismatch| mismatch.at)
    }

    fn whole(body: &str) -> Option<String> {
        place(
            0,
            answer(
                &[("content-type", JSON), ("x-aerostat-dropped", "seed")],
                body,
            ),
        )
    }

    fn stream(body: &str) -> Option<String> {
        place(1, answer(&[("content-type", STREAMS[0].0)], body))
    }

    #[test]
    fn an_answer_as_expected_passes_whatever_the_order_of_its_members() {
        assert_eq!(whole(WHOLE), None);
        assert_eq!(stream(STREAM), None);
    }

    #[test]
    fn every_change_of_a_whole_answer_is_found_at_its_place() {
        let changes = [
            ("1767225600", "null", None),
            ("\"msg_7\"", "\"7\"", Some("body.id")),
            ("\"msg_7\"", "\"msg_\"", Some("body.id")),
            ("\"of\":\"7\"", "\"of\":\"8\"", Some("body.list[1].of")),
            ("a < b", "a < c", Some("body.list[1].text")),
            ("[1,", "[1.5,", Some("body.list[0]")),
            ("[1,", "[", Some("body.list[0]")),
            ("}]", "},2]", Some("body.list.length")),
            (",\"at\":1767225600", "", Some("body.at")),
            (",\"at\"", ",\"more\":null,\"at\"", Some("body.more")),
            ("}]", "}", Some("body")),
        ];
        for (from, to, at) in changes {
            let changed = WHOLE.replacen(from, to, 1);
            assert_ne!(changed, WHOLE);
            assert_eq!(whole(&changed).as_deref(), at, "{changed}");
        }
    }

    #[test]
    fn every_change_of_a_stream_is_found_at_its_record() {
        let changes = [
            ("event: start\n", "", "record 0: its lines before the data"),
            (
                "\n\ndata: {\"n\":1",
                "\n\nid: 1\ndata: {\"n\":1",
                "record 1: its lines before the data",
            ),
            ("\"n\":1", "\"n\":2", "record 1: data.n"),
            (
                "\"n\":1,\"id\":\"x\"",
                "\"n\":1,\"id\":\"y\"",
                "record 1: data.id",
            ),
            ("data: {\"n\":1,\"id\":\"x\"}\n\n", "", "record 1: data"),
            (
                "data: [DONE]\n\n",
                "data: [DONE]\n\ndata: [DONE]\n\n",
                "number of records",
            ),
            ("\n\ndata: [DONE]\n\n", "\n\n", "number of records"),
            ("[DONE]\n\n", "[DONE]\n", "body"),
        ];
        for (from, to, at) in changes {
            let changed = STREAM.replacen(from, to, 1);
            assert_ne!(changed, STREAM);
            assert_eq!(stream(&changed).as_deref(), Some(at), "{changed}");
        }
    }

    #[test]
    fn status_and_headers_have_to_be_as_expected_too() {
        let mut refused = answer(
            &[("content-type", JSON), ("x-aerostat-dropped", "seed")],
            WHOLE,
        );
        *refused.status_mut() = http::StatusCode::CREATED;
        assert_eq!(place(0, refused).as_deref(), Some("status"));
        assert_eq!(
            place(0, answer(&[("content-type", JSON)], WHOLE)).as_deref(),
            Some("x-aerostat-dropped")
        );
        assert_eq!(
            place(0, answer(&[("x-aerostat-dropped", "seed")], WHOLE)).as_deref(),
            Some("content-type")
        );
        let more = [
            ("content-type", STREAMS[0].0),
            ("x-aerostat-adjusted", "+max_tokens"),
        ];
        assert_eq!(
            place(1, answer(&more, STREAM)).as_deref(),
            Some("x-aerostat-adjusted")
        );
    }

    #[test]
    fn an_exchange_that_failed_is_a_difference() {
        let expected = case::read(CASES)[0].expected("demo").unwrap();
        let failed = Err(crate::canon::Fault::upstream("the answer broke off"));
        assert_eq!(
            check(&expected, &failed).unwrap_err().found,
            "the answer broke off"
        );
    }
}
