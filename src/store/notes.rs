//! The pool's state as notes of the store: small JSON values by kind and key.
//!
//! A key begins with the account's name and a line feed, which no name holds.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::Store;
use crate::account::{AccountName, BudgetUnit, Period};
use crate::outcome::{Reading, ReadingSource, Scope, Timestamp, Unit};
use crate::pool::{
    Cooldown, CooldownEnd, QuotaReading, SavedBinding, SavedState, SessionKey, Spent, StateStore,
};
use crate::status::{CooldownCause, SignIn, SignInCause};

const REST: &str = "rest";
const BOUND: &str = "bound";
const SPENT: &str = "spent";
const READING: &str = "reading";
const SIGNED_OUT: &str = "signed_out";

/// A period of a budget: the account, the unit and the length.
type Meter = (AccountName, BudgetUnit, Period);

/// Keeps a pool's state in a store.
pub struct PoolNotes {
    store: Store,
    /// What was spent so far, since the pool tells what is added.
    spent: Mutex<HashMap<Meter, Spent>>,
}

#[derive(Serialize, Deserialize)]
struct RestNote<'a> {
    model: Option<Cow<'a, str>>,
    cause: Cow<'a, str>,
    detail: Option<Cow<'a, str>>,
    since: Timestamp,
    until: Timestamp,
    end: Cow<'a, str>,
    strikes: u32,
    probes: u32,
}

#[derive(Serialize, Deserialize)]
struct BoundNote<'a> {
    provider: Cow<'a, str>,
    account: Cow<'a, str>,
    used_at: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct SpentNote {
    unit: BudgetUnit,
    period: Period,
    starts_at: Timestamp,
    amount: u64,
}

#[derive(Serialize, Deserialize)]
struct ReadingNote<'a> {
    model: Option<Cow<'a, str>>,
    window: Cow<'a, str>,
    unit: Cow<'a, str>,
    is_of_account: bool,
    limit: Option<u64>,
    remaining: Option<u64>,
    resets_at: Option<Timestamp>,
    source: Cow<'a, str>,
    read_at: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct SignInNote<'a> {
    why: Cow<'a, str>,
    detail: Option<Cow<'a, str>>,
    since: Timestamp,
}

impl PoolNotes {
    pub fn new(store: Store) -> Self {
        let spent = read(&store, SPENT, |key, note: SpentNote| {
            let account = account_of(key)?;
            let SpentNote {
                unit,
                period,
                starts_at,
                amount,
            } = note;
            Some((
                (account, unit, period),
                Spent {
                    unit,
                    period,
                    starts_at,
                    amount,
                },
            ))
        });
        Self {
            store,
            spent: Mutex::new(spent.into_iter().collect()),
        }
    }

    fn note(&self, kind: &'static str, key: String, note: &impl Serialize) {
        let value =
            serde_json::to_string(note).expect("notes have text keys, and moments after 1970");
        self.store.note(kind, key, Some(value));
    }

    /// The sum of a period so far, with what is added now.
    fn add(&self, account: &AccountName, added: Spent) -> Spent {
        let mut all = self.spent.lock();
        let sum = all
            .entry((account.clone(), added.unit, added.period))
            .or_insert(Spent { amount: 0, ..added });
        if sum.starts_at == added.starts_at {
            sum.amount = sum.amount.saturating_add(added.amount);
        } else {
            *sum = added;
        }
        *sum
    }
}

impl StateStore for PoolNotes {
    fn load(&self) -> SavedState {
        let spent = self.spent.lock();
        SavedState {
            cooldowns: read(&self.store, REST, |key, note| {
                Some((account_of(key)?, rest_of(note)?))
            }),
            bindings: read(&self.store, BOUND, bound_of),
            spent: spent
                .iter()
                .map(|((account, ..), spent)| (account.clone(), *spent))
                .collect(),
            readings: read(&self.store, READING, |key, note| {
                Some((account_of(key)?, reading_of(note)?))
            }),
            signed_out: read(&self.store, SIGNED_OUT, |key, note| {
                Some((account_of(key)?, sign_in_of(note)?))
            }),
        }
    }

    fn save_cooldown(&self, account: &AccountName, rest: &Cooldown) {
        let note = RestNote {
            model: rest.model.as_deref().map(Cow::from),
            cause: rest.cause.name().into(),
            detail: rest.detail.as_deref().map(Cow::from),
            since: rest.since,
            until: rest.until,
            end: rest.end.name().into(),
            strikes: rest.strikes,
            probes: rest.probes,
        };
        self.note(
            REST,
            key(account, &[rest.model.as_deref().unwrap_or_default()]),
            &note,
        );
    }

    fn remove_cooldown(&self, account: &AccountName, model: Option<&str>) {
        self.store
            .note(REST, key(account, &[model.unwrap_or_default()]), None);
    }

