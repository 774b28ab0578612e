//! Schemas that were fitted, by what the client wrote: an agent sends the same tools with every
//! turn, and fitting them takes longer than all else in a translation.
//!
//! Bounded, and in memory only.

use std::hash::{BuildHasher as _, Hash, Hasher as _, RandomState};

use lru::LruCache;
use parking_lot::Mutex;

use crate::json::Raw;

/// Room for the tools of several agents.
const BYTES_MAX: usize = 2 * 1024 * 1024;
/// A longer schema is fitted each time.
const SCHEMA_BYTES_MAX: usize = 64 * 1024;

/// How much of a schema its hash takes in, spread evenly. Schemas of one hash replace each other,
/// which costs a fitting and nothing else: a hit is compared whole.
const SAMPLES: usize = 16;
const SAMPLE_BYTES: usize = 8;

/// Schemas fitted by one set of rules, into a `T`.
pub(in crate::protocol) struct SchemaCache<T> {
    hasher: RandomState,
    entries: Mutex<Entries<T>>,
}

struct Entries<T> {
    fitted: LruCache<u64, Entry<T>>,
    /// Bytes of all schemas as they were written.
    bytes: usize,
}

struct Entry<T> {
    written: Raw,
    rules: u8,
    fitted: T,
}

impl<T> Default for SchemaCache<T> {
    fn default() -> Self {
        Self {
            hasher: RandomState::new(),
            entries: Mutex::new(Entries {
                // Bounded on insertion, by bytes.
                fitted: LruCache::unbounded(),
                bytes: 0,
            }),
        }
    }
}

impl<T: Clone> SchemaCache<T> {
    /// The schema as `fit` fits it, now or earlier. `rules`: which of the rules that the caller
    /// knows `fit` goes by.
    ///
    /// `fit` is given a copy with memory of its own, so that what is kept does not keep a request.
    ///
    /// # Errors
    /// As `fit`; errors are not kept.
    pub(in crate::protocol) fn get_or_fit(
        &self,
        schema: &Raw,
        rules: u8,
        fit: impl FnOnce(&Raw) -> Result<T, String>,
    ) -> Result<T, String> {
        if schema.as_bytes().len() > SCHEMA_BYTES_MAX {
            return fit(schema);
        }
        let key = self.key(schema, rules);
        if let Some(entry) = self.entries.lock().fitted.get(&key)
            && entry.rules == rules
            && entry.written.as_bytes() == schema.as_bytes()
        {
            return Ok(entry.fitted.clone());
        }
        let written = schema.detached();
        let fitted = fit(&written)?;
        let entry = Entry {
            written,
            rules,
            fitted: fitted.clone(),
        };
        self.entries.lock().insert(key, entry);
        Ok(fitted)
    }

    fn key(&self, schema: &Raw, rules: u8) -> u64 {
        let bytes = schema.as_bytes();
        let mut hasher = self.hasher.build_hasher();
        (bytes.len(), rules).hash(&mut hasher);
        let step = (bytes.len() / SAMPLES).max(SAMPLE_BYTES);
        for sample in bytes.chunks(step) {
            hasher.write(&sample[..sample.len().min(SAMPLE_BYTES)]);
        }
        hasher.finish()
    }
}

impl<T> Entries<T> {
    fn insert(&mut self, key: u64, entry: Entry<T>) {
        self.bytes += entry.written.as_bytes().len();
        if let Some(replaced) = self.fitted.put(key, entry) {
            self.bytes -= replaced.written.as_bytes().len();
        }
        while self.bytes > BYTES_MAX
            && let Some((_, evicted)) = self.fitted.pop_lru()
        {
            self.bytes -= evicted.written.as_bytes().len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Document;

    fn raw(text: String) -> Raw {
        Document::parse(text.into()).unwrap().root().raw()
    }

    fn fitted(cache: &SchemaCache<Raw>, schema: &Raw, rules: u8) -> (Raw, bool) {
        let mut is_new = false;
        let fit = |schema: &Raw| {
            is_new = true;
            Ok(schema.clone())
        };
        let fitted = cache.get_or_fit(schema, rules, fit).unwrap();
        (fitted, is_new)
    }

    #[test]
    fn the_same_text_is_fitted_once_for_each_of_the_rules() {
        let cache = SchemaCache::default();
        let (one, other) = (raw(r#"{"a":1}"#.to_owned()), raw(r#"{"a":2}"#.to_owned()));
        for (schema, rules, is_new) in [
            (&one, 0, true),
            (&one, 0, false),
            (&one, 1, true),
            (&other, 0, true),
            (&one, 0, false),
        ] {
            assert_eq!(
                fitted(&cache, schema, rules),
                (schema.clone(), is_new),
                "{schema:?} {rules}"
            );
        }
    }

    #[test]
    fn schemas_that_differ_where_no_sample_is_taken_are_told_apart() {
        let cache = SchemaCache::default();
        let schema = |at: usize| {
            let mut text = format!("\"{}\"", "x".repeat(1000)).into_bytes();
            text[at] = b'y';
            raw(String::from_utf8(text).unwrap())
        };
        for at in 1..1000 {
            let schema = schema(at);
            assert_eq!(fitted(&cache, &schema, 0).0, schema, "{at}");
        }
    }

    #[test]
    fn an_error_is_told_each_time() {
        let cache = SchemaCache::<Raw>::default();
        let schema = raw("{}".to_owned());
        for _ in 0..2 {
            let refused = cache.get_or_fit(&schema, 0, |_| Err("no".to_owned()));
            assert_eq!(refused.unwrap_err(), "no");
        }
    }

    #[test]
    fn what_is_kept_is_bounded_and_keeps_no_request() {
        let cache = SchemaCache::default();
        let request = raw(format!("[\"{}\",{{}}]", "x".repeat(100_000)));
        let document = request.document();
        let within = document.root().items().unwrap().nth(1).unwrap();
        let kept = fitted(&cache, &within.raw(), 0).0;
        assert!(!std::ptr::eq(
            kept.as_bytes().as_ptr(),
            within.as_written().as_ptr()
        ));
        for number in 0..200 {
            fitted(
                &cache,
                &raw(format!("\"{number:03}{}\"", "x".repeat(60_000))),
                0,
            );
        }
        let entries = cache.entries.lock();
        assert!((BYTES_MAX / 2..=BYTES_MAX).contains(&entries.bytes));
        let bytes = |(_, entry): (&u64, &Entry<Raw>)| entry.written.as_bytes().len();
        assert_eq!(
            entries.fitted.iter().map(bytes).sum::<usize>(),
            entries.bytes
        );
    }
}
