//! Where finished requests go: they are counted, kept, and traced where that is built in.

use std::sync::Arc;

#[cfg(feature = "otlp")]
use std::time::Duration;

#[cfg(feature = "otlp")]
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::config::Config;
use crate::control::ControlService;
use crate::metrics::Metrics;
use crate::record::bodies::{BodyCollector, RawBodies};
use crate::record::{Record, Recorder};
use crate::store::records::RecordStore;
#[cfg(feature = "otlp")]
use crate::telemetry::{Collector, Traces};
use crate::upstream::Upstream;

/// How long the end waits for the collector of traces.
#[cfg(feature = "otlp")]
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// Counts each record, hands it to the traces, and keeps it.
pub(super) struct Recording {
    pub(super) metrics: Arc<Metrics>,
    pub(super) records: Arc<RecordStore>,
    #[cfg(feature = "otlp")]
    traces: Arc<Traces>,
}

#[cfg_attr(
    not(feature = "otlp"),
    allow(
        unused_variables,
        clippy::unused_self,
        clippy::needless_pass_by_value,
        reason = "the traces use them"
    )
)]
impl Recording {
    pub(super) fn new(service: &ControlService, records: Arc<RecordStore>) -> Self {
        #[cfg(feature = "otlp")]
        let accounts = service.accounts().clone();
        Self {
            metrics: Arc::default(),
            records,
            #[cfg(feature = "otlp")]
            traces: Arc::new(Traces::new(Box::new(move |provider| {
                let provider = accounts.provider(provider)?;
                Some(provider.base_url.host().to_owned())
            }))),
        }
    }

    /// Sends traces as the configuration says.
    pub(super) fn configure(&self, config: &Config) {
        #[cfg(feature = "otlp")]
        match Collector::find(&config.otlp_endpoint, &|name| std::env::var(name).ok()) {
            Ok(collector) => self.traces.set_collector(collector),
            Err(why) => {
                tracing::error!(why, "no traces are sent");
                self.traces.set_collector(None);
            }
        }
    }

    /// How many spans were not delivered. `None` where there are no traces in this program.
    pub(super) fn spans_dropped(&self) -> Option<u64> {
        #[cfg(feature = "otlp")]
        return Some(self.traces.dropped());
        #[cfg(not(feature = "otlp"))]
        None
    }

    /// Sends traces until it is dropped.
    pub(super) fn start(&self, upstream: Arc<dyn Upstream>) -> Tracing {
        Tracing {
            #[cfg(feature = "otlp")]
            task: JoinSet::from_iter([self.traces.clone().run(upstream)]),
            #[cfg(feature = "otlp")]
            traces: self.traces.clone(),
        }
    }
}

impl Recording {
    fn keep(&self, mut record: Record, bodies: Option<RawBodies>) {
        record.bound();
        let record = Arc::new(record);
        self.metrics.count(&record);
        #[cfg(feature = "otlp")]
        self.traces.push(&record);
        self.records.keep(record, bodies);
    }
}

impl Recorder for Recording {
    fn record(&self, record: Record) {
        self.keep(record, None);
    }

    fn record_with_bodies(&self, record: Record, bodies: RawBodies) {
        self.keep(record, Some(bodies));
    }

    fn collect_bodies(&self, arrived: Instant) -> Option<Box<BodyCollector>> {
        self.records.collect_bodies(arrived)
    }

    fn health_check(&self) {
        self.records.health_check();
    }
}

/// The task that sends traces, where that is built in.
pub(super) struct Tracing {
    #[cfg(feature = "otlp")]
    task: JoinSet<()>,
    #[cfg(feature = "otlp")]
    traces: Arc<Traces>,
}

impl Tracing {
    /// Has what waits sent, for a moment.
    #[cfg_attr(
        not(feature = "otlp"),
        allow(clippy::unused_async, reason = "the traces wait")
    )]
    pub(super) async fn close(self) {
        #[cfg(feature = "otlp")]
        {
            let Self { mut task, traces } = self;
            traces.close();
            let ended = tokio::time::timeout(CLOSE_TIMEOUT, task.join_next());
            if ended.await.is_err() {
                tracing::warn!("the last traces were not taken in time");
            }
        }
    }
}
