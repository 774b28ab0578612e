//! Access tokens: once for all who wait, ahead of their end, and never lost.

use std::collections::VecDeque;

use futures_util::future::BoxFuture;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::advance;

use super::*;
use crate::account::Tokens;
use crate::language::Said;
use crate::provider::oauth::{NoToken, TokenGrant, TokenResponse};

/// A credential store and a token endpoint in one, which logs what happened in which order.
#[derive(Default)]
struct Script {
    stored: Mutex<Option<Credential>>,
    answers: Mutex<VecDeque<TokenResponse>>,
    /// Each answer waits for one of these.
    gate: Notify,
    log: Mutex<Vec<String>>,
    writes_fail: Mutex<u32>,
}

impl Script {
    fn of(tokens: Tokens) -> Arc<Self> {
        Arc::new(Self {
            stored: Mutex::new(Some(Credential::OAuth(tokens))),
            ..Self::default()
        })
    }

    fn answer(&self, answer: TokenResponse) {
        self.answers.lock().unwrap().push_back(answer);
        self.gate.notify_one();
    }

    fn note(&self, text: impl Into<String>) {
        self.log.lock().unwrap().push(text.into());
    }

    fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    fn tokens(&self) -> Tokens {
        match self.stored.lock().unwrap().clone() {
            Some(Credential::OAuth(tokens)) => tokens,
            other => panic!("{other:?}"),
        }
    }

    fn sent(&self) -> usize {
        self.log()
            .iter()
            .filter(|line| line.starts_with("sent"))
            .count()
    }
}

fn shown(credential: &Credential) -> String {
    let Credential::OAuth(tokens) = credential else {
        panic!("{credential:?}")
    };
    let text = |secret: &Option<Secret>| {
        secret
            .as_ref()
            .map_or("-".to_owned(), |secret| secret.expose().to_owned())
    };
    let mark = if tokens.refresh_sent_at.is_some() {
        " marked"
    } else {
        ""
    };
    format!("{} {}{mark}", text(&tokens.access), text(&tokens.refresh))
}

impl Refresher for Script {
    fn refresh<'a>(
        &'a self,
        _: &'a Account,
        credential: &'a Credential,
    ) -> BoxFuture<'a, TokenResponse> {
        if matches!(credential, Credential::OAuth(_)) {
            self.note(format!("sent {}", shown(credential)));
        }
        Box::pin(async {
            self.gate.notified().await;
            self.answers.lock().unwrap().pop_front().unwrap()
        })
    }
}

impl CredentialStore for Script {
    fn claim<'a>(
        &'a self,
        _: &'a AccountName,
    ) -> BoxFuture<'a, Result<Claim, CredentialStoreError>> {
        Box::pin(async { Ok(Box::new(()) as Claim) })
    }

    fn read<'a>(
        &'a self,
        _: &'a AccountName,
    ) -> BoxFuture<'a, Result<Option<Credential>, CredentialStoreError>> {
        Box::pin(async { Ok(self.stored.lock().unwrap().clone()) })
    }

    fn replace<'a>(
        &'a self,
        _: &'a AccountName,
        old: &'a Credential,
        new: &'a Credential,
    ) -> BoxFuture<'a, Result<bool, CredentialStoreError>> {
        Box::pin(async {
            let is_successor =
                matches!(new, Credential::OAuth(tokens) if tokens.refresh_sent_at.is_none());
            if is_successor && *self.writes_fail.lock().unwrap() > 0 {
                *self.writes_fail.lock().unwrap() -= 1;
                return Err(CredentialStoreError(Said::quoted("the disk is full")));
            }
            let mut stored = self.stored.lock().unwrap();
            if stored.as_ref() != Some(old) {
                return Ok(false);
            }
            *stored = Some(new.clone());
            self.note(format!("kept {}", shown(new)));
            Ok(true)
        })
    }
}

fn secret(text: &str) -> Option<Secret> {
    Some(Secret::new(text.to_owned()))
}

/// Tokens whose access token ends after `minutes`.
fn tokens(minutes: u32) -> Tokens {
    Tokens {
        access: secret("access-1"),
        expires_at: Some(start() + MINUTE * minutes),
        refresh: secret("refresh-1"),
        ..Tokens::default()
    }
}

fn granted(number: u32, minutes: u32) -> TokenResponse {
    TokenResponse::Granted(TokenGrant {
        access: Secret::new(format!("access-{number}")),
        expires_at: Some(start() + MINUTE * minutes),
        refresh: secret(&format!("refresh-{number}")),
    })
}

