//! What choosing an account costs: `cargo bench --bench pool`.
//!
//! `lock_hold` prints how long the pool's lock is held, at the median and beyond, while 16 tasks
//! lease and settle.

use std::cell::Cell;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use aerostat::account::{Account, AccountName, AccountSettings, Credential, Secret, Source};
use aerostat::canon::Usage;
use aerostat::modes::SchedulingMode;
use aerostat::outcome::{Outcome, Scope};
use aerostat::pool::pick::{AccountSlot, Pick, PickInput, pick};
use aerostat::pool::{
    Clock, Lease, LeaseRequest, LockWatch, Member, NullStateStore, Pool, PoolConfig, SessionKey,
};
use divan::{Bencher, black_box};
use futures_util::FutureExt;
use tokio::task::JoinSet;
use tokio::time::Instant;

const MODEL: &str = "model-a";
const SESSIONS: usize = 1_000;
const TASKS: usize = 16;
const LEASES_PER_TASK: usize = 20_000;
const MODES: [SchedulingMode; 4] = [
    SchedulingMode::CacheFirst,
    SchedulingMode::Balance,
    SchedulingMode::Performance,
    SchedulingMode::Drain,
];

fn main() {
    divan::main();
    for accounts in [20, 200] {
        lock_hold(accounts);
    }
}

fn account(number: usize) -> Account {
    Account {
        name: format!("account-{number}").parse().expect("a name"),
        provider: "lab".to_owned(),
        source: Source::Vault,
        settings: AccountSettings {
            concurrency_max: Some(100),
            ..AccountSettings::default()
        },
        added_at: SystemTime::UNIX_EPOCH,
    }
}

fn pool(accounts: usize, mode: SchedulingMode) -> Pool {
    let rules = PoolConfig {
        mode,
        max_wait: Duration::from_secs(60),
    };
    let pool = Pool::seeded(Arc::new(NullStateStore), Clock::system(), rules, 7);
    let member = |number| {
        let key = Credential::Key(Secret::new(format!("key-{number}")));
        Member {
            account: Arc::new(account(number)),
            credential: Ok(key),
        }
    };
    pool.replace((0..accounts).map(member).collect(), rules);
    pool
}

fn request(session: &SessionKey) -> LeaseRequest<'_> {
    LeaseRequest {
        provider: "lab",
        model: MODEL,
        session: Some(session),
        ..LeaseRequest::default()
    }
}

fn sessions() -> Vec<SessionKey> {
    (0..SESSIONS)
        .map(|number| SessionKey::of(&number.to_string()))
        .collect()
}

fn lease(pool: &Pool, session: &SessionKey) -> Lease {
    pool.lease(&request(session))
        .now_or_never()
        .expect("an account is free")
        .expect("an account serves")
}

fn served() -> Outcome {
    Outcome::Served {
        usage: Usage {
            input: Some(100),
            output: Some(10),
            ..Usage::default()
        },
    }
}

/// A pool in which every conversation has its account, and every tenth account is in a cooldown.
fn settled_pool(accounts: usize, mode: SchedulingMode, sessions: &[SessionKey]) -> Pool {
    let pool = pool(accounts, mode);
    for session in sessions {
        lease(&pool, session).settle(&served(), None, Vec::new(), SystemTime::now());
    }
    let limited = Outcome::Throttled {
        scope: Scope::Model,
        until: Some(SystemTime::now() + Duration::from_secs(1_500)),
    };
    for number in (0..accounts).step_by(10) {
        let owner: AccountName = account(number).name;
        let request = LeaseRequest {
            owner: Some(&owner),
            session: None,
            ..request(&sessions[0])
        };
        let lease = pool
            .lease(&request)
            .now_or_never()
            .expect("it is free")
            .expect("it serves");
        lease.settle(&limited, None, Vec::new(), SystemTime::now());
    }
    pool
}

/// The choice alone, over 200 accounts that share 1,000 conversations.
#[divan::bench(args = MODES)]
fn pick_of_200(bencher: Bencher<'_, '_>, mode: &SchedulingMode) {
    let now = SystemTime::now();
    let mut accounts: Vec<_> = (0..200)
        .map(|number| AccountSlot::new(&Arc::new(account(number)), number as u64, now))
        .collect();
    for (number, account) in accounts.iter_mut().enumerate() {
        account.sessions = (SESSIONS / 200) as u32;
        account.in_flight = (number % 7) as u32;
    }
    let input = PickInput {
        model: MODEL,
        mode: *mode,
        bound: None,
        owner: None,
        tried: &[],
        is_retry: false,
        circuits: &[],
        wait_until: None,
    };
    bencher.bench_local(|| {
        let choice = pick(black_box(&accounts), black_box(&input), now);
        assert!(matches!(choice.pick, Pick::Account(_)));
        choice
    });
}

fn cases() -> impl Iterator<Item = (SchedulingMode, usize)> {
    MODES.into_iter().flat_map(|mode| [(mode, 20), (mode, 200)])
}

/// One lease and its settling, with 1,000 bound conversations.
#[divan::bench(args = cases())]
fn lease_and_settle(bencher: Bencher<'_, '_>, (mode, accounts): &(SchedulingMode, usize)) {
    let sessions = sessions();
    let pool = settled_pool(*accounts, *mode, &sessions);
    let next = Cell::new(0);
    bencher.bench_local(|| {
        next.set((next.get() + 1) % SESSIONS);
        let lease = lease(&pool, &sessions[next.get()]);
        lease.settle(&served(), None, Vec::new(), SystemTime::now());
    });
}

/// Times each hold of the lock. Only its holder writes, so that the watch costs little itself.
#[derive(Default)]
struct Watch {
    taken_at: Mutex<Option<Instant>>,
    held: Mutex<Vec<Duration>>,
}

impl LockWatch for Watch {
    fn taken(&self) {
        *self.taken_at.lock().expect("no panic") = Some(Instant::now());
    }

    fn released(&self) {
        if let Some(taken_at) = self.taken_at.lock().expect("no panic").take() {
            self.held.lock().expect("no panic").push(taken_at.elapsed());
        }
    }
}

#[expect(
    clippy::print_stdout,
    reason = "a benchmark reports on standard output"
)]
fn lock_hold(accounts: usize) {
    let sessions = Arc::new(sessions());
    let pool = settled_pool(accounts, SchedulingMode::Balance, &sessions);
    let watch = Arc::new(Watch::default());
    watch
        .held
        .lock()
        .expect("no panic")
        .reserve(4 * TASKS * LEASES_PER_TASK);
    pool.watch_lock(watch.clone());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let mut tasks = JoinSet::new();
        for task in 0..TASKS {
            tasks.spawn(lease_often(pool.clone(), sessions.clone(), task));
        }
        tasks.join_all().await;
    });
    let mut held = std::mem::take(&mut *watch.held.lock().expect("no panic"));
    held.sort_unstable();
    let at = |share: usize| held[(held.len() - 1) * share / 100];
    println!(
        "lock_hold, {accounts} accounts, {TASKS} tasks: median {:?}, 90 % {:?}, 99 % {:?} of {} holds",
        at(50),
        at(90),
        at(99),
        held.len()
    );
}

async fn lease_often(pool: Pool, sessions: Arc<Vec<SessionKey>>, task: usize) {
    for number in 0..LEASES_PER_TASK {
        let session = &sessions[(number * TASKS + task) % SESSIONS];
        let lease = pool
            .lease(&request(session))
            .await
            .expect("an account serves");
        // What an exchange would wait for.
        tokio::task::yield_now().await;
        lease.settle(&served(), None, Vec::new(), SystemTime::now());
    }
}
