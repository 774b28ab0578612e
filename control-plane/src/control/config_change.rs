//! A change of `config.toml` in two steps: shown with its difference and its meaning, then made if
//! the file is still the one that was shown.

use std::fmt;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value as Json;
use sha2::{Digest as _, Sha256};

use super::service::ControlService;
use crate::config::file::{self, ConfigError, Setting};
use crate::config::keys::{self, TakesEffect};
use crate::config::{Config, Edit, Home, parse};
use crate::line_diff::{DiffLine, hunks};
use crate::modes::AuthMode;

/// How long the agent may take to follow the file.
const FOLLOW_TIMEOUT: Duration = Duration::from_secs(3);
/// Far more than a page has fields.
const EDITS_MAX: usize = 200;

/// Which step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<'s> {
    /// Nothing is written.
    Show,
    /// Written, whatever is in the file.
    Write,
    /// Written if the file has this digest.
    WriteTo(&'s str),
}

/// A change, shown or made.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ConfigChange {
    pub outcome: ChangeOutcome,
    /// Of the file that the difference begins with.
    pub digest: String,
    /// The difference, a hunk each with the lines around it.
    pub hunks: Vec<Vec<DiffLine>>,
    pub settings: Vec<ChangedSetting>,
    /// What it means, the gravest first.
    pub meaning: Vec<Meaning>,
    /// Whether the file was lost and got the authentication back that is in force.
    pub keeps_auth: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeOutcome {
    /// The file says so already.
    Nothing,
    Shown,
    Written,
    /// The file is another one than was shown: nothing was written, and the difference is that to
    /// the present one.
    ChangedMeanwhile,
}

/// A key whose active value changes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ChangedSetting {
    pub key: String,
    pub before: Json,
    pub after: Json,
    /// Whether the file names it afterwards.
    pub is_set: bool,
    pub takes_effect: TakesEffect,
}

/// What a change means beyond its key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "means", rename_all = "snake_case")]
pub enum Meaning {
    /// Other machines can call, with a key.
    NetworkOpens,
    NetworkCloses,
    /// It is asked for, and refused as long as no key is required.
    NetworkRefused,
    /// Programs on this computer need none any more.
    NoKeyNeeded,
    /// `spares_health`: all but health checks.
    KeyNeeded {
        spares_health: bool,
    },
    OtherUsersServed,
    OtherUsersRefused,
    /// Clients have to be pointed at the new port. 0 is any free one.
    PortMoves {
        from: u16,
        to: u16,
    },
    RecordingStops,
    RecordingStarts,
    /// Records of served or failed requests beyond so many days are deleted at once.
    RecordsDeleted {
        failed: bool,
        days: u64,
    },
    /// The records may take less than before: the oldest make room.
    RecordsShrink {
        bytes_max: usize,
    },
    /// A provider's key would travel unencrypted, so that it does not serve.
    ProviderRefused {
        name: String,
    },
}

impl fmt::Display for Meaning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NetworkOpens => "other machines of your network can call, with a key",
            Self::NetworkCloses => "other machines can no longer call",
            Self::NetworkRefused => {
                "other machines cannot call as long as `auth_mode` is `off`: set it to `auto`"
            }
            Self::NoKeyNeeded => "programs on this computer can call without a key",
            Self::KeyNeeded {
                spares_health: false,
            } => "every request needs a key",
            Self::KeyNeeded {
                spares_health: true,
            } => "every request but health checks needs a key",
            Self::OtherUsersServed => "other users of this machine can call",
            Self::OtherUsersRefused => "other users of this machine can no longer call",
            Self::RecordingStops => {
                "requests are no longer recorded, so that statistics and monitoring stand still"
            }
            Self::RecordingStarts => "requests are recorded from now on",
            Self::PortMoves { to: 0, .. } => {
                "the port becomes any free one: clients have to be pointed at it"
            }
            Self::PortMoves { from, to } => {
                return write!(
                    f,
                    "the port moves from {from} to {to}: clients have to be pointed at it"
                );
            }
            Self::RecordsDeleted { failed, days } => {
                let which = if *failed {
                    "that failed"
                } else {
                    "that were served"
                };
                return write!(
                    f,
                    "records of requests {which} are deleted once they are {days} days old"
                );
            }
            Self::RecordsShrink { bytes_max } => {
                return write!(
                    f,
                    "records may take {bytes_max} bytes: the oldest make room"
                );
            }
            Self::ProviderRefused { name } => {
                return write!(
                    f,
                    "`{name}` does not serve: its key would travel unencrypted"
                );
            }
        })
    }
}

