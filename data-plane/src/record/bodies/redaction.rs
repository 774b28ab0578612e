//! Takes every secret out of bodies before they are stored: those that are known by their value,
//! then what looks like a key.

use std::ops::Range;

use super::collector::{Part, RawBodies};
use super::split_secrets::split_secrets;
use super::{Chunk, RecordedBody, StartLine};
use crate::account::{Credential, REDACTED, Redactor, Secret, key_like};

/// Parameters of a URL whose values are keys, whatever they look like.
const KEY_PARAMETERS: [&str; 4] = ["key", "api_key", "api-key", "access_token"];

impl RawBodies {
    /// The bodies without the secrets in `known`, those that the request carried, those of its
    /// attempts, and what looks like a key.
    pub fn redacted(self, known: &[Secret]) -> Vec<RecordedBody> {
        let of_attempts = self.credentials.iter();
        let mut secrets: Vec<&Secret> = of_attempts
            .flat_map(|credential| Credential::secrets(credential))
            .collect();
        secrets.extend(known.iter().chain(&self.carried));
        let redactor = Redactor::of_secrets(&secrets);
        self.parts
            .iter()
            .map(|part| part.redacted(&redactor))
            .collect()
    }
}

impl Part {
    fn redacted(&self, redactor: &Redactor) -> RecordedBody {
        let capture = self.capture.lock();
        let body = Clean::of(capture.bytes(), capture.chunks(), redactor);
        let mut redactions = body.redactions;
        let mut text = |text: &str| {
            let clean = Clean::of(text.as_bytes(), &[], redactor);
            redactions += clean.redactions;
            String::from_utf8_lossy(&clean.bytes).into_owned()
        };
        let start = match &self.start {
            StartLine::Request { method, target } => StartLine::Request {
                method: method.clone(),
                target: without_keys(&text(target)),
            },
            response @ StartLine::Response { .. } => response.clone(),
        };
        let mut headers = self.headers.clone();
        for header in &mut headers {
            header.value = header.value.as_deref().map(&mut text);
        }
        RecordedBody {
            direction: self.direction,
            attempt: self.attempt,
            start,
            headers,
            size: capture.size(),
            is_cut: capture.size() > capture.bytes().len() as u64,
            bytes: body.bytes,
            redactions,
            chunks: body.chunks,
        }
    }
}

/// Bytes without secrets.
struct Clean {
    bytes: Vec<u8>,
    /// The pieces, which end where they did.
    chunks: Vec<Chunk>,
    redactions: u32,
}

impl Clean {
    fn of(text: &[u8], chunks: &[Chunk], redactor: &Redactor) -> Self {
        let find = |text: &[u8]| {
            let mut found = redactor.find(text);
            found.extend(key_like(text));
            found
        };
        let mut found = find(text);
        found.extend(split_secrets(text, find));
        Self::without(text, chunks, &united(found))
    }

    /// `found` is in order and without overlaps, as `chunks` are.
    fn without(text: &[u8], chunks: &[Chunk], found: &[Range<usize>]) -> Self {
        let mut clean = Self {
            bytes: Vec::with_capacity(text.len()),
            chunks: Vec::with_capacity(chunks.len()),
            redactions: u32::try_from(found.len()).unwrap_or(u32::MAX),
        };
        let mut chunks = chunks.iter().peekable();
        let mut done = 0;
        for secret in found {
            clean.copy(text, done..secret.start, &mut chunks);
            clean.bytes.extend_from_slice(REDACTED);
            // A piece that ends within the secret ends behind what stands for it.
            while let Some(chunk) = chunks.next_if(|chunk| (chunk.end as usize) < secret.end) {
                clean.end_chunk(*chunk, 0);
            }
            done = secret.end;
        }
        clean.copy(text, done..text.len(), &mut chunks);
        clean
    }

    fn copy<'c>(
        &mut self,
        text: &[u8],
        range: Range<usize>,
        chunks: &mut std::iter::Peekable<impl Iterator<Item = &'c Chunk>>,
    ) {
        let end = range.end;
        self.bytes.extend_from_slice(&text[range]);
        while let Some(chunk) = chunks.next_if(|chunk| chunk.end as usize <= end) {
            self.end_chunk(*chunk, end - chunk.end as usize);
        }
    }

    /// A piece ended so many bytes ago.
    fn end_chunk(&mut self, chunk: Chunk, bytes_ago: usize) {
        let end = self.bytes.len() - bytes_ago;
        self.chunks.push(Chunk {
            end: u32::try_from(end).unwrap_or(u32::MAX),
            ..chunk
        });
    }
}

/// The ranges in order, each overlap as one.
fn united(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.sort_unstable_by_key(|range| range.start);
    let mut united: Vec<Range<usize>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match united.last_mut() {
            Some(last) if range.start < last.end => last.end = last.end.max(range.end),
            _ => united.push(range),
        }
    }
    united
}

