//! The literal responses under `answers/<dialect>/`, and the changes that need no understanding of
//! them.
//!
//! The bytes are the services' own forms, written down from the references. Must not build a
//! response from values.

use std::path::PathBuf;

use bytes::Bytes;

use super::Form;
use crate::support::Dialect;

/// A response before a script changes it.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub content_type: String,
    pub form: Form,
    /// The records of a stream. Without a stream one record, the whole body.
    pub records: Vec<Bytes>,
}

impl Answer {
    pub fn whole(status: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        let content_type = content_type.to_owned();
        Self {
            status,
            headers: Vec::new(),
            content_type,
            form: Form::Json,
            records: vec![body.into()],
        }
    }

    /// A literal stream in the requested form.
    pub fn stream(form: Form, body: &[u8]) -> Self {
        let content_type = if form == Form::Sse {
            "text/event-stream"
        } else {
            "application/json"
        };
        Self {
            form,
            records: records(body),
            ..Self::whole(200, content_type, Bytes::new())
        }
    }

    /// The chunks of the body. Gemini's array form is made of the same records.
    pub fn chunks(self) -> Vec<Bytes> {
        if self.form == Form::Array {
            as_array(&self.records)
        } else {
            self.records
        }
    }
}

/// The bytes of `answers/<dialect>/<file>`. `None` if there is no such file.
pub fn literal(dialect: Dialect, file: &str) -> Option<Bytes> {
    std::fs::read(folder(dialect).join(file))
        .ok()
        .map(Bytes::from)
}

/// The cases that a dialect has responses for, streamed and whole.
pub fn cases(dialect: Dialect) -> Vec<String> {
    let files = std::fs::read_dir(folder(dialect)).expect("every dialect has a folder of answers");
    let mut cases: Vec<_> = files
        .filter_map(|file| {
            file.expect("the folder can be read")
                .file_name()
                .into_string()
                .ok()
        })
        .filter_map(|file| file.strip_suffix(".sse").map(str::to_owned))
        .filter(|case| literal(dialect, &format!("{case}.json")).is_some())
        .collect();
    cases.sort();
    cases
}

fn folder(dialect: Dialect) -> PathBuf {
    [
        env!("CARGO_MANIFEST_DIR"),
        "tests/support/upstream/answers",
        dialect.name(),
    ]
    .iter()
    .collect()
}

/// The records of an SSE body, each with the empty line that ends it. A body that is no text, since
/// it is compressed, is one.
pub fn records(body: &[u8]) -> Vec<Bytes> {
    let Ok(text) = std::str::from_utf8(body) else {
        return vec![Bytes::copy_from_slice(body)];
    };
    let end = if text.contains("\r\n\r\n") {
        "\r\n\r\n"
    } else {
        "\n\n"
    };
    text.split_inclusive(end)
        .map(|record| Bytes::copy_from_slice(record.as_bytes()))
        .collect()
}

/// Gemini's array form: `[`, the objects with `,\r\n` between them, `]`.
fn as_array(records: &[Bytes]) -> Vec<Bytes> {
    let mut chunks = Vec::with_capacity(records.len() + 1);
    for (index, record) in records.iter().enumerate() {
        let opening: &[u8] = if index == 0 { b"[" } else { b",\r\n" };
        chunks.push([opening, payload(record)].concat().into());
    }
    chunks.push(Bytes::from_static(b"]"));
    chunks
}

/// The JSON of a record that has only a `data:` line.
fn payload(record: &[u8]) -> &[u8] {
    record
        .strip_prefix(b"data: ")
        .unwrap_or(record)
        .trim_ascii_end()
}

/// A Chat stream as sent to clients that did not ask for usage.
pub fn without_usage(records: &[Bytes]) -> Vec<Bytes> {
    let is_usage = |record: &&Bytes| memchr::memmem::find(record, br#""choices":[]"#).is_some();
    let silent = |record: &Bytes| {
        String::from_utf8_lossy(record)
            .replace(r#","usage":null"#, "")
            .into()
    };
    records
        .iter()
        .filter(|record| !is_usage(record))
        .map(silent)
        .collect()
}
