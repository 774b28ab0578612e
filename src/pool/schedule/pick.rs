//! The choice of an account: a pure function over what is known of each.
//!
//! [`AccountState`] is the pool's own live record of an account, so nothing is copied for a choice.
//! What stands in the way of one is a [`Ineligible`]; what can serve has a rank, and the lowest
//! rank wins. Lower `priority` numbers come first in every mode.

use super::lease_request::{PassedOver, SkipReason};
use crate::account::{Account, AccountName};
use crate::outcome::Timestamp;
use crate::pool::health::budget::Meter;
use crate::pool::health::circuit::{Circuit, Gate};
use crate::pool::health::cooldown::{Cooldown, Cooldowns};
use crate::pool::health::windows::{Level, Windows};
use crate::provider::rules::Pattern;
use crate::status::{NeedsUser, SignIn, SignInCause};

/// How accounts are chosen among those of the same priority.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A conversation's own account, also where that means to wait.
    CacheFirst,
    /// A conversation's own account, unless it is limited.
    Balance,
    /// The account with the most room, whoever asks.
    Performance,
    /// The first account, until it has no more.
    Drain,
}

impl Mode {
    /// Whether conversations keep to an account.
    pub(crate) fn has_affinity(self) -> bool {
        matches!(self, Self::CacheFirst | Self::Balance)
    }
}

/// An access token's standing; accounts with a lasting key have none.
#[derive(Clone, Debug)]
pub(crate) struct Access {
    /// Whether there is one that was not refused.
    pub(crate) is_usable: bool,
    pub(crate) ends_at: Option<Timestamp>,
    pub(crate) can_refresh: bool,
}

/// A token is not used in the last seconds before its end: the request has to arrive with it.
const ENDS_EARLY: std::time::Duration = std::time::Duration::from_secs(5);

impl Access {
    pub(crate) fn is_good(&self, now: Timestamp) -> bool {
        self.is_usable && self.ends_at.is_none_or(|end| now + ENDS_EARLY < end)
    }
}

/// An account that its provider refused.
#[derive(Clone, Debug)]
pub(crate) struct SignedOut {
    /// Always [`NeedsUser::SignIn`].
    pub(crate) hindrance: NeedsUser,
    pub(crate) probe: Option<Cooldown>,
}

impl SignedOut {
    /// A refused key may be taken again, as when a bill was paid: it is looked at as a long rest
    /// is. A refused grant never is.
    pub(crate) fn new(sign_in: SignIn) -> Self {
        let probe =
            (sign_in.cause == SignInCause::KeyRefused).then(|| Cooldown::unending(sign_in.since));
        Self {
            hindrance: NeedsUser::SignIn(sign_in),
            probe,
        }
    }

    fn is_probe_due(&self, now: Timestamp) -> bool {
        self.probe
            .as_ref()
            .is_some_and(|probe| probe.is_probe_due(now))
    }

    pub(crate) fn sign_in(&self) -> Option<&SignIn> {
        match &self.hindrance {
            NeedsUser::SignIn(sign_in) => Some(sign_in),
            _ => None,
        }
    }
}

/// All that a choice needs to know of one account.
#[derive(Clone, Debug)]
pub struct AccountState {
    pub name: AccountName,
    pub is_enabled: bool,
    pub priority: u32,
    pub concurrency_max: u32,
    pub in_flight: u32,
    /// Conversations that keep to it.
    pub sessions: u32,
    pub expires_at: Option<Timestamp>,
    /// The number of the last lease: what was not used for longest comes first among equals.
    pub last_lease: u64,
    pub(crate) models: Option<Vec<Pattern>>,
    pub(crate) hindrance: Option<NeedsUser>,
    pub(crate) signed_out: Option<SignedOut>,
    pub(crate) access: Option<Access>,
    pub(crate) rests: Cooldowns,
    pub(crate) meters: Vec<Meter>,
    pub(crate) windows: Windows,
    /// The number of its endpoint's circuit.
    pub(crate) circuit: usize,
}

