//! The facts of one finished request, and who takes them.
//!
//! A record holds no prompt, no answer and no secret. Recording never blocks: a recorder that is full drops the record and counts it.

use std::time::Duration;

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
    pub attempts: Vec<Attempt>,
    /// The status that the client got.
    pub status: u16,
    pub usage: Usage,
    pub losses: Vec<Loss>,
    /// What the client was told, where the request failed.
    pub fault: Option<String>,
}

/// One try at one account.
#[derive(Clone, Debug)]
pub struct Attempt {
    pub provider: String,
    pub account: String,
    /// The upstream's name of the model.
    pub model: String,
    pub dialect: Dialect,
    pub outcome: Outcome,
    pub took: Duration,
}

/// Takes records; must not block.
pub trait Recorder: Send + Sync {
    fn record(&self, record: Record);
}
