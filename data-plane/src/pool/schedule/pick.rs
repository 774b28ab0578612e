//! The choice of an account: a pure function over the live records of a provider's accounts.
//!
//! ```text
//! the conversation's own account, where the mode wants that  ----> it, or the wait for it
//!   | otherwise
//! each account --check--> Eligible   --rank--> the lowest Rank wins
//!                  `----> Ineligible --------> where none is eligible: the earliest recovery
//! ```

use super::eligibility::{Eligible, Ineligible, Recovery};
use super::lease_request::{PassedOver, SkipReason};
use crate::account::AccountName;
use crate::outcome::Timestamp;
use crate::pool::health::windows::Level;

pub use super::eligibility::PickInput;
use crate::modes::SchedulingMode;
pub use crate::pool::account_slot::AccountSlot;

/// What was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pick {
    /// The account with this index.
    Account(usize),
    /// All that could serve are busy. At `until` something changes by the clock alone.
    Wait { until: Option<Timestamp> },
    /// All that could serve are cooling down, or out of budget. `until` is the earliest end.
    CoolingDown { until: Timestamp },
    /// What could serve needs the user.
    NeedsUser,
    /// None could ever serve this.
    None,
}

/// A choice, and what should happen beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    pub pick: Pick,
    /// The account that would have been chosen if its access token were valid.
    pub refresh: Option<usize>,
    /// Whether any account was ineligible.
    pub has_passed_over: bool,
}

/// The order of eligible accounts: the lowest is chosen. Fields are compared from the top.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    class: Class,
    /// As the user set it.
    priority: u32,
    /// A quota window is nearly used up: others of the same priority come first.
    is_low: bool,
    /// A probe that is due is sent first among equals, or none would ever be sent while others
    /// serve.
    is_no_probe: bool,
    load: u64,
    /// Among equals, the least recently used.
    last_lease: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    Usual,
    /// It failed lately.
    Degraded,
    /// The provider said that nothing is left. It may be wrong, so this is better than nothing.
    Exhausted,
    /// A probe by a request that would lose by it: better than no attempt at all.
    LastResort,
}

impl Rank {
    fn of(slot: &AccountSlot, index: usize, eligible: Eligible, input: &PickInput<'_>) -> Self {
        // A probe is likely to fail, so it is for a request that loses little: not one of a
        // conversation with a warm account, and not one that failed already.
        let is_unharmed = input.bound.is_none() && input.tried.is_empty() && !input.is_retry;
        let is_free_probe = eligible.is_probe && is_unharmed;
        let class = match eligible.level {
            _ if eligible.is_probe && !is_free_probe => Class::LastResort,
            _ if eligible.is_degraded => Class::Degraded,
            Level::Exhausted => Class::Exhausted,
            Level::Normal | Level::Low => Class::Usual,
        };
        // To drain an account is to use it up.
        let is_low = input.mode != SchedulingMode::Drain && eligible.level == Level::Low;
        let (load, last_lease) = match input.mode {
            _ if is_free_probe => (0, 0),
            // New conversations go where there are fewest, as each stays.
            SchedulingMode::CacheFirst | SchedulingMode::Balance => (
                u64::from(slot.sessions) + u64::from(slot.in_flight),
                slot.last_lease,
            ),
            SchedulingMode::Performance => (relative_load(slot), slot.last_lease),
            SchedulingMode::Drain => (index as u64, 0),
        };
        Self {
            class,
            priority: slot.priority,
            is_low,
            is_no_probe: !is_free_probe,
            load,
            last_lease,
        }
    }
}

/// Requests in flight as a share of the account's concurrency limit, in 1024ths. Without a limit,
/// as if it were 16.
fn relative_load(slot: &AccountSlot) -> u64 {
    u64::from(slot.in_flight) * 1024 / u64::from(slot.concurrency_max.clamp(1, 16))
}

/// The lowest rank so far, and whose it is.
#[derive(Default)]
struct Lowest(Option<(Rank, usize)>);

