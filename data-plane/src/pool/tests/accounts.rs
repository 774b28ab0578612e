//! Account settings, budgets, and accounts that are added, removed and lack something.

use futures_util::FutureExt;
use tokio::time::advance;

use super::*;
use crate::account::{Address, CredentialProblem};
use crate::language::Said;

fn with(change: impl FnOnce(&mut AccountSettings)) -> Account {
    let mut account = account("a");
    change(&mut account.settings);
    account
}

fn pool_in_need(need: NeedsUser) -> Pool {
    let pool = pool_of(Vec::new(), SchedulingMode::Balance);
    let member = Member {
        account: Arc::new(account("a")),
        credential: Err(need),
    };
    pool.replace(vec![member], rules(SchedulingMode::Balance));
    pool
}

#[tokio::test(start_paused = true)]
async fn an_allow_list_may_have_wildcards() {
    let pool = pool_of(
        vec![with(|settings| {
            settings.models = Some(vec!["model-*".to_owned(), "x".to_owned()])
        })],
        SchedulingMode::Balance,
    );
    for (model, is_allowed) in [("model-a", true), ("x", true), ("xy", false)] {
        assert_eq!(
            pool.lease(&LeaseRequest {
                model,
                ..lease_request()
            })
            .await
            .is_ok(),
            is_allowed,
            "{model}"
        );
    }
    let refused = pool
        .lease(&LeaseRequest {
            model: "y",
            ..lease_request()
        })
        .await
        .unwrap_err();
    assert!(
        matches!(&refused, LeaseError::None { why } if why[0].why == SkipReason::ModelNotAllowed)
    );
}

#[tokio::test(start_paused = true)]
async fn an_account_serves_until_the_day_that_was_given_for_its_end() {
    let pool = pool_of(
        vec![with(|settings| {
            settings.expires_on = Some(start() + MINUTE)
        })],
        SchedulingMode::Balance,
    );
    pool.lease(&lease_request()).await.unwrap();
    advance(MINUTE).await;
    assert!(matches!(
        pool.lease(&lease_request()).await,
        Err(LeaseError::NeedsUser { .. })
    ));
    assert_eq!(
        status_of(&pool, "a").to_string(),
        "expired at 2027-01-15T08:01:00Z"
    );
}