/// One request, as the choice sees it.
#[derive(Clone, Copy, Debug)]
pub struct PickInput<'a> {
    pub model: &'a str,
    pub mode: Mode,
    /// The account of the conversation.
    pub bound: Option<usize>,
    pub maker: Option<&'a AccountName>,
    pub tried: &'a [AccountName],
    pub circuits: &'a [Circuit],
    /// Until when the request may wait for its conversation's account.
    pub patience: Option<Timestamp>,
}

/// The verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pick {
    Account(usize),
    /// All that could serve are busy; at `until` something changes by itself.
    Wait {
        until: Option<Timestamp>,
    },
    /// All that could serve rest; `until` is the earliest end.
    Rests {
        until: Timestamp,
    },
    /// What could serve waits for a person.
    Person,
    /// None could ever serve this.
    None,
}

/// The verdict, and what should happen beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    pub pick: Pick,
    /// An account that would have been chosen if its access token were fresh.
    pub refresh: Option<usize>,
    /// Whether accounts were looked at that could not be chosen.
    pub has_passed_over: bool,
}

/// What stands in the way of an account.
#[derive(Debug)]
pub(crate) enum Ineligible<'a> {
    Tried,
    NotTheMaker,
    ModelNotAllowed,
    Disabled,
    Hindered(&'a NeedsUser),
    NothingToRefresh,
    Expired(Timestamp),
    Resting(&'a Cooldown),
    BudgetSpent(&'a Meter),
    CircuitOpen(Timestamp),
    /// The circuit's one probe is under way.
    CircuitProbed,
    Busy(u32),
    Paced(Timestamp),
    Refreshing,
}

/// What becomes of a block with time.
enum Recovery {
    Never,
    Person,
    Rests(Timestamp),
    Soon(Option<Timestamp>),
}

impl Ineligible<'_> {
    fn outlook(&self) -> Recovery {
        match self {
            Self::Tried | Self::NotTheMaker | Self::ModelNotAllowed | Self::Disabled => {
                Recovery::Never
            }
            Self::Hindered(_) | Self::NothingToRefresh | Self::Expired(_) => Recovery::Person,
            Self::Resting(rest) => Recovery::Rests(rest.until),
            Self::BudgetSpent(meter) => Recovery::Rests(meter.ends_at),
            Self::CircuitOpen(until) => Recovery::Rests(*until),
            Self::Paced(until) => Recovery::Soon(Some(*until)),
            Self::Busy(_) | Self::Refreshing | Self::CircuitProbed => Recovery::Soon(None),
        }
    }

    pub(crate) fn why(&self, now: Timestamp) -> SkipReason {
        match self {
            Self::Tried => SkipReason::Tried,
            Self::NotTheMaker => SkipReason::NotTheMaker,
            Self::ModelNotAllowed => SkipReason::ModelNotAllowed,
            Self::Disabled => SkipReason::Disabled,
            Self::Hindered(hindrance) => SkipReason::NeedsPerson((*hindrance).clone()),
            Self::NothingToRefresh => SkipReason::NeedsPerson(nothing_to_refresh(now)),
            Self::Expired(at) => SkipReason::NeedsPerson(NeedsUser::Expired { at: *at }),
            Self::Resting(rest) => SkipReason::Resting((*rest).clone()),
            Self::BudgetSpent(meter) => SkipReason::BudgetSpent {
                until: meter.ends_at,
                budget: meter.budget.clone(),
            },
            Self::CircuitOpen(until) => SkipReason::CircuitOpen { until: *until },
            Self::CircuitProbed => SkipReason::CircuitOpen { until: now },
            Self::Busy(in_flight) => SkipReason::Busy {
                in_flight: *in_flight,
            },
            Self::Paced(until) => SkipReason::Paced { until: *until },
            Self::Refreshing => SkipReason::Refreshing,
        }
    }

    /// Whether a conversation moves for good: not for what is over in a moment, or was this
    /// request's alone.
    fn is_lasting(&self) -> bool {
        !matches!(self.outlook(), Recovery::Soon(_))
            && !matches!(self, Self::Tried | Self::NotTheMaker)
    }
}

/// An account that can serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fit {
    /// It rests, and this request looks whether that is over.
    pub(crate) is_probe: bool,
    /// It failed of late, which says nothing of the next request: others are asked first, and it is
    /// asked before nobody is.
    is_shaky: bool,
    level: Level,
}

