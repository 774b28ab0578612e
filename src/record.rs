//! The facts of one finished request, and who takes them.
//!
//! A record holds no prompt, no answer and no secret. Recording never blocks: a recorder that is full drops the record and counts it.

use std::time::Duration;

use crate::account::AccountName;
use crate::canon::{Dialect, Loss, Usage};
use crate::outcome::{Outcome, Timestamp};
use crate::protocol::Operation;

/// One finished request.
#[derive(Clone, Debug)]
pub struct Record {
    pub request_id: String,
    pub received_at: Timestamp,
    /// From the request's arrival to the end of its answer.
    pub took: Duration,
    /// From the request's arrival to the first byte that left for the client.
    pub first_byte_after: Option<Duration>,
    pub dialect: Dialect,
    pub operation: Operation,
    /// The model that the client asked for.
    pub model: String,
    pub stream: bool,
    /// What the model became, in words; empty where nothing was resolved.
    pub resolution: String,
    /// The places that could serve it, `provider/model`, in the order in which they are tried.
    pub candidates: Vec<String>,
    /// What was not asked, and why, in the order in which it was found.
    pub passed_over: Vec<PassedOver>,
    pub attempts: Vec<Attempt>,
    /// The status that the client got.
    pub status: u16,
    pub usage: Usage,
    pub losses: Vec<Loss>,
    /// What the client was told, where the request failed.
    pub fault: Option<String>,
}

/// A candidate, or an account of it, that was not asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassedOver {
    /// `provider/model`.
    pub candidate: String,
    /// `None` where the candidate as a whole was passed over.
    pub account: Option<AccountName>,
    pub why: String,
}

/// One try at one account.
#[derive(Clone, Debug)]
pub struct Attempt {
    pub provider: String,
    pub account: AccountName,
    /// The upstream's name of the model.
    pub model: String,
    pub dialect: Dialect,
    pub began_at: Timestamp,
    /// How long it waited for its account before it began.
    pub waited: Duration,
    pub outcome: Outcome,
    /// What went wrong, in the upstream's words or ours, as the client may see it.
    pub detail: Option<String>,
    pub took: Duration,
}

/// Takes records; must not block.
pub trait Recorder: Send + Sync {
    fn record(&self, record: Record);
}
