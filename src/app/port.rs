//! The open port: what was asked for, and how it changes while answers go on.

use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tracing::{error, info};

use super::assemble;
use crate::config::Resolved;
use crate::http::listen::{BindError, Listeners, Reach, bind};
use crate::http::{Handler, Limits, serve};

/// What the configuration asks of the port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    /// 0 for any free one.
    port: u16,
    reach: Reach,
    limits: Limits,
}

impl Asked {
    pub(super) fn of(config: &Resolved) -> Self {
        Self { port: config.port, reach: assemble::reach(config), limits: assemble::limits(config) }
    }

    pub(super) fn bind(&self) -> Result<Listeners, BindError> {
        bind(self.port, self.reach)
    }
}

/// The port as it is served now.
pub(super) struct Port {
    asked: Asked,
    number: u16,
    /// Stops the serving when it is dropped.
    stop: Option<oneshot::Sender<()>>,
    /// The sockets, once the serving has stopped.
    returned: oneshot::Receiver<Listeners>,
}

impl Port {
    /// Serves on open sockets. The task of `tasks` ends with the last answer that began here.
    pub(super) fn serve<H: Handler>(asked: Asked, open: Listeners, handler: Arc<H>, tasks: &mut JoinSet<()>) -> Self {
        let (stop, stopped) = oneshot::channel::<()>();
        let (giver, returned) = oneshot::channel();
        let (number, limits) = (open.port(), asked.limits.clone());
        tasks.spawn(async move {
            let (open, mut answers) = serve(open, handler, limits, async { drop(stopped.await) }).await;
            // Nobody takes them where everything stops: then they close here.
            let _ = giver.send(open);
            answers.ended().await;
        });
        Self { asked, number, stop: Some(stop), returned }
    }

    pub(super) fn number(&self) -> u16 {
        self.number
    }

    /// Takes no more connections; gives back the sockets, which hold those that come meanwhile.
    pub(super) async fn close(&mut self) -> Option<Listeners> {
        self.stop = None;
        (&mut self.returned).await.ok()
    }

    /// Sockets for what is asked now, while nobody serves on them. `None` where everything stays as it is, also because another
    /// port cannot be had.
    ///
    /// # Errors
    /// When the port was closed to be opened to others, and can be opened neither so nor as before.
    pub(super) async fn reopen(&mut self, asked: &Asked) -> Result<Option<Listeners>, BindError> {
        if *asked == self.asked {
            return Ok(None);
        }
        if asked.port != self.asked.port {
            return Ok(self.move_to(asked).await);
        }
        match self.close().await {
            Some(open) if asked.reach == self.asked.reach => Ok(Some(open)),
            closed => {
                // The wider address contains the narrower one, so the two cannot be open at the same time.
                drop(closed);
                self.bind_again(asked.reach).map(Some)
            }
        }
    }

    /// The other port is opened before this one is closed.
    async fn move_to(&mut self, asked: &Asked) -> Option<Listeners> {
        match asked.bind() {
            Ok(open) => {
                info!(port = open.port(), "serving on another port");
                self.close().await;
                Some(open)
            }
            Err(error) => {
                error!(%error, "the port stays as it was");
                None
            }
        }
    }

    fn bind_again(&self, reach: Reach) -> Result<Listeners, BindError> {
        bind(self.number, reach).or_else(|error| {
            error!(%error, "the port stays as it was");
            bind(self.number, self.asked.reach)
        })
    }
}
