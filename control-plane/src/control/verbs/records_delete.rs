//! `records delete`: deletes records now. Statistics keep what they summed up, but those of an account
//! that is forgotten.

use std::time::{Duration, SystemTime};

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::control::period;
use crate::control::record_keeping::RecordsFacts;
use crate::control::refusal::Refusal;
use crate::control::service::ControlService;
use crate::control::verb::{CALL_LIMIT, Needs, Verb};
use crate::control::wire::{ControlError, Notes};
use crate::store::records::Deletion;

/// One of the three is set.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RecordsDelete {
    pub all: bool,
    /// Those that came before: `24h` and `7d` ago, `today`, a day or a moment.
    pub before: Option<String>,
    /// Those that this account was asked for last, with its share of the statistics.
    pub account: Option<String>,
}

/// What was deleted, and what is left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordsDeleted {
    pub deleted: u64,
    pub records: RecordsFacts,
}

impl Verb for RecordsDelete {
    type Response = RecordsDeleted;
    const NAME: &'static str = "records_delete";
    const TIME_LIMIT: Duration = CALL_LIMIT;
    const NEEDS: Needs = Needs::Files;

    async fn run(
        self,
        service: &ControlService,
        _: &Notes,
    ) -> Result<RecordsDeleted, ControlError> {
        let deletion = match (self.all, self.before, self.account) {
            (true, None, None) => Deletion::All,
            (false, Some(before), None) => {
                let (zone, now) = (TimeZone::system(), SystemTime::now());
                Deletion::Before(period::begin(&before, now, &zone, false)?)
            }
            (false, None, Some(account)) => Deletion::Account(account),
            _ => {
                return Err(ControlError::usage(Refusal::WhichRecords));
            }
        };
        Ok(RecordsDeleted {
            deleted: service.delete_records(deletion).await?,
            records: service.records_facts().await?,
        })
    }
}
