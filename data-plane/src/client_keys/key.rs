//! One key while the program runs: what it may still do, and what it used.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use jiff::tz::TimeZone;
use parking_lot::Mutex;

use super::limits::{KeyBudget, KeyLimits, KeyUnit};
use super::meter::{Amounts, Meter};
use super::refusal::{self, Limit};
use super::saved::{Counted, SavedUsage};
use super::usage::{KeyUsage, LimitUsage};
use super::{KeySettings, Shared};
use crate::account::Period;
use crate::canon::Fault;
use crate::outcome::Timestamp;
use crate::provider::alias;
use crate::provider::rules::Pattern;
use crate::record::{Ending, Record};

const MINUTE: Duration = Duration::from_secs(60);
/// How often it is saved when a key without limits was last used, in seconds.
const LAST_USE_SAVED_EVERY: u64 = 60;

/// A key that a person made.
pub struct ClientKey {
    name: Arc<str>,
    made_at: Timestamp,
    shared: Arc<Shared>,
    is_limited: AtomicBool,
    /// Whether a budget counts money.
    is_priced: AtomicBool,
    /// Revoked.
    is_closed: AtomicBool,
    /// Seconds since 1970; 0 for never.
    last_used: AtomicU64,
    last_use_saved: AtomicU64,
    state: Mutex<State>,
}

struct State {
    limits: KeyLimits,
    patterns: Option<Arc<[Pattern]>>,
    minute: Counted,
    refused: Counted,
    meters: Vec<Meter>,
    /// Requests that were let in, count, and have not ended.
    in_flight: u32,
    /// How often it was saved.
    revision: u64,
}

/// A request that was let in by a key with limits. Dropped unsettled, it was no request.
pub struct Permit {
    key: Arc<ClientKey>,
    arrived: Timestamp,
    /// Whether budgets count it.
    counts: bool,
    models: Option<Arc<[Pattern]>>,
    is_settled: AtomicBool,
}

impl ClientKey {
    /// A key with what was saved of it, still without limits.
    pub(super) fn new(settings: &KeySettings, shared: Arc<Shared>, now: Timestamp) -> Self {
        let saved = shared.store.load(&settings.name);
        let saved = saved
            .iter()
            .filter_map(|text| serde_json::from_str::<SavedUsage>(text).ok())
            .filter(|saved| saved.made_at == settings.made_at)
            .max_by_key(|saved| saved.revision);
        let last_used = saved.as_ref().and_then(|saved| saved.last_used_at);
        let last_used = last_used.map_or(0, seconds);
        let key = Self {
            name: settings.name.as_str().into(),
            made_at: settings.made_at,
            shared,
            is_limited: AtomicBool::new(false),
            is_priced: AtomicBool::new(false),
            is_closed: AtomicBool::new(false),
            last_used: AtomicU64::new(last_used),
            last_use_saved: AtomicU64::new(last_used),
            state: Mutex::new(State::new()),
        };
        key.set_limits(&settings.limits, now);
        if let Some(saved) = saved {
            key.state.lock().restore(&saved);
        }
        key
    }

    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Holds later requests to `limits`. What was spent of a budget that counts alike stays.
    pub(super) fn set_limits(&self, limits: &KeyLimits, now: Timestamp) {
        let mut state = self.state.lock();
        let of_money = |budget: &KeyBudget| budget.unit == KeyUnit::Dollars;
        self.is_priced
            .store(limits.budgets.iter().any(of_money), Ordering::Relaxed);
        self.is_limited.store(!limits.is_empty(), Ordering::Relaxed);
        if state.limits != *limits {
            state.set_limits(limits, now);
        }
    }

    /// It was revoked.
    pub(super) fn close(&self) {
        // Under the lock: what a request in flight used is saved before, or not at all.
        let _state = self.state.lock();
        self.is_closed.store(true, Ordering::Relaxed);
    }

    /// Lets a request in, unless a limit is reached. `counts`: whether budgets and the requests a
    /// minute count it. `None` where the key has no limits.
    ///
    /// # Errors
    /// The limit and its reset, for the client.
    pub fn admit(
        self: &Arc<Self>,
        counts: bool,
        now: Timestamp,
    ) -> Result<Option<Arc<Permit>>, Fault> {
        if self.is_closed.load(Ordering::Relaxed) {
            return Err(refusal::revoked(&self.name));
        }
        // Rounded up, as all moments are that are shown.
        self.last_used.store(
            seconds(now + Duration::from_nanos(999_999_999)),
            Ordering::Relaxed,
        );
        if !self.is_limited.load(Ordering::Relaxed) {
            self.save_last_use();
            return Ok(None);
        }
        if self.is_priced.load(Ordering::Relaxed) {
            self.shared.pricing.prepare();
        }
        let mut state = self.state.lock();
        if let Err((limit, fault)) = state.admit(&self.name, counts, now) {
            self.refused(&mut state, limit, now);
            return Err(fault);
        }
        Ok(Some(Arc::new(Permit {
            key: self.clone(),
            arrived: now,
            counts,
            models: state.patterns.clone(),
            is_settled: AtomicBool::new(false),
        })))
    }