impl Lowest {
    fn offer(&mut self, rank: Rank, index: usize) {
        match self.0 {
            Some((lowest, _)) if lowest <= rank => {}
            _ => self.0 = Some((rank, index)),
        }
    }
}

/// When the ineligible accounts together will serve.
#[derive(Default)]
struct BlockedSummary {
    has_any: bool,
    /// Whether one of them will within seconds.
    is_soon: bool,
    soon_at: Option<Timestamp>,
    recovers_at: Option<Timestamp>,
    needs_user: bool,
}

impl BlockedSummary {
    fn add(&mut self, ineligible: &Ineligible<'_>) {
        self.has_any = true;
        match ineligible.recovery() {
            Recovery::Never => {}
            Recovery::NeedsUser => self.needs_user = true,
            Recovery::At(at) => self.recovers_at = earlier(self.recovers_at, Some(at)),
            Recovery::Soon(at) => {
                self.is_soon = true;
                self.soon_at = earlier(self.soon_at, at);
            }
        }
    }

    fn pick(&self) -> Pick {
        if self.is_soon {
            let until = earlier(self.soon_at, self.recovers_at);
            return Pick::Wait { until };
        }
        match self.recovers_at {
            Some(until) => Pick::CoolingDown { until },
            None if self.needs_user => Pick::NeedsUser,
            None => Pick::None,
        }
    }
}

fn earlier(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// Chooses an account for one attempt.
pub fn pick(accounts: &[AccountSlot], input: &PickInput<'_>, now: Timestamp) -> Choice {
    if let Some(choice) = pick_bound(accounts, input, now) {
        return choice;
    }
    let mut best = Lowest::default();
    let mut best_stale = Lowest::default();
    let mut blocked = BlockedSummary::default();
    for (index, slot) in accounts.iter().enumerate() {
        match slot.check(input, now) {
            Ok(eligible) => best.offer(Rank::of(slot, index, eligible, input), index),
            Err(ineligible) => {
                if matches!(ineligible, Ineligible::Refreshing) {
                    // Rank it as if its token were valid: only a token that would be used is worth
                    // a refresh.
                    let eligible = Eligible {
                        is_probe: false,
                        is_degraded: false,
                        level: slot.windows.level(input.model, now),
                    };
                    best_stale.offer(Rank::of(slot, index, eligible, input), index);
                }
                blocked.add(&ineligible);
            }
        }
    }
    // Only an account that would have been chosen is refreshed. The first of equals would be.
    let refresh = match (best_stale.0, best.0) {
        (Some(stale), Some(best)) if best < stale => None,
        (stale, _) => stale.map(|(_, index)| index),
    };
    Choice {
        pick: match best.0 {
            Some((_, index)) => Pick::Account(index),
            None => blocked.pick(),
        },
        refresh,
        has_passed_over: blocked.has_any,
    }
}

/// The conversation's own account, or the wait for it. `None` where the mode does not keep to it,
/// or it is not worth a wait.
fn pick_bound(accounts: &[AccountSlot], input: &PickInput<'_>, now: Timestamp) -> Option<Choice> {
    let bound = input.bound.filter(|_| input.mode.has_affinity())?;
    let wait = |until, refresh| Choice {
        pick: Pick::Wait { until },
        refresh,
        has_passed_over: true,
    };
    let ineligible = match accounts.get(bound)?.check(input, now) {
        Ok(eligible) => {
            let is_limited = eligible.is_probe
                || eligible.is_degraded
                || (eligible.level == Level::Exhausted && input.mode == SchedulingMode::Balance);
            return (!is_limited).then_some(Choice {
                pick: Pick::Account(bound),
                refresh: None,
                has_passed_over: false,
            });
        }
        Err(ineligible) => ineligible,
    };
    if !input.may_wait(now) {
        return None;
    }
    // A refresh is over in a moment, and costs less than a cold prompt cache, in any mode.
    if matches!(ineligible, Ineligible::Refreshing) {
        return Some(wait(None, Some(bound)));
    }
    if input.mode != SchedulingMode::CacheFirst {
        return None;
    }
    match ineligible.recovery() {
        Recovery::Soon(until) => Some(wait(until, None)),
        Recovery::At(until) if input.wait_until.is_some_and(|limit| until <= limit) => {
            Some(wait(Some(until), None))
        }
        _ => None,
    }
}

/// Whether a conversation whose request goes to another account should stay there.
pub(super) fn should_rebind(
    accounts: &[AccountSlot],
    input: &PickInput<'_>,
    now: Timestamp,
) -> bool {
    let Some(bound) = input.bound.and_then(|bound| accounts.get(bound)) else {
        return true;
    };
    match bound.check(input, now) {
        Ok(eligible) => eligible.is_probe || eligible.level == Level::Exhausted,
        Err(ineligible) => ineligible.is_lasting(),
    }
}

/// The accounts that could not be chosen, and why.
pub(super) fn passed_over(
    accounts: &[AccountSlot],
    input: &PickInput<'_>,
    now: Timestamp,
) -> Vec<PassedOver> {
    let mut passed_over = Vec::new();
    for slot in accounts {
        if let Err(ineligible) = slot.check(input, now) {
            passed_over.push(PassedOver {
                account: slot.account.name.clone(),
                why: ineligible.reason(now),
            });
        }
    }
    passed_over
}

/// Where an account stands in a choice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// It would be chosen.
    Next,
    /// It could serve, and another one comes first.
    Behind {
        first: AccountName,
        because: Precedence,
    },
    PassedOver(SkipReason),
}