    fn save_binding(
        &self,
        provider: &str,
        session: SessionKey,
        account: &AccountName,
        used_at: Timestamp,
    ) {
        let note = BoundNote {
            provider: provider.into(),
            account: account.as_str().into(),
            used_at,
        };
        self.note(BOUND, format!("{provider}\n{session}"), &note);
    }

    fn remove_binding(&self, provider: &str, session: SessionKey) {
        self.store
            .note(BOUND, format!("{provider}\n{session}"), None);
    }

    fn add_spent(&self, account: &AccountName, spent: Spent) {
        let Spent {
            unit,
            period,
            starts_at,
            amount,
        } = self.add(account, spent);
        let note = SpentNote {
            unit,
            period,
            starts_at,
            amount,
        };
        self.note(SPENT, key(account, &[unit.name(), period.name()]), &note);
    }

    fn save_reading(&self, account: &AccountName, read: &QuotaReading) {
        let QuotaReading {
            model,
            reading,
            read_at,
        } = read;
        let note = ReadingNote {
            model: model.as_deref().map(Cow::from),
            window: reading.window.as_ref().into(),
            unit: unit_name(reading.unit).into(),
            is_of_account: reading.scope == Scope::Account,
            limit: reading.limit,
            remaining: reading.remaining,
            resets_at: reading.resets_at,
            source: source_name(reading.source).into(),
            read_at: *read_at,
        };
        self.note(
            READING,
            key(
                account,
                &[&reading.window, model.as_deref().unwrap_or_default()],
            ),
            &note,
        );
    }

    fn save_sign_out(&self, account: &AccountName, sign_in: &SignIn) {
        let SignIn {
            cause,
            detail,
            since,
        } = sign_in;
        let note = SignInNote {
            why: cause.name().into(),
            detail: detail.as_deref().map(Cow::from),
            since: *since,
        };
        self.note(SIGNED_OUT, key(account, &[]), &note);
    }

    fn remove_sign_out(&self, account: &AccountName) {
        self.store.note(SIGNED_OUT, key(account, &[]), None);
    }
}

/// What was noted under a kind. A note that says nothing to this version is passed over.
fn read<N: DeserializeOwned, T>(
    store: &Store,
    kind: &str,
    read: impl Fn(&str, N) -> Option<T>,
) -> Vec<T> {
    let noted = store.noted(kind);
    noted
        .iter()
        .filter_map(|(key, value)| read(key, serde_json::from_str(value).ok()?))
        .collect()
}

fn key(account: &AccountName, rest: &[&str]) -> String {
    rest.iter()
        .fold(format!("{account}\n"), |key, part| key + part + "\n")
}

fn account_of(key: &str) -> Option<AccountName> {
    key.split('\n').next()?.parse().ok()
}

fn shared(text: Option<Cow<'_, str>>) -> Option<Arc<str>> {
    text.map(|text| text.as_ref().into())
}

fn rest_of(note: RestNote<'_>) -> Option<Cooldown> {
    Some(Cooldown {
        model: shared(note.model),
        cause: CooldownCause::from_name(&note.cause)?,
        detail: shared(note.detail),
        since: note.since,
        until: note.until,
        end: CooldownEnd::from_name(&note.end)?,
        strikes: note.strikes,
        probes: note.probes,
    })
}

fn bound_of(key: &str, note: BoundNote<'_>) -> Option<SavedBinding> {
    let session = key.rsplit('\n').next()?.parse().ok()?;
    Some(SavedBinding {
        provider: note.provider.into_owned(),
        session,
        account: note.account.parse().ok()?,
        used_at: note.used_at,
    })
}

fn reading_of(note: ReadingNote<'_>) -> Option<QuotaReading> {
    let reading = Reading {
        window: note.window.into_owned().into(),
        unit: [Unit::Requests, Unit::Tokens, Unit::Other]
            .into_iter()
            .find(|unit| unit_name(*unit) == note.unit)?,
        scope: if note.is_of_account {
            Scope::Account
        } else {
            Scope::Model
        },
        limit: note.limit,
        remaining: note.remaining,
        resets_at: note.resets_at,
        source: SOURCES
            .into_iter()
            .find(|source| source_name(*source) == note.source)?,
    };
    Some(QuotaReading {
        model: shared(note.model),
        reading,
        read_at: note.read_at,
    })
}

fn sign_in_of(note: SignInNote<'_>) -> Option<SignIn> {
    Some(SignIn {
        cause: SignInCause::from_name(&note.why)?,
        detail: note.detail.map(Cow::into_owned),
        since: note.since,
    })
}

fn unit_name(unit: Unit) -> &'static str {
    match unit {
        Unit::Requests => "requests",
        Unit::Tokens => "tokens",
        Unit::Other => "other",
    }
}

const SOURCES: [ReadingSource; 3] = [
    ReadingSource::Header,
    ReadingSource::ErrorBody,
    ReadingSource::BalanceCall,
];

