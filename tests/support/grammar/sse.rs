//! SSE as a careful server writes it: stricter than the standard, which accepts almost anything.
//!
//! At most one `event:` line, then one `data:` line, then an empty line. Comments stand alone. All
//! line ends are alike.

use super::{Broken, Checked, Rule};

/// One record.
#[derive(Clone, Debug)]
pub(super) struct Record<'a> {
    pub(super) event: Option<&'a str>,
    pub(super) data: &'a str,
    /// For error messages: `record 3`.
    pub(super) at: String,
}

/// A whole body.
#[derive(Clone, Debug)]
pub(super) struct Stream<'a> {
    pub(super) records: Vec<Record<'a>>,
    pub(super) comments: usize,
    /// Whether the body ends in the middle of a record.
    pub(super) is_torn: bool,
}

impl<'a> Stream<'a> {
    pub(super) fn parse(body: &'a [u8]) -> Checked<Self> {
        // A cut may fall inside a character; everything before it has to be valid.
        let text = match std::str::from_utf8(body) {
            Ok(text) => text,
            Err(error) if error.error_len().is_none() => {
                std::str::from_utf8(&body[..error.valid_up_to()]).expect("valid up to here")
            }
            Err(_) => return Err(broken(0, Rule::Sse)),
        };
        let line_end = if text.contains("\r\n") { "\r\n" } else { "\n" };
        let mut stream = Self {
            records: Vec::new(),
            comments: 0,
            is_torn: text.len() < body.len(),
        };
        let mut rest = text;
        while let Some((block, after)) = rest.split_once(&line_end.repeat(2)) {
            stream.take(block, line_end)?;
            rest = after;
        }
        stream.is_torn |= !rest.is_empty();
        Ok(stream)
    }

    fn take(&mut self, block: &'a str, line_end: &str) -> Checked {
        let index = self.records.len();
        let lines: Vec<_> = block.split(line_end).collect();
        if lines.iter().any(|line| line.contains(['\r', '\n'])) {
            return Err(broken(index, Rule::Sse));
        }
        match lines.as_slice() {
            [comment] if comment.starts_with(':') => self.comments += 1,
            [data] => self.records.push(record(index, None, data)?),
            [event, data] => self.records.push(record(index, Some(event), data)?),
            _ => return Err(broken(index, Rule::Sse)),
        }
        Ok(())
    }

    /// For dialects whose keep-alive is not a comment.
    pub(super) fn require_no_comments(&self) -> Checked {
        if self.comments == 0 {
            Ok(())
        } else {
            Err(Broken {
                rule: Rule::Comment,
                at: "stream".to_owned(),
            })
        }
    }
}

impl<'a> Record<'a> {
    pub(super) fn broken(&self, rule: Rule) -> Broken {
        Broken {
            rule,
            at: self.at.clone(),
        }
    }

    /// Records of this dialect are told apart by their content alone.
    pub(super) fn require_unnamed(&self) -> Checked {
        if self.event.is_none() {
            Ok(())
        } else {
            Err(self.broken(Rule::EventName))
        }
    }

    /// The event's name is the value's `type`.
    pub(super) fn require_named(&self, value: &serde_json::Value) -> Checked<&'a str> {
        let name = self.event.ok_or_else(|| self.broken(Rule::EventName))?;
        if value["type"] == name {
            Ok(name)
        } else {
            Err(self.broken(Rule::EventName))
        }
    }

    pub(super) fn json(&self) -> Checked<serde_json::Value> {
        let value = super::json::parse(self.data.as_bytes(), &self.at)?;
        if value.is_object() {
            Ok(value)
        } else {
            Err(self.broken(Rule::Kind))
        }
    }
}

fn broken(index: usize, rule: Rule) -> Broken {
    Broken {
        rule,
        at: format!("record {index}"),
    }
}

fn record<'a>(index: usize, event: Option<&'a str>, data: &'a str) -> Checked<Record<'a>> {
    let data = data
        .strip_prefix("data: ")
        .ok_or_else(|| broken(index, Rule::Sse))?;
    let event = event
        .map(|line| {
            line.strip_prefix("event: ")
                .ok_or_else(|| broken(index, Rule::Sse))
        })
        .transpose()?;
    Ok(Record {
        event,
        data,
        at: format!("record {index}"),
    })
}
