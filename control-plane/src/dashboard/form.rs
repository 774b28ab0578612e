//! Fields of forms and of queries, and links that carry them.

use std::fmt::Write as _;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::control::ControlError;
use crate::status::{Timestamp, rfc3339};

/// The fields of a form or a query, in their order. Some may hold a secret: they are not shown.
#[derive(Clone, Default)]
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    pub(super) fn parse(text: &[u8]) -> Self {
        Self(form_urlencoded::parse(text).into_owned().collect())
    }

    /// The last field of that name, without white space around it. Empty where there is none.
    pub(super) fn get(&self, name: &str) -> &str {
        let mut named = self.0.iter().rev().filter(|(field, _)| field == name);
        named.next().map_or("", |(_, value)| value.trim())
    }

    /// The last field of that name. `None` where it is missing or empty.
    pub(super) fn given(&self, name: &str) -> Option<&str> {
        Some(self.get(name)).filter(|value| !value.is_empty())
    }

    /// All fields of that name, without white space around them.
    pub(super) fn all<'f>(&'f self, name: &'f str) -> impl Iterator<Item = &'f str> {
        let named = self.0.iter().filter(move |(field, _)| field == name);
        named.map(|(_, value)| value.trim())
    }

    /// Whether a checkbox was ticked.
    pub(super) fn is_set(&self, name: &str) -> bool {
        !self.get(name).is_empty()
    }

    /// Those whose names are meant.
    pub(super) fn filtered(&self, is_meant: impl Fn(&str) -> bool) -> Self {
        let meant = self.0.iter().filter(|(name, _)| is_meant(name));
        Self(meant.cloned().collect())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.trim()))
    }
}

/// A form that was not carried out. What was typed is shown again, except secrets.
pub(super) struct FailedForm<'f> {
    /// The last segment of its path, such as `add`.
    pub(super) name: &'f str,
    pub(super) fields: &'f Fields,
    pub(super) error: &'f ControlError,
}

impl FailedForm<'_> {
    /// Whether it is that form, of that account or key where there are several.
    pub(super) fn is(&self, name: &str, subject: Option<&str>) -> bool {
        self.name == name && subject.is_none_or(|subject| self.fields.get("name") == subject)
    }
}

/// In the URL of a list, the name of what has none: a field that is empty is not set.
pub(super) const NO_NAME: &str = "-";

/// As RFC 3986 calls unreserved: everything else is escaped in a segment or a query.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// A query has room for what times and models are written with (RFC 3986 section 3.4).
const ESCAPED_IN_QUERY: &AsciiSet = &ESCAPED.remove(b':').remove(b'/').remove(b',');

/// A segment of a path, escaped.
pub(super) fn escaped(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

/// `?a=1&b=2`, without pairs whose value is empty; nothing where none is left.
pub(super) fn query<'q>(pairs: impl IntoIterator<Item = (&'q str, &'q str)>) -> String {
    let mut text = String::new();
    for (name, value) in pairs.into_iter().filter(|(_, value)| !value.is_empty()) {
        let mark = if text.is_empty() { '?' } else { '&' };
        let value = utf8_percent_encode(value, ESCAPED_IN_QUERY);
        let _ = write!(text, "{mark}{}={value}", escaped(name));
    }
    text
}

/// A moment as links carry it: in RFC 3339, without seconds where they are none.
pub(super) fn moment(at: Timestamp) -> String {
    let moment = rfc3339(at);
    match moment.strip_suffix(":00Z") {
        Some(minute) => format!("{minute}Z"),
        None => moment,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_in_a_link_is_read_back_with_and_without_seconds() {
        for (written, moment_at) in [
            ("2026-11-29T14:45Z", "2026-11-29T14:45:00Z"),
            ("2026-11-29T14:45:30Z", "2026-11-29T14:45:30Z"),
        ] {
            let at: jiff::Timestamp = moment_at.parse().unwrap();
            assert_eq!(moment(at.into()), written);
            assert_eq!(written.parse::<jiff::Timestamp>().unwrap(), at);
        }
    }

    #[test]
    fn a_form_is_read_as_browsers_write_it() {
        let fields = Fields::parse(b"name=my+key%2B1&key=sk-%C3%B6%26&empty=&flag&name=last");
        assert_eq!(fields.get("name"), "last");
        assert_eq!(fields.all("name").collect::<Vec<_>>(), ["my key+1", "last"]);
        assert_eq!(fields.get("key"), "sk-\u{f6}&");
        assert_eq!((fields.given("empty"), fields.given("other")), (None, None));
    }

    #[test]
    fn a_link_carries_any_text() {
        let pairs = [("model", "a b&c=ü:+#/x"), ("none", "")];
        let link = query(pairs);
        assert_eq!(link, "?model=a%20b%26c%3D%C3%BC:%2B%23/x");
        let fields = Fields::parse(&link.as_bytes()[1..]);
        assert_eq!(fields.get("model"), "a b&c=ü:+#/x");
    }
}
