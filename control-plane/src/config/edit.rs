//! Changes of the configuration's text, key by key and rule by rule. Comments stay.

use toml_edit::{
    Array, ArrayOfTables, Document, DocumentMut, InlineTable, Item, Table, TableLike, Value,
};

use super::file::ConfigError;
use super::keys::{self, Key, steps};
use super::parse;
use super::problem::{Problem, Problems};
use super::wrong::Wrong;
use crate::modes::AuthMode;
use crate::toml_text;

pub(super) const AUTH_MODE: &str = "auth_mode";
const MODELS: &str = "models";
const PROVIDERS: &str = "providers";

/// A change of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    Set {
        key: String,
        /// As on the command line: text needs no quotes, a list is separated by commas.
        value: String,
    },
    /// Back to the default: the file no longer names the key.
    Unset { key: String },
    /// A rule below all others.
    AddRule { name: String, targets: Vec<String> },
    /// The rule at that place, counted from 0, if it still has that name.
    RemoveRule { at: usize, name: String },
    /// The rule at that place, if it still has that name, changes places with the one above or
    /// below it.
    MoveRule {
        at: usize,
        name: String,
        is_earlier: bool,
    },
    /// What the file says of a provider.
    RemoveProvider { name: String },
}

impl Edit {
    pub fn set(key: impl Into<String>, value: impl Into<String>) -> Self {
        Self::Set {
            key: key.into(),
            value: value.into(),
        }
    }

    pub fn unset(key: impl Into<String>) -> Self {
        Self::Unset { key: key.into() }
    }

    /// The key that is changed; a list or a table where it is about a whole one.
    pub fn key(&self) -> String {
        match self {
            Self::Set { key, .. } | Self::Unset { key } => key.clone(),
            Self::AddRule { .. } | Self::RemoveRule { .. } | Self::MoveRule { .. } => {
                MODELS.to_owned()
            }
            Self::RemoveProvider { name } => format!("{PROVIDERS}.{name}"),
        }
    }
}

/// The text after a change.
pub(super) struct Edited {
    pub(super) text: String,
    /// Whether the file was lost and got the authentication back that is in force.
    pub(super) keeps_auth: bool,
}

/// Makes all changes or none.
///
/// `in_force` is the running agent's authentication. A file that was lost gets it back with the
/// first change: without it, the change would open the port to all.
///
/// # Errors
/// When a path is no key, a value is not what its key takes, or the result is no configuration.
pub(super) fn edited(
    before: &str,
    edits: &[Edit],
    in_force: Option<AuthMode>,
) -> Result<Edited, ConfigError> {
    let asks_for_keys = in_force.filter(|mode| *mode != AuthMode::Off);
    let sets_auth = edits.iter().any(|edit| edit.key() == AUTH_MODE);
    let lost = asks_for_keys.filter(|_| !sets_auth && is_blank(before));
    let kept = lost.map(|mode| Edit::set(AUTH_MODE, mode.name()));
    let mut text = before.to_owned();
    let mut problems = Vec::new();
    document(before)?;
    for edit in kept.iter().chain(edits) {
        match apply(&text, edit) {
            Ok(changed) => text = changed,
            Err(ConfigError::Refused(Problems(found))) => problems.extend(found),
            Err(other) => return Err(other),
        }
    }
    // A blank file is taken for a lost one, so that going back to the default is written out.
    if let Some(mode) = asks_for_keys.filter(|_| is_blank(&text)) {
        let mode = if sets_auth { AuthMode::Off } else { mode };
        text = apply(&text, &Edit::set(AUTH_MODE, mode.name()))?;
    }
    if !problems.is_empty() {
        return Err(ConfigError::Refused(Problems(problems)));
    }
    parse(&text).map_err(|problems| ConfigError::Refused(problems.without_places()))?;
    let keeps_auth = lost.is_some();
    Ok(Edited { text, keeps_auth })
}

