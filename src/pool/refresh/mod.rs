//! Access tokens: refreshed once for all who wait, ahead of their end, and never so that a
//! successor can be lost.
//!
//! The order is the whole point: the stored credential is marked before a refresh is sent, and the
//! successor is stored before its first use. A process that is killed between the two finds the
//! mark, and asks again until it is answered.

pub(super) mod refresh_state;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::account::{Account, AccountName, Credential, Secret, Tokens};
use crate::outcome::Timestamp;
use crate::pool::clock::between;
use crate::pool::health::cooldown::{End, Refused};
use crate::pool::schedule::provider_pool::{ProviderPool, access_of};
use crate::pool::shared::{Context, Shared};
use crate::status::{CooldownCause, SignInCause};

/// What a provider's token endpoint answered.
#[derive(Clone, Debug)]
pub enum Refreshed {
    Granted(Granted),
    /// The grant is revoked or has ended (`invalid_grant`); what the provider said, bounded and
    /// without secrets.
    Refused {
        said: String,
    },
    /// Nothing was sent: no name, no route, no trusted connection. The refresh token is as good as
    /// before.
    NotSent {
        why: String,
    },
    /// It was sent, and nothing came back that says whether it was taken.
    Unclear {
        why: String,
    },
}

/// A new access token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granted {
    pub access: Secret,
    pub expires_at: Option<Timestamp>,
    /// The successor of the refresh token, where the provider gives one.
    pub refresh: Option<Secret>,
}

/// Sends refreshes.
pub trait Refresher: Send + Sync {
    /// Sends one, and answers within its own time limit.
    fn refresh<'a>(
        &'a self,
        account: &'a Account,
        credential: &'a Credential,
    ) -> BoxFuture<'a, Refreshed>;
}

/// Keeps credentials: the vault, as a refresh needs it. What it did is durable when its future
/// ends.
pub trait CredentialStore: Send + Sync {
    /// Keeps other processes of this home from refreshing the account until the claim is dropped;
    /// waits for theirs.
    fn claim<'a>(
        &'a self,
        account: &'a AccountName,
    ) -> BoxFuture<'a, Result<Claim, CredentialStoreError>>;
    /// What is kept at the moment; `None` where the account is gone.
    fn read<'a>(
        &'a self,
        account: &'a AccountName,
    ) -> BoxFuture<'a, Result<Option<Credential>, CredentialStoreError>>;
    /// Replaces `old` by `new`; where something else is kept by now, leaves that and says `false`.
    fn replace<'a>(
        &'a self,
        account: &'a AccountName,
        old: &'a Credential,
        new: &'a Credential,
    ) -> BoxFuture<'a, Result<bool, CredentialStoreError>>;
}

/// Given back by dropping it.
pub type Claim = Box<dyn Send>;

/// Why a credential cannot be read or kept, in words for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CredentialStoreError(pub String);

/// A new token that cannot be stored is offered again after this time.
const KEEP_AGAIN: Duration = Duration::from_secs(2);

/// Who refreshes looks at the clock this often, as timers stand still in suspend.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// One account's refresh, under way.
struct Task {
    account: Arc<Account>,
    serial: u64,
    generation: u64,
    source: Arc<Credential>,
}

/// What a refresh came to.
enum Ended {
    /// What is stored now; `bearer` is what requests carry.
    Fresh {
        source: Arc<Credential>,
        bearer: Arc<Credential>,
        ends_at: Option<Timestamp>,
    },
    Refused {
        cause: SignInCause,
        said: String,
    },
    Again {
        is_in_doubt: bool,
        why: String,
    },
    /// The account, or the credential that was refreshed, is no longer there.
    Gone,
}

/// Refreshes what is due until the pool is closed.
pub(crate) async fn tend(
    shared: &Arc<Shared>,
    refresher: Arc<dyn Refresher>,
    keeper: Arc<dyn CredentialStore>,
) {
    let mut flights = JoinSet::new();
    loop {
        let (due, next_in) = shared.due_refreshes();
        for task in due {
            flights.spawn(fly(shared.clone(), refresher.clone(), keeper.clone(), task));
        }
        let Some(next_in) = next_in else { break };
        tokio::select! {
            () = shared.refresh_due.notified() => {}
            () = sleep(next_in) => {}
            Some(_) = flights.join_next(), if !flights.is_empty() => {}
        }
    }
    while flights.join_next().await.is_some() {}
}

