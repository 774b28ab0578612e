use std::collections::VecDeque;
use std::net::SocketAddr;

use http_body_util::BodyExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::*;
use crate::upstream::connector;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// What a server observed.
#[derive(Debug, PartialEq, Eq)]
enum Observed {
    Opened,
    /// The request line, and the value of the `Host` header.
    Request(String),
    Closed,
}

/// A server that sends these responses, in this order over all connections, each in these chunks;
/// an empty chunk closes the connection.
async fn server(responses: &[&[&'static str]]) -> (SocketAddr, UnboundedReceiver<Observed>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (observe, observed) = unbounded_channel();
    let responses: VecDeque<Vec<&'static str>> =
        responses.iter().map(|chunks| chunks.to_vec()).collect();
    let responses = Arc::new(Mutex::new(responses));
    #[expect(clippy::disallowed_methods, reason = "it ends with the test's runtime")]
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (observe, responses) = (observe.clone(), responses.clone());
            let _ = observe.send(Observed::Opened);
            tokio::spawn(async move {
                converse(
                    stream,
                    |request| drop(observe.send(Observed::Request(request))),
                    || responses.lock().pop_front(),
                )
                .await;
                let _ = observe.send(Observed::Closed);
            });
        }
    });
    (address, observed)
}

async fn converse(
    mut stream: TcpStream,
    observe: impl Fn(String),
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
        observe(format!(
            "{} of {}",
            head.lines().next().unwrap(),
            host.unwrap()
        ));
        head.clear();
        for chunk in next().unwrap_or_default() {
            if chunk.is_empty() || stream.write_all(chunk.as_bytes()).await.is_err() {
                return;
            }
            tokio::task::yield_now().await;
        }
    }
}

fn client() -> Http1Client {
    Http1Client::new(connector(Duration::from_secs(5)))
}

async fn send(
    client: &Http1Client,
    address: SocketAddr,
) -> Result<Response<PooledBody>, SendError> {
    let request = Request::get(format!("http://{address}/a?b"))
        .body(SegmentedBytes::default())
        .unwrap();
    client.request(request).await
}

async fn fetch(client: &Http1Client, address: SocketAddr) -> Bytes {
    let response = send(client, address)
        .await
        .unwrap_or_else(|_| panic!("there is a response"));
    response.into_body().collect().await.unwrap().to_bytes()
}

fn request_to(address: SocketAddr) -> Observed {
    Observed::Request(format!("GET /a?b HTTP/1.1 of {address}"))
}

#[tokio::test]
async fn one_connection_serves_one_request_after_the_other() {
    let (address, mut observed) = server(&[
        &[OK],
        &[
            "HTTP/1.1 200 OK\r\nTransfer-Enc",
            "oding: chunked\r\n\r\n1\r",
            "\no\r\n1\r\nk\r\n0\r\n\r\n",
        ],
        &[OK],
    ])
    .await;
    let client = client();
    for _ in 0..3 {
        assert_eq!(fetch(&client, address).await, "ok");
    }
    assert_eq!(observed.recv().await, Some(Observed::Opened));
    for _ in 0..3 {
        assert_eq!(observed.recv().await, Some(request_to(address)));
    }
    assert_eq!(client.pool.open_connections.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_connection_that_the_server_closed_meanwhile_is_not_used() {
    let (address, mut observed) = server(&[&[OK, ""], &[OK]]).await;
    let client = client();
    assert_eq!(fetch(&client, address).await, "ok");
    while observed.recv().await != Some(Observed::Closed) {}
    // The system has received the close by now, but the runtime learns of it at its next poll.
    tokio::task::yield_now().await;
    assert_eq!(fetch(&client, address).await, "ok");
}

#[tokio::test]
async fn whoever_leaves_early_closes_the_connection() {
    let (address, mut observed) =
        server(&[&["HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nnot all"]]).await;
    let client = client();
    let mut body = send(&client, address)
        .await
        .unwrap_or_else(|_| panic!("there is a head"))
        .into_body();
    assert!(body.frame().await.unwrap().is_ok());
    drop(body);
    while observed.recv().await != Some(Observed::Closed) {}
    assert_eq!(client.pool.open_connections.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_an_error() {
    let (address, _observed) = server(&[
        &["HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nnot all", ""],
        &[""],
    ])
    .await;
    let client = client();
    let body = send(&client, address)
        .await
        .unwrap_or_else(|_| panic!("there is a head"))
        .into_body();
    assert!(body.collect().await.is_err());
    assert!(
        matches!(send(&client, address).await, Err(SendError::Exchange(error)) if error.is_incomplete_message())
    );
}

#[tokio::test]
async fn unused_connections_go_some_time() {
    let (address, mut observed) = server(&[&[OK]]).await;
    let client = client();
    fetch(&client, address).await;
    for _ in 1..SWEEPS_MAX {
        client.pool.sweep();
        assert_eq!(client.pool.open_connections.load(Ordering::Relaxed), 1);
    }
    client.pool.sweep();
    assert!(client.pool.hosts.lock().is_empty());
    while observed.recv().await != Some(Observed::Closed) {}
}

#[tokio::test]
async fn a_large_request_goes_out_in_its_pieces() {
    const SEGMENT_BYTES: usize = 100_000;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut body = SegmentedBytes::default();
    (0..40_u8).for_each(|number| body.push(Bytes::from(vec![number; SEGMENT_BYTES])));
    let whole = body.whole().clone();
    let reads = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut read = Vec::new();
        while !read.ends_with(&whole) {
            assert_ne!(stream.read_buf(&mut read).await.unwrap(), 0);
        }
        stream.write_all(OK.as_bytes()).await.unwrap();
    };
    let client = client();
    let request = Request::post(format!("http://{address}/"))
        .body(body)
        .unwrap();
    let (response, ()) = tokio::join!(client.request(request), reads);
    let response = response.unwrap_or_else(|_| panic!("there is a response"));
    assert_eq!(
        response.into_body().collect().await.unwrap().to_bytes(),
        "ok"
    );
}

/// The sweeper decides to end while a connection is being opened: that one gets a sweeper of its
/// own.
#[tokio::test(start_paused = true)]
async fn a_connection_that_meets_the_sweepers_end_is_swept_too() {
    let client = client();
    client.ensure_sweeper();
    assert!(client.pool.ends_sweeping(), "no connection is open");
    client.pool.open_connections.fetch_add(1, Ordering::Relaxed);
    client.ensure_sweeper();
    assert_eq!(
        client.sweeper.lock().len(),
        2,
        "the first one has not ended yet"
    );
    assert!(!client.pool.ends_sweeping(), "a connection is open");
    client.ensure_sweeper();
    assert_eq!(client.sweeper.lock().len(), 2);
}
