use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::*;
use crate::canon::{Fault, FaultKind, Usage};
use crate::prices::Money;
use crate::protocol::{Operation, openai_chat};

/// Keeps what is saved; a copy of it is what a killed process leaves.
#[derive(Default)]
struct Saved(Mutex<BTreeMap<String, String>>);

impl KeyUsageStore for Saved {
    fn load(&self, name: &str) -> Vec<String> {
        self.0.lock().get(name).cloned().into_iter().collect()
    }

    fn save(&self, name: &str, usage: String) {
        self.0.lock().insert(name.to_owned(), usage);
    }
}

/// Prices a token at a micro-dollar, and no token of a model without a name.
#[derive(Default)]
struct Priced(AtomicU64);

impl Pricing for Priced {
    fn cost(&self, record: &Record) -> Cost {
        self.0.fetch_add(1, Ordering::Relaxed);
        let tokens = record.usage.input.unwrap_or(0);
        let is_known = !record.model.is_empty();
        Cost {
            known: Money::of_picos(if is_known { tokens * 1_000_000 } else { 0 }),
            unpriced_tokens: if is_known { 0 } else { tokens },
            ..Cost::default()
        }
    }
}

struct Rig {
    saved: Arc<Saved>,
    pricing: Arc<Priced>,
    keys: ClientKeys,
}

fn at(text: &str) -> Timestamp {
    text.parse::<jiff::Timestamp>().unwrap().into()
}

fn now() -> Timestamp {
    at("2026-11-23T12:00:10Z")
}

fn settings(name: &str, limits: KeyLimits) -> KeySettings {
    KeySettings {
        name: name.to_owned(),
        hash: [name.len() as u8; 32],
        made_at: Timestamp::UNIX_EPOCH,
        limits,
    }
}

fn budgets(budgets: &[&str]) -> KeyLimits {
    let budgets = budgets.iter().map(|text| KeyBudget::parse(text, "UTC"));
    KeyLimits {
        budgets: budgets.collect::<Result<_, _>>().unwrap(),
        ..KeyLimits::default()
    }
}

fn record(model: &str, tokens: u64) -> Record {
    Record {
        operation: Some(Operation::Generate),
        model: model.to_owned(),
        usage: Usage {
            input: Some(tokens),
            ..Usage::default()
        },
        ..Record::opened("1".to_owned(), now(), openai_chat::DIALECT)
    }
}

impl Rig {
    fn new(limits: KeyLimits) -> Self {
        Self::with(Arc::default(), limits)
    }

    fn with(saved: Arc<Saved>, limits: KeyLimits) -> Self {
        let pricing = Arc::new(Priced::default());
        let keys = ClientKeys::new(saved.clone(), pricing.clone());
        keys.replace(vec![settings("ci", limits)], now());
        Self {
            saved,
            pricing,
            keys,
        }
    }

    fn key(&self) -> Arc<ClientKey> {
        self.keys.current()[0].1.clone()
    }

    fn admit(&self, now: Timestamp) -> Result<Option<Arc<Permit>>, Fault> {
        self.key().admit(true, now)
    }

    /// A request from its arrival to its end.
    fn serve(&self, model: &str, tokens: u64) -> Result<(), Fault> {
        let permit = self.admit(now())?;
        permit.unwrap().settle(&record(model, tokens));
        Ok(())
    }

    fn used(&self) -> Vec<u64> {
        let usage = self.keys.usage("ci", now()).unwrap();
        usage.limits.iter().map(|limit| limit.used).collect()
    }
}

#[test]
fn a_key_without_limits_lets_all_in_and_is_not_priced() {
    let rig = Rig::new(KeyLimits::default());
    assert!(rig.admit(now()).unwrap().is_none());
    let usage = rig.keys.usage("ci", now()).unwrap();
    assert_eq!(usage.last_used_at, Some(now()));
    assert_eq!(
        (usage.limits.len(), rig.pricing.0.load(Ordering::Relaxed)),
        (0, 0)
    );
}

#[test]
fn each_unit_is_counted_and_the_crossing_request_is_completed() {
    let rig = Rig::new(budgets(&[
        "3 requests/day",
        "100 tokens/day",
        "0.000500 dollars/month",
    ]));
    rig.serve("m", 60).unwrap();
    rig.serve("m", 60).unwrap();
    assert_eq!(rig.used(), [2, 120, 120]);
    let fault = rig.serve("m", 1).unwrap_err();
    assert_eq!(fault.kind, FaultKind::RateLimited);
    assert_eq!(
        fault.message,
        "key `ci`: 100 tokens a day, used; resets 2026-11-24T00:00+00:00 (UTC)"
    );
    assert_eq!(
        fault.retry_after,
        Some(Duration::from_secs(12 * 3_600 - 10))
    );
    let usage = rig.keys.usage("ci", now()).unwrap();
    assert_eq!(usage.refused_today, 1);
}

/// What resets later is what a client has to wait for.
#[test]
fn of_several_used_budgets_the_last_reset_is_named() {
    let rig = Rig::new(budgets(&["1 requests/month", "1 requests/day"]));
    rig.serve("m", 1).unwrap();
    let fault = rig.serve("m", 1).unwrap_err();
    assert!(fault.message.contains("1 request a month"), "{fault:?}");
}

#[test]
fn what_has_no_price_is_said() {
    let rig = Rig::new(budgets(&["1 dollars/day"]));
    rig.serve("", 1_000).unwrap();
    rig.serve("m", 1_000).unwrap();
    let usage = rig.keys.usage("ci", now()).unwrap();
    let limit = &usage.limits[0];
    assert_eq!((limit.used, limit.unpriced_requests), (1_000, 1));
    assert_eq!(limit.used_text, "$0.0010");
}

