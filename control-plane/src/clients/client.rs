//! What a client is: data about its files, keys and variables, and the functions that make its values.

use serde_json::Value as Json;

use super::document::{Format, Path, Step};
use super::places::{Place, Surroundings};
use super::target::Target;
use crate::language::Language;

/// A program that can be pointed at this gateway, or one way of doing so.
pub struct Client {
    /// As on the command line: `claude-code`.
    pub name: &'static str,
    /// A second way to set up the client of that name, chosen as `--profile-only`. `None` for the
    /// usual one.
    pub variant: Option<&'static str>,
    pub title: &'static str,
    /// What it is started by; it is installed where one of them is on `PATH`, or where one of its
    /// folders exists. Empty for libraries.
    pub programs: &'static [&'static str],
    pub setup: Setup,
    /// What points it here without any file, for `env` and `run`. Empty where it cannot be.
    pub variables: &'static [Variable],
    /// The arguments that point one start of it here, before the person's own, where variables do
    /// not suffice.
    pub arguments: fn(&Target) -> Vec<String>,
    /// Whether its files list the models of the gateway.
    pub lists_models: bool,
    /// Its words for models of several sizes, which `--map` leads to models of the gateway.
    pub tiers: &'static [Tier],
    /// What beats its files.
    pub overrides: &'static [Override],
    /// What a person should know before the change, in whole sentences.
    pub warnings: &'static [Warning],
    /// Why our key stands in a file of it in clear text, in a sentence. Empty where it does not.
    pub key_in_file: Text,
    /// What to mind for a person who writes its lines by hand.
    pub by_hand: Text,
    /// What is left to do once it is connected, in a sentence.
    pub afterwards: Text,
    /// The same once it is disconnected. Empty for a restart.
    pub once_undone: Text,
}

/// A client of whose kind nothing is known yet: the rows of the catalog name what differs.
pub const BLANK: Client = Client {
    name: "",
    variant: None,
    title: "",
    programs: &[],
    setup: Setup::Environment,
    variables: &[],
    arguments: |_| Vec::new(),
    lists_models: false,
    tiers: &[],
    overrides: &[],
    warnings: &[],
    key_in_file: Text::NONE,
    by_hand: Text::NONE,
    afterwards: Text::NONE,
    once_undone: Text::NONE,
};

/// How it is set up.
pub enum Setup {
    /// By files, in the order in which they are written: one that refers to another comes after it.
    /// They are undone in the opposite order.
    Files(&'static [FileRule]),
    /// By variables of the shell alone.
    Environment,
    /// By hand, since its settings lie where no other program can write.
    ByHand(fn(&Target, Language) -> Vec<String>),
    /// It cannot reach a gateway on this machine, for this reason.
    Impossible(Text),
}

/// A file and what belongs into it.
pub struct FileRule {
    pub place: Place,
    pub content: Content,
    /// The key that holds the base URL; by it `status` sees where the client points. Empty where the
    /// file has none.
    pub base_url: &'static [&'static str],
}

/// What belongs into a file.
pub enum Content {
    /// Keys of a document that may hold anything else.
    Keys {
        format: Format,
        settings: fn(&Target) -> Vec<Setting>,
    },
    /// A file that is ours alone, in a folder that the client scans.
    Whole(fn(&Target) -> String),
    /// One marked block of lines.
    Block(fn(&Target) -> String),
    /// A marked block with the variables of this client, in a file that other clients' blocks share.
    Variables(&'static Client),
}

/// A key that belongs to us as long as it has our value.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    pub path: Path,
    pub value: Json,
}

impl Setting {
    /// A key by the names that lead to it.
    pub fn new(path: &[&'static str], value: impl Into<Json>) -> Self {
        Self {
            path: keys(path),
            value: value.into(),
        }
    }

    /// A member of the list at `list`: the one whose `member` is `id`.
    pub fn item(list: &[&'static str], member: &'static str, id: &str, value: Json) -> Self {
        Self::at(list, Step::item(member, id), value)
    }

    /// What `step` leads to below these names.
    pub fn at(names: &[&'static str], step: Step, value: Json) -> Self {
        let path = keys(names).then(step);
        Self { path, value }
    }
}

/// A path of names.
pub fn keys(names: &[&'static str]) -> Path {
    names.iter().map(|name| Step::from(*name)).collect()
}

/// A variable of the shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variable {
    pub name: &'static str,
    pub value: VariableValue,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VariableValue {
    /// The gateway's address, followed by this.
    Url(&'static str),
    Key,
    Text(&'static str),
    /// The model that was chosen; the variable is left out where none was.
    Model,
    /// The model that this tier was mapped to; left out where it was not.
    Tier(&'static str),
}

impl Variable {
    pub const fn url(name: &'static str, suffix: &'static str) -> Self {
        let value = VariableValue::Url(suffix);
        Self { name, value }
    }

    pub const fn key(name: &'static str) -> Self {
        let value = VariableValue::Key;
        Self { name, value }
    }

    pub const fn text(name: &'static str, text: &'static str) -> Self {
        let value = VariableValue::Text(text);
        Self { name, value }
    }

    pub const fn model(name: &'static str) -> Self {
        let value = VariableValue::Model;
        Self { name, value }
    }

    pub const fn tier(tier: &Tier) -> Self {
        let value = VariableValue::Tier(tier.name);
        Self {
            name: tier.variable,
            value,
        }
    }
}

/// A client's word for a model of one size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tier {
    pub name: &'static str,
    /// The variable that names its model.
    pub variable: &'static str,
}

/// What beats the files of a client where it is there.
pub enum Override {
    /// A variable of the shell, with a value other than ours.
    Variable(&'static str),
    /// A file that an administrator or a project brings, where one of these keys is in it.
    File {
        place: Place,
        format: Format,
        keys: &'static [&'static [&'static str]],
    },
    /// A project's file that hides ours by being there, in this folder or one above it.
    Hides(&'static [&'static str]),
}

/// A sentence that is said before the change, where it applies.
pub struct Warning {
    pub when: fn(&Surroundings) -> bool,
    pub text: Text,
}

impl Warning {
    pub const fn always(english: &'static str, german: &'static str) -> Self {
        Self {
            when: |_| true,
            text: Text::new(english, german),
        }
    }
}

/// What people read about a client, in every language: command line and pages show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text {
    english: &'static str,
    german: &'static str,
}

impl Text {
    pub const NONE: Self = Self::new("", "");

    pub const fn new(english: &'static str, german: &'static str) -> Self {
        Self { english, german }
    }

    pub fn of(self, language: Language) -> &'static str {
        match language {
            Language::English => self.english,
            Language::German => self.german,
        }
    }
}

impl Client {
    /// Its name with the variant, unique in the catalog: `codex`, `codex-profile-only`.
    pub fn id(&self) -> String {
        match self.variant {
            Some(variant) => format!("{}-{variant}", self.name),
            None => self.name.to_owned(),
        }
    }

    /// What a person types after `client connect`, or `client disconnect`.
    pub fn words(&self) -> String {
        match self.variant {
            Some(variant) => format!("{} --{variant}", self.name),
            None => self.name.to_owned(),
        }
    }

    pub fn files(&self) -> &'static [FileRule] {
        match self.setup {
            Setup::Files(files) => files,
            _ => &[],
        }
    }
}