/// A target without the values of parameters that are keys: a word that fills the field looks like
/// none.
fn without_keys(target: &str) -> String {
    let Some((path, query)) = target.split_once('?') else {
        return target.to_owned();
    };
    let pairs = query.split('&').map(|pair| match pair.split_once('=') {
        Some((name, _)) if KEY_PARAMETERS.contains(&name.to_ascii_lowercase().as_str()) => {
            format!("{name}=[redacted]")
        }
        _ => pair.to_owned(),
    });
    format!("{path}?{}", pairs.collect::<Vec<_>>().join("&"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use http::{HeaderMap, HeaderValue, Method, Uri};
    use proptest::prelude::*;
    use tokio::time::Instant;

    use super::*;
    use crate::modes::BodyMode;
    use crate::record::bodies::{BodyCollector, Direction};

    const KEY: &str = "9f8e7d6c5b4a39281706f5e4d3c2b1a0";

    fn secret(text: &str) -> Secret {
        Secret::new(text.to_owned())
    }

    fn collector() -> BodyCollector {
        BodyCollector::new(BodyMode::All, 1_000, Instant::now(), Arc::default())
    }

    fn text(body: &RecordedBody) -> &str {
        std::str::from_utf8(&body.bytes).unwrap()
    }

    #[test]
    fn no_secret_is_left_in_head_query_and_body() {
        let mut collector = collector();
        let mut headers = HeaderMap::new();
        headers.insert(
            "authorization",
            HeaderValue::from_static("Bearer client-key-0123456789"),
        );
        headers.insert(
            "user-agent",
            HeaderValue::from_static("a client-key-0123456789"),
        );
        let uri: Uri = format!("/v1/x?key=unused&a={KEY}").parse().unwrap();
        let body = b"{\"a\":\"client-key-0123456789\",\"b\":\"sk-abcdefghij0123456789\"}";
        collector.client_sent(&Method::POST, &uri, &headers, std::iter::once(&body[..]));
        let credential = Arc::new(Credential::Key(secret("rotated-0123456789")));
        let url = Uri::from_static("https://a.example/v1?key=rotated-0123456789");
        let body = std::iter::once(&b"rotated%2D0123456789"[..]);
        collector.went_upstream(&Method::POST, &url, &HeaderMap::new(), body, &credential);
        let bodies = collector.into_raw().redacted(&[secret(KEY)]);
        assert_eq!(text(&bodies[0]), r#"{"a":"[redacted]","b":"[redacted]"}"#);
        assert_eq!(
            bodies[0].start,
            StartLine::Request {
                method: "POST".to_owned(),
                target: "/v1/x?key=[redacted]&a=[redacted]".to_owned()
            }
        );
        let agent = bodies[0]
            .headers
            .iter()
            .find(|header| header.name == "user-agent");
        assert_eq!(agent.unwrap().value.as_deref(), Some("a [redacted]"));
        assert_eq!(bodies[0].redactions, 4);
        assert_eq!(text(&bodies[1]), "[redacted]");
        assert!(!format!("{bodies:?}").contains("0123456789"));
    }

    #[test]
    fn a_secret_across_pieces_is_found_and_their_times_stay() {
        let mut collector = collector();
        let part = collector.comes_back(200, &HeaderMap::new()).unwrap();
        for piece in ["data: ", &KEY[..9], &KEY[9..], " and\n\n", "more"] {
            part.lock().push(piece.as_bytes());
        }
        let bodies = collector.into_raw().redacted(&[secret(KEY)]);
        assert_eq!(text(&bodies[0]), "data: [redacted] and\n\nmore");
        let ends: Vec<u32> = bodies[0].chunks.iter().map(|chunk| chunk.end).collect();
        assert_eq!(ends, [6, 16, 16, 22, 26]);
        assert_eq!(bodies[0].direction, Direction::CameBack);
    }

    #[test]
    fn a_secret_that_a_stream_tells_in_two_events_is_found() {
        let mut collector = collector();
        let part = collector.comes_back(200, &HeaderMap::new()).unwrap();
        for piece in [&KEY[..9], &KEY[9..], " sk-abcdef", "ghij0123456789"] {
            let event = format!("data: {{\"delta\":\"{piece}\"}}\n\n");
            part.lock().push(event.as_bytes());
        }
        let body = collector.into_raw().redacted(&[secret(KEY)]).remove(0);
        let event = |said: &str| format!("data: {{\"delta\":\"{said}\"}}\n\n");
        let expected = [
            event("[redacted]"),
            event("[redacted]"),
            event(" [redacted]"),
            event("[redacted]"),
        ];
        assert_eq!(text(&body), expected.concat());
        let ends: Vec<usize> = body.chunks.iter().map(|chunk| chunk.end as usize).collect();
        let lengths = expected.iter().scan(0, |end, event| {
            *end += event.len();
            Some(*end)
        });
        assert_eq!(ends, lengths.collect::<Vec<_>>());
    }

    #[test]
    fn a_secret_that_the_cap_cuts_is_not_left_as_its_beginning() {
        let mut collector = collector();
        let long = format!("{}{KEY}", "x".repeat(980));
        collector.client_got(200, &HeaderMap::new(), Some(long.as_bytes()));
        let body = collector.into_raw().redacted(&[secret(KEY)]).remove(0);
        assert!(body.is_cut && text(&body).ends_with("xx[redacted]"));
        assert_eq!(body.size, 1_012);
    }

    proptest! {
        /// However a body comes in pieces, each ends where it did, apart from what was taken out.
        #[test]
        fn pieces_end_where_they_did(
            words in proptest::collection::vec("[a-z ]{0,8}", 1..20),
            secrets in proptest::collection::vec(any::<bool>(), 20),
        ) {
            let mut collector = collector();
            let part = collector.comes_back(200, &HeaderMap::new()).unwrap();
            let mut expected = Vec::new();
            let mut clean = String::new();
            for (word, is_secret) in words.iter().zip(&secrets) {
                part.lock().push(word.as_bytes());
                clean.push_str(word);
                expected.push(clean.len());
                if *is_secret {
                    part.lock().push(KEY.as_bytes());
                    clean.push_str("[redacted]");
                    expected.push(clean.len());
                }
            }
            let body = collector.into_raw().redacted(&[secret(KEY)]).remove(0);
            let ends: Vec<usize> = body.chunks.iter().map(|chunk| chunk.end as usize).collect();
            prop_assert_eq!(text(&body), clean);
            prop_assert_eq!(ends, expected);
        }
    }
}
