//! The live record of one account.

use std::sync::Arc;

use super::health::balance::BalanceState;
use super::health::budget::Meter;
use super::health::cooldown::Cooldowns;
use super::health::probe_schedule::ProbeSchedule;
use super::health::windows::Windows;
use super::refresh::credential_state::CredentialState;
use super::state_store::SavedState;
use crate::account::Account;
use crate::outcome::Timestamp;
use crate::provider::rules::Pattern;
use crate::status::{NeedsUser, SignIn, SignInCause};

/// All that the pool knows of one account, and all that a choice reads: it is never copied for one.
#[derive(Clone, Debug)]
pub struct AccountSlot {
    pub(crate) account: Arc<Account>,
    /// Tells the account from a later one of the same name.
    pub(crate) serial: u64,

    // Settings. `is_enabled` can be changed by hand until the configuration is loaded again.
    pub is_enabled: bool,
    /// Lower numbers are chosen first, in every mode.
    pub priority: u32,
    pub concurrency_max: u32,
    /// The day that the user gave for the account's end.
    pub expires_at: Option<Timestamp>,
    /// `None`: all models.
    pub(crate) models: Option<Vec<Pattern>>,

    // Load.
    pub in_flight: u32,
    /// Conversations that keep to it.
    pub sessions: u32,
    /// The sequence number of its last lease: among equals, the least recently used comes first.
    pub last_lease: u64,
    pub(crate) last_used_at: Option<Timestamp>,

    // Health.
    /// Why the configuration gives no usable credential.
    pub(crate) needs_user: Option<NeedsUser>,
    /// The provider refused the credential. Boxed, as it is rare and a choice reads every slot.
    pub(crate) signed_out: Option<Box<SignedOut>>,
    pub(crate) cooldowns: Cooldowns,
    pub(crate) meters: Vec<Meter>,
    pub(crate) windows: Windows,
    pub(crate) balance: BalanceState,
    /// The index of its route's circuit in the provider's pool.
    pub(crate) circuit: usize,

    pub(crate) credential: CredentialState,
}

/// An account whose credential the provider refused.
#[derive(Clone, Debug)]
pub(crate) struct SignedOut {
    pub(crate) sign_in: SignIn,
    /// When live requests may try the credential again. `None`: never.
    pub(crate) probe: Option<ProbeSchedule>,
}

impl SignedOut {
    /// What may be accepted again is probed.
    pub(crate) fn new(sign_in: SignIn) -> Self {
        let may_pass = sign_in.cause.may_pass();
        let probe = may_pass.then(|| ProbeSchedule::new(sign_in.since));
        Self { sign_in, probe }
    }

    pub(crate) fn is_probe_due(&self, now: Timestamp) -> bool {
        match &self.probe {
            Some(probe) => probe.is_due(now),
            None => false,
        }
    }
}

impl AccountSlot {
    /// An account of which only its settings are known.
    pub fn new(account: &Arc<Account>, serial: u64, now: Timestamp) -> Self {
        let mut slot = Self {
            account: account.clone(),
            serial,
            is_enabled: true,
            priority: 0,
            concurrency_max: u32::MAX,
            expires_at: None,
            models: None,
            in_flight: 0,
            sessions: 0,
            last_lease: 0,
            last_used_at: None,
            needs_user: None,
            signed_out: None,
            cooldowns: Cooldowns::default(),
            meters: Vec::new(),
            windows: Windows::default(),
            balance: BalanceState::default(),
            circuit: 0,
            credential: CredentialState::empty(),
        };
        slot.configure(account, now);
        slot
    }

    /// Takes the account's settings. What is spent of a budget that stays is kept.
    pub(crate) fn configure(&mut self, account: &Arc<Account>, now: Timestamp) {
        let settings = &account.settings;
        self.account = account.clone();
        self.is_enabled = settings.enabled;
        self.priority = settings.priority;
        self.concurrency_max = settings.concurrency_max.unwrap_or(u32::MAX);
        self.expires_at = settings.expires_on;
        self.models = settings
            .models
            .as_ref()
            .map(|models| models.iter().map(|model| pattern(model)).collect());
        let known = std::mem::take(&mut self.meters);
        for budget in &settings.budgets {
            self.meters.push(Meter::new(budget, now).following(&known));
        }
    }

    /// Takes what the last run saved of the account, but for its conversations.
    pub(crate) fn restore(&mut self, saved: SavedState, now: Timestamp) {
        self.cooldowns = saved
            .cooldowns
            .into_iter()
            .map(|(_, cooldown)| cooldown)
            .collect();
        let sign_in = saved.signed_out.into_iter().next();
        self.signed_out = sign_in.map(|(_, sign_in)| Box::new(SignedOut::new(sign_in)));
        if let Some(probe) = self.probe_mut() {
            // It may have been saved by a clock that ran ahead.
            probe.on_clock_rewind(now);
        }
        for (_, read) in saved.readings {
            self.windows.take(read, now);
        }
        for (_, spent) in &saved.spent {
            for meter in &mut self.meters {
                meter.restore(spent);
            }
        }
    }

    /// What keeps the account from serving until the user does something.
    pub(crate) fn needs_user(&self, now: Timestamp) -> Option<NeedsUser> {
        if let Some(needs_user) = &self.needs_user {
            return Some(needs_user.clone());
        }
        if let Some(at) = self.expires_at.filter(|at| *at <= now) {
            return Some(NeedsUser::Expired { at });
        }
        if let Some(signed_out) = &self.signed_out {
            return Some(NeedsUser::SignIn(signed_out.sign_in.clone()));
        }
        match &self.credential.token {
            Some(token) if !token.is_valid(now) && !token.can_refresh => {
                Some(nothing_to_refresh(now))
            }
            _ => None,
        }
    }

    /// Whether its access token may be refreshed: not while only the user can help, but as a probe
    /// of what was refused.
    pub(crate) fn may_refresh(&self, now: Timestamp) -> bool {
        match &self.signed_out {
            Some(signed_out) => {
                self.needs_user.is_none()
                    && self.expires_at.is_none_or(|at| now < at)
                    && signed_out.is_probe_due(now)
            }
            None => self.needs_user(now).is_none(),
        }
    }

    /// The probes of a refused credential.
    pub(crate) fn probe_mut(&mut self) -> Option<&mut ProbeSchedule> {
        self.signed_out.as_mut()?.probe.as_mut()
    }

    pub(crate) fn is_signed_out_as(&self, cause: SignInCause) -> bool {
        self.signed_out
            .as_ref()
            .is_some_and(|signed_out| signed_out.sign_in.cause == cause)
    }

    pub(crate) fn on_clock_rewind(&mut self, now: Timestamp) {
        self.cooldowns.on_clock_rewind(now);
        if let Some(probe) = self.probe_mut() {
            probe.on_clock_rewind(now);
        }
        self.windows.clear_pacing();
        self.last_used_at = self.last_used_at.map(|at| at.min(now));
        self.credential.on_clock_rewind(now);
    }
}

/// The access token ended, and nothing can replace it.
pub(crate) fn nothing_to_refresh(since: Timestamp) -> NeedsUser {
    NeedsUser::SignIn(SignIn {
        cause: SignInCause::NothingToRefresh,
        detail: None,
        since,
    })
}

/// A name that is no pattern is meant literally.
fn pattern(model: &str) -> Pattern {
    Pattern::parse(model).unwrap_or_else(|| Pattern::Exact(model.to_owned()))
}