/// Shows or makes a change.
///
/// `in_force` is the running agent's authentication, as for [`file::set`].
///
/// # Errors
/// When a value is not what its key takes, or the file is no configuration or cannot be read or
/// written. Nothing was changed.
pub fn change_config(
    home: &Home,
    edits: &[Edit],
    in_force: Option<AuthMode>,
    step: Step<'_>,
) -> Result<ConfigChange, ConfigError> {
    let edits = edits.get(..EDITS_MAX).unwrap_or(edits);
    let before = file::text(home)?;
    let (after, keeps_auth) = file::after(&before, edits, in_force)?;
    let digest = digest(&before);
    let outcome = match step {
        _ if before == after => ChangeOutcome::Nothing,
        Step::Show => ChangeOutcome::Shown,
        Step::WriteTo(expected) if expected != digest => ChangeOutcome::ChangedMeanwhile,
        Step::Write | Step::WriteTo(_) => ChangeOutcome::Written,
    };
    if outcome == ChangeOutcome::Written {
        file::write(home, &after)?;
    }
    Ok(ConfigChange {
        outcome,
        digest,
        hunks: hunks(&before, &after, &without_user_info),
        settings: changed_settings(&before, &after),
        meaning: meaning(&before, &after),
        keeps_auth,
    })
}

fn digest(text: &str) -> String {
    hex::encode(&Sha256::digest(text.as_bytes())[..16])
}

impl ControlService {
    /// Shows or makes a change. A change that was made is in force when this returns, or the agent
    /// took longer than some seconds to follow the file.
    ///
    /// # Errors
    /// As [`change_config`].
    pub async fn change_config(
        &self,
        edits: &[Edit],
        step: Step<'_>,
    ) -> Result<ConfigChange, ConfigError> {
        let in_force = self.agent.as_ref().map(|_| self.config().auth_mode);
        let mut live = self.live.clone();
        let change = change_config(&self.home, edits, in_force, step)?;
        if change.outcome == ChangeOutcome::Written && self.agent.is_some() {
            let expected = file::load(&self.home)?;
            let follows = live.wait_for(|live| *live.config == expected || live.error.is_some());
            // A slow agent is no failure: the file is written.
            let _ = tokio::time::timeout(FOLLOW_TIMEOUT, follows).await;
        }
        Ok(change)
    }
}

/// A line of the file as it may be shown: what stands between `://` and `@` may be a password.
pub fn without_user_info(line: &str) -> String {
    let mut shown = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        shown.push_str(before);
        let authority_ends = after
            .find(['"', '\'', ' ', '\t', ','])
            .unwrap_or(after.len());
        rest = match after[..authority_ends].rfind('@') {
            Some(at) => {
                shown.push_str("***");
                &after[at..]
            }
            None => after,
        };
    }
    shown + rest
}

fn changed_settings(before: &str, after: &str) -> Vec<ChangedSetting> {
    let known = file::all_of(before).unwrap_or_default();
    let known_of = |key: &str| known.iter().find(|setting| setting.key == key);
    let is_new = |setting: &Setting| {
        let known = known_of(&setting.key);
        known.is_none_or(|known| (&known.value, known.is_set) != (&setting.value, setting.is_set))
            && (setting.is_set || known.is_some_and(|known| known.is_set))
    };
    let changed = file::all_of(after).unwrap_or_default();
    let changed = changed.into_iter().filter(is_new);
    changed
        .map(|setting| ChangedSetting {
            before: known_of(&setting.key).map_or(Json::Null, |known| known.value.clone()),
            takes_effect: keys::by_path(&setting.key)
                .map_or(TakesEffect::NextRequest, keys::Key::takes_effect),
            key: setting.key,
            after: setting.value,
            is_set: setting.is_set,
        })
        .collect()
}

