//! `log`: the requests that were served or failed, the latest first, or as they come.

use std::time::{Duration, SystemTime};

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::control::period;
use crate::control::request_log::{LogPage, page_of};
use crate::control::service::ControlService;
use crate::control::verb::{LOCAL_LIMIT, Needs, Verb};
use crate::control::wire::{ControlError, Notes};
use crate::store::records::{Page, RequestFilter};

/// How many requests there are at a time.
const ROWS_MAX: usize = 1_000;
const ROWS_DEFAULT: usize = 50;
/// How long a caller that follows is kept waiting for the next request.
const WAIT_MAX: Duration = Duration::from_secs(10);

#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Log {
    /// Only those that failed or were refused.
    pub failed: bool,
    /// The account of any attempt.
    pub account: Option<String>,
    pub provider: Option<String>,
    /// The upstream's name.
    pub model: Option<String>,
    pub key: Option<String>,
    /// The client's program.
    pub client: Option<String>,
    /// `24h`, `7d`, `today`, a day or a moment.
    pub since: Option<String>,
    pub until: Option<String>,
    /// Older ones than this number.
    pub before: Option<i64>,
    /// Later ones than this number, the oldest first; waits a while for the next one.
    pub after: Option<i64>,
    pub rows_max: Option<usize>,
}

impl Verb for Log {
    type Response = LogPage;
    const NAME: &'static str = "log";
    const TIME_LIMIT: Duration = LOCAL_LIMIT;
    const NEEDS: Needs = Needs::Files;

    async fn run(self, service: &ControlService, _: &Notes) -> Result<LogPage, ControlError> {
        let (zone, now) = (TimeZone::system(), SystemTime::now());
        let at = |text: &Option<String>| {
            let begin = text
                .as_deref()
                .map(|text| period::begin(text, now, &zone, false));
            begin.transpose()
        };
        let filter = RequestFilter {
            failed_only: self.failed,
            from: at(&self.since)?,
            until: at(&self.until)?,
            account: self.account,
            provider: self.provider,
            model: self.model,
            key: self.key,
            agent: self.client,
            session: None,
        };
        let page = Page {
            before: self.before,
            after: self.after,
            rows_max: self.rows_max.unwrap_or(ROWS_DEFAULT).min(ROWS_MAX),
        };
        if let Some(records) = &service.records {
            records.flush().await;
            if let Some(after) = page.after {
                let mut written = records.written();
                let is_new = written.wait_for(|seq| *seq > after);
                // Where none comes, the page is empty.
                let _ = tokio::time::timeout(WAIT_MAX, is_new).await;
            }
        }
        page_of(service, filter, page).await
    }
}
