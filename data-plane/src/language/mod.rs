//! The languages in which people read the program: the choice of one, and how numbers, times and
//! amounts are written in it. The words themselves stand in one file a surface, see [`texts`] and
//! [`said`](crate::said).

use std::borrow::Cow;

mod amount;
mod moment;
mod said;
mod texts;

pub use moment::zoned;
pub use said::{InLanguage, Said, said};
pub use texts::{text_function, texts};

/// A language that every text of the dashboard and the tray exists in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Language {
    #[default]
    English,
    German,
}

impl Language {
    /// Its tag, as in `lang="de"`.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
        }
    }

    /// The language of a tag or of a POSIX locale: `de`, `de-AT`, `de_DE.UTF-8`.
    pub fn of_tag(tag: &str) -> Option<Self> {
        let primary = tag.split(['-', '_', '.', '@']).next().unwrap_or_default();
        [Self::English, Self::German]
            .into_iter()
            .find(|language| primary.trim().eq_ignore_ascii_case(language.tag()))
    }

    /// The language that an `Accept-Language` header prefers (RFC 9110, section 12.5.4); English
    /// where it names none of ours.
    pub fn accepted(header: &str) -> Self {
        let ranges = header.split(',').take(RANGES_MAX).filter_map(range);
        let mut best: Option<(Self, f32)> = None;
        for (language, weight) in ranges {
            // Of equal weights the first one counts.
            if weight > 0.0 && best.is_none_or(|(_, known)| weight > known) {
                best = Some((language, weight));
            }
        }
        best.map_or_else(Self::default, |(language, _)| language)
    }

    /// What others said, told from the sentence around it. English leaves it as it is.
    pub fn quotation<'w>(self, words: &'w str) -> Cow<'w, str> {
        match self {
            Self::English => Cow::Borrowed(words),
            Self::German => Cow::Owned(format!("„{words}“")),
        }
    }

    /// The form of a noun that a count takes: both languages have two.
    pub fn plural<'t>(self, count: u64, one: &'t str, other: &'t str) -> &'t str {
        if count == 1 { one } else { other }
    }
}

/// A browser sends a handful.
const RANGES_MAX: usize = 32;

/// `de-AT;q=0.8`; `*` stands for the default.
fn range(text: &str) -> Option<(Language, f32)> {
    let (tag, parameter) = text.split_once(';').unwrap_or((text, ""));
    let language = match tag.trim() {
        "*" => Language::default(),
        tag => Language::of_tag(tag)?,
    };
    let weight = match parameter.trim().strip_prefix("q=") {
        Some(weight) => weight.trim().parse().ok()?,
        None => 1.0,
    };
    Some((language, weight))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_browser_chooses_the_language() {
        for (header, expected) in [
            ("", Language::English),
            ("de", Language::German),
            ("de-AT,de;q=0.9,en;q=0.8", Language::German),
            ("en-GB,en;q=0.9,de;q=0.8", Language::English),
            ("fr,de;q=0.5,en;q=0.4", Language::German),
            ("fr", Language::English),
            ("de;q=0", Language::English),
            ("de;q=x, *", Language::English),
            ("den", Language::English),
        ] {
            assert_eq!(Language::accepted(header), expected, "{header}");
        }
    }

    #[test]
    fn a_locale_names_a_language() {
        assert_eq!(Language::of_tag("de_DE.UTF-8"), Some(Language::German));
        assert_eq!(Language::of_tag("C.UTF-8"), None);
    }
}
