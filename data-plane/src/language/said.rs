//! What is said to people before it is known who reads it: values with their facts, whose words
//! stand in every language side by side.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Language;

/// What can be written in every language.
pub trait InLanguage {
    fn text(&self, language: Language) -> Cow<'_, str>;
}

/// The words of a value in every language. Where no language is chosen they are English: in
/// `Display`, and in JSON, from which they come back in English alone.
#[derive(Clone, PartialEq, Eq)]
pub struct Said {
    english: Box<str>,
    /// `None` where the words are the same.
    german: Option<Box<str>>,
}

impl Said {
    pub fn of(value: &impl InLanguage) -> Self {
        Self::in_each(|language| value.text(language).into_owned())
    }

    /// Writes it once in each language.
    pub fn in_each(write: impl Fn(Language) -> String) -> Self {
        let english = write(Language::English);
        let german = write(Language::German);
        Self {
            german: (german != english).then(|| german.into()),
            english: english.into(),
        }
    }

    /// What others said: the operating system, an upstream, a parser.
    pub fn quoted(words: impl fmt::Display) -> Self {
        Self {
            english: words.to_string().into(),
            german: None,
        }
    }

    /// Whether it reads the same in every language, as what others said does.
    pub fn is_quoted(&self) -> bool {
        self.german.is_none()
    }

    pub fn text(&self, language: Language) -> &str {
        match (language, &self.german) {
            (Language::German, Some(german)) => german,
            _ => &self.english,
        }
    }
}

impl InLanguage for Said {
    fn text(&self, language: Language) -> Cow<'_, str> {
        Cow::Borrowed(Said::text(self, language))
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.english)
    }
}

impl fmt::Debug for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.english, f)
    }
}

impl Serialize for Said {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.english)
    }
}

impl<'de> Deserialize<'de> for Said {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::quoted)
    }
}

/// Facts that read the same in every language.
macro_rules! same_in_every_language {
    ($($fact:ty),*) => {
        $(impl InLanguage for $fact {
            fn text(&self, _: Language) -> Cow<'_, str> {
                Cow::Owned(self.to_string())
            }
        })*
    };
}

same_in_every_language!(u16, u32, u64, usize, std::io::Error, serde_json::Error);

impl InLanguage for str {
    fn text(&self, _: Language) -> Cow<'_, str> {
        Cow::Borrowed(self)
    }
}

impl InLanguage for String {
    fn text(&self, _: Language) -> Cow<'_, str> {
        Cow::Borrowed(self)
    }
}

impl InLanguage for std::path::PathBuf {
    fn text(&self, _: Language) -> Cow<'_, str> {
        Cow::Owned(self.display().to_string())
    }
}

impl<T: InLanguage + ?Sized> InLanguage for &T {
    fn text(&self, language: Language) -> Cow<'_, str> {
        T::text(self, language)
    }
}

/// Declares what can be said on an occasion: an enum with a variant for each message, and its facts
/// as fields. A fact is written in the reader's language too, where it has words of its own.
///
/// ```ignore
/// said! {
///     /// Why a key was not made.
///     #[derive(Clone, Debug, PartialEq, Eq)]
///     pub enum Refusal;
///     NameTaken { name: String }: "a key `{name}` is there already" | "einen Schlüssel `{name}` gibt es schon";
/// }
/// ```
#[macro_export]
macro_rules! said {
    (
        $(#[$about:meta])* $visibility:vis enum $name:ident;
        $($(#[$doc:meta])* $variant:ident $({ $($fact:ident: $kind:ty),+ $(,)? })? :
            $english:literal | $german:literal;)*
    ) => {
        $(#[$about])*
        $visibility enum $name {
            $($(#[$doc])* $variant $({ $($fact: $kind),+ })?,)*
        }

        impl $crate::language::InLanguage for $name {
            fn text(&self, language: $crate::language::Language) -> std::borrow::Cow<'_, str> {
                match self {
                    $(Self::$variant $({ $($fact),+ })? => {
                        $($(let $fact = $crate::language::InLanguage::text($fact, language);)+)?
                        std::borrow::Cow::Owned(match language {
                            $crate::language::Language::English => format!($english),
                            $crate::language::Language::German => format!($german),
                        })
                    })*
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&$crate::language::InLanguage::text(
                    self,
                    $crate::language::Language::English,
                ))
            }
        }

        impl std::error::Error for $name {}

        impl From<$name> for $crate::language::Said {
            fn from(value: $name) -> Self {
                Self::of(&value)
            }
        }
    };
}

pub use said;

#[cfg(test)]
mod tests {
    use super::*;

    said! {
        #[derive(Clone, Debug, PartialEq, Eq)]
        enum Weather;
        Calm: "calm" | "windstill";
        Wind { force: u32, from: Said }: "wind of force {force} from {from}" | "Wind der Stärke {force} aus {from}";
    }

    fn wind() -> Weather {
        Weather::Wind {
            force: 3,
            from: Said::in_each(|language| match language {
                Language::English => "the north".to_owned(),
                Language::German => "Norden".to_owned(),
            }),
        }
    }

    #[test]
    fn facts_are_written_in_the_readers_language_too() {
        let said = Said::from(wind());
        assert_eq!(said.text(Language::German), "Wind der Stärke 3 aus Norden");
        assert_eq!(said.to_string(), "wind of force 3 from the north");
        assert_eq!(wind().to_string(), said.to_string());
        assert_eq!(
            Said::from(Weather::Calm).text(Language::German),
            "windstill"
        );
    }

    #[test]
    fn json_is_english_and_what_is_quoted_stays_as_it_is() {
        let json = serde_json::to_string(&Said::from(wind())).unwrap();
        assert_eq!(json, "\"wind of force 3 from the north\"");
        let read: Said = serde_json::from_str(&json).unwrap();
        assert_eq!(read, Said::quoted("wind of force 3 from the north"));
        assert_eq!(read.text(Language::German), read.text(Language::English));
    }
}
