//! `stats`: sums over requests, with what they cost.

use std::time::{Duration, SystemTime};

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::control::period;
use crate::control::refusal::Refusal;
use crate::control::service::ControlService;
use crate::control::stats::{By, Statistics};
use crate::control::verb::{LOCAL_LIMIT, Needs, Verb};
use crate::control::wire::{ControlError, Notes};
use crate::store::records::quarter_of;

/// How many dimensions statistics are told apart by at a time.
const BY_MAX: usize = 7;

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Stats {
    /// None: one sum over all.
    pub by: Vec<By>,
    /// `7d`, `24h`, `today`, a day or a moment; `None`: 7 days.
    pub since: Option<String>,
    /// As `since`; `None`: now.
    pub until: Option<String>,
    /// The name of the zone by which days are counted; `None`: the system's.
    pub zone: Option<String>,
    /// Only requests with this name, as a row says it; an empty one stands for none.
    pub model: Option<String>,
    pub account: Option<String>,
    pub client: Option<String>,
    pub key: Option<String>,
    pub provider: Option<String>,
}

impl Verb for Stats {
    type Response = Statistics;
    const NAME: &'static str = "stats";
    const TIME_LIMIT: Duration = LOCAL_LIMIT;
    const NEEDS: Needs = Needs::Files;

    async fn run(self, service: &ControlService, _: &Notes) -> Result<Statistics, ControlError> {
        if self.by.len() > BY_MAX {
            return Err(ControlError::usage(Refusal::DimensionsMax { max: BY_MAX }));
        }
        let zone = zone_named(self.zone.as_deref())?;
        let now = SystemTime::now();
        let since = self.since.as_deref().unwrap_or("7d");
        let from = period::begin(since, now, &zone, true)?;
        let until = match &self.until {
            Some(until) => period::begin(until, now, &zone, true)?,
            None => now,
        };
        // The quarter of an hour that is not over yet counts.
        let end = quarter_of(until) + i64::from(self.until.is_none());
        let quarters = quarter_of(from)..end.max(quarter_of(from));
        service.flush_records().await;
        let only = self.only();
        service.statistics(self.by, only, quarters, zone).await
    }
}

impl Stats {
    fn only(&self) -> Vec<(By, String)> {
        let names = [
            (By::Model, &self.model),
            (By::Account, &self.account),
            (By::Client, &self.client),
            (By::Key, &self.key),
            (By::Provider, &self.provider),
        ];
        let set = names.into_iter().filter_map(|(by, name)| {
            let name = name.clone()?;
            Some((by, name))
        });
        set.collect()
    }
}

fn zone_named(name: Option<&str>) -> Result<TimeZone, ControlError> {
    match name {
        None => Ok(TimeZone::system()),
        Some(name) => TimeZone::get(name).map_err(|_| {
            let shown: String = name.chars().take(40).collect();
            ControlError::usage(Refusal::Zone {
                found: shown.escape_debug().to_string(),
            })
        }),
    }
}
