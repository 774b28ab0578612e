//! Requests as a list, with one sentence for each failure.

use serde::{Deserialize, Serialize};

use super::cost::{CostFacts, cost_of_request};
use super::explain::millis;
use super::failure_reason::FailureFacts;
use super::service::ControlService;
use super::wire::ControlError;
use crate::config::Config;
use crate::outcome::Timestamp;
use crate::prices::Prices;
use crate::record::{Cause, blame_name};
use crate::status::timestamp;
use crate::store::records::{FilterPart, Page, RequestFilter, RequestRow};

/// Some of the requests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogPage {
    pub rows: Vec<LogRow>,
    /// The number of the latest request that was recorded, whether or not it is in the list.
    pub last_seq: i64,
    /// The numbers before which and after which there is more that the filter takes. After the end
    /// that the page was asked from there may be none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub older: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newer: Option<i64>,
    /// Where nothing is found: which part of the filter excludes the most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excluding: Option<Excluding>,
}

/// Without which part of a filter there are requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Excluding {
    pub part: FilterPart,
    /// How many there are without it, counted up to a thousand.
    pub requests: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogRow {
    /// Rises in the order in which requests ended.
    pub seq: i64,
    pub id: String,
    #[serde(with = "timestamp")]
    pub received_at: Timestamp,
    pub took_ms: u64,
    pub first_byte_ms: Option<u64>,
    pub dialect: String,
    pub operation: Option<String>,
    pub stream: bool,
    /// The client's name of the model.
    pub asked: String,
    /// Of the last attempt.
    pub provider: Option<String>,
    pub model: Option<String>,
    pub account: Option<String>,
    pub attempts: u32,
    pub key: Option<String>,
    /// The client's program.
    pub client: Option<String>,
    pub session: Option<String>,
    /// The status that the client got; 0 where it left before it got one.
    pub status: u16,
    /// `done`, `left`, `failed` or `refused`.
    pub ending: String,
    pub cause: Option<String>,
    /// Whose fault it was: `client`, `gateway`, `account` or `provider`.
    pub blame: Option<String>,
    #[serde(default, with = "timestamp::option")]
    pub until: Option<Timestamp>,
    /// Why it failed and what to do, in one sentence.
    pub why: Option<String>,
    pub finish: Option<String>,
    pub tier: Option<String>,
    pub input_tokens: Option<u64>,
    pub cache_read_tokens: Option<u64>,
    pub cache_write_tokens: Option<u64>,
    pub output_tokens: Option<u64>,
    pub reasoning_tokens: Option<u64>,
    pub usage_is_final: bool,
    pub cost: CostFacts,
    pub bytes_in: u64,
    pub bytes_out: u64,
    /// The first fields that a translation left out.
    pub dropped: Option<String>,
}

/// The requests that the filter takes.
///
/// # Errors
/// When the records cannot be read.
pub(super) async fn page_of(
    service: &ControlService,
    filter: RequestFilter,
    page: Page,
) -> Result<LogPage, ControlError> {
    let (prices, _) = service.prices();
    let config = service.config();
    service
        .read_records(move |reader| {
            // One more says whether there is more.
            let wanted = Page {
                rows_max: page.rows_max + 1,
                ..page
            };
            let mut rows = reader.list(&filter, &wanted)?;
            let has_more = rows.len() > page.rows_max;
            rows.truncate(page.rows_max);
            let (older, newer) = ends(&rows, &page, has_more);
            let is_empty = rows.is_empty() && page.before.or(page.after).is_none();
            let excluding = if is_empty {
                reader.excludes_most(&filter)?
            } else {
                None
            };
            Ok(LogPage {
                rows: rows
                    .into_iter()
                    .map(|row| LogRow::of(row, &config, &prices))
                    .collect(),
                last_seq: reader.last_seq()?,
                older,
                newer,
                excluding: excluding.map(|(part, requests)| Excluding {
                    part,
                    requests: requests as u64,
                }),
            })
        })
        .await
}

/// Before and after which number the list goes on.
fn ends(rows: &[RequestRow], page: &Page, has_more: bool) -> (Option<i64>, Option<i64>) {
    let (first, last) = (
        rows.first().map(|row| row.seq),
        rows.last().map(|row| row.seq),
    );
    if page.after.is_some() {
        return (first, last.filter(|_| has_more));
    }
    (
        last.filter(|_| has_more),
        first.filter(|_| page.before.is_some()),
    )
}

impl LogRow {
    /// Why it failed, to be written for a reader. `None` where it did not.
    pub(crate) fn failure(&self) -> Option<FailureFacts<'_>> {
        Some(FailureFacts {
            cause: Cause::named(self.cause.as_deref()?)?,
            until: self.until,
            provider: self.provider.as_deref(),
            account: self.account.as_deref(),
            model: self.model.as_deref(),
            asked: &self.asked,
            key: self.key.as_deref(),
        })
    }

    pub(super) fn of(row: RequestRow, config: &Config, prices: &Prices) -> Self {
        let why = FailureFacts::of_row(&row).map(|facts| facts.sentence());
        let cost = CostFacts::of(&cost_of_request(&row, config, prices));
        let failure = row.failure;
        Self {
            seq: row.seq,
            id: row.request_id,
            received_at: row.received_at,
            took_ms: millis(row.took),
            first_byte_ms: row.first_byte_after.map(millis),
            dialect: row.dialect,
            operation: row.operation.map(|operation| operation.name().to_owned()),
            stream: row.stream,
            asked: row.asked,
            provider: row.provider,
            model: row.model,
            account: row.account,
            attempts: row.attempts,
            key: row.key,
            client: row.agent,
            session: row.session.map(hex::encode),
            status: row.status,
            ending: row.ending.name().to_owned(),
            cause: failure
                .as_ref()
                .map(|failure| failure.cause.name().to_owned()),
            blame: failure
                .as_ref()
                .map(|failure| blame_name(failure.blame).to_owned()),
            until: failure.and_then(|failure| failure.until),
            why,
            finish: row.finish,
            tier: row.tier.map(|tier| tier.name().to_owned()),
            input_tokens: row.usage.input,
            cache_read_tokens: row.usage.cache_read,
            cache_write_tokens: row.usage.cache_write,
            output_tokens: row.usage.output,
            reasoning_tokens: row.usage.reasoning,
            usage_is_final: row.usage_is_final,
            cost,
            bytes_in: row.bytes_in,
            bytes_out: row.bytes_out,
            dropped: row.dropped,
        }
    }
}
