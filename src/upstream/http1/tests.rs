use std::collections::VecDeque;
use std::net::SocketAddr;

use http_body_util::BodyExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::*;
use crate::upstream::connector;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// What a server saw.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Opened,
    /// The request line, and what the `HostPool` header said.
    Asked(String),
    Closed,
}

/// A server that gives these answers, in this order over all connections, each in these pieces; an
/// empty one ends its connection.
async fn server(answers: &[&[&'static str]]) -> (SocketAddr, UnboundedReceiver<Seen>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (tell, seen) = unbounded_channel();
    let answers: VecDeque<Vec<&'static str>> =
        answers.iter().map(|pieces| pieces.to_vec()).collect();
    let answers = Arc::new(Mutex::new(answers));
    #[expect(clippy::disallowed_methods, reason = "it ends with the test's runtime")]
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (tell, answers) = (tell.clone(), answers.clone());
            let _ = tell.send(Seen::Opened);
            tokio::spawn(async move {
                talk(
                    stream,
                    |request| drop(tell.send(Seen::Asked(request))),
                    || lock(&answers).pop_front(),
                )
                .await;
                let _ = tell.send(Seen::Closed);
            });
        }
    });
    (address, seen)
}

async fn talk(
    mut stream: TcpStream,
    tell: impl Fn(String),
    next: impl Fn() -> Option<Vec<&'static str>>,
) {
    let (mut buffer, mut head) = (vec![0; 4096], String::new());
    loop {
        match stream.read(&mut buffer).await {
            Ok(bytes @ 1..) => head += &String::from_utf8_lossy(&buffer[..bytes]),
            _ => return,
        }
        if !head.contains("\r\n\r\n") {
            continue;
        }
        let host = head.lines().find_map(|line| {
            line.to_ascii_lowercase()
                .strip_prefix("host: ")
                .map(str::to_owned)
        });
        tell(format!(
            "{} of {}",
            head.lines().next().unwrap(),
            host.unwrap()
        ));
        head.clear();
        for piece in next().unwrap_or_default() {
            if piece.is_empty() || stream.write_all(piece.as_bytes()).await.is_err() {
                return;
            }
            tokio::task::yield_now().await;
        }
    }
}

fn plain() -> Plain {
    Plain::new(connector(Duration::from_secs(5)))
}

async fn ask(plain: &Plain, address: SocketAddr) -> Result<Response<PooledBody>, Failed> {
    let request = Request::get(format!("http://{address}/a?b"))
        .body(SegmentedBytes::default())
        .unwrap();
    plain.request(request).await
}

async fn answer(plain: &Plain, address: SocketAddr) -> Bytes {
    let answer = ask(plain, address)
        .await
        .unwrap_or_else(|_| panic!("there is an answer"));
    answer.into_body().collect().await.unwrap().to_bytes()
}

fn asked(address: SocketAddr) -> Seen {
    Seen::Asked(format!("GET /a?b HTTP/1.1 of {address}"))
}

#[tokio::test]
async fn one_connection_serves_one_request_after_the_other() {
    let (address, mut seen) = server(&[
        &[OK],
        &[
            "HTTP/1.1 200 OK\r\nTransfer-Enc",
            "oding: chunked\r\n\r\n1\r",
            "\no\r\n1\r\nk\r\n0\r\n\r\n",
        ],
        &[OK],
    ])
    .await;
    let plain = plain();
    for _ in 0..3 {
        assert_eq!(answer(&plain, address).await, "ok");
    }
    assert_eq!(seen.recv().await, Some(Seen::Opened));
    for _ in 0..3 {
        assert_eq!(seen.recv().await, Some(asked(address)));
    }
    assert_eq!(plain.hosts.connections.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_connection_that_the_server_closed_meanwhile_is_not_used() {
    let (address, mut seen) = server(&[&[OK, ""], &[OK]]).await;
    let plain = plain();
    assert_eq!(answer(&plain, address).await, "ok");
    while seen.recv().await != Some(Seen::Closed) {}
    // The system has the end of it by now; that it tells the runtime takes another look.
    tokio::task::yield_now().await;
    assert_eq!(answer(&plain, address).await, "ok");
}

#[tokio::test]
async fn whoever_leaves_early_closes_the_connection() {
    let (address, mut seen) =
        server(&[&["HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nnot all"]]).await;
    let plain = plain();
    let mut body = ask(&plain, address)
        .await
        .unwrap_or_else(|_| panic!("there is a head"))
        .into_body();
    assert!(body.frame().await.unwrap().is_ok());
    drop(body);
    while seen.recv().await != Some(Seen::Closed) {}
    assert_eq!(plain.hosts.connections.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_an_error() {
    let (address, _seen) = server(&[
        &["HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nnot all", ""],
        &[""],
    ])
    .await;
    let plain = plain();
    let body = ask(&plain, address)
        .await
        .unwrap_or_else(|_| panic!("there is a head"))
        .into_body();
    assert!(body.collect().await.is_err());
    assert!(
        matches!(ask(&plain, address).await, Err(Failed::Exchange(error)) if error.is_incomplete_message())
    );
}

#[tokio::test]
async fn unused_connections_go_some_time() {
    let (address, mut seen) = server(&[&[OK]]).await;
    let plain = plain();
    answer(&plain, address).await;
    for _ in 1..SWEEPS_MAX {
        plain.hosts.sweep();
        assert_eq!(plain.hosts.connections.load(Ordering::Relaxed), 1);
    }
    plain.hosts.sweep();
    assert!(lock(&plain.hosts.known).is_empty());
    while seen.recv().await != Some(Seen::Closed) {}
}

#[tokio::test]
async fn a_large_request_goes_out_in_its_pieces() {
    const PIECE: usize = 100_000;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut body = SegmentedBytes::default();
    (0..40_u8).for_each(|number| body.push(Bytes::from(vec![number; PIECE])));
    let whole = body.whole().clone();
    let reads = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut read = Vec::new();
        while !read.ends_with(&whole) {
            assert_ne!(stream.read_buf(&mut read).await.unwrap(), 0);
        }
        stream.write_all(OK.as_bytes()).await.unwrap();
    };
    let plain = plain();
    let request = Request::post(format!("http://{address}/"))
        .body(body)
        .unwrap();
    let (answer, ()) = tokio::join!(plain.request(request), reads);
    let answer = answer.unwrap_or_else(|_| panic!("there is an answer"));
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "ok");
}
