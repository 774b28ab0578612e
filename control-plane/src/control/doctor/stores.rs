//! The two databases: whether they are whole, can be written, and have room.

use std::fs::OpenOptions;
use std::io;
use std::path::Path;

use super::check::{Area, Check};
use crate::config::Home;
use crate::host::disk_space;
use crate::store::records::{RecordsProblem, RecordsStatus};

/// Below this the disk is about to be full.
const BYTES_FREE_MIN: u64 = 100 << 20;
const MIB: u64 = 1 << 20;

/// What is known of the databases.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::control) struct StoreFacts {
    /// Why the accounts' database takes no change.
    pub(in crate::control) accounts_problem: Option<String>,
    pub(in crate::control) accounts_bytes: u64,
    pub(in crate::control) records: RecordsStatus,
    /// What a look through the records' file found.
    pub(in crate::control) records_problem: Option<RecordsProblem>,
    pub(in crate::control) records_count: u64,
    /// Values that were not stored because the disk was too slow.
    pub(in crate::control) notes_dropped: u64,
    pub(in crate::control) bytes_free: Option<u64>,
}

/// The size of a file with its journal.
pub(in crate::control) fn bytes_of(path: &Path) -> u64 {
    let mut journal = path.as_os_str().to_owned();
    journal.push("-wal");
    let size = |path: &Path| std::fs::metadata(path).map_or(0, |file| file.len());
    size(path) + size(Path::new(&journal))
}

/// Why an existing file cannot be opened for writing. Changes nothing.
pub(in crate::control) fn why_not_writable(path: &Path) -> Option<String> {
    match OpenOptions::new().write(true).open(path) {
        Ok(_) => None,
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => Some(error.to_string()),
    }
}

/// What can be known of the databases without opening them.
pub(in crate::control) fn look(home: &Home) -> StoreFacts {
    let database = home.database_file();
    StoreFacts {
        accounts_problem: why_not_writable(&database).map(|why| {
            format!("`aerostat.db` cannot be written ({why}); see its permissions and its disk")
        }),
        accounts_bytes: bytes_of(&database),
        records_problem: why_not_writable(&home.records_file()).map(|_| RecordsProblem::ReadOnly),
        bytes_free: disk_space::bytes_free(home.folder()),
        ..StoreFacts::default()
    }
}

pub(in crate::control) fn checks(facts: &StoreFacts) -> Vec<Check> {
    let mut checks = vec![of_accounts(facts), of_records(facts)];
    if facts.notes_dropped > 0 {
        checks.push(Check::warning(
            Area::Store,
            format!(
                "{} notes about accounts were not stored: the disk was too slow",
                facts.notes_dropped
            ),
            "see whether something else keeps the disk busy",
        ));
    }
    if let Some(free) = facts.bytes_free.filter(|free| *free < BYTES_FREE_MIN) {
        checks.push(Check::warning(
            Area::Store,
            format!("the disk has {} MiB left", free / MIB),
            "make room: what cannot be written is lost",
        ));
    }
    checks
}

fn of_accounts(facts: &StoreFacts) -> Check {
    match &facts.accounts_problem {
        Some(problem) => Check::of_error(Area::Store, problem),
        None => Check::ok(
            Area::Store,
            format!(
                "accounts: `aerostat.db` is whole ({})",
                size(facts.accounts_bytes)
            ),
        ),
    }
}

fn of_records(facts: &StoreFacts) -> Check {
    let records = &facts.records;
    if let Some(problem) = facts.records_problem.as_ref().or(records.problem.as_ref()) {
        let text = problem.to_string();
        // The sentence begins with what to do.
        let (next, what) = text
            .split_once(": ")
            .unwrap_or((&text, "requests are not recorded"));
        return Check::failed(Area::Store, format!("records: {what}"), next);
    }
    if !records.is_enabled {
        return Check::ok(
            Area::Store,
            "records: none are kept, as `record.enabled = false` asks",
        );
    }
    let kept = format!(
        "records: {} requests in {} of {}",
        facts.records_count,
        size(records.bytes),
        size(records.bytes_max)
    );
    if records.not_recorded > 0 {
        return Check::warning(
            Area::Store,
            format!(
                "{kept}; {} came too fast to be recorded",
                records.not_recorded
            ),
            "see whether something else keeps the disk busy",
        );
    }
    Check::ok(Area::Store, kept)
}

fn size(bytes: u64) -> String {
    match bytes {
        0..MIB => format!("{} KiB", bytes.div_ceil(1024)),
        _ => format!("{} MiB", bytes.div_ceil(MIB)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::State;
    use super::*;

    fn facts() -> StoreFacts {
        StoreFacts {
            records: RecordsStatus {
                is_enabled: true,
                bytes_max: 256 * MIB,
                ..RecordsStatus::default()
            },
            bytes_free: Some(BYTES_FREE_MIN),
            ..StoreFacts::default()
        }
    }

    fn worst(facts: &StoreFacts) -> State {
        checks(facts).iter().map(|check| check.state).max().unwrap()
    }

    #[test]
    fn whole_files_with_room_are_well() {
        assert_eq!(worst(&facts()), State::Ok);
        let off = StoreFacts {
            records: RecordsStatus::default(),
            ..facts()
        };
        assert_eq!(worst(&off), State::Ok);
    }

    #[test]
    fn each_trouble_is_told_with_what_to_do() {
        let troubles = [
            (
                StoreFacts {
                    records_problem: Some(RecordsProblem::ReadOnly),
                    ..facts()
                },
                State::Failed,
            ),
            (
                StoreFacts {
                    accounts_problem: Some("`aerostat.db` is gone; put it back".to_owned()),
                    ..facts()
                },
                State::Failed,
            ),
            (
                StoreFacts {
                    bytes_free: Some(1),
                    ..facts()
                },
                State::Warning,
            ),
            (
                StoreFacts {
                    notes_dropped: 1,
                    ..facts()
                },
                State::Warning,
            ),
        ];
        for (facts, state) in troubles {
            let checks = checks(&facts);
            let found = checks.iter().find(|check| check.state == state);
            assert!(found.unwrap().next_step.is_some(), "{checks:?}");
            assert_eq!(worst(&facts), state);
        }
        let damaged = RecordsProblem::Damaged {
            why: "x".to_owned(),
        };
        let check = of_records(&StoreFacts {
            records_problem: Some(damaged),
            ..facts()
        });
        assert!(check.next_step.unwrap().starts_with("Move `records.db`"));
    }
}
