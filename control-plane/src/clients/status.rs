//! How a client stands: whether it points here, and what beats that.

use std::path::{Path as FilePath, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::client::{Client, Content, FileRule, Override, Setup, VariableValue, keys};
use super::disk;
use super::document::{Document, Format, block};
use super::places::Surroundings;
use super::problem::ClientProblem;
use super::receipt::{ContentReceipt, FileReceipt, Receipt, value_digest};
use crate::language::Said;

/// How a client stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum ClientState {
    /// Neither its program nor its folder was found.
    NotInstalled,
    NotConnected,
    /// It points here.
    Connected,
    /// It points here, and the person has changed these keys since.
    Edited {
        keys: Vec<String>,
    },
    /// Its files point here, and this beats them.
    Overridden {
        by: Vec<String>,
    },
    /// It points to another address.
    Elsewhere {
        url: String,
    },
    /// Its file cannot be read.
    Unreadable {
        why: Said,
    },
    /// Its files are set up, and these variables are not set in the shell that asks.
    VariablesMissing {
        names: Vec<String>,
    },
    /// It is set up by hand alone.
    ByHand,
    /// It cannot reach a gateway on this machine.
    Impossible {
        why: String,
    },
}

impl ClientState {
    /// Whether it sends its requests here, as far as that can be seen.
    pub fn is_connected(&self) -> bool {
        matches!(self, Self::Connected | Self::Edited { .. })
    }
}

/// How a client stands. `origin` is where the gateway is.
pub fn status(
    client: &Client,
    receipt: Option<&Receipt>,
    origin: &str,
    at: &Surroundings,
) -> ClientState {
    match &client.setup {
        Setup::Files(files) => {
            let looked = look(client, files, receipt, origin, at);
            looked.unwrap_or_else(|problem| ClientState::Unreadable {
                why: Said::of(&problem),
            })
        }
        Setup::Environment => by_variables(client, origin, at),
        Setup::ByHand(_) => ClientState::ByHand,
        Setup::Impossible(why) => ClientState::Impossible {
            why: why.of(at.language).to_owned(),
        },
    }
}

fn look(
    client: &Client,
    files: &[FileRule],
    receipt: Option<&Receipt>,
    origin: &str,
    at: &Surroundings,
) -> Result<ClientState, ClientProblem> {
    let mut edited = Vec::new();
    for file in receipt.iter().flat_map(|receipt| &receipt.files) {
        edited.extend(edited_keys(file)?);
    }
    let url = base_url(files, receipt, at)?;
    let points_here = match &url {
        Some(url) => is_below(url, origin),
        // Nothing names an address: the receipt knows where the file leads.
        None => receipt.is_some_and(|receipt| receipt.gateway == origin),
    };
    if !points_here {
        let old = receipt.map(|receipt| receipt.gateway.clone());
        return Ok(match url.or(old) {
            Some(url) => ClientState::Elsewhere { url },
            None if is_installed(client, at) => ClientState::NotConnected,
            None => ClientState::NotInstalled,
        });
    }
    let by = beaten_by(client, origin, at);
    if !by.is_empty() {
        return Ok(ClientState::Overridden { by });
    }
    if needs_shell(client) {
        let names = missing_variables(client, origin, at);
        if !names.is_empty() {
            return Ok(ClientState::VariablesMissing { names });
        }
    }
    Ok(if edited.is_empty() {
        ClientState::Connected
    } else {
        ClientState::Edited { keys: edited }
    })
}

/// Whether its files do not suffice: no key of theirs holds the address, and no block of ours brings
/// the variables.
pub(super) fn needs_shell(client: &Client) -> bool {
    let brings_variables = |file: &FileRule| matches!(file.content, Content::Block(_));
    let needs = |file: &FileRule| file.base_url.is_empty() && !brings_variables(file);
    client.files().iter().all(needs) && !client.variables.is_empty()
}

