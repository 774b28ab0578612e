//! What starts a cooldown, how long it lasts, and what ends it.

use tokio::time::advance;

use super::*;
use crate::outcome::{Refusal, Stage, Unit};

fn at_minute(minute: u32) -> Timestamp {
    start() + MINUTE * minute
}

async fn cooling_until(pool: &Pool, request: &LeaseRequest<'_>) -> Timestamp {
    match pool.lease(request).await.unwrap_err() {
        LeaseError::CoolingDown { until, .. } => until,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_limit_cools_one_account_for_one_model_until_the_named_moment() {
    let pool = pool_of(accounts(&["a"]), SchedulingMode::Balance);
    use_once(&pool, &lease_request(), &throttled(at_minute(5))).await;
    assert_eq!(cooling_until(&pool, &lease_request()).await, at_minute(5));
    pool.lease(&LeaseRequest {
        model: "model-b",
        ..lease_request()
    })
    .await
    .unwrap();
    let status = status_of(&pool, "a");
    assert_eq!(
        status.to_string(),
        "cooling until 2027-01-15T08:05:00Z (rate limit, model-a: the provider's words)"
    );
    advance(MINUTE * 5).await;
    pool.lease(&lease_request()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_covers_the_account_cools_all_of_its_models() {
    let pool = pool_of(accounts(&["a"]), SchedulingMode::Balance);
    let spent = Outcome::QuotaSpent {
        scope: Scope::Account,
        until: Some(at_minute(600)),
    };
    use_once(&pool, &lease_request(), &spent).await;
    assert_eq!(
        cooling_until(
            &pool,
            &LeaseRequest {
                model: "model-b",
                ..lease_request()
            }
        )
        .await,
        at_minute(600)
    );
    assert_eq!(status_of(&pool, "a").name(), "quota_used_up");
}

#[tokio::test(start_paused = true)]
async fn when_all_rest_the_earliest_true_end_is_told_also_of_those_tried() {
    let pool = pool_of(accounts(&["a", "b"]), SchedulingMode::Drain);
    use_once(&pool, &lease_request(), &throttled(at_minute(5))).await;
    use_once(&pool, &lease_request(), &throttled(at_minute(300))).await;
    let tried = [name("a"), name("b")];
    assert_eq!(
        cooling_until(
            &pool,
            &LeaseRequest {
                tried: &tried,
                ..lease_request()
            }
        )
        .await,
        at_minute(5)
    );
}

#[tokio::test(start_paused = true)]
async fn a_probe_of_a_long_rest_does_not_shorten_what_is_told() {
    let pool = pool_of(accounts(&["a"]), SchedulingMode::Balance);
    use_once(&pool, &lease_request(), &throttled(at_minute(300))).await;
    advance(MINUTE * 15).await;
    let probe = pool.lease(&lease_request()).await.unwrap();
    assert!(probe.is_probe());
    assert_eq!(
        cooling_until(&pool, &lease_request()).await,
        at_minute(300),
        "one probe at a time"
    );
    settle(
        &pool,
        probe,
        &Outcome::Throttled {
            scope: Scope::Model,
            until: None,
        },
    );
    assert_eq!(
        cooling_until(&pool, &lease_request()).await,
        at_minute(300),
        "the cooldown stands"
    );
    advance(MINUTE * 15).await;
    let probe = pool.lease(&lease_request()).await.unwrap();
    settle(&pool, probe, &served());
    assert!(!pool.lease(&lease_request()).await.unwrap().is_probe());
}

#[tokio::test(start_paused = true)]
async fn a_probe_is_for_a_new_conversation_and_fails_over_unseen() {
    let pool = pool_of(accounts(&["a", "b"]), SchedulingMode::Balance);
    use_once(&pool, &lease_request(), &throttled(at_minute(300))).await;
    let session = SessionKey::of("s");
    assert_eq!(use_once(&pool, &of_session(&session), &served()).await, "b");
    advance(MINUTE * 15).await;
    assert_eq!(
        use_once(&pool, &of_session(&session), &served()).await,
        "b",
        "a conversation keeps its account"
    );
    let probe = pool.lease(&lease_request()).await.unwrap();
    assert_eq!((taken(&probe).as_str(), probe.is_probe()), ("a", true));
    settle(
        &pool,
        probe,
        &Outcome::Throttled {
            scope: Scope::Model,
            until: None,
        },
    );
    let tried = [name("a")];
    assert_eq!(
        use_once(
            &pool,
            &LeaseRequest {
                tried: &tried,
                ..lease_request()
            },
            &served()
        )
        .await,
        "b"
    );
}

#[tokio::test(start_paused = true)]
async fn a_daily_quota_without_a_moment_rests_until_the_known_reset() {
    let pool = pool_of(accounts(&["a"]), SchedulingMode::Balance);
    let lease = pool.lease(&lease_request()).await.unwrap();
    let reading = Reading {
        window: "requests_per_day".into(),
        unit: Unit::Requests,
        scope: Scope::Account,
        limit: Some(50),
        remaining: Some(0),
        resets_at: Some(at_minute(400)),
        source: crate::outcome::ReadingSource::ErrorBody,
    };
    lease.settle(
        &Outcome::QuotaSpent {
            scope: Scope::Account,
            until: None,
        },
        None,
        vec![reading],
        start(),
    );
    assert_eq!(cooling_until(&pool, &lease_request()).await, at_minute(400));
    assert_eq!(
        pool.view(start())[0].cooldowns[0].end,
        CooldownEnd::KnownReset
    );
}

#[tokio::test(start_paused = true)]
async fn a_quota_without_any_moment_rests_by_back_off_and_says_so() {
    let pool = pool_of(accounts(&["a"]), SchedulingMode::Balance);
    use_once(
        &pool,
        &lease_request(),
        &Outcome::QuotaSpent {
            scope: Scope::Account,
            until: None,
        },
    )
    .await;
    let until = cooling_until(&pool, &lease_request()).await;
    assert!(
        until >= at_minute(10) && until <= at_minute(13),
        "{until:?}"
    );
    assert_eq!(pool.view(start())[0].cooldowns[0].end, CooldownEnd::BackOff);
    let awaits_proof = || pool.view(pool.now())[0].awaits_proof;
    assert!(!awaits_proof(), "it is not over");
    advance(MINUTE * 13).await;
    assert!(awaits_proof());
    assert_eq!(status_of(&pool, "a"), AccountStatus::Ready);
    use_once(&pool, &lease_request(), &served()).await;
    assert!(!awaits_proof());
}

#[tokio::test(start_paused = true)]
async fn what_the_request_is_to_blame_for_cools_nothing() {
    let pool = pool_of(accounts(&["a"]), SchedulingMode::Balance);
    for refusal in [
        Refusal::Other,
        Refusal::UnknownModel,
        Refusal::ContextTooLong,
        Refusal::InvalidSignature,
    ] {
        for _ in 0..20 {
            use_once(&pool, &lease_request(), &Outcome::Rejected(refusal)).await;
        }
    }
    assert_eq!(status_of(&pool, "a"), AccountStatus::Ready);
}

#[tokio::test(start_paused = true)]
async fn a_forbidden_model_rests_with_what_the_provider_said() {
    let pool = pool_of(accounts(&["a"]), SchedulingMode::Balance);
    use_once(&pool, &lease_request(), &Outcome::Forbidden).await;
    assert_eq!(cooling_until(&pool, &lease_request()).await, at_minute(1));
    assert!(
        status_of(&pool, "a")
            .to_string()
            .contains("(forbidden, model-a: the provider's words)")
    );
    pool.lease(&LeaseRequest {
        model: "model-b",
        ..lease_request()
    })
    .await
    .unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_forbidden_model_is_asked_again_after_a_minute_and_then_ever_later_up_to_an_hour() {
    let pool = pool_of(accounts(&["a"]), SchedulingMode::Balance);
    let mut asked = Vec::new();
    for minute in 0..400 {
        if let Ok(lease) = pool.lease(&lease_request()).await {
            settle(&pool, lease, &Outcome::Forbidden);
            asked.push(minute);
        }
        advance(MINUTE).await;
    }
    assert_eq!(asked, [0, 1, 3, 7, 15, 31, 63, 123, 183, 243, 303, 363]);
}

#[tokio::test(start_paused = true)]
async fn a_forbidden_model_is_allowed_again_by_hand_or_with_another_credential() {
    let store = Arc::new(MemoryStore::default());
    let pool = pool_with(store.clone(), accounts(&["a"]), SchedulingMode::Balance);
    use_once(&pool, &lease_request(), &Outcome::Forbidden).await;
    assert!(pool.clear(&name("a")));
    use_once(&pool, &lease_request(), &Outcome::Forbidden).await;
    assert_eq!(store.load().cooldowns.len(), 1);
    let new = Member {
        credential: Ok(Credential::Key(Secret::new("new".to_owned()))),
        ..member(account("a"))
    };
    pool.replace(vec![new], rules(SchedulingMode::Balance));
    assert!(store.load().cooldowns.is_empty());
    use_once(&pool, &lease_request(), &served()).await;
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_refused_again_and_again_is_asked_ever_later_and_the_user_told_meanwhile() {
    let store = Arc::new(MemoryStore::default());
    let pool = pool_with(store.clone(), accounts(&["a"]), SchedulingMode::Balance);
    let mut asked = Vec::new();
    for minute in 0..200 {
        if let Ok(lease) = pool.lease(&lease_request()).await {
            settle(&pool, lease, &Outcome::Unauthorized);
            asked.push(minute);
        }
        assert_eq!(status_of(&pool, "a").name(), "sign_in_needed");
        advance(MINUTE).await;
    }
    assert_eq!(asked, [0, 1, 3, 7, 15, 31, 63, 123, 183]);
    assert_eq!(store.load().signed_out.len(), 1, "it is one event");
}

#[tokio::test(start_paused = true)]
async fn a_probe_of_a_refused_key_is_a_single_request() {
    let pool = pool_of(accounts(&["a"]), SchedulingMode::Balance);
    use_once(&pool, &lease_request(), &Outcome::Unauthorized).await;
    advance(MINUTE).await;
    let probe = pool.lease(&lease_request()).await.unwrap();
    assert!(probe.is_probe());
    assert!(matches!(
        pool.lease(&lease_request()).await,
        Err(LeaseError::NeedsUser { .. })
    ));
    settle(&pool, probe, &served());
    pool.lease(&lease_request()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_refused_key_is_signed_out_once_and_looked_at_again_later() {
    let store = Arc::new(MemoryStore::default());
    let pool = pool_with(store.clone(), accounts(&["a"]), SchedulingMode::Balance);
    let beside = pool.lease(&lease_request()).await.unwrap();
    use_once(&pool, &lease_request(), &Outcome::Unauthorized).await;
    settle(&pool, beside, &Outcome::Unauthorized);
    assert_eq!(store.load().signed_out.len(), 1);
    assert!(matches!(
        pool.lease(&lease_request()).await,
        Err(LeaseError::NeedsUser { .. })
    ));
    assert_eq!(
        status_of(&pool, "a").to_string(),
        "sign-in needed (the provider refused the key: the provider's words)"
    );
    advance(MINUTE).await;
    let probe = pool.lease(&lease_request()).await.unwrap();
    assert!(probe.is_probe());
    settle(&pool, probe, &served());
    assert_eq!(status_of(&pool, "a"), AccountStatus::Ready);
    assert!(store.load().signed_out.is_empty());
}

#[tokio::test(start_paused = true)]
async fn another_key_ends_what_was_held_against_the_old_one() {
    let pool = pool_of(accounts(&["a"]), SchedulingMode::Balance);
    use_once(&pool, &lease_request(), &Outcome::Unauthorized).await;
    let new = Member {
        credential: Ok(Credential::Key(Secret::new("new".to_owned()))),
        ..member(account("a"))
    };
    pool.replace(vec![new], rules(SchedulingMode::Balance));
    assert_eq!(status_of(&pool, "a"), AccountStatus::Ready);
}

#[tokio::test(start_paused = true)]
async fn rests_conversations_and_what_was_spent_survive_a_restart() {
    let store = Arc::new(MemoryStore::default());
    let mut limited = account("a");
    limited.settings.budgets = vec!["2 requests/day UTC".parse().unwrap()];
    let team = || vec![limited.clone(), account("b"), account("c")];
    let session = SessionKey::of("s");
    let pool = pool_with(store.clone(), team(), SchedulingMode::Balance);
    assert_eq!(use_once(&pool, &lease_request(), &served()).await, "a");
    assert_eq!(
        use_once(&pool, &lease_request(), &throttled(at_minute(20))).await,
        "b"
    );
    assert_eq!(use_once(&pool, &of_session(&session), &served()).await, "c");
    drop(pool);

    let pool = pool_with(store, team(), SchedulingMode::Balance);
    assert_eq!(status_of(&pool, "b").until(), Some(at_minute(20)));
    let views = pool.view(start());
    assert_eq!((views[0].budgets[0].spent, views[2].sessions), (1, 1));
    use_once(&pool, &lease_request(), &served()).await;
    assert_eq!(use_once(&pool, &of_session(&session), &served()).await, "c");
}

#[tokio::test(start_paused = true)]
async fn a_rest_that_a_wrong_clock_wrote_years_ahead_keeps_its_length_after_a_restart() {
    let store = Arc::new(MemoryStore::default());
    let year = MINUTE * 60 * 24 * 365;
    let wrong = Pool::seeded(
        store.clone(),
        Clock::of(move || start() + year),
        rules(SchedulingMode::Balance),
        7,
    );
    wrong.replace(vec![member(account("a"))], rules(SchedulingMode::Balance));
    use_once(
        &wrong,
        &lease_request(),
        &throttled(start() + year + MINUTE * 5),
    )
    .await;
    let pool = pool_with(store, accounts(&["a"]), SchedulingMode::Balance);
    assert_eq!(cooling_until(&pool, &lease_request()).await, at_minute(5));
}

#[tokio::test(start_paused = true)]
async fn after_the_clock_jumped_all_is_measured_anew() {
    let now = Arc::new(Mutex::new(start() + MINUTE * 60 * 24));
    let clock = Clock::of({
        let now = now.clone();
        move || *now.lock().unwrap()
    });
    let pool = Pool::seeded(
        Arc::new(NullStateStore),
        clock,
        rules(SchedulingMode::Balance),
        7,
    );
    pool.replace(vec![member(account("a"))], rules(SchedulingMode::Balance));
    let session = SessionKey::of("s");
    let until = *now.lock().unwrap() + MINUTE * 5;
    use_once(&pool, &of_session(&session), &throttled(until)).await;
    *now.lock().unwrap() = start();
    assert_eq!(
        cooling_until(&pool, &lease_request()).await,
        at_minute(5),
        "back: the cooldown keeps its length"
    );
    *now.lock().unwrap() = at_minute(6);
    pool.lease(&lease_request()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_moment_that_is_absurdly_far_is_an_hour_and_then_asked() {
    let pool = pool_of(accounts(&["a"]), SchedulingMode::Balance);
    use_once(
        &pool,
        &lease_request(),
        &throttled(start() + MINUTE * 60 * 24 * 365 * 10),
    )
    .await;
    assert_eq!(cooling_until(&pool, &lease_request()).await, at_minute(60));
    advance(MINUTE * 60).await;
    use_once(&pool, &lease_request(), &served()).await;
}

#[tokio::test(start_paused = true)]
async fn clearing_by_hand_ends_rests_and_is_kept() {
    let store = Arc::new(MemoryStore::default());
    let pool = pool_with(store.clone(), accounts(&["a"]), SchedulingMode::Balance);
    use_once(&pool, &lease_request(), &throttled(at_minute(300))).await;
    assert!(pool.clear(&name("a")));
    assert!(!pool.clear(&name("unknown")));
    assert!(store.load().cooldowns.is_empty());
    pool.lease(&lease_request()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_nobody_reaches_is_left_alone_and_then_tried_by_one() {
    let names: Vec<_> = (0..9).map(|number| format!("a{number}")).collect();
    let pool = pool_of(
        names.iter().map(|name| account(name)).collect(),
        SchedulingMode::Balance,
    );
    for _ in 0..10 {
        use_once(
            &pool,
            &lease_request(),
            &Outcome::Unreachable {
                stage: Stage::Connect,
            },
        )
        .await;
    }
    let until = cooling_until(&pool, &lease_request()).await;
    assert!(until >= start() + Duration::from_secs(5));
    assert_eq!(status_of(&pool, "a8").name(), "unreachable");
    advance(Duration::from_secs(7)).await;
    let probe = pool.lease(&lease_request()).await.unwrap();
    assert!(probe.is_probe());
    let request = lease_request();
    let (one, other) = tokio::join!(pool.lease(&request), async {
        settle_down().await;
        settle(&pool, probe, &served());
    });
    drop((one.unwrap(), other));
}

#[tokio::test(start_paused = true)]
async fn a_proxy_that_fails_cuts_off_only_the_accounts_behind_it() {
    let mut behind = account("a");
    behind.settings.proxy = Some("http://127.0.0.1:9".to_owned());
    let pool = pool_of(vec![behind, account("b")], SchedulingMode::Drain);
    for _ in 0..10 {
        assert_eq!(
            use_once(
                &pool,
                &lease_request(),
                &Outcome::Unreachable {
                    stage: Stage::Connect
                }
            )
            .await,
            "a"
        );
    }
    assert_eq!(use_once(&pool, &lease_request(), &served()).await, "b");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_began_before_the_rest_does_not_end_it() {
    let pool = pool_of(accounts(&["a"]), SchedulingMode::Balance);
    let older = pool.lease(&lease_request()).await.unwrap();
    advance(Duration::from_secs(1)).await;
    use_once(&pool, &lease_request(), &throttled(at_minute(5))).await;
    settle(&pool, older, &served());
    assert_eq!(cooling_until(&pool, &lease_request()).await, at_minute(5));
}

#[tokio::test(start_paused = true)]
async fn who_could_not_serve_is_named_with_the_lease_for_explanations() {
    let pool = pool_of(accounts(&["a", "b"]), SchedulingMode::Drain);
    use_once(&pool, &lease_request(), &throttled(at_minute(5))).await;
    let lease = pool.lease(&lease_request()).await.unwrap();
    let [passed] = lease.passed_over() else {
        panic!("{lease:?}")
    };
    assert_eq!(passed.account, name("a"));
    assert!(
        passed
            .why
            .to_string()
            .starts_with("cooling until 2027-01-15T08:05:00Z (rate limit"),
        "{}",
        passed.why
    );
}
