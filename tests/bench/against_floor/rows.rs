//! The rows of the table, group by group: what is measured, and what it is compared with.

use std::time::Duration;

use super::agent;
use super::child::Child;
use super::load::{ResponseContext, drive};
use super::setting::{Client, Gateway, Setting, program};

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;
const ROUNDS: usize = 7;

/// How long resident memory may take to fall after a burst.
const AFTER_BURST: Duration = Duration::from_secs(60);
const IDLE: Duration = Duration::from_secs(10);

/// Measures the groups that `words` name, or all.
pub(super) async fn measure(words: &[String]) {
    let rounds = words.iter().skip_while(|word| *word != "--rounds").nth(1);
    let rounds = rounds
        .and_then(|rounds| rounds.parse().ok())
        .unwrap_or(ROUNDS);
    let named: Vec<&str> = words
        .iter()
        .map(String::as_str)
        .filter(|word| GROUPS.contains(word))
        .collect();
    let is_wanted = |group: &str| named.is_empty() || named.contains(&group);
    println!(
        "{:<58} {:>9} {:>9} {:>9}",
        "", "measured", "to reach", "further"
    );
    let setting = Setting::start();
    if is_wanted("small") {
        small(&setting, rounds).await;
    }
    if is_wanted("recording") {
        recording(&setting, rounds).await;
    }
    if is_wanted("streams") {
        streams(&setting, rounds).await;
    }
    if is_wanted("large") {
        large(&setting, rounds).await;
    }
    if is_wanted("agent") {
        agent(&setting, rounds).await;
    }
    if is_wanted("waits") {
        waits(&setting, rounds).await;
    }
    if is_wanted("idle") {
        idle(&setting).await;
    }
    if is_wanted("burst") {
        burst(&setting).await;
    }
}

const GROUPS: [&str; 8] = [
    "small",
    "recording",
    "streams",
    "large",
    "agent",
    "waits",
    "idle",
    "burst",
];

fn row(what: &str, measured: f64, targets: Option<(f64, f64)>) {
    let shown = |target: f64| format!("{target:>9.2}");
    let (reach, further) = targets.map_or_else(Default::default, |(reach, further)| {
        (shown(reach), shown(further))
    });
    println!("{what:<58} {measured:>9.2} {reach} {further}");
}

/// One side of a comparison.
struct Side<'s> {
    child: &'s Child,
    ask: ResponseContext,
}

/// What one round of one side cost.
struct Cost {
    /// Microseconds of CPU for a request or an event.
    cpu: f64,
    per_second: f64,
    wait: f64,
}

impl Side<'_> {
    async fn round(&self, clients: usize, times: usize) -> Cost {
        let before = self.child.cpu();
        let taken = drive(self.child.address, &self.ask, clients, times).await;
        let cpu = self.child.cpu() - before;
        let units = (taken.answers * self.ask.events.unwrap_or(1)) as f64;
        Cost {
            cpu: cpu.as_secs_f64() * 1e6 / units,
            per_second: units / taken.wall.as_secs_f64(),
            wait: median(taken.waits.iter().map(micros).collect()),
        }
    }
}