fn unclear() -> TokenResponse {
    TokenResponse::Unclear {
        reason: NoToken::Transport {
            words: "the answer broke off".to_owned(),
        },
    }
}

/// A pool with one account of these tokens, and the task that refreshes them.
struct Signed {
    pool: Pool,
    script: Arc<Script>,
    store: Arc<MemoryStore>,
    tasks: JoinSet<()>,
}

impl Signed {
    async fn with(tokens: Tokens) -> Self {
        let script = Script::of(tokens.clone());
        let store = Arc::new(MemoryStore::default());
        let pool = pool_with(store.clone(), Vec::new(), SchedulingMode::Balance);
        let mut signed = Self {
            pool,
            script,
            store,
            tasks: JoinSet::new(),
        };
        signed.configure(tokens);
        let (pool, script) = (signed.pool.clone(), signed.script.clone());
        signed
            .tasks
            .spawn(async move { pool.run_refresher(script.clone(), script).await });
        settle_down().await;
        signed
    }

    fn configure(&self, tokens: Tokens) {
        let member = Member {
            account: Arc::new(account("a")),
            credential: Ok(Credential::OAuth(tokens)),
        };
        self.pool
            .replace(vec![member], rules(SchedulingMode::Balance));
    }

    async fn access(&self) -> String {
        let lease = self.pool.lease(&lease_request()).await.unwrap();
        let carried = shown(lease.credential());
        settle(&self.pool, lease, &served());
        carried.split(' ').next().unwrap().to_owned()
    }

    fn status(&self) -> String {
        status_of(&self.pool, "a").to_string()
    }
}

#[tokio::test(start_paused = true)]
async fn fifty_requests_with_an_ended_token_make_one_refresh() {
    let mut signed = Signed::with(tokens(0)).await;
    let mut requests = JoinSet::new();
    for _ in 0..50 {
        let pool = signed.pool.clone();
        requests
            .spawn(async move { shown(pool.lease(&lease_request()).await.unwrap().credential()) });
    }
    settle_down().await;
    assert_eq!(signed.status(), "refreshing");
    signed.script.answer(granted(2, 60));
    let carried = requests.join_all().await;
    assert!(
        carried
            .iter()
            .all(|carried| carried == "access-2 refresh-2")
    );
    assert_eq!(
        signed.script.log(),
        [
            "kept access-1 refresh-1 marked",
            "sent access-1 refresh-1 marked",
            "kept access-2 refresh-2"
        ]
    );
    signed.pool.close();
    signed.tasks.join_next().await;
}

#[tokio::test(start_paused = true)]
async fn fifty_refusals_of_one_token_make_one_refresh() {
    let signed = Signed::with(tokens(60)).await;
    let mut leases = Vec::new();
    for _ in 0..50 {
        leases.push(signed.pool.lease(&lease_request()).await.unwrap());
    }
    let last = leases.pop().unwrap();
    leases
        .into_iter()
        .for_each(|lease| settle(&signed.pool, lease, &Outcome::Unauthorized));
    settle_down().await;
    signed.script.answer(granted(2, 60));
    assert_eq!(signed.access().await, "access-2");
    settle(&signed.pool, last, &Outcome::Unauthorized);
    settle_down().await;
    assert_eq!(
        (signed.script.sent(), signed.access().await.as_str()),
        (1, "access-2")
    );
}

#[tokio::test(start_paused = true)]
async fn a_token_is_refreshed_ahead_of_its_end_while_it_still_serves() {
    let signed = Signed::with(tokens(60)).await;
    advance(MINUTE * 50).await;
    assert_eq!(signed.access().await, "access-1");
    for _ in 0..20 {
        advance(Duration::from_secs(29)).await;
        settle_down().await;
    }
    assert_eq!(
        (signed.script.sent(), signed.access().await.as_str()),
        (1, "access-1")
    );
    signed.script.answer(granted(2, 120));
    settle_down().await;
    assert_eq!(signed.access().await, "access-2");
}

