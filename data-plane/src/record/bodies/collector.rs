//! The bodies of a request in flight, and the secrets that it carried.

use std::sync::Arc;

use http::{HeaderMap, Method, Uri};
use parking_lot::Mutex;
use percent_encoding::percent_decode_str;
use tokio::time::Instant;

use super::capture::{Capture, HeldBytes};
use super::headers::{RecordedHeader, recorded};
use super::{BODY_BYTES_MAX, Direction, StartLine};
use crate::account::{Credential, Secret};
use crate::modes::BodyMode;
use crate::record::Ending;

/// What the bodies of one request may take together.
const REQUEST_BYTES_MAX: usize = 3 << 20;
/// How many bodies of one request are kept.
const PARTS_MAX: usize = 40;
/// A shorter value that a client sends for a key is a word to fill the field: `ollama`, `unused`.
const CARRIED_BYTES_MIN: usize = 12;
/// What the names of headers and parameters hold whose values are secrets.
const SECRET_NAMES: [&str; 5] = ["auth", "cookie", "key", "secret", "token"];

/// A body that is being collected. Shared with what it is read through.
pub type BodyPart = Arc<Mutex<Capture>>;

/// Collects the bodies of one request.
pub struct BodyCollector {
    mode: BodyMode,
    bytes_max: usize,
    arrived: Instant,
    held: Arc<HeldBytes>,
    /// The attempt in progress, counted from 1; 0 before the first.
    attempt: u16,
    got: Option<BodyPart>,
    raw: RawBodies,
}

/// Bodies as they passed, which hold secrets: in memory alone, and for a moment.
#[derive(Default)]
pub struct RawBodies {
    pub(super) parts: Vec<Part>,
    pub(super) carried: Vec<Secret>,
    pub(super) credentials: Vec<Arc<Credential>>,
}

pub(super) struct Part {
    pub(super) direction: Direction,
    pub(super) attempt: Option<u16>,
    pub(super) start: StartLine,
    pub(super) headers: Vec<RecordedHeader>,
    pub(super) capture: BodyPart,
}

impl BodyCollector {
    pub(super) fn new(
        mode: BodyMode,
        bytes_max: usize,
        arrived: Instant,
        held: Arc<HeldBytes>,
    ) -> Self {
        Self {
            mode,
            bytes_max: bytes_max.min(BODY_BYTES_MAX),
            arrived,
            held,
            attempt: 0,
            got: None,
            raw: RawBodies::default(),
        }
    }

    /// What the client sent.
    pub fn client_sent<'b>(
        &mut self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        body: impl Iterator<Item = &'b [u8]>,
    ) {
        self.raw.carried = carried(headers, uri.query());
        let target = uri.path_and_query().map_or("/", |target| target.as_str());
        let start = request_line(method, target.to_owned());
        self.add_whole(Direction::ClientSent, start, headers, body);
    }

    /// What goes upstream in the next attempt, with what proves its account.
    pub fn went_upstream<'b>(
        &mut self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        body: impl Iterator<Item = &'b [u8]>,
        credential: &Arc<Credential>,
    ) {
        self.attempt += 1;
        let is_known = |known: &Arc<Credential>| Arc::ptr_eq(known, credential);
        if !self.raw.credentials.iter().any(is_known) {
            self.raw.credentials.push(credential.clone());
        }
        let start = request_line(method, uri.to_string());
        self.add_whole(Direction::WentUpstream, start, headers, body);
    }

    /// What comes back in this attempt: it is pushed into the part as it comes.
    pub fn comes_back(&mut self, status: u16, headers: &HeaderMap) -> Option<BodyPart> {
        let start = StartLine::Response { status };
        self.add(Direction::CameBack, start, headers, true)
    }

    /// What the client gets: all of it, or what [`BodyCollector::client_gets`] adds.
    pub fn client_got(&mut self, status: u16, headers: &HeaderMap, whole: Option<&[u8]>) {
        let start = StartLine::Response { status };
        match whole {
            Some(body) => {
                self.add_whole(Direction::ClientGot, start, headers, std::iter::once(body));
            }
            None => self.got = self.add(Direction::ClientGot, start, headers, true),
        }
    }

    /// A piece of a stream leaves for the client.
    pub fn client_gets(&mut self, piece: &[u8]) {
        if let Some(got) = &self.got {
            got.lock().push(piece);
        }
    }

    /// Whether the bodies of a request are kept that ended so.
    pub fn is_wanted(&self, ending: Ending) -> bool {
        self.mode == BodyMode::All || ending.is_failure()
    }

    pub fn into_raw(self) -> RawBodies {
        self.raw
    }

    fn add_whole<'b>(
        &mut self,
        direction: Direction,
        start: StartLine,
        headers: &HeaderMap,
        body: impl Iterator<Item = &'b [u8]>,
    ) {
        if let Some(part) = self.add(direction, start, headers, false) {
            let mut capture = part.lock();
            body.for_each(|piece| capture.push(piece));
        }
    }

    fn add(
        &mut self,
        direction: Direction,
        start: StartLine,
        headers: &HeaderMap,
        is_stream: bool,
    ) -> Option<BodyPart> {
        let is_clients = matches!(direction, Direction::ClientSent | Direction::ClientGot);
        // The last place is the client's response.
        let parts_max = PARTS_MAX - usize::from(direction != Direction::ClientGot);
        if self.raw.parts.len() >= parts_max {
            return None;
        }
        let capture = Capture::new(self.room(), is_stream, self.arrived, self.held.clone());
        let capture = Arc::new(Mutex::new(capture));
        self.raw.parts.push(Part {
            direction,
            attempt: (!is_clients).then_some(self.attempt),
            start,
            headers: recorded(headers),
            capture: capture.clone(),
        });
        Some(capture)
    }

    /// What the next body may take.
    fn room(&self) -> usize {
        let taken = self.raw.parts.iter();
        let taken: usize = taken.map(|part| part.capture.lock().bytes().len()).sum();
        self.bytes_max.min(REQUEST_BYTES_MAX.saturating_sub(taken))
    }
}