/// Why one account that could serve comes before another: the first of its [`Rank`]'s fields that
/// differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precedence {
    /// The other one failed lately.
    FailedLately,
    /// The provider said that the other one has nothing left, or it would only be probed.
    UsedUp,
    /// As the user set it.
    Priority,
    /// A limit of the other one is nearly used up.
    NearlyUsedUp,
    /// The first one is to be tried again.
    Probe,
    /// The other one has more to do.
    Load,
    /// Both have the same to do, and the other one was used more recently.
    Turn,
    /// The mode uses up one after the other.
    Order,
}

impl Precedence {
    fn of(first: &Rank, other: &Rank, mode: SchedulingMode) -> Self {
        if first.class != other.class {
            return match other.class {
                Class::Degraded => Self::FailedLately,
                Class::Usual | Class::Exhausted | Class::LastResort => Self::UsedUp,
            };
        }
        if first.priority != other.priority {
            Self::Priority
        } else if first.is_low != other.is_low {
            Self::NearlyUsedUp
        } else if first.is_no_probe != other.is_no_probe {
            Self::Probe
        } else if mode == SchedulingMode::Drain {
            Self::Order
        } else if first.load != other.load {
            Self::Load
        } else {
            Self::Turn
        }
    }
}

/// The place of each account, in their order.
pub(super) fn places(
    accounts: &[AccountSlot],
    input: &PickInput<'_>,
    now: Timestamp,
) -> Vec<Place> {
    let ranked: Vec<Result<Rank, SkipReason>> = accounts
        .iter()
        .enumerate()
        .map(|(index, slot)| match slot.check(input, now) {
            Ok(eligible) => Ok(Rank::of(slot, index, eligible, input)),
            Err(ineligible) => Err(ineligible.reason(now)),
        })
        .collect();
    let mut lowest = Lowest::default();
    for (index, rank) in ranked.iter().enumerate() {
        if let Ok(rank) = rank {
            lowest.offer(*rank, index);
        }
    }
    let ranked = ranked.into_iter().enumerate();
    let places = ranked.map(|(index, rank)| match (rank, lowest.0) {
        (Ok(rank), Some((first, at))) if at != index => Place::Behind {
            first: accounts[at].account.name.clone(),
            because: Precedence::of(&first, &rank, input.mode),
        },
        (Ok(_), _) => Place::Next,
        (Err(reason), _) => Place::PassedOver(reason),
    });
    places.collect()
}
