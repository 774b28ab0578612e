//! What an attempt's outcome changes: the one place where outcomes become rests, sign-outs,
//! circuits and budgets.

use std::sync::Arc;
use std::time::Duration;

use super::budget;
use super::cooldown::{End, Refused};
use crate::account::Credential;
use crate::canon::Usage;
use crate::outcome::{Outcome, Reading, Scope, Stage, Timestamp};
use crate::pool::clock::between;
use crate::pool::schedule::pick::SignedOut;
use crate::pool::schedule::provider_pool::{Grant, ProviderPool};
use crate::pool::state::PoolState;
use crate::status::{CooldownCause, SignIn, SignInCause};

/// An access token that was given less than this long ago cannot have been revoked meanwhile.
const TOKEN_IS_NEW: Duration = Duration::from_secs(60);

/// An attempt that ended.
pub(crate) struct AttemptReport<'a> {
    pub(crate) grant: &'a Grant,
    pub(crate) outcome: &'a Outcome,
    /// What the provider said.
    pub(crate) said: Option<&'a str>,
    pub(crate) readings: Vec<Reading>,
    /// Whether anything was asked of the provider.
    pub(crate) was_used: bool,
    pub(crate) now: Timestamp,
    /// 0..1
    pub(crate) jitter: f64,
}

impl ProviderPool {
    /// Takes a lease back with what it taught.
    pub(crate) fn settle(&mut self, lesson: AttemptReport<'_>, state: &dyn PoolState) {
        let Some(at) = self.find(lesson.grant.at, lesson.grant.serial) else {
            return;
        };
        let account = &mut self.accounts[at];
        account.in_flight = account.in_flight.saturating_sub(1);
        let AttemptReport {
            grant, now, jitter, ..
        } = lesson;
        if let Some(circuit) = self.circuits.get_mut(account.circuit) {
            circuit.learn(
                lesson.outcome,
                grant.leased_at,
                grant.is_circuit_probe,
                now,
                jitter,
            );
        }
        self.count(at, &lesson, state);
        let lesson = self.read(at, lesson, state);
        self.conclude(at, &lesson, state);
    }

