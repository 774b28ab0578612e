//! Which notifications are sent: a pure function of a [`View`], of what was reported before, and of
//! the user's settings.
//!
//! Each alert is reported once for each rise of its severity, several of one topic in one notice,
//! and its end only where its beginning was reported. Nothing here sends anything or reads a clock.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use super::german;
use super::texts::Texts;
use super::view::{LocalTime, QuotaUsage, View, quota_usage};
use super::words::{self, cut, list, sentence_start, used_up};
use crate::control::AccountFacts;
use crate::language::Language;
use crate::status::{
    AccountStatus, Attention, BindFailure, BindFailureCause, NeedsUser, PortOwner, PortStatus,
};

/// A cooldown that ends sooner is over before anyone has read of it.
const COOLDOWN_MIN: Duration = Duration::from_secs(60);
/// A quota window that resets sooner is a rate limit: it fills and empties all day.
const WINDOW_MIN: Duration = Duration::from_secs(10 * 60);
const LINES_MAX: usize = 4;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What notices are about. A newer notice replaces the older one of its topic on the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    SignIn,
    Vault,
    Expiry,
    Quota,
    /// No account can serve for now.
    Cooldown,
    Port,
    Lan,
    Config,
    /// Something that was clicked in the tray failed: always shown.
    ActionFailed,
}

impl Topic {
    /// The topics that can be switched off.
    pub const ALL: [Self; 8] = [
        Self::SignIn,
        Self::Vault,
        Self::Expiry,
        Self::Quota,
        Self::Cooldown,
        Self::Port,
        Self::Lan,
        Self::Config,
    ];

    /// The topic with which it shares a place on the screen: the newer notice replaces the older.
    pub(super) fn place(self) -> Self {
        match self {
            Self::Cooldown => Self::Quota,
            topic => topic,
        }
    }

    /// The name in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::SignIn => "sign_in",
            Self::Vault => "vault",
            Self::Expiry => "expiry",
            Self::Quota => "quota",
            Self::Cooldown => "resting",
            Self::Port => "port",
            Self::Lan => "lan",
            Self::Config => "config",
            Self::ActionFailed => "refusal",
        }
    }
}

/// Which notifications the user wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotificationSettings {
    pub topics: BTreeSet<Topic>,
    /// How many days ahead an expiry is reported, each once.
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

/// The alerts that were reported, by topic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct NotificationState {
    reported: BTreeMap<Topic, Reported>,
}

/// The reported alerts of one topic: each key with its severity then.
type Reported = BTreeMap<String, u8>;

/// One notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Notice {
    pub(super) topic: Topic,
    /// Whether it reports a problem, not the end of one.
    pub(super) is_problem: bool,
    pub(super) summary: String,
    /// Plain text; the sender escapes it for its daemon.
    pub(super) body: String,
    /// In the order in which they are shown.
    pub(super) buttons: Vec<Button>,
    /// What to do, in words, for daemons without buttons.
    pub(super) advice: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Button {
    SignIn(String),
    EnterKey(String),
    OpenDashboard,
    Mute,
}

/// Something that the user should know.
struct Alert {
    /// Its subject: alerts of one topic with the same key are the same one.
    key: String,
    /// From 1. An alert is reported again only when this rises.
    severity: u8,
    line: String,
    subject: Subject,
}

/// Whom an alert is about.
enum Subject {
    Accounts(Vec<String>),
    /// One account that needs a credential.
    Needing {
        takes_key: bool,
        /// What it needs, with its name.
        need: String,
        /// Why; empty where `need` says it all.
        reason: String,
    },
    Other,
}

/// What to report now, and what has been reported then.
pub(super) fn review(
    state: &NotificationState,
    view: &View,
    settings: &NotificationSettings,
    now: &LocalTime,
) -> (NotificationState, Vec<Notice>) {
    let is_muted = view.muted_until.is_some_and(|until| until > now.time);
    let mut next = NotificationState::default();
    let mut notices = Vec::new();
    for topic in Topic::ALL {
        if !settings.topics.contains(&topic) {
            continue;
        }
        let reported = state.reported.get(&topic).cloned().unwrap_or_default();
        let (reported, notice) = review_topic(topic, reported, view, settings, now, is_muted);
        if !reported.is_empty() {
            next.reported.insert(topic, reported);
        }
        notices.extend(notice);
    }
    hold_quota_end(state, &mut next, &mut notices);
    join_cooldown(&mut notices);
    note_told(&mut next, &mut notices, view);
    (next, notices)
}

