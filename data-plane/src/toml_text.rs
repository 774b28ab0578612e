//! TOML that a person wrote, parsed without the panic of `toml_edit`. Knows no key and no file.

use toml_edit::{Document, TomlError};
use toml_parser::Source;
use toml_parser::lexer::{Token, TokenKind};

/// Parses a text; the document knows where everything stands in it.
///
/// # Errors
/// What is wrong with it, and where.
pub fn parse(text: &str) -> Result<Document<String>, TomlError> {
    match extra_equals_sign(text) {
        Some(error) => Err(error),
        None => Document::parse(text.to_owned()),
    }
}

/// The error of `a == 1`, found before the whole text is parsed: `toml_edit` (0.23 to 0.25) panics
/// when `a.b = 1` follows it, which would end the agent.
fn extra_equals_sign(text: &str) -> Option<TomlError> {
    let mut follows_equals = false;
    let is_extra = |token: &Token| {
        let is_equals = token.kind() == TokenKind::Equals;
        let is_extra = is_equals && follows_equals;
        follows_equals = is_equals || follows_equals && token.kind() == TokenKind::Whitespace;
        is_extra
    };
    let extra = Source::new(text).lex().find(is_extra)?;
    // Up to there, so that nothing can follow.
    Document::parse(text[..extra.span().end()].to_owned()).err()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_equals_signs_are_an_error_whatever_follows() {
        for text in [
            "a == 1\na.b = 1",
            "[t]\na == 1\na.b = 1\n",
            "a = = 1\na.b = 1",
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.span().is_some(), "{text}");
        }
    }

    #[test]
    fn two_equals_signs_in_a_value_or_a_comment_are_text() {
        for text in [
            "# a == 1\na.b = 1",
            "a = \"== 1\"\n",
            "a = \"\"\"\nb == 1\n\"\"\"\n",
            "a = '''\n=====\n'''\nb = '='",
        ] {
            assert!(parse(text).is_ok(), "{text}");
        }
    }
}
