//! A port beside the API's: opened, moved and closed as the configuration says. That it cannot be
//! had costs nothing else.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tracing::{info, warn};

use super::port::{ListenConfig, Port, Rebound, bind_failure};
use crate::listener::Handler;
use crate::listener::listen::{BindError, Listeners};
use crate::status::BindFailure;

/// How often a port that another program has is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(5);

pub(super) struct SidePort<H> {
    /// The key of the configuration that names it.
    key: &'static str,
    handler: Arc<H>,
    listen: Option<ListenConfig>,
    open: Option<Port>,
    /// Why the configured port cannot be had for now.
    refused: Option<BindFailure>,
}

impl<H: Handler> SidePort<H> {
    /// Without a port, until [`SidePort::apply`] opens the configured one.
    pub(super) fn new(key: &'static str, handler: Arc<H>) -> Self {
        Self {
            key,
            handler,
            listen: None,
            open: None,
            refused: None,
        }
    }

    pub(super) fn handler(&self) -> &H {
        &self.handler
    }

    pub(super) fn port(&self) -> Option<u16> {
        self.open.as_ref().map(Port::number)
    }

    pub(super) fn refused(&self) -> Option<&BindFailure> {
        self.refused.as_ref()
    }

    /// Opens, moves or closes the port; what still answers at a former one ends in `tasks`. Returns
    /// whether anything was to be done.
    pub(super) async fn apply(
        &mut self,
        listen: Option<ListenConfig>,
        tasks: &mut JoinSet<()>,
    ) -> bool {
        let is_new = listen != self.listen;
        if is_new {
            self.listen = listen;
            self.refused = None;
            self.rebind(tasks).await;
        }
        is_new
    }

    async fn rebind(&mut self, tasks: &mut JoinSet<()>) {
        let key = self.key;
        let Some(listen) = self.listen.clone() else {
            if let Some(mut port) = self.open.take() {
                drop(port.close().await);
                info!(key, "the port is closed");
            }
            return;
        };
        let rebound = match &mut self.open {
            Some(port) => port.rebind(&listen).await,
            None => return self.bind(tasks),
        };
        match rebound {
            Rebound::Same => {}
            Rebound::AsConfigured(sockets) => self.serve(listen, sockets, tasks),
            Rebound::AsBefore {
                listen,
                sockets,
                error,
            } => {
                self.serve(listen, sockets, tasks);
                self.refuse(&error);
            }
            Rebound::Kept(error) => self.refuse(&error),
            Rebound::Lost(error) => {
                self.open = None;
                self.refuse(&error);
            }
        }
    }

    fn bind(&mut self, tasks: &mut JoinSet<()>) {
        let Some(listen) = self.listen.clone() else {
            return;
        };
        match listen.bind() {
            Ok(sockets) => self.serve(listen, sockets, tasks),
            Err(error) => self.refuse(&error),
        }
    }

    fn serve(&mut self, listen: ListenConfig, sockets: Listeners, tasks: &mut JoinSet<()>) {
        info!(key = self.key, port = sockets.port(), "the port is open");
        let port = Port::serve(listen, sockets, self.handler.clone(), tasks);
        // A former port is dropped here: it accepts no more.
        self.open = Some(port);
        self.refused = None;
    }

    /// Notes that the port cannot be had for now, once in the log.
    fn refuse(&mut self, error: &BindError) {
        let failure = bind_failure(error);
        if self.refused.as_ref() != Some(&failure) {
            let key = self.key;
            let why = failure.to_string().replace("`port`", &format!("`{key}`"));
            warn!(key, why, "the port cannot be opened; it is tried again");
            self.refused = Some(failure);
        }
    }

    /// Waits until the port is to be tried again.
    ///
    /// Cancel safe.
    pub(super) async fn due(&self) {
        if self.refused.is_none() {
            return std::future::pending().await;
        }
        tokio::time::sleep(RETRY_AFTER).await;
    }

    /// Tries it again.
    pub(super) fn retry(&mut self, tasks: &mut JoinSet<()>) {
        self.bind(tasks);
    }
}
