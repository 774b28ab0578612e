//! 100,000 requests over accounts that are limited, refused, slow and cut off, in paused time.
//!
//! The providers here know when each account really serves; the pool only hears outcomes. What must
//! never happen is checked at each lease and at each refusal.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use tokio::task::LocalSet;
use tokio::time::{Instant, sleep};

use super::*;
use crate::outcome::Stage;

const REQUESTS: usize = 100_000;
const CLIENTS: usize = 500;
const ACCOUNTS: usize = 20;
const CONCURRENCY: u32 = 45;
const ATTEMPTS_MAX: usize = 8;
const MODELS: [&str; 3] = ["model-a", "model-b", "model-c"];

/// What an account really is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Nature {
    Healthy,
    /// Serves this many requests of a model a minute, and names the moment of the next.
    Limited(u32),
    /// The same, without naming any moment.
    LimitedInSilence(u32),
    /// Its key is revoked.
    Refused,
    /// Behind a proxy that is cut off now and then.
    CutOff,
    Disabled,
}

fn nature(number: usize) -> Nature {
    match number {
        0..3 => Nature::Limited(200),
        3..5 => Nature::LimitedInSilence(150),
        5..7 => Nature::Refused,
        7..9 => Nature::CutOff,
        9 => Nature::Disabled,
        _ => Nature::Healthy,
    }
}

struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

/// The providers, and what was observed of them.
struct World {
    pool: Pool,
    began: Instant,
    random: RefCell<Random>,
    in_flight: RefCell<[u32; ACCOUNTS]>,
    /// The end of a cooldown that was named for an account and model.
    named: RefCell<HashMap<(usize, usize), Timestamp>>,
    refused: RefCell<[bool; ACCOUNTS]>,
    /// Served by account, model and minute.
    quota: RefCell<HashMap<(usize, usize, u64), u32>>,
    served: RefCell<[usize; ACCOUNTS]>,
    attempts: RefCell<usize>,
    probes: RefCell<usize>,
    longest: RefCell<Duration>,
}

impl World {
    fn new(mode: SchedulingMode) -> Rc<Self> {
        let team = (0..ACCOUNTS).map(|number| {
            let mut account = account(&format!("a{number:02}"));
            account.settings.concurrency_max = Some(CONCURRENCY);
            account.settings.enabled = nature(number) != Nature::Disabled;
            account.settings.proxy =
                (nature(number) == Nature::CutOff).then(|| "http://127.0.0.1:9".to_owned());
            account
        });
        Rc::new(Self {
            pool: pool_of(team.collect(), mode),
            began: Instant::now(),
            random: RefCell::new(Random(42)),
            in_flight: RefCell::default(),
            named: RefCell::default(),
            refused: RefCell::default(),
            quota: RefCell::default(),
            served: RefCell::default(),
            attempts: RefCell::default(),
            probes: RefCell::default(),
            longest: RefCell::default(),
        })
    }

    fn now(&self) -> Timestamp {
        start() + self.began.elapsed()
    }

    fn minute(&self) -> u64 {
        self.began.elapsed().as_secs() / 60
    }

    fn below(&self, end: u64) -> u64 {
        self.random.borrow_mut().below(end)
    }

    /// Serves one request, as a gateway would.
    async fn request(&self, number: usize) {
        let session = SessionKey::of(&(number % 1_000).to_string());
        let model = number % MODELS.len();
        let mut tried = Vec::new();
        let began = Instant::now();
        for _ in 0..ATTEMPTS_MAX {
            let request = LeaseRequest {
                model: MODELS[model],
                tried: &tried,
                session: Some(&session),
                ..lease_request()
            };
            let lease = match self.pool.lease(&request).await {
                Ok(lease) => lease,
                Err(refusal) => panic!(
                    "{refusal:?} for {request:?} in minute {}: {:#?}",
                    self.minute(),
                    self.able(model)
                ),
            };
            let account = self.check(&lease, &tried, model);
            if self.attempt(lease, account, model).await {
                let took = began.elapsed();
                self.longest.replace_with(|longest| took.max(*longest));
                return;
            }
            tried.push(name(&format!("a{account:02}")));
        }
        panic!(
            "no attempt was left, while these were able: {:?}",
            self.able(model)
        );
    }

