//! Why a file cannot be read, and where.

use std::fmt;

use crate::language::said;

/// A file that is not what its format asks for. Lines and columns count from 1, columns in
/// characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    pub line: usize,
    pub column: usize,
    pub problem: Problem,
}

said! {
    /// What is wrong with the text of a file.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub enum Flaw;
    Expected { expected: Expected, found: Found }: "expected {expected}, found {found}" |
        "erwartet wird {expected}, nicht {found}";
    CommaOr { close: String }: "expected `,` or `{close}`" | "erwartet wird `,` oder `{close}`";
    KeyAndColon: "expected a key and `:`" | "erwartet wird ein Schlüssel und `:`";
    NoValue: "expected a value" | "erwartet wird ein Wert";
    EndOfLine: "expected the end of the line" | "erwartet wird das Ende der Zeile";
    EndOrLessIndentation: "expected the end, or less indentation" |
        "erwartet wird das Ende oder eine geringere Einrückung";
    TooDeep { max: usize }: "nested deeper than {max}" | "tiefer als {max} verschachtelt";
    EndlessComment: "a comment without its end `*/`" | "ein Kommentar ohne sein Ende `*/`";
    EndlessQuote: "a text without its end `\"` on its line" |
        "ein Text ohne sein Ende `\"` in derselben Zeile";
    EndlessText: "a text without its end" | "ein Text ohne sein Ende";
    Escape: "a text with an escape that JSON does not have" |
        "ein Text mit einer Escape-Folge, die JSON nicht kennt";
    CarriageReturn: "a carriage return without a line feed" |
        "ein Wagenrücklauf ohne Zeilenvorschub";
    TabIndentation: "a tab in the indentation" | "ein Tabulator in der Einrückung";
    DeeperIndentation: "indented deeper than what is above it" |
        "tiefer eingerückt als die Zeile darüber";
    SecondDocument: "a second document, or a directive" |
        "ein zweites Dokument oder eine Direktive";
    QuestionMarkKey: "a key that is written with `?`" | "ein Schlüssel, der mit `?` geschrieben ist";
    ValueBegin { found: String }: "no value begins with `{found}`" |
        "kein Wert beginnt mit `{found}`";
    KeyForValue: "a key where a value is expected" |
        "ein Schlüssel an der Stelle eines Werts";
    PairInList: "a pair without braces in a list" |
        "ein Paar ohne geschweifte Klammern in einer Liste";
    /// What the parser says.
    Toml { words: String }: "{words}" | "kein gültiges TOML („{words}“)";
}

said! {
    /// What a file should have at a place.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub enum Expected;
    End: "the end" | "das Ende";
    CommaOr { close: String }: "`,` or `{close}`" | "`,` oder `{close}`";
    QuotedKey: "a key in double quotes" | "ein Schlüssel in doppelten Anführungszeichen";
    Colon: "`:`" | "`:`";
    Value: "a value" | "ein Wert";
}

impl Expected {
    pub(super) fn comma_or(close: char) -> Self {
        let close = close.to_string();
        Self::CommaOr { close }
    }
}

said! {
    /// What it has there.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub enum Found;
    End: "the end" | "das Ende";
    Text { text: String }: "`{text}`" | "`{text}`";
}

said! {
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub enum Problem;
    /// A comment in a format that has none. [`super::Format::Jsonc`] might read the file.
    Comment: "a comment, which this format does not have" |
        "ein Kommentar, den dieses Format nicht kennt";
    /// A comma after the last item in a format that forbids it. As with a comment, [`super::Format::Jsonc`]
    /// might read the file.
    TrailingComma: "a comma after the last item" | "ein Komma nach dem letzten Eintrag";
    /// The same key twice in one object: clients disagree which of them counts.
    DuplicateKey { key: String }: "the key `{key}` stands there twice" |
        "der Schlüssel `{key}` steht zweimal da";
    NotUtf8: "not UTF-8" | "kein UTF-8";
    Malformed { flaw: Flaw }: "{flaw}" | "{flaw}";
}

impl Unreadable {
    /// At a byte offset of `text`.
    pub(super) fn at(text: &str, offset: usize, problem: Problem) -> Self {
        let mut offsets = (0..=offset.min(text.len())).rev();
        let offset = offsets.find(|offset| text.is_char_boundary(*offset));
        let before = &text[..offset.unwrap_or(0)];
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        Self {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            problem,
        }
    }

    pub(super) fn not_utf8(bytes: &[u8], error: std::str::Utf8Error) -> Self {
        let valid = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
        Self::at(&valid, valid.len(), Problem::NotUtf8)
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, column, .. } = self;
        write!(f, "line {line}, column {column}: {}", self.problem)
    }
}

impl std::error::Error for Unreadable {}
