//! The facts of one finished request, and the recorder that takes them.
//!
//! A record holds no prompt, no response and no secret. Recording never blocks.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::account::AccountName;
use crate::canon::{Dialect, Loss, Usage};
use crate::outcome::{Outcome, Timestamp};
use crate::protocol::Operation;

/// One finished request.
#[derive(Clone, Debug)]
pub struct Record {
    pub request_id: String,
    pub received_at: Timestamp,
    /// From the request's arrival to the end of the response.
    pub took: Duration,
    /// From the request's arrival to the first byte that left for the client.
    pub first_byte_after: Option<Duration>,
    pub dialect: Dialect,
    pub operation: Operation,
    /// The model that the client asked for.
    pub model: String,
    pub stream: bool,
    /// What the model became; `None` where nothing was resolved.
    pub resolved: Option<Arc<Resolved>>,
    /// Candidates and accounts that were not tried, and why, in the order in which that was found.
    pub passed_over: Vec<PassedOver>,
    pub attempts: Vec<Attempt>,
    /// The status that the client got.
    pub status: u16,
    pub usage: Usage,
    pub losses: Vec<Loss>,
    /// The error message for the client, where the request failed. Providers quote the request in
    /// theirs: it is shown to the person, and goes into no log and no file.
    pub fault: Option<String>,
}

/// What a model's name became. Requests for the same name share it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// A sentence for people.
    pub text: String,
    /// The places that could serve it, `provider/model`, in the order in which they are tried.
    pub candidates: Vec<String>,
}

impl Resolved {
    pub fn new(mut text: String, mut candidates: Vec<String>) -> Self {
        shorten(&mut text);
        candidates.truncate(LIST_MAX);
        Self { text, candidates }
    }
}

/// A candidate, or an account of it, that was not tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassedOver {
    /// `provider/model`.
    pub candidate: String,
    /// `None` where the candidate as a whole was passed over.
    pub account: Option<AccountName>,
    pub why: String,
}

/// One attempt at one account.
#[derive(Clone, Debug)]
pub struct Attempt {
    pub provider: Arc<str>,
    pub account: AccountName,
    /// The upstream's name of the model.
    pub model: Arc<str>,
    pub dialect: Dialect,
    pub began_at: Timestamp,
    /// How long it waited for its lease before it began.
    pub waited: Duration,
    pub outcome: Outcome,
    /// The error message of a failed attempt, as the client may see it; as [`Record::fault`].
    pub detail: Option<String>,
    pub took: Duration,
}

/// The longest text and the longest list that a record keeps: clients choose their length.
const TEXT_BYTES_MAX: usize = 2_000;
const LIST_MAX: usize = 200;

impl Record {
    /// Cuts texts and lists to what a record keeps.
    fn bound(&mut self) {
        shorten(&mut self.model);
        if let Some(fault) = &mut self.fault {
            shorten(fault);
        }
        for attempt in &mut self.attempts {
            if let Some(detail) = &mut attempt.detail {
                shorten(detail);
            }
        }
        self.passed_over.truncate(LIST_MAX);
        self.losses.truncate(LIST_MAX);
    }
}

fn shorten(text: &mut String) {
    if text.len() > TEXT_BYTES_MAX {
        let end = (0..=TEXT_BYTES_MAX)
            .rev()
            .find(|end| text.is_char_boundary(*end))
            .unwrap_or_default();
        text.truncate(end);
        text.shrink_to_fit();
    }
}

/// The latest records, in memory.
pub struct Ring {
    records: Mutex<VecDeque<Record>>,
    records_max: usize,
    pushed: Notify,
}

impl Ring {
    /// Holds at most `records_max`; the oldest makes room.
    pub fn new(records_max: usize) -> Self {
        Self {
            records: Mutex::new(VecDeque::new()),
            records_max,
            pushed: Notify::new(),
        }
    }

    pub fn push(&self, mut record: Record) {
        record.bound();
        let mut records = self.records.lock();
        let oldest = if records.len() >= self.records_max {
            records.pop_front()
        } else {
            None
        };
        records.push_back(record);
        drop(records);
        // Outside the lock: freeing a record takes longer than the push.
        drop(oldest);
        self.pushed.notify_one();
    }

    /// Waits for the next push; returns at once if there was one since the last call. For one
    /// listener.
    ///
    /// Cancel safe.
    pub async fn pushed(&self) {
        self.pushed.notified().await;
    }

    /// The record of a request. `None` where it is not known, or no longer.
    pub fn find(&self, request_id: &str) -> Option<Record> {
        let records = self.records.lock();
        let found = records
            .iter()
            .rev()
            .find(|record| record.request_id == request_id);
        found.cloned()
    }

    /// The latest records that `is_meant` takes, the latest first, at most `records_max`.
    pub fn latest(&self, records_max: usize, is_meant: impl Fn(&Record) -> bool) -> Vec<Record> {
        let records = self.records.lock();
        let latest = records.iter().rev().filter(|record| is_meant(record));
        latest.take(records_max).cloned().collect()
    }
}

/// Takes records; must not block.
pub trait Recorder: Send + Sync {
    fn record(&self, record: Record);
}

/// Keeps the record for `explain`; its log event comes from the gateway.
impl Recorder for Ring {
    fn record(&self, record: Record) {
        self.push(record);
    }
}
