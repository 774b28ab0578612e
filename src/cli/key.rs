//! The keys of the API port.

use serde_json::json;

use super::exit_code::DONE;
use super::out::column_width;
use super::{ExitCode, Program, Session};
use crate::control::local_key;
use crate::control::verbs::key_list::KeyFacts;
use crate::control::verbs::{KeyCreate, KeyList, KeyRevoke};

pub(super) fn show(session: &mut Session<'_, impl Program>) -> ExitCode {
    let key = local_key(&session.home)?;
    let facts = json!({ "key": key.expose() });
    session.out.facts(&facts, [key.expose().to_owned()]);
    Ok(DONE)
}

pub(super) fn create(session: &mut Session<'_, impl Program>, name: String) -> ExitCode {
    let made = session.call(KeyCreate { name })?;
    session.out.facts(&made, [made.key.0.expose().to_owned()]);
    session
        .out
        .note("This is the only time that the key is shown.");
    Ok(DONE)
}

pub(super) fn list(session: &mut Session<'_, impl Program>) -> ExitCode {
    let keys = session.call(KeyList {})?;
    let width = column_width(keys.iter().map(|key| key.name.as_str()));
    let line = |key: &KeyFacts| {
        format!(
            "{:width$}  …{}  made at {}",
            key.name, key.hint, key.made_at
        )
    };
    session.out.facts(&keys, keys.iter().map(line));
    Ok(DONE)
}

pub(super) fn revoke(session: &mut Session<'_, impl Program>, name: String) -> ExitCode {
    let key = session.call(KeyRevoke { name })?;
    let line = format!("the key `{}` opens nothing any more", key.name);
    session.out.facts(&key, [line]);
    Ok(DONE)
}
