//! The accounts with what they did: today, in the last 24 hours, and what failed last.

use std::collections::HashMap;

use crate::control::request_log::LogRow;
use crate::control::stats::{By, StatisticsRow};
use crate::control::verbs::{Log, Stats};
use crate::control::{AccountFacts, ControlError, Place, Verb as _};
use crate::dashboard::context::PageContext;

/// Among how many of the latest failures an account's last one is looked for.
const FAILURES_MAX: usize = 200;
/// How far back a failure is still of interest.
const FAILURES_SINCE: &str = "7d";

/// What is known of the accounts besides their facts.
pub(super) struct Figures {
    places: HashMap<String, Place>,
    today: HashMap<String, StatisticsRow>,
    day: HashMap<String, StatisticsRow>,
    failures: HashMap<String, LogRow>,
    /// Why the figures are unknown.
    pub(super) problem: Option<ControlError>,
}

/// What an account used in a time.
#[derive(Clone, Debug)]
pub(super) enum Used {
    /// The records cannot be read.
    Unknown,
    Nothing,
    Sum(Box<StatisticsRow>),
}

impl Figures {
    /// For requests of that model; `None`: of any.
    pub(super) async fn read(context: &PageContext, model: Option<&str>) -> Self {
        let prospects = context.service.prospects(model, context.now);
        let places = prospects
            .into_iter()
            .map(|prospect| (prospect.account.to_string(), prospect.place));
        let mut figures = Self {
            places: places.collect(),
            today: HashMap::new(),
            day: HashMap::new(),
            failures: HashMap::new(),
            problem: None,
        };
        if let Err(problem) = figures.read_records(context).await {
            figures.problem = Some(problem);
        }
        figures
    }

    async fn read_records(&mut self, context: &PageContext) -> Result<(), ControlError> {
        self.today = sums(context, "today").await?;
        self.day = sums(context, "24h").await?;
        let failures = Log {
            failed: true,
            since: Some(FAILURES_SINCE.to_owned()),
            rows_max: Some(FAILURES_MAX),
            ..Log::default()
        };
        let page = failures
            .run(&context.service, &PageContext::notes())
            .await?;
        for row in page.rows {
            if let Some(account) = row.account.clone() {
                // The newest comes first.
                self.failures.entry(account).or_insert(row);
            }
        }
        Ok(())
    }

    pub(super) fn place(&self, account: &AccountFacts) -> Option<&Place> {
        self.places.get(&account.name)
    }

    pub(super) fn today(&self, account: &AccountFacts) -> Used {
        self.used(&self.today, account)
    }

    /// In the last 24 hours.
    pub(super) fn day(&self, account: &AccountFacts) -> Used {
        self.used(&self.day, account)
    }

    pub(super) fn failure(&self, account: &AccountFacts) -> Option<&LogRow> {
        self.failures.get(&account.name)
    }

    fn used(&self, sums: &HashMap<String, StatisticsRow>, account: &AccountFacts) -> Used {
        match sums.get(&account.name) {
            _ if self.problem.is_some() => Used::Unknown,
            Some(row) => Used::Sum(Box::new(row.clone())),
            None => Used::Nothing,
        }
    }
}

async fn sums(
    context: &PageContext,
    since: &str,
) -> Result<HashMap<String, StatisticsRow>, ControlError> {
    let stats = Stats {
        by: vec![By::Account],
        since: Some(since.to_owned()),
        ..Stats::default()
    };
    let told = stats.run(&context.service, &PageContext::notes()).await?;
    let rows = told.rows.into_iter();
    let named = rows.filter_map(|row| Some((row.keys.first()?.clone()?, row)));
    Ok(named.collect())
}
