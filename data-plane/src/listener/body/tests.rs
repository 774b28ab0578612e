use std::convert::Infallible;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, HeaderValue};
use http_body::Frame;
use http_body_util::{BodyExt as _, Full, StreamBody};

use super::{BoxError, ResponseBody, collect};
use crate::canon::FaultKind::{self, BadRequest, RequestTimeout, TooLarge, UnsupportedMediaType};
use crate::content_coding::encoders::{deflate, gzip, zlib, zstd};
use crate::listener::ListenerLimits;

/// `hello` and four MiB of zeros as brotli, made by zlib.brotliCompressSync of Node 22.
const HELLO_BR: &[u8] = b"\x0b\x02\x80hello\x03";
const ZEROS_BR: &[u8] = b"\x9b\xff\xff\x3f\xf8\x27\x00\xe2\xb1\x40\x20\xf7\xfe\x07";
const ZEROS_LEN: usize = 4 << 20;

fn limits(request_body_bytes_max: usize) -> ListenerLimits {
    ListenerLimits {
        request_body_bytes_max,
        ..ListenerLimits::default()
    }
}

fn encoded_as(codings: &str) -> HeaderMap {
    [(
        http::header::CONTENT_ENCODING,
        HeaderValue::from_str(codings).unwrap(),
    )]
    .into_iter()
    .collect()
}

fn chunks(chunks: &[&'static str]) -> impl http_body::Body<Data = Bytes, Error = Infallible> {
    let frames: Vec<_> = chunks
        .iter()
        .map(|chunk| Ok(Frame::data(Bytes::from(*chunk))))
        .collect();
    StreamBody::new(stream::iter(frames))
}

async fn unpack(codings: &str, bytes: Vec<u8>, max: usize) -> Result<Bytes, FaultKind> {
    collect(
        Full::new(Bytes::from(bytes)),
        &encoded_as(codings),
        &limits(max),
    )
    .await
    .map(|body| body.whole().clone())
    .map_err(|fault| fault.kind)
}

#[tokio::test]
async fn a_body_in_one_chunk_is_not_copied() {
    let sent = Bytes::from_static(b"{\"model\":\"demo\"}");
    let read = collect(
        Full::new(sent.clone()),
        &HeaderMap::new(),
        &ListenerLimits::default(),
    )
    .await
    .unwrap();
    assert_eq!(read.whole().as_ptr(), sent.as_ptr());
}

#[tokio::test]
async fn chunks_are_joined() {
    let read = collect(
        chunks(&["{\"a\"", "", ":1", "}"]),
        &HeaderMap::new(),
        &ListenerLimits::default(),
    )
    .await;
    assert_eq!(read.unwrap().whole(), "{\"a\":1}");
}

#[tokio::test]
async fn the_limit_is_the_last_length_that_is_taken() {
    for (sent, is_taken) in [("12345678", true), ("123456789", false)] {
        let announced = collect(Full::new(Bytes::from(sent)), &HeaderMap::new(), &limits(8)).await;
        let streamed = collect(
            chunks(&[&sent[..4], &sent[4..]]),
            &HeaderMap::new(),
            &limits(8),
        )
        .await;
        for read in [announced, streamed] {
            assert_eq!(
                read.map(|_| ()).map_err(|fault| fault.kind),
                if is_taken { Ok(()) } else { Err(TooLarge) },
                "{sent}"
            );
        }
    }
}

/// A body that says how long it is and panics when it is read.
struct Announced(u64);

impl http_body::Body for Announced {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        panic!("read before it was refused")
    }

    fn size_hint(&self) -> http_body::SizeHint {
        http_body::SizeHint::with_exact(self.0)
    }
}

#[tokio::test]
async fn an_announced_length_over_the_limit_is_refused_unread() {
    for length in [9, u64::MAX] {
        let fault = collect(Announced(length), &HeaderMap::new(), &limits(8))
            .await
            .unwrap_err();
        assert_eq!(fault.kind, TooLarge);
        assert_eq!(
            fault.message,
            "request body: expected at most 8 bytes, found more"
        );
    }
}

