//! Which version of a client is on this machine, for its receipt: from the package beside its
//! program, else from what the program says of itself.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use super::client::Client;
use super::places::Surroundings;
use crate::host::printable;

/// How long a program may take to say its version.
const TIME_LIMIT: Duration = Duration::from_secs(3);
/// A package's file is small; a larger one is something else.
const PACKAGE_BYTES_MAX: u64 = 1 << 20;
/// How many folders above a program its package's file may lie.
const FOLDERS_ABOVE_MAX: usize = 4;
const SAID_BYTES_MAX: u64 = 4096;
const VERSION_CHARS_MAX: usize = 60;

/// The version as the client writes it. `None` where it cannot be found out.
pub fn seen(client: &Client, at: &Surroundings) -> Option<String> {
    let mut programs = client.programs.iter();
    let program = programs.find_map(|name| at.find_program(name))?;
    of_package(&program).or_else(|| as_said(&program, at))
}

/// npm links to a script inside the package.
fn of_package(program: &Path) -> Option<String> {
    let program = std::fs::canonicalize(program).ok()?;
    let folders = program.ancestors().skip(1).take(FOLDERS_ABOVE_MAX);
    let mut files = folders.map(|folder| folder.join("package.json"));
    let file = files.find(|file| file.is_file())?;
    let is_small = std::fs::metadata(&file).is_ok_and(|found| found.len() <= PACKAGE_BYTES_MAX);
    let text = is_small.then(|| std::fs::read(&file).ok()).flatten()?;
    let package: serde_json::Value = serde_json::from_slice(&text).ok()?;
    shown(package["version"].as_str()?)
}

fn as_said(program: &Path, at: &Surroundings) -> Option<String> {
    let mut command = Command::new(program);
    command
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    if !cfg!(windows) {
        // It needs none of the keys that this process may have in its environment.
        let kept = ["HOME", "PATH"];
        let kept = kept
            .iter()
            .filter_map(|name| Some((name, at.variable(name)?)));
        command.env_clear().envs(kept);
    }
    shown(&first_line(command.spawn().ok()?)?)
}

/// The first line that a program writes in time. Then it is ended: another one may hold its output
/// for as long as it likes.
fn first_line(mut child: Child) -> Option<String> {
    let output = child.stdout.take()?.take(SAID_BYTES_MAX);
    let (line, said) = mpsc::channel();
    std::thread::spawn(move || {
        let mut text = String::new();
        let _ = BufReader::new(output).read_line(&mut text);
        let _ = line.send(text);
    });
    let text = said.recv_timeout(TIME_LIMIT).ok();
    let _ = child.kill();
    let _ = child.wait();
    text
}

/// A version has a digit, and is short.
fn shown(text: &str) -> Option<String> {
    let text = text.trim();
    let is_version =
        text.contains(|c: char| c.is_ascii_digit()) && text.chars().count() <= VERSION_CHARS_MAX;
    is_version.then(|| printable::escape(text).into_owned())
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use crate::clients::client::BLANK;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    static TOOL: Client = Client {
        programs: &["tool"],
        ..BLANK
    };

    fn at(folder: &Path) -> Surroundings {
        let path = folder.join("bin").display().to_string();
        Surroundings {
            variables: [("PATH".to_owned(), format!("{path}:/usr/bin:/bin"))].into(),
            ..Surroundings::default()
        }
    }

    fn script(file: &Path, lines: &str) {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, format!("#!/bin/sh\n{lines}\n")).unwrap();
        std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    #[test]
    fn a_package_says_the_version_and_its_program_is_not_started() {
        let folder = tempfile::tempdir().unwrap();
        let package = folder.path().join("lib/tool");
        script(&package.join("bin/run.js"), "touch \"$0.started\"");
        std::fs::write(package.join("package.json"), r#"{"version": "1.2.3"}"#).unwrap();
        std::fs::create_dir(folder.path().join("bin")).unwrap();
        symlink(package.join("bin/run.js"), folder.path().join("bin/tool")).unwrap();
        assert_eq!(seen(&TOOL, &at(folder.path())).as_deref(), Some("1.2.3"));
        assert!(!package.join("bin/run.js.started").exists());
    }

    #[test]
    fn a_program_says_its_version_or_none_is_known() {
        let folder = tempfile::tempdir().unwrap();
        let tool = folder.path().join("bin/tool");
        let said = |lines: &str| {
            script(&tool, lines);
            seen(&TOOL, &at(folder.path()))
        };
        assert_eq!(
            said("echo tool 4.5; echo more").as_deref(),
            Some("tool 4.5")
        );
        assert_eq!(said("echo no such option"), None);
        assert_eq!(said("exec sleep 60"), None);
        std::fs::remove_file(&tool).unwrap();
        assert_eq!(seen(&TOOL, &at(folder.path())), None);
    }
}
