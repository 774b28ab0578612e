//! What the linker is asked beyond the usual, for the optimized program on Linux. A linker that
//! lacks something does without it.

#![allow(
    clippy::print_stdout,
    reason = "it is how a build script speaks to cargo"
)]

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::{env, fs, io};

/// Tables for unwinding: nobody reads them in a program that aborts where it panics (`panic =
/// "abort"` in Cargo.toml).
const WITHOUT_TABLES: &str = "SECTIONS { /DISCARD/ : { *(.eh_frame) *(.gcc_except_table .gcc_except_table.*) } } INSERT AFTER .text;\n";

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|found| found == value);
    if !is("PROFILE", "release") || !is("CARGO_CFG_TARGET_OS", "linux") {
        return Ok(());
    }
    let script = format!(
        "{}/without-tables.ld",
        env::var("OUT_DIR").expect("cargo sets it")
    );
    fs::write(&script, WITHOUT_TABLES)?;
    // Functions of the same code are kept once.
    for asked in [format!("-Wl,-T,{script}"), "-Wl,--icf=all".to_owned()] {
        if links(&asked)? {
            println!("cargo::rustc-link-arg-bins={asked}");
        }
    }
    Ok(())
}

/// Whether an empty program can be linked so, with the compiler, target and linker of the real one.
fn links(asked: &str) -> io::Result<bool> {
    let mut compiler = Command::new(env::var_os("RUSTC").expect("cargo sets it"));
    compiler.args([
        "-",
        "--crate-name",
        "probe",
        "-C",
        "panic=abort",
        "-C",
        &format!("link-arg={asked}"),
        "-o",
    ]);
    compiler.arg(format!(
        "{}/probe",
        env::var("OUT_DIR").expect("cargo sets it")
    ));
    compiler.args(["--target", &env::var("TARGET").expect("cargo sets it")]);
    if let Ok(linker) = env::var("RUSTC_LINKER") {
        compiler.args(["-C", &format!("linker={linker}")]);
    }
    compiler.args(
        env::var("CARGO_ENCODED_RUSTFLAGS")
            .unwrap_or_default()
            .split('\x1f')
            .filter(|flag| !flag.is_empty()),
    );
    let mut child = compiler
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    child
        .stdin
        .take()
        .expect("it is piped")
        .write_all(b"fn main() {}")?;
    Ok(child.wait()?.success())
}
