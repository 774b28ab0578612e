//! Why a client cannot be connected or disconnected, in sentences for people.

use std::io;
use std::path::{Path, PathBuf};

use super::document::{self, Refused, Unreadable};
use crate::language::{Language, Said, said};

said! {
    /// Why something was not done. Nothing was changed, unless it says so.
    #[derive(Debug)]
    pub enum ClientProblem;
    NoPlace { title: &'static str }: "no variable says where the files of {title} lie" |
        "keine Variable nennt, wo die Dateien von {title} liegen";
    Unreadable { path: PathBuf, line: usize, column: usize, why: document::Problem }:
        "`{path}`, line {line}, column {column}: {why}; the file was left untouched" |
        "`{path}`, Zeile {line}, Spalte {column}: {why}; die Datei blieb unverändert";
    Refused { path: PathBuf, key: String, why: Refused }:
        "`{path}`: `{key}` cannot be written: {why}; the file was left untouched" |
        "`{path}`: `{key}` lässt sich nicht schreiben: {why}; die Datei blieb unverändert";
    /// With what a person can do instead.
    Fixed { path: PathBuf, why: WhyFixed, by_hand: Said }: "`{path}` is not changed: {why}{by_hand}" |
        "`{path}` wird nicht geändert: {why}{by_hand}";
    Foreign { path: PathBuf }: "`{path}` is there already and not of Aerostat: move it away first" |
        "`{path}` gibt es schon, und die Datei stammt nicht von Aerostat: zuerst verschieben";
    /// With the words of the way that stands.
    OtherWay { words: String }: "it is connected as `{words}`, which changes the same file: `aerostat client disconnect {words}` first" |
        "es ist als `{words}` verbunden, was dieselbe Datei ändert: zuerst `aerostat client disconnect {words}`";
    Disk { path: PathBuf, source: io::Error }: "`{path}`: {source}" | "`{path}`: {source}";
    Receipt { error: io::Error }: "what is stored of the connection cannot be read: {error}" |
        "was zu der Verbindung gespeichert ist, ist nicht lesbar: {error}";
    Kept { why: Said }: "your own values that would be replaced cannot be kept safe: {why}" |
        "Ihre eigenen Werte, die ersetzt würden, lassen sich nicht sichern: {why}";
    Sealed { why: Said }: "your own values from before cannot be read: {why}" |
        "Ihre früheren eigenen Werte sind nicht lesbar: {why}";
    ChangedMeanwhile: "the files have changed while this was looked at; nothing was written" |
        "die Dateien haben sich währenddessen geändert; nichts wurde geschrieben";
}

said! {
    /// Why a file must not be replaced: it is generated, or meant to stay as it is.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub enum WhyFixed;
    NixStore: "it lies in the Nix store, where a build puts it" |
        "sie liegt im Nix-Store, wohin ein Build sie legt";
    ReadOnly: "it is read-only" | "sie ist schreibgeschützt";
    OtherUser: "it belongs to another user" | "sie gehört einem anderen Benutzer";
    Folder { folder: PathBuf }: "its folder `{folder}` is read-only" |
        "ihr Ordner `{folder}` ist schreibgeschützt";
}

said! {
    /// What the vault lacks.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(super) enum NotSealed;
    Nothing { name: String }: "the vault has nothing named `{name}`" |
        "im Tresor liegt nichts namens `{name}`";
}

impl ClientProblem {
    pub(super) fn unreadable(path: &Path, why: Unreadable) -> Self {
        Self::Unreadable {
            path: path.to_owned(),
            line: why.line,
            column: why.column,
            why: why.problem,
        }
    }

    pub(super) fn refused(path: &Path, key: &document::Path, why: Refused) -> Self {
        Self::Refused {
            path: path.to_owned(),
            key: key.to_string(),
            why,
        }
    }

    pub(super) fn disk(path: &Path, source: io::Error) -> Self {
        Self::Disk {
            path: path.to_owned(),
            source,
        }
    }

    /// `lines` belong into the file.
    pub(super) fn fixed(path: &Path, why: WhyFixed, lines: &[String]) -> Self {
        Self::Fixed {
            path: path.to_owned(),
            why,
            by_hand: Said::in_each(|language| instead(lines, language)),
        }
    }

    pub(super) fn receipt(error: io::Error) -> Self {
        Self::Receipt { error }
    }

    pub(super) fn kept(why: Said) -> Self {
        Self::Kept { why }
    }

    pub(super) fn sealed(why: Said) -> Self {
        Self::Sealed { why }
    }
}

fn instead(lines: &[String], language: Language) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let by_hand = match language {
        Language::English => "; add by hand where it is made:",
        Language::German => "; von Hand dort eintragen, wo sie entsteht:",
    };
    let lines: String = lines.iter().map(|line| format!("\n  {line}")).collect();
    format!("{by_hand}{lines}")
}
