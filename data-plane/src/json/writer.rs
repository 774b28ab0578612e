//! Writing JSON into a buffer. Objects and arrays are closed by construction.
//!
//! ```
//! use aerostat::json;
//!
//! let bytes = json::document(|value| {
//!     value.object(|object| {
//!         object.str("type", "text");
//!         object.array("sizes", |sizes| sizes.item().u64(7));
//!     });
//! });
//! assert_eq!(&bytes[..], br#"{"type":"text","sizes":[7]}"#);
//! ```

use std::fmt::Write as _;

use bytes::{Bytes, BytesMut};

use super::text::push_escaped;
use super::{EscapedStr, Raw};

/// A whole document from one value.
pub fn document(write: impl FnOnce(Writer<'_>)) -> Bytes {
    written(write).freeze()
}

/// One value as [`Raw`].
pub fn value(write: impl FnOnce(Writer<'_>)) -> Raw {
    Raw::from_written(written(write))
}

fn written(write: impl FnOnce(Writer<'_>)) -> BytesMut {
    let mut out = BytesMut::with_capacity(512);
    write(Writer { out: &mut out });
    out
}

/// Writes one value.
pub struct Writer<'o> {
    out: &'o mut BytesMut,
}

impl<'o> Writer<'o> {
    pub fn new(out: &'o mut BytesMut) -> Self {
        Self { out }
    }

    pub fn object(self, write: impl FnOnce(&mut Object<'_>)) {
        self.out.extend_from_slice(b"{");
        write(&mut Object {
            out: &mut *self.out,
            is_empty: true,
        });
        self.out.extend_from_slice(b"}");
    }

    pub fn array(self, write: impl FnOnce(&mut Array<'_>)) {
        self.out.extend_from_slice(b"[");
        write(&mut Array {
            out: &mut *self.out,
            is_empty: true,
        });
        self.out.extend_from_slice(b"]");
    }

    pub fn text(self, text: &EscapedStr) {
        self.quoted(|out| out.extend_from_slice(text.as_bytes()));
    }

    /// Writes several texts as one string.
    pub fn texts<'t>(self, texts: impl IntoIterator<Item = &'t EscapedStr>) {
        self.quoted(|out| {
            texts
                .into_iter()
                .for_each(|text| out.extend_from_slice(text.as_bytes()))
        });
    }

    pub fn str(self, plain: &str) {
        self.quoted(|out| push_escaped(out, plain));
    }

    pub fn raw(self, raw: &Raw) {
        self.out.extend_from_slice(raw.as_bytes());
    }

    pub fn bool(self, value: bool) {
        self.out
            .extend_from_slice(if value { b"true" } else { b"false" });
    }

    pub fn u64(self, value: u64) {
        // Writing to memory cannot fail.
        let _ = write!(self.out, "{value}");
    }

    pub fn null(self) {
        self.out.extend_from_slice(b"null");
    }

    fn quoted(self, write: impl FnOnce(&mut BytesMut)) {
        self.out.extend_from_slice(b"\"");
        write(self.out);
        self.out.extend_from_slice(b"\"");
    }
}

/// An object being written.
pub struct Object<'o> {
    out: &'o mut BytesMut,
    is_empty: bool,
}

impl Object<'_> {
    /// Begins the member `key`, whose value the returned writer writes.
    pub fn key(&mut self, key: &str) -> Writer<'_> {
        if !std::mem::take(&mut self.is_empty) {
            self.out.extend_from_slice(b",");
        }
        Writer {
            out: &mut *self.out,
        }
        .str(key);
        self.out.extend_from_slice(b":");
        Writer {
            out: &mut *self.out,
        }
    }

    pub fn object(&mut self, key: &str, write: impl FnOnce(&mut Object<'_>)) {
        self.key(key).object(write);
    }

    pub fn array(&mut self, key: &str, write: impl FnOnce(&mut Array<'_>)) {
        self.key(key).array(write);
    }

    pub fn text(&mut self, key: &str, text: &EscapedStr) {
        self.key(key).text(text);
    }

    pub fn str(&mut self, key: &str, plain: &str) {
        self.key(key).str(plain);
    }

    pub fn raw(&mut self, key: &str, raw: &Raw) {
        self.key(key).raw(raw);
    }

    pub fn bool(&mut self, key: &str, value: bool) {
        self.key(key).bool(value);
    }

    pub fn u64(&mut self, key: &str, value: u64) {
        self.key(key).u64(value);
    }

    pub fn null(&mut self, key: &str) {
        self.key(key).null();
    }

    /// Writes `key` only if there is a value.
    pub fn some<T>(&mut self, key: &str, value: Option<T>, write: impl FnOnce(Writer<'_>, T)) {
        if let Some(value) = value {
            write(self.key(key), value);
        }
    }

    /// Writes `key`, with null where there is no value.
    pub fn nullable<T>(&mut self, key: &str, value: Option<T>, write: impl FnOnce(Writer<'_>, T)) {
        match value {
            Some(value) => write(self.key(key), value),
            None => self.null(key),
        }
    }
}

/// An array being written.
pub struct Array<'o> {
    out: &'o mut BytesMut,
    is_empty: bool,
}

impl Array<'_> {
    /// Begins the next item, which the returned writer writes.
    pub fn item(&mut self) -> Writer<'_> {
        if !std::mem::take(&mut self.is_empty) {
            self.out.extend_from_slice(b",");
        }
        Writer {
            out: &mut *self.out,
        }
    }

    pub fn object(&mut self, write: impl FnOnce(&mut Object<'_>)) {
        self.item().object(write);
    }
}
