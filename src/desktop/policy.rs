//! What a person is told unasked: a pure function of what there is to show, of what they were told
//! before, and of their settings.
//!
//! Each trouble is told once for each change of its state, several of one topic in one notice, and
//! its end only where its beginning was shown. It sends nothing and reads no clock.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use super::view::{AccountState, AccountView, Endpoint, Now, Quota, View};
use super::words::{cut, list, sentence_start, used_up};
use crate::control::Refused;

/// A rest that ends sooner is over before anybody has read of it.
const RESTING_MIN: Duration = Duration::from_secs(60);
/// A quota window that resets sooner is a rate limit: it fills and empties all day.
const WINDOW_MIN: Duration = Duration::from_secs(10 * 60);
const LINES_MAX: usize = 4;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What notices are about. Each has one place on the screen: a newer notice replaces the older one
/// of its topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    SignIn,
    Vault,
    Expiry,
    Quota,
    Resting,
    Port,
    Lan,
    Config,
    /// Something that was asked for in the tray was not done: always told.
    Refusal,
}

impl Topic {
    /// Those that can be switched off.
    pub const ALL: [Self; 8] = [
        Self::SignIn,
        Self::Vault,
        Self::Expiry,
        Self::Quota,
        Self::Resting,
        Self::Port,
        Self::Lan,
        Self::Config,
    ];

    /// As in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::SignIn => "sign_in",
            Self::Vault => "vault",
            Self::Expiry => "expiry",
            Self::Quota => "quota",
            Self::Resting => "resting",
            Self::Port => "port",
            Self::Lan => "lan",
            Self::Config => "config",
            Self::Refusal => "refusal",
        }
    }
}

/// What the person wants to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotificationSettings {
    pub topics: BTreeSet<Topic>,
    /// How many days ahead an expiry is told, each once.
    pub expiry_days: Vec<u32>,
}

impl Default for NotificationSettings {
    fn default() -> Self {
        Self {
            topics: Topic::ALL.into(),
            expiry_days: vec![7, 1],
        }
    }
}

/// What was told: each trouble with how bad it was then.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Memory {
    told: BTreeMap<Topic, BTreeMap<String, u8>>,
}

/// One notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Notice {
    pub(super) topic: Topic,
    pub(super) is_bad: bool,
    pub(super) summary: String,
    /// Plain text: whoever sends it escapes it for the daemon at hand.
    pub(super) body: String,
    /// In the order in which they stand.
    pub(super) buttons: Vec<Button>,
    /// What to do, in words, where there are no buttons.
    pub(super) advice: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Button {
    SignIn(String),
    OpenDashboard,
    Mute,
}

/// Something that a person should know.
struct Trouble {
    /// Who or what is meant: the same trouble has the same one.
    key: String,
    /// Only a higher one is told again; from 1.
    stage: u8,
    line: String,
}

/// What to tell now, and what was told then.
pub(super) fn review(
    memory: &Memory,
    view: &View,
    settings: &NotificationSettings,
    now: &Now,
) -> (Memory, Vec<Notice>) {
    let is_muted = view.muted_until.is_some_and(|until| until > now.time);
    let mut after = Memory::default();
    let mut notices = Vec::new();
    for topic in Topic::ALL {
        let told = memory.told.get(&topic).cloned().unwrap_or_default();
        let (told, notice) = if settings.topics.contains(&topic) {
            review_topic(topic, told, view, settings, now, is_muted)
        } else {
            Default::default()
        };
        after.told.insert(topic, told);
        notices.extend(notice);
    }
    after.told.retain(|_, told| !told.is_empty());
    (after, notices)
}

type Told = BTreeMap<String, u8>;

fn review_topic(
    topic: Topic,
    told: Told,
    view: &View,
    settings: &NotificationSettings,
    now: &Now,
    is_muted: bool,
) -> (Told, Option<Notice>) {
    let Some(troubles) = troubles(topic, &told, view, settings, now) else {
        return (told, None);
    };
    let (raised, known): (Vec<_>, Vec<_>) = troubles.into_iter().partition(|trouble| {
        told.get(&trouble.key)
            .is_none_or(|stage| *stage < trouble.stage)
    });
    let still_told = known
        .iter()
        .map(|trouble| (trouble.key.clone(), trouble.stage));
    if is_muted {
        // What came up meanwhile is told when the pause ends; what was told and has not got better
        // stays told.
        let worse = raised.iter().filter_map(|trouble| {
            told.get(&trouble.key)
                .map(|stage| (trouble.key.clone(), *stage))
        });
        return (still_told.chain(worse).collect(), None);
    }
    let notice = if raised.is_empty() {
        known
            .is_empty()
            .then(|| good_news(topic, &told, view))
            .flatten()
    } else {
        Some(bad_news(topic, &raised, &known))
    };
    let newly = raised
        .iter()
        .map(|trouble| (trouble.key.clone(), trouble.stage));
    (still_told.chain(newly).collect(), notice)
}

