//! A feed: one task that renders what is new, for all tabs that show the same list.

use std::sync::{Arc, Weak};

use tokio::sync::watch;

use super::{Batch, FRAME_EVERY, LiveHub, LiveSource, Subscription};

pub(super) struct Feed {
    source: Arc<dyn LiveSource>,
    written: watch::Receiver<i64>,
    batches: watch::Sender<Arc<Batch>>,
    end: FeedEnd,
}

/// Where a feed is known by its key.
pub(super) struct FeedEnd {
    pub(super) hub: Weak<LiveHub>,
    pub(super) key: String,
}

impl FeedEnd {
    /// Whether no tab is left.
    fn is_over(&self) -> bool {
        self.hub.upgrade().is_none_or(|hub| hub.forget(&self.key))
    }
}

impl Feed {
    pub(super) fn new(
        asked: &Subscription,
        batches: watch::Sender<Arc<Batch>>,
        end: FeedEnd,
    ) -> Self {
        let mut written = asked.written.clone();
        // Now: what is written from here on is looked for, and what was before the tab fetches.
        written.mark_unchanged();
        Self {
            source: Arc::clone(&asked.source),
            written,
            batches,
            end,
        }
    }

    /// Runs until its last tab is closed.
    pub(super) async fn run(mut self) {
        let mut seq = self.position().await;
        loop {
            tokio::select! {
                changed = self.written.changed() => {
                    if changed.is_err() { return }
                }
                () = self.batches.closed() => {
                    if self.end.is_over() { return }
                    continue;
                }
            }
            if let Some(batch) = self.source.after(seq).await {
                seq = batch.last_seq;
                self.batches.send_replace(Arc::new(batch));
            }
            tokio::time::sleep(FRAME_EVERY).await;
        }
    }

    /// From which number on it looks first. Tabs fetch themselves what is between theirs and it.
    async fn position(&self) -> i64 {
        let latest = self.source.after(i64::MAX).await;
        latest.map_or(0, |batch| batch.last_seq)
    }
}
