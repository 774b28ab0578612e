//! For every pair of modes, a case in which they choose differently.

use super::*;

/// A conversation whose account is in a cooldown of ten seconds.
async fn of_a_cooling_account(mode: SchedulingMode) -> String {
    let pool = pool_of(accounts(&["a", "b"]), mode);
    let session = SessionKey::of("s");
    let first = use_once(
        &pool,
        &of_session(&session),
        &throttled(start() + Duration::from_secs(10)),
    )
    .await;
    assert_eq!(first, "a");
    taken(&pool.lease(&of_session(&session)).await.unwrap())
}

/// A conversation whose account has a request in flight, while another is idle.
async fn of_a_loaded_account(mode: SchedulingMode) -> String {
    let pool = pool_of(accounts(&["a", "b"]), mode);
    let session = SessionKey::of("s");
    let _first = pool.lease(&of_session(&session)).await.unwrap();
    taken(&pool.lease(&of_session(&session)).await.unwrap())
}

/// A conversation that began with the second account, since the first was busy, and goes on when
/// both are free.
async fn begun_with_the_second(mode: SchedulingMode) -> String {
    let pool = pool_of(vec![narrow("a"), account("b")], mode);
    let session = SessionKey::of("s");
    let busy = pool.lease(&lease_request()).await.unwrap();
    assert_eq!(use_once(&pool, &of_session(&session), &served()).await, "b");
    settle(&pool, busy, &served());
    taken(&pool.lease(&of_session(&session)).await.unwrap())
}

/// A new conversation while the first account has one request in flight.
async fn beside_a_loaded_account(mode: SchedulingMode) -> String {
    let pool = pool_of(accounts(&["a", "b"]), mode);
    let _first = pool.lease(&lease_request()).await.unwrap();
    taken(
        &pool
            .lease(&of_session(&SessionKey::of("new")))
            .await
            .unwrap(),
    )
}

#[tokio::test(start_paused = true)]
async fn cache_first_waits_for_the_conversations_account_where_balance_switches() {
    assert_eq!(of_a_cooling_account(SchedulingMode::CacheFirst).await, "a");
    assert_eq!(of_a_cooling_account(SchedulingMode::Balance).await, "b");
}

#[tokio::test(start_paused = true)]
async fn cache_first_keeps_the_account_where_performance_spreads() {
    assert_eq!(of_a_loaded_account(SchedulingMode::CacheFirst).await, "a");
    assert_eq!(of_a_loaded_account(SchedulingMode::Performance).await, "b");
}

#[tokio::test(start_paused = true)]
async fn cache_first_keeps_the_account_where_drain_goes_back_to_the_first() {
    assert_eq!(begun_with_the_second(SchedulingMode::CacheFirst).await, "b");
    assert_eq!(begun_with_the_second(SchedulingMode::Drain).await, "a");
}

#[tokio::test(start_paused = true)]
async fn balance_keeps_the_account_where_performance_spreads() {
    assert_eq!(of_a_loaded_account(SchedulingMode::Balance).await, "a");
    assert_eq!(of_a_loaded_account(SchedulingMode::Performance).await, "b");
}

#[tokio::test(start_paused = true)]
async fn balance_spreads_new_conversations_where_drain_fills_the_first() {
    assert_eq!(beside_a_loaded_account(SchedulingMode::Balance).await, "b");
    assert_eq!(beside_a_loaded_account(SchedulingMode::Drain).await, "a");
}

#[tokio::test(start_paused = true)]
async fn performance_spreads_where_drain_fills_the_first() {
    assert_eq!(
        beside_a_loaded_account(SchedulingMode::Performance).await,
        "b"
    );
    assert_eq!(beside_a_loaded_account(SchedulingMode::Drain).await, "a");
}

#[tokio::test(start_paused = true)]
async fn cache_first_moves_at_once_where_waiting_would_take_too_long() {
    let pool = pool_of(accounts(&["a", "b"]), SchedulingMode::CacheFirst);
    let session = SessionKey::of("s");
    use_once(
        &pool,
        &of_session(&session),
        &throttled(start() + MINUTE * 2),
    )
    .await;
    let began = tokio::time::Instant::now();
    assert_eq!(use_once(&pool, &of_session(&session), &served()).await, "b");
    assert_eq!(began.elapsed(), Duration::ZERO);
    tokio::time::advance(MINUTE * 3).await;
    assert_eq!(
        use_once(&pool, &of_session(&session), &served()).await,
        "b",
        "it moved for good"
    );
}

#[tokio::test(start_paused = true)]
async fn cache_first_takes_another_account_when_its_own_stays_busy() {
    let pool = pool_of(vec![narrow("a"), account("b")], SchedulingMode::CacheFirst);
    let session = SessionKey::of("s");
    let busy = pool.lease(&of_session(&session)).await.unwrap();
    let began = tokio::time::Instant::now();
    assert_eq!(
        taken(&pool.lease(&of_session(&session)).await.unwrap()),
        "b"
    );
    assert_eq!(began.elapsed(), MINUTE);
    settle(&pool, busy, &served());
    assert_eq!(
        use_once(&pool, &of_session(&session), &served()).await,
        "a",
        "a moment's overflow moves no conversation"
    );
}

#[tokio::test(start_paused = true)]
async fn lower_priority_numbers_come_first_in_every_mode() {
    for mode in [
        SchedulingMode::CacheFirst,
        SchedulingMode::Balance,
        SchedulingMode::Performance,
        SchedulingMode::Drain,
    ] {
        let mut second = narrow("b");
        second.settings.priority = 10;
        let pool = pool_of(vec![account("a"), second], mode);
        let first = pool.lease(&lease_request()).await.unwrap();
        assert_eq!(taken(&first), "b", "{mode:?}");
        assert_eq!(
            taken(&pool.lease(&lease_request()).await.unwrap()),
            "a",
            "{mode:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn its_maker_binds_harder_than_a_session() {
    for mode in [
        SchedulingMode::CacheFirst,
        SchedulingMode::Balance,
        SchedulingMode::Performance,
        SchedulingMode::Drain,
    ] {
        let pool = pool_of(accounts(&["a", "b"]), mode);
        let session = SessionKey::of("s");
        use_once(&pool, &of_session(&session), &served()).await;
        let (owner, until) = (name("b"), start() + MINUTE * 9);
        let bound = LeaseRequest {
            owner: Some(&owner),
            ..of_session(&session)
        };
        assert_eq!(
            use_once(&pool, &bound, &throttled(until)).await,
            "b",
            "{mode:?}"
        );
        let refused = pool.lease(&bound).await.unwrap_err();
        assert!(
            matches!(&refused, LeaseError::CoolingDown { until: named, .. } if *named == until),
            "{refused:?}"
        );
        assert!(
            refused
                .why()
                .iter()
                .any(|passed| passed.why == SkipReason::NotTheOwner)
        );
    }
}

#[tokio::test(start_paused = true)]
async fn new_conversations_are_spread_over_the_accounts() {
    let pool = pool_of(accounts(&["a", "b", "c"]), SchedulingMode::Balance);
    for number in 0..30 {
        use_once(
            &pool,
            &of_session(&SessionKey::of(&number.to_string())),
            &served(),
        )
        .await;
    }
    let sessions: Vec<_> = pool
        .view(start())
        .iter()
        .map(|view| view.sessions)
        .collect();
    assert_eq!(sessions, [10, 10, 10]);
}