/// A quota whose end leaves its account in another cooldown is not told to be back: the end of all
/// cooldowns will be.
fn hold_quota_end(
    state: &NotificationState,
    next: &mut NotificationState,
    notices: &mut Vec<Notice>,
) {
    let is_end = |notice: &Notice| notice.topic == Topic::Quota && !notice.is_problem;
    if !next.reported.contains_key(&Topic::Cooldown) || !notices.iter().any(is_end) {
        return;
    }
    notices.retain(|notice| !is_end(notice));
    if let Some(reported) = state.reported.get(&Topic::Quota) {
        next.reported.insert(Topic::Quota, reported.clone());
    }
}

/// What a notice about all accounts has told of their quotas is not told again, and it does not
/// tell again what notices about quotas have told.
fn note_told(next: &mut NotificationState, notices: &mut Vec<Notice>, view: &View) {
    let Some(index) = notices
        .iter()
        .position(|notice| notice.topic == Topic::Cooldown)
    else {
        return;
    };
    let Some(quotas) = next.reported.get_mut(&Topic::Quota) else {
        return;
    };
    if notices[index].is_problem {
        let resting = names_of(view, |status| status.until().is_some());
        let is_told = |name: &String| quotas.get(name) == Some(&USED_UP);
        if resting.iter().all(is_told) {
            notices.remove(index);
        }
        return;
    }
    for name in names_of(view, AccountStatus::can_serve) {
        if let Some(severity) = quotas.get_mut(&name)
            && *severity == USED_UP
        {
            *severity = RETURNED;
        }
    }
}

/// One event is one notice: where what happened to an account leaves none that can serve, its notice
/// says so, and there is no other. The same holds for the end.
fn join_cooldown(notices: &mut Vec<Notice>) {
    let Some(cooldown) = notices
        .iter()
        .position(|notice| notice.topic == Topic::Cooldown)
    else {
        return;
    };
    let is_problem = notices[cooldown].is_problem;
    let is_cause = |notice: &&mut Notice| {
        matches!(notice.topic, Topic::Quota | Topic::SignIn | Topic::Vault)
            && notice.is_problem == is_problem
    };
    let body = notices[cooldown].body.clone();
    let Some(cause) = notices.iter_mut().find(is_cause) else {
        return;
    };
    if is_problem {
        cause.body = format!("{}\n{body}", cause.body).trim().to_owned();
    }
    notices.remove(cooldown);
}

fn review_topic(
    topic: Topic,
    reported: Reported,
    view: &View,
    settings: &NotificationSettings,
    now: &LocalTime,
    is_muted: bool,
) -> (Reported, Option<Notice>) {
    let Some(alerts) = alerts(topic, &reported, view, settings, now) else {
        return (reported, None);
    };
    let has_risen = |alert: &Alert| match reported.get(&alert.key) {
        Some(severity) => *severity < alert.severity,
        None => true,
    };
    let (raised, known): (Vec<_>, Vec<_>) = alerts.into_iter().partition(has_risen);
    let mut next: Reported = known
        .iter()
        .map(|alert| (alert.key.clone(), alert.severity))
        .collect();
    if is_muted {
        // What is new is reported when the pause ends. What was reported and has become worse
        // stays reported as it was, so that it is reported again then.
        for alert in &raised {
            if let Some(severity) = reported.get(&alert.key) {
                next.insert(alert.key.clone(), *severity);
            }
        }
        return (next, None);
    }
    let notice = if !raised.is_empty() {
        Some(problem_notice(topic, &raised, &known, now.texts()))
    } else if known.is_empty() {
        resolved_notice(topic, &reported, view, now.texts())
    } else {
        None
    };
    next.extend(raised.into_iter().map(|alert| (alert.key, alert.severity)));
    (next, notice)
}

