//! `kill -9` of an agent that refreshes: afterwards the account serves, or says that its refresh
//! was interrupted.

use std::time::{Duration, SystemTime};

use super::program::{Home, INTERRUPTED, asked, served};

/// How often the agent is killed; `AEROSTAT_TEST_REFRESH_KILLS` says otherwise.
const KILLS: u64 = 10;

/// When the agent is killed.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// Somewhere between the request that needs a refresh and its answer.
    Random,
    /// While the refresh is sent and the server has not taken it.
    Asked,
    /// While the server has taken it and not answered.
    Taken,
}

const MOMENTS: [Moment; 5] = [
    Moment::Random,
    Moment::Taken,
    Moment::Random,
    Moment::Asked,
    Moment::Random,
];

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    /// From 0 to 1.
    fn roll(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f64 / (1_u64 << 24) as f64
    }
}

fn kills() -> u64 {
    std::env::var("AEROSTAT_TEST_REFRESH_KILLS").map_or(KILLS, |number| {
        number
            .parse()
            .expect("AEROSTAT_TEST_REFRESH_KILLS is a number")
    })
}

/// How long a request takes that needs a refresh.
async fn one_refresh(home: &Home) -> Duration {
    let agent = home.agent();
    assert_eq!(served(&agent).await, 200);
    home.lab.ask("/lab/expire").await;
    let begun = SystemTime::now();
    assert_eq!(served(&agent).await, 200);
    begun.elapsed().unwrap_or_default()
}

async fn kill_at(home: &Home, moment: Moment, after: Duration) {
    let agent = home.agent();
    assert_eq!(served(&agent).await, 200, "{moment:?}");
    home.lab.ask("/lab/expire").await;
    match moment {
        Moment::Random => {
            let _request = asked(&agent).await;
            std::thread::sleep(after);
            agent.kill();
        }
        Moment::Asked | Moment::Taken => {
            let what = if matches!(moment, Moment::Asked) {
                "requests"
            } else {
                "answers"
            };
            home.lab.ask(&format!("/lab/hold?what={what}")).await;
            let _request = asked(&agent).await;
            home.until_held(1).await;
            agent.kill();
        }
    }
    home.lab.ask("/lab/release").await;
}

/// Starts the agent again, and says whether the account serves.
async fn serves_after(home: &Home, round: &str) -> bool {
    let agent = home.agent();
    let status = served(&agent).await;
    let account = home.account("x");
    let is_ready = status == 200 && account["state"] == "ready";
    let is_interrupted = status != 200 && account["reason"] == INTERRUPTED;
    assert!(
        is_ready || is_interrupted,
        "{round}: {status}, {account}\n{}",
        agent.stderr()
    );
    let stderr = agent.stderr();
    let is_trouble = |line: &str| !line.contains(" INFO ") && line.contains("vault");
    assert!(!stderr.lines().any(is_trouble), "{round}: {stderr}");
    if is_interrupted {
        home.signs_in("account login x").await;
    }
    is_ready
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "tests/run oauth"]
async fn a_kill_during_a_refresh_leaves_a_ready_account_or_an_interrupted_one() {
    let home = Home::start();
    home.adds("x").await;
    let usual = one_refresh(&home).await;
    let (mut dice, mut interrupted) = (Dice(7), 0);
    for (number, moment) in (0..kills()).zip(MOMENTS.into_iter().cycle()) {
        let after = usual.mul_f64(dice.roll() * 1.2);
        kill_at(&home, moment, after).await;
        let round = format!("kill {number}, {moment:?} {after:?} of {usual:?}");
        let serves = serves_after(&home, &round).await;
        assert!(
            !serves || !matches!(moment, Moment::Taken),
            "{round}: the successor went with the agent"
        );
        interrupted += u64::from(!serves);
    }
    assert!(
        (1..kills()).contains(&interrupted),
        "{interrupted} of {} kills interrupted a refresh",
        kills()
    );
}