#[tokio::test]
async fn an_unknown_coding_is_refused_unread() {
    for codings in [
        "compress",
        "gzip, lzma",
        "gzip, gzip, gzip",
        "gzip;q=1",
        "*",
    ] {
        let fault = collect(Announced(1), &encoded_as(codings), &limits(8))
            .await
            .unwrap_err();
        assert_eq!(fault.kind, UnsupportedMediaType, "{codings}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_stalls_times_out() {
    let first = stream::iter([Ok::<_, Infallible>(Frame::data(Bytes::from("{")))]);
    let stalling = StreamBody::new(futures_util::StreamExt::chain(first, stream::pending()));
    let started_at = tokio::time::Instant::now();
    let fault = collect(stalling, &HeaderMap::new(), &ListenerLimits::default())
        .await
        .unwrap_err();
    assert_eq!(fault.kind, RequestTimeout);
    assert_eq!(
        started_at.elapsed().as_secs(),
        ListenerLimits::default().body_idle_timeout.as_secs()
    );
}

#[tokio::test(start_paused = true)]
async fn a_body_may_take_longer_than_the_idle_time_as_a_whole() {
    let chunk = |count: u32| async move {
        tokio::time::sleep(Duration::from_secs(25)).await;
        (count < 5).then(|| {
            (
                Ok::<_, Infallible>(Frame::data(Bytes::from("x"))),
                count + 1,
            )
        })
    };
    let slow = StreamBody::new(stream::unfold(0, chunk));
    assert_eq!(
        collect(slow, &HeaderMap::new(), &ListenerLimits::default())
            .await
            .unwrap()
            .whole(),
        "xxxxx"
    );
}

#[tokio::test]
async fn breaking_off_and_bad_chunking_are_told_apart() {
    for (kind, words) in [
        (
            io::ErrorKind::UnexpectedEof,
            "found the end of the connection",
        ),
        (
            io::ErrorKind::ConnectionReset,
            "found the end of the connection",
        ),
        (io::ErrorKind::InvalidInput, "found a malformed one"),
        (io::ErrorKind::InvalidData, "found a malformed one"),
    ] {
        let frames = [
            Ok(Frame::data(Bytes::from("{"))),
            Err(io::Error::new(kind, "root")),
        ];
        let fault = collect(
            StreamBody::new(stream::iter(frames)),
            &HeaderMap::new(),
            &ListenerLimits::default(),
        )
        .await
        .unwrap_err();
        assert_eq!(fault.kind, BadRequest);
        assert!(fault.message.contains(words), "{}", fault.message);
    }
}

#[tokio::test]
async fn each_coding_is_undone() {
    let hello = b"hello";
    let two_frames = [zstd(b"hel"), zstd(b"lo")].concat();
    for (codings, encoded) in [
        ("gzip", gzip(hello)),
        ("X-GZip", gzip(hello)),
        ("gzip", [gzip(b"hel"), gzip(b"lo")].concat()),
        ("deflate", zlib(hello)),
        ("deflate", deflate(hello)),
        ("br", HELLO_BR.to_vec()),
        ("zstd", zstd(hello)),
        ("zstd", two_frames),
        ("identity", hello.to_vec()),
        ("", hello.to_vec()),
        ("gzip, identity", gzip(hello)),
        ("gzip, zstd", zstd(&gzip(hello))),
        ("br,gzip", gzip(HELLO_BR)),
    ] {
        assert_eq!(
            unpack(codings, encoded, 1 << 20).await.unwrap(),
            "hello",
            "{codings}"
        );
    }
    let mut two_headers = encoded_as("gzip");
    two_headers.append(
        http::header::CONTENT_ENCODING,
        HeaderValue::from_static("zstd"),
    );
    let encoded = Full::new(Bytes::from(zstd(&gzip(hello))));
    assert_eq!(
        collect(encoded, &two_headers, &ListenerLimits::default())
            .await
            .unwrap()
            .whole(),
        "hello"
    );
}

#[tokio::test]
async fn bombs_are_refused_and_full_measure_is_not() {
    let zeros = vec![0; ZEROS_LEN];
    for (coding, bomb) in [
        ("gzip", gzip(&zeros)),
        ("deflate", zlib(&zeros)),
        ("deflate", deflate(&zeros)),
        ("br", ZEROS_BR.to_vec()),
        ("zstd", zstd(&zeros)),
        ("gzip, gzip", gzip(&gzip(&zeros))),
        ("zstd", zstd(&zeros[..1 << 20]).repeat(4)),
    ] {
        assert_eq!(
            unpack(coding, bomb.clone(), ZEROS_LEN - 1).await,
            Err(TooLarge),
            "{coding}"
        );
        assert_eq!(
            unpack(coding, bomb, ZEROS_LEN).await.unwrap().len(),
            ZEROS_LEN,
            "{coding}"
        );
    }
}

#[tokio::test]
async fn what_is_cut_or_no_such_coding_is_a_bad_request() {
    let text = b"the quick brown fox jumps over the lazy dog".repeat(9);
    for (coding, whole) in [
        ("gzip", gzip(&text)),
        ("deflate", zlib(&text)),
        ("deflate", deflate(&text)),
        ("br", HELLO_BR.to_vec()),
        ("zstd", zstd(&text)),
    ] {
        for kept in [whole.len() - 1, whole.len() / 2, 1] {
            assert_eq!(
                unpack(coding, whole[..kept].to_vec(), 1 << 20).await,
                Err(BadRequest),
                "{coding} cut to {kept}"
            );
        }
        assert_eq!(
            unpack(coding, b"{\"model\":\"demo\"}".to_vec(), 1 << 20).await,
            Err(BadRequest),
            "{coding}"
        );
    }
}

#[tokio::test]
async fn nothing_at_all_is_nothing_in_every_coding() {
    for coding in ["gzip", "deflate", "br", "zstd"] {
        assert_eq!(unpack(coding, Vec::new(), 8).await.unwrap(), "", "{coding}");
    }
}

#[tokio::test]
async fn an_answer_at_hand_is_one_frame_of_known_length() {
    use http_body::Body as _;
    let body = ResponseBody::from("hello");
    assert_eq!(body.size_hint().exact(), Some(5));
    assert!(!body.is_end_stream());
    assert_eq!(body.collect().await.unwrap().to_bytes(), "hello");
    assert!(ResponseBody::empty().is_end_stream());
}

#[tokio::test]
async fn a_stream_hands_on_its_chunks_and_its_error() {
    let frames: [Result<_, BoxError>; 2] = [Ok(Frame::data(Bytes::from("a"))), Err("broke".into())];
    let mut body = ResponseBody::stream(Box::pin(StreamBody::new(stream::iter(frames))));
    assert_eq!(
        body.frame().await.unwrap().unwrap().into_data().unwrap(),
        "a"
    );
    assert_eq!(
        body.frame().await.unwrap().unwrap_err().to_string(),
        "broke"
    );
}