impl AccountState {
    /// An account of which nothing is known but its settings.
    pub fn of(account: &Account, now: Timestamp) -> Self {
        let mut snapshot = Self {
            name: account.name.clone(),
            is_enabled: true,
            priority: 0,
            concurrency_max: u32::MAX,
            in_flight: 0,
            sessions: 0,
            expires_at: None,
            last_lease: 0,
            models: None,
            hindrance: None,
            signed_out: None,
            access: None,
            rests: Cooldowns::default(),
            meters: Vec::new(),
            windows: Windows::default(),
            circuit: 0,
        };
        snapshot.set(account, now);
        snapshot
    }

    /// Takes the account's settings; what was spent of a budget that stays is kept.
    pub(crate) fn set(&mut self, account: &Account, now: Timestamp) {
        let settings = &account.settings;
        self.is_enabled = settings.enabled;
        self.priority = settings.priority;
        self.concurrency_max = settings.concurrency_max.unwrap_or(u32::MAX);
        self.expires_at = settings.expires_on;
        self.models = settings
            .models
            .as_ref()
            .map(|models| models.iter().map(|model| pattern(model)).collect());
        let known = std::mem::take(&mut self.meters);
        let meter = |budget| Meter::new(budget, now).following(&known);
        self.meters = settings.budgets.iter().map(meter).collect();
    }

