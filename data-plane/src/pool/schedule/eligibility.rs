//! Whether an account can serve a request, and if not, why and for how long.

use super::lease_request::SkipReason;
use crate::account::AccountName;
use crate::modes::SchedulingMode;
use crate::outcome::Timestamp;
use crate::pool::account_slot::{AccountSlot, nothing_to_refresh};
use crate::pool::health::budget::Meter;
use crate::pool::health::circuit::{Circuit, CircuitState};
use crate::pool::health::cooldown::Cooldown;
use crate::pool::health::windows::Level;
use crate::status::{NeedsUser, SignIn};

/// One request, as a choice sees it.
#[derive(Clone, Copy, Debug)]
pub struct PickInput<'a> {
    pub model: &'a str,
    pub mode: SchedulingMode,
    /// The index of the conversation's account.
    pub bound: Option<usize>,
    /// The only account that can read what the request carries.
    pub owner: Option<&'a AccountName>,
    pub tried: &'a [AccountName],
    /// Whether the request was sent before, to whichever account.
    pub is_retry: bool,
    pub circuits: &'a [Circuit],
    /// Until when the request may wait for its conversation's account. `None`: not at all.
    pub wait_until: Option<Timestamp>,
}

impl PickInput<'_> {
    /// Whether the request may still wait for its conversation's account at `at`.
    pub(super) fn may_wait(&self, at: Timestamp) -> bool {
        self.wait_until.is_some_and(|wait_until| at < wait_until)
    }
}

/// An account that can serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Eligible {
    /// It is in a cooldown, and this request would be its probe.
    pub(super) is_probe: bool,
    /// It failed lately, which says little of the next request: it is the last choice but for
    /// probes.
    pub(super) is_degraded: bool,
    pub(super) level: Level,
}

