//! Why a request failed, as a sentence: whose fault it was, what, until when, and what to do. The
//! same in `explain`, in `log` and on pages, where it may be in another language.

mod texts;

use crate::language::Language;
use crate::outcome::Timestamp;
use crate::record::{Cause, Record};
use crate::status::rfc3339;
use crate::store::records::RequestRow;

use texts::Texts;

/// For whom a sentence is written.
#[derive(Clone, Copy)]
pub(crate) struct Wording<'w> {
    pub(crate) language: Language,
    pub(crate) time: &'w dyn Fn(Timestamp) -> String,
}

impl Wording<'static> {
    /// For command line and scripts.
    pub(crate) fn plain() -> Self {
        Self {
            language: Language::English,
            time: &rfc3339,
        }
    }
}

/// What the sentence is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FailureFacts<'f> {
    pub(crate) cause: Cause,
    pub(crate) until: Option<Timestamp>,
    /// Of the last attempt.
    pub(crate) provider: Option<&'f str>,
    pub(crate) account: Option<&'f str>,
    pub(crate) model: Option<&'f str>,
    /// The client's name of the model.
    pub(crate) asked: &'f str,
    /// The name of the client's key.
    pub(crate) key: Option<&'f str>,
}

impl<'f> FailureFacts<'f> {
    pub(super) fn of_record(record: &'f Record) -> Option<Self> {
        let failure = record.failure.as_ref()?;
        let last = record.attempts.last();
        Some(Self {
            cause: failure.cause,
            until: failure.until,
            provider: last.map(|attempt| &*attempt.provider),
            account: last.map(|attempt| attempt.account.as_str()),
            model: last.map(|attempt| &*attempt.model),
            asked: &record.model,
            key: record.key.as_deref(),
        })
    }

    pub(super) fn of_row(row: &'f RequestRow) -> Option<Self> {
        let failure = row.failure.as_ref()?;
        Some(Self {
            cause: failure.cause,
            until: failure.until,
            provider: row.provider.as_deref(),
            account: row.account.as_deref(),
            model: row.model.as_deref(),
            asked: &row.asked,
            key: row.key.as_deref(),
        })
    }

    /// What happened, and by whose fault. A clause without a full stop.
    pub(crate) fn what(&self, wording: &Wording<'_>) -> String {
        let text = Texts(wording.language);
        let provider = self.provider.unwrap_or(text.the_provider());
        let account = match self.account {
            Some(account) => text.account(account),
            None => text.the_account().to_owned(),
        };
        let model = self.model.unwrap_or(self.asked).escape_debug();
        let key = self.key.unwrap_or("NAME");
        let ends = self.ends(wording);
        match self.cause {
            Cause::BadRequest => text.bad_request().to_owned(),
            Cause::ContextTooLong => text.context_too_long(model),
            Cause::BadKey => text.bad_key().to_owned(),
            Cause::KeyLimit => text.key_limit(key, ends),
            Cause::KeyExpired => text.key_expired(key),
            Cause::ModelNotAllowed => text.model_not_allowed(key, model),
            Cause::NoSuchModel if self.provider.is_none() => text.no_rule_for(model),
            Cause::NoSuchModel => text.no_such_model(provider, model),
            Cause::NoSuchPath => text.no_such_path().to_owned(),
            Cause::TooLarge => text.too_large().to_owned(),
            Cause::SlowClient => text.slow_client().to_owned(),
            Cause::Unsupported => text.unsupported().to_owned(),
            Cause::Account if self.account.is_none() => text.no_account().to_owned(),
            Cause::Account => text.credential_refused(provider, account),
            Cause::Forbidden => text.forbidden(provider, account, model),
            Cause::QuotaSpent => text.quota_spent(provider, account, ends),
            Cause::RateLimited => text.rate_limited(provider, account, ends),
            Cause::AllAtLimit => text.all_at_limit(ends),
            Cause::Overloaded => text.overloaded(provider, ends),
            Cause::Unreachable => text.unreachable(provider),
            Cause::Certificate => text.certificate(provider),
            Cause::TimedOut => text.timed_out(provider),
            Cause::BrokeOff => text.broke_off(provider),
            Cause::Intercepted => text.intercepted(provider),
            Cause::Malformed => text.malformed(provider),
            Cause::Provider => text.provider_failed(provider),
            Cause::Stopped => text.was_stopped().to_owned(),
            Cause::Internal => text.internal().to_owned(),
        }
    }

