//! Clients that leave, and clients that do not read.

use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::{Bench, SERVED, first_text, own_model, request};
use crate::support::Dialect::{Anthropic, Chat};
use crate::support::raw::Request;
use crate::support::upstream::{End, Script};

/// How soon an upstream must learn that its client has left: a second, and what a busy
/// machine adds to it.
const SOON: Duration = Duration::from_secs(3);

async fn assert_cancelled(bench: &Bench, index: usize) {
    let since = Instant::now();
    let end = timeout(SOON, bench.upstream.end_of(index)).await;
    assert_eq!(
        end.ok(),
        Some(End::Abandoned),
        "after {:?}",
        since.elapsed()
    );
}

#[tokio::test]
async fn a_client_that_leaves_in_a_stream_cancels_the_upstream() {
    let bench = Bench::new().await;
    for (index, (client, upstream)) in SERVED
        .into_iter()
        .flat_map(|a| SERVED.map(|b| (a, b)))
        .enumerate()
    {
        bench
            .upstream
            .answer(Script::text().stall_after(first_text(upstream)));
        let mut connection = bench
            .open(&request(client, &own_model(upstream), true))
            .await;
        connection.answer_until(b"data: ").await;
        drop(connection);
        assert_cancelled(&bench, index).await;
    }
}

#[tokio::test]
async fn a_client_that_leaves_before_the_head_cancels_the_upstream() {
    let bench = Bench::new().await;
    for (index, (upstream, stream)) in [(Chat, true), (Chat, false), (Anthropic, true)]
        .into_iter()
        .enumerate()
    {
        bench.upstream.answer(Script::text().stall_before_head());
        let connection = bench
            .open(&request(Chat, &own_model(upstream), stream))
            .await;
        bench.upstream.wait_for(index + 1).await;
        drop(connection);
        assert_cancelled(&bench, index).await;
    }
}

#[tokio::test]
async fn a_client_that_leaves_while_the_start_is_held_cancels_the_upstream() {
    let bench = Bench::new().await;
    bench.upstream.answer(Script::text().stall_before_body());
    let connection = bench.open(&request(Chat, &own_model(Chat), true)).await;
    bench.upstream.wait_for(1).await;
    drop(connection);
    assert_cancelled(&bench, 0).await;
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn a_client_that_does_not_read_costs_bounded_memory() {
    const COPIES: usize = 250_000;
    let bench = Bench::new().await;
    // Some 70 MB of one delta over and over, passed through and translated.
    let unread: [Request; 2] = [
        request(Chat, &own_model(Chat), true),
        request(Anthropic, &own_model(Chat), true),
    ];
    let before = bench.resident_kib();
    bench.upstream.always(Script::text().stretched(1, COPIES));
    let mut connections = Vec::new();
    for request in &unread {
        connections.push(bench.open(request).await);
    }
    bench.upstream.wait_for(unread.len()).await;
    // Once the memory stands still, all buffers between the two ends are full.
    let mut last = 0;
    let mut now = bench.resident_kib();
    while now.abs_diff(last) > 64 {
        tokio::time::sleep(Duration::from_millis(300)).await;
        (last, now) = (now, bench.resident_kib());
    }
    assert!(
        now < before + 24 * 1024,
        "grew from {before} KiB to {now} KiB"
    );
    drop(connections);
    for index in 0..unread.len() {
        assert_cancelled(&bench, index).await;
    }
}

impl Bench {
    /// The memory that the program holds.
    #[cfg(target_os = "linux")]
    pub(super) fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.agent.id()))
            .expect("the program runs");
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .expect("Linux says it");
        line.trim()
            .trim_end_matches(" kB")
            .parse()
            .expect("a number")
    }
}