/// Whether nothing is set in that text.
pub(super) fn is_blank(text: &str) -> bool {
    document(text).is_ok_and(|found| found.is_empty())
}

pub(super) fn document(text: &str) -> Result<DocumentMut, ConfigError> {
    parsed(text).map(Document::into_mut)
}

fn parsed(text: &str) -> Result<Document<String>, ConfigError> {
    toml_text::parse(text).map_err(|error| {
        ConfigError::Invalid(Problems::syntax(text, error.span(), error.message()))
    })
}

/// The key of a path; not one of a list of tables, which has no path of its own.
pub(super) fn known(path: &str) -> Result<&'static Key, ConfigError> {
    keys::by_path(path)
        .filter(|key| !key.path.contains("[]"))
        .ok_or_else(|| ConfigError::UnknownKey(keys::unknown_path(path).into()))
}

fn apply(text: &str, edit: &Edit) -> Result<String, ConfigError> {
    let changed = match edit {
        Edit::Unset { key } => {
            known(key)?;
            return without_key(text, key);
        }
        Edit::Set { key, value } => set(document(text)?, known(key)?, key, value),
        Edit::AddRule { name, targets } => add_rule(document(text)?, name, targets),
        Edit::RemoveRule { at, name } => remove_rule(document(text)?, *at, name),
        Edit::MoveRule {
            at,
            name,
            is_earlier,
        } => move_rule(document(text)?, *at, name, *is_earlier),
        Edit::RemoveProvider { name } => remove_provider(document(text)?, name),
    };
    changed
        .map(|document| document.to_string())
        .map_err(|problem| ConfigError::Refused(Problems(vec![problem])))
}

fn set(
    mut document: DocumentMut,
    key: &Key,
    path: &str,
    word: &str,
) -> Result<DocumentMut, Problem> {
    let value = key.kind.parse_word(word);
    key.kind
        .check(&value)
        .map_err(|message| Problem::new(path, message))?;
    put(&mut document, path, value)?;
    Ok(document)
}

/// Sets a value. A comment behind the old one stays.
fn put(document: &mut DocumentMut, path: &str, mut value: Value) -> Result<(), Problem> {
    let mut steps = steps(path);
    let key = steps.pop().unwrap_or_default();
    let mut table = document.as_item_mut();
    for step in steps {
        let inner = table
            .as_table_like_mut()
            .ok_or_else(|| Problem::new(path, Wrong::Table))?;
        table = inner
            .entry(step)
            .or_insert_with(|| Item::Table(new_table(step)));
    }
    let table = table
        .as_table_like_mut()
        .ok_or_else(|| Problem::new(path, Wrong::Table))?;
    match table.get_mut(key).and_then(Item::as_value_mut) {
        Some(old) => {
            *value.decor_mut() = old.decor().clone();
            *old = value;
        }
        None => drop(table.insert(key, Item::Value(value))),
    }
    Ok(())
}

/// An implicit table has no header: `[providers]` needs no line above `[providers.lab]`.
fn new_table(name: &str) -> Table {
    let mut table = Table::new();
    table.set_implicit(name == PROVIDERS);
    table
}

/// The text without the line of a key. Comments above it stay, the one behind it goes.
fn without_key(text: &str, path: &str) -> Result<String, ConfigError> {
    let mut whole = document(text)?;
    let parsed = parsed(text)?;
    let mut steps = steps(path);
    let key = steps.pop().unwrap_or_default();
    let parent = steps
        .iter()
        .try_fold(parsed.as_item(), |item, step| item.get(step));
    let Some(parent) = parent.and_then(Item::as_table_like) else {
        return Ok(text.to_owned());
    };
    let Some(lines) = lines_of(text, parent, key) else {
        // It shares its line with others.
        let table = steps
            .iter()
            .try_fold(whole.as_item_mut(), |item, step| item.get_mut(step))
            .and_then(Item::as_table_like_mut);
        table.and_then(|table| table.remove(key));
        return Ok(whole.to_string());
    };
    Ok(format!("{}{}", &text[..lines.start], &text[lines.end..]))
}

