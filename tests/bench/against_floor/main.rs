//! The whole program against a bare forwarder, on one core each: `cargo bench --bench
//! against_floor`.
//!
//! Prints the gateway's costs as ratios to the floor, beside their targets, with the lowest and the
//! highest of the rounds. CPU time is the system's accounting of all threads, since wall time is
//! noise on a shared machine. Needs Linux with two cores and `taskset` (util-linux). `cargo bench
//! --bench against_floor -- small streams` measures only the rows of the named groups; `--rounds 9`
//! sets the rounds. `AEROSTAT_BIN` names the program to measure, `AEROSTAT_BIN_TOO` another build
//! of it that the group `builds` compares with it.

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
mod tls;
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
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let address = |text: &str| text.parse().expect("the upstream's address");
    let served = match *words {
        ["floor", upstream] => one_thread().block_on(floor::run(address(upstream))),
        ["floor-two-threads", upstream] => two_threads().block_on(floor::run(address(upstream))),
        ["floor-tls", upstream, certificate] => {
            one_thread().block_on(floor::run_tls(address(upstream), certificate.as_ref()))
        }
        ["typed", upstream] => one_thread().block_on(typed::run(address(upstream))),
        ["upstream"] => one_thread().block_on(upstream::run()),
        ["upstream-tls", version, certificate] => {
            one_thread().block_on(upstream::run_tls(version, certificate.as_ref()))
        }
        _ => {
            one_thread().block_on(rows::measure(&words));
            Ok(())
        }
    };
    served.expect("the port can be opened");
}

/// For a process that has one core: a scheduler for several threads would only make it slower.
#[cfg(target_os = "linux")]
fn one_thread() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}

#[cfg(target_os = "linux")]
fn two_threads() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime")
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("the accounts of processes are read from /proc: this measurement runs on Linux");
}