    /// What stands in the way of the account, or how it fits.
    ///
    /// What lasts is looked at first, so that a tried account that rests is known to rest.
    pub(crate) fn fit(
        &self,
        question: &PickInput<'_>,
        now: Timestamp,
    ) -> Result<Fit, Ineligible<'_>> {
        self.check_standing(question, now)?;
        let is_probe = self.check_rests(question, now)?;
        if let Some(meter) = self
            .meters
            .iter()
            .find(|meter| meter.spent_until(now).is_some())
        {
            return Err(Ineligible::BudgetSpent(meter));
        }
        let gate = question
            .circuits
            .get(self.circuit)
            .map_or(Gate::Closed, |circuit| circuit.gate(now));
        if let Gate::Open { until } = gate {
            return Err(Ineligible::CircuitOpen(until));
        }
        if question.tried.contains(&self.name) {
            return Err(Ineligible::Tried);
        }
        self.check_room(question, gate, now)?;
        let is_shaky = self.rests.is_shaky(question.model, now);
        Ok(Fit {
            is_probe,
            is_shaky,
            level: self.windows.level(question.model, now),
        })
    }

    /// What only a person changes.
    fn check_standing(
        &self,
        question: &PickInput<'_>,
        now: Timestamp,
    ) -> Result<(), Ineligible<'_>> {
        if question.maker.is_some_and(|maker| *maker != self.name) {
            return Err(Ineligible::NotTheMaker);
        }
        if !self.is_enabled {
            return Err(Ineligible::Disabled);
        }
        let is_allowed = |model: &Pattern| model.captures(question.model).is_some();
        if self
            .models
            .as_ref()
            .is_some_and(|models| !models.iter().any(is_allowed))
        {
            return Err(Ineligible::ModelNotAllowed);
        }
        if let Some(hindrance) = &self.hindrance {
            return Err(Ineligible::Hindered(hindrance));
        }
        match self.expires_at {
            Some(at) if at <= now => Err(Ineligible::Expired(at)),
            _ => Ok(()),
        }
    }

    /// Whether the request would be a probe.
    fn check_rests(
        &self,
        question: &PickInput<'_>,
        now: Timestamp,
    ) -> Result<bool, Ineligible<'_>> {
        let mut is_probe = false;
        if let Some(signed_out) = &self.signed_out {
            if !signed_out.is_probe_due(now) {
                return Err(Ineligible::Hindered(&signed_out.hindrance));
            }
            is_probe = true;
        }
        if let Some(rest) = self.rests.of_model(question.model, now) {
            if !self.rests.is_probe_due(question.model, now) {
                return Err(Ineligible::Resting(rest));
            }
            is_probe = true;
        }
        Ok(is_probe)
    }

    /// What changes by itself in a moment.
    fn check_room(
        &self,
        question: &PickInput<'_>,
        gate: Gate,
        now: Timestamp,
    ) -> Result<(), Ineligible<'_>> {
        if gate == Gate::Probed {
            return Err(Ineligible::CircuitProbed);
        }
        if let Some(access) = self.access.as_ref().filter(|access| !access.is_good(now)) {
            return Err(if access.can_refresh {
                Ineligible::Refreshing
            } else {
                Ineligible::NothingToRefresh
            });
        }
        if self.in_flight >= self.concurrency_max
            || self
                .meters
                .iter()
                .any(|meter| meter.is_taken(self.in_flight, now))
        {
            return Err(Ineligible::Busy(self.in_flight));
        }
        self.windows
            .paced_until(question.model, now)
            .map_or(Ok(()), |until| Err(Ineligible::Paced(until)))
    }

    /// What keeps the account from serving until a person does something.
    pub(crate) fn standing(&self, now: Timestamp) -> Option<NeedsUser> {
        let expired = self
            .expires_at
            .filter(|at| *at <= now)
            .map(|at| NeedsUser::Expired { at });
        let signed_out = self
            .signed_out
            .as_ref()
            .map(|signed_out| signed_out.hindrance.clone());
        let has_ended = self
            .access
            .as_ref()
            .is_some_and(|access| !access.is_good(now) && !access.can_refresh);
        let ended = || has_ended.then(|| nothing_to_refresh(now));
        self.hindrance
            .clone()
            .or(expired)
            .or(signed_out)
            .or_else(ended)
    }

    /// In flight as a share of what it may have, in 1024ths; accounts without a limit count as if
    /// it were 16.
    fn load(&self) -> u64 {
        u64::from(self.in_flight) * 1024 / u64::from(self.concurrency_max.clamp(1, 16))
    }

    fn rank(&self, at: usize, fit: Fit, question: &PickInput<'_>) -> Rank {
        // A probe is for a request that would lose nothing by it: none that has an account, and
        // none that failed before.
        let probes_now = fit.is_probe && question.bound.is_none() && question.tried.is_empty();
        let class = match fit.level {
            _ if fit.is_probe && !probes_now => Class::ProbeAtLast,
            _ if fit.is_shaky => Class::Shaky,
            Level::Dry => Class::Dry,
            Level::Fine | Level::Low => Class::Usual,
        };
        let is_low = question.mode != Mode::Drain && fit.level == Level::Low;
        let (load, turn) = match question.mode {
            _ if probes_now => (0, 0),
            Mode::CacheFirst | Mode::Balance => (
                u64::from(self.sessions) + u64::from(self.in_flight),
                self.last_lease,
            ),
            Mode::Performance => (self.load(), self.last_lease),
            Mode::Drain => (at as u64, 0),
        };
        Rank {
            class,
            priority: self.priority,
            is_low,
            is_usual: !probes_now,
            load,
            turn,
        }
    }
}

fn nothing_to_refresh(since: Timestamp) -> NeedsUser {
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

/// Lower ones are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    class: Class,
    priority: u32,
    is_low: bool,
    is_usual: bool,
    load: u64,
    turn: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    Usual,
    /// It failed of late.
    Shaky,
    /// The provider said that nothing is left: better than nothing.
    Dry,
    ProbeAtLast,
}

/// What the blocked accounts together let a request hope for.
#[derive(Default)]
struct BlockedSummary {
    has_blocks: bool,
    is_soon: bool,
    changes_at: Option<Timestamp>,
    rests_until: Option<Timestamp>,
    needs_person: bool,
}

impl BlockedSummary {
    fn add(&mut self, block: &Ineligible<'_>) {
        self.has_blocks = true;
        match block.outlook() {
            Recovery::Never => {}
            Recovery::Person => self.needs_person = true,
            Recovery::Rests(until) => {
                self.rests_until = Some(self.rests_until.map_or(until, |known| known.min(until)))
            }
            Recovery::Soon(at) => {
                self.is_soon = true;
                self.changes_at = earlier(self.changes_at, at);
            }
        }
    }

