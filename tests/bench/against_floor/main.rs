//! The whole program against a bare forwarder, on one core each: `cargo bench --bench
//! against_floor`.
//!
//! Prints the gateway's costs as ratios to the floor, beside their targets. CPU time is the
//! system's accounting of all threads, since wall time is noise on a shared machine. Needs Linux
//! with two cores and `taskset` (util-linux). `cargo bench --bench against_floor -- small streams`
//! measures only the rows of the named groups; `--rounds 9` sets the rounds.

#![allow(clippy::print_stdout, reason = "it prints its table")]
#![allow(
    clippy::disallowed_methods,
    reason = "a measurement has no agent whose shutdown tracks tasks"
)]

#[cfg(target_os = "linux")]
mod agent;
#[cfg(target_os = "linux")]
mod child;
#[cfg(target_os = "linux")]
mod floor;
#[cfg(target_os = "linux")]
mod load;
#[cfg(target_os = "linux")]
mod rows;
#[cfg(target_os = "linux")]
mod setting;
#[cfg(target_os = "linux")]
mod typed;
#[cfg(target_os = "linux")]
mod upstream;

#[cfg(target_os = "linux")]
fn main() {
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| word != "--bench")
        .collect();
    // One thread each: a measured process has one core, and a scheduler for several threads would
    // only make the floor slower.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let served = match words.first().map(String::as_str) {
        Some("floor") => runtime.block_on(floor::run(
            words[1].parse().expect("the upstream's address"),
        )),
        Some("typed") => runtime.block_on(typed::run(
            words[1].parse().expect("the upstream's address"),
        )),
        Some("upstream") => runtime.block_on(upstream::run()),
        _ => {
            runtime.block_on(rows::measure(&words));
            Ok(())
        }
    };
    served.expect("the port can be opened");
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("the accounts of processes are read from /proc: this measurement runs on Linux");
}