/// A file that was no configuration means nothing.
fn meaning(before: &str, after: &str) -> Vec<Meaning> {
    let (Ok(before), Ok(after)) = (parse(before), parse(after)) else {
        return Vec::new();
    };
    let mut all = openness(&before, &after);
    if before.port != after.port {
        let (from, to) = (before.port, after.port);
        all.push(Meaning::PortMoves { from, to });
    }
    all.extend(of_records(&before, &after));
    let refused = after.providers.iter().filter(|provider| {
        let was_refused = before
            .provider(&provider.name)
            .is_some_and(|was| was.enabled && was.would_leak());
        provider.enabled && provider.would_leak() && !was_refused
    });
    all.extend(refused.map(|provider| Meaning::ProviderRefused {
        name: provider.name.clone(),
    }));
    all
}

/// What is open to whom.
fn openness(before: &Config, after: &Config) -> Vec<Meaning> {
    let mut all = Vec::new();
    match (before.serves_lan(), after.serves_lan()) {
        (false, true) => all.push(Meaning::NetworkOpens),
        (true, false) => all.push(Meaning::NetworkCloses),
        _ => {}
    }
    if after.lan_refusal().is_some() && before.lan_refusal().is_none() {
        all.push(Meaning::NetworkRefused);
    }
    if before.auth_mode != after.auth_mode {
        all.push(match after.auth_mode {
            AuthMode::Off => Meaning::NoKeyNeeded,
            AuthMode::Strict => Meaning::KeyNeeded {
                spares_health: false,
            },
            AuthMode::AllExceptHealth => Meaning::KeyNeeded {
                spares_health: true,
            },
        });
    }
    match (before.allow_other_users, after.allow_other_users) {
        (false, true) => all.push(Meaning::OtherUsersServed),
        (true, false) => all.push(Meaning::OtherUsersRefused),
        _ => {}
    }
    all
}

