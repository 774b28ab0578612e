use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Version};

use super::{Policy, admit, cors_headers, preflight};
use crate::canon::FaultKind::{self, BadRequest, Forbidden, Misdirected, UnsupportedMediaType};

const LOCAL: (&str, &str) = ("host", "localhost:8045");

fn head(method: &str, target: &str, headers: &[(&str, &str)]) -> Parts {
    let mut request = Request::builder().method(method).uri(target);
    for (name, value) in headers {
        request = request.header(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    request.body(()).unwrap().into_parts().0
}

fn verdict(
    policy: &Policy,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
) -> Result<(), FaultKind> {
    admit(policy, &head(method, target, headers))
        .map(drop)
        .map_err(|fault| fault.kind)
}

/// The verdict on a GET with these headers, on the loopback alone.
fn get(headers: &[(&str, &str)]) -> Result<(), FaultKind> {
    verdict(&Policy::default(), "GET", "/", headers)
}

fn post(headers: &[(&str, &str)]) -> Result<(), FaultKind> {
    let headers = [&[LOCAL, ("content-length", "2")], headers].concat();
    verdict(&Policy::default(), "POST", "/v1/messages", &headers)
}

fn lan() -> Policy {
    Policy {
        lan: true,
        machine_names: vec!["Workbench".to_owned()],
        ..Policy::default()
    }
}

fn open_to(origins: &[&str]) -> Policy {
    Policy {
        cors_origins: origins.iter().map(|origin| (*origin).to_owned()).collect(),
        ..Policy::default()
    }
}

#[test]
fn loopback_hosts_are_admitted_in_every_spelling() {
    for host in [
        "localhost",
        "localhost:8045",
        "localhost:1",
        "LocalHost:8045",
        "localhost.",
        "localhost.:8045",
        "app.localhost:8045",
        "a.b.LOCALHOST.",
        "127.0.0.1",
        "127.0.0.1:8045",
        "127.8.9.10:8045",
        "127.0.0.1.",
        "[::1]",
        "[::1]:8045",
        "[0:0:0:0:0:0:0:1]",
    ] {
        assert_eq!(get(&[("host", host)]), Ok(()), "{host}");
    }
}

#[test]
fn foreign_hosts_are_misdirected() {
    for host in [
        "evil.com",
        "evil.com:8045",
        "localhost.evil.com",
        "localhost.evil.com:8045",
        "127.0.0.1.evil.com",
        "evillocalhost",
        "localhost-",
        "127.1",
        "127.0.1:8045",
        "0x7f.1",
        "0x7f000001",
        "0177.0.0.1",
        "127.0.0.01",
        "2130706433",
        "128.0.0.1",
        "0.0.0.0:8045",
        "192.168.1.5:8045",
        "[::]",
        "[::2]:8045",
        "[::ffff:127.0.0.1]",
        "[fe80::1]",
        "workbench",
        "xn--localhost-0",
    ] {
        assert_eq!(get(&[("host", host)]), Err(Misdirected), "{host}");
    }
}

#[test]
fn a_host_that_is_none_is_a_bad_request() {
    for host in [
        "",
        ":8045",
        ".",
        "localhost:port",
        "localhost:99999",
        "localhost:80:80",
        "user@localhost",
        "localhost@evil.com",
        "user:pass@127.0.0.1",
        "localhost/",
        "localhost#",
        "localhost, evil.com",
        "localhost evil.com",
        "::1",
        "[::1",
        "[::1%25eth0]",
        "[127.0.0.1]",
        "http://localhost",
        "locälhost",
        "l%6fcalhost",
    ] {
        assert_eq!(get(&[("host", host)]), Err(BadRequest), "{host}");
    }
    assert_eq!(get(&[]), Err(BadRequest));
    assert_eq!(get(&[LOCAL, LOCAL]), Err(BadRequest));
    assert_eq!(get(&[LOCAL, ("host", "evil.com")]), Err(BadRequest));
}

#[test]
fn old_http_needs_a_host_too() {
    let mut old = head("GET", "/", &[]);
    old.version = Version::HTTP_10;
    assert_eq!(
        admit(&Policy::default(), &old).unwrap_err().kind,
        BadRequest
    );
}

#[test]
fn allowed_hosts_are_admitted_by_name_and_by_port() {
    let allowed_hosts = [
        "Gateway.lan",
        "proxy.example.com:443",
        "[fd00::7]",
        "10.0.0.7",
    ]
    .map(str::to_owned)
    .to_vec();
    let policy = Policy {
        allowed_hosts,
        ..Policy::default()
    };
    for host in [
        "gateway.lan",
        "GATEWAY.LAN.:9",
        "proxy.example.com:443",
        "[fd00:0::7]:8045",
        "10.0.0.7:8045",
    ] {
        assert_eq!(
            verdict(&policy, "GET", "/", &[("host", host)]),
            Ok(()),
            "{host}"
        );
    }
    for host in [
        "x.gateway.lan",
        "gateway.lan.evil.com",
        "proxy.example.com",
        "proxy.example.com:8045",
        "10.0.0.8",
    ] {
        assert_eq!(
            verdict(&policy, "GET", "/", &[("host", host)]),
            Err(Misdirected),
            "{host}"
        );
    }
}

#[test]
fn the_lan_asks_by_address_or_machine_name() {
    for host in [
        "192.168.1.5:8045",
        "0.0.0.0",
        "[fe80::1]:8045",
        "[::ffff:127.0.0.1]",
        "workbench:8045",
        "WORKBENCH.local",
        "localhost",
    ] {
        assert_eq!(
            verdict(&lan(), "GET", "/", &[("host", host)]),
            Ok(()),
            "{host}"
        );
    }
    for host in [
        "evil.com",
        "workbench.evil.com",
        "workbench.lan",
        "xworkbench",
        "192.168.1",
        "local",
        "192.168.1.5.nip.io",
    ] {
        assert_eq!(
            verdict(&lan(), "GET", "/", &[("host", host)]),
            Err(Misdirected),
            "{host}"
        );
    }
}

#[test]
fn an_absolute_target_has_to_name_the_same_place_as_the_host() {
    for (target, host, expected) in [
        ("http://localhost:8045/healthz", "localhost:8045", Ok(())),
        ("http://LOCALHOST.:8045/", "localhost:8045", Ok(())),
        ("http://localhost/", "localhost:80", Ok(())),
        ("https://[::1]/", "[::1]:443", Ok(())),
        ("http://evil.com/", "localhost:8045", Err(Misdirected)),
        ("http://evil.com:8045/", "evil.com:8045", Err(Misdirected)),
        ("http://localhost:8045/", "evil.com", Err(Misdirected)),
        ("http://localhost:8045/", "127.0.0.1:8045", Err(BadRequest)),
        ("http://localhost:8045/", "localhost:8046", Err(BadRequest)),
        (
            "http://user@localhost:8045/",
            "localhost:8045",
            Err(BadRequest),
        ),
        (
            "http://localhost@evil.com/",
            "localhost:8045",
            Err(BadRequest),
        ),
        ("ftp://localhost:8045/", "localhost:8045", Err(BadRequest)),
        ("localhost:8045", "localhost:8045", Err(BadRequest)),
    ] {
        assert_eq!(
            verdict(&Policy::default(), "GET", target, &[("host", host)]),
            expected,
            "{target} {host}"
        );
    }
}

#[test]
fn a_tunnel_to_elsewhere_is_misdirected() {
    assert_eq!(
        verdict(
            &Policy::default(),
            "CONNECT",
            "evil.com:443",
            &[("host", "localhost:8045")]
        ),
        Err(Misdirected)
    );
    assert_eq!(
        verdict(
            &Policy::default(),
            "CONNECT",
            "evil.com:443",
            &[("host", "evil.com:443")]
        ),
        Err(Misdirected)
    );
}

#[test]
fn pages_of_this_machine_and_of_editors_may_ask() {
    for origin in [
        "http://localhost",
        "http://localhost:3000",
        "https://localhost:8443",
        "http://127.0.0.1:5173",
        "http://[::1]:8080",
        "http://tauri.localhost",
        "vscode-webview://1a2b3c",
        "vscode-file://vscode-app",
        "tauri://localhost",
        "app://obsidian.md",
    ] {
        let admitted = admit(
            &Policy::default(),
            &head("GET", "/", &[LOCAL, ("origin", origin)]),
        )
        .expect(origin);
        assert_eq!(admitted.origin.unwrap(), origin);
    }
}

#[test]
fn foreign_pages_are_forbidden() {
    for origin in [
        "null",
        "",
        "*",
        "https://evil.com",
        "http://evil.com:8045",
        "http://localhost.evil.com",
        "http://localhost:3000.evil.com",
        "http://localhost@evil.com",
        "http://evil.com#localhost",
        "http://127.0.0.1.evil.com",
        "http://127.1",
        "http://0.0.0.0:8045",
        "http://192.168.1.5:8045",
        "http://[::ffff:127.0.0.1]",
        "http://localhost/",
        "http://localhost, http://evil.com",
        "http://localhost http://evil.com",
        "http://",
        "localhost",
        "file://",
        "ftp://localhost",
        "chrome-extension://abcdef",
        "moz-extension://abcdef",
        "data://x",
        "vscode-webview:",
        "vscode-webview://",
        "xvscode-webview://1a2b",
        "http://löcalhost",
    ] {
        assert_eq!(
            get(&[LOCAL, ("origin", origin)]),
            Err(Forbidden),
            "{origin}"
        );
        assert_eq!(
            verdict(&lan(), "GET", "/", &[LOCAL, ("origin", origin)]),
            Err(Forbidden),
            "{origin}"
        );
    }
    let local = ("origin", "http://localhost:3000");
    assert_eq!(get(&[LOCAL, local, local]), Err(Forbidden));
    assert_eq!(
        get(&[LOCAL, local, ("origin", "https://evil.com")]),
        Err(Forbidden)
    );
}

#[test]
fn listed_origins_are_admitted_exactly() {
    let policy = open_to(&[
        "https://Chat.example.com/",
        "chrome-extension://abcdef",
        "null",
    ]);
    for origin in [
        "https://chat.example.com",
        "chrome-extension://abcdef",
        "null",
    ] {
        assert_eq!(
            verdict(&policy, "GET", "/", &[LOCAL, ("origin", origin)]),
            Ok(()),
            "{origin}"
        );
    }
    for origin in [
        "http://chat.example.com",
        "https://chat.example.com:444",
        "https://x.chat.example.com",
        "https://chat.example.com.evil.com",
    ] {
        assert_eq!(
            verdict(&policy, "GET", "/", &[LOCAL, ("origin", origin)]),
            Err(Forbidden),
            "{origin}"
        );
    }
    assert_eq!(
        verdict(
            &open_to(&["*"]),
            "GET",
            "/",
            &[LOCAL, ("origin", "https://evil.com")]
        ),
        Err(Forbidden)
    );
}

#[test]
fn a_foreign_host_is_refused_before_its_page() {
    assert_eq!(
        get(&[("host", "evil.com"), ("origin", "http://evil.com")]),
        Err(Misdirected)
    );
}

#[test]
fn requests_across_sites_need_an_allowed_page() {
    let cross = ("sec-fetch-site", "cross-site");
    assert_eq!(get(&[LOCAL, cross]), Err(Forbidden));
    assert_eq!(
        get(&[LOCAL, ("sec-fetch-site", "Cross-Site")]),
        Err(Forbidden)
    );
    assert_eq!(
        get(&[LOCAL, ("sec-fetch-site", "none"), cross]),
        Err(Forbidden)
    );
    let page = ("origin", "https://chat.example.com");
    assert_eq!(
        verdict(
            &open_to(&["https://chat.example.com"]),
            "GET",
            "/",
            &[LOCAL, cross, page]
        ),
        Ok(())
    );
    for site in ["none", "same-origin", "same-site"] {
        assert_eq!(get(&[LOCAL, ("sec-fetch-site", site)]), Ok(()), "{site}");
    }
}

#[test]
fn the_fetch_mode_that_node_sends_is_no_sign_of_a_page() {
    assert_eq!(get(&[LOCAL, ("sec-fetch-mode", "cors")]), Ok(()));
}

#[test]
fn forwarding_proxies_are_not_believed() {
    assert_eq!(
        get(&[
            ("host", "evil.com"),
            ("x-forwarded-host", "localhost"),
            ("forwarded", "host=localhost")
        ]),
        Err(Misdirected)
    );
    assert_eq!(get(&[LOCAL, ("x-forwarded-host", "evil.com")]), Ok(()));
}

#[test]
fn json_in_its_spellings_is_posted() {
    for content_type in [
        "application/json",
        "Application/JSON",
        "application/json; charset=utf-8",
        "application/json;charset=utf-8",
        " application/json ; a=b",
        "application/vnd.api+json",
        "application/problem+json; x=y",
    ] {
        assert_eq!(
            post(&[("content-type", content_type)]),
            Ok(()),
            "{content_type}"
        );
    }
}

#[test]
fn what_a_page_can_post_unasked_is_refused() {
    for content_type in [
        "",
        "text/plain",
        "text/plain; application/json",
        "text/plain;charset=application/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "text/json",
        "application/jsonp",
        "application/+json",
        "application/json, text/plain",
        "application/x y+json",
        "json",
    ] {
        assert_eq!(
            post(&[("content-type", content_type)]),
            Err(UnsupportedMediaType),
            "{content_type}"
        );
    }
    let json = ("content-type", "application/json");
    assert_eq!(
        post(&[json, ("content-type", "text/plain")]),
        Err(UnsupportedMediaType)
    );
}

#[test]
fn only_programs_may_leave_the_type_out() {
    assert_eq!(post(&[]), Ok(()));
    assert_eq!(
        post(&[("origin", "http://localhost:3000")]),
        Err(UnsupportedMediaType)
    );
    assert_eq!(
        post(&[("sec-fetch-site", "same-site")]),
        Err(UnsupportedMediaType)
    );
}

#[test]
fn a_post_without_a_body_needs_no_type() {
    let text = ("content-type", "text/plain");
    assert_eq!(
        verdict(&Policy::default(), "POST", "/", &[LOCAL, text]),
        Ok(())
    );
    assert_eq!(
        verdict(
            &Policy::default(),
            "POST",
            "/",
            &[LOCAL, text, ("content-length", "0")]
        ),
        Ok(())
    );
    assert_eq!(
        verdict(
            &Policy::default(),
            "POST",
            "/",
            &[LOCAL, text, ("transfer-encoding", "chunked")]
        ),
        Err(UnsupportedMediaType)
    );
}

#[test]
fn refusals_say_what_to_set_and_show_nothing_that_steers() {
    let message = |headers: &[(&str, &str)]| {
        admit(&Policy::default(), &head("POST", "/", headers))
            .unwrap_err()
            .message
    };
    assert_eq!(
        message(&[("host", "Evil.com:8045")]),
        "`evil.com` is not a name of this gateway; to allow this name add `evil.com` to `allowed_hosts`"
    );
    assert_eq!(
        message(&[("host", "[fe80::1]")]),
        "`[fe80::1]` is not a name of this gateway; \
         to serve this network set `allow_lan_access = true`, or add `[fe80::1]` to `allowed_hosts`"
    );
    assert_eq!(
        message(&[LOCAL, ("origin", "https://evil.com")]),
        "the web page `https://evil.com` may not use this gateway; to allow it, add its origin to `cors_origins`"
    );
    let steering = message(&[LOCAL, ("origin", "http://\u{9b}31m\u{202e}")]);
    assert!(
        steering.contains("`http://\\u{9b}31m\\u{202e}`"),
        "{steering}"
    );
    assert!(message(&[("host", &"a@".repeat(9000))]).len() < 300);
    assert!(
        message(&[
            LOCAL,
            ("content-length", "2"),
            ("content-type", "text/plain")
        ])
        .contains("curl add -H 'content-type: application/json'")
    );
}

fn preflight_of(policy: &Policy, headers: &[(&str, &str)]) -> Option<HeaderMap> {
    let headers = [&[LOCAL, ("access-control-request-method", "POST")], headers].concat();
    let head = head("OPTIONS", "/v1/messages", &headers);
    let answer = preflight(&admit(policy, &head).ok()?, &head)?;
    assert_eq!(answer.status(), 204);
    Some(answer.into_parts().0.headers)
}

#[test]
fn preflights_of_allowed_pages_are_answered_with_their_origin() {
    let page = ("origin", "http://localhost:3000");
    let names = (
        "access-control-request-headers",
        "content-type, X-Api-Key,anthropic-version, bad name, ,(x)",
    );
    let headers = preflight_of(&Policy::default(), &[page, names]).unwrap();
    assert_eq!(
        headers["access-control-allow-origin"],
        "http://localhost:3000"
    );
    assert_eq!(
        headers["access-control-allow-methods"],
        "GET, HEAD, POST, PATCH, DELETE"
    );
    assert_eq!(
        headers["access-control-allow-headers"],
        "content-type, X-Api-Key, anthropic-version"
    );
    assert_eq!(headers["access-control-max-age"], "600");
    assert!(headers["vary"].to_str().unwrap().starts_with("origin,"));
    assert!(!headers.contains_key("access-control-allow-private-network"));
    assert!(!headers.contains_key("access-control-allow-credentials"));
}

#[test]
fn private_network_access_is_granted_to_allowed_pages_that_ask() {
    let asks = ("access-control-request-private-network", "true");
    let cross = ("sec-fetch-site", "cross-site");
    let page = ("origin", "https://chat.example.com");
    let headers = preflight_of(
        &open_to(&["https://chat.example.com"]),
        &[page, cross, asks],
    )
    .unwrap();
    assert_eq!(headers["access-control-allow-private-network"], "true");
    assert_eq!(preflight_of(&Policy::default(), &[page, cross, asks]), None);
}

#[test]
fn options_without_a_page_or_a_question_is_no_preflight() {
    assert_eq!(preflight_of(&Policy::default(), &[]), None);
    let plain = head(
        "OPTIONS",
        "/",
        &[LOCAL, ("origin", "http://localhost:3000")],
    );
    assert!(preflight(&admit(&Policy::default(), &plain).unwrap(), &plain).is_none());
    let post = head(
        "POST",
        "/",
        &[
            LOCAL,
            ("origin", "http://localhost:3000"),
            ("access-control-request-method", "POST"),
        ],
    );
    assert!(preflight(&admit(&Policy::default(), &post).unwrap(), &post).is_none());
}

#[test]
fn answers_are_opened_to_the_page_that_asked_and_no_other() {
    let answer = |headers: &[(&str, &str)]| {
        let admitted = admit(&Policy::default(), &head("GET", "/", headers)).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(
            HeaderName::from_static("x-request-id"),
            HeaderValue::from_static("r1"),
        );
        headers.insert("vary", HeaderValue::from_static("accept"));
        cors_headers(&admitted, &mut headers);
        headers
    };
    let opened = answer(&[LOCAL, ("origin", "http://localhost:3000")]);
    assert_eq!(
        opened["access-control-allow-origin"],
        "http://localhost:3000"
    );
    assert!(
        opened["access-control-expose-headers"]
            .to_str()
            .unwrap()
            .contains("x-request-id")
    );
    let plain = answer(&[LOCAL]);
    assert!(!plain.contains_key("access-control-allow-origin"));
    for headers in [&opened, &plain] {
        let vary: Vec<_> = headers.get_all("vary").iter().collect();
        assert_eq!(vary, ["accept", "origin"]);
    }
}
