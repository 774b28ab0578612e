//! The keys of the API port.

use serde_json::json;

use super::exit_code::DONE;
use super::out::column_width;
use super::{ExitCode, Session};
use crate::control::verbs::key_list::{KeyFacts, KeyLimitFacts};
use crate::control::verbs::{KeyCreate, KeyList, KeyRevoke, KeySet};
use crate::control::{KeyLimitChanges, local_key};
use crate::host::numbers::grouped;
use crate::status::rfc3339;

pub(super) fn show(session: &mut Session<'_>) -> ExitCode {
    let key = local_key(&session.home)?;
    let facts = json!({ "key": key.expose() });
    session.out.facts(&facts, [key.expose().to_owned()]);
    Ok(DONE)
}

pub(super) fn create(session: &mut Session<'_>, name: String, limits: KeyLimitChanges) -> ExitCode {
    let made = session.call(KeyCreate { name, limits })?;
    session.out.facts(&made, [made.key.0.expose().to_owned()]);
    session
        .out
        .note("This is the only time that the key is shown.");
    Ok(DONE)
}

pub(super) fn set(session: &mut Session<'_>, name: String, limits: KeyLimitChanges) -> ExitCode {
    let key = session.call(KeySet { name, limits })?;
    let width = key.name.len();
    session.out.facts(&key, lines(&key, width));
    Ok(DONE)
}

pub(super) fn list(session: &mut Session<'_>) -> ExitCode {
    let keys = session.call(KeyList {})?;
    let width = column_width(keys.iter().map(|key| key.name.as_str()));
    let lines = keys.iter().flat_map(|key| lines(key, width));
    session.out.facts(&keys, lines);
    Ok(DONE)
}

/// A key, and below it each of its limits.
fn lines(key: &KeyFacts, width: usize) -> Vec<String> {
    let used = match key.last_used_at {
        Some(at) => format!("last used at {}", rfc3339(at)),
        None => "never used".to_owned(),
    };
    let refused = match key.refused_today {
        0 => String::new(),
        count => format!(", {} refused today", grouped(count)),
    };
    let first = format!(
        "{:width$}  …{}  made at {}, {used}{refused}",
        key.name, key.hint, key.made_at
    );
    let below = expiry_line(key).into_iter().chain(models_line(key));
    let below = below.chain(key.limits.iter().map(limit_line));
    std::iter::once(first)
        .chain(below.map(|line| format!("  {line}")))
        .collect()
}

fn expiry_line(key: &KeyFacts) -> Option<String> {
    let at = rfc3339(key.expires_at?);
    Some(if key.is_expired {
        format!("expired at {at}")
    } else {
        format!("expires at {at}")
    })
}

fn models_line(key: &KeyFacts) -> Option<String> {
    let models = key.models.as_ref()?;
    Some(format!("only the models {}", models.join(", ")))
}

fn limit_line(limit: &KeyLimitFacts) -> String {
    let state = if limit.is_used_up { "used up" } else { "used" };
    let unpriced = match limit.unpriced_requests {
        0 => String::new(),
        count => format!(
            "; {} requests have no known price, or not all of it, and what is unknown counts as $0",
            grouped(count)
        ),
    };
    format!(
        "{}: {} {state}, resets at {} ({}){unpriced}",
        limit.text,
        limit.used_text,
        rfc3339(limit.resets_at),
        limit.time_zone
    )
}

pub(super) fn revoke(session: &mut Session<'_>, name: String) -> ExitCode {
    let key = session.call(KeyRevoke { name })?;
    let line = format!("the key `{}` opens nothing any more", key.name);
    session.out.facts(&key, [line]);
    Ok(DONE)
}