#[test]
fn concurrent_requests_do_not_pass_a_budget_of_requests() {
    let rig = Rig::new(budgets(&["2 requests/day"]));
    let first = rig.admit(now()).unwrap();
    let second = rig.admit(now()).unwrap();
    assert!(rig.admit(now()).is_err());
    // The client left before its request had arrived.
    drop(second);
    let third = rig.admit(now()).unwrap().unwrap();
    third.settle(&record("m", 1));
    third.settle(&record("m", 1));
    first.unwrap().settle(&record("m", 1));
    assert_eq!(rig.used(), [2]);
}

#[test]
fn a_minute_of_the_clock_is_full_until_its_end() {
    let limits = KeyLimits {
        requests_per_minute: Some(2),
        ..KeyLimits::default()
    };
    let rig = Rig::new(limits);
    assert!(rig.admit(now()).is_ok() && rig.admit(now()).is_ok());
    let fault = rig.admit(now()).err().unwrap();
    assert!(
        fault
            .message
            .starts_with("key `ci`: 2 requests a minute, used; resets ")
    );
    assert_eq!(fault.retry_after_seconds(), Some(50));
    // Lists of models are free.
    assert!(rig.key().admit(false, now()).is_ok());
    assert!(rig.admit(now() + Duration::from_secs(50)).is_ok());
}

#[test]
fn a_key_ends_at_its_moment_for_lists_too() {
    let limits = KeyLimits {
        expires_at: Some(now()),
        ..KeyLimits::default()
    };
    let rig = Rig::new(limits);
    assert!(rig.admit(now() - Duration::from_secs(1)).is_ok());
    let fault = rig.key().admit(false, now()).err().unwrap();
    assert_eq!(
        (fault.kind, fault.retry_after, fault.code.as_deref()),
        (FaultKind::Unauthorized, None, Some("key_expired"))
    );
}

#[test]
fn models_are_allowed_by_their_names() {
    let limits = KeyLimits {
        models: Some(vec!["claude*".to_owned(), "gpt-5-mini".to_owned()]),
        ..KeyLimits::default()
    };
    let rig = Rig::new(limits);
    let permit = rig.admit(now()).unwrap().unwrap();
    for model in [
        "claude-opus",
        "gpt-5-mini",
        "models/gpt-5-mini",
        "claude~gpt-5-mini",
    ] {
        assert!(permit.check_model(model).is_ok(), "{model}");
    }
    // A second name is what it means, also where a pattern would take it.
    for model in [
        "gpt-5",
        "openai/gpt-5-mini",
        "GPT-5-MINI",
        "",
        "claude~gpt-5",
    ] {
        assert!(permit.check_model(model).is_err(), "{model}");
    }
    let counted: Vec<_> = rig
        .keys
        .refusals()
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .collect();
    assert_eq!(counted, [(Limit::Models, 5)]);
}

#[test]
fn what_was_used_is_there_after_the_process_was_killed() {
    let limits = budgets(&["9 requests/day", "100 tokens/month"]);
    let rig = Rig::new(limits.clone());
    rig.serve("m", 60).unwrap();
    rig.serve("m", 39).unwrap();
    let unfinished = rig.admit(now()).unwrap();
    let again = Rig::with(rig.saved.clone(), limits);
    assert_eq!(again.used(), [2, 99]);
    again.serve("m", 1).unwrap();
    assert!(again.serve("m", 1).is_err());
    drop(unfinished);
}

#[test]
fn another_key_of_the_same_name_begins_at_zero() {
    let limits = budgets(&["9 requests/day"]);
    let rig = Rig::new(limits.clone());
    rig.serve("m", 1).unwrap();
    let keys = ClientKeys::new(rig.saved.clone(), rig.pricing.clone());
    let later = KeySettings {
        made_at: now(),
        ..settings("ci", limits)
    };
    keys.replace(vec![later], now());
    assert_eq!(keys.usage("ci", now()).unwrap().limits[0].used, 0);
}

#[test]
fn a_revoked_key_opens_nothing_and_saves_nothing() {
    let rig = Rig::new(budgets(&["9 requests/day"]));
    let key = rig.key();
    let permit = rig.admit(now()).unwrap().unwrap();
    rig.keys.replace(Vec::new(), now());
    let fault = key.admit(true, now()).err().unwrap();
    assert_eq!(fault.kind, FaultKind::Unauthorized);
    permit.settle(&record("m", 5));
    assert!(rig.saved.0.lock().is_empty());
    assert!(rig.keys.usage("ci", now()).is_none());
}

#[test]
fn changed_limits_hold_at_once_and_keep_what_was_used() {
    let rig = Rig::new(budgets(&["1 requests/day"]));
    rig.serve("m", 1).unwrap();
    assert!(rig.serve("m", 1).is_err());
    let raised = settings("ci", budgets(&["3 requests/day", "100 tokens/day"]));
    let in_flight = {
        rig.keys.replace(vec![raised], now());
        rig.admit(now()).unwrap().unwrap()
    };
    assert_eq!(rig.used(), [1, 0]);
    // A budget that is set meanwhile knows of the request in flight.
    let other = settings("ci", budgets(&["1 requests/month"]));
    rig.keys.replace(vec![other], now());
    assert!(rig.admit(now()).is_err());
    in_flight.settle(&record("m", 1));
    assert_eq!(rig.used(), [1]);
}

#[test]
fn when_a_key_without_limits_was_used_is_saved_now_and_then() {
    let rig = Rig::new(KeyLimits::default());
    rig.admit(now()).unwrap();
    let first = rig.saved.load("ci");
    rig.admit(now() + Duration::from_secs(59)).unwrap();
    assert_eq!(rig.saved.load("ci"), first);
    rig.keys.save();
    assert_ne!(rig.saved.load("ci"), first);
}
