//! The rows of the table, group by group: what is measured, and what it is compared with.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::child::Child;
use super::load::{ResponseContext, drive};
use super::setting::{Client, Gateway, Pair, Setting, program, program_too};
use super::{agent, tls};

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;
const ROUNDS: usize = 7;

/// How long resident memory may take to fall after a burst.
const AFTER_BURST: Duration = Duration::from_secs(60);
const IDLE: Duration = Duration::from_secs(10);

/// Measures the groups that `words` name, or all.
pub(super) async fn measure(words: &[&str]) {
    let rounds = words.iter().skip_while(|word| **word != "--rounds").nth(1);
    let rounds = rounds
        .and_then(|rounds| rounds.parse().ok())
        .unwrap_or(ROUNDS);
    let is_named = words.iter().any(|word| GROUPS.contains(word));
    println!("{}", measured_program(&program()));
    println!("load of the machine before: {}", machine_load());
    println!(
        "{:<58} {:>9} {:>15} {:>9} {:>9}",
        "", "measured", "lowest, highest", "to reach", "further"
    );
    let setting = Setting::start();
    for group in GROUPS {
        if !is_named || words.contains(&group) {
            measure_group(group, &setting, rounds).await;
        }
    }
    println!("load of the machine after: {}", machine_load());
}

const GROUPS: [&str; 13] = [
    "small",
    "recording",
    "builds",
    "streams",
    "large",
    "agent",
    "growth",
    "tls",
    "threads",
    "desk",
    "waits",
    "idle",
    "burst",
];

async fn measure_group(group: &str, setting: &Setting, rounds: usize) {
    match group {
        "small" => small(setting, rounds).await,
        "recording" => recording(setting, rounds).await,
        "builds" => builds(setting, rounds).await,
        "streams" => streams(setting, rounds).await,
        "large" => large(setting, rounds).await,
        "agent" => agent(setting, rounds).await,
        "growth" => growth(setting, rounds).await,
        "tls" => over_tls(rounds).await,
        "threads" => two_threads(rounds).await,
        "desk" => desk(setting, rounds).await,
        "waits" => waits(setting, rounds).await,
        "idle" => idle(setting).await,
        "burst" => burst(setting).await,
        _ => unreachable!("all groups are listed above"),
    }
}

/// Which build it is, as it says itself.
fn measured_program(program: &Path) -> String {
    let output = Command::new(program).arg("--version").output();
    let version = output.map(|output| output.stdout).unwrap_or_default();
    let bytes = std::fs::metadata(program).map_or(0, |file| file.len());
    let version = String::from_utf8_lossy(&version);
    format!("measured: {}, {bytes} bytes", version.trim())
}

/// How many tasks ran or waited to, on average over a minute.
fn machine_load() -> String {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').next().unwrap_or_default().to_owned()
}

fn row(what: &str, measured: f64, targets: Option<(f64, f64)>) {
    print_row(what, measured, "", targets);
}

/// A row with its median, and the lowest and highest of its rounds.
fn spread_row(what: &str, rounds: &[f64], targets: Option<(f64, f64)>) {
    let lowest = rounds.iter().copied().fold(f64::INFINITY, f64::min);
    let highest = rounds.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let spread = format!("{lowest:.2}, {highest:.2}");
    print_row(what, median(rounds.to_vec()), &spread, targets);
}

