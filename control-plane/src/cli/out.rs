//! The one writer of the command line.
//!
//! Facts go to standard output, errors and notes to standard error. What comes from files and
//! upstreams cannot steer the terminal, and a reader that left is no error.

use std::io::{self, Write};

use serde::Serialize;

use crate::host::printable::escape_json;

pub(super) struct Out<'a> {
    stdout: &'a mut dyn Write,
    stderr: &'a mut dyn Write,
    is_json: bool,
    /// The first failure to write facts; nothing is written after it.
    failure: Option<io::Error>,
}

impl<'a> Out<'a> {
    pub(super) fn new(stdout: &'a mut dyn Write, stderr: &'a mut dyn Write, is_json: bool) -> Self {
        Self {
            stdout,
            stderr,
            is_json,
            failure: None,
        }
    }

    /// Writes facts: as JSON for scripts, else the lines for people.
    pub(super) fn facts(
        &mut self,
        facts: &impl Serialize,
        lines: impl IntoIterator<Item = String>,
    ) {
        if self.is_json {
            let text = serde_json::to_string_pretty(facts)
                .expect("facts have text keys and finite numbers");
            self.lines(text.lines());
        } else {
            lines.into_iter().for_each(|line| self.line(&line));
        }
    }

    /// Writes a text of several lines that this program made itself.
    pub(super) fn lines<'t>(&mut self, lines: impl IntoIterator<Item = &'t str>) {
        lines.into_iter().for_each(|line| self.line(line));
    }

    /// Writes a script that this program made, as it is.
    pub(super) fn script(&mut self, script: &[u8]) {
        if self.failure.is_none() {
            self.failure = self.stdout.write_all(script).err();
        }
    }

    /// Writes one fact as JSON in a line of its own, or its lines for people.
    pub(super) fn fact_line(
        &mut self,
        fact: &impl Serialize,
        lines: impl IntoIterator<Item = String>,
    ) {
        if self.is_json {
            let text =
                serde_json::to_string(fact).expect("facts have text keys and finite numbers");
            self.line(&text);
        } else {
            lines.into_iter().for_each(|line| self.line(&line));
        }
    }

    /// Whether the reader is still there.
    pub(super) fn is_open(&self) -> bool {
        self.failure.is_none()
    }

    /// Shows what was written so far; the rest comes much later.
    pub(super) fn flush(&mut self) {
        if self.failure.is_none() {
            self.failure = self.stdout.flush().err();
        }
    }

    fn line(&mut self, line: &str) {
        if self.failure.is_none() {
            self.failure = writeln!(self.stdout, "{}", escape_json(line)).err();
        }
    }

    /// Writes a note for people to standard error, so that scripts read facts alone.
    pub(super) fn note(&mut self, text: &str) {
        text.lines().for_each(|line| self.stderr_line("", line));
    }

    /// Writes what went wrong, a line each.
    pub(super) fn error(&mut self, text: &str) {
        text.lines()
            .for_each(|line| self.stderr_line("aerostat: ", line));
    }

    /// Writes how the program is used, where it was used otherwise.
    pub(super) fn explain(&mut self, usage: &str) {
        usage.lines().for_each(|line| self.stderr_line("", line));
    }

    fn stderr_line(&mut self, prefix: &str, line: &str) {
        // There is no other place to report a failure.
        let _ = writeln!(self.stderr, "{prefix}{}", escape_json(line));
    }

    /// Whether everything reached its reader, or the reader left by itself.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.flush();
        match self.failure {
            Some(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
            _ => Ok(()),
        }
    }
}

/// The width of a column that holds these texts.
pub(super) fn column_width<'t>(texts: impl Iterator<Item = &'t str>) -> usize {
    texts.map(str::len).max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Gone(io::ErrorKind);

    impl Write for Gone {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn finished(kind: io::ErrorKind) -> io::Result<()> {
        let (mut facts, mut stderr) = (Gone(kind), Vec::new());
        let mut out = Out::new(&mut facts, &mut stderr, false);
        out.lines(["a", "b"]);
        out.finish()
    }

    #[test]
    fn a_reader_that_left_is_no_error_and_a_full_disk_is() {
        assert!(finished(io::ErrorKind::BrokenPipe).is_ok());
        assert!(finished(io::ErrorKind::StorageFull).is_err());
    }

    #[test]
    fn names_from_files_cannot_steer_the_terminal() {
        assert_eq!(
            escape_json("a\u{1b}[2Jb\u{9b}c\nd\u{202e}e"),
            "a\\u001b[2Jb\\u009bc\\u000ad\\u202ee"
        );
        assert_eq!(
            escape_json("a\u{61c}b\u{e0041}c"),
            "a\\u061cb\\udb40\\udc41c"
        );
        assert_eq!(escape_json("grün 日本"), "grün 日本");
    }

    #[test]
    fn json_stays_json() {
        let (mut facts, mut stderr) = (Vec::new(), Vec::new());
        let mut out = Out::new(&mut facts, &mut stderr, true);
        out.facts(
            &serde_json::json!({ "name": "a\u{9b}\u{1b}\u{202e}\u{e0041}" }),
            [],
        );
        out.finish().unwrap();
        let value: serde_json::Value = serde_json::from_slice(&facts).unwrap();
        assert!(facts.is_ascii());
        assert_eq!(value["name"], "a\u{9b}\u{1b}\u{202e}\u{e0041}");
    }
}
