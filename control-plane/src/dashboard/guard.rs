//! Whether a request comes from the dashboard's own pages, by headers that a page cannot forge.
//! Pure.

use http::request::Parts;
use http::{HeaderMap, Method, header};

/// Why a request is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rejection {
    /// It names another host, as a page does whose name was rebound to this machine.
    Host,
    /// It comes from a page of another origin.
    Origin,
}

/// Checks the host, and the origin of requests that change anything.
///
/// Reading needs no origin, because a link from elsewhere may lead here; without the cookie it
/// shows nothing.
pub(super) fn admit(head: &Parts, own: &str) -> Result<(), Rejection> {
    let authority = own.strip_prefix("http://").unwrap_or(own);
    if sole(&head.headers, header::HOST) != Some(authority)
        || head.uri.authority().is_some_and(|asked| asked != authority)
    {
        return Err(Rejection::Host);
    }
    let origins = head.headers.get_all(header::ORIGIN).iter().count();
    let is_own = sole(&head.headers, header::ORIGIN) == Some(own);
    let is_reading = matches!(head.method, Method::GET | Method::HEAD);
    if is_own || is_reading && origins == 0 {
        Ok(())
    } else {
        Err(Rejection::Origin)
    }
}

/// The value of a cookie that was sent once.
pub(super) fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let lists = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|list| list.to_str().ok());
    let mut values = lists
        .flat_map(|list| list.split(';'))
        .filter_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='));
    values.next().filter(|_| values.next().is_none())
}

fn sole(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    let mut values = headers.get_all(name).iter();
    values
        .next()
        .filter(|_| values.next().is_none())
        .and_then(|value| value.to_str().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    const OWN: &str = "http://127.0.0.1:4711";

    fn admitted(method: &str, headers: &[(&str, &str)]) -> Result<(), Rejection> {
        let mut request = Request::builder().method(method).uri("/x/");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        admit(&request.body(()).unwrap().into_parts().0, OWN)
    }

    #[test]
    fn only_its_own_name_and_port_count() {
        assert_eq!(admitted("GET", &[("host", "127.0.0.1:4711")]), Ok(()));
        for host in [
            "localhost:4711",
            "127.0.0.1",
            "127.0.0.1:8045",
            "evil.example:4711",
            "",
        ] {
            assert_eq!(
                admitted("GET", &[("host", host)]),
                Err(Rejection::Host),
                "{host}"
            );
        }
        assert_eq!(admitted("GET", &[]), Err(Rejection::Host));
        let twice = [("host", "127.0.0.1:4711"), ("host", "127.0.0.1:4711")];
        assert_eq!(admitted("GET", &twice), Err(Rejection::Host));
    }

    #[test]
    fn what_changes_anything_comes_from_its_own_page() {
        let from =
            |origin: &str| admitted("POST", &[("host", "127.0.0.1:4711"), ("origin", origin)]);
        assert_eq!(from(OWN), Ok(()));
        for origin in [
            "null",
            "http://127.0.0.1",
            "http://127.0.0.1:8045",
            "http://localhost:4711",
            "https://evil.example",
        ] {
            assert_eq!(from(origin), Err(Rejection::Origin), "{origin}");
        }
        assert_eq!(
            admitted("POST", &[("host", "127.0.0.1:4711")]),
            Err(Rejection::Origin),
            "without one"
        );
        assert_eq!(
            admitted("GET", &[("host", "127.0.0.1:4711"), ("origin", "null")]),
            Err(Rejection::Origin)
        );
    }

    #[test]
    fn a_cookie_counts_when_it_is_there_once() {
        let headers = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, value.parse().unwrap());
            headers
        };
        assert_eq!(cookie(&headers("a=1; aerostat=2"), "aerostat"), Some("2"));
        assert_eq!(cookie(&headers("aerostat=2; aerostat=3"), "aerostat"), None);
        assert_eq!(cookie(&headers("aerostatx=2"), "aerostat"), None);
    }
}