    fn refused(&self, state: &mut State, limit: Limit, now: Timestamp) {
        self.shared.refusals.add(limit);
        state.refused.add(today(now));
        self.save_state(state);
    }

    fn settle(&self, record: &Record, arrived: Timestamp) {
        let amounts = self.amounts(record);
        let mut state = self.state.lock();
        state.end(arrived);
        // Nothing was sent of a request that was at fault itself.
        if record.ending != Ending::Refused {
            state.count(&amounts, arrived);
        }
        self.save_state(&mut state);
    }

    fn amounts(&self, record: &Record) -> Amounts {
        if !record.is_billed() {
            return Amounts::default();
        }
        let usage = &record.usage;
        let tokens = [usage.input, usage.output, usage.tool_prompt];
        let tokens = tokens.into_iter().flatten().fold(0, u64::saturating_add);
        if !self.is_priced.load(Ordering::Relaxed) {
            return Amounts {
                tokens,
                ..Amounts::default()
            };
        }
        let cost = self.shared.pricing.cost(record);
        Amounts {
            tokens,
            picos: cost.known.picos(),
            is_unpriced: cost.has_gap(),
        }
    }

    /// Saves when a key without limits was last used, now and then.
    fn save_last_use(&self) {
        let used = self.last_used.load(Ordering::Relaxed);
        let saved = self.last_use_saved.load(Ordering::Relaxed);
        if used >= saved.saturating_add(LAST_USE_SAVED_EVERY) {
            self.save();
        }
    }

    pub(super) fn save(&self) {
        let mut state = self.state.lock();
        self.save_state(&mut state);
    }

    /// Saves under the lock, so that a later state is saved later.
    fn save_state(&self, state: &mut State) {
        state.revision += 1;
        let used = self.last_used.load(Ordering::Relaxed);
        self.last_use_saved.store(used, Ordering::Relaxed);
        if self.is_closed.load(Ordering::Relaxed) {
            return;
        }
        let saved = SavedUsage {
            made_at: self.made_at,
            revision: state.revision,
            last_used_at: self.last_used_at(),
            minute: state.minute,
            refused: state.refused,
            meters: state.meters.iter().map(Meter::saved).collect(),
        };
        let text = serde_json::to_string(&saved).expect("texts, numbers and times after 1970");
        self.shared.store.save(&self.name, text);
    }

    fn last_used_at(&self) -> Option<Timestamp> {
        match self.last_used.load(Ordering::Relaxed) {
            0 => None,
            used => Some(Timestamp::UNIX_EPOCH + Duration::from_secs(used)),
        }
    }

    pub(super) fn usage(&self, now: Timestamp) -> KeyUsage {
        let mut state = self.state.lock();
        state.roll(now);
        KeyUsage {
            last_used_at: self.last_used_at(),
            refused_today: state.refused.of(today(now)),
            limits: state.usage(now),
        }
    }
}

impl State {
    fn new() -> Self {
        Self {
            limits: KeyLimits::default(),
            patterns: None,
            minute: Counted::NONE,
            refused: Counted::NONE,
            meters: Vec::new(),
            in_flight: 0,
            revision: 0,
        }
    }

    fn set_limits(&mut self, limits: &KeyLimits, now: Timestamp) {
        self.limits = limits.clone();
        self.patterns = limits.patterns().map(Into::into);
        let meters = limits
            .budgets
            .iter()
            .map(|budget| Meter::new(budget, self.in_flight, now).following(&self.meters));
        self.meters = meters.collect();
    }

    fn restore(&mut self, saved: &SavedUsage) {
        (self.minute, self.refused) = (saved.minute, saved.refused);
        self.revision = saved.revision;
        for meter in &mut self.meters {
            meter.restore(&saved.meters);
        }
    }

    fn roll(&mut self, now: Timestamp) {
        self.meters.iter_mut().for_each(|meter| meter.roll(now));
    }