/// The current alerts of a topic. `None` where they are unknown at the moment, so that what was
/// reported stays reported.
fn alerts(
    topic: Topic,
    reported: &Reported,
    view: &View,
    settings: &NotificationSettings,
    now: &LocalTime,
) -> Option<Vec<Alert>> {
    let accounts = view
        .accounts()
        .iter()
        .filter(|account| *account.shown_status() != AccountStatus::Disabled);
    let status = &view.overview.status;
    Some(match topic {
        Topic::SignIn => accounts
            .filter_map(|account| sign_in(account, now.language))
            .collect(),
        Topic::Vault => vault_locked(accounts, now.texts()).into_iter().collect(),
        Topic::Expiry => accounts
            .filter_map(|account| expiry(account, settings, now))
            .collect(),
        Topic::Quota => accounts
            .filter_map(|account| quota(account, reported, now))
            .collect(),
        Topic::Cooldown => cooldown(view, reported, now).into_iter().collect(),
        Topic::Port => match view.port() {
            PortStatus::Starting | PortStatus::Draining | PortStatus::Ending => return None,
            port @ PortStatus::Unavailable(failure) => vec![port_unavailable(port, failure, now)],
            PortStatus::Running { port, refused, .. } => refused
                .iter()
                .map(|failure| port_not_moved(failure, *port, now))
                .collect(),
            PortStatus::Stopped => Vec::new(),
        },
        Topic::Lan => status
            .lan_refused
            .iter()
            .map(|why| {
                let reason = why.clone();
                plain(&Attention::LanRefused { reason }.text(now.language))
            })
            .collect(),
        Topic::Config => status
            .config_error
            .iter()
            .map(|error| config_rejected(error.text(now.language), now.texts()))
            .collect(),
        Topic::ActionFailed => Vec::new(),
    })
}

fn sign_in(account: &AccountFacts, language: Language) -> Option<Alert> {
    let AccountStatus::NeedsUser(need) = account.shown_status() else {
        return None;
    };
    need.sign_in_reason(language)?;
    let (name, takes_key) = (&account.name, account.takes_key());
    let (need, reason) = words::need(account, language);
    let reason = cut(&reason.unwrap_or_default(), 120);
    let line = if reason.is_empty() {
        need.clone()
    } else {
        format!("{name}: {reason}")
    };
    Some(Alert {
        key: name.clone(),
        severity: 1,
        line,
        subject: Subject::Needing {
            takes_key,
            need,
            reason,
        },
    })
}

/// One alert for all accounts of the vault: it opens for them together.
fn vault_locked<'a>(
    accounts: impl Iterator<Item = &'a AccountFacts>,
    texts: Texts,
) -> Option<Alert> {
    let mut names = Vec::new();
    let mut reason = None;
    for account in accounts {
        if let AccountStatus::NeedsUser(NeedsUser::VaultLocked { detail }) = account.shown_status()
        {
            names.push(account.name.clone());
            reason.get_or_insert(detail);
        }
    }
    let (reason, all) = (cut(reason?.text(texts.0), 120), list(&names, texts));
    let line = match names.len() {
        1 => texts.vault_line_one(reason, all),
        _ => texts.vault_line(reason, all),
    };
    Some(Alert {
        key: "vault".to_owned(),
        severity: 1,
        line,
        subject: Subject::Accounts(names),
    })
}

fn expiry(
    account: &AccountFacts,
    settings: &NotificationSettings,
    now: &LocalTime,
) -> Option<Alert> {
    let expires_on = account.expires_on?;
    let (name, time) = (&account.name, now.describe(expires_on));
    let (severity, line) = match expires_on.duration_since(now.time) {
        Ok(left) if !left.is_zero() => {
            let passed = settings
                .expiry_days
                .iter()
                .filter(|days| left <= DAY * **days)
                .count();
            let severity = u8::try_from(passed).unwrap_or(u8::MAX).min(EXPIRED - 1);
            (severity, now.texts().expires(name, time))
        }
        _ => (EXPIRED, now.texts().has_expired(name, time)),
    };
    (severity > 0).then(|| Alert {
        key: account.name.clone(),
        severity,
        line,
        subject: Subject::Accounts(vec![account.name.clone()]),
    })
}

const EXPIRED: u8 = u8::MAX;

const USED_UP: u8 = 4;
/// A window says so of an account that was told to serve again.
const RETURNED: u8 = 3;