    /// Takes the readings.
    fn read<'a>(
        &mut self,
        at: usize,
        mut lesson: AttemptReport<'a>,
        state: &dyn PoolState,
    ) -> AttemptReport<'a> {
        let account = &mut self.accounts[at];
        for reading in std::mem::take(&mut lesson.readings) {
            if let Some(read) = account
                .windows
                .learn(reading, &lesson.grant.model, lesson.now)
            {
                state.reading(&account.name, read);
            }
        }
        lesson
    }

    /// Counts what the person's own budgets count. What a client left behind was asked for as well.
    fn count(&mut self, at: usize, lesson: &AttemptReport<'_>, state: &dyn PoolState) {
        let account = &mut self.accounts[at];
        let none = Usage::default();
        let usage = match lesson.outcome {
            Outcome::Served { usage } => usage,
            Outcome::Cancelled | Outcome::MalformedResponse if lesson.was_used => &none,
            _ => return,
        };
        account.windows.count_tokens(budget::tokens(usage));
        for meter in &mut account.meters {
            if let Some(spent) = meter.count(usage, lesson.now) {
                state.spent(&account.name, spent);
            }
        }
    }

    fn conclude(&mut self, at: usize, lesson: &AttemptReport<'_>, state: &dyn PoolState) {
        match lesson.outcome {
            Outcome::Served { .. } => self.relieve(at, lesson, state),
            Outcome::Throttled { scope, until } => {
                self.rest(at, lesson, CooldownCause::RateLimit, *scope, *until, state)
            }
            Outcome::QuotaSpent { scope, until } => {
                self.rest(at, lesson, CooldownCause::Quota, *scope, *until, state)
            }
            Outcome::Overloaded {
                until: until @ Some(_),
            } => self.rest(
                at,
                lesson,
                CooldownCause::Overloaded,
                Scope::Model,
                *until,
                state,
            ),
            Outcome::Forbidden => self.rest(
                at,
                lesson,
                CooldownCause::Forbidden,
                Scope::Model,
                None,
                state,
            ),
            Outcome::Unauthorized => self.refuse_credential(at, lesson, state),
            // Nothing was sent: that is the endpoint's trouble, which its circuit knows.
            Outcome::Unreachable {
                stage: Stage::Connect | Stage::Tls,
            } => {}
            Outcome::Overloaded { until: None }
            | Outcome::Failed
            | Outcome::Unreachable { .. }
            | Outcome::TimedOut { .. }
            | Outcome::MalformedResponse => {
                self.rest(
                    at,
                    lesson,
                    CooldownCause::Failing,
                    Scope::Model,
                    None,
                    state,
                );
            }
            Outcome::Rejected(_) | Outcome::Cancelled => {}
        }
    }

    /// The account serves: what was thought to keep it from that is over.
    fn relieve(&mut self, at: usize, lesson: &AttemptReport<'_>, state: &dyn PoolState) {
        let Grant {
            model,
            leased_at,
            credential,
            ..
        } = lesson.grant;
        let (account, held) = (&mut self.accounts[at], &mut self.held[at]);
        held.was_served |= Arc::ptr_eq(&held.bearer, credential);
        for over in account.rests.relieve(model, *leased_at) {
            if over.until > over.since {
                state.cleared(&account.name, over.model.as_deref());
            }
        }
        let is_older = |out: &SignedOut| {
            out.sign_in()
                .is_some_and(|sign_in| sign_in.since <= *leased_at)
        };
        if account.signed_out.as_ref().is_some_and(is_older) {
            account.signed_out = None;
            state.signed_in(&account.name);
        }
    }

    fn rest(
        &mut self,
        at: usize,
        lesson: &AttemptReport<'_>,
        cause: CooldownCause,
        scope: Scope,
        until: Option<Timestamp>,
        state: &dyn PoolState,
    ) {
        let Grant {
            model,
            leased_at,
            is_probe,
            ..
        } = lesson.grant;
        let account = &mut self.accounts[at];
        let is_limit = matches!(cause, CooldownCause::RateLimit | CooldownCause::Quota);
        let known = || {
            account
                .windows
                .known_reset(model, lesson.now)
                .filter(|_| is_limit)
                .map(|at| (at, End::KnownReset))
        };
        let named = until
            .filter(|until| *until > lesson.now)
            .map(|until| (until, End::Named));
        let refused = Refused {
            model: (scope == Scope::Model).then_some(model),
            cause,
            detail: lesson.said,
            named: named.or_else(known),
            leased_at: *leased_at,
            is_probe: *is_probe,
            now: lesson.now,
            jitter: lesson.jitter,
        };
        let rest = account.rests.refuse(&refused);
        if rest.is_on(lesson.now) {
            tracing::info!(account = %account.name, cause = rest.cause.name(), until = ?rest.until, "account rests");
            state.rested(&account.name, rest);
        }
    }

    /// The credential was refused. An access token is refreshed, once for all who carried it; a key
    /// waits for a person.
    fn refuse_credential(&mut self, at: usize, lesson: &AttemptReport<'_>, state: &dyn PoolState) {
        let (account, held) = (&mut self.accounts[at], &mut self.held[at]);
        if !Arc::ptr_eq(&held.bearer, &lesson.grant.credential) {
            return;
        }
        let is_new = held
            .refreshed_at
            .is_some_and(|at| between(at, lesson.now) < TOKEN_IS_NEW);
        let cause = match (&mut account.access, held.source.as_ref()) {
            // The provider refuses the first use of what it has just given: another one would fare
            // no better.
            (Some(_), _) if !held.was_served && is_new => SignInCause::TokenRefused,
            (Some(access), _) if access.can_refresh => {
                access.is_usable = false;
                held.flight.want();
                self.wants_refresh = true;
                return;
            }
            (Some(_), _) => SignInCause::NothingToRefresh,
            (None, Credential::None) => SignInCause::NoCredential,
            (None, _) => SignInCause::KeyRefused,
        };
        self.sign_out(at, cause, lesson.said, lesson.now, state);
    }

    /// An account needs a person; said once.
    pub(crate) fn sign_out(
        &mut self,
        at: usize,
        cause: SignInCause,
        said: Option<&str>,
        now: Timestamp,
        state: &dyn PoolState,
    ) {
        let account = &mut self.accounts[at];
        if account.signed_out.is_some() {
            return;
        }
        let sign_in = SignIn {
            cause,
            detail: said.map(str::to_owned),
            since: now,
        };
        tracing::warn!(account = %account.name, cause = cause.name(), "account needs to be signed in again");
        state.signed_out(&account.name, &sign_in);
        account.signed_out = Some(SignedOut::new(sign_in));
    }
}
