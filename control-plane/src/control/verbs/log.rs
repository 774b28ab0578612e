//! `log`: the requests that were served or failed, the latest first, or as they come.

use std::time::{Duration, SystemTime};

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::control::period;
use crate::control::refusal::{Expected, Refusal};
use crate::control::request_log::{LogPage, page_of};
use crate::control::service::ControlService;
use crate::control::verb::{LOCAL_LIMIT, Needs, Verb};
use crate::control::wire::{ControlError, Notes};
use crate::record::{Cause, Ending, blame_named};
use crate::store::records::{FilterPart, Page, RequestFilter};

/// How many requests there are at a time.
const ROWS_MAX: usize = 1_000;
const ROWS_DEFAULT: usize = 50;
/// How long a caller that follows is kept waiting for the next request.
const WAIT_MAX: Duration = Duration::from_secs(10);

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Log {
    /// Only those that failed or were refused.
    pub failed: bool,
    /// `done`, `left`, `failed` or `refused`; several: one of them.
    pub ending: Vec<String>,
    /// One word for what it failed of.
    pub cause: Option<String>,
    /// Whose fault it was: `client`, `gateway`, `account` or `provider`.
    pub blame: Option<String>,
    /// The client's name of the model. Of this and all names below, an empty one stands for none.
    pub asked: Option<String>,
    /// The account of any attempt.
    pub account: Option<String>,
    pub provider: Option<String>,
    /// The upstream's name.
    pub model: Option<String>,
    pub key: Option<String>,
    /// The client's program.
    pub client: Option<String>,
    /// The conversation, as a row names it.
    pub session: Option<String>,
    /// `24h`, `7d`, `today`, a day or a moment.
    pub since: Option<String>,
    pub until: Option<String>,
    /// Older ones than this number.
    pub before: Option<i64>,
    /// Later ones than this number, the oldest first.
    pub after: Option<i64>,
    /// Where there is none after that number: waits a while for the next one.
    pub wait: bool,
    pub rows_max: Option<usize>,
}

impl Verb for Log {
    type Response = LogPage;
    const NAME: &'static str = "log";
    const TIME_LIMIT: Duration = LOCAL_LIMIT;
    const NEEDS: Needs = Needs::Files;

    async fn run(self, service: &ControlService, _: &Notes) -> Result<LogPage, ControlError> {
        let filter = self.filter()?;
        let page = Page {
            before: self.before,
            after: self.after,
            rows_max: self.rows_max.unwrap_or(ROWS_DEFAULT).min(ROWS_MAX),
        };
        if let Some(records) = &service.records {
            records.flush().await;
            if let Some(after) = page.after.filter(|_| self.wait) {
                let mut written = records.written();
                let is_new = written.wait_for(|seq| *seq > after);
                // Where none comes, the page is empty.
                let _ = tokio::time::timeout(WAIT_MAX, is_new).await;
            }
        }
        page_of(service, filter, page).await
    }
}

impl Log {
    /// The parts that mean nothing, and why.
    pub fn problems(&self) -> Vec<(FilterPart, ControlError)> {
        let nothing = Self::default;
        let alone = [
            (
                FilterPart::Ending,
                Self {
                    ending: self.ending.clone(),
                    ..nothing()
                },
            ),
            (
                FilterPart::Cause,
                Self {
                    cause: self.cause.clone(),
                    ..nothing()
                },
            ),
            (
                FilterPart::Blame,
                Self {
                    blame: self.blame.clone(),
                    ..nothing()
                },
            ),
            (
                FilterPart::Session,
                Self {
                    session: self.session.clone(),
                    ..nothing()
                },
            ),
            (
                FilterPart::Since,
                Self {
                    since: self.since.clone(),
                    ..nothing()
                },
            ),
            (
                FilterPart::Until,
                Self {
                    until: self.until.clone(),
                    ..nothing()
                },
            ),
        ];
        let problems = alone
            .into_iter()
            .filter_map(|(part, log)| Some((part, log.filter().err()?)));
        problems.collect()
    }

    /// # Errors
    /// When a part of it means nothing.
    pub(in crate::control) fn filter(&self) -> Result<RequestFilter, ControlError> {
        let (zone, now) = (TimeZone::system(), SystemTime::now());
        let at = |text: &Option<String>| {
            let begin = text
                .as_deref()
                .map(|text| period::begin(text, now, &zone, false));
            begin.transpose()
        };
        let session = self.session.as_deref().map(session_named).transpose()?;
        Ok(RequestFilter {
            endings: self.endings()?,
            cause: known(self.cause.as_deref(), Cause::named, Expected::Cause)?,
            blame: known(self.blame.as_deref(), blame_named, Expected::Blame)?,
            from: at(&self.since)?,
            until: at(&self.until)?,
            asked: self.asked.clone(),
            account: self.account.clone(),
            provider: self.provider.clone(),
            model: self.model.clone(),
            key: self.key.clone(),
            agent: self.client.clone(),
            session,
        })
    }

    fn endings(&self) -> Result<Vec<Ending>, ControlError> {
        let mut endings = Vec::new();
        for word in &self.ending {
            endings.extend(known(Some(word), Ending::named, Expected::Ending)?);
        }
        if self.failed && endings.is_empty() {
            endings = vec![Ending::Failed, Ending::Refused];
        }
        endings.sort_unstable();
        endings.dedup();
        Ok(endings)
    }
}

/// The value of a word.
fn known<T>(
    word: Option<&str>,
    named: impl Fn(&str) -> Option<T>,
    expected: Expected,
) -> Result<Option<T>, ControlError> {
    let Some(word) = word else {
        return Ok(None);
    };
    match named(word) {
        Some(value) => Ok(Some(value)),
        None => Err(unexpected(word, expected)),
    }
}

fn session_named(text: &str) -> Result<[u8; 16], ControlError> {
    let bytes = hex::decode(text).ok();
    let session = bytes.and_then(|bytes| bytes.try_into().ok());
    session.ok_or_else(|| unexpected(text, Expected::Session))
}

fn unexpected(word: &str, expected: Expected) -> ControlError {
    let shown: String = word.chars().take(40).collect();
    ControlError::usage(Refusal::Word {
        found: shown.escape_debug().to_string(),
        expected: expected.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_read_from_words() {
        let log = Log {
            failed: true,
            cause: Some("rate_limited".to_owned()),
            blame: Some("account".to_owned()),
            session: Some("07".repeat(16)),
            ..Log::default()
        };
        let filter = log.filter().unwrap();
        assert_eq!(filter.endings, [Ending::Failed, Ending::Refused]);
        assert_eq!(filter.cause, Some(Cause::RateLimited));
        assert_eq!(filter.session, Some([7; 16]));
        let only_left = Log {
            ending: vec!["left".to_owned(), "left".to_owned()],
            ..log
        };
        assert_eq!(only_left.filter().unwrap().endings, [Ending::Left]);
    }

    #[test]
    fn a_word_that_is_none_is_refused_with_those_that_are() {
        let error = |log: Log| log.filter().unwrap_err().to_string();
        let ending = Log {
            ending: vec!["dead".to_owned()],
            ..Log::default()
        };
        assert!(error(ending).contains("`dead`: expected an ending: `done`"));
        let session = Log {
            session: Some("xyz".to_owned()),
            ..Log::default()
        };
        assert!(error(session).contains("32 digits"));
    }
}