/// The lines of a key and its value. `None` where it has none for itself.
fn lines_of(text: &str, table: &dyn TableLike, key: &str) -> Option<std::ops::Range<usize>> {
    let (name, item) = table.get_key_value(key)?;
    let (start, end) = (name.span()?.start, item.span()?.end);
    let line_start = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
    let line_end = text[end..]
        .find('\n')
        .map_or(text.len(), |newline| end + newline + 1);
    let before = text[line_start..start].trim();
    let after = text[end..line_end].trim();
    // `scheduling.mode = …` begins with the table's name.
    let is_alone =
        !before.contains(['{', ',', '=']) && (after.is_empty() || after.starts_with('#'));
    is_alone.then_some(line_start..line_end)
}

fn add_rule(
    mut document: DocumentMut,
    name: &str,
    targets: &[String],
) -> Result<DocumentMut, Problem> {
    let target = match targets {
        [one] => Value::from(one.as_str()),
        many => Value::from(many.iter().map(String::as_str).collect::<Array>()),
    };
    let rules = document
        .entry(MODELS)
        .or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new()));
    match rules {
        Item::ArrayOfTables(tables) => {
            let mut table = Table::new();
            table.insert("name", Item::Value(name.into()));
            table.insert("use", Item::Value(target));
            tables.push(table);
        }
        Item::Value(Value::Array(list)) => {
            let mut table = InlineTable::new();
            table.insert("name", name.into());
            table.insert("use", target);
            list.push(table);
        }
        _ => return Err(Problem::new(MODELS, Wrong::Tables)),
    }
    Ok(document)
}

/// The rule there is no longer the one that was meant.
fn other_rule(at: usize, name: &str) -> Problem {
    let wrong = Wrong::OtherRule {
        number: at.saturating_add(1),
        name: name.escape_debug().to_string(),
    };
    Problem::new(MODELS, wrong)
}

fn move_rule(
    mut document: DocumentMut,
    at: usize,
    name: &str,
    is_earlier: bool,
) -> Result<DocumentMut, Problem> {
    let gone = || other_rule(at, name);
    // Of the two that change places, the upper one.
    let upper = if is_earlier {
        at.checked_sub(1).ok_or_else(gone)?
    } else {
        at
    };
    let is_named = |known: Option<&str>| known == Some(name);
    match document.get_mut(MODELS) {
        Some(Item::ArrayOfTables(tables)) => {
            let mut tables: Vec<&mut Table> = tables.iter_mut().collect();
            let found = tables.get(at).and_then(|table| table.get("name")?.as_str());
            let pair = tables.get(upper..upper.saturating_add(2));
            if pair.is_none() || !is_named(found) {
                return Err(gone());
            }
            let (above, below) = tables.split_at_mut(upper + 1);
            let (one, other) = (&mut *above[upper], &mut *below[0]);
            // They are written by their positions, wherever they stand in the list.
            let (upper, lower) = (one.position(), other.position());
            std::mem::swap(one, other);
            one.set_position(upper);
            other.set_position(lower);
        }
        Some(Item::Value(Value::Array(list))) => {
            let table = list.get(at).and_then(Value::as_inline_table);
            let found = table.and_then(|table| table.get("name")?.as_str());
            if upper.saturating_add(1) >= list.len() || !is_named(found) {
                return Err(gone());
            }
            let mut values: Vec<&mut Value> = list.iter_mut().collect();
            let (above, below) = values.split_at_mut(upper + 1);
            let (one, other) = (&mut *above[upper], &mut *below[0]);
            let decors = (one.decor().clone(), other.decor().clone());
            std::mem::swap(one, other);
            *one.decor_mut() = decors.0;
            *other.decor_mut() = decors.1;
        }
        _ => return Err(gone()),
    }
    Ok(document)
}