    fn admit(&mut self, key: &str, counts: bool, now: Timestamp) -> Result<(), (Limit, Fault)> {
        if let Some(at) = self.limits.expires_at.filter(|at| *at <= now) {
            return Err((Limit::Expiry, refusal::expired(key, at)));
        }
        if !counts {
            return Ok(());
        }
        self.roll(now);
        // The one that resets last: before that, every request would be refused again.
        let spent = self.meters.iter().filter(|meter| meter.is_spent());
        if let Some(meter) = spent.max_by_key(|meter| meter.ends_at) {
            let limit = Limit::Budget(meter.budget.unit, meter.budget.period);
            return Err((limit, refusal::budget_used(key, meter, now)));
        }
        self.count_minute(key, now)?;
        self.in_flight = self.in_flight.saturating_add(1);
        self.meters.iter_mut().for_each(Meter::begin);
        Ok(())
    }

    fn count_minute(&mut self, key: &str, now: Timestamp) -> Result<(), (Limit, Fault)> {
        let Some(max) = self.limits.requests_per_minute else {
            return Ok(());
        };
        let begin = minute(now);
        if self.minute.of(begin) >= u64::from(max) {
            let fault = refusal::minute_used(key, max, begin + MINUTE, now);
            return Err((Limit::RequestsPerMinute, fault));
        }
        self.minute.add(begin);
        Ok(())
    }

    /// A request that was let in is in flight no more.
    fn end(&mut self, arrived: Timestamp) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.meters.iter_mut().for_each(|meter| meter.end(arrived));
    }

    fn count(&mut self, amounts: &Amounts, arrived: Timestamp) {
        for meter in &mut self.meters {
            meter.count(amounts, arrived);
        }
    }

    fn usage(&self, now: Timestamp) -> Vec<LimitUsage> {
        let a_minute = self.limits.requests_per_minute;
        let of_minute = a_minute.map(|max| self.minute_usage(u64::from(max), now));
        let of_budgets = self.meters.iter().map(budget_usage);
        of_minute.into_iter().chain(of_budgets).collect()
    }

    fn minute_usage(&self, max: u64, now: Timestamp) -> LimitUsage {
        let begin = minute(now);
        let used = self.minute.of(begin);
        LimitUsage {
            limit: Limit::RequestsPerMinute,
            text: format!("{} a minute", KeyUnit::Requests.text(max)),
            used_text: KeyUnit::Requests.text(used),
            max,
            used,
            starts_at: begin,
            resets_at: begin + MINUTE,
            time_zone: TimeZone::system().iana_name().unwrap_or("UTC").to_owned(),
            is_used_up: used >= max,
            unpriced_requests: 0,
        }
    }
}

fn budget_usage(meter: &Meter) -> LimitUsage {
    let budget = &meter.budget;
    let used = budget.shown(meter.spent);
    LimitUsage {
        limit: Limit::Budget(budget.unit, budget.period),
        text: budget.to_string(),
        used_text: budget.unit.text(used),
        max: budget.limit,
        used,
        starts_at: meter.starts_at,
        resets_at: meter.ends_at,
        time_zone: budget.time_zone.clone(),
        is_used_up: meter.is_spent(),
        unpriced_requests: meter.unpriced,
    }
}

impl Permit {
    /// Whether the key may use the model, by the name that the client gave it.
    ///
    /// # Errors
    /// What it may use, for the client.
    pub fn check_model(&self, model: &str) -> Result<(), Fault> {
        let Some(models) = self.models.as_deref().filter(|_| !self.allows(model)) else {
            return Ok(());
        };
        let now = Timestamp::now();
        self.key
            .refused(&mut self.key.state.lock(), Limit::Models, now);
        Err(refusal::model_not_allowed(&self.key.name, model, models))
    }

    /// Whether some models are not allowed.
    pub fn has_models(&self) -> bool {
        self.models.is_some()
    }

    /// Whether the key may use the model.
    pub fn allows(&self, model: &str) -> bool {
        // As it is resolved.
        let name = alias::meant(model.strip_prefix("models/").unwrap_or(model));
        let Some(models) = &self.models else {
            return true;
        };
        models
            .iter()
            .any(|pattern| pattern.captures(name).is_some())
    }

    /// Counts what the request used. Later calls are ignored.
    pub fn settle(&self, record: &Record) {
        if self.counts && !self.is_settled.swap(true, Ordering::Relaxed) {
            self.key.settle(record, self.arrived);
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.counts && !*self.is_settled.get_mut() {
            self.key.state.lock().end(self.arrived);
        }
    }
}

fn seconds(at: Timestamp) -> u64 {
    let since = at.duration_since(Timestamp::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

/// When the minute began.
fn minute(now: Timestamp) -> Timestamp {
    Timestamp::UNIX_EPOCH + Duration::from_secs(seconds(now) / 60 * 60)
}

/// When the day began, in the system's time zone.
fn today(now: Timestamp) -> Timestamp {
    let (starts_at, _) = Period::Day.bounds(&TimeZone::system(), now);
    starts_at
}