/// One alert for each account: that its quota is used up, else its fullest window.
fn quota(account: &AccountFacts, reported: &Reported, now: &LocalTime) -> Option<Alert> {
    let usage = quota_usage(account, now.time);
    let was = reported.get(&account.name).copied();
    let (severity, ends_at, line) = match account.shown_status() {
        AccountStatus::QuotaExhausted { quota, until } => {
            // The window says why, where it is known.
            let reason = if usage.iter().any(QuotaUsage::is_used_up) {
                String::new()
            } else {
                format!(" ({})", cut(&words::exhausted(quota, now.language), 100))
            };
            let back = now.texts().back(now.describe(*until));
            let line = format!("{}{back}{reason}", used_up(account, now));
            (USED_UP, Some(*until), line)
        }
        // Its end was only a guess.
        _ if account.awaits_proof && was == Some(USED_UP) => (USED_UP, None, used_up(account, now)),
        _ => {
            let fullest = usage
                .iter()
                .filter(|quota| quota_severity(quota) > 0)
                .max_by_key(|quota| quota.used_percent)?;
            let severity = match quota_severity(fullest) {
                USED_UP if was == Some(RETURNED) => RETURNED,
                severity => severity,
            };
            (severity, fullest.resets_at, window_line(fullest, now))
        }
    };
    let is_long = ends_at.is_none_or(|at| is_ahead(at, WINDOW_MIN, now));
    let counts = is_long || was.is_some();
    counts.then(|| Alert {
        key: account.name.clone(),
        severity,
        line: format!("{}: {line}", account.name),
        subject: Subject::Accounts(vec![account.name.clone()]),
    })
}

fn quota_severity(quota: &QuotaUsage) -> u8 {
    match quota.used_percent {
        100.. => USED_UP,
        95.. => 2,
        80.. => 1,
        _ => 0,
    }
}

fn window_line(quota: &QuotaUsage, now: &LocalTime) -> String {
    let QuotaUsage {
        window,
        used_percent,
        resets_at,
    } = quota;
    let texts = now.texts();
    let when = resets_at.map(|at| now.describe(at));
    if quota.is_used_up() {
        let back = when.map(|at| texts.back(at)).unwrap_or_default();
        return format!("{}{back}", texts.limit_used_up(window));
    }
    let resets = when.map(|at| texts.resets(at)).unwrap_or_default();
    format!("{}{resets}", texts.used_of_limit(used_percent, window))
}

fn cooldown(view: &View, reported: &Reported, now: &LocalTime) -> Option<Alert> {
    let Some(until) = view.cooling_until() else {
        return unproven_end(view, now.texts()).filter(|_| !reported.is_empty());
    };
    let counts = is_ahead(until, COOLDOWN_MIN, now) || !reported.is_empty();
    let line = now.texts().none_until(now.describe(until));
    counts.then(|| Alert {
        key: "pool".to_owned(),
        severity: 1,
        line,
        subject: Subject::Accounts(names_of(view, |status| status.until().is_some())),
    })
}

/// An end that was only a guess is told once a request has shown it.
fn unproven_end(view: &View, texts: Texts) -> Option<Alert> {
    let mut serving = view
        .accounts()
        .iter()
        .filter(|account| account.shown_status().can_serve())
        .peekable();
    serving.peek()?;
    serving.all(|account| account.awaits_proof).then(|| Alert {
        key: "pool".to_owned(),
        severity: 1,
        line: texts.next_request_shows().to_owned(),
        subject: Subject::Accounts(Vec::new()),
    })
}

fn names_of(view: &View, counts: impl Fn(&AccountStatus) -> bool) -> Vec<String> {
    let accounts = view.accounts().iter();
    accounts
        .filter(|account| counts(account.shown_status()))
        .map(|account| account.name.clone())
        .collect()
}

fn port_unavailable(status: &PortStatus, failure: &BindFailure, now: &LocalTime) -> Alert {
    let port = failure.port;
    let line = match (&failure.cause, now.language) {
        (BindFailureCause::InUse { owner }, language) => {
            let owner = match (owner, language) {
                (PortOwner::Program { .. }, _) => cut(&owner.to_string(), 60),
                (_, Language::English) => owner.to_string(),
                (_, Language::German) => german::by(owner),
            };
            now.texts().port_belongs_to(port, owner)
        }
        (BindFailureCause::Refused, Language::English) => plain(&status.to_string()).line,
        (BindFailureCause::Refused, Language::German) => german::bind_failure(failure),
    };
    Alert {
        key: port.to_string(),
        severity: 1,
        subject: Subject::Other,
        line,
    }
}

/// A port that is configured, while another one is still open.
fn port_not_moved(failure: &BindFailure, open_port: u16, now: &LocalTime) -> Alert {
    let why = match now.language {
        Language::English => failure.to_string(),
        Language::German => german::bind_failure(failure),
    };
    let why = plain(&why).line;
    Alert {
        key: failure.port.to_string(),
        severity: 1,
        subject: Subject::Other,
        line: now.texts().keeps_serving(why, open_port),
    }
}

fn plain(text: &str) -> Alert {
    Alert {
        key: text.to_owned(),
        severity: 1,
        subject: Subject::Other,
        line: sentence_start(&cut(text, 300)),
    }
}

