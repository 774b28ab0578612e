//! The port of the metrics, and what it shows of the moment.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::port::ListenConfig;
use super::recording::Recording;
use super::side_port::SidePort;
use crate::config::Config;
use crate::control::{AccountFacts, AgentState, ControlService};
use crate::listener::guard::Policy;
use crate::listener::listen::BindScope;
use crate::metrics::{MetricsPage, Now, ReadNow, limits};
use crate::status::MetricsStatus;

/// Where what was recorded can be measured, and where its traces go.
pub(super) struct MetricsPort {
    recording: Arc<Recording>,
    port: SidePort<MetricsPage>,
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
        let page = MetricsPage::new(metrics, read_now, Policy::default());
        Self {
            recording,
            port: SidePort::new("metrics_port", Arc::new(page)),
            ports: JoinSet::new(),
            state,
        }
    }

    /// Opens, moves or closes the port as `config` says, and sends traces where it says.
    pub(super) async fn apply(&mut self, config: &Config) {
        self.recording.configure(config);
        self.port.handler().replace(Policy {
            allowed_hosts: config.allowed_hosts.clone(),
            ..Policy::default()
        });
        let listen = config.metrics_port.map(|port| {
            let limits = limits(config.allow_other_users);
            ListenConfig::new(port, BindScope::Loopback, limits)
        });
        if self.port.apply(listen, &mut self.ports).await {
            self.publish();
        }
    }

    /// Waits until the port is to be tried again, and tries it.
    ///
    /// Cancel safe.
    pub(super) async fn work(&mut self) {
        self.port.due().await;
        self.port.retry(&mut self.ports);
        self.publish();
    }

    fn publish(&mut self) {
        while self.ports.try_join_next().is_some() {}
        let metrics = match (self.port.port(), self.port.refused()) {
            (Some(port), refused) => MetricsStatus::Open {
                port,
                refused: refused.cloned(),
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
