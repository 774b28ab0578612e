//! Requests as they come, and what the latest of a filter have in common: what a list that is kept
//! up to date is made of.

use std::collections::{BTreeSet, HashMap};

use tokio::sync::watch;

use super::request_log::LogRow;
use super::service::ControlService;
use super::verb::Verb as _;
use super::verbs::{KeyList, Log};
use super::wire::{ControlError, Notes};
use crate::record::Ending;
use crate::store::records::{Page, RecentNames, RequestRow};

/// How many requests are looked at between two looks, and for a summary.
const LOOKED_AT_MAX: usize = 1_000;

/// What has come since.
#[derive(Clone, Debug, Default)]
pub struct NewRows {
    /// The latest first.
    pub rows: Vec<LogRow>,
    /// How many older ones are left out, counted up to a thousand with the rows.
    pub more: usize,
    /// From which number on the next look goes.
    pub last_seq: i64,
    /// Whether the number asked for is of other records, so that the list has to be loaded again.
    pub is_stale: bool,
}

/// How the latest requests of a filter ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogSummary {
    pub looked_at: usize,
    /// Whether there are older ones, which were not looked at.
    pub has_more: bool,
    pub left: usize,
    /// With those that were refused.
    pub failed: usize,
    /// How many of them failed of the most frequent reason, and the latest of those.
    pub most: Option<(usize, LogRow)>,
}

/// What a filter can be set to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FilterNames {
    pub accounts: Vec<String>,
    pub providers: Vec<String>,
    pub models: Vec<String>,
    pub keys: Vec<String>,
    pub clients: Vec<String>,
}

impl ControlService {
    /// The number of the latest request that was written, and each change of it. `None` where no
    /// agent runs: then nothing is written.
    pub fn requests_written(&self) -> Option<watch::Receiver<i64>> {
        self.records.as_ref().map(|records| records.written())
    }

    /// The requests above that number which the filter takes, the latest `rows_max` of them.
    ///
    /// # Errors
    /// When the filter means nothing, or the records cannot be read.
    pub async fn requests_after(
        &self,
        filter: &Log,
        after: i64,
        rows_max: usize,
    ) -> Result<NewRows, ControlError> {
        let filter = filter.filter()?;
        let (prices, _) = self.prices();
        let config = self.config();
        self.read_records(move |reader| {
            // Before the rows, so that none which comes meanwhile is passed over.
            let last_seq = reader.last_seq()?;
            let page = Page {
                after: Some(after),
                rows_max: LOOKED_AT_MAX,
                ..Page::default()
            };
            let mut found = reader.list(&filter, &page)?;
            let last_seq = last_seq.max(found.last().map_or(0, |row| row.seq));
            let more = found.len().saturating_sub(rows_max);
            if found.len() == LOOKED_AT_MAX {
                // The oldest of them: there are later ones.
                let latest = Page {
                    rows_max,
                    ..Page::default()
                };
                found = reader.list(&filter, &latest)?;
                found.reverse();
            } else {
                found.drain(..more);
            }
            let rows = found.into_iter().rev();
            Ok(NewRows {
                rows: rows.map(|row| LogRow::of(row, &config, &prices)).collect(),
                more,
                last_seq,
                is_stale: after > last_seq,
            })
        })
        .await
    }

    /// How the latest thousand requests of a filter ended.
    ///
    /// # Errors
    /// When the filter means nothing, or the records cannot be read.
    pub async fn summary(&self, filter: &Log) -> Result<LogSummary, ControlError> {
        let filter = filter.filter()?;
        let (prices, _) = self.prices();
        let config = self.config();
        self.read_records(move |reader| {
            let page = Page {
                rows_max: LOOKED_AT_MAX,
                ..Page::default()
            };
            let rows = reader.list(&filter, &page)?;
            let count = |is: fn(Ending) -> bool| rows.iter().filter(|row| is(row.ending)).count();
            Ok(LogSummary {
                looked_at: rows.len(),
                has_more: rows.len() == LOOKED_AT_MAX,
                left: count(|ending| ending == Ending::Left),
                failed: count(Ending::is_failure),
                most: most_frequent(&rows)
                    .map(|(count, row)| (count, LogRow::of(row.clone(), &config, &prices))),
            })
        })
        .await
    }

    /// The names that the latest requests carry, and those that are configured.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub async fn filter_names(&self) -> Result<FilterNames, ControlError> {
        let recent = self.read_records(|reader| reader.recent_names()).await?;
        let keys = KeyList {}.run(self, &Notes::discard()).await?;
        let accounts = super::account::list(&self.accounts);
        let RecentNames { models, agents, .. } = recent;
        let configured = accounts.iter().map(|account| account.name.clone());
        let providers = accounts.iter().map(|account| account.provider.clone());
        let keys = keys.into_iter().map(|key| key.name);
        Ok(FilterNames {
            accounts: union(recent.accounts, configured),
            providers: union(recent.providers, providers),
            models,
            keys: union(recent.keys, keys),
            clients: agents,
        })
    }
}

fn union(names: Vec<String>, more: impl Iterator<Item = String>) -> Vec<String> {
    let all: BTreeSet<String> = names.into_iter().chain(more).collect();
    all.into_iter().collect()
}

/// The failures with the most frequent reason: how many, and the latest.
fn most_frequent(rows: &[RequestRow]) -> Option<(usize, &RequestRow)> {
    let mut counts: HashMap<_, (usize, &RequestRow)> = HashMap::new();
    for row in rows {
        let Some(failure) = &row.failure else {
            continue;
        };
        let reason = (failure.cause, &row.provider, &row.account);
        counts.entry(reason).or_insert((0, row)).0 += 1;
    }
    counts
        .into_values()
        .max_by_key(|(count, row)| (*count, row.seq))
}