/// The text begins with the name of a file, so its first letter is left as it is.
fn config_rejected(error: &str, texts: Texts) -> Alert {
    Alert {
        key: error.to_owned(),
        severity: 1,
        subject: Subject::Other,
        line: texts.last_good_stays(cut(error, 300)),
    }
}

fn is_ahead(moment: SystemTime, least: Duration, now: &LocalTime) -> bool {
    moment
        .duration_since(now.time)
        .is_ok_and(|left| left >= least)
}

/// One notice for all alerts of a topic, the newest first.
fn problem_notice(topic: Topic, raised: &[Alert], known: &[Alert], texts: Texts) -> Notice {
    let all: Vec<&Alert> = raised.iter().chain(known).collect();
    let body = match all.as_slice() {
        [
            Alert {
                subject: Subject::Needing { reason, .. },
                ..
            },
        ] => reason.clone(),
        _ => lines(&all, texts),
    };
    let sole = sole_need(&all);
    let mut buttons = vec![Button::OpenDashboard, Button::Mute];
    buttons.splice(0..0, sole.clone());
    Notice {
        topic,
        is_problem: true,
        summary: summary(topic, raised, known, texts),
        body,
        advice: advice(topic, sole.as_ref(), texts),
        buttons,
    }
}

fn lines(alerts: &[&Alert], texts: Texts) -> String {
    let mut lines: Vec<String> = alerts
        .iter()
        .take(LINES_MAX)
        .map(|alert| alert.line.clone())
        .collect();
    if alerts.len() > LINES_MAX {
        lines.push(texts.and_more(alerts.len() - LINES_MAX));
    }
    lines.join("\n")
}

/// The button for the account that needs a credential, where there is only one.
fn sole_need(alerts: &[&Alert]) -> Option<Button> {
    let [sole] = alerts else {
        return None;
    };
    match sole.subject {
        Subject::Needing {
            takes_key: true, ..
        } => Some(Button::EnterKey(sole.key.clone())),
        Subject::Needing {
            takes_key: false, ..
        } => Some(Button::SignIn(sole.key.clone())),
        Subject::Accounts(_) | Subject::Other => None,
    }
}

fn summary(topic: Topic, raised: &[Alert], known: &[Alert], texts: Texts) -> String {
    let worst = raised.iter().map(|alert| alert.severity).max();
    // Accounts whose quota is used up are not mixed with those that run low.
    let told: Vec<&Alert> = raised
        .iter()
        .chain(known)
        .filter(|alert| topic != Topic::Quota || Some(alert.severity) == worst)
        .collect();
    let names: Vec<String> = told.iter().flat_map(|alert| alert.names()).collect();
    let all = list(&names, texts);
    let is_one = names.len() == 1;
    match topic {
        Topic::SignIn => needs(&told, &all, texts),
        Topic::Expiry if raised.iter().all(|alert| alert.severity == EXPIRED) => match is_one {
            true => texts.have_expired_one(all),
            false => texts.have_expired(all),
        },
        Topic::Expiry if is_one => texts.expire_soon_one(all),
        Topic::Expiry => texts.expire_soon(all),
        Topic::Quota if worst == Some(USED_UP) => match is_one {
            true => texts.used_up_one(all),
            false => texts.used_up(all),
        },
        Topic::Quota if is_one => texts.low_one(all),
        Topic::Quota => texts.low(all),
        Topic::Vault if is_one => texts.locked_one(all),
        Topic::Vault => texts.locked(all),
        Topic::Cooldown if is_one => texts.cooling_one(all),
        Topic::Cooldown => texts.cooling(all),
        Topic::Port => texts.cannot_open_port(all),
        Topic::Lan => texts.network_not_served().to_owned(),
        Topic::Config => texts.config_not_used().to_owned(),
        Topic::ActionFailed => texts.did_not_work().to_owned(),
    }
}

/// `alpha needs a new key`, `a and b need new keys`.
fn needs(alerts: &[&Alert], names: &str, texts: Texts) -> String {
    let kinds = alerts.iter().filter_map(|alert| match &alert.subject {
        Subject::Needing {
            takes_key, need, ..
        } => Some((*takes_key, need)),
        Subject::Accounts(_) | Subject::Other => None,
    });
    let kinds: Vec<(bool, &String)> = kinds.collect();
    match kinds.as_slice() {
        [(_, need)] => (*need).clone(),
        all if all.iter().all(|(takes_key, _)| *takes_key) => texts.need_new_keys(names),
        all if all.iter().any(|(takes_key, _)| *takes_key) => texts.need_you(names),
        _ => texts.need_sign_in(names),
    }
}