/// Why an account cannot serve.
#[derive(Debug)]
pub(super) enum Ineligible<'a> {
    Tried,
    NotTheOwner,
    ModelNotAllowed,
    Disabled,
    NeedsUser(&'a NeedsUser),
    SignedOut(&'a SignIn),
    NothingToRefresh,
    Expired(Timestamp),
    CoolingDown(&'a Cooldown),
    BudgetSpent(&'a Meter),
    CircuitOpen(Timestamp),
    /// The circuit's probe is in flight.
    CircuitProbing,
    Busy(u32),
    Paced(Timestamp),
    Refreshing,
}

/// When an account that cannot serve will.
pub(super) enum Recovery {
    Never,
    /// When the user does something.
    NeedsUser,
    /// At a known time, which may be hours away.
    At(Timestamp),
    /// Within seconds, so that a request should wait. With a time: also by the clock alone.
    Soon(Option<Timestamp>),
}

impl Ineligible<'_> {
    pub(super) fn recovery(&self) -> Recovery {
        match self {
            Self::Tried | Self::NotTheOwner | Self::ModelNotAllowed | Self::Disabled => {
                Recovery::Never
            }
            Self::NeedsUser(_) | Self::SignedOut(_) | Self::NothingToRefresh | Self::Expired(_) => {
                Recovery::NeedsUser
            }
            Self::CoolingDown(cooldown) => Recovery::At(cooldown.until),
            Self::BudgetSpent(meter) => Recovery::At(meter.ends_at),
            Self::CircuitOpen(until) => Recovery::At(*until),
            Self::Paced(until) => Recovery::Soon(Some(*until)),
            Self::Busy(_) | Self::Refreshing | Self::CircuitProbing => Recovery::Soon(None),
        }
    }

    pub(super) fn reason(&self, now: Timestamp) -> SkipReason {
        match self {
            Self::Tried => SkipReason::Tried,
            Self::NotTheOwner => SkipReason::NotTheOwner,
            Self::ModelNotAllowed => SkipReason::ModelNotAllowed,
            Self::Disabled => SkipReason::Disabled,
            Self::NeedsUser(needs_user) => SkipReason::NeedsUser((*needs_user).clone()),
            Self::SignedOut(sign_in) => {
                SkipReason::NeedsUser(NeedsUser::SignIn((*sign_in).clone()))
            }
            Self::NothingToRefresh => SkipReason::NeedsUser(nothing_to_refresh(now)),
            Self::Expired(at) => SkipReason::NeedsUser(NeedsUser::Expired { at: *at }),
            Self::CoolingDown(cooldown) => SkipReason::CoolingDown((*cooldown).clone()),
            Self::BudgetSpent(meter) => SkipReason::BudgetSpent {
                until: meter.ends_at,
                budget: meter.budget.clone(),
            },
            Self::CircuitOpen(until) => SkipReason::CircuitOpen { until: *until },
            Self::CircuitProbing => SkipReason::CircuitOpen { until: now },
            Self::Busy(in_flight) => SkipReason::Busy {
                in_flight: *in_flight,
            },
            Self::Paced(until) => SkipReason::Paced { until: *until },
            Self::Refreshing => SkipReason::Refreshing,
        }
    }

    /// Whether the conversation should move to another account for good: not for what is over in a
    /// moment, or concerns this request alone.
    pub(super) fn is_lasting(&self) -> bool {
        match self {
            Self::Tried | Self::NotTheOwner => false,
            _ => !matches!(self.recovery(), Recovery::Soon(_)),
        }
    }
}

impl AccountSlot {
    /// Whether the account can serve the request.
    ///
    /// What lasts longest is checked first, so that its reason is the one that is reported: an
    /// account in a cooldown is said to be so, even if the request has tried it.
    pub(super) fn check(
        &self,
        input: &PickInput<'_>,
        now: Timestamp,
    ) -> Result<Eligible, Ineligible<'_>> {
        self.check_settings(input, now)?;
        let is_probe = self.check_cooldowns(input.model, now)?;
        for meter in &self.meters {
            if meter.spent_until(now).is_some() {
                return Err(Ineligible::BudgetSpent(meter));
            }
        }
        let circuit = match input.circuits.get(self.circuit) {
            Some(circuit) => circuit.state(now),
            None => CircuitState::Closed,
        };
        if let CircuitState::Open { until } = circuit {
            return Err(Ineligible::CircuitOpen(until));
        }
        if input.tried.contains(&self.account.name) {
            return Err(Ineligible::Tried);
        }
        if circuit == CircuitState::Probing {
            return Err(Ineligible::CircuitProbing);
        }
        self.check_capacity(input.model, now)?;
        Ok(Eligible {
            is_probe,
            is_degraded: self.cooldowns.is_degraded(input.model, now),
            level: self.windows.level(input.model, now),
        })
    }

    /// What only the user changes.
    fn check_settings(&self, input: &PickInput<'_>, now: Timestamp) -> Result<(), Ineligible<'_>> {
        if input.owner.is_some_and(|owner| *owner != self.account.name) {
            return Err(Ineligible::NotTheOwner);
        }
        if !self.is_enabled {
            return Err(Ineligible::Disabled);
        }
        if let Some(models) = &self.models
            && !models
                .iter()
                .any(|pattern| pattern.captures(input.model).is_some())
        {
            return Err(Ineligible::ModelNotAllowed);
        }
        if let Some(needs_user) = &self.needs_user {
            return Err(Ineligible::NeedsUser(needs_user));
        }
        match self.expires_at {
            Some(at) if at <= now => Err(Ineligible::Expired(at)),
            _ => Ok(()),
        }
    }

    /// What an outcome changed. Whether the request would be a probe.
    fn check_cooldowns(&self, model: &str, now: Timestamp) -> Result<bool, Ineligible<'_>> {
        let mut is_probe = false;
        if let Some(signed_out) = &self.signed_out {
            if !signed_out.is_probe_due(now) {
                return Err(Ineligible::SignedOut(&signed_out.sign_in));
            }
            is_probe = true;
        }
        if let Some(cooldown) = self.cooldowns.longest_for(model, now) {
            if !self.cooldowns.is_probe_due(model, now) {
                return Err(Ineligible::CoolingDown(cooldown));
            }
            is_probe = true;
        }
        Ok(is_probe)
    }

    /// What changes within seconds.
    fn check_capacity(&self, model: &str, now: Timestamp) -> Result<(), Ineligible<'_>> {
        match &self.credential.token {
            Some(token) if !token.is_valid(now) => {
                return Err(if token.can_refresh {
                    Ineligible::Refreshing
                } else {
                    Ineligible::NothingToRefresh
                });
            }
            _ => {}
        }
        let is_reserved = |meter: &Meter| meter.is_reserved(self.in_flight, now);
        if self.in_flight >= self.concurrency_max || self.meters.iter().any(is_reserved) {
            return Err(Ineligible::Busy(self.in_flight));
        }
        match self.windows.paced_until(model, now) {
            Some(until) => Err(Ineligible::Paced(until)),
            None => Ok(()),
        }
    }
}
