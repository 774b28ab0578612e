//! Which requests wait, for how long, and in which order.

use futures_util::FutureExt;
use tokio::task::JoinSet;
use tokio::time::{Instant, advance};

use super::*;

const MODES: [SchedulingMode; 4] = [
    SchedulingMode::CacheFirst,
    SchedulingMode::Balance,
    SchedulingMode::Performance,
    SchedulingMode::Drain,
];

#[tokio::test(start_paused = true)]
async fn a_request_waits_in_every_mode_while_all_are_busy_and_no_longer_than_it_may() {
    for mode in MODES {
        let pool = pool_of(vec![narrow("a")], mode);
        let _busy = pool.lease(&lease_request()).await.unwrap();
        let began = Instant::now();
        let refused = pool.lease(&lease_request()).await.unwrap_err();
        assert!(
            matches!(refused, LeaseError::Busy { waited, .. } if waited == MINUTE),
            "{mode:?}: {refused:?}"
        );
        assert_eq!(refused.why()[0].why, SkipReason::Busy { in_flight: 1 });
        assert_eq!(began.elapsed(), MINUTE);
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_request_has_waited_before_counts() {
    let pool = pool_of(vec![narrow("a")], SchedulingMode::Balance);
    let _busy = pool.lease(&lease_request()).await.unwrap();
    for (before, left) in [(0, 60), (50, 10), (60, 0), (90, 0)] {
        let began = Instant::now();
        let request = LeaseRequest {
            waited: Duration::from_secs(before),
            ..lease_request()
        };
        let refused = pool.lease(&request).await.unwrap_err();
        assert_eq!(began.elapsed().as_secs(), left);
        let expected = Duration::from_secs(before + left);
        assert!(
            matches!(refused, LeaseError::Busy { waited, .. } if waited.as_secs() == expected.as_secs()),
            "{refused:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn cache_first_waits_for_the_conversations_account_no_longer_than_is_left() {
    for (waited, account) in [(40, "a"), (41, "b")] {
        let pool = pool_of(accounts(&["a", "b"]), SchedulingMode::CacheFirst);
        let session = SessionKey::of("s");
        let until = pool.now() + Duration::from_secs(20);
        use_once(&pool, &of_session(&session), &throttled(until)).await;
        let request = LeaseRequest {
            is_retry: true,
            waited: Duration::from_secs(waited),
            ..of_session(&session)
        };
        let lease = pool.lease(&request).await.unwrap();
        assert_eq!(taken(&lease), account, "after {waited} s");
    }
}

#[tokio::test(start_paused = true)]
async fn who_came_first_is_served_first() {
    let pool = pool_of(vec![narrow("a")], SchedulingMode::Balance);
    let busy = pool.lease(&lease_request()).await.unwrap();
    let order = Arc::new(Mutex::new(Vec::new()));
    let mut tasks = JoinSet::new();
    for number in 0..20 {
        let (pool, order) = (pool.clone(), order.clone());
        tasks.spawn(async move {
            let lease = pool.lease(&lease_request()).await.unwrap();
            order.lock().unwrap().push(number);
            settle_down().await;
            settle(&pool, lease, &served());
        });
        settle_down().await;
    }
    settle(&pool, busy, &served());
    while tasks.join_next().await.is_some() {}
    assert_eq!(*order.lock().unwrap(), (0..20).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn nobody_overtakes_who_waits_for_the_same() {
    let pool = pool_of(vec![narrow("a")], SchedulingMode::Balance);
    let busy = pool.lease(&lease_request()).await.unwrap();
    let (one, two) = (lease_request(), lease_request());
    let mut waiting = Box::pin(pool.lease(&one));
    assert!(waiting.as_mut().now_or_never().is_none());
    drop(busy);
    let mut late = Box::pin(pool.lease(&two));
    assert!(
        late.as_mut().now_or_never().is_none(),
        "the slot belongs to the waiter"
    );
    drop(waiting.await.unwrap());
    late.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_waiter_that_leaves_gives_back_what_was_on_its_way() {
    let pool = pool_of(vec![narrow("a")], SchedulingMode::Balance);
    let busy = pool.lease(&lease_request()).await.unwrap();
    let request = lease_request();
    let mut leaving = Box::pin(pool.lease(&request));
    assert!(leaving.as_mut().now_or_never().is_none());
    drop(busy);
    assert_eq!(pool.view(start())[0].in_flight, 1, "the slot was handed on");
    drop(leaving);
    assert_eq!(pool.view(start())[0].in_flight, 0);
    pool.lease(&lease_request())
        .now_or_never()
        .unwrap()
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_waiter_that_leaves_before_its_turn_is_passed_over() {
    let pool = pool_of(vec![narrow("a")], SchedulingMode::Balance);
    let busy = pool.lease(&lease_request()).await.unwrap();
    let request = lease_request();
    let mut leaving = Box::pin(pool.lease(&request));
    assert!(leaving.as_mut().now_or_never().is_none());
    let mut staying = Box::pin(pool.lease(&request));
    assert!(staying.as_mut().now_or_never().is_none());
    drop(leaving);
    drop(busy);
    staying.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn waiters_hear_at_once_when_the_account_comes_to_rest() {
    let pool = pool_of(vec![narrow("a")], SchedulingMode::Balance);
    let busy = pool.lease(&lease_request()).await.unwrap();
    let request = lease_request();
    let mut waiting = Box::pin(pool.lease(&request));
    assert!(waiting.as_mut().now_or_never().is_none());
    settle(&pool, busy, &throttled(start() + MINUTE * 5));
    let refused = waiting.now_or_never().unwrap().unwrap_err();
    assert!(
        matches!(refused, LeaseError::CoolingDown { until, .. } if until == start() + MINUTE * 5)
    );
}

#[tokio::test(start_paused = true)]
async fn the_line_is_bounded() {
    let pool = pool_of(vec![narrow("a")], SchedulingMode::Balance);
    let _busy = pool.lease(&lease_request()).await.unwrap();
    let request = lease_request();
    let mut waiting: Vec<_> = (0..1000).map(|_| Box::pin(pool.lease(&request))).collect();
    assert!(
        waiting
            .iter_mut()
            .all(|lease| lease.as_mut().now_or_never().is_none())
    );
    let refused = pool.lease(&request).now_or_never().unwrap().unwrap_err();
    assert!(matches!(
        refused,
        LeaseError::Busy {
            waited: Duration::ZERO,
            ..
        }
    ));
}

#[tokio::test(start_paused = true)]
async fn a_lower_limit_holds_from_the_next_lease_on() {
    let pool = pool_of(accounts(&["a"]), SchedulingMode::Balance);
    let one = pool.lease(&lease_request()).await.unwrap();
    let two = pool.lease(&lease_request()).await.unwrap();
    pool.replace(vec![member(narrow("a"))], rules(SchedulingMode::Balance));
    drop(one);
    let request = lease_request();
    let mut waiting = Box::pin(pool.lease(&request));
    assert!(waiting.as_mut().now_or_never().is_none());
    drop(two);
    waiting.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn disabled_holds_from_the_next_lease_on_and_answers_in_flight_end_normally() {
    let pool = pool_of(accounts(&["a"]), SchedulingMode::Balance);
    let lease = pool.lease(&lease_request()).await.unwrap();
    assert!(pool.set_enabled(&name("a"), false));
    let refused = pool.lease(&lease_request()).await.unwrap_err();
    assert_eq!(refused.why()[0].why, SkipReason::Disabled);
    assert_eq!(status_of(&pool, "a"), AccountStatus::Disabled);
    settle(&pool, lease, &served());
    assert!(pool.set_enabled(&name("a"), true));
    pool.lease(&lease_request()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn waiters_of_an_account_that_is_removed_hear_of_it() {
    let pool = pool_of(vec![narrow("a")], SchedulingMode::Balance);
    let busy = pool.lease(&lease_request()).await.unwrap();
    let request = lease_request();
    let mut waiting = Box::pin(pool.lease(&request));
    assert!(waiting.as_mut().now_or_never().is_none());
    pool.replace(Vec::new(), rules(SchedulingMode::Balance));
    assert!(matches!(waiting.await, Err(LeaseError::None { .. })));
    drop(busy);
    pool.replace(vec![member(narrow("a"))], rules(SchedulingMode::Balance));
    assert_eq!(pool.view(start())[0].in_flight, 0);
    pool.lease(&lease_request())
        .now_or_never()
        .unwrap()
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_account_that_runs_dry_is_slowed_down_and_then_waited_for() {
    let pool = pool_of(accounts(&["a"]), SchedulingMode::Balance);
    let lease = pool.lease(&lease_request()).await.unwrap();
    let reading = Reading {
        window: "requests".into(),
        unit: crate::outcome::Unit::Requests,
        scope: Scope::Model,
        limit: Some(100),
        remaining: Some(4),
        resets_at: Some(start() + Duration::from_secs(8)),
        source: crate::outcome::ReadingSource::Header,
    };
    lease.settle(&served(), None, vec![reading], start());
    let began = Instant::now();
    for _ in 0..4 {
        drop(pool.lease(&lease_request()).await.unwrap());
    }
    assert!(
        began.elapsed() >= Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
    assert!(
        began.elapsed() <= Duration::from_secs(8),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn a_wait_follows_the_wall_clock_through_a_suspend() {
    let ahead = Arc::new(Mutex::new(Duration::ZERO));
    let began = Instant::now();
    let clock = Clock::of({
        let ahead = ahead.clone();
        move || start() + began.elapsed() + *ahead.lock().unwrap()
    });
    let pool = Pool::seeded(
        Arc::new(NullStateStore),
        clock,
        rules(SchedulingMode::CacheFirst),
        7,
    );
    pool.replace(
        accounts(&["a"]).into_iter().map(member).collect(),
        rules(SchedulingMode::CacheFirst),
    );
    let session = SessionKey::of("s");
    use_once(
        &pool,
        &of_session(&session),
        &throttled(start() + Duration::from_secs(50)),
    )
    .await;
    let request = of_session(&session);
    let mut waiting = Box::pin(pool.lease(&request));
    assert!(waiting.as_mut().now_or_never().is_none());
    *ahead.lock().unwrap() = MINUTE * 60;
    advance(Duration::from_secs(1)).await;
    let woke = Instant::now();
    waiting.await.unwrap();
    assert!(
        woke.elapsed() <= Duration::from_secs(5),
        "timers stood still, the wall clock did not"
    );
}
