//! `records bodies`: whether prompts and answers are kept, for a while or until it is taken back;
//! never by a change of `config.toml`.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::control::bodies_asked;
use crate::control::record_keeping::{body_settings, retention};
use crate::control::refusal::{Refusal, UnclearBodies};
use crate::control::service::ControlService;
use crate::control::verb::{LOCAL_LIMIT, Needs, Verb};
use crate::control::wire::{ControlError, Notes};
use crate::modes::BodyMode;
use crate::outcome::Timestamp;
use crate::record::Ring;
use crate::record::bodies::{AskedFor, BodySwitch};
use crate::store::records::{BodiesFacts, RecordStore};

/// The word that leaves it to the configuration again.
const CONFIGURED: &str = "configured";
/// The longest time that may be asked for.
const SECONDS_MAX: u64 = 30 * 24 * 60 * 60;
const FAILURES_MAX: u32 = 1_000;

#[derive(Debug, Default, Serialize, Deserialize)]
pub struct RecordsBodies {
    /// `off`, `errors`, `all` or `configured`; where it is missing, nothing is changed.
    pub mode: Option<String>,
    /// After how many seconds, or how many failures, the configuration holds again.
    pub for_seconds: Option<u64>,
    pub next_failures: Option<u32>,
    /// Delete all bodies that are kept.
    pub delete: bool,
}

/// How it stands then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BodiesReport {
    #[serde(flatten)]
    pub facts: BodiesFacts,
    /// Whether requests are recorded at all.
    pub is_enabled: bool,
    /// How many requests have bodies, and how many bytes these take in the file.
    pub requests: u64,
    pub bytes: u64,
}

impl Verb for RecordsBodies {
    type Response = BodiesReport;
    const NAME: &'static str = "records_bodies";
    const TIME_LIMIT: Duration = LOCAL_LIMIT;
    const NEEDS: Needs = Needs::Files;

    async fn run(self, service: &ControlService, _: &Notes) -> Result<BodiesReport, ControlError> {
        let change = self.change(Timestamp::now())?;
        let config = service.config();
        let facts = match &service.records {
            Some(records) => self.with_agent(records, change).await,
            None => self.with_files(service, &config, change).await?,
        };
        let (requests, bytes) = service.read_records(|reader| reader.bodies_size()).await?;
        Ok(BodiesReport {
            facts,
            is_enabled: config.record.enabled,
            requests,
            bytes,
        })
    }
}

/// What is asked for from now on; the inner `None` is the configuration.
type Change = Option<Option<AskedFor>>;

impl RecordsBodies {
    async fn with_agent(&self, records: &RecordStore, change: Change) -> BodiesFacts {
        if let Some(asked) = change {
            records.bodies().ask(asked);
        }
        if self.delete {
            records.delete_bodies().await;
        }
        records.flush().await;
        records.status().bodies
    }

    /// Where no agent runs: the next one finds it so.
    async fn with_files(
        &self,
        service: &ControlService,
        config: &Config,
        change: Change,
    ) -> Result<BodiesFacts, ControlError> {
        let switch = BodySwitch::default();
        switch.configure(body_settings(config));
        bodies_asked::follow(&switch, service.store());
        if let Some(asked) = change {
            switch.ask(asked);
        }
        let file = service.home.records_file();
        if self.delete && file.exists() {
            let ring = Arc::new(Ring::new(0));
            let records = RecordStore::start(file, retention(config), ring)
                .map_err(ControlError::caused_by)?;
            records.delete_bodies().await;
            records.close();
        }
        let kept = retention(config).bodies;
        Ok(BodiesFacts::of(&switch, kept, Timestamp::now()))
    }

    /// # Errors
    /// When what is asked for cannot be meant.
    fn change(&self, now: Timestamp) -> Result<Change, ControlError> {
        let is_bounded = self.for_seconds.is_some() || self.next_failures.is_some();
        let mode = match self.mode.as_deref() {
            // Failures are what so many of them are waited for.
            None if self.next_failures.is_some() => BodyMode::Errors,
            None if is_bounded => return Err(unclear(UnclearBodies::Which)),
            None => return Ok(None),
            Some(CONFIGURED) if is_bounded => {
                return Err(unclear(UnclearBodies::WithoutEnd));
            }
            Some(CONFIGURED) => return Ok(Some(None)),
            Some(word) => BodyMode::by_name(word).ok_or_else(|| unknown_mode(word))?,
        };
        if mode == BodyMode::Off && self.next_failures.is_some() {
            return Err(unclear(UnclearBodies::Off));
        }
        if self
            .for_seconds
            .is_some_and(|seconds| !(1..=SECONDS_MAX).contains(&seconds))
        {
            return Err(unclear(UnclearBodies::Seconds));
        }
        if self
            .next_failures
            .is_some_and(|count| !(1..=FAILURES_MAX).contains(&count))
        {
            return Err(unclear(UnclearBodies::Failures));
        }
        Ok(Some(Some(AskedFor {
            mode,
            until: self
                .for_seconds
                .map(|seconds| now + Duration::from_secs(seconds)),
            failures_left: self.next_failures,
        })))
    }
}

fn unclear(why: UnclearBodies) -> ControlError {
    ControlError::usage(Refusal::Bodies { why })
}

fn unknown_mode(word: &str) -> ControlError {
    let shown: String = word.chars().take(40).collect();
    let found = shown.escape_debug().to_string();
    unclear(UnclearBodies::Mode { found })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(mode: Option<&str>, seconds: Option<u64>, failures: Option<u32>) -> Option<Change> {
        let verb = RecordsBodies {
            mode: mode.map(str::to_owned),
            for_seconds: seconds,
            next_failures: failures,
            delete: false,
        };
        verb.change(Timestamp::UNIX_EPOCH).ok()
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for (mode, seconds, failures) in [
            (Some("every"), None, None),
            (None, Some(60), None),
            (Some("off"), None, Some(5)),
            (Some("configured"), Some(60), None),
            (Some("all"), Some(0), None),
            (Some("all"), Some(u64::MAX), None),
            (Some("errors"), None, Some(0)),
        ] {
            assert_eq!(change(mode, seconds, failures), None, "{mode:?}");
        }
        assert_eq!(change(None, None, None), Some(None));
        assert_eq!(change(Some("configured"), None, None), Some(Some(None)));
        let failures = change(None, None, Some(10)).flatten().flatten().unwrap();
        assert_eq!(
            (failures.mode, failures.failures_left),
            (BodyMode::Errors, Some(10))
        );
        let bounded = change(Some("all"), Some(900), None)
            .flatten()
            .flatten()
            .unwrap();
        assert_eq!(
            (bounded.mode, bounded.until),
            (
                BodyMode::All,
                Some(Timestamp::UNIX_EPOCH + Duration::from_secs(900))
            )
        );
    }
}
