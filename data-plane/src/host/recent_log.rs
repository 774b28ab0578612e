//! The last lines of this process' log, kept in memory for `doctor`.

use std::collections::VecDeque;
use std::io::{self, Write};

use parking_lot::Mutex;

/// How much is kept: some hundred lines.
const BYTES_MAX: usize = 64 << 10;

/// The log of this process.
pub static RECENT_LOG: RecentLog = RecentLog(Mutex::new(VecDeque::new()));

/// Bytes of a log, of which the oldest go first.
pub struct RecentLog(Mutex<VecDeque<u8>>);

impl RecentLog {
    /// The lines that are whole, the oldest first, without the colours of a terminal.
    pub fn lines(&self) -> Vec<String> {
        let bytes: Vec<u8> = self.0.lock().iter().copied().collect();
        let text = without_colours(&String::from_utf8_lossy(&bytes));
        // The first may have lost its beginning.
        let is_cut = bytes.len() >= BYTES_MAX;
        let lines = text.lines().skip(usize::from(is_cut));
        lines.map(str::to_owned).collect()
    }

    fn push(&self, bytes: &[u8]) {
        let mut kept = self.0.lock();
        let bytes = &bytes[bytes.len().saturating_sub(BYTES_MAX)..];
        let spare = (kept.len() + bytes.len()).saturating_sub(BYTES_MAX);
        kept.drain(..spare);
        kept.extend(bytes);
    }
}

/// Writes to standard error, and keeps what was written.
pub struct KeptStderr;

impl Write for KeptStderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        RECENT_LOG.push(bytes);
        io::stderr().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// Source: ECMA-48 section 5.4: `ESC [`, parameters, a final byte.
fn without_colours(text: &str) -> String {
    let mut pieces = text.split("\u{1b}[");
    let mut clean = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let end = piece.find(|c: char| ('@'..='~').contains(&c));
        clean.push_str(end.map_or("", |end| &piece[end + 1..]));
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_lines_go_first_and_no_half_line_is_shown() {
        let log = RecentLog(Mutex::default());
        for number in 0..20_000 {
            log.push(format!("line {number}\n").as_bytes());
        }
        let lines = log.lines();
        assert_eq!(lines.last().map(String::as_str), Some("line 19999"));
        assert!(
            lines.iter().all(|line| line.starts_with("line ")),
            "{}",
            lines[0]
        );
        assert!(log.0.lock().len() <= BYTES_MAX);
        log.push(&vec![b'x'; 2 * BYTES_MAX]);
        assert_eq!(log.0.lock().len(), BYTES_MAX);
    }

    #[test]
    fn colours_are_left_out() {
        assert_eq!(
            without_colours("\u{1b}[2m12:00\u{1b}[0m \u{1b}[32m INFO"),
            "12:00  INFO"
        );
        assert_eq!(without_colours("plain"), "plain");
    }
}