/// Whether a URL is the gateway's, with whatever follows its address.
fn is_below(url: &str, origin: &str) -> bool {
    let rest = url.strip_prefix(origin);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether something of ours is in a file that is neither as it was nor as we left it.
pub(super) fn holds_ours(file: &FileReceipt) -> bool {
    let Ok(edited) = edited_keys(file) else {
        // One that cannot be read now is looked at again when it can.
        return true;
    };
    match &file.content {
        ContentReceipt::Keys { keys, .. } => edited.len() < keys.len(),
        ContentReceipt::Whole => file.resolved.exists(),
        ContentReceipt::Block(_) | ContentReceipt::NamedBlock { .. } => edited.is_empty(),
    }
}

/// The keys of a file that no longer have our value.
fn edited_keys(file: &FileReceipt) -> Result<Vec<String>, ClientProblem> {
    let found = disk::read(&file.path).map_err(|why| ClientProblem::disk(&file.path, why))?;
    let bytes = found.bytes.as_deref();
    if disk::digest(bytes) == file.after {
        return Ok(Vec::new());
    }
    let name = || file.path.display().to_string();
    Ok(match (&file.content, bytes) {
        (_, None) => vec![name()],
        (ContentReceipt::Keys { format, keys }, Some(bytes)) => {
            let document = parse(&file.path, bytes, *format)?;
            let edited = keys.iter().filter(|key| {
                let value = document.get(&key.path);
                value.is_none_or(|value| !key.is_ours(value))
            });
            edited.map(|key| key.path.to_string()).collect()
        }
        (ContentReceipt::Whole, Some(_)) => vec![name()],
        (ContentReceipt::Block(written), Some(bytes)) => edited_block(bytes, "", written, name),
        (
            ContentReceipt::NamedBlock {
                name: of, digest, ..
            },
            Some(bytes),
        ) => edited_block(bytes, of, digest, name),
    })
}

fn edited_block(
    bytes: &[u8],
    of: &str,
    written: &str,
    name: impl FnOnce() -> String,
) -> Vec<String> {
    let block = block::read(bytes, of);
    let is_ours = block.is_some_and(|text| value_digest(&Json::from(text)) == written);
    if is_ours { Vec::new() } else { vec![name()] }
}

fn parse(path: &FilePath, bytes: &[u8], format: Format) -> Result<Document, ClientProblem> {
    Document::parse(bytes, format).map_err(|why| ClientProblem::unreadable(path, why))
}

/// The address that the client's files name, in the one that was connected or would be.
fn base_url(
    files: &[FileRule],
    receipt: Option<&Receipt>,
    at: &Surroundings,
) -> Result<Option<String>, ClientProblem> {
    for (index, rule) in files.iter().enumerate() {
        let connected = receipt.and_then(|receipt| receipt.files.get(index));
        let path = connected.map(|file| file.path.clone());
        let Some(path) = path.or_else(|| rule.place.file(at)) else {
            continue;
        };
        let found = disk::read(&path).map_err(|why| ClientProblem::disk(&path, why))?;
        let Some(bytes) = found.bytes else { continue };
        let Content::Keys { format, .. } = &rule.content else {
            continue;
        };
        // A file without an address is read all the same: it may be malformed.
        let document = parse(&path, &bytes, *format)?;
        if rule.base_url.is_empty() {
            continue;
        }
        if let Some(Json::String(url)) = document.get(&keys(rule.base_url)) {
            return Ok(Some(url.clone()));
        }
    }
    Ok(None)
}

/// Whether its program is on `PATH`, or a folder of its files exists.
pub fn is_installed(client: &Client, at: &Surroundings) -> bool {
    let has_folder = |rule: &FileRule| {
        let folder = rule.place.folder(at);
        // The home folder says nothing.
        folder.is_some_and(|folder| folder.is_dir() && Some(folder) != at.home())
    };
    client
        .programs
        .iter()
        .any(|program| at.has_program(program))
        || client.files().iter().any(has_folder)
}

/// What beats the client's files here and now: variables and files, these with the key.
pub fn beaten_by(client: &Client, origin: &str, at: &Surroundings) -> Vec<String> {
    // In the person's home, a project's file and the person's own are the same.
    let own: Vec<PathBuf> = client
        .files()
        .iter()
        .filter_map(|rule| rule.place.file(at))
        .collect();
    let overrides = client.overrides.iter();
    let of_files = overrides.filter_map(|rule| beats(rule, at, &own));
    let of_shell = client.variables.iter().filter_map(|variable| {
        // A file that overwrites the shell's variables has an address of its own.
        let is_beaten = client.files().iter().any(|file| !file.base_url.is_empty());
        let VariableValue::Url(suffix) = variable.value else {
            return None;
        };
        let value = at.variable(variable.name).filter(|_| !is_beaten)?;
        let is_ours = value == format!("{origin}{suffix}");
        (!is_ours).then(|| variable.name.to_owned())
    });
    of_files.chain(of_shell).collect()
}

fn beats(rule: &Override, at: &Surroundings, own: &[PathBuf]) -> Option<String> {
    match rule {
        Override::Variable(name) => at.variable(name).map(|_| (*name).to_owned()),
        Override::File {
            place,
            format,
            keys: names,
        } => {
            let path = place.file(at).filter(|path| !own.contains(path))?;
            let bytes = disk::read(&path).ok()?.bytes?;
            // What the client cannot read beats nothing.
            let document = Document::parse(&bytes, *format).ok()?;
            let found = names
                .iter()
                .find(|name| document.get(&keys(name)).is_some())?;
            Some(format!("{} ({})", path.display(), found.join(".")))
        }
        Override::Hides(names) => {
            let files = at.project_folders();
            let mut files = files.flat_map(|folder| names.iter().map(|name| folder.join(name)));
            // The nearest is the one that is read.
            let nearest = files.find(|file| file.is_file())?;
            (!own.contains(&nearest)).then(|| nearest.display().to_string())
        }
    }
}

/// A client of variables alone points where the shell that asks says.
fn by_variables(client: &Client, origin: &str, at: &Surroundings) -> ClientState {
    let urls = client
        .variables
        .iter()
        .filter_map(|variable| match variable.value {
            VariableValue::Url(suffix) => Some((at.variable(variable.name)?, suffix)),
            _ => None,
        });
    let elsewhere = |(value, suffix): &(&str, &str)| *value != format!("{origin}{suffix}");
    let urls: Vec<_> = urls.collect();
    match urls.iter().find(|url| elsewhere(url)) {
        Some((url, _)) => ClientState::Elsewhere {
            url: (*url).to_owned(),
        },
        None if urls.is_empty() && !client.programs.is_empty() && !is_installed(client, at) => {
            ClientState::NotInstalled
        }
        None if urls.is_empty() => ClientState::NotConnected,
        None => match missing_variables(client, origin, at) {
            names if names.is_empty() => ClientState::Connected,
            names => ClientState::VariablesMissing { names },
        },
    }
}

fn missing_variables(client: &Client, origin: &str, at: &Surroundings) -> Vec<String> {
    let is_missing = |name: &str, value: VariableValue| match (value, at.variable(name)) {
        (VariableValue::Url(suffix), found) => found != Some(&*format!("{origin}{suffix}")),
        (VariableValue::Key, found) => found.is_none(),
        (VariableValue::Text(_) | VariableValue::Model | VariableValue::Tier(_), _) => false,
    };
    let variables = client.variables.iter();
    variables
        .filter(|variable| is_missing(variable.name, variable.value))
        .map(|variable| variable.name.to_owned())
        .collect()
}