fn source_name(source: ReadingSource) -> &'static str {
    match source {
        ReadingSource::Header => "header",
        ReadingSource::ErrorBody => "error_body",
        ReadingSource::BalanceCall => "balance_call",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn rest(model: Option<&str>) -> Cooldown {
        Cooldown {
            model: model.map(Into::into),
            cause: CooldownCause::Quota,
            detail: Some("come back\ntomorrow".into()),
            since: at(1),
            until: at(2),
            end: CooldownEnd::Named,
            strikes: 3,
            probes: 1,
        }
    }

    fn reading(window: &'static str) -> QuotaReading {
        let reading = Reading {
            window: window.into(),
            unit: Unit::Tokens,
            scope: Scope::Account,
            limit: Some(10),
            remaining: None,
            resets_at: Some(at(9)),
            source: ReadingSource::ErrorBody,
        };
        QuotaReading {
            model: Some("m".into()),
            reading,
            read_at: at(3),
        }
    }

    /// What a pool finds after the agent ended and began again.
    fn kept(work: impl Fn(&PoolNotes, &AccountName)) -> SavedState {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("aerostat.db");
        let store = Store::open(&path).unwrap();
        work(&PoolNotes::new(store.clone()), &"work".parse().unwrap());
        store.close();
        PoolNotes::new(Store::open(&path).unwrap()).load()
    }

    #[test]
    fn every_kind_of_state_survives_a_restart() {
        let session = SessionKey::of("hello");
        let signed_out = SignIn {
            cause: SignInCause::GrantRefused,
            detail: None,
            since: at(4),
        };
        let saved = kept(|notes, work| {
            notes.save_cooldown(work, &rest(None));
            notes.save_cooldown(work, &rest(Some("m/1")));
            notes.save_binding("lab", session, work, at(5));
            notes.save_reading(work, &reading("5h"));
            notes.save_sign_out(work, &signed_out);
        });
        let work: AccountName = "work".parse().unwrap();
        assert_eq!(
            saved.cooldowns,
            [
                (work.clone(), rest(None)),
                (work.clone(), rest(Some("m/1")))
            ]
        );
        assert_eq!(
            saved.bindings,
            [SavedBinding {
                provider: "lab".to_owned(),
                session,
                account: work.clone(),
                used_at: at(5)
            }]
        );
        assert_eq!(saved.readings, [(work.clone(), reading("5h"))]);
        assert_eq!(saved.signed_out, [(work, signed_out)]);
    }

    #[test]
    fn what_is_over_is_forgotten() {
        let saved = kept(|notes, work| {
            notes.save_cooldown(work, &rest(Some("m")));
            notes.remove_cooldown(work, Some("m"));
            notes.save_binding("lab", SessionKey::of("hello"), work, at(5));
            notes.remove_binding("lab", SessionKey::of("hello"));
            notes.save_sign_out(
                work,
                &SignIn {
                    cause: SignInCause::KeyRefused,
                    detail: None,
                    since: at(4),
                },
            );
            notes.remove_sign_out(work);
        });
        assert!(
            saved.cooldowns.is_empty() && saved.bindings.is_empty() && saved.signed_out.is_empty()
        );
    }

    #[test]
    fn what_is_spent_adds_up_within_a_period_and_begins_anew_in_the_next() {
        let spent = |starts_at, amount| Spent {
            unit: BudgetUnit::Tokens,
            period: Period::Day,
            starts_at: at(starts_at),
            amount,
        };
        let amount = |parts: &[Spent]| {
            kept(|notes, work| parts.iter().for_each(|part| notes.add_spent(work, *part))).spent[0]
                .1
        };
        assert_eq!(amount(&[spent(0, 5), spent(0, 7)]), spent(0, 12));
        assert_eq!(amount(&[spent(0, 5), spent(86_400, 7)]), spent(86_400, 7));
    }

    #[tokio::test]
    async fn a_removed_account_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("aerostat.db");
        let store = Store::open(&path).unwrap();
        let notes = PoolNotes::new(store.clone());
        let names: [AccountName; 2] = ["a_b".parse().unwrap(), "axb".parse().unwrap()];
        for name in &names {
            notes.save_cooldown(name, &rest(None));
            notes.save_binding("lab", SessionKey::of(name.as_str()), name, at(5));
        }
        store.close();
        let store = Store::open(&path).unwrap();
        let notes = PoolNotes::new(store.clone());
        notes.save_cooldown(&names[0], &rest(Some("m")));
        store.remove_account(&names[0]).await.unwrap();
        store.close();
        let saved = PoolNotes::new(Store::open(&path).unwrap()).load();
        assert_eq!(saved.cooldowns, [(names[1].clone(), rest(None))]);
        assert_eq!(
            saved
                .bindings
                .iter()
                .map(|bound| &bound.account)
                .collect::<Vec<_>>(),
            [&names[1]]
        );
    }
}
