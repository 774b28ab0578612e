//! Texts of a surface, each in every language side by side, so that the compiler finds a missing
//! one.

/// Declares a surface's texts: a type over a [`Language`](super::Language) with one function each.
///
/// A text with parameters is a format string in each language, and its function returns a
/// `String`; one without returns a `&'static str`.
///
/// ```ignore
/// texts! {
///     /// What the pages say.
///     pub(super) struct Texts;
///     accounts: "Accounts" | "Konten";
///     left_early(count): "{count} left early" | "{count} vorzeitig beendet";
/// }
/// ```
#[macro_export]
macro_rules! texts {
    (
        $(#[$doc:meta])* $visibility:vis struct $name:ident;
        $($text:ident $(($($parameter:ident),+))? : $english:literal | $german:literal;)*
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        $visibility struct $name(pub(super) $crate::language::Language);

        impl $name {
            $($crate::language::text_function! {
                $visibility $text [$($($parameter)+)?] $english $german
            })*
        }
    };
}

/// One function of [`texts`].
#[doc(hidden)]
#[macro_export]
macro_rules! text_function {
    ($visibility:vis $text:ident [] $english:literal $german:literal) => {
        $visibility const fn $text(self) -> &'static str {
            match self.0 {
                $crate::language::Language::English => $english,
                $crate::language::Language::German => $german,
            }
        }
    };
    ($visibility:vis $text:ident [$($parameter:ident)+] $english:literal $german:literal) => {
        $visibility fn $text(self, $($parameter: impl std::fmt::Display),+) -> String {
            // Once for all types of what is written: there are hundreds of texts.
            #[inline(never)]
            fn written(
                language: $crate::language::Language,
                $($parameter: &dyn std::fmt::Display),+
            ) -> String {
                match language {
                    $crate::language::Language::English => format!($english),
                    $crate::language::Language::German => format!($german),
                }
            }
            written(self.0, $(&$parameter),+)
        }
    };
}

pub use {text_function, texts};
