//! Sign-ins against a small authorization server; the real one is asked in `tests/oauth`.

use std::collections::HashMap;
use std::sync::Mutex;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use http_body_util::Full;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::*;
use crate::segmented_bytes::SegmentedBytes;
use crate::upstream::{TransportError, UpstreamBody};

/// A token endpoint that keeps what it was sent.
struct Server(Mutex<Vec<String>>, &'static str);

impl Upstream for Server {
    fn send(
        &self,
        request: Request<SegmentedBytes>,
        _: &ProxyChoice,
    ) -> BoxFuture<'_, Result<Response<UpstreamBody>, TransportError>> {
        self.0
            .lock()
            .unwrap()
            .push(String::from_utf8_lossy(request.body().whole()).into_owned());
        let status = if self.1.contains("error") { 400 } else { 200 };
        let body = http_body_util::BodyExt::map_err(
            Full::new(Bytes::from_static(self.1.as_bytes())),
            |never| match never {},
        );
        let body: UpstreamBody = Box::pin(body);
        let answer = Response::builder().status(status).body(body).unwrap();
        Box::pin(std::future::ready(Ok(answer)))
    }
}

const GRANTED: &str =
    r#"{"access_token":"at-1","token_type":"Bearer","expires_in":3600,"refresh_token":"rt-1"}"#;

fn client() -> Client {
    Client {
        authorize_url: Some("https://id.example/auth".to_owned()),
        token_url: "https://id.example/token".to_owned(),
        client_id: Some("me".to_owned()),
        scopes: Vec::new(),
    }
}

fn now() -> Timestamp {
    Timestamp::UNIX_EPOCH + Duration::from_secs(1000)
}

/// The parameters of the address that the person was given.
fn asked(sign_in: &SignIn) -> HashMap<String, String> {
    let query = sign_in.url().split_once('?').unwrap().1;
    let decode = |text: &str| {
        percent_encoding::percent_decode_str(text)
            .decode_utf8()
            .unwrap()
            .into_owned()
    };
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect()
}

fn authority(asked: &HashMap<String, String>) -> String {
    asked["redirect_uri"]
        .strip_prefix("http://")
        .unwrap()
        .strip_suffix("/callback")
        .unwrap()
        .to_owned()
}

/// The status of the answer to one raw request.
async fn status(authority: &str, request: &str) -> u16 {
    let mut stream = TcpStream::connect(authority).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .unwrap_or_else(|| panic!("`{answer}`"))
}

fn get(authority: &str, path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: {authority}\r\n\r\n")
}

#[tokio::test]
async fn only_the_answer_to_this_question_ends_the_wait() {
    let sign_in = SignIn::start(&client()).await.unwrap();
    let asked = asked(&sign_in);
    let (authority, state) = (authority(&asked), asked["state"].clone());
    let hostile = async {
        let good = format!("/callback?code=c&state={state}");
        assert_eq!(status(&authority, &get(&authority, "/")).await, 404);
        assert_eq!(
            status(&authority, &get(&authority, "/callback?code=c&state=guess")).await,
            400
        );
        assert_eq!(
            status(&authority, &get(&authority, "/callback?code=c")).await,
            400
        );
        assert_eq!(
            status(
                &authority,
                &get(&authority, &format!("/callback?code=&state={state}"))
            )
            .await,
            400
        );
        assert_eq!(
            status(&authority, &get(&authority, &format!("{good}&code=d"))).await,
            400
        );
        assert_eq!(
            status(
                &authority,
                &get(&authority, &format!("{good}&state={state}"))
            )
            .await,
            400
        );
        assert_eq!(status(&authority, &get("evil.example", &good)).await, 421);
        assert_eq!(
            status(
                &authority,
                &format!("GET {good} HTTP/1.1\r\nhost: {authority}\r\nhost: x\r\n\r\n")
            )
            .await,
            421
        );
        assert_eq!(
            status(
                &authority,
                &format!("POST {good} HTTP/1.1\r\nhost: {authority}\r\ncontent-length: 0\r\n\r\n")
            )
            .await,
            404
        );
        assert_eq!(
            status(
                &authority,
                &get(
                    &authority,
                    &format!("/callback?iss=x&code=a%2Fb&state={state}")
                )
            )
            .await,
            200
        );
    };
    let server = Server(Mutex::default(), GRANTED);
    let secret = Some(Secret::new("cs".to_owned()));
    let via = ProxyChoice::default();
    let (tokens, ()) = tokio::join!(
        sign_in.finish(secret.clone(), &server, &via, SIGN_IN_TIMEOUT, now),
        hostile
    );
    let tokens = tokens.unwrap();
    assert_eq!(
        (
            tokens.access.unwrap().expose(),
            tokens.refresh.unwrap().expose()
        ),
        ("at-1", "rt-1")
    );
    assert_eq!(
        (tokens.expires_at, tokens.client_secret),
        (Some(now() + Duration::from_secs(3600)), secret)
    );
    let sent = server.0.into_inner().unwrap();
    assert_eq!(sent.len(), 1);
    assert!(
        sent[0].contains("code=a%2Fb") && sent[0].contains("code_verifier="),
        "{}",
        sent[0]
    );
    assert!(
        TcpStream::connect(&authority).await.is_err(),
        "the port is closed"
    );
}

