//! What comes from outside and is no body: request heads at the guard, waits in answers, and the
//! person's configuration.
#![no_main]

use std::time::{Duration, SystemTime};

use aerostat::config;
use aerostat::listener::guard::{Policy, admit, cors_headers, preflight};
use aerostat::provider::retry_after;
use aerostat_fuzz::Input;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request};
use libfuzzer_sys::fuzz_target;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fuzz_target!(|data: &[u8]| {
    let Some(input) = Input::read(data) else {
        return;
    };
    if *input.pick(0, &[false, true]) {
        configuration(&input.body);
    } else if let Some(head) = head(&input) {
        guard(&head, *input.pick(1, &[false, true]));
        let wait = retry_after(&head.headers, SystemTime::UNIX_EPOCH + 20_000 * DAY, DAY);
        assert!(
            wait.is_none_or(|wait| !wait.is_zero() && wait <= DAY),
            "a wait of {wait:?}"
        );
    }
});

fn configuration(body: &[u8]) {
    let Ok(text) = std::str::from_utf8(body) else {
        return;
    };
    let Err(problems) = config::parse(text) else {
        return;
    };
    assert!(!problems.0.is_empty(), "refused without a reason");
    let lines = text.split('\n').count();
    let is_in_text =
        |problem: &config::Problem| problem.place.is_none_or(|place| place.line <= lines);
    assert!(
        problems.0.iter().all(is_in_text),
        "a place outside of the text: {problems:?}"
    );
}

/// A request head from lines: a target, then `name: value`.
fn head(input: &Input) -> Option<Parts> {
    let mut lines = input.body.split(|byte| *byte == b'\n');
    let target = std::str::from_utf8(lines.next()?).ok()?;
    let method = input
        .pick(
            2,
            &[Method::GET, Method::POST, Method::OPTIONS, Method::CONNECT],
        )
        .clone();
    let mut request = Request::builder()
        .method(method)
        .uri(target)
        .body(())
        .ok()?;
    lines.filter_map(header).for_each(|(name, value)| {
        request.headers_mut().append(name, value);
    });
    Some(request.into_parts().0)
}

fn header(line: &[u8]) -> Option<(HeaderName, HeaderValue)> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let value =
        HeaderValue::from_maybe_shared(Bytes::copy_from_slice(line[colon + 1..].trim_ascii()))
            .ok()?;
    Some((HeaderName::from_bytes(&line[..colon]).ok()?, value))
}

fn guard(head: &Parts, lan: bool) {
    let policy = Policy {
        allowed_hosts: vec!["gateway.lan".into()],
        machine_names: vec!["den".into()],
        lan,
        ..Policy::default()
    };
    let Ok(admitted) = admit(&policy, head) else {
        return;
    };
    assert_eq!(
        admitted.origin.as_ref(),
        head.headers.get("origin"),
        "a page's origin is lost"
    );
    let is_json = head
        .headers
        .get("content-type")
        .is_none_or(|kind| kind.as_bytes().to_ascii_lowercase().contains(&b'j'));
    assert!(
        head.method != Method::POST || !head.headers.contains_key("transfer-encoding") || is_json,
        "a POST that is not JSON"
    );
    if let Some(answer) = preflight(&admitted, head) {
        assert_eq!(
            answer.headers().get("access-control-allow-origin"),
            admitted.origin.as_ref()
        );
    }
    cors_headers(&admitted, &mut HeaderMap::new());
}
