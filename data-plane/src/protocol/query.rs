//! The query of a client's request: its parameters, and which of them its dialect knows.
//!
//! Only what is known goes to an upstream. Clients put their keys under many names
//! (`access_token=`, `%6Bey=`), so a list of what to hold back would always lack one.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

/// The parameters that a dialect's vendor documents, by their decoded names.
#[derive(Clone, Copy, Debug)]
pub struct QueryParameters {
    /// What leaves the answer as it is, or is also read here: a translation loses nothing with it.
    pub plain: &'static [&'static str],
    /// What changes the answer and cannot be translated.
    pub untranslatable: &'static [&'static str],
}

/// The parameters of a path: its dialect's, and its own.
#[derive(Clone, Copy, Debug)]
pub struct JoinedParameters<'p> {
    common: &'p QueryParameters,
    own: &'p QueryParameters,
}

impl JoinedParameters<'_> {
    /// Separates what is known in `query` from what is not. All of it passes, so nothing is
    /// untranslatable.
    pub fn known(&self, query: Option<&str>) -> KnownQuery {
        let mut known = KnownQuery::default();
        for (name, value) in query.into_iter().flat_map(pairs) {
            let tables = [self.common, self.own];
            let lists = tables
                .iter()
                .flat_map(|table| [table.plain, table.untranslatable]);
            let found = lists.into_iter().find_map(|list| find(list, &name));
            match found {
                Some(name) => known.keep(name, value),
                None if name != KEY => {
                    report(&mut known.unknown, if value.is_some() { &name } else { "" });
                }
                None => {}
            }
        }
        known
    }
}

/// A client's query as far as its dialect knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownQuery {
    /// The known parameters in their order, with plain names.
    pub text: Option<String>,
    /// The names of what a passthrough loses, as losses are reported: `?name`.
    pub unknown: Vec<String>,
    /// The same for what a translation loses besides.
    pub untranslatable: Vec<String>,
}

/// Clients send their key to the gateway in it; nothing is lost with it.
pub const KEY: &str = "key";

/// The longest unknown name that is reported, and how many are: clients choose both.
const NAME_BYTES_MAX: usize = 64;
const NAMES_MAX: usize = 16;

/// What some servers take for the end of a value. A client's own escapes stay as they are.
const VALUE: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b';')
    .add(b'<')
    .add(b'=')
    .add(b'>')
    .add(b'?');

impl QueryParameters {
    /// These, and those of a path.
    pub fn with<'p>(&'p self, own: &'p Self) -> JoinedParameters<'p> {
        JoinedParameters { common: self, own }
    }

    /// Separates what is known in `query` from what is not.
    pub fn known(&self, query: Option<&str>) -> KnownQuery {
        let mut known = KnownQuery::default();
        for (name, value) in query.into_iter().flat_map(pairs) {
            if let Some(name) = find(self.plain, &name) {
                known.keep(name, value);
            } else if let Some(name) = find(self.untranslatable, &name) {
                known.keep(name, value);
                report(&mut known.untranslatable, name);
            } else if name != KEY {
                // A name without a value may be a key by itself.
                report(&mut known.unknown, if value.is_some() { &name } else { "" });
            }
        }
        known
    }
}

impl KnownQuery {
    fn keep(&mut self, name: &str, value: Option<&str>) {
        let text = self.text.get_or_insert_default();
        if !text.is_empty() {
            text.push('&');
        }
        text.push_str(name);
        if let Some(value) = value {
            text.push('=');
            text.extend(utf8_percent_encode(value, VALUE));
        }
    }
}

/// The value of a parameter, decoded; the last where it is repeated.
pub fn parameter<'q>(query: Option<&'q str>, name: &str) -> Option<Cow<'q, str>> {
    let (_, value) = pairs(query?).filter(|(known, _)| known == name).last()?;
    Some(percent_decode_str(value.unwrap_or_default()).decode_utf8_lossy())
}

/// The parameters with decoded names, and their values as written.
pub fn pairs(query: &str) -> impl Iterator<Item = (Cow<'_, str>, Option<&str>)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| {
        let (name, value) = match pair.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (pair, None),
        };
        (percent_decode_str(name).decode_utf8_lossy(), value)
    })
}

fn find(names: &[&'static str], name: &str) -> Option<&'static str> {
    names.iter().copied().find(|known| *known == name)
}

fn report(names: &mut Vec<String>, name: &str) {
    if names.len() >= NAMES_MAX {
        return;
    }
    let shown = if name.len() <= NAME_BYTES_MAX {
        name
    } else {
        ""
    };
    let shown = format!("?{shown}");
    if !names.contains(&shown) {
        names.push(shown);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARAMETERS: QueryParameters = QueryParameters {
        plain: &["alt", "$.xgafv"],
        untranslatable: &["fields"],
    };

    fn text(query: &str) -> Option<String> {
        PARAMETERS.known(Some(query)).text
    }

    #[test]
    fn only_what_is_known_is_kept() {
        for credential in [
            "key=k",
            "key",
            "Key=k",
            "%6Bey=k",
            "%256Bey=k",
            "api_key=k",
            "access_token=k",
            "x-goog-api-key=k",
            "alt%3Dsse%26key=k",
            "sk-secret",
            "=k",
            "alt;key=k",
        ] {
            assert_eq!(text(credential), None, "{credential}");
            let around = format!("alt=sse&{credential}&fields=a");
            assert_eq!(
                text(&around).as_deref(),
                Some("alt=sse&fields=a"),
                "{credential}"
            );
        }
    }

    #[test]
    fn names_are_compared_decoded_and_sent_plain() {
        assert_eq!(
            text("%61lt=sse&%24.xgafv=1").as_deref(),
            Some("alt=sse&$.xgafv=1")
        );
        assert_eq!(text("Alt=sse"), None);
        assert_eq!(text("&&alt").as_deref(), Some("alt"));
    }

    #[test]
    fn a_value_ends_where_the_client_ended_it() {
        assert_eq!(
            text("alt=sse;key=k&alt=a%26b").as_deref(),
            Some("alt=sse%3Bkey%3Dk&alt=a%26b")
        );
    }

    #[test]
    fn what_is_lost_is_named_and_bounded() {
        let known = PARAMETERS.known(Some("x=1&%79=2&x=3&key=k&sk-secret&fields=a"));
        assert_eq!(known.unknown, ["?x", "?y", "?"]);
        assert_eq!(known.untranslatable, ["?fields"]);
        let many: Vec<String> = (0..100)
            .map(|n| format!("{n}{}=1", "n".repeat(n)))
            .collect();
        let known = PARAMETERS.known(Some(&many.join("&")));
        assert_eq!(known.unknown.len(), NAMES_MAX);
        let long = "n".repeat(NAME_BYTES_MAX + 1);
        assert_eq!(PARAMETERS.known(Some(&format!("{long}=1"))).unknown, ["?"]);
        assert_eq!(PARAMETERS.known(None), KnownQuery::default());
    }

    #[test]
    fn the_last_value_of_a_name_counts() {
        let value = |query| parameter(Some(query), "alt");
        assert_eq!(value("alt=json&%61lt=s%73e").as_deref(), Some("sse"));
        assert_eq!(value("alt").as_deref(), Some(""));
        assert_eq!(value("xalt=sse"), None);
    }
}