    fn verdict(&self) -> Pick {
        match self.rests_until {
            _ if self.is_soon => Pick::Wait {
                until: earlier(self.changes_at, self.rests_until),
            },
            Some(until) => Pick::Rests { until },
            None if self.needs_person => Pick::Person,
            None => Pick::None,
        }
    }
}

fn earlier(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    [one, other].into_iter().flatten().min()
}

/// Chooses an account for one attempt.
pub fn pick(accounts: &[AccountState], question: &PickInput<'_>, now: Timestamp) -> Choice {
    if let Some(choice) = keep_bound(accounts, question, now) {
        return choice;
    }
    let mut best: Option<(Rank, usize)> = None;
    let mut stale: Option<(Rank, usize)> = None;
    let mut hope = BlockedSummary::default();
    for (at, account) in accounts.iter().enumerate() {
        match account.fit(question, now) {
            Ok(fit) => offer(&mut best, account.rank(at, fit, question), at),
            Err(block) => {
                if matches!(block, Ineligible::Refreshing) {
                    let fit = Fit {
                        is_probe: false,
                        is_shaky: false,
                        level: account.windows.level(question.model, now),
                    };
                    offer(&mut stale, account.rank(at, fit, question), at);
                }
                hope.add(&block);
            }
        }
    }
    let refresh = stale
        .filter(|stale| best.is_none_or(|best| *stale < best))
        .map(|(_, at)| at);
    let pick = best.map_or_else(|| hope.verdict(), |(_, at)| Pick::Account(at));
    Choice {
        pick,
        refresh,
        has_passed_over: hope.has_blocks,
    }
}

fn offer(best: &mut Option<(Rank, usize)>, rank: Rank, at: usize) {
    if best.is_none_or(|(known, _)| rank < known) {
        *best = Some((rank, at));
    }
}

/// The conversation's own account, or the wait for it, where the mode wants that.
fn keep_bound(
    accounts: &[AccountState],
    question: &PickInput<'_>,
    now: Timestamp,
) -> Option<Choice> {
    let bound = question.bound.filter(|_| question.mode.has_affinity())?;
    let wait = |until, refresh| {
        Some(Choice {
            pick: Pick::Wait { until },
            refresh,
            has_passed_over: true,
        })
    };
    let may_wait = question.mode == Mode::CacheFirst
        && question.patience.is_some_and(|patience| now < patience);
    match accounts.get(bound)?.fit(question, now) {
        Ok(fit)
            if fit.is_probe
                || fit.is_shaky
                || (fit.level == Level::Dry && question.mode == Mode::Balance) =>
        {
            None
        }
        Ok(_) => Some(Choice {
            pick: Pick::Account(bound),
            refresh: None,
            has_passed_over: false,
        }),
        // A refresh is over in a moment, and costs less than a cold cache.
        Err(Ineligible::Refreshing) if question.patience.is_some_and(|patience| now < patience) => {
            wait(None, Some(bound))
        }
        Err(block) => match block.outlook() {
            Recovery::Soon(until) if may_wait => wait(until, None),
            Recovery::Rests(until)
                if may_wait && question.patience.is_some_and(|patience| until <= patience) =>
            {
                wait(Some(until), None)
            }
            _ => None,
        },
    }
}

/// Whether the conversation moves to another account for good, rather than for one request.
pub(crate) fn moves(accounts: &[AccountState], question: &PickInput<'_>, now: Timestamp) -> bool {
    let Some(bound) = question.bound.and_then(|bound| accounts.get(bound)) else {
        return true;
    };
    match bound.fit(question, now) {
        Ok(fit) => fit.is_probe || fit.level == Level::Dry,
        Err(block) => block.is_lasting(),
    }
}

/// The accounts that could not be chosen, and why.
pub(crate) fn passed_over(
    accounts: &[AccountState],
    question: &PickInput<'_>,
    now: Timestamp,
) -> Vec<PassedOver> {
    let blocked = accounts.iter().filter_map(|account| {
        let block = account.fit(question, now).err()?;
        Some(PassedOver {
            account: account.name.clone(),
            why: block.why(now),
        })
    });
    blocked.collect()
}