#[tokio::test]
async fn a_refusal_is_told_in_the_servers_words() {
    let sign_in = SignIn::start(&client()).await.unwrap();
    let asked = asked(&sign_in);
    let authority = authority(&asked);
    let path = format!(
        "/callback?error=access_denied&error_description=the+owner+said+no&state={}",
        asked["state"]
    );
    let request = get(&authority, &path);
    let server = Server(Mutex::default(), GRANTED);
    let via = ProxyChoice::default();
    let (ended, status) = tokio::join!(
        sign_in.finish(None, &server, &via, SIGN_IN_TIMEOUT, now),
        status(&authority, &request)
    );
    assert_eq!(status, 200);
    assert!(
        ended
            .unwrap_err()
            .to_string()
            .contains("refused (access_denied: the owner said no)")
    );
    assert!(server.0.into_inner().unwrap().is_empty());
}

#[tokio::test]
async fn a_code_that_is_refused_gives_no_tokens() {
    let sign_in = SignIn::start(&client()).await.unwrap();
    let asked = asked(&sign_in);
    let authority = authority(&asked);
    let request = get(
        &authority,
        &format!("/callback?code=c&state={}", asked["state"]),
    );
    let server = Server(Mutex::default(), r#"{"error":"invalid_grant"}"#);
    let via = ProxyChoice::default();
    let (ended, _) = tokio::join!(
        sign_in.finish(None, &server, &via, SIGN_IN_TIMEOUT, now),
        status(&authority, &request)
    );
    assert_eq!(
        ended.unwrap_err().to_string(),
        "the sign-in gave no tokens: invalid_grant"
    );
}

#[tokio::test(start_paused = true)]
async fn nobody_is_waited_for_longer_than_allowed() {
    let sign_in = SignIn::start(&client()).await.unwrap();
    let server = Server(Mutex::default(), GRANTED);
    let error = sign_in
        .finish(None, &server, &ProxyChoice::default(), SIGN_IN_TIMEOUT, now)
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the sign-in was not finished within 10 min; start it again"
    );
}

#[tokio::test]
async fn who_only_holds_places_keeps_the_answer_out_no_longer() {
    let sign_in = SignIn::start(&client()).await.unwrap();
    let asked = asked(&sign_in);
    let (authority, state) = (authority(&asked), asked["state"].clone());
    let flooded = async {
        let mut idle = Vec::new();
        for _ in 0..300 {
            idle.push(TcpStream::connect(&authority).await.unwrap());
        }
        let path = format!("/callback?code=c&state={state}");
        let answered = status(&authority, &get(&authority, &path)).await;
        drop(idle);
        answered
    };
    let server = Server(Mutex::default(), GRANTED);
    let via = ProxyChoice::default();
    let (tokens, answered) = tokio::join!(
        sign_in.finish(None, &server, &via, SIGN_IN_TIMEOUT, now),
        flooded
    );
    assert_eq!(answered, 200);
    assert!(tokens.is_ok());
}
