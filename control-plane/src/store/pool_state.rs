//! The pool's state in the store: small JSON values by kind and key.
//!
//! A key begins with the account's name and a line feed, which no name contains. A kind's word is
//! stored, so it stays as it is.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::Store;
use crate::account::{AccountName, BudgetUnit, Period};
use crate::language::Said;
use crate::outcome::{Reading, ReadingSource, Scope, Timestamp, Unit};
use crate::pool::{
    Cooldown, CooldownEnd, ObjectOwner, QuotaReading, SavedBinding, SavedObject, SavedState,
    SessionKey, Spent, StateStore,
};
use crate::status::{CooldownCause, SignIn, SignInCause};

const COOLDOWN: &str = "rest";
const BINDING: &str = "bound";
const SPENT: &str = "spent";
const READING: &str = "reading";
const SIGN_OUT: &str = "signed_out";
const OBJECT: &str = "object";

/// What is counted: an account's usage by unit and period.
type Meter = (AccountName, BudgetUnit, Period);

/// Persists a pool's state in a [`Store`].
pub struct PoolStateStore {
    store: Store,
    /// What was spent so far in each period: the pool reports only what is added.
    spent: Mutex<HashMap<Meter, Spent>>,
}

#[derive(Serialize, Deserialize)]
struct CooldownRow<'a> {
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
struct BindingRow<'a> {
    provider: Cow<'a, str>,
    account: Cow<'a, str>,
    used_at: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct SpentRow {
    unit: BudgetUnit,
    period: Period,
    starts_at: Timestamp,
    amount: u64,
}

#[derive(Serialize, Deserialize)]
struct ReadingRow<'a> {
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
struct SignOutRow<'a> {
    why: Cow<'a, str>,
    detail: Option<Cow<'a, str>>,
    since: Timestamp,
}