#[tokio::test(start_paused = true)]
async fn a_revoked_grant_needs_a_person_and_says_so_once() {
    let signed = Signed::with(tokens(0)).await;
    let pool = signed.pool.clone();
    let request = lease_request();
    let waiting = tokio::join!(pool.lease(&request), async {
        settle_down().await;
        signed.script.answer(TokenResponse::Refused {
            detail: "Token has been revoked".to_owned(),
        });
    });
    assert!(matches!(waiting.0, Err(LeaseError::NeedsUser { .. })));
    assert_eq!(
        signed.status(),
        "sign-in needed (the provider refused to refresh: Token has been revoked)"
    );
    advance(MINUTE * 600).await;
    assert!(signed.pool.lease(&lease_request()).await.is_err());
    assert_eq!(
        (signed.script.sent(), signed.store.load().signed_out.len()),
        (1, 1)
    );

    signed.configure(Tokens {
        refresh: secret("refresh-9"),
        ..tokens(6000)
    });
    assert_eq!(signed.access().await, "access-1");
    assert!(signed.store.load().signed_out.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_network_that_fails_signs_nobody_out_and_leaves_no_mark() {
    let signed = Signed::with(tokens(0)).await;
    let request = lease_request();
    let (refused, ()) = tokio::join!(signed.pool.lease(&request), async {
        settle_down().await;
        signed.script.answer(TokenResponse::NotProcessed {
            reason: NoToken::Transport {
                words: "cannot connect to `auth.example`".to_owned(),
            },
        });
    });
    assert!(matches!(refused, Err(LeaseError::CoolingDown { .. })));
    assert!(
        signed
            .status()
            .contains("its access token cannot be refreshed: cannot connect to `auth.example`"),
        "{}",
        signed.status()
    );
    assert_eq!(signed.script.tokens().refresh_sent_at, None);
    advance(Duration::from_secs(3)).await;
    settle_down().await;
    signed.script.answer(granted(2, 60));
    settle_down().await;
    assert_eq!(signed.access().await, "access-2");
}

#[tokio::test(start_paused = true)]
async fn a_refresh_in_doubt_is_asked_again_until_it_is_answered() {
    let signed = Signed::with(tokens(0)).await;
    signed.script.answer(unclear());
    assert!(signed.pool.lease(&lease_request()).await.is_err());
    assert!(
        signed.script.tokens().refresh_sent_at.is_some(),
        "the mark stays"
    );
    advance(Duration::from_secs(3)).await;
    settle_down().await;
    signed.script.answer(granted(2, 60));
    settle_down().await;
    assert_eq!(
        (signed.script.sent(), signed.access().await.as_str()),
        (2, "access-2")
    );
    assert_eq!(signed.script.tokens().refresh_sent_at, None);
}

#[tokio::test(start_paused = true)]
async fn a_refresh_that_was_interrupted_by_a_kill_is_asked_again_at_the_start_without_any_request()
{
    let marked = Tokens {
        refresh_sent_at: Some(start() - MINUTE),
        ..tokens(0)
    };
    let signed = Signed::with(marked.clone()).await;
    assert_eq!(signed.script.sent(), 1);
    signed.script.answer(granted(2, 60));
    settle_down().await;
    assert_eq!(signed.access().await, "access-2");

    let signed = Signed::with(marked).await;
    signed.script.answer(TokenResponse::Refused {
        detail: "invalid_grant".to_owned(),
    });
    settle_down().await;
    assert_eq!(signed.status(), "sign-in needed (interrupted refresh)");
    assert_eq!(
        signed.script.tokens().refresh_sent_at,
        None,
        "it was answered"
    );
}

#[tokio::test(start_paused = true)]
async fn nothing_sent_in_a_retry_leaves_the_doubt() {
    let marked = Tokens {
        refresh_sent_at: Some(start() - MINUTE),
        ..tokens(0)
    };
    let signed = Signed::with(marked).await;
    signed.script.answer(TokenResponse::NotProcessed {
        reason: NoToken::Transport {
            words: "no route".to_owned(),
        },
    });
    settle_down().await;
    assert!(signed.script.tokens().refresh_sent_at.is_some());
    advance(Duration::from_secs(3)).await;
    settle_down().await;
    assert_eq!(signed.script.sent(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_successor_is_not_used_before_it_is_stored_and_never_lost() {
    let signed = Signed::with(tokens(0)).await;
    *signed.script.writes_fail.lock().unwrap() = 3;
    let pool = signed.pool.clone();
    let began = tokio::time::Instant::now();
    let request = lease_request();
    let (lease, ()) = tokio::join!(pool.lease(&request), async {
        settle_down().await;
        signed.script.answer(granted(2, 60));
    });
    assert_eq!(shown(lease.unwrap().credential()), "access-2 refresh-2");
    assert_eq!(began.elapsed(), Duration::from_secs(6));
    assert_eq!(signed.script.tokens().refresh, secret("refresh-2"));
}

#[tokio::test(start_paused = true)]
async fn closing_ends_no_refresh_that_is_under_way() {
    let mut signed = Signed::with(tokens(0)).await;
    let pool = signed.pool.clone();
    let mut requests = JoinSet::new();
    requests.spawn(async move { pool.lease(&lease_request()).await.map(drop) });
    settle_down().await;
    signed.pool.close();
    settle_down().await;
    assert!(signed.tasks.try_join_next().is_none());
    signed.script.answer(granted(2, 60));
    signed.tasks.join_next().await;
    assert_eq!(signed.script.tokens().access, secret("access-2"));
}

#[tokio::test(start_paused = true)]
async fn a_new_token_that_is_refused_at_once_is_replaced_once_more_after_a_pause() {
    let signed = Signed::with(tokens(0)).await;
    signed.script.answer(granted(2, 60));
    let lease = signed.pool.lease(&lease_request()).await.unwrap();
    settle(&signed.pool, lease, &Outcome::Unauthorized);
    settle_down().await;
    assert_eq!(
        (signed.script.sent(), signed.status().as_str()),
        (1, "refreshing")
    );
    let began = tokio::time::Instant::now();
    signed.script.answer(granted(3, 60));
    assert_eq!(signed.access().await, "access-3");
    assert_eq!(began.elapsed(), Duration::from_secs(2));
    assert_eq!(signed.script.sent(), 2);
}

/// Until the second new token in a row is refused at its first use.
async fn twice_refused() -> Signed {
    let signed = Signed::with(tokens(0)).await;
    for number in [2, 3] {
        signed.script.answer(granted(number, 600));
        let lease = signed.pool.lease(&lease_request()).await.unwrap();
        settle(&signed.pool, lease, &Outcome::Unauthorized);
    }
    signed
}

#[tokio::test(start_paused = true)]
async fn two_new_tokens_that_are_refused_at_once_need_a_person() {
    let signed = twice_refused().await;
    assert_eq!(
        signed.status(),
        "sign-in needed (the provider refused a new access token: the provider's words)"
    );
    settle_down().await;
    assert_eq!(signed.script.sent(), 2);
    assert!(matches!(
        signed.pool.lease(&lease_request()).await,
        Err(LeaseError::NeedsUser { .. })
    ));
}

#[tokio::test(start_paused = true)]
async fn a_new_token_that_was_refused_is_asked_again_after_a_minute() {
    let signed = twice_refused().await;
    advance(MINUTE).await;
    let probe = signed.pool.lease(&lease_request()).await.unwrap();
    assert!(probe.is_probe());
    settle(&signed.pool, probe, &served());
    assert_eq!(
        (signed.script.sent(), signed.status().as_str()),
        (2, "ready")
    );
    assert!(signed.store.load().signed_out.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_grant_that_is_refused_in_such_a_probe_is_asked_no_more() {
    let signed = twice_refused().await;
    // The probe is refused as well, so that the next one needs a new token.
    advance(MINUTE).await;
    let probe = signed.pool.lease(&lease_request()).await.unwrap();
    settle(&signed.pool, probe, &Outcome::Unauthorized);
    advance(MINUTE * 2).await;
    signed.script.answer(TokenResponse::Refused {
        detail: "revoked".to_owned(),
    });
    assert!(signed.pool.lease(&lease_request()).await.is_err());
    let revoked = "sign-in needed (the provider refused to refresh: revoked)";
    assert_eq!(signed.status(), revoked);
    advance(MINUTE * 600).await;
    assert!(signed.pool.lease(&lease_request()).await.is_err());
    assert_eq!(signed.script.sent(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_token_that_was_used_before_it_was_refused_is_replaced_at_once_each_time() {
    let signed = Signed::with(tokens(0)).await;
    for number in 2..6 {
        signed.script.answer(granted(number, 600));
        signed.access().await;
        let began = tokio::time::Instant::now();
        let lease = signed.pool.lease(&lease_request()).await.unwrap();
        settle(&signed.pool, lease, &Outcome::Unauthorized);
        assert_eq!(began.elapsed(), Duration::ZERO);
    }
    assert_eq!(signed.status(), "refreshing");
}

#[tokio::test(start_paused = true)]
async fn a_token_that_was_refreshed_long_ago_may_be_refreshed_again_after_a_refusal() {
    let signed = Signed::with(tokens(0)).await;
    signed.script.answer(granted(2, 600));
    drop(signed.pool.lease(&lease_request()).await.unwrap());
    advance(MINUTE * 30).await;
    let lease = signed.pool.lease(&lease_request()).await.unwrap();
    settle(&signed.pool, lease, &Outcome::Unauthorized);
    settle_down().await;
    signed.script.answer(granted(3, 600));
    assert_eq!(signed.access().await, "access-3");
}

#[tokio::test(start_paused = true)]
async fn what_another_process_refreshed_is_taken_over() {
    let signed = Signed::with(tokens(0)).await;
    let elsewhere = Tokens {
        access: secret("access-7"),
        refresh: secret("refresh-7"),
        ..tokens(60)
    };
    *signed.script.stored.lock().unwrap() = Some(Credential::OAuth(elsewhere));
    assert_eq!(
        (signed.access().await.as_str(), signed.script.sent()),
        ("access-7", 0)
    );
}

#[tokio::test(start_paused = true)]
async fn a_sign_in_during_a_refresh_is_not_overwritten() {
    let signed = Signed::with(tokens(0)).await;
    let pool = signed.pool.clone();
    let mut requests = JoinSet::new();
    requests.spawn(async move { pool.lease(&lease_request()).await.map(drop) });
    settle_down().await;
    let fresh = Tokens {
        access: secret("access-9"),
        refresh: secret("refresh-9"),
        ..tokens(60)
    };
    *signed.script.stored.lock().unwrap() = Some(Credential::OAuth(fresh.clone()));
    signed.configure(fresh);
    signed.script.answer(granted(2, 60));
    settle_down().await;
    assert_eq!(
        (
            signed.access().await.as_str(),
            signed.script.tokens().refresh
        ),
        ("access-9", secret("refresh-9"))
    );
}

#[tokio::test(start_paused = true)]
async fn an_ended_token_without_a_refresh_token_needs_a_person() {
    let signed = Signed::with(Tokens {
        refresh: None,
        ..tokens(1)
    })
    .await;
    assert_eq!(signed.access().await, "access-1");
    advance(MINUTE).await;
    assert!(matches!(
        signed.pool.lease(&lease_request()).await,
        Err(LeaseError::NeedsUser { .. })
    ));
    assert_eq!(
        signed.status(),
        "sign-in needed (the access token ended and there is no refresh token)"
    );
}

async fn with_service_account() -> Signed {
    let signed = Signed::with(tokens(0)).await;
    let file = Credential::ServiceAccount(Secret::new("the file".to_owned()));
    let member = Member {
        account: Arc::new(account("a")),
        credential: Ok(file),
    };
    signed
        .pool
        .replace(vec![member], rules(SchedulingMode::Balance));
    signed
}

#[tokio::test(start_paused = true)]
async fn a_service_account_signs_for_tokens_that_are_stored_nowhere() {
    let signed = with_service_account().await;
    let script = signed.script.clone();
    let pool = signed.pool.clone();
    let mut requests = JoinSet::new();
    requests.spawn(async move { shown(pool.lease(&lease_request()).await.unwrap().credential()) });
    script.answer(TokenResponse::Granted(TokenGrant {
        access: Secret::new("signed".to_owned()),
        expires_at: Some(start() + MINUTE * 60),
        refresh: None,
    }));
    assert_eq!(requests.join_all().await, ["signed -"]);
    assert_eq!(script.tokens(), tokens(0));
}

#[tokio::test(start_paused = true)]
async fn a_service_account_whose_key_was_refused_is_asked_again_after_a_minute() {
    let signed = with_service_account().await;
    signed.script.answer(TokenResponse::Refused {
        detail: "no such key".to_owned(),
    });
    assert!(signed.pool.lease(&lease_request()).await.is_err());
    let refused = "sign-in needed (the provider refused the key: no such key)";
    assert_eq!(signed.status(), refused);
    advance(MINUTE).await;
    signed.script.answer(granted(2, 60));
    let lease = signed.pool.lease(&lease_request()).await.unwrap();
    assert_eq!(shown(lease.credential()), "access-2 -");
    assert!(signed.store.load().signed_out.is_empty());
}

#[tokio::test(start_paused = true)]
async fn others_serve_while_one_refreshes() {
    let signed = Signed::with(tokens(0)).await;
    let stale = Member {
        account: Arc::new(account("a")),
        credential: Ok(Credential::OAuth(tokens(0))),
    };
    signed.pool.replace(
        vec![stale, member(account("b"))],
        rules(SchedulingMode::Balance),
    );
    assert_eq!(
        taken(&signed.pool.lease(&lease_request()).await.unwrap()),
        "b"
    );
    settle_down().await;
    assert_eq!(
        signed.script.sent(),
        1,
        "who would have been chosen is refreshed beside"
    );
}
