//! What the pool logs at which level.

use std::io;

use tracing::subscriber::DefaultGuard;
use tracing_subscriber::filter::LevelFilter;

use super::*;

/// What is logged on this thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn at(level: LevelFilter) -> (Self, DefaultGuard) {
        let log = Self::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(level)
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish();
        (log, tracing::subscriber::set_default(subscriber))
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An account whose name is a person's.
const NAME: &str = "someone@mail.example";

async fn limit_and_refuse() {
    let pool = pool_of(accounts(&[NAME]), SchedulingMode::Balance);
    let until = start() + MINUTE * 5;
    use_once(&pool, &lease_request(), &throttled(until)).await;
    pool.lease(&lease_request()).await.unwrap_err();
    assert!(pool.clear(&name(NAME)));
    use_once(&pool, &lease_request(), &Outcome::Unauthorized).await;
}

#[tokio::test(start_paused = true)]
async fn changes_of_accounts_are_logged_with_their_provider_and_without_a_name() {
    let (log, _guard) = Log::at(LevelFilter::INFO);
    limit_and_refuse().await;
    let text = log.text();
    for part in [
        "cooldown started",
        "provider=\"lab\"",
        "cause=\"rate_limit\"",
        "model=\"model-a\"",
        "until=2027-01-15T08:05:00Z",
        "account cleared by the user",
        "account needs to be signed in again",
        "cause=\"key_refused\"",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains(NAME), "{text}");
}

#[tokio::test(start_paused = true)]
async fn debug_events_name_the_account() {
    let (log, _guard) = Log::at(LevelFilter::DEBUG);
    limit_and_refuse().await;
    let text = log.text();
    let named = text.lines().filter(|line| line.contains(NAME)).count();
    assert_eq!(named, 3, "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_served_request_logs_nothing() {
    let (log, _guard) = Log::at(LevelFilter::DEBUG);
    let pool = pool_of(accounts(&["a", "b"]), SchedulingMode::Balance);
    let session = SessionKey::of("s");
    use_once(&pool, &of_session(&session), &served()).await;
    drop(pool.lease(&of_session(&session)).await.unwrap());
    assert_eq!(log.text(), "");
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_bites_is_logged() {
    let (log, _guard) = Log::at(LevelFilter::DEBUG);
    let pool = pool_of(accounts(&["a"]), SchedulingMode::Balance);
    while pool.may_retry("lab", &Outcome::Failed) {}
    assert!(log.text().contains("retry budget is exhausted"));
}
