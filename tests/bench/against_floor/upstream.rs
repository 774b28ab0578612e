//! An upstream that responds at once. The model's name in the request selects the response.
//!
//! `whole` is a response that is not streamed, `stream-COUNT-PAUSE` a stream of COUNT events, each
//! written by itself, with PAUSE milliseconds between them. It speaks OpenAI Chat and Anthropic, in
//! literal bytes.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use memchr::memmem;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, Sleep};
use tokio_rustls::TlsAcceptor;

use super::tls;

/// Serves forever.
pub(super) async fn run() -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("upstream serves http://{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(
            http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer)),
        );
    }
}

/// Serves by TLS forever, in one version of HTTP. Writes its certificate to `certificate_file`.
pub(super) async fn run_tls(version: &str, certificate_file: &Path) -> std::io::Result<()> {
    let acceptor = tls::acceptor(version, certificate_file);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("upstream serves http://{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(serve_tls(acceptor.clone(), stream));
    }
}

async fn serve_tls(acceptor: TlsAcceptor, stream: TcpStream) {
    let stream = acceptor.accept(stream).await.expect("a client trusts it");
    let is_http2 = stream.get_ref().1.alpn_protocol() == Some(tls::HTTP2.as_bytes());
    let (io, service) = (TokioIo::new(stream), service_fn(answer));
    // The load generator notices a broken connection.
    let _ = if is_http2 {
        let server = http2::Builder::new(TokioExecutor::new());
        server.serve_connection(io, service).await
    } else {
        http1::Builder::new().serve_connection(io, service).await
    };
}

async fn answer(request: Request<Incoming>) -> Result<Response<Answer>, Infallible> {
    let dialect = if request.uri().path().ends_with("/messages") {
        Dialect::Anthropic
    } else {
        Dialect::Chat
    };
    let body = request
        .into_body()
        .collect()
        .await
        .expect("a request comes whole")
        .to_bytes();
    let answer = Answer::asked_for(&body, dialect);
    let content_type = if matches!(answer, Answer::Whole(_)) {
        "application/json"
    } else {
        "text/event-stream"
    };
    let mut response = Response::new(answer);
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    Ok(response)
}

#[derive(Clone, Copy)]
enum Dialect {
    Chat,
    Anthropic,
}

/// The text of a response that is not streamed.
pub(super) const TEXT: &str = "The floor of a gateway is what its system calls cost; all that stands above it is its own doing. ";
const REPEATS: usize = 8;

impl Dialect {
    fn whole(self) -> Bytes {
        let text = TEXT.repeat(REPEATS);
        Bytes::from(match self {
            Self::Chat => format!(
                r#"{{"id":"chatcmpl-1","object":"chat.completion","created":1763000000,"model":"m","choices":[{{"index":0,"message":{{"role":"assistant","content":"{text}"}},"finish_reason":"stop"}}],"usage":{{"prompt_tokens":250,"completion_tokens":200,"total_tokens":450}}}}"#
            ),
            Self::Anthropic => format!(
                r#"{{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[{{"type":"text","text":"{text}"}}],"stop_reason":"end_turn","stop_sequence":null,"usage":{{"input_tokens":250,"output_tokens":200}}}}"#
            ),
        })
    }

    fn opening(self) -> &'static str {
        match self {
            Self::Chat => concat!(
                r#"data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1763000000,"model":"m","#,
                r#""choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}"#,
                "\n\n"
            ),
            Self::Anthropic => concat!(
                "event: message_start\n",
                r#"data: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"m","#,
                r#""content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":250,"output_tokens":1}}}"#,
                "\n\nevent: content_block_start\n",
                r#"data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
                "\n\n"
            ),
        }
    }

    /// One event, whose text holds its number and its time.
    fn event(self, number: usize, out: &mut String) {
        let made_at = nanos_since_1970();
        let written = match self {
            Self::Chat => write!(
                out,
                "data: {{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1763000000,\"model\":\"m\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"#{number}@{made_at} \"}},\"finish_reason\":null}}]}}\n\n"
            ),
            Self::Anthropic => write!(
                out,
                "event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{{\"type\":\"text_delta\",\"text\":\"#{number}@{made_at} \"}}}}\n\n"
            ),
        };
        written.expect("a string takes all that is written");
    }

    fn closing(self) -> &'static str {
        match self {
            Self::Chat => concat!(
                r#"data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1763000000,"model":"m","#,
                r#""choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
                "\n\ndata: [DONE]\n\n"
            ),
            Self::Anthropic => concat!(
                "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
                "event: message_delta\n",
                r#"data: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":200}}"#,
                "\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"
            ),
        }
    }
}

pub(super) fn nanos_since_1970() -> u128 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("the clock stands after 1970")
        .as_nanos()
}

enum Answer {
    Whole(Option<Bytes>),
    Stream(Stream),
}

struct Stream {
    dialect: Dialect,
    next: usize,
    count: usize,
    pause: Duration,
    timer: Pin<Box<Sleep>>,
    /// Whether hyper had a poll to write the last event in before the next one is made.
    has_yielded: bool,
}

impl Answer {
    fn asked_for(body: &[u8], dialect: Dialect) -> Self {
        let key = b"\"model\":\"";
        let at = memmem::find(body, key).expect("a request names a model") + key.len();
        let end = at + memchr::memchr(b'"', &body[at..]).expect("a name ends");
        let mut words = std::str::from_utf8(&body[at..end])
            .expect("the name is text")
            .rsplit('-');
        let mut number = || words.next().and_then(|word| word.parse::<u64>().ok());
        match number().zip(number()) {
            None => Self::Whole(Some(dialect.whole())),
            Some((pause, count)) => Self::Stream(Stream::new(
                dialect,
                count as usize,
                Duration::from_millis(pause),
            )),
        }
    }
}

impl Stream {
    fn new(dialect: Dialect, count: usize, pause: Duration) -> Self {
        Self {
            dialect,
            next: 0,
            count,
            pause,
            timer: Box::pin(tokio::time::sleep(Duration::ZERO)),
            has_yielded: true,
        }
    }

    fn poll_turn(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if !self.pause.is_zero() {
            ready!(self.timer.as_mut().poll(context));
            let next = self.timer.deadline() + self.pause;
            self.timer.as_mut().reset(next.max(Instant::now()));
        } else if !std::mem::replace(&mut self.has_yielded, true) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.has_yielded = false;
        Poll::Ready(())
    }

    /// The opening, the events, the closing; then the end.
    fn step(&mut self) -> Option<Bytes> {
        let step = self.next;
        self.next += 1;
        match step {
            0 => Some(Bytes::from_static(self.dialect.opening().as_bytes())),
            step if step <= self.count => {
                let mut out = String::with_capacity(256);
                self.dialect.event(step - 1, &mut out);
                Some(Bytes::from(out))
            }
            step if step == self.count + 1 => {
                Some(Bytes::from_static(self.dialect.closing().as_bytes()))
            }
            _ => None,
        }
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let bytes = match self.get_mut() {
            Self::Whole(bytes) => bytes.take(),
            Self::Stream(stream) => {
                ready!(stream.poll_turn(context));
                stream.step()
            }
        };
        Poll::Ready(bytes.map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Self::Stream(_) => SizeHint::default(),
        }
    }
}
