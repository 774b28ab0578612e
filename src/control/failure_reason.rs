//! Why a request failed, as a sentence: whose fault it was, what, until when, and what to do. The
//! same in `explain`, in `log` and on pages.

use crate::outcome::Timestamp;
use crate::record::{Cause, Record};
use crate::status::rfc3339;
use crate::store::records::RequestRow;

/// What the sentence is made of.
#[derive(Clone, Copy, Debug)]
pub(super) struct FailureFacts<'f> {
    pub(super) cause: Cause,
    pub(super) until: Option<Timestamp>,
    /// Of the last attempt.
    pub(super) provider: Option<&'f str>,
    pub(super) account: Option<&'f str>,
    pub(super) model: Option<&'f str>,
    /// The client's name of the model.
    pub(super) asked: &'f str,
    /// The name of the client's key.
    pub(super) key: Option<&'f str>,
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

    /// What happened, and by whose fault.
    pub(super) fn what(&self) -> String {
        let provider = self.provider.unwrap_or("the provider");
        let account = match self.account {
            Some(account) => format!("account `{account}`"),
            None => "the account".to_owned(),
        };
        let model = self.model.unwrap_or(self.asked).escape_debug();
        let key = self.key.unwrap_or("NAME");
        match self.cause {
            Cause::BadRequest => "the client's request cannot be served as it is".to_owned(),
            Cause::ContextTooLong => format!("the client's request is too long for `{model}`"),
            Cause::BadKey => "the client's key is missing or wrong".to_owned(),
            Cause::KeyLimit => format!("the client's key `{key}` has used a limit{}", self.ends()),
            Cause::KeyExpired => format!("the client's key `{key}` has expired"),
            Cause::ModelNotAllowed => format!("the client's key `{key}` may not use `{model}`"),
            Cause::NoSuchModel if self.provider.is_none() => {
                format!("no rule and no provider has a model `{model}`")
            }
            Cause::NoSuchModel => format!("{provider} has no model `{model}`"),
            Cause::NoSuchPath => "the client called a path that is not served".to_owned(),
            Cause::TooLarge => "the client's request is too large".to_owned(),
            Cause::SlowClient => "the client was too slow".to_owned(),
            Cause::Unsupported => "the client asked for what Aerostat does not do".to_owned(),
            Cause::Account if self.account.is_none() => "no account can serve".to_owned(),
            Cause::Account => format!("{provider} refused the credential of {account}"),
            Cause::Forbidden => format!("{provider} does not let {account} use `{model}`"),
            Cause::QuotaSpent => format!(
                "the quota of {account} at {provider} is spent{}",
                self.ends()
            ),
            Cause::RateLimited => format!("{account} is at a limit of {provider}{}", self.ends()),
            Cause::AllAtLimit => format!("every account is at its limit{}", self.ends()),
            Cause::Overloaded => format!("{provider} is overloaded{}", self.ends()),
            Cause::Unreachable => format!("{provider} cannot be reached"),
            Cause::Certificate => format!("{provider} has no certificate that can be trusted"),
            Cause::TimedOut => format!("{provider} did not answer in time"),
            Cause::BrokeOff => format!("the answer of {provider} broke off"),
            Cause::Intercepted => format!("something in front of {provider} answered in its place"),
            Cause::Malformed => format!("{provider} sent an answer that cannot be read"),
            Cause::Provider => format!("{provider} failed"),
            Cause::Stopped => "Aerostat was stopped before the answer had ended".to_owned(),
            Cause::Internal => "Aerostat failed".to_owned(),
        }
    }

    fn ends(&self) -> String {
        match self.until {
            Some(until) => format!(" until {}", rfc3339(until)),
            None => String::new(),
        }
    }

    /// What the person can do now.
    pub(super) fn advice(&self) -> String {
        let provider = self.provider.unwrap_or("PROVIDER");
        let account = self.account.unwrap_or("NAME");
        let model = self.model.unwrap_or(self.asked).escape_debug();
        let key = self.key.unwrap_or("NAME");
        match self.cause {
            Cause::BadRequest | Cause::Unsupported if self.provider.is_none() => {
                "change the request as the message says".to_owned()
            }
            Cause::BadRequest | Cause::Unsupported => {
                "change the request as the message says: no other account would take it".to_owned()
            }
            Cause::ContextTooLong => {
                "send less, or choose a model with a larger context".to_owned()
            }
            Cause::BadKey => "give the client the key that `aerostat key show` prints".to_owned(),
            Cause::KeyLimit => {
                let raise = format!(
                    "see it with `aerostat key list` and raise it with `aerostat key set {key}`"
                );
                match self.until {
                    Some(until) => format!("ask again after {}, or {raise}", rfc3339(until)),
                    None => raise,
                }
            }
            Cause::KeyExpired => format!(
                "give it longer with `aerostat key set {key} --expires DAY`, or give the client another key"
            ),
            Cause::ModelNotAllowed => format!(
                "allow it with `aerostat key set {key} --model …`, or choose another model in the client"
            ),
            Cause::NoSuchModel if self.provider.is_none() => {
                format!("see what the name becomes: `aerostat model try {model}`")
            }
            Cause::NoSuchModel => {
                format!("see what there is: `aerostat provider models {provider}`")
            }
            Cause::NoSuchPath => "set the client's base URL as the answer says".to_owned(),
            Cause::TooLarge => {
                "send less, or raise `request_body_bytes_max` in [limits]".to_owned()
            }
            Cause::SlowClient if self.provider.is_none() => "ask again".to_owned(),
            Cause::SlowClient => {
                "have the client read its stream, or leave it; `limits.unread_timeout_seconds` says how long others wait for that"
                    .to_owned()
            }
            Cause::Account if self.account.is_none() => {
                "see what the accounts lack: `aerostat account list`".to_owned()
            }
            Cause::Account => format!("sign in again: `aerostat account login {account}`"),
            Cause::Forbidden => {
                format!("ask `{provider}` for access to `{model}`, or choose another model")
            }
            Cause::QuotaSpent | Cause::RateLimited | Cause::AllAtLimit | Cause::Overloaded => {
                let another = match self.provider {
                    Some(provider) => {
                        format!("add another account with `aerostat account add {provider}`")
                    }
                    None => "see what the accounts lack: `aerostat account list`".to_owned(),
                };
                match self.until {
                    Some(until) => format!("ask again after {}, or {another}", rfc3339(until)),
                    None => format!("ask again in a while, or {another}"),
                }
            }
            Cause::Unreachable => format!(
                "check the network, the proxy and `base_url` in [providers.{provider}]; `aerostat account test {account}` tries again"
            ),
            Cause::Certificate => format!(
                "check the address and the certificate of `{provider}`; a company's own certificates go into [network] ca_file"
            ),
            Cause::TimedOut => format!(
                "ask again; where `{provider}` is always this slow, raise the timeouts in [limits]"
            ),
            Cause::BrokeOff => "ask again: the answer broke off after it had begun".to_owned(),
            Cause::Intercepted | Cause::Malformed | Cause::Provider => {
                format!("ask again later: the fault is at `{provider}`, or at its `base_url`")
            }
            Cause::Stopped => "ask again once it runs".to_owned(),
            Cause::Internal => "ask again, and report it: this is a bug".to_owned(),
        }
    }

    /// Both as one line.
    pub(super) fn sentence(&self) -> String {
        format!("{}; {}", self.what(), self.advice())
    }
}
