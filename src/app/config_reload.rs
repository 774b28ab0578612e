//! The configuration as it changes while the program runs.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::warn;

use crate::config::{Config, ConfigWatcher, Home, Live};

/// The active configuration, each time that it changes.
pub(super) struct ConfigChanges {
    /// `None` where the file cannot be followed.
    live: Option<watch::Receiver<Live>>,
    /// Where verbs read the active configuration, and what is wrong with the file.
    published: watch::Sender<Live>,
    /// Ends the watching when it is dropped.
    _watching: JoinSet<()>,
}

impl ConfigChanges {
    /// Follows the file from `config` on. A machine that cannot watch files is served all the same.
    pub(super) fn follow(home: &Home, config: &Config, published: watch::Sender<Live>) -> Self {
        let mut watching = JoinSet::new();
        let live = match ConfigWatcher::new(home.clone(), config.clone()) {
            Ok((watcher, live)) => {
                watching.spawn(watcher.run());
                Some(live)
            }
            Err(error) => {
                warn!(%error, "the configuration cannot be watched: a change takes a restart");
                None
            }
        };
        Self {
            live,
            published,
            _watching: watching,
        }
    }

    /// Waits for the next change.
    ///
    /// Cancel safe.
    pub(super) async fn next(&mut self) -> Arc<Config> {
        if let Some(live) = &mut self.live
            && live.changed().await.is_ok()
        {
            let live = live.borrow_and_update().clone();
            self.published.send_replace(live.clone());
            return live.config;
        }
        // The watcher could not start, or ended: the active configuration stays active.
        std::future::pending().await
    }
}