impl Alert {
    /// Whom it is about; for a port its number.
    fn names(&self) -> Vec<String> {
        match &self.subject {
            Subject::Accounts(names) => names.clone(),
            Subject::Needing { .. } | Subject::Other => vec![self.key.clone()],
        }
    }
}

fn advice(topic: Topic, sole_need: Option<&Button>, texts: Texts) -> String {
    match (topic, sole_need) {
        (_, Some(Button::EnterKey(name))) => texts.enter_key_with(name),
        (_, Some(Button::SignIn(name))) => texts.sign_in_with(name),
        (Topic::Vault, _) => texts.unlock_the_keyring().to_owned(),
        (Topic::SignIn | Topic::Expiry | Topic::Quota | Topic::Cooldown, _) => {
            texts.command_shows("aerostat account list")
        }
        (Topic::Config, _) => texts.command_shows("aerostat config check"),
        (Topic::Port | Topic::Lan | Topic::ActionFailed, _) => {
            texts.command_shows("aerostat status")
        }
    }
}

/// That all alerts of a topic are over, where that is news.
fn resolved_notice(topic: Topic, reported: &Reported, view: &View, texts: Texts) -> Option<Notice> {
    if reported.is_empty() {
        return None;
    }
    let (summary, body) = resolved_text(topic, reported, view, texts)?;
    Some(Notice {
        topic,
        is_problem: false,
        summary,
        body,
        buttons: Vec::new(),
        advice: String::new(),
    })
}

fn resolved_text(
    topic: Topic,
    reported: &Reported,
    view: &View,
    texts: Texts,
) -> Option<(String, String)> {
    let is_meant = |(_, severity): &(&String, &u8)| topic != Topic::Quota || **severity == USED_UP;
    let meant = reported.iter().filter(is_meant);
    let names: Vec<String> = meant.map(|(name, _)| name.clone()).collect();
    let all = list(&names, texts);
    let remains = |name: &String| view.accounts().iter().any(|account| account.name == *name);
    let (summary, body) = match topic {
        Topic::SignIn if names.iter().any(remains) => (texts.can_serve_again(all), String::new()),
        Topic::Quota if !names.is_empty() => {
            let summary = match names.len() {
                1 => texts.has_quota_again_one(all),
                _ => texts.has_quota_again(all),
            };
            (summary, texts.none_near_a_limit().to_owned())
        }
        Topic::Vault if !view.accounts().is_empty() => (
            texts.vault_is_open().to_owned(),
            texts.vault_serves().to_owned(),
        ),
        Topic::Cooldown => {
            let serving = names_of(view, AccountStatus::can_serve);
            if serving.is_empty() {
                return None;
            }
            let serving = list(&serving, texts);
            (texts.can_serve_again(serving), String::new())
        }
        Topic::Port => {
            let port = view.port().number()?;
            (texts.has_its_port().to_owned(), texts.runs_on(port))
        }
        Topic::Lan if view.overview.status.agent.is_exposed() => {
            let port = view.port().number()?;
            let body = texts.others_can_connect(port);
            (texts.network_served().to_owned(), body)
        }
        Topic::Config => (texts.config_used_again().to_owned(), String::new()),
        Topic::SignIn
        | Topic::Vault
        | Topic::Quota
        | Topic::Expiry
        | Topic::Lan
        | Topic::ActionFailed => return None,
    };
    Some((summary, body))
}

/// The next moment at which time alone changes what is reported.
pub(super) fn next_review_at(
    view: &View,
    settings: &NotificationSettings,
    now: &LocalTime,
) -> Option<SystemTime> {
    let mut moments: Vec<SystemTime> = view.muted_until.into_iter().collect();
    for account in view.accounts() {
        let Some(expires_on) = account.expires_on else {
            continue;
        };
        let days_ahead = settings.expiry_days.iter().chain([&0]);
        moments.extend(days_ahead.filter_map(|days| expires_on.checked_sub(DAY * *days)));
    }
    // A window that is nearly used up is over when it is reset.
    for usage in view
        .accounts()
        .iter()
        .flat_map(|account| quota_usage(account, now.time))
    {
        moments.extend(usage.resets_at.filter(|_| quota_severity(&usage) > 0));
    }
    moments.into_iter().filter(|at| *at > now.time).min()
}

#[cfg(test)]
mod tests;
