//! The live stream: what is recorded goes to the open tabs as it comes.
//!
//! ```text
//!  records written --> feed, one a filter --> latest batch --> stream, one a tab
//! ```
//!
//! A feed looks for new rows when something was written, at most every quarter of a second, and
//! has them rendered once for all of its tabs. It ends with its last tab. A tab that reads slowly
//! finds the latest batch and fetches what it missed: nothing is queued for it.

mod batch;
mod feed;
mod stream;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::sessions::SessionWatch;
use crate::listener::ResponseBody;

pub(super) use batch::{Batch, BatchRow};
use feed::{Feed, FeedEnd};
use stream::EventStream;

/// How many tabs have a stream at a time. The listener serves twice as many requests.
const STREAMS_MAX: usize = 16;
/// The shortest time between two frames of a stream.
const FRAME_EVERY: Duration = Duration::from_millis(250);

/// What a stream is about: the new rows of one list.
pub(super) trait LiveSource: Send + Sync + 'static {
    /// What has come after that number. `None` where it cannot be read now.
    fn after(&self, seq: i64) -> BoxFuture<'_, Option<Batch>>;

    /// The row that says how many were left out.
    fn rest(&self, count: usize) -> String;
}

/// The streams of one dashboard.
pub(super) struct LiveHub {
    streams: Arc<Semaphore>,
    feeds: Mutex<HashMap<String, watch::Sender<Arc<Batch>>>>,
    tasks: Mutex<JoinSet<()>>,
}

/// What a tab asks for.
pub(super) struct Subscription {
    /// The same for tabs that get the same rows.
    pub(super) key: String,
    pub(super) source: Arc<dyn LiveSource>,
    /// The number of the latest row that the tab has.
    pub(super) after: i64,
    pub(super) written: watch::Receiver<i64>,
    pub(super) session: SessionWatch,
}

impl LiveHub {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            streams: Arc::new(Semaphore::new(STREAMS_MAX)),
            feeds: Mutex::default(),
            tasks: Mutex::default(),
        })
    }

    /// A stream for one tab. `None` where too many are open.
    pub(super) fn open(self: &Arc<Self>, asked: Subscription) -> Option<ResponseBody> {
        let permit = Arc::clone(&self.streams).try_acquire_owned().ok()?;
        let batches = self.join(&asked);
        let stream = EventStream::new(asked, batches, permit);
        Some(ResponseBody::stream(Box::pin(stream)))
    }

    /// Joins the feed of that key, which begins where there is none.
    fn join(self: &Arc<Self>, asked: &Subscription) -> watch::Receiver<Arc<Batch>> {
        let mut feeds = self.feeds.lock();
        if let Some(feed) = feeds.get(&asked.key) {
            return feed.subscribe();
        }
        let (batches, first) = watch::channel(Arc::default());
        feeds.insert(asked.key.clone(), batches.clone());
        drop(feeds);
        let end = FeedEnd {
            hub: Arc::downgrade(self),
            key: asked.key.clone(),
        };
        let feed = Feed::new(asked, batches, end);
        let mut tasks = self.tasks.lock();
        while tasks.try_join_next().is_some() {}
        tasks.spawn(feed.run());
        first
    }

    /// Whether a feed that seemed to have no tab has none, and is forgotten.
    fn forget(&self, key: &str) -> bool {
        let mut feeds = self.feeds.lock();
        let is_idle = feeds.get(key).is_none_or(|feed| feed.receiver_count() == 0);
        if is_idle {
            feeds.remove(key);
        }
        is_idle
    }
}