fn of_records(before: &Config, after: &Config) -> Vec<Meaning> {
    let (was, is) = (&before.record, &after.record);
    let mut all = Vec::new();
    match (was.enabled, is.enabled) {
        (true, false) => all.push(Meaning::RecordingStops),
        (false, true) => all.push(Meaning::RecordingStarts),
        _ => {}
    }
    let mut shorter = |failed, was: u64, days: u64| {
        if days < was {
            all.push(Meaning::RecordsDeleted { failed, days });
        }
    };
    shorter(false, was.keep_days.into(), is.keep_days.into());
    shorter(
        true,
        was.keep_failed_days.into(),
        is.keep_failed_days.into(),
    );
    if is.bytes_max < was.bytes_max {
        let bytes_max = is.bytes_max;
        all.push(Meaning::RecordsShrink { bytes_max });
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home(text: &str) -> (tempfile::TempDir, Home) {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path());
        std::fs::write(home.config_file(), text).unwrap();
        (folder, home)
    }

    fn shown(change: &ConfigChange) -> Vec<String> {
        let lines = change.hunks.iter().flatten();
        lines
            .map(|line| format!("{}{} {}", line.line, line.sign.sign(), line.text))
            .collect()
    }

    #[test]
    fn a_change_is_shown_and_then_made_to_the_file_that_was_shown() {
        let (_folder, home) = home("# mine\nport = 9000 # why\n\n[scheduling]\nmode = \"drain\"\n");
        let edits = [Edit::set("port", "9001"), Edit::unset("scheduling.mode")];
        let change = change_config(&home, &edits, None, Step::Show).unwrap();
        assert_eq!(change.outcome, ChangeOutcome::Shown);
        assert_eq!(
            shown(&change),
            [
                "1  # mine",
                "2- port = 9000 # why",
                "2+ port = 9001 # why",
                "3  ",
                "4  [scheduling]",
                "5- mode = \"drain\""
            ]
        );
        assert_eq!(
            change.meaning,
            [Meaning::PortMoves {
                from: 9000,
                to: 9001
            }]
        );
        let settings: Vec<_> = change
            .settings
            .iter()
            .map(|setting| (&*setting.key, &setting.after, setting.is_set))
            .collect();
        assert_eq!(
            settings,
            [
                ("port", &Json::from(9001), true),
                ("scheduling.mode", &Json::from("balance"), false)
            ]
        );
        assert!(
            file::text(&home).unwrap().contains("9000"),
            "nothing was written"
        );

        std::fs::write(home.config_file(), "port = 9002\n").unwrap();
        let late = change_config(&home, &edits, None, Step::WriteTo(&change.digest)).unwrap();
        assert_eq!(late.outcome, ChangeOutcome::ChangedMeanwhile);
        assert_eq!(shown(&late), ["1- port = 9002", "1+ port = 9001"]);
        assert_eq!(file::text(&home).unwrap(), "port = 9002\n");

        let made = change_config(&home, &edits, None, Step::WriteTo(&late.digest)).unwrap();
        assert_eq!(made.outcome, ChangeOutcome::Written);
        assert_eq!(file::text(&home).unwrap(), "port = 9001\n");
        let again = change_config(&home, &edits, None, Step::Write).unwrap();
        assert_eq!(
            (again.outcome, again.hunks.len()),
            (ChangeOutcome::Nothing, 0)
        );
    }

    #[test]
    fn what_opens_the_port_is_said() {
        let means = |before: &str, edits: &[Edit]| {
            let (_folder, home) = home(before);
            change_config(&home, edits, None, Step::Show)
                .unwrap()
                .meaning
        };
        let opened = [
            Edit::set("allow_lan_access", "true"),
            Edit::set("auth_mode", "auto"),
        ];
        assert_eq!(
            means("", &opened),
            [
                Meaning::NetworkOpens,
                Meaning::KeyNeeded {
                    spares_health: true
                }
            ]
        );
        assert_eq!(means("", &opened[..1]), [Meaning::NetworkRefused]);
        assert_eq!(
            means("auth_mode = \"strict\"", &[Edit::set("auth_mode", "off")]),
            [Meaning::NoKeyNeeded]
        );
        let records = [
            Edit::set("record.keep_days", "7"),
            Edit::set("record.enabled", "false"),
        ];
        assert_eq!(
            means("", &records),
            [
                Meaning::RecordingStops,
                Meaning::RecordsDeleted {
                    failed: false,
                    days: 7
                }
            ]
        );
        let far = "[providers.far]\nprotocol = \"gemini\"\nkey_env = \"FAR\"\nbase_url = \"https://far.example\"\n";
        let plain = [Edit::set("providers.far.base_url", "http://far.example")];
        assert_eq!(
            means(far, &plain),
            [Meaning::ProviderRefused {
                name: "far".to_owned()
            }]
        );
    }

    #[test]
    fn a_password_in_a_url_is_not_shown() {
        for (line, expected) in [
            (
                "proxy = \"http://me:secret@a:1\"",
                "proxy = \"http://***@a:1\"",
            ),
            (
                "# 'socks5://me:p@w@a:1', then http://b/@c",
                "# 'socks5://***@a:1', then http://***@c",
            ),
            (
                "base_url = \"https://a.example/v1\"",
                "base_url = \"https://a.example/v1\"",
            ),
            ("", ""),
        ] {
            assert_eq!(without_user_info(line), expected);
        }
        let (_folder, home) = home("");
        let edits = [Edit::set("network.proxy", "http://me:secret@a:1")];
        let change = change_config(&home, &edits, None, Step::Show).unwrap();
        assert!(!format!("{change:?}").contains("secret"), "{change:?}");
    }
}