async fn fly(
    shared: Arc<Shared>,
    refresher: Arc<dyn Refresher>,
    keeper: Arc<dyn CredentialStore>,
    task: Task,
) {
    let ended = match task.source.as_ref() {
        Credential::ServiceAccount(_) => sign(&task, &*refresher).await,
        _ => renew(&shared, &task, &*refresher, &*keeper).await,
    };
    let ended = ended.unwrap_or_else(|error| Ended::Again {
        is_in_doubt: false,
        why: error.to_string(),
    });
    shared.land(&task, ended);
}

/// Google's file signs for a token as often as one is needed: there is nothing to lose.
async fn sign(task: &Task, refresher: &dyn Refresher) -> Result<Ended, CredentialStoreError> {
    Ok(match refresher.refresh(&task.account, &task.source).await {
        Refreshed::Granted(Granted {
            access, expires_at, ..
        }) => {
            let tokens = Tokens {
                access: Some(access),
                expires_at,
                ..Tokens::default()
            };
            let bearer = Arc::new(Credential::OAuth(tokens));
            Ended::Fresh {
                source: task.source.clone(),
                bearer,
                ends_at: expires_at,
            }
        }
        Refreshed::Refused { said } => Ended::Refused {
            cause: SignInCause::KeyRefused,
            said,
        },
        Refreshed::NotSent { why } | Refreshed::Unclear { why } => Ended::Again {
            is_in_doubt: false,
            why,
        },
    })
}

async fn renew(
    shared: &Shared,
    task: &Task,
    refresher: &dyn Refresher,
    keeper: &dyn CredentialStore,
) -> Result<Ended, CredentialStoreError> {
    let name = &task.account.name;
    let _claim = keeper.claim(name).await?;
    let Some(stored) = keeper.read(name).await? else {
        return Ok(Ended::Gone);
    };
    let Credential::OAuth(tokens) = &stored else {
        return Ok(Ended::Gone);
    };
    if let Some(fresh) = from_elsewhere(task, tokens, shared.clock.now()) {
        return Ok(fresh);
    }
    let was_in_doubt = tokens.refresh_sent_at.is_some();
    let marked = Credential::OAuth(Tokens {
        refresh_sent_at: Some(shared.clock.now()),
        ..tokens.clone()
    });
    if !keeper.replace(name, &stored, &marked).await? {
        return Ok(Ended::Gone);
    }
    let answer = refresher.refresh(&task.account, &marked).await;
    // What was in doubt before stays so until an answer comes, whether or not anything was sent
    // this time.
    let unmarked = Tokens {
        refresh_sent_at: None,
        ..tokens.clone()
    };
    Ok(match answer {
        Refreshed::Granted(granted) => {
            keep(keeper, name, &marked, successor(unmarked, granted)).await
        }
        Refreshed::Refused { said } => {
            let cause = if was_in_doubt {
                SignInCause::InterruptedRefresh
            } else {
                SignInCause::GrantRefused
            };
            // It was answered. The tokens stay: a person may find the grant restored, and ask again
            // by hand.
            drop(
                keeper
                    .replace(name, &marked, &Credential::OAuth(unmarked))
                    .await,
            );
            Ended::Refused { cause, said }
        }
        Refreshed::NotSent { why } => {
            let is_unmarked = !was_in_doubt
                && keeper
                    .replace(name, &marked, &Credential::OAuth(unmarked))
                    .await
                    .is_ok();
            Ended::Again {
                is_in_doubt: !is_unmarked,
                why,
            }
        }
        Refreshed::Unclear { why } => Ended::Again {
            is_in_doubt: true,
            why,
        },
    })
}

/// What another process of this home refreshed in the meantime, where that is still good.
fn from_elsewhere(task: &Task, stored: &Tokens, now: Timestamp) -> Option<Ended> {
    let Credential::OAuth(known) = task.source.as_ref() else {
        return None;
    };
    let is_newer = stored.access != known.access
        && stored.access.is_some()
        && stored.refresh_sent_at.is_none();
    let is_good = stored
        .expires_at
        .is_none_or(|end| between(now, end) > LOOK_AGAIN);
    (is_newer && is_good).then(|| fresh(stored.clone()))
}

fn fresh(tokens: Tokens) -> Ended {
    let ends_at = tokens.expires_at;
    let source = Arc::new(Credential::OAuth(tokens));
    Ended::Fresh {
        bearer: source.clone(),
        source,
        ends_at,
    }
}

/// The tokens after a refresh. A provider that names no successor lets the refresh token be used
/// again.
fn successor(before: Tokens, granted: Granted) -> Tokens {
    let Granted {
        access,
        expires_at,
        refresh,
    } = granted;
    Tokens {
        access: Some(access),
        expires_at,
        refresh: refresh.or(before.refresh),
        ..before
    }
}

