//! A tab's stream: the latest batch of its feed, whenever the socket takes more.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{BoxStream, StreamExt as _, unfold};
use http_body::{Body, Frame};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{Instant, sleep, sleep_until};

use super::{Batch, FRAME_EVERY, LiveSource, Subscription};
use crate::dashboard::sessions::SessionWatch;
use crate::listener::{BoxError, ClientStream};

/// How often a stream on which nothing happens says that it is there.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// The body of a stream's response.
pub(super) struct EventStream(BoxStream<'static, Bytes>);

impl EventStream {
    pub(super) fn new(
        asked: Subscription,
        batches: watch::Receiver<Arc<Batch>>,
        permit: OwnedSemaphorePermit,
    ) -> Self {
        let tab = Tab {
            source: asked.source,
            batches,
            session: asked.session,
            seen: asked.after,
            frame_at: None,
            _permit: permit,
        };
        Self(unfold(tab, Tab::next).boxed())
    }
}

impl Body for EventStream {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let next = self.0.poll_next_unpin(cx);
        next.map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    }
}

impl ClientStream for EventStream {
    /// No request waits for what it holds.
    fn on_unread(self: Pin<&mut Self>, _: Duration) {}
}

/// One tab.
struct Tab {
    source: Arc<dyn LiveSource>,
    batches: watch::Receiver<Arc<Batch>>,
    session: SessionWatch,
    /// Up to which number it has all rows.
    seen: i64,
    /// When the next frame may go; `None` before the first one.
    frame_at: Option<Instant>,
    _permit: OwnedSemaphorePermit,
}

impl Tab {
    /// The next bytes, with the tab for those after them. `None` once the session has ended.
    async fn next(mut self) -> Option<(Bytes, Self)> {
        if self.frame_at.is_none() {
            return Some((self.first().await, self));
        }
        loop {
            tokio::select! {
                () = self.session.ended() => return None,
                changed = self.batches.changed() => changed.ok()?,
                () = sleep(KEEP_ALIVE) => {
                    return self.session.is_open().then(|| (Bytes::from_static(b":\n\n"), self));
                }
            }
            sleep_until(self.frame_at.unwrap_or_else(Instant::now)).await;
            if !self.session.is_open() {
                return None;
            }
            if let Some(event) = self.event().await {
                self.frame_at = Some(Instant::now() + FRAME_EVERY);
                return Some((event, self));
            }
        }
    }

    /// How soon to come back after a break, and what came since the page was loaded.
    async fn first(&mut self) -> Bytes {
        const RETRY: &str = "retry: 3000\n\n";
        let missed = self.missed().await;
        self.frame_at = Some(Instant::now() + FRAME_EVERY);
        match missed {
            Some(event) => [RETRY.as_bytes(), &event].concat().into(),
            None => Bytes::from_static(RETRY.as_bytes()),
        }
    }

    /// The event of the latest batch. `None` where it holds nothing new.
    async fn event(&mut self) -> Option<Bytes> {
        let batch = Arc::clone(&self.batches.borrow_and_update());
        if batch.last_seq <= self.seen {
            return None;
        }
        if !batch.continues(self.seen) {
            return self.missed().await;
        }
        self.take(&batch)
    }

    /// What came since the last event, fetched for this tab alone.
    async fn missed(&mut self) -> Option<Bytes> {
        let batch = self.source.after(self.seen).await?;
        self.take(&batch)
    }

    fn take(&mut self, batch: &Batch) -> Option<Bytes> {
        let seen = std::mem::replace(&mut self.seen, batch.last_seq);
        batch.event(seen, |count| self.source.rest(count))
    }
}
