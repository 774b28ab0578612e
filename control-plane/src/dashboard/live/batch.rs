//! What came between two looks at the records, as it goes over the wire.
//!
//! Source: HTML Standard, section 9.2.6, "Interpreting an event stream".

use std::fmt::Write as _;

use bytes::Bytes;

use crate::host::printable;

/// What came between two looks.
#[derive(Clone, Debug, Default)]
pub(in crate::dashboard) struct Batch {
    /// After which number it was looked for, and from which number on the next look goes.
    pub(in crate::dashboard) after: i64,
    pub(in crate::dashboard) last_seq: i64,
    /// The latest first.
    pub(in crate::dashboard) rows: Vec<BatchRow>,
    /// How many older ones are left out.
    pub(in crate::dashboard) more: usize,
    /// Whether a list that ended at `after` has to be loaded again.
    pub(in crate::dashboard) is_stale: bool,
    /// Whether it is an event without rows too.
    pub(in crate::dashboard) is_tick: bool,
}

#[derive(Clone, Debug)]
pub(in crate::dashboard) struct BatchRow {
    pub(in crate::dashboard) seq: i64,
    /// One line of HTML.
    pub(in crate::dashboard) html: Bytes,
}

impl BatchRow {
    /// Characters that steer or reorder text are escaped, as on every page.
    pub(in crate::dashboard) fn new(seq: i64, html: &str) -> Self {
        let html = printable::escape_lines(html).replace(['\n', '\r'], " ");
        Self {
            seq,
            html: html.into(),
        }
    }
}

impl Batch {
    /// Whether a tab that has all rows up to `seen` gets from it all that came since.
    pub(super) fn continues(&self, seen: i64) -> bool {
        self.after == seen || self.after < seen && self.more == 0
    }

    /// The event for a tab that has all rows up to `seen`. `None` where nothing is new to it.
    pub(super) fn event(&self, seen: i64, rest: impl FnOnce(usize) -> String) -> Option<Bytes> {
        let id = self.last_seq;
        if self.is_stale {
            return Some(format!("id: {id}\nevent: stale\ndata:\n\n").into());
        }
        let mut text = String::new();
        for row in self.rows.iter().filter(|row| row.seq > seen) {
            let html = String::from_utf8_lossy(&row.html);
            let _ = writeln!(text, "data: {html}");
        }
        if self.more > 0 {
            let row = BatchRow::new(id, &rest(self.more));
            let _ = writeln!(text, "data: {}", String::from_utf8_lossy(&row.html));
        }
        if text.is_empty() {
            let is_tick = self.is_tick && id > seen;
            return is_tick.then(|| format!("id: {id}\nevent: tick\ndata:\n\n").into());
        }
        Some(format!("id: {id}\nevent: rows\n{text}\n").into())
    }
}
