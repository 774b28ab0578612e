//! Opens a text file in the program that the system has for it.

use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// An opener that runs longer has opened the file: it stays for as long as the person edits.
const PATIENCE: Duration = Duration::from_secs(2);

/// Opens `file`. Blocks for a moment, until it is clear that it was opened.
///
/// # Errors
/// When there is no such file, or no program for it.
pub fn open(file: &Path) -> io::Result<()> {
    file.metadata()?;
    let mut child = command(file)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let (ended, end) = mpsc::channel();
    // The thread takes the exit status whenever it comes.
    thread::Builder::new()
        .name("opener".to_owned())
        .spawn(move || drop(ended.send(child.wait())))?;
    match end.recv_timeout(PATIENCE) {
        Ok(Err(error)) => Err(error),
        Ok(Ok(status)) if !status.success() => Err(io::Error::other("no program opened it")),
        Ok(Ok(_)) | Err(_) => Ok(()),
    }
}

#[cfg(target_os = "linux")]
fn command(file: &Path) -> Command {
    let mut command = Command::new("xdg-open");
    command.arg(file);
    command
}

#[cfg(target_os = "macos")]
fn command(file: &Path) -> Command {
    let mut command = Command::new("open");
    command.arg("-t").arg(file);
    command
}

#[cfg(windows)]
fn command(file: &Path) -> Command {
    let mut command = Command::new("notepad.exe");
    command.arg(file);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_not_there_is_not_opened() {
        let folder = tempfile::tempdir().unwrap();
        let error = open(&folder.path().join("config.toml")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