/// Measures the sides in turn, so that other load on the machine affects all of them. The first
/// round is a warm-up.
async fn interleaved<const N: usize>(
    sides: [Side<'_>; N],
    rounds: usize,
    clients: usize,
    times: usize,
) -> [Vec<Cost>; N] {
    let mut costs = [const { Vec::new() }; N];
    for round in 0..=rounds {
        for (side, costs) in sides.iter().zip(&mut costs) {
            let cost = side.round(clients, times).await;
            if round > 0 {
                costs.push(cost);
            }
        }
    }
    costs
}

fn of(costs: &[Cost], field: fn(&Cost) -> f64) -> f64 {
    median(costs.iter().map(field).collect())
}

/// The median of the rounds' ratios, since both sides of one round ran under the same load.
fn ratio(of: &[Cost], to: &[Cost], field: fn(&Cost) -> f64) -> f64 {
    median(
        of.iter()
            .zip(to)
            .map(|(of, to)| field(of) / field(to))
            .collect(),
    )
}

fn cpu(cost: &Cost) -> f64 {
    cost.cpu
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn micros(duration: &Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

impl Setting {
    /// The floor, our passthrough and our translation, with the same requests.
    fn three(&self, bytes: usize, model: &str, events: Option<usize>) -> [Side<'_>; 3] {
        let key = &self.gateway.key;
        let name = format!("chat-{model}");
        let gateway = &self.gateway.process;
        [
            Side {
                child: &self.floor,
                ask: Client::Chat.ask(key, &name, bytes, events),
            },
            Side {
                child: gateway,
                ask: Client::Chat.ask(key, &name, bytes, events),
            },
            Side {
                child: gateway,
                ask: Client::Anthropic.ask(key, &name, bytes, events),
            },
        ]
    }
}

async fn small(setting: &Setting, rounds: usize) {
    let [floor, passed, translated] =
        interleaved(setting.three(KIB, "whole", None), rounds, 8, 500).await;
    row("1 KB, floor: CPU µs per request", of(&floor, cpu), None);
    row(
        "1 KB, passthrough: CPU per request, to the floor",
        ratio(&passed, &floor, cpu),
        Some((1.30, 1.10)),
    );
    row(
        "1 KB, passthrough: throughput, to the floor",
        ratio(&passed, &floor, |cost| cost.per_second),
        Some((0.80, 0.95)),
    );
    row(
        "1 KB, translated: CPU per request, to our passthrough",
        ratio(&translated, &passed, cpu),
        Some((1.30, 1.12)),
    );
}

/// What the record of a request costs, and what its bodies cost where a person asked for them.
async fn recording(setting: &Setting, rounds: usize) {
    let without = setting.another_gateway("record.enabled = false");
    let with_bodies = setting.another_gateway("record.bodies = \"all\"");
    let sides = [&without, &setting.gateway, &with_bodies].map(|gateway| Side {
        child: &gateway.process,
        ask: Client::Chat.ask(&gateway.key, "chat-whole", KIB, None),
    });
    let [without, with, with_bodies] = interleaved(sides, rounds, 8, 500).await;
    row(
        "1 KB, recorded: CPU per request, to unrecorded",
        ratio(&with, &without, cpu),
        Some((1.03, 1.02)),
    );
    row(
        "1 KB, recorded with bodies: CPU per request, to unrecorded",
        ratio(&with_bodies, &without, cpu),
        None,
    );
}

async fn streams(setting: &Setting, rounds: usize) {
    const EVENTS: usize = 500;
    let [floor, passed, translated] = interleaved(
        setting.three(KIB, "stream-500-0", Some(EVENTS)),
        rounds,
        8,
        3,
    )
    .await;
    row("stream, floor: CPU µs per event", of(&floor, cpu), None);
    row(
        "stream, passthrough: CPU per event, to the floor",
        ratio(&passed, &floor, cpu),
        Some((1.25, 1.05)),
    );
    row(
        "stream, translated: CPU per event, to our passthrough",
        ratio(&translated, &passed, cpu),
        Some((1.60, 1.35)),
    );
}

async fn large(setting: &Setting, rounds: usize) {
    let key = &setting.gateway.key;
    let side = |child, client: Client, model| Side {
        child,
        ask: client.ask(key, model, MIB, None),
    };
    let gateway = &setting.gateway.process;
    let sides = [
        side(&setting.floor, Client::Chat, "chat-whole"),
        side(gateway, Client::Chat, "chat-whole"),
        side(gateway, Client::AnthropicModelLast, "claude-whole"),
        side(gateway, Client::AnthropicModelLast, "chat-whole"),
    ];
    let [floor, first, last, translated] = interleaved(sides, rounds, 2, 15).await;
    row("1 MB, floor: CPU µs per request", of(&floor, cpu), None);
    row(
        "1 MB, passthrough, `model` first: CPU, to the floor",
        ratio(&first, &floor, cpu),
        Some((1.60, 1.15)),
    );
    row(
        "1 MB, passthrough, `model` last: CPU, to the floor",
        ratio(&last, &floor, cpu),
        Some((3.0, 2.2)),
    );
    row(
        "1 MB, translated: CPU, to the floor",
        ratio(&translated, &floor, cpu),
        Some((9.0, 5.0)),
    );
}

/// An agent's turns, of three lengths.
async fn agent(setting: &Setting, rounds: usize) {
    let key = &setting.gateway.key;
    for kib in [30, 120, 500] {
        let side = |child, model: &str| Side {
            child,
            ask: ResponseContext {
                path: "/v1/messages",
                key: key.clone(),
                body: agent::body(model, kib * KIB).into(),
                events: None,
            },
        };
        let gateway = &setting.gateway.process;
        let sides = [
            side(&setting.floor, "claude-whole"),
            side(&setting.typed, "chat-whole"),
            side(gateway, "claude-whole"),
            side(gateway, "chat-whole"),
        ];
        let times = 12_000 / kib;
        let [floor, typed, passed, translated] = interleaved(sides, rounds, 4, times).await;
        row(
            &format!("agent's {kib} KB, floor: CPU µs per request"),
            of(&floor, cpu),
            None,
        );
        row(
            &format!("agent's {kib} KB, passthrough: CPU, to the floor"),
            ratio(&passed, &floor, cpu),
            Some((1.30, 1.15)),
        );
        row(
            &format!("agent's {kib} KB, translated: CPU, to typed structs"),
            ratio(&translated, &typed, cpu),
            Some((1.20, 0.80)),
        );
    }
}

/// Latency at the load of a desktop: one client at a time.
async fn waits(setting: &Setting, rounds: usize) {
    let [floor, passed, translated] =
        interleaved(setting.three(KIB, "whole", None), rounds, 1, 300).await;
    row(
        "1 KB, one client, floor: wait in µs",
        of(&floor, |cost| cost.wait),
        None,
    );
    row(
        "1 KB, one client, passthrough: added wait in µs",
        of(&passed, |cost| cost.wait) - of(&floor, |cost| cost.wait),
        None,
    );
    row(
        "1 KB, one client, translated: added wait in µs",
        of(&translated, |cost| cost.wait) - of(&floor, |cost| cost.wait),
        None,
    );
    row(
        "1 KB, one client, passthrough: CPU, to the floor",
        ratio(&passed, &floor, cpu),
        None,
    );
    let [floor, passed, translated] =
        interleaved(setting.three(KIB, "stream-10-1", Some(10)), rounds, 1, 20).await;
    row(
        "stream, floor: first event after µs",
        of(&floor, |cost| cost.wait),
        None,
    );
    row(
        "stream, passthrough: first event, to the floor",
        ratio(&passed, &floor, |cost| cost.wait),
        None,
    );
    row(
        "stream, translated: first event, to the floor",
        ratio(&translated, &floor, |cost| cost.wait),
        None,
    );
}

/// A gateway without requests.
async fn idle(setting: &Setting) {
    let gateway = setting.another_gateway("");
    first_answer(&gateway).await;
    row(
        "start to the first answer: CPU ms",
        micros(&gateway.process.cpu()) / 1e3,
        Some((25.0, 12.0)),
    );
    tokio::time::sleep(Duration::from_secs(2)).await;
    row(
        "idle: resident MiB",
        gateway.process.resident_kib() as f64 / 1024.0,
        Some((14.0, 10.0)),
    );
    let before = gateway.process.wake_ups();
    tokio::time::sleep(IDLE).await;
    let woken = gateway.process.wake_ups() - before;
    row(
        "idle: wake-ups per second",
        woken as f64 / IDLE.as_secs_f64(),
        Some((0.2, 0.0)),
    );
    let bytes = std::fs::metadata(program()).map_or(0, |file| file.len());
    row(
        "stripped binary: MiB",
        bytes as f64 / MIB as f64,
        Some((12.0, 8.0)),
    );
}

async fn first_answer(gateway: &Gateway) {
    let ask = Client::Chat.ask(&gateway.key, "chat-whole", KIB, None);
    drive(gateway.process.address, &ask, 1, 1).await;
}

/// 500 streams of 20 events a second, then 8 requests of 1 MB, then idle.
async fn burst(setting: &Setting) {
    const ROUNDS: usize = 3;
    let model = format!("chat-stream-{BURST_EVENTS}-50");
    let ask = |client: Client, gateway: &Gateway| {
        client.ask(&gateway.key, &model, KIB, Some(BURST_EVENTS))
    };
    let (passing, translating) = (setting.another_gateway(""), setting.another_gateway(""));
    first_answer(&passing).await;
    first_answer(&translating).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let idle_kib = passing.process.resident_kib() as f64;

    let sides = [
        (&setting.floor, ask(Client::Chat, &passing)),
        (&passing.process, ask(Client::Chat, &passing)),
        (&translating.process, ask(Client::Anthropic, &translating)),
    ];
    let mut delays = [const { Vec::new() }; 3];
    let mut kib = [0.0; 3];
    for round in 0..ROUNDS {
        for (index, (child, ask)) in sides.iter().enumerate() {
            let (delay, stream_kib) = watched(child, ask.clone()).await;
            delays[index].push(delay);
            if round == 0 {
                kib[index] = stream_kib;
            }
        }
    }
    let [floor, passed, translated] = delays;
    let to_floor = |delays: &[f64]| {
        median(
            delays
                .iter()
                .zip(&floor)
                .map(|(delay, floor)| delay / floor)
                .collect(),
        )
    };
    row(
        "500 streams, floor: delay of an event in µs",
        median(floor.clone()),
        None,
    );
    row(
        "500 streams, passthrough: delay of an event, to the floor",
        to_floor(&passed),
        Some((1.3, 1.3)),
    );
    row(
        "500 streams, translated: delay of an event, to the floor",
        to_floor(&translated),
        Some((1.3, 1.3)),
    );
    row("500 streams, floor: KiB a stream", kib[0], None);
    row(
        "500 streams, passthrough: KiB a stream",
        kib[1],
        Some((48.0, 36.0)),
    );
    row(
        "500 streams, translated: KiB a stream",
        kib[2],
        Some((48.0, 36.0)),
    );

    for client in [Client::Chat, Client::AnthropicModelLast] {
        drive(
            passing.process.address,
            &client.ask(&passing.key, "chat-whole", MIB, None),
            4,
            1,
        )
        .await;
    }
    tokio::time::sleep(AFTER_BURST).await;
    let after_kib = passing.process.resident_kib() as f64;
    row(
        "60 s after it and 8 requests of 1 MB: resident, to idle",
        after_kib / idle_kib,
        Some((1.8, 1.3)),
    );
}

const BURST_STREAMS: usize = 500;
const BURST_EVENTS: usize = 80;

/// Runs a burst and reads the memory in the middle of it. Returns the median delay in microseconds,
/// and the KiB for each stream above the level before.
async fn watched(child: &Child, ask: ResponseContext) -> (f64, f64) {
    let before = child.resident_kib();
    let address = child.address;
    let driven = tokio::spawn(async move { drive(address, &ask, BURST_STREAMS, 1).await });
    tokio::time::sleep(Duration::from_secs(2)).await;
    let during = child.resident_kib();
    let taken = driven.await.expect("all answers are right");
    (
        median(taken.delays.iter().map(micros).collect()),
        during.saturating_sub(before) as f64 / BURST_STREAMS as f64,
    )
}