fn print_row(what: &str, measured: f64, spread: &str, targets: Option<(f64, f64)>) {
    let shown = |target: f64| format!("{target:>9.2}");
    let (reach, further) = targets.map_or_else(Default::default, |(reach, further)| {
        (shown(reach), shown(further))
    });
    println!("{what:<58} {measured:>9.2} {spread:>15} {reach} {further}");
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
    /// Microseconds at the median: to the whole answer, or to a stream's first event.
    wait: f64,
    /// Microseconds at the median from an event's creation to its arrival.
    delay: f64,
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
            delay: median(taken.delays.iter().map(micros).collect()),
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

/// The ratio of each round, since both sides of one round ran under the same load.
fn ratio(of: &[Cost], to: &[Cost], field: fn(&Cost) -> f64) -> Vec<f64> {
    let rounds = of.iter().zip(to);
    rounds.map(|(of, to)| field(of) / field(to)).collect()
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
    spread_row(
        "1 KB, passthrough: CPU per request, to the floor",
        &ratio(&passed, &floor, cpu),
        Some((1.15, 1.08)),
    );
    spread_row(
        "1 KB, passthrough: throughput, to the floor",
        &ratio(&passed, &floor, |cost| cost.per_second),
        Some((0.80, 0.95)),
    );
    spread_row(
        "1 KB, translated: CPU per request, to our passthrough",
        &ratio(&translated, &passed, cpu),
        Some((1.30, 1.12)),
    );
    let question = ResponseContext {
        path: "/v1/messages",
        key: setting.gateway.key.clone(),
        body: agent::question("chat-whole").into(),
        events: None,
    };
    let sides = [&setting.typed, &setting.gateway.process].map(|child| Side {
        child,
        ask: question.clone(),
    });
    let [typed, translated] = interleaved(sides, rounds, 8, 500).await;
    spread_row(
        "1 KB, translated: CPU per request, to typed structs",
        &ratio(&translated, &typed, cpu),
        Some((1.25, 1.10)),
    );
}

/// The other build of the program to the measured one.
async fn builds(setting: &Setting, rounds: usize) {
    let Some(program_too) = program_too() else {
        return;
    };
    println!("the other build: {}", measured_program(&program_too));
    let other = setting.gateway_of(&program_too);
    let sides = |bytes: usize, model: &'static str| {
        [&setting.gateway, &other].map(|gateway| Side {
            child: &gateway.process,
            ask: agent_ask(&gateway.key, model, bytes),
        })
    };
    for (what, model) in [
        ("passthrough", "claude-whole"),
        ("translated", "chat-whole"),
    ] {
        let [measured, other] = interleaved(sides(30 * KIB, model), rounds, 4, 400).await;
        spread_row(
            &format!("agent's 30 KB, {what}: CPU, the other build to this"),
            &ratio(&other, &measured, cpu),
            None,
        );
    }
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
    spread_row(
        "1 KB, recorded: CPU per request, to unrecorded",
        &ratio(&with, &without, cpu),
        Some((1.03, 1.02)),
    );
    spread_row(
        "1 KB, recorded with bodies: CPU per request, to unrecorded",
        &ratio(&with_bodies, &without, cpu),
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
    spread_row(
        "stream, passthrough: CPU per event, to the floor",
        &ratio(&passed, &floor, cpu),
        Some((1.10, 0.80)),
    );
    spread_row(
        "stream, translated: CPU per event, to the floor",
        &ratio(&translated, &floor, cpu),
        Some((1.10, 0.80)),
    );
    for (what, costs) in [("passthrough", &passed), ("translated", &translated)] {
        spread_row(
            &format!("stream, {what}: throughput, to the floor"),
            &ratio(costs, &floor, |cost| cost.per_second),
            Some((1.0, 1.1)),
        );
    }
}

/// Twenty streams with an event each 10 ms: what a person's agents read at a time.
async fn desk(setting: &Setting, rounds: usize) {
    let sides = setting.three(KIB, "stream-100-10", Some(100));
    let [floor, passed, translated] = interleaved(sides, rounds, 20, 1).await;
    row(
        "20 slow streams, floor: CPU µs per event",
        of(&floor, cpu),
        None,
    );
    row(
        "20 slow streams, floor: delay of an event in µs",
        of(&floor, |cost| cost.delay),
        None,
    );
    for (what, costs, targets) in [
        ("passthrough", &passed, (1.08, 1.00)),
        ("translated", &translated, (1.12, 1.05)),
    ] {
        spread_row(
            &format!("20 slow streams, {what}: CPU per event, to the floor"),
            &ratio(costs, &floor, cpu),
            Some(targets),
        );
        spread_row(
            &format!("20 slow streams, {what}: delay, to the floor"),
            &ratio(costs, &floor, |cost| cost.delay),
            Some((1.00, 0.95)),
        );
    }
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
    spread_row(
        "1 MB, passthrough, `model` first: CPU, to the floor",
        &ratio(&first, &floor, cpu),
        Some((1.20, 1.05)),
    );
    spread_row(
        "1 MB, passthrough, `model` last: CPU, to the floor",
        &ratio(&last, &floor, cpu),
        Some((3.0, 2.2)),
    );
    spread_row(
        "1 MB, translated: CPU, to the floor",
        &ratio(&translated, &floor, cpu),
        Some((9.0, 5.0)),
    );
}

/// An agent's turns, of three lengths.
async fn agent(setting: &Setting, rounds: usize) {
    let key = &setting.gateway.key;
    for kib in [30, 120, 500] {
        let side = |child, model: &str| Side {
            child,
            ask: agent_ask(key, model, kib * KIB),
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
        spread_row(
            &format!("agent's {kib} KB, passthrough: CPU, to the floor"),
            &ratio(&passed, &floor, cpu),
            Some((1.30, 1.15)),
        );
        spread_row(
            &format!("agent's {kib} KB, translated: CPU, to typed structs"),
            &ratio(&translated, &typed, cpu),
            Some((1.20, 0.80)),
        );
    }
}

fn agent_ask(key: &str, model: &str, bytes: usize) -> ResponseContext {
    ResponseContext {
        path: "/v1/messages",
        key: key.to_owned(),
        body: agent::body(model, bytes).into(),
        events: None,
    }
}

/// What a KB of a conversation costs as it grows, without what any request costs.
async fn growth(setting: &Setting, rounds: usize) {
    const TURNS_KIB: [usize; 5] = [15, 30, 60, 120, 240];
    let Gateway { process, key, .. } = &setting.gateway;
    for (what, model) in [
        ("passthrough", "claude-whole"),
        ("translated", "chat-whole"),
    ] {
        let small = Side {
            child: process,
            ask: Client::Anthropic.ask(key, model, KIB, None),
        };
        let [smallest] = interleaved([small], rounds, 4, 400).await;
        let mut first = None;
        for kib in TURNS_KIB {
            let side = Side {
                child: process,
                ask: agent_ask(key, model, kib * KIB),
            };
            let [turn] = interleaved([side], rounds, 4, 12_000 / kib).await;
            let each_kib = (of(&turn, cpu) - of(&smallest, cpu)) / kib as f64;
            let first = *first.get_or_insert(each_kib);
            row(
                &format!("turn of {kib} KB, {what}: CPU a KB, to that of 15 KB"),
                each_kib / first,
                Some((1.0, 1.0)),
            );
        }
    }
}

/// To the upstream by TLS, in both versions of HTTP.
async fn over_tls(rounds: usize) {
    for (version, name) in [(tls::HTTP1, "HTTP/1.1"), (tls::HTTP2, "HTTP/2")] {
        let pair = Pair::over_tls(version);
        let small = |key: &str| Client::Chat.ask(key, "chat-whole", KIB, None);
        let large = |key: &str| agent_ask(key, "claude-whole", 120 * KIB);
        pair.rows(&format!("1 KB by {name}"), small, rounds, 500, (1.12, 1.05))
            .await;
        pair.rows(
            &format!("agent's 120 KB by {name}"),
            large,
            rounds,
            100,
            (1.25, 1.10),
        )
        .await;
    }
}

/// Two threads on two cores, which upstream and clients share.
async fn two_threads(rounds: usize) {
    let pair = Pair::on_two_threads();
    let small = |key: &str| Client::Chat.ask(key, "chat-whole", KIB, None);
    let [floor, passed] = pair
        .rows("1 KB on two threads", small, rounds, 500, (1.20, 1.10))
        .await;
    spread_row(
        "1 KB on two threads: throughput, to the floor",
        &ratio(&passed, &floor, |cost| cost.per_second),
        Some((0.90, 0.95)),
    );
}

impl Pair {
    /// The floor's CPU and ours to it.
    async fn rows(
        &self,
        what: &str,
        ask: impl Fn(&str) -> ResponseContext,
        rounds: usize,
        times: usize,
        targets: (f64, f64),
    ) -> [Vec<Cost>; 2] {
        let sides = [&self.floor, &self.gateway.process].map(|child| Side {
            child,
            ask: ask(&self.gateway.key),
        });
        let costs = interleaved(sides, rounds, 8, times).await;
        let [floor, passed] = &costs;
        row(
            &format!("{what}, floor: CPU µs per request"),
            of(floor, cpu),
            None,
        );
        spread_row(
            &format!("{what}, passthrough: CPU, to the floor"),
            &ratio(passed, floor, cpu),
            Some(targets),
        );
        costs
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
    spread_row(
        "1 KB, one client, passthrough: CPU, to the floor",
        &ratio(&passed, &floor, cpu),
        None,
    );
    let [floor, passed, translated] =
        interleaved(setting.three(KIB, "stream-10-1", Some(10)), rounds, 1, 20).await;
    row(
        "stream, floor: first event after µs",
        of(&floor, |cost| cost.wait),
        None,
    );
    spread_row(
        "stream, passthrough: first event, to the floor",
        &ratio(&passed, &floor, |cost| cost.wait),
        None,
    );
    spread_row(
        "stream, translated: first event, to the floor",
        &ratio(&translated, &floor, |cost| cost.wait),
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