    /// What must hold of every lease.
    fn check(&self, lease: &Lease, tried: &[AccountName], model: usize) -> usize {
        let account: usize = taken(lease)[1..].parse().unwrap();
        assert_ne!(nature(account), Nature::Disabled);
        assert!(!tried.contains(&lease.account().name));
        let named = self.named.borrow().get(&(account, model)).copied();
        assert!(
            lease.is_probe() || named.is_none_or(|until| until <= self.now()),
            "{lease:?} is in a cooldown until {named:?}"
        );
        assert!(
            lease.is_probe() || !self.refused.borrow()[account],
            "{lease:?} was refused"
        );
        self.in_flight.borrow_mut()[account] += 1;
        assert!(self.in_flight.borrow()[account] <= CONCURRENCY, "{lease:?}");
        *self.attempts.borrow_mut() += 1;
        *self.probes.borrow_mut() += usize::from(lease.is_probe());
        account
    }

    /// Sends it; whether it was served.
    async fn attempt(&self, lease: Lease, account: usize, model: usize) -> bool {
        let outcome = self.outcome(account, model);
        let is_served = matches!(outcome, Outcome::Served { .. });
        sleep(Duration::from_millis(if is_served {
            200 + self.below(4_000)
        } else {
            20 + self.below(200)
        }))
        .await;
        self.in_flight.borrow_mut()[account] -= 1;
        if is_served && self.below(50) == 0 {
            drop(lease);
            return true;
        }
        self.served.borrow_mut()[account] += usize::from(is_served);
        match outcome {
            Outcome::Throttled {
                until: Some(until), ..
            } => drop(self.named.borrow_mut().insert((account, model), until)),
            Outcome::Unauthorized => self.refused.borrow_mut()[account] = true,
            _ => {}
        }
        settle(&self.pool, lease, &outcome);
        is_served
    }

    fn outcome(&self, account: usize, model: usize) -> Outcome {
        let next_minute = start() + MINUTE * u32::try_from(self.minute() + 1).unwrap();
        match nature(account) {
            Nature::Healthy | Nature::Disabled => served(),
            Nature::Refused => Outcome::Unauthorized,
            Nature::CutOff if self.minute() % 5 < 2 => Outcome::Unreachable {
                stage: Stage::Connect,
            },
            Nature::CutOff => served(),
            Nature::Limited(limit) if self.is_over(account, model, limit) => throttled(next_minute),
            Nature::LimitedInSilence(limit) if self.is_over(account, model, limit) => {
                Outcome::Throttled {
                    scope: Scope::Model,
                    until: None,
                }
            }
            Nature::Limited(_) | Nature::LimitedInSilence(_) => served(),
        }
    }

    fn is_over(&self, account: usize, model: usize, limit: u32) -> bool {
        let mut quota = self.quota.borrow_mut();
        let used = quota.entry((account, model, self.minute())).or_default();
        *used += 1;
        *used > limit
    }

    /// Accounts that a request should have got.
    fn able(&self, _model: usize) -> Vec<usize> {
        let in_flight = self.in_flight.borrow();
        let healthy = (0..ACCOUNTS).filter(|account| nature(*account) == Nature::Healthy);
        healthy
            .filter(|account| in_flight[*account] < CONCURRENCY)
            .collect()
    }
}

async fn simulate(mode: SchedulingMode, requests: usize) -> Rc<World> {
    let world = World::new(mode);
    let local = LocalSet::new();
    for client in 0..CLIENTS {
        let world = world.clone();
        local.spawn_local(async move {
            for number in (client..requests).step_by(CLIENTS) {
                world.request(number).await;
                sleep(Duration::from_millis(world.below(1_000))).await;
            }
        });
    }
    local.await;
    world
}

fn check_end(world: &World) {
    let views = world.pool.view(world.now());
    assert!(
        views.iter().all(|view| view.in_flight == 0),
        "every lease came back"
    );
    assert!(
        *world.longest.borrow() < MINUTE,
        "no request starved: {:?}",
        world.longest.borrow()
    );
    let refusals = *world.attempts.borrow() - world.served.borrow().iter().sum::<usize>();
    assert!(
        refusals > 0,
        "something went wrong on the way, else this shows nothing"
    );
}

#[tokio::test(start_paused = true)]
async fn a_hundred_thousand_requests_see_no_error_and_no_limit_is_passed() {
    let world = simulate(SchedulingMode::Balance, REQUESTS).await;
    check_end(&world);
    let served = world.served.borrow();
    let mut serving = (0..ACCOUNTS)
        .filter(|account| !matches!(nature(*account), Nature::Refused | Nature::Disabled));
    assert!(serving.all(|account| served[account] > 100), "{served:?}");
    assert_eq!((served[5], served[6], served[9]), (0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn the_same_holds_in_the_other_modes() {
    for mode in [
        SchedulingMode::CacheFirst,
        SchedulingMode::Performance,
        SchedulingMode::Drain,
    ] {
        check_end(&*simulate(mode, 10_000).await);
    }
}