/// The troubles of a topic. `None` where it cannot be told at the moment, so that what was told
/// stays told.
fn troubles(
    topic: Topic,
    told: &Told,
    view: &View,
    settings: &NotificationSettings,
    now: &Now,
) -> Option<Vec<Trouble>> {
    let accounts = view
        .accounts
        .iter()
        .filter(|account| account.state != AccountState::Disabled);
    Some(match topic {
        Topic::SignIn => accounts.filter_map(sign_in).collect(),
        Topic::Vault => locked(accounts).into_iter().collect(),
        Topic::Expiry => accounts
            .filter_map(|account| expiry(account, settings, now))
            .collect(),
        Topic::Quota => accounts
            .filter_map(|account| quota(account, told, now))
            .collect(),
        Topic::Resting => resting(view, told, now).into_iter().collect(),
        Topic::Port => match &view.endpoint {
            Endpoint::Starting | Endpoint::Stopping => return None,
            Endpoint::PortTaken { port, by } => vec![port_taken(*port, by.as_deref())],
            Endpoint::Failed { port, why } => vec![Trouble {
                key: port.to_string(),
                ..plain(why)
            }],
            Endpoint::Running { port, .. } => view
                .port_refused
                .iter()
                .map(|refused| port_refused(refused, *port))
                .collect(),
            Endpoint::Stopped => Vec::new(),
        },
        Topic::Lan => view.lan_refused.iter().map(|why| plain(why)).collect(),
        Topic::Config => view
            .config_rejected
            .iter()
            .map(|why| config_rejected(why))
            .collect(),
        Topic::Refusal => Vec::new(),
    })
}

fn sign_in(account: &AccountView) -> Option<Trouble> {
    let AccountState::SignInNeeded { why } = &account.state else {
        return None;
    };
    Some(Trouble {
        key: account.name.clone(),
        stage: 1,
        line: format!("{}: {}", account.name, cut(why, 120)),
    })
}

/// One trouble for all: the vault opens for them together.
fn locked<'a>(accounts: impl Iterator<Item = &'a AccountView>) -> Option<Trouble> {
    let why = |account: &'a AccountView| match &account.state {
        AccountState::Locked { why } => Some((account.name.clone(), why)),
        _ => None,
    };
    let (names, reasons): (Vec<_>, Vec<_>) = accounts.filter_map(why).unzip();
    let why = reasons.first()?;
    let line = format!(
        "The vault is locked ({}). Until it is open, {} cannot serve.",
        cut(why, 120),
        list(&names)
    );
    Some(Trouble {
        key: "vault".to_owned(),
        stage: 1,
        line,
    })
}

fn expiry(account: &AccountView, settings: &NotificationSettings, now: &Now) -> Option<Trouble> {
    let expires_at = account.expires_at?;
    let (stage, word) = match expires_at.duration_since(now.time) {
        Ok(left) if !left.is_zero() => {
            let passed = settings
                .expiry_days
                .iter()
                .filter(|days| left <= DAY * **days)
                .count();
            (
                u8::try_from(passed).unwrap_or(u8::MAX).min(EXPIRED - 1),
                "until",
            )
        }
        _ => (EXPIRED, "ended"),
    };
    let line = format!("{}: {word} {}", account.name, now.words(expires_at));
    (stage > 0).then(|| Trouble {
        key: account.name.clone(),
        stage,
        line,
    })
}

const EXPIRED: u8 = u8::MAX;

const USED_UP: u8 = 3;

