//! The open port: what was asked for, and how it changes while answers go on.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tracing::info;

use super::assemble;
use crate::config::Config;
use crate::control::Refused;
use crate::control::status::{Found, probe};
use crate::host::port_owner;
use crate::listener::listen::{BindError, Listeners, Reach, bind};
use crate::listener::{Handler, ListenerLimits, serve};

/// What the configuration asks of the port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    /// 0 for any free one.
    port: u16,
    reach: Reach,
    limits: ListenerLimits,
}

impl Asked {
    pub(super) fn of(config: &Config) -> Self {
        Self {
            port: config.port,
            reach: assemble::reach(config),
            limits: assemble::limits(config),
        }
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
    pub(super) fn serve<H: Handler>(
        asked: Asked,
        open: Listeners,
        handler: Arc<H>,
        tasks: &mut JoinSet<()>,
    ) -> Self {
        let (stop, stopped) = oneshot::channel::<()>();
        let (giver, returned) = oneshot::channel();
        let (number, limits) = (open.port(), asked.limits.clone());
        tasks.spawn(async move {
            let (open, mut answers) =
                serve(open, handler, limits, async { drop(stopped.await) }).await;
            // Nobody takes them where everything stops: then they close here.
            let _ = giver.send(open);
            answers.ended().await;
        });
        Self {
            asked,
            number,
            stop: Some(stop),
            returned,
        }
    }

    pub(super) fn number(&self) -> u16 {
        self.number
    }

    /// Takes no more connections; gives back the sockets, which hold those that come meanwhile.
    pub(super) async fn close(&mut self) -> Option<Listeners> {
        self.stop = None;
        (&mut self.returned).await.ok()
    }

    /// Has the port as it is asked for now.
    pub(super) async fn reopen(&mut self, asked: &Asked) -> Reopened {
        if *asked == self.asked {
            return Reopened::Same;
        }
        if asked.port != self.asked.port && asked.port != self.number {
            return self.move_to(asked).await;
        }
        match self.close().await {
            Some(open) if asked.reach == self.asked.reach => Reopened::AsAsked(open),
            closed => {
                // The wider address contains the narrower one, so the two cannot be open at the
                // same time.
                drop(closed);
                self.bind_again(asked)
            }
        }
    }

    /// The other port is opened before this one is closed.
    async fn move_to(&mut self, asked: &Asked) -> Reopened {
        match asked.bind() {
            Ok(open) => {
                info!(port = open.port(), "serving on another port");
                self.close().await;
                Reopened::AsAsked(open)
            }
            Err(error) => Reopened::Kept(error),
        }
    }

    fn bind_again(&self, asked: &Asked) -> Reopened {
        let error = match bind(self.number, asked.reach) {
            Ok(open) => return Reopened::AsAsked(open),
            Err(error) => error,
        };
        match bind(self.number, self.asked.reach) {
            Ok(open) => Reopened::AsBefore {
                asked: Asked {
                    reach: self.asked.reach,
                    ..asked.clone()
                },
                open,
                error,
            },
            Err(error) => Reopened::Lost(error),
        }
    }
}

/// What became of a port that is asked for otherwise. Where there are sockets, nobody serves on
/// them yet.
pub(super) enum Reopened {
    Same,
    AsAsked(Listeners),
    /// It goes on as it was, because the other port cannot be had.
    Kept(BindError),
    /// It was closed to be opened to others, which failed, and was opened again as before.
    AsBefore {
        asked: Asked,
        open: Listeners,
        error: BindError,
    },
    /// It was closed, and cannot be had again.
    Lost(BindError),
}

/// How long a stranger at the port may take to say that it is one of us.
const PROBE_TIMEOUT: Duration = Duration::from_millis(200);

/// Why the port cannot be had, and who has it where that can be known.
pub(super) fn refused(error: &BindError) -> Refused {
    let port = error.port();
    let why = match port_owner(port).filter(|_| error.is_in_use()) {
        Some(by) if by.starts_with("aerostat (") => ours(port),
        Some(by) => format!("port {port} is in use by {by}; set `port` or stop it"),
        None if error.is_in_use() && probe(port, PROBE_TIMEOUT) == Found::Ours => ours(port),
        None => error.to_string(),
    };
    Refused {
        port,
        why,
        is_in_use: error.is_in_use(),
    }
}

fn ours(port: u16) -> String {
    format!(
        "port {port} is in use by another aerostat, of another home; stop it, or set another `port`"
    )
}