fn remove_rule(mut document: DocumentMut, at: usize, name: &str) -> Result<DocumentMut, Problem> {
    let is_named = |item: Option<&Item>| {
        item.and_then(Item::as_str)
            .is_some_and(|known| known == name)
    };
    let gone = || other_rule(at, name);
    let is_last = match document.get_mut(MODELS) {
        Some(Item::ArrayOfTables(tables)) => {
            let found = tables.get(at).filter(|table| is_named(table.get("name")));
            found.ok_or_else(gone)?;
            tables.remove(at);
            tables.is_empty()
        }
        Some(Item::Value(Value::Array(list))) => {
            let table = list.get(at).and_then(Value::as_inline_table);
            let known = table
                .and_then(|table| table.get("name"))
                .and_then(Value::as_str);
            known.filter(|known| *known == name).ok_or_else(gone)?;
            list.remove(at);
            list.is_empty()
        }
        _ => return Err(gone()),
    };
    if is_last {
        document.remove(MODELS);
    }
    Ok(document)
}

fn remove_provider(mut document: DocumentMut, name: &str) -> Result<DocumentMut, Problem> {
    let providers = document
        .get_mut(PROVIDERS)
        .and_then(Item::as_table_like_mut);
    let removed = providers.and_then(|providers| providers.remove(name));
    removed.map(|_| document).ok_or_else(|| {
        let name = name.escape_debug().to_string();
        Problem::new(PROVIDERS, Wrong::NotInFile { name })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(text: &str, edits: &[Edit]) -> String {
        edited(text, edits, None)
            .unwrap_or_else(|error| panic!("{error}"))
            .text
    }

    #[test]
    fn a_key_goes_with_its_own_comment_and_leaves_the_others() {
        let text = "# mine\nport = 9000 # why\n\n[scheduling]\n# slow line\nmax_wait_seconds = 5\nmode = \"drain\"\n";
        assert_eq!(
            after(
                text,
                &[
                    Edit::unset("port"),
                    Edit::unset("scheduling.max_wait_seconds")
                ]
            ),
            "# mine\n\n[scheduling]\n# slow line\nmode = \"drain\"\n"
        );
        assert_eq!(after("port = 9000", &[Edit::unset("port")]), "");
        assert_eq!(after(text, &[Edit::unset("limits.hold_ms")]), text);
        let long = "allowed_hosts = [\n  \"a\", # one\n  \"b\",\n]\nport = 1\n";
        assert_eq!(after(long, &[Edit::unset("allowed_hosts")]), "port = 1\n");
    }

    #[test]
    fn a_key_that_shares_its_line_is_taken_out_of_it() {
        let inline = "scheduling = { mode = \"drain\", max_attempts = 2 } # mine\n";
        assert_eq!(
            after(inline, &[Edit::unset("scheduling.mode")]),
            "scheduling = { max_attempts = 2 } # mine\n"
        );
        let dotted = "scheduling.mode = \"drain\"\nport = 1\n";
        assert_eq!(
            after(dotted, &[Edit::unset("scheduling.mode")]),
            "port = 1\n"
        );
    }

    #[test]
    fn rules_change_places_with_their_comments() {
        let tables = "port = 1\n\n# one\n[[models]]\nname = \"a\"\nuse = \"demo/x\" # why\n\n# two\n[[models]]\nname = \"b\"\nuse = \"demo/y\"\n";
        let moved = "port = 1\n\n# two\n[[models]]\nname = \"b\"\nuse = \"demo/y\"\n\n# one\n[[models]]\nname = \"a\"\nuse = \"demo/x\" # why\n";
        let step = |at, name: &str, is_earlier| Edit::MoveRule {
            at,
            name: name.to_owned(),
            is_earlier,
        };
        assert_eq!(after(tables, &[step(0, "a", false)]), moved);
        assert_eq!(after(tables, &[step(1, "b", true)]), moved);
        assert_eq!(after(moved, &[step(1, "a", true)]), tables);
        let inline =
            "models = [{ name = \"a\", use = \"demo/x\" }, { name = \"b\", use = \"demo/y\" }]\n";
        let moved =
            "models = [{ name = \"b\", use = \"demo/y\" }, { name = \"a\", use = \"demo/x\" }]\n";
        assert_eq!(after(inline, &[step(1, "b", true)]), moved);
        for (at, name, is_earlier) in [
            (0, "a", true),
            (1, "b", false),
            (0, "b", false),
            (9, "a", true),
            (usize::MAX, "a", false),
        ] {
            for text in [tables, inline, "port = 1\n"] {
                let edited = edited(text, &[step(at, name, is_earlier)], None);
                assert!(edited.is_err(), "{at} {name} {is_earlier} {text}");
            }
        }
    }

    #[test]
    fn rules_come_last_and_go_by_their_place_and_name() {
        let rule = |name: &str| Edit::AddRule {
            name: name.to_owned(),
            targets: vec!["demo/anthropic".to_owned()],
        };
        let text = after("port = 1\n", &[rule("fast"), rule("slow-*")]);
        let one = "port = 1\n\n[[models]]\nname = \"fast\"\nuse = \"demo/anthropic\"\n";
        let two = format!("{one}\n[[models]]\nname = \"slow-*\"\nuse = \"demo/anthropic\"\n");
        assert_eq!(text, two);
        let remove = |at, name: &str| Edit::RemoveRule {
            at,
            name: name.to_owned(),
        };
        assert_eq!(after(&two, &[remove(1, "slow-*")]), one);
        assert_eq!(
            after(&two, &[remove(1, "slow-*"), remove(0, "fast")]),
            "port = 1\n"
        );
        assert!(edited(&two, &[remove(0, "slow-*")], None).is_err());
        assert!(edited("", &[remove(0, "fast")], None).is_err());
        let inline = "models = [{ name = \"fast\", use = \"demo/anthropic\" }]\n";
        assert_eq!(after(inline, &[remove(0, "fast")]), "");
        let added = after(inline, &[rule("slow")]);
        assert_eq!(crate::config::parse(&added).unwrap().rules.0.len(), 2);
    }

    #[test]
    fn all_wrong_values_are_named_at_once() {
        let edits = [Edit::set("port", "70000"), Edit::set("auth_mode", "loose")];
        let Err(ConfigError::Refused(Problems(problems))) = edited("", &edits, None) else {
            panic!("they are wrong");
        };
        let paths: Vec<&str> = problems.iter().map(|problem| &*problem.path).collect();
        assert_eq!(paths, ["port", "auth_mode"]);
    }

    #[test]
    fn going_back_to_no_key_is_written_where_the_file_would_be_blank() {
        let strict = "auth_mode = \"strict\"\n";
        let back = [Edit::unset("auth_mode")];
        let text = |in_force| edited(strict, &back, in_force).unwrap().text;
        assert_eq!(text(Some(AuthMode::Strict)), "auth_mode = \"off\"\n");
        assert_eq!(text(None), "");
        let lost = edited("", &[Edit::set("port", "1")], Some(AuthMode::Strict)).unwrap();
        assert_eq!(
            (lost.text.as_str(), lost.keeps_auth),
            ("auth_mode = \"strict\"\nport = 1\n", true)
        );
    }

    #[test]
    fn a_provider_goes_whole() {
        let text = "port = 1\n\n[providers.lab]\nprotocol = \"gemini\"\nbase_url = \"https://a.example\"\n\n[providers.lab.oauth]\ntoken_url = \"https://a.example\"\n";
        let gone = [Edit::RemoveProvider {
            name: "lab".to_owned(),
        }];
        assert_eq!(after(text, &gone), "port = 1\n");
        assert!(edited("", &gone, None).is_err());
    }
}