/// Stores a successor before anybody uses it. Its bytes arrived, so it is offered until it is
/// stored, or nobody wants it.
async fn keep(
    keeper: &dyn CredentialStore,
    name: &AccountName,
    marked: &Credential,
    tokens: Tokens,
) -> Ended {
    let successor = Credential::OAuth(tokens.clone());
    loop {
        match keeper.replace(name, marked, &successor).await {
            Ok(true) => return fresh(tokens),
            Ok(false) => return Ended::Gone,
            Err(error) => {
                tracing::error!(account = %name, %error, "a new access token cannot be stored; trying again")
            }
        }
        sleep(KEEP_AGAIN).await;
    }
}

impl Shared {
    /// The refreshes to begin now, and how long until the next look; `None` once the pool is
    /// closed.
    fn due_refreshes(&self) -> (Vec<Task>, Option<Duration>) {
        let now = self.clock.now();
        let mut inner = self.lock(now);
        if inner.is_closed {
            return (Vec::new(), None);
        }
        let due = inner
            .lanes
            .values_mut()
            .flat_map(|lane| lane.begin_refreshes(now))
            .collect();
        let next_at = inner
            .lanes
            .values()
            .flat_map(|lane| lane.next_refreshes(now))
            .min();
        let next_in = next_at.map_or(LOOK_AGAIN, |at| {
            between(now, at).clamp(Duration::from_millis(1), LOOK_AGAIN)
        });
        (due, Some(next_in))
    }

    fn land(self: &Arc<Self>, task: &Task, ended: Ended) {
        let now = self.clock.now();
        self.change(&task.account.provider, now, |lane, context| {
            let at = lane
                .held
                .iter()
                .position(|held| held.serial == task.serial && held.generation == task.generation);
            if let Some(at) = at {
                lane.land(at, ended, context);
            }
        });
    }
}

impl ProviderPool {
    fn begin_refreshes(&mut self, now: Timestamp) -> Vec<Task> {
        let able = self
            .accounts
            .iter()
            .zip(&mut self.held)
            .filter(|(account, held)| {
                let can_refresh = account
                    .access
                    .as_ref()
                    .is_some_and(|access| access.can_refresh);
                can_refresh
                    && account.is_enabled
                    && account.standing(now).is_none()
                    && held.flight.is_due(held.used_at, now)
            });
        let tasks = able.map(|(_, held)| {
            held.flight.begin();
            Task {
                account: held.account.clone(),
                serial: held.serial,
                generation: held.generation,
                source: held.source.clone(),
            }
        });
        tasks.collect()
    }

    fn next_refreshes(&self, now: Timestamp) -> impl Iterator<Item = Timestamp> {
        let able = self
            .accounts
            .iter()
            .zip(&self.held)
            .filter(|(account, _)| account.access.is_some());
        able.filter_map(|(_, held)| held.flight.next_at())
            .filter(move |at| *at > now)
    }

    fn land(&mut self, at: usize, ended: Ended, context: &Context<'_>) {
        let Context {
            now, jitter, state, ..
        } = *context;
        let (account, held) = (&mut self.accounts[at], &mut self.held[at]);
        match ended {
            Ended::Fresh {
                source,
                bearer,
                ends_at,
            } => {
                held.flight.succeed(ends_at, now, jitter);
                account.access = access_of(&bearer, &source);
                (held.source, held.bearer) = (source, bearer);
                (held.was_served, held.refreshed_at) = (false, Some(now));
                account.rests.end(CooldownCause::RefreshFailing);
            }
            Ended::Refused { cause, said } => {
                held.flight.end();
                if let Some(access) = &mut account.access {
                    access.is_usable = false;
                }
                self.sign_out(at, cause, Some(&said), now, state);
            }
            Ended::Again { is_in_doubt, why } => {
                self.refresh_again(at, is_in_doubt, &why, now, jitter)
            }
            Ended::Gone => held.flight.end(),
        }
    }

    /// Until the next try the account rests, unless its token is still good.
    fn refresh_again(
        &mut self,
        at: usize,
        is_in_doubt: bool,
        why: &str,
        now: Timestamp,
        jitter: f64,
    ) {
        let (account, held) = (&mut self.accounts[at], &mut self.held[at]);
        let next_at = held.flight.fail(is_in_doubt, now, jitter);
        tracing::warn!(account = %account.name, why, is_in_doubt, "an access token could not be refreshed");
        if account
            .access
            .as_ref()
            .is_some_and(|access| access.is_good(now))
        {
            return;
        }
        account.rests.refuse(&Refused {
            model: None,
            cause: CooldownCause::RefreshFailing,
            detail: Some(why),
            named: Some((next_at, End::BackOff)),
            leased_at: now,
            is_probe: false,
            now,
            jitter,
        });
    }
}