/// One trouble for each account: that it is used up, else its fullest window.
fn quota(account: &AccountView, told: &Told, now: &Now) -> Option<Trouble> {
    let (stage, ends_at, line) = match &account.state {
        AccountState::QuotaUsedUp { what, until } => {
            let because = if account.spent_window().is_some() {
                String::new()
            } else {
                format!(" ({})", cut(what, 100))
            };
            (
                USED_UP,
                *until,
                format!("{}{}{because}", used_up(account), when("back", *until, now)),
            )
        }
        _ => {
            let fullest = account
                .quotas
                .iter()
                .filter(|quota| stage_of(quota) > 0)
                .max_by_key(|quota| quota.used_percent)?;
            let (stage, resets_at) = (stage_of(fullest), fullest.resets_at);
            let (percent, window) = (fullest.used_percent, &fullest.window);
            let line = match stage {
                USED_UP => format!("{window} limit used up{}", when("back", resets_at, now)),
                _ => format!(
                    "{percent} % of its {window} limit used{}",
                    when("resets", resets_at, now)
                ),
            };
            (stage, resets_at, line)
        }
    };
    let is_long = ends_at.is_none_or(|at| is_ahead(at, WINDOW_MIN, now));
    let counts = is_long || told.contains_key(&account.name);
    counts.then(|| Trouble {
        key: account.name.clone(),
        stage,
        line: format!("{}: {line}", account.name),
    })
}

fn stage_of(quota: &Quota) -> u8 {
    match quota.used_percent {
        100.. => USED_UP,
        95.. => 2,
        80.. => 1,
        _ => 0,
    }
}

fn when(word: &str, at: Option<SystemTime>, now: &Now) -> String {
    at.map(|at| format!(", {word} {}", now.words(at)))
        .unwrap_or_default()
}

fn resting(view: &View, told: &Told, now: &Now) -> Option<Trouble> {
    let until = view.resting_until?;
    let counts = is_ahead(until, RESTING_MIN, now) || !told.is_empty();
    let line = format!(
        "No account can serve until {}; requests are refused until then.",
        now.words(until)
    );
    counts.then(|| Trouble {
        key: "pool".to_owned(),
        stage: 1,
        line,
    })
}

fn port_taken(port: u16, by: Option<&str>) -> Trouble {
    let who = by.map_or_else(|| "another program".to_owned(), |by| cut(by, 60));
    let line = format!(
        "Port {port} belongs to {who}. Stop it or set another `port`; Aerostat tries again by itself."
    );
    Trouble {
        key: port.to_string(),
        stage: 1,
        line,
    }
}

/// A port that was asked for while another one serves.
fn port_refused(refused: &Refused, serving: u16) -> Trouble {
    let Refused { port, why, .. } = refused;
    Trouble {
        key: port.to_string(),
        line: format!(
            "{}. Until then 127.0.0.1:{serving} serves on.",
            plain(why).line
        ),
        stage: 1,
    }
}

fn plain(why: &str) -> Trouble {
    Trouble {
        key: why.to_owned(),
        stage: 1,
        line: sentence_start(&cut(why, 300)),
    }
}

/// What begins with the name of a file is left as it is.
fn config_rejected(why: &str) -> Trouble {
    Trouble {
        key: why.to_owned(),
        stage: 1,
        line: format!("{}\nThe last good one stays in force.", cut(why, 300)),
    }
}

fn is_ahead(moment: SystemTime, least: Duration, now: &Now) -> bool {
    moment
        .duration_since(now.time)
        .is_ok_and(|left| left >= least)
}

/// One notice for all of a topic, the newest first.
fn bad_news(topic: Topic, raised: &[Trouble], known: &[Trouble]) -> Notice {
    let all: Vec<&Trouble> = raised.iter().chain(known).collect();
    let mut lines: Vec<String> = all
        .iter()
        .take(LINES_MAX)
        .map(|trouble| trouble.line.clone())
        .collect();
    if all.len() > LINES_MAX {
        lines.push(format!("and {} more", all.len() - LINES_MAX));
    }
    let sole = match all.as_slice() {
        [sole] if matches!(topic, Topic::SignIn | Topic::Expiry) => Some(sole.key.clone()),
        _ => None,
    };
    Notice {
        topic,
        is_bad: true,
        summary: summary(topic, raised, known),
        body: lines.join("\n"),
        advice: advice(topic, sole.as_deref()),
        buttons: sole
            .map(Button::SignIn)
            .into_iter()
            .chain([Button::OpenDashboard, Button::Mute])
            .collect(),
    }
}

