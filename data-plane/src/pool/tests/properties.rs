//! What holds of every choice, whatever the accounts. Bounded and seeded, so that the result
//! depends on the code alone.

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::pick::{AccountSlot, Pick, PickInput, pick};
use super::*;

/// Minutes from the start: a past one, the present, and later ones.
const MOMENTS: std::ops::Range<u32> = 0..4;

#[derive(Clone, Debug)]
struct Made {
    is_enabled: bool,
    priority: u32,
    concurrency_max: u32,
    in_flight: u32,
    sessions: u32,
    expires_at: Option<u32>,
    cooldowns: Vec<(bool, u32)>,
    allows: bool,
}

fn made() -> impl Strategy<Value = Made> {
    let counts = (0..3_u32, 0..4_u32, 0..4_u32, 0..4_u32);
    let limits = (
        proptest::option::weighted(0.2, MOMENTS),
        proptest::collection::vec((any::<bool>(), MOMENTS), 0..2),
    );
    (
        proptest::bool::weighted(0.8),
        counts,
        limits,
        proptest::bool::weighted(0.8),
    )
        .prop_map(
            |(
                is_enabled,
                (priority, concurrency_max, in_flight, sessions),
                (expires_at, cooldowns),
                allows,
            )| Made {
                is_enabled,
                priority,
                concurrency_max: concurrency_max + 1,
                in_flight,
                sessions,
                expires_at,
                cooldowns,
                allows,
            },
        )
}

fn minute(number: u32) -> Timestamp {
    start() + MINUTE * number
}

/// The moment of the choice.
const NOW: u32 = 1;

fn slot(number: usize, made: &Made) -> AccountSlot {
    let mut account = account(&format!("a{number}"));
    account.settings.models = (!made.allows).then(|| vec!["another".to_owned()]);
    let mut slot = AccountSlot::new(&Arc::new(account), 1, start());
    slot.is_enabled = made.is_enabled;
    slot.priority = made.priority;
    slot.concurrency_max = made.concurrency_max;
    slot.in_flight = made.in_flight;
    slot.sessions = made.sessions;
    slot.expires_at = made.expires_at.map(minute);
    let cooldown = |(is_whole, until): &(bool, u32)| Cooldown {
        model: (!is_whole).then(|| MODEL.into()),
        cause: CooldownCause::RateLimit,
        detail: None,
        since: start(),
        until: minute(*until),
        end: CooldownEnd::Named,
        strikes: 1,
        probes: 0,
    };
    slot.cooldowns = made.cooldowns.iter().map(cooldown).collect();
    slot
}

/// Whether an account may be chosen, said once more and in other words than `pick` does.
fn is_able(made: &Made) -> bool {
    let has_no_cooldown = made.cooldowns.iter().all(|(_, until)| *until <= NOW);
    let is_alive = made.expires_at.is_none_or(|at| at > NOW);
    made.is_enabled
        && made.allows
        && has_no_cooldown
        && is_alive
        && made.in_flight < made.concurrency_max
}

/// What will be able in time, by itself: (in a moment, at which minute).
fn recovery(made: &Made) -> (bool, Option<u32>) {
    let is_alive = made.expires_at.is_none_or(|at| at > NOW);
    if !made.is_enabled || !made.allows || !is_alive {
        return (false, None);
    }
    match made
        .cooldowns
        .iter()
        .map(|(_, until)| *until)
        .filter(|until| *until > NOW)
        .max()
    {
        Some(until) => (false, Some(until)),
        None => (made.in_flight >= made.concurrency_max, None),
    }
}

fn run(
    cases: u32,
    test: impl Fn(Vec<Made>, SchedulingMode, Option<usize>) -> Result<(), TestCaseError>,
) {
    let config = Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    };
    let mut runner =
        TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let modes = prop_oneof![
        Just(SchedulingMode::CacheFirst),
        Just(SchedulingMode::Balance),
        Just(SchedulingMode::Performance),
        Just(SchedulingMode::Drain)
    ];
    let strategy = (
        proptest::collection::vec(made(), 0..6),
        modes,
        proptest::option::of(0..6_usize),
    );
    runner
        .run(&strategy, |(team, mode, bound)| test(team, mode, bound))
        .unwrap();
}

fn chosen(team: &[Made], mode: SchedulingMode, bound: Option<usize>) -> Pick {
    let accounts: Vec<_> = team
        .iter()
        .enumerate()
        .map(|(number, made)| slot(number, made))
        .collect();
    let bound = bound.filter(|bound| *bound < accounts.len());
    let input = PickInput {
        model: MODEL,
        mode,
        bound,
        owner: None,
        tried: &[],
        is_retry: false,
        circuits: &[],
        wait_until: None,
    };
    pick(&accounts, &input, minute(NOW)).pick
}

#[test]
fn who_is_chosen_is_able_and_somebody_is_where_anybody_is() {
    run(4_000, |team, mode, bound| {
        let pick = chosen(&team, mode, bound);
        match pick {
            Pick::Account(at) => prop_assert!(is_able(&team[at])),
            _ => prop_assert!(!team.iter().any(is_able), "{pick:?}"),
        }
        Ok(())
    });
}

#[test]
fn nobody_with_a_lower_number_is_passed_over() {
    run(4_000, |team, mode, _| {
        if let Pick::Account(at) = chosen(&team, mode, None) {
            let best = team
                .iter()
                .filter(|made| is_able(made))
                .map(|made| made.priority)
                .min();
            prop_assert_eq!(Some(team[at].priority), best);
        }
        Ok(())
    });
}

#[test]
fn a_conversation_keeps_an_account_that_is_able_in_the_modes_that_say_so() {
    run(4_000, |team, mode, bound| {
        let able = bound.filter(|bound| team.get(*bound).is_some_and(is_able));
        if let Some(bound) =
            able.filter(|_| matches!(mode, SchedulingMode::CacheFirst | SchedulingMode::Balance))
        {
            prop_assert_eq!(chosen(&team, mode, Some(bound)), Pick::Account(bound));
        }
        Ok(())
    });
}

#[test]
fn without_an_able_account_the_verdict_says_what_there_is_to_wait_for() {
    run(4_000, |team, mode, bound| {
        let recoveries: Vec<_> = team.iter().map(recovery).collect();
        let earliest = recoveries.iter().filter_map(|(_, at)| *at).min();
        match chosen(&team, mode, bound) {
            Pick::Account(_) => {}
            Pick::Wait { .. } => prop_assert!(recoveries.iter().any(|(is_soon, _)| *is_soon)),
            Pick::CoolingDown { until } => {
                prop_assert!(!recoveries.iter().any(|(is_soon, _)| *is_soon));
                prop_assert_eq!(Some(until), earliest.map(minute));
            }
            Pick::NeedsUser | Pick::None => {
                prop_assert!(
                    !recoveries
                        .iter()
                        .any(|(is_soon, at)| *is_soon || at.is_some())
                )
            }
        }
        Ok(())
    });
}

#[test]
fn a_choice_is_a_function_of_what_it_is_given() {
    run(1_000, |team, mode, bound| {
        prop_assert_eq!(chosen(&team, mode, bound), chosen(&team, mode, bound));
        Ok(())
    });
}