impl PoolStateStore {
    pub fn new(store: Store) -> Self {
        let spent = read(&store, SPENT, |key, row: SpentRow| {
            let account = account_of(key)?;
            let SpentRow {
                unit,
                period,
                starts_at,
                amount,
            } = row;
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

    fn save(&self, kind: &'static str, key: String, row: &impl Serialize) {
        let value =
            serde_json::to_string(row).expect("rows have text keys, and timestamps after 1970");
        self.store.save_pool_state(kind, key, Some(value));
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

impl StateStore for PoolStateStore {
    fn load(&self) -> SavedState {
        let spent = self.spent.lock();
        SavedState {
            cooldowns: read(&self.store, COOLDOWN, |key, row| {
                Some((account_of(key)?, cooldown_of(row)?))
            }),
            bindings: read(&self.store, BINDING, binding_of),
            spent: spent
                .iter()
                .map(|((account, ..), spent)| (account.clone(), *spent))
                .collect(),
            readings: read(&self.store, READING, |key, row| {
                Some((account_of(key)?, reading_of(row)?))
            }),
            signed_out: read(&self.store, SIGN_OUT, |key, row| {
                Some((account_of(key)?, sign_out_of(row)?))
            }),
            objects: read(&self.store, OBJECT, object_of),
        }
    }

    fn save_cooldown(&self, account: &AccountName, cooldown: &Cooldown) {
        let row = CooldownRow {
            model: cooldown.model.as_deref().map(Cow::from),
            cause: cooldown.cause.name().into(),
            detail: said(cooldown).map(Cow::from),
            since: cooldown.since,
            until: cooldown.until,
            end: cooldown.end.name().into(),
            strikes: cooldown.strikes,
            probes: cooldown.probes,
        };
        self.save(
            COOLDOWN,
            key(account, &[cooldown.model.as_deref().unwrap_or_default()]),
            &row,
        );
    }

    fn remove_cooldown(&self, account: &AccountName, model: Option<&str>) {
        self.store
            .save_pool_state(COOLDOWN, key(account, &[model.unwrap_or_default()]), None);
    }

    fn save_binding(
        &self,
        provider: &str,
        session: SessionKey,
        account: &AccountName,
        used_at: Timestamp,
    ) {
        let row = BindingRow {
            provider: provider.into(),
            account: account.as_str().into(),
            used_at,
        };
        self.save(BINDING, format!("{provider}\n{session}"), &row);
    }

    fn remove_binding(&self, provider: &str, session: SessionKey) {
        self.store
            .save_pool_state(BINDING, format!("{provider}\n{session}"), None);
    }

    fn save_object(&self, id: SessionKey, owner: &ObjectOwner, used_at: Timestamp) {
        let row = BindingRow {
            provider: owner.provider.as_str().into(),
            account: owner.account.as_str().into(),
            used_at,
        };
        self.save(OBJECT, id.to_string(), &row);
    }

    fn remove_object(&self, id: SessionKey) {
        self.store.save_pool_state(OBJECT, id.to_string(), None);
    }

    fn add_spent(&self, account: &AccountName, spent: Spent) {
        let Spent {
            unit,
            period,
            starts_at,
            amount,
        } = self.add(account, spent);
        let row = SpentRow {
            unit,
            period,
            starts_at,
            amount,
        };
        self.save(SPENT, key(account, &[unit.name(), period.name()]), &row);
    }

    fn save_reading(&self, account: &AccountName, read: &QuotaReading) {
        let QuotaReading {
            model,
            reading,
            read_at,
        } = read;
        let row = ReadingRow {
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
        self.save(
            READING,
            key(
                account,
                &[&reading.window, model.as_deref().unwrap_or_default()],
            ),
            &row,
        );
    }

    fn save_sign_out(&self, account: &AccountName, sign_in: &SignIn) {
        let SignIn {
            cause,
            detail,
            since,
        } = sign_in;
        let row = SignOutRow {
            why: cause.name().into(),
            detail: detail.as_deref().map(Cow::from),
            since: *since,
        };
        self.save(SIGN_OUT, key(account, &[]), &row);
    }

    fn remove_sign_out(&self, account: &AccountName) {
        self.store
            .save_pool_state(SIGN_OUT, key(account, &[]), None);
    }
}

/// The stored rows of a kind. A row that this version cannot read is skipped.
fn read<N: DeserializeOwned, T>(
    store: &Store,
    kind: &str,
    read: impl Fn(&str, N) -> Option<T>,
) -> Vec<T> {
    let rows = store.pool_state(kind);
    rows.iter()
        .filter_map(|(key, value)| read(key, serde_json::from_str(value).ok()?))
        .collect()
}

fn key(account: &AccountName, parts: &[&str]) -> String {
    parts
        .iter()
        .fold(format!("{account}\n"), |key, part| key + part + "\n")
}

fn account_of(key: &str) -> Option<AccountName> {
    key.split('\n').next()?.parse().ok()
}

/// What the provider said of the account. What it says of a request may quote the prompt, and is
/// kept in memory only.
fn said(cooldown: &Cooldown) -> Option<String> {
    let is_of_account = matches!(
        cooldown.cause,
        CooldownCause::Quota | CooldownCause::RefreshFailing
    );
    let detail = cooldown.detail.as_ref().filter(|_| is_of_account);
    detail.map(ToString::to_string)
}

fn shared(text: Option<Cow<'_, str>>) -> Option<Arc<str>> {
    text.map(|text| text.as_ref().into())
}

fn cooldown_of(row: CooldownRow<'_>) -> Option<Cooldown> {
    Some(Cooldown {
        model: shared(row.model),
        cause: CooldownCause::from_name(&row.cause)?,
        detail: row.detail.map(Said::quoted),
        since: row.since,
        until: row.until,
        end: CooldownEnd::from_name(&row.end)?,
        strikes: row.strikes,
        probes: row.probes,
    })
}

fn binding_of(key: &str, row: BindingRow<'_>) -> Option<SavedBinding> {
    let session = key.rsplit('\n').next()?.parse().ok()?;
    Some(SavedBinding {
        provider: row.provider.into_owned(),
        session,
        account: row.account.parse().ok()?,
        used_at: row.used_at,
    })
}

fn object_of(key: &str, row: BindingRow<'_>) -> Option<SavedObject> {
    let account = row.account.parse().ok()?;
    Some(SavedObject {
        id: key.parse().ok()?,
        owner: ObjectOwner {
            provider: row.provider.into_owned(),
            account,
        },
        used_at: row.used_at,
    })
}

fn reading_of(row: ReadingRow<'_>) -> Option<QuotaReading> {
    let reading = Reading {
        window: row.window.into_owned().into(),
        unit: [Unit::Requests, Unit::Tokens, Unit::Other]
            .into_iter()
            .find(|unit| unit_name(*unit) == row.unit)?,
        scope: if row.is_of_account {
            Scope::Account
        } else {
            Scope::Model
        },
        limit: row.limit,
        remaining: row.remaining,
        resets_at: row.resets_at,
        source: SOURCES
            .into_iter()
            .find(|source| source_name(*source) == row.source)?,
    };
    Some(QuotaReading {
        model: shared(row.model),
        reading,
        read_at: row.read_at,
    })
}

fn sign_out_of(row: SignOutRow<'_>) -> Option<SignIn> {
    Some(SignIn {
        cause: SignInCause::from_name(&row.why)?,
        detail: row.detail.map(Cow::into_owned),
        since: row.since,
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

    fn cooldown(model: Option<&str>) -> Cooldown {
        Cooldown {
            model: model.map(Into::into),
            cause: CooldownCause::Quota,
            detail: Some(Said::quoted("come back\ntomorrow")),
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

    /// What a pool finds after a restart of the agent.
    fn reloaded(work: impl Fn(&PoolStateStore, &AccountName)) -> SavedState {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("aerostat.db");
        let store = Store::open(&path).unwrap();
        work(
            &PoolStateStore::new(store.clone()),
            &"work".parse().unwrap(),
        );
        store.close();
        PoolStateStore::new(Store::open(&path).unwrap()).load()
    }

    #[test]
    fn every_kind_of_state_survives_a_restart() {
        let session = SessionKey::of("hello");
        let signed_out = SignIn {
            cause: SignInCause::GrantRefused,
            detail: None,
            since: at(4),
        };
        let saved = reloaded(|state, work| {
            state.save_cooldown(work, &cooldown(None));
            state.save_cooldown(work, &cooldown(Some("m/1")));
            state.save_binding("lab", session, work, at(5));
            state.save_reading(work, &reading("5h"));
            state.save_sign_out(work, &signed_out);
        });
        let work: AccountName = "work".parse().unwrap();
        assert_eq!(
            saved.cooldowns,
            [
                (work.clone(), cooldown(None)),
                (work.clone(), cooldown(Some("m/1")))
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
        let saved = reloaded(|state, work| {
            state.save_cooldown(work, &cooldown(Some("m")));
            state.remove_cooldown(work, Some("m"));
            state.save_binding("lab", SessionKey::of("hello"), work, at(5));
            state.remove_binding("lab", SessionKey::of("hello"));
            state.save_sign_out(
                work,
                &SignIn {
                    cause: SignInCause::KeyRefused,
                    detail: None,
                    since: at(4),
                },
            );
            state.remove_sign_out(work);
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
            reloaded(|state, work| parts.iter().for_each(|part| state.add_spent(work, *part))).spent
                [0]
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
        let state = PoolStateStore::new(store.clone());
        let names: [AccountName; 2] = ["a_b".parse().unwrap(), "axb".parse().unwrap()];
        for name in &names {
            state.save_cooldown(name, &cooldown(None));
            state.save_binding("lab", SessionKey::of(name.as_str()), name, at(5));
        }
        store.close();
        let store = Store::open(&path).unwrap();
        let state = PoolStateStore::new(store.clone());
        state.save_cooldown(&names[0], &cooldown(Some("m")));
        store.remove_account(&names[0]).await.unwrap();
        store.close();
        let saved = PoolStateStore::new(Store::open(&path).unwrap()).load();
        assert_eq!(saved.cooldowns, [(names[1].clone(), cooldown(None))]);
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