fn summary(topic: Topic, raised: &[Trouble], known: &[Trouble]) -> String {
    let is_worst = |trouble: &&Trouble| topic != Topic::Quota || trouble.stage == worst(raised);
    let names: Vec<String> = raised
        .iter()
        .chain(known)
        .filter(is_worst)
        .map(|trouble| trouble.key.clone())
        .collect();
    let verb = |one: &'static str, many: &'static str| if names.len() == 1 { one } else { many };
    match topic {
        Topic::SignIn => format!("{} {} you to sign in", list(&names), verb("needs", "need")),
        Topic::Expiry if raised.iter().all(|trouble| trouble.stage == EXPIRED) => {
            format!("The sign-in of {} has expired", list(&names))
        }
        Topic::Expiry => format!("The sign-in of {} expires soon", list(&names)),
        Topic::Quota if worst(raised) == USED_UP => {
            format!("{} {} used up a quota", list(&names), verb("has", "have"))
        }
        Topic::Quota => format!("{} {} low on quota", list(&names), verb("runs", "run")),
        Topic::Vault => "Accounts are locked".to_owned(),
        Topic::Resting => "All accounts rest".to_owned(),
        Topic::Port => format!("Aerostat cannot open port {}", list(&names)),
        Topic::Lan => "The local network is not served".to_owned(),
        Topic::Config => "The changed configuration is not used".to_owned(),
        Topic::Refusal => "That did not work".to_owned(),
    }
}

fn worst(raised: &[Trouble]) -> u8 {
    raised
        .iter()
        .map(|trouble| trouble.stage)
        .max()
        .unwrap_or_default()
}

fn advice(topic: Topic, sole: Option<&str>) -> String {
    match (topic, sole) {
        (Topic::SignIn | Topic::Expiry, Some(name)) => {
            format!("Sign in with `aerostat account login {name}`.")
        }
        (Topic::Vault, _) => "Unlock the keyring; `aerostat account list` tells more.".to_owned(),
        (Topic::SignIn | Topic::Expiry | Topic::Quota | Topic::Resting, _) => {
            "`aerostat account list` tells more.".to_owned()
        }
        (Topic::Config, _) => "`aerostat config check` tells more.".to_owned(),
        (Topic::Port | Topic::Lan | Topic::Refusal, _) => {
            "`aerostat status` tells more.".to_owned()
        }
    }
}

/// That a trouble is over, where that is news.
fn good_news(topic: Topic, told: &Told, view: &View) -> Option<Notice> {
    if told.is_empty() {
        return None;
    }
    let names: Vec<String> = told.keys().cloned().collect();
    let remaining = |name: &String| view.accounts.iter().any(|account| account.name == *name);
    let (summary, body) = match topic {
        Topic::SignIn if names.iter().any(remaining) => (
            "Signed in again".to_owned(),
            format!("{} can serve.", list(&names)),
        ),
        Topic::Quota if told.values().any(|stage| *stage == USED_UP) => (
            "Quota is back".to_owned(),
            "No account is near a limit.".to_owned(),
        ),
        Topic::Vault if !view.accounts.is_empty() => (
            "The vault is open".to_owned(),
            "Its accounts can serve.".to_owned(),
        ),
        Topic::Resting => ("Accounts can serve again".to_owned(), String::new()),
        Topic::Port => match view.endpoint {
            Endpoint::Running { port, .. } => (
                "Aerostat has its port".to_owned(),
                format!("It runs on 127.0.0.1:{port}."),
            ),
            _ => return None,
        },
        Topic::Lan => match view.endpoint {
            Endpoint::Running {
                port,
                is_exposed: true,
            } => (
                "The local network is served".to_owned(),
                format!("Other machines may call port {port}, with a key."),
            ),
            _ => return None,
        },
        Topic::Config => (
            "The configuration is in force again".to_owned(),
            String::new(),
        ),
        Topic::SignIn | Topic::Vault | Topic::Quota | Topic::Expiry | Topic::Refusal => {
            return None;
        }
    };
    Some(Notice {
        topic,
        is_bad: false,
        summary,
        body,
        buttons: Vec::new(),
        advice: String::new(),
    })
}

/// When to look again although nothing was heard: the next moment at which time alone changes what
/// is told.
pub(super) fn review_at(
    view: &View,
    settings: &NotificationSettings,
    now: &Now,
) -> Option<SystemTime> {
    let expiries = view
        .accounts
        .iter()
        .filter_map(|account| account.expires_at);
    let days = || settings.expiry_days.iter().chain([&0]);
    let thresholds =
        expiries.flat_map(|at| days().filter_map(move |days| at.checked_sub(DAY * *days)));
    thresholds
        .chain(view.muted_until)
        .filter(|at| *at > now.time)
        .min()
}

#[cfg(test)]
mod tests;
