//! The modes that the configuration names and several rooms act on, each defined once with its
//! words. It decides nothing about them.

/// Defines an enum whose variants have a word each: in the configuration, in JSON and in the
/// database.
///
/// It gets `ALL`, `NAMES`, `name`, `by_name` and `Deserialize`.
#[macro_export]
macro_rules! named_enum {
    (
        $(#[$about:meta])*
        pub enum $Enum:ident {
            $($(#[$variant_about:meta])* $Variant:ident = $name:literal,)+
        }
    ) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $Enum {
            $($(#[$variant_about])* $Variant,)+
        }

        impl $Enum {
            pub const ALL: &[Self] = &[$(Self::$Variant,)+];

            /// In the order of [`ALL`](Self::ALL).
            pub const NAMES: &[&str] = &[$($name,)+];

            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$Variant => $name,)+
                }
            }

            /// `None` for a word that names no variant.
            pub fn by_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|known| known.name() == name)
            }
        }

        impl<'de> serde::Deserialize<'de> for $Enum {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let name = <String as serde::Deserialize>::deserialize(deserializer)?;
                Self::by_name(&name)
                    .ok_or_else(|| serde::de::Error::unknown_variant(&name, Self::NAMES))
            }
        }
    };
}

pub use named_enum;

named_enum! {
    /// How one of a provider's accounts is chosen.
    pub enum SchedulingMode {
        /// The conversation's own account, waited for.
        CacheFirst = "cache_first",
        /// The conversation's own account while it can serve now.
        Balance = "balance",
        /// The account with the least load.
        Performance = "performance",
        /// The first account in the user's order.
        Drain = "drain",
    }
}

named_enum! {
    /// Which requests need the local API key.
    pub enum AuthMode {
        Off = "off",
        /// All but the bare 200 on `/`.
        Strict = "strict",
        /// All but `/` and `/healthz`.
        AllExceptHealth = "all_except_health",
    }
}

named_enum! {
    /// Whether the pages are light or dark.
    pub enum Theme {
        System = "system",
        Light = "light",
        Dark = "dark",
    }
}

named_enum! {
    /// In which language the pages are.
    pub enum LanguageChoice {
        /// The one that the browser asks for.
        Auto = "auto",
        English = "en",
        German = "de",
    }
}

named_enum! {
    /// Of which requests the bodies are kept.
    pub enum BodyMode {
        Off = "off",
        /// Of those that fail or are refused.
        Errors = "errors",
        All = "all",
    }
}

impl serde::Serialize for BodyMode {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl SchedulingMode {
    /// Whether a conversation keeps to its account.
    pub fn has_affinity(self) -> bool {
        matches!(self, Self::CacheFirst | Self::Balance)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_names_its_variant() {
        for (mode, name) in SchedulingMode::ALL.iter().zip(SchedulingMode::NAMES) {
            assert_eq!(SchedulingMode::by_name(name), Some(*mode));
            assert_eq!(mode.name(), *name);
        }
        assert_eq!(SchedulingMode::by_name("fastest"), None);
    }
}
