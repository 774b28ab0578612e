//! The port of the metrics: opened, moved and closed as the configuration says. That it cannot be
//! had costs nothing else.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::{info, warn};

use super::port::{ListenConfig, Port, Rebound, bind_failure};
use super::recording::Recording;
use crate::config::Config;
use crate::control::{AccountFacts, AgentState, ControlService};
use crate::listener::guard::Policy;
use crate::listener::listen::{BindError, BindScope, Listeners};
use crate::metrics::{MetricsPage, Now, ReadNow, limits};
use crate::status::{BindFailure, MetricsStatus};

/// How often a port that another program has is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// Where what was recorded can be measured, and where its traces go.
pub(super) struct MetricsPort {
    recording: Arc<Recording>,
    page: Arc<MetricsPage>,
    listen: Option<ListenConfig>,
    open: Option<Port>,
    /// Why the configured port cannot be had for now.
    refused: Option<BindFailure>,
    /// One task for the present port, and one for each former one that still answers.
    ports: JoinSet<()>,
    state: watch::Sender<AgentState>,
}

impl MetricsPort {
    /// Without a port, until [`MetricsPort::apply`] opens the configured one.
    pub(super) fn new(
        service: Arc<ControlService>,
        recording: Arc<Recording>,
        state: watch::Sender<AgentState>,
    ) -> Self {
        let (metrics, read_now) = (
            recording.metrics.clone(),
            read_now(service, recording.clone()),
        );
        Self {
            recording,
            page: Arc::new(MetricsPage::new(metrics, read_now, Policy::default())),
            listen: None,
            open: None,
            refused: None,
            ports: JoinSet::new(),
            state,
        }
    }

    /// Opens, moves or closes the port as `config` says, and sends traces where it says.
    pub(super) async fn apply(&mut self, config: &Config) {
        self.recording.configure(config);
        self.page.replace(Policy {
            allowed_hosts: config.allowed_hosts.clone(),
            ..Policy::default()
        });
        let listen = config.metrics_port.map(|port| {
            let limits = limits(config.allow_other_users);
            ListenConfig::new(port, BindScope::Loopback, limits)
        });
        if listen != self.listen {
            self.listen = listen;
            self.refused = None;
            self.rebind().await;
            self.publish();
        }
    }

    async fn rebind(&mut self) {
        let Some(listen) = self.listen.clone() else {
            if self.open.take().is_some() {
                info!("the port of the metrics is closed");
            }
            return;
        };
        let rebound = match &mut self.open {
            Some(port) => port.rebind(&listen).await,
            None => return self.bind(),
        };
        match rebound {
            Rebound::Same => {}
            Rebound::AsConfigured(sockets) => self.serve(listen, sockets),
            Rebound::AsBefore {
                listen,
                sockets,
                error,
            } => {
                self.serve(listen, sockets);
                self.refuse(&error);
            }
            Rebound::Kept(error) => self.refuse(&error),
            Rebound::Lost(error) => {
                self.open = None;
                self.refuse(&error);
            }
        }
    }

    fn bind(&mut self) {
        let Some(listen) = self.listen.clone() else {
            return;
        };
        match listen.bind() {
            Ok(sockets) => self.serve(listen, sockets),
            Err(error) => self.refuse(&error),
        }
    }

    fn serve(&mut self, listen: ListenConfig, sockets: Listeners) {
        info!(port = sockets.port(), "the port of the metrics is open");
        let port = Port::serve(listen, sockets, self.page.clone(), &mut self.ports);
        // A former port is dropped here: it accepts no more.
        self.open = Some(port);
        self.refused = None;
    }

    /// Notes that the port cannot be had for now, once in the log.
    fn refuse(&mut self, error: &BindError) {
        let failure = bind_failure(error);
        if self.refused.as_ref() != Some(&failure) {
            let why = failure.to_string().replace("`port`", "`metrics_port`");
            warn!(
                why,
                "the port of the metrics cannot be opened; it is tried again"
            );
            self.refused = Some(failure);
        }
    }

    /// Waits until the port is to be tried again, and tries it.
    ///
    /// Cancel safe.
    pub(super) async fn work(&mut self) {
        if self.refused.is_none() {
            return std::future::pending().await;
        }
        tokio::time::sleep(RETRY_AFTER).await;
        self.bind();
        self.publish();
    }

    fn publish(&mut self) {
        while self.ports.try_join_next().is_some() {}
        let metrics = match (&self.open, &self.refused) {
            (Some(port), refused) => MetricsStatus::Open {
                port: port.number(),
                refused: refused.clone(),
            },
            (None, Some(failure)) => MetricsStatus::Unavailable(failure.clone()),
            (None, None) => MetricsStatus::Off,
        };
        self.state.send_if_modified(|state| {
            let is_new = state.metrics != metrics;
            state.metrics = metrics;
            is_new
        });
    }
}

/// Reads what the metrics show of the moment.
fn read_now(service: Arc<ControlService>, recording: Arc<Recording>) -> ReadNow {
    Box::new(move || {
        let now = SystemTime::now();
        let in_use = service.accounts().pool().view(now);
        let records = recording.records.status();
        Now {
            in_flight: in_use.iter().map(|view| u64::from(view.in_flight)).sum(),
            accounts: by_state(&service.overview(now).accounts),
            client_limits: refusals(&service),
            records_dropped: records.not_recorded,
            spans_dropped: recording.spans_dropped(),
            store_bytes: (records.bytes > 0).then_some(records.bytes),
        }
    })
}

fn refusals(service: &ControlService) -> Vec<(&'static str, u64)> {
    let refusals = service.client_keys().refusals().into_iter();
    refusals
        .map(|(limit, count)| (limit.name(), count))
        .collect()
}

/// How many accounts stand how. Where a provider has any, those that are ready are counted also
/// where there is none.
fn by_state(accounts: &[AccountFacts]) -> BTreeMap<(String, &'static str), u64> {
    let mut counts = BTreeMap::new();
    for account in accounts.iter().filter(|account| !account.is_offer()) {
        let ready = (account.provider.clone(), "ready");
        counts.entry(ready).or_default();
        let state = (account.provider.clone(), account.shown_status().name());
        *counts.entry(state).or_default() += 1;
    }
    counts
}