    fn ends(&self, wording: &Wording<'_>) -> String {
        let until = self.until.map(wording.time);
        until.map_or_else(String::new, |time| Texts(wording.language).until(time))
    }

    /// What the person can do now. A clause without a full stop.
    pub(crate) fn advice(&self, wording: &Wording<'_>) -> String {
        let text = Texts(wording.language);
        let provider = self.provider.unwrap_or("PROVIDER");
        let account = self.account.unwrap_or("NAME");
        let model = self.model.unwrap_or(self.asked).escape_debug();
        match self.cause {
            Cause::BadRequest | Cause::Unsupported if self.provider.is_none() => {
                text.change_the_request().to_owned()
            }
            Cause::BadRequest | Cause::Unsupported => {
                text.change_the_request_everywhere().to_owned()
            }
            Cause::ContextTooLong => text.send_less_or_choose().to_owned(),
            Cause::BadKey => text.give_the_key().to_owned(),
            Cause::KeyLimit => self.wait_or_raise(wording),
            Cause::KeyExpired => text.extend_key(self.key.unwrap_or("NAME")),
            Cause::ModelNotAllowed => text.allow_model(self.key.unwrap_or("NAME")),
            Cause::NoSuchModel if self.provider.is_none() => text.try_the_model(model),
            Cause::NoSuchModel => text.list_the_models(provider),
            Cause::NoSuchPath => text.set_the_base_url().to_owned(),
            Cause::TooLarge => text.send_less_or_raise().to_owned(),
            Cause::SlowClient if self.provider.is_none() => text.ask_again().to_owned(),
            Cause::SlowClient => text.have_the_client_read().to_owned(),
            Cause::Account if self.account.is_none() => text.list_the_accounts().to_owned(),
            Cause::Account => text.sign_in_again(account),
            Cause::Forbidden => text.ask_for_access(provider, model),
            Cause::QuotaSpent | Cause::RateLimited | Cause::AllAtLimit | Cause::Overloaded => {
                self.wait_or_add(wording)
            }
            Cause::Unreachable => text.check_the_network(provider, account),
            Cause::Certificate => text.check_the_certificate(provider),
            Cause::TimedOut => text.raise_the_timeouts(provider),
            Cause::BrokeOff => text.ask_again_it_broke_off().to_owned(),
            Cause::Intercepted | Cause::Malformed | Cause::Provider => {
                text.ask_again_later(provider)
            }
            Cause::Stopped => text.ask_again_once_it_runs().to_owned(),
            Cause::Internal => text.report_it().to_owned(),
        }
    }

    fn wait_or_raise(&self, wording: &Wording<'_>) -> String {
        let text = Texts(wording.language);
        let raise = text.raise_key_limit(self.key.unwrap_or("NAME"));
        match self.until {
            Some(until) => text.ask_again_after((wording.time)(until), raise),
            None => raise,
        }
    }

    fn wait_or_add(&self, wording: &Wording<'_>) -> String {
        let text = Texts(wording.language);
        let another = match self.provider {
            Some(provider) => text.add_another(provider),
            None => text.list_the_accounts().to_owned(),
        };
        match self.until {
            Some(until) => text.ask_again_after((wording.time)(until), another),
            None => text.ask_again_in_a_while(another),
        }
    }

    /// Both as one line.
    pub(super) fn sentence(&self) -> String {
        let plain = Wording::plain();
        format!("{}; {}", self.what(&plain), self.advice(&plain))
    }
}
