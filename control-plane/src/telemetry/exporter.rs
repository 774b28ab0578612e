//! The task that sends: batches, retried for a while where the collector is away.
//!
//! Source: OTLP specification, "OTLP/HTTP Response": 429, 502, 503 and 504 may be tried again, other
//! failures not; `Retry-After` is followed.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::header::RETRY_AFTER;
use http::{Response, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use tokio::sync::mpsc;
use tracing::{info, warn};

use super::{Collector, Traces, otlp_json, span};
use crate::record::Record;
use crate::upstream::{ProxyChoice, Upstream, UpstreamBody};

/// How long records are collected, so that many share one request.
const BATCH_DELAY: Duration = Duration::from_secs(1);
const BATCH_MAX: usize = 256;
const SEND_TIMEOUT: Duration = Duration::from_secs(10);
/// How often a batch is sent. The waits between are doubled, up to the longest.
const TRIES_MAX: u32 = 6;
const WAIT_MIN: Duration = Duration::from_secs(1);
const WAIT_MAX: Duration = Duration::from_secs(30);
/// The longest answer of a collector that is read.
const ANSWER_BYTES_MAX: usize = 16 * 1024;

/// What became of a batch.
enum Sent {
    /// Taken, but for so many spans.
    Taken { rejected: u64 },
    /// Not taken, and that would not change.
    Refused(String),
    /// Not taken for now.
    Away { why: String, wait: Option<Duration> },
}

impl Traces {
    /// Sends what is pushed, until it is closed.
    pub async fn run(self: Arc<Self>, upstream: Arc<dyn Upstream>) {
        let Some(mut waiting) = self.waiting.lock().take() else {
            return;
        };
        let mut is_away = false;
        while let Some(batch) = self.next_batch(&mut waiting).await {
            if let Some(collector) = self.collector.load_full() {
                self.deliver(&*upstream, &collector, &batch, &mut is_away)
                    .await;
            }
        }
    }

    /// Waits for records, and then a moment for more. `None` once it is closed and all is sent.
    async fn next_batch(
        &self,
        waiting: &mut mpsc::Receiver<Arc<Record>>,
    ) -> Option<Vec<Arc<Record>>> {
        let mut batch = Vec::new();
        tokio::select! {
            biased;
            first = waiting.recv() => batch.extend(first),
            () = self.closing.cancelled() => return None,
        }
        self.pause(BATCH_DELAY).await;
        while let (true, Ok(record)) = (batch.len() < BATCH_MAX, waiting.try_recv()) {
            batch.push(record);
        }
        Some(batch)
    }

    /// Waits for so long, or until it is closed.
    async fn pause(&self, wait: Duration) {
        let closed = self.closing.cancelled();
        // Either end of the wait is fine.
        let _ = tokio::time::timeout(wait, closed).await;
    }

    async fn deliver(
        &self,
        upstream: &dyn Upstream,
        collector: &Collector,
        batch: &[Arc<Record>],
        is_away: &mut bool,
    ) {
        let mut spans = Vec::new();
        for record in batch {
            spans.extend(span::of_record(record, &self.find_host));
        }
        let json = otlp_json::request(&spans, &collector.service);
        let json = json.to_string().into_bytes();
        let mut wait = WAIT_MIN;
        for tried in 1..=TRIES_MAX {
            match send(upstream, collector, json.clone()).await {
                Sent::Taken { rejected } => {
                    self.drop_spans(rejected);
                    if std::mem::take(is_away) {
                        info!(dropped = self.dropped(), "traces are taken again");
                    }
                    return;
                }
                Sent::Refused(why) => {
                    warn!(
                        why,
                        spans = spans.len(),
                        "traces are dropped: the collector refuses them"
                    );
                    break;
                }
                Sent::Away { why, wait: named } => {
                    if !std::mem::replace(is_away, true) {
                        warn!(why, "the collector of traces is away; it is tried again");
                    }
                    if tried == TRIES_MAX || self.closing.is_cancelled() {
                        break;
                    }
                    self.pause(jittered(named.unwrap_or(wait).min(WAIT_MAX)))
                        .await;
                    wait = (wait * 2).min(WAIT_MAX);
                }
            }
        }
        self.drop_spans(spans.len() as u64);
    }
}

/// Up to a quarter longer, so that not all that were refused at once come back at once.
fn jittered(wait: Duration) -> Duration {
    wait.mul_f64(1.0 + fastrand::f64() / 4.0)
}

async fn send(upstream: &dyn Upstream, collector: &Collector, json: Vec<u8>) -> Sent {
    let exchange = async {
        let request = collector.request(json).map(Into::into);
        match upstream.send(request, &ProxyChoice::default()).await {
            Ok(response) => judge(response).await,
            Err(error) => away(error.to_string()),
        }
    };
    let exchanged = tokio::time::timeout(SEND_TIMEOUT, exchange).await;
    exchanged.unwrap_or_else(|_| away("it does not answer in time".to_owned()))
}

fn away(why: String) -> Sent {
    Sent::Away { why, wait: None }
}

async fn judge(response: Response<UpstreamBody>) -> Sent {
    let status = response.status();
    let retry_after = response.headers().get(RETRY_AFTER);
    let seconds = retry_after.and_then(|after| after.to_str().ok()?.trim().parse().ok());
    let why = format!("it answers {status}");
    match status {
        StatusCode::TOO_MANY_REQUESTS
        | StatusCode::BAD_GATEWAY
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::GATEWAY_TIMEOUT => Sent::Away {
            why,
            wait: seconds.map(Duration::from_secs),
        },
        status if status.is_success() => Sent::Taken {
            rejected: rejected_spans(&body(response).await),
        },
        _ => Sent::Refused(why),
    }
}

/// The body, also to leave the connection free for the next request.
async fn body(response: Response<UpstreamBody>) -> Bytes {
    let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX);
    // Boxed: the compiler cannot prove the enclosing futures `Send` through `Limited`'s error.
    let collected: BoxFuture<'_, _> = Box::pin(body.collect());
    collected
        .await
        .map(|all| all.to_bytes())
        .unwrap_or_default()
}

/// How many spans a collector that took a batch did not take. The number may come as text.
fn rejected_spans(body: &[u8]) -> u64 {
    let answer = serde_json::from_slice::<serde_json::Value>(body).unwrap_or_default();
    let rejected = &answer["partialSuccess"]["rejectedSpans"];
    let text = rejected.as_str().and_then(|text| text.parse().ok());
    text.or_else(|| rejected.as_u64()).unwrap_or(0)
}