fn request_line(method: &Method, target: String) -> StartLine {
    StartLine::Request {
        method: method.to_string(),
        target,
    }
}

/// What a request carries for a key: in headers and parameters whose names say so.
fn carried(headers: &HeaderMap, query: Option<&str>) -> Vec<Secret> {
    let is_secret = |name: &str| SECRET_NAMES.iter().any(|part| name.contains(part));
    let of_headers = headers
        .iter()
        .filter(|(name, _)| is_secret(name.as_str()))
        .filter_map(|(_, value)| value.to_str().ok())
        // Behind the scheme, and each of several cookies.
        .flat_map(|value| value.split([' ', ';', ',']))
        .map(str::to_owned);
    let pairs = query.unwrap_or_default().split('&');
    let of_query = pairs
        .filter_map(|pair| pair.split_once('='))
        .filter(|(name, _)| is_secret(&name.to_ascii_lowercase()))
        .map(|(_, value)| percent_decode_str(value).decode_utf8_lossy().into_owned());
    of_headers
        .chain(of_query)
        .filter(|value| value.len() >= CARRIED_BYTES_MIN)
        .map(Secret::new)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn collector(mode: BodyMode, bytes_max: usize) -> BodyCollector {
        BodyCollector::new(mode, bytes_max, Instant::now(), Arc::default())
    }

    fn sent(collector: &mut BodyCollector, body: &'static [u8]) {
        collector.client_sent(
            &Method::POST,
            &Uri::from_static("/v1/messages"),
            &HeaderMap::new(),
            std::iter::once(body),
        );
    }

    #[test]
    fn a_request_that_ended_well_is_wanted_where_all_are() {
        let all = collector(BodyMode::All, 9);
        assert!(all.is_wanted(Ending::Done) && all.is_wanted(Ending::Left));
        let errors = collector(BodyMode::Errors, 9);
        assert!(!errors.is_wanted(Ending::Done) && !errors.is_wanted(Ending::Left));
        assert!(errors.is_wanted(Ending::Failed) && errors.is_wanted(Ending::Refused));
    }

    #[test]
    fn however_many_attempts_there_are_the_clients_response_has_a_place() {
        let mut collector = collector(BodyMode::All, 100_000);
        sent(&mut collector, &[b'x'; 99_000]);
        let credential = Arc::new(Credential::None);
        for _ in 0..100 {
            let body = std::iter::once(&[b'x'; 99_000][..]);
            let (method, uri) = (Method::POST, Uri::from_static("http://a.example/v1"));
            collector.went_upstream(&method, &uri, &HeaderMap::new(), body, &credential);
        }
        collector.client_got(200, &HeaderMap::new(), Some(b"{}"));
        let raw = collector.into_raw();
        assert_eq!(raw.parts.len(), PARTS_MAX);
        let kept = raw
            .parts
            .iter()
            .map(|part| part.capture.lock().bytes().len());
        assert!(kept.sum::<usize>() <= REQUEST_BYTES_MAX);
        assert_eq!(raw.parts.last().unwrap().direction, Direction::ClientGot);
        assert_eq!(raw.credentials.len(), 1);
    }

    #[test]
    fn what_a_request_carries_for_a_key_is_known() {
        let headers = HeaderMap::from_iter([
            (
                http::header::AUTHORIZATION,
                HeaderValue::from_static("Bearer first-key-0123"),
            ),
            (
                http::header::COOKIE,
                HeaderValue::from_static("a=second-0123456; b=1"),
            ),
            (
                http::header::USER_AGENT,
                HeaderValue::from_static("a-program-of-length/1"),
            ),
        ]);
        let known = carried(
            &headers,
            Some("alt=sse-and-more-text&key=third%2Dkey-0123&api_key=x"),
        );
        let known: Vec<&str> = known.iter().map(Secret::expose).collect();
        assert_eq!(
            known,
            ["first-key-0123", "a=second-0123456", "third-key-0123"]
        );
    }
}