#[tokio::test(start_paused = true)]
async fn a_spent_budget_ends_at_midnight_in_its_zone() {
    let pool = pool_of(
        vec![with(|settings| {
            settings.budgets = vec!["100 tokens/day Asia/Kolkata".parse().unwrap()]
        })],
        SchedulingMode::Balance,
    );
    let usage = Usage {
        input: Some(90),
        output: Some(10),
        ..Usage::default()
    };
    use_once(&pool, &lease_request(), &Outcome::Served { usage }).await;
    let refused = pool.lease(&lease_request()).await.unwrap_err();
    let midnight: Timestamp = "2027-01-15T18:30:00Z"
        .parse::<jiff::Timestamp>()
        .unwrap()
        .into();
    assert!(
        matches!(refused, LeaseError::CoolingDown { until, .. } if until == midnight),
        "{refused:?}"
    );
    assert_eq!(
        status_of(&pool, "a").to_string(),
        "quota used up until 2027-01-15T18:30:00Z (your budget of 100 tokens/day Asia/Kolkata)"
    );
    advance(MINUTE * (10 * 60 + 30)).await;
    pool.lease(&lease_request()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_budget_of_requests_counts_what_clients_left_and_not_what_nobody_took() {
    let account = with(|settings| {
        settings.budgets = vec!["2 requests/day UTC".parse().unwrap()];
        settings.concurrency_max = Some(1);
    });
    let pool = pool_of(vec![account], SchedulingMode::Balance);
    let lease = pool.lease(&lease_request()).await.unwrap();
    let request = lease_request();
    let mut leaving = Box::pin(pool.lease(&request));
    assert!(leaving.as_mut().now_or_never().is_none());
    drop(lease);
    drop(leaving);
    assert_eq!(pool.view(start())[0].budgets[0].spent, 1);
}

#[tokio::test(start_paused = true)]
async fn what_only_a_person_changes_is_said_in_words() {
    let address = |text: &str| text.parse::<Address>().unwrap();
    let cases = [
        (
            NeedsUser::AddressChanged {
                entered_for: address("https://a.example"),
                now: address("https://b.example"),
            },
            "sign_in_needed",
            "sign-in needed (address changed from https://a.example:443 to https://b.example:443)",
        ),
        (
            NeedsUser::Credential(CredentialProblem::NeedsKey {
                env: "LAB_KEY".to_owned(),
            }),
            "env_unset",
            "no key: set `LAB_KEY` in the environment of aerostat and start it again",
        ),
        (
            NeedsUser::VaultLocked {
                detail: Said::quoted("no keyring answers"),
            },
            "vault_locked",
            "vault locked (no keyring answers)",
        ),
        (
            NeedsUser::no_credential(start()),
            "sign_in_needed",
            "sign-in needed (no credential is stored)",
        ),
    ];
    for (need, name, reason) in cases {
        let pool = pool_in_need(need);
        assert!(matches!(
            pool.lease(&lease_request()).await,
            Err(LeaseError::NeedsUser { .. })
        ));
        let status = status_of(&pool, "a");
        assert_eq!(
            (status.name(), status.reason().as_deref()),
            (name, Some(reason))
        );
        pool.replace(vec![member(account("a"))], rules(SchedulingMode::Balance));
        pool.lease(&lease_request()).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_known_of_accounts_that_stay_is_kept_over_a_change_of_configuration() {
    let pool = pool_of(accounts(&["a", "b", "c"]), SchedulingMode::Balance);
    let session = SessionKey::of("s");
    let leased = pool.lease(&lease_request()).await.unwrap();
    use_once(&pool, &lease_request(), &throttled(start() + MINUTE)).await;
    use_once(&pool, &of_session(&session), &served()).await;
    let roster = |names: &[&str]| accounts(names).into_iter().map(member).collect::<Vec<_>>();
    pool.replace(
        roster(&["c", "b", "new", "a"]),
        rules(SchedulingMode::Balance),
    );
    let views = pool.view(start());
    let of = |text: &str| {
        views
            .iter()
            .find(|view| view.account.name.as_str() == text)
            .unwrap()
    };
    assert_eq!(
        (of("a").in_flight, of("b").cooldowns.len(), of("c").sessions),
        (1, 1, 1)
    );
    assert_eq!(use_once(&pool, &of_session(&session), &served()).await, "c");
    settle(&pool, leased, &served());
    assert_eq!(pool.view(start())[0].in_flight, 0);
}

#[tokio::test(start_paused = true)]
async fn an_account_that_was_away_comes_back_with_its_rest_unless_it_is_forgotten() {
    let pool = pool_of(accounts(&["a"]), SchedulingMode::Balance);
    use_once(&pool, &lease_request(), &throttled(start() + MINUTE)).await;
    pool.replace(Vec::new(), rules(SchedulingMode::Balance));
    pool.replace(vec![member(account("a"))], rules(SchedulingMode::Balance));
    assert_eq!(status_of(&pool, "a").name(), "cooling");
    pool.replace(Vec::new(), rules(SchedulingMode::Balance));
    pool.forget(&name("a"));
    pool.replace(vec![member(account("a"))], rules(SchedulingMode::Balance));
    assert_eq!(status_of(&pool, "a"), AccountStatus::Ready);
}

#[tokio::test(start_paused = true)]
async fn the_offline_provider_is_no_account_that_is_ready() {
    let demo = Account {
        provider: crate::provider::DEMO.to_owned(),
        ..account("demo")
    };
    let pool = pool_of(
        vec![demo, account("a"), account("b")],
        SchedulingMode::Balance,
    );
    assert_eq!(pool.accounts_ready(), 2);
    use_once(&pool, &lease_request(), &Outcome::Unauthorized).await;
    assert_eq!(pool.accounts_ready(), 1);
}

fn balance(currency: &'static str, remaining: u64) -> Reading {
    Reading {
        window: currency.into(),
        unit: crate::outcome::Unit::Other,
        scope: Scope::Account,
        limit: None,
        remaining: Some(remaining),
        resets_at: None,
        source: crate::outcome::ReadingSource::BalanceCall,
    }
}

#[tokio::test(start_paused = true)]
async fn an_account_whose_balance_is_spent_is_chosen_last_until_that_is_old() {
    let pool = pool_of(accounts(&["a", "b"]), SchedulingMode::Drain);
    assert!(pool.record_balance(&name("a"), vec![balance("usd", 0)]));
    assert!(!pool.record_balance(&name("unknown"), Vec::new()));
    assert_eq!(use_once(&pool, &lease_request(), &served()).await, "b");
    assert_eq!(pool.view(start())[0].quota[0].reading.remaining, Some(0));
    pool.set_enabled(&name("b"), false);
    assert_eq!(use_once(&pool, &lease_request(), &served()).await, "a");
    pool.set_enabled(&name("b"), true);
    tokio::time::advance(MINUTE * 15).await;
    assert_eq!(use_once(&pool, &lease_request(), &served()).await, "a");
}

#[tokio::test(start_paused = true)]
async fn one_currency_that_is_left_is_enough() {
    let pool = pool_of(accounts(&["a", "b"]), SchedulingMode::Drain);
    pool.record_balance(&name("a"), vec![balance("cny", 0), balance("usd", 9)]);
    assert_eq!(use_once(&pool, &lease_request(), &served()).await, "a");
    pool.record_balance(&name("a"), vec![balance("cny", 0), balance("usd", 0)]);
    assert_eq!(use_once(&pool, &lease_request(), &served()).await, "b");
}

#[tokio::test(start_paused = true)]
async fn balances_are_due_of_accounts_in_use_whose_provider_tells_them() {
    let pool = pool_of(accounts(&["a", "b"]), SchedulingMode::Drain);
    use_once(&pool, &lease_request(), &served()).await;
    assert!(pool.balances_due().now_or_never().is_none());
    pool.follow_balances(&|provider| provider == "lab");
    use_once(&pool, &lease_request(), &served()).await;
    let due = pool.balances_due().now_or_never().unwrap();
    assert_eq!(due.len(), 1);
    assert_eq!(due[0].account.name, name("a"));
    use_once(&pool, &lease_request(), &served()).await;
    assert!(pool.balances_due().now_or_never().is_none());
    tokio::time::advance(MINUTE * 10).await;
    use_once(&pool, &lease_request(), &served()).await;
    assert_eq!(pool.balances_due().now_or_never().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_served_request_shows_that_a_window_has_something_left() {
    let store = Arc::new(MemoryStore::default());
    let pool = pool_with(store.clone(), accounts(&["a"]), SchedulingMode::Balance);
    let spent = Reading {
        scope: Scope::Model,
        resets_at: Some(start() + MINUTE * 60),
        source: crate::outcome::ReadingSource::ErrorBody,
        ..balance("requests_per_day", 0)
    };
    let lease = pool.lease(&lease_request()).await.unwrap();
    lease.settle(&served(), None, vec![spent], start());
    assert_eq!(pool.view(start())[0].quota[0].reading.remaining, Some(0));
    tokio::time::advance(MINUTE).await;
    use_once(&pool, &lease_request(), &served()).await;
    assert_eq!(pool.view(start())[0].quota[0].reading.remaining, None);
    let saved = store.load().readings;
    assert_eq!(saved.last().unwrap().1.reading.remaining, None);
}

#[tokio::test(start_paused = true)]
async fn a_provider_without_accounts_has_none() {
    let pool = pool_of(accounts(&["a"]), SchedulingMode::Balance);
    let refused = pool
        .lease(&LeaseRequest {
            provider: "other",
            ..lease_request()
        })
        .await
        .unwrap_err();
    assert_eq!(refused, LeaseError::None { why: Vec::new() });
}

/// `alpha: next`, `beta: behind alpha (Priority)`, `gamma: passed over (disabled)`.
fn places(pool: &Pool, model: Option<&str>) -> Vec<String> {
    let prospects = pool.prospects(model, pool.now());
    let told = prospects.into_iter().map(|prospect| {
        let place = match prospect.place {
            Place::Next => "next".to_owned(),
            Place::Behind { first, because } => format!("behind {first} ({because:?})"),
            Place::PassedOver(reason) => format!("passed over ({reason})"),
        };
        format!("{}: {place}", prospect.account)
    });
    told.collect()
}

#[tokio::test(start_paused = true)]
async fn the_next_account_is_told_without_a_lease_and_why_not_the_others() {
    let mut list = accounts(&["alpha", "beta", "gamma", "delta"]);
    list[0].settings.priority = 200;
    list[2].settings.enabled = false;
    list[3].settings.models = Some(vec!["other-*".to_owned()]);
    list[3].settings.priority = 200;
    let pool = pool_of(list, SchedulingMode::Balance);
    let expected = [
        "alpha: behind beta (Priority)",
        "beta: next",
        "gamma: passed over (disabled)",
        "delta: passed over (the model is not in its list)",
    ];
    assert_eq!(places(&pool, Some(MODEL)), expected);
    assert_eq!(places(&pool, None)[3], "delta: behind beta (Priority)");
    assert_eq!(use_once(&pool, &lease_request(), &served()).await, "beta");
    assert_eq!(
        places(&pool, Some(MODEL)),
        expected,
        "asking changes nothing"
    );

    let until = pool.now() + 30 * MINUTE;
    assert_eq!(
        use_once(&pool, &lease_request(), &throttled(until)).await,
        "beta"
    );
    let after = places(&pool, Some(MODEL));
    assert_eq!(after[0], "alpha: next");
    assert!(
        after[1].starts_with("beta: passed over (cooling until"),
        "{after:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn among_equals_the_one_with_less_to_do_is_next() {
    let pool = pool_of(accounts(&["alpha", "beta"]), SchedulingMode::Balance);
    let lease = pool.lease(&lease_request()).await.unwrap();
    assert_eq!(
        places(&pool, None),
        ["alpha: behind beta (Load)", "beta: next"]
    );
    settle(&pool, lease, &served());
    assert_eq!(
        places(&pool, None),
        ["alpha: behind beta (Turn)", "beta: next"]
    );
}
