//! What is kept of requests, and how it is deleted.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::service::ControlService;
use super::wire::ControlError;
use crate::config::Config;
use crate::record::Ring;
use crate::record::bodies::BodySettings;
use crate::store::records::{Deletion, RecordStore, RecordsStatus, Retention};

/// The records that are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordsFacts {
    /// Size, limit, oldest record, what is wrong.
    #[serde(flatten)]
    pub status: RecordsStatus,
    pub done: u64,
    pub left: u64,
    pub failed: u64,
    pub refused: u64,
    /// How many days the records of served and of failed requests are kept.
    pub keep_days: u32,
    pub keep_failed_days: u32,
}

/// What the configuration says of keeping records.
pub fn retention(config: &Config) -> Retention {
    let days = |days: u32| Duration::from_secs(u64::from(days) * 24 * 60 * 60);
    let settings = &config.record;
    Retention {
        served: days(settings.keep_days),
        failed: days(settings.keep_failed_days),
        bodies: days(settings.keep_bodies_days),
        bytes_max: settings.bytes_max as u64,
    }
}

/// What the configuration says of keeping bodies.
pub fn body_settings(config: &Config) -> BodySettings {
    BodySettings {
        mode: config.record.bodies,
        bytes_max: config.record.body_bytes_max,
    }
}

impl ControlService {
    /// What is kept now.
    ///
    /// # Errors
    /// When the file cannot be read; its status says why as well.
    pub async fn records_facts(&self) -> Result<RecordsFacts, ControlError> {
        let counts = self.read_records(|reader| reader.counts()).await?;
        let config = self.config();
        let status = match &self.records {
            Some(records) => records.status(),
            None => self.status_of_file(&config),
        };
        Ok(RecordsFacts {
            status: RecordsStatus {
                oldest: counts.oldest,
                ..status
            },
            done: counts.done,
            left: counts.left,
            failed: counts.failed,
            refused: counts.refused,
            keep_days: config.record.keep_days,
            keep_failed_days: config.record.keep_failed_days,
        })
    }

    fn status_of_file(&self, config: &Config) -> RecordsStatus {
        let file = std::fs::metadata(self.home.records_file());
        RecordsStatus {
            is_enabled: config.record.enabled,
            bytes: file.map_or(0, |file| file.len()),
            bytes_max: config.record.bytes_max as u64,
            ..RecordsStatus::default()
        }
    }

    /// Deletes records and returns how many. Sums stay, but those of an account that is forgotten.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub async fn delete_records(&self, deletion: Deletion) -> Result<u64, ControlError> {
        if let Some(records) = &self.records {
            let deleted = records.delete(deletion).await;
            return deleted.map_err(ControlError::caused_by);
        }
        let path = self.home.records_file();
        if !path.exists() {
            return Ok(0);
        }
        // No agent writes it: this process has the home's lock.
        let ring = std::sync::Arc::new(Ring::new(0));
        let store = RecordStore::start(path, retention(&self.config()), ring)
            .map_err(ControlError::caused_by)?;
        let deleted = store.delete(deletion).await;
        store.close();
        deleted.map_err(ControlError::caused_by)
    }
}
