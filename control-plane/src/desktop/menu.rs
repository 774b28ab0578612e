//! The menu as a pure function of a [`View`], and what a click on each item means.

use std::time::SystemTime;

use super::german;
use super::texts::Texts;
use super::view::{AutostartView, LocalTime, View, needs_sign_in};
use super::words::{self, Needed, label, sentence_start};
use crate::control::overview::{ProblemFacts, sentence};
use crate::control::{AccountFacts, ClientFamily};
use crate::language::Language;
use crate::modes::SchedulingMode;
use crate::ordering;
use crate::status::{AccountStatus, Attention, NeedsUser, local_url};

/// How many accounts the menu lists; the dashboard has them all.
const ACCOUNTS_MAX: usize = 10;
/// How many providers without an account it lists.
const OFFERS_MAX: usize = 4;
const OFFER_CHARS_MAX: usize = 32;
/// How long the line about what needs the user is, in characters.
const NEED_CHARS_MAX: usize = 72;
/// How wide the lines of an explanation are, in characters, and how many the menu shows.
const EXPLANATION_WIDTH: usize = 56;
const EXPLANATION_LINES_MAX: usize = 6;

/// One item. Texts are ready to show: escaped, one line each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Item {
    /// Text that cannot be clicked.
    Line {
        id: String,
        text: String,
    },
    Button {
        id: String,
        text: String,
        is_enabled: bool,
    },
    /// An item that is on or off.
    Tick {
        id: String,
        text: String,
        is_on: bool,
        is_enabled: bool,
    },
    Separator {
        id: String,
    },
    /// A submenu. There is one level of them: none of the items is a `Sub`.
    Sub {
        id: String,
        text: String,
        items: Vec<Item>,
    },
}

/// What a click asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    Start,
    Stop,
    OpenDashboard,
    /// Opens the dashboard where programs are pointed here.
    ConnectProgram,
    Copy(Copyable),
    EnableAccount(String),
    DisableAccount(String),
    SignIn(String),
    AddAccount,
    /// Opens the configuration file.
    OpenConfig,
    /// Has the keyring asked for the vault's key again.
    UnlockVault,
    SetMode(String),
    SetAutostart(bool),
    Mute,
    Unmute,
    Quit,
}

/// What can be put on the clipboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Copyable {
    BaseUrl(ClientFamily),
    LocalKey,
}

impl Item {
    pub(super) fn id(&self) -> &str {
        match self {
            Self::Line { id, .. }
            | Self::Button { id, .. }
            | Self::Tick { id, .. }
            | Self::Separator { id }
            | Self::Sub { id, .. } => id,
        }
    }
}

/// The whole menu.
pub(super) fn menu(view: &View, now: &LocalTime) -> Vec<Item> {
    let texts = now.texts();
    let mut items = vec![line("state", &words::headline(view, now))];
    let needs = words::attention(view).into_iter();
    items.extend(needs.map(|needs| needed(needs, view, now)));
    let today = view.today.as_ref();
    items.extend(today.map(|today| line("today", &words::today(today, now))));
    items.push(start_or_stop(view, texts));
    items.push(separator(1));
    items.push(button("dashboard", texts.open_dashboard()));
    items.push(copy_menu(view, texts));
    items.push(button("connect", texts.connect_a_program()));
    items.push(separator(2));
    items.push(accounts(view, now));
    items.push(scheduling(view, texts));
    let problems = view.overview.problems.first();
    items.extend(problems.map(|known| problem(known, now)));
    items.push(separator(3));
    items.push(autostart(view, texts));
    items.push(mute(view, now));
    items.push(separator(5));
    items.push(button("quit", texts.quit()));
    items
}

/// What a click on `id` means while `view` is shown. `None` for what is only read, and for what is
/// no longer there.
pub(super) fn action(view: &View, id: &str) -> Option<Action> {
    if let Some((kind, name)) = id.split_once(':') {
        return action_on(view, kind, name);
    }
    match id {
        "toggle" => Some(if view.port().is_stopped() {
            Action::Start
        } else {
            Action::Stop
        }),
        "dashboard" | "more" | "problem-more" | "need-more" => Some(Action::OpenDashboard),
        "connect" => Some(Action::ConnectProgram),
        "add-account" => Some(Action::AddAccount),
        "autostart" => Some(Action::SetAutostart(view.autostart != AutostartView::On)),
        "mute" => Some(if view.muted_until.is_some() {
            Action::Unmute
        } else {
            Action::Mute
        }),
        "quit" => Some(Action::Quit),
        _ => None,
    }
}

fn action_on(view: &View, kind: &str, name: &str) -> Option<Action> {
    match kind {
        "copy" => COPYABLE
            .iter()
            .find(|what| copy_id(**what) == name)
            .map(|what| Action::Copy(*what)),
        "account" => {
            let account = view
                .accounts()
                .iter()
                .find(|account| account.name == name)?;
            Some(match account.shown_status() {
                AccountStatus::Disabled => Action::EnableAccount(name.to_owned()),
                _ => Action::DisableAccount(name.to_owned()),
            })
        }
        "sign-in" => Some(Action::SignIn(name.to_owned())),
        "add" => Some(Action::AddAccount),
        "need" => view
            .attention()
            .iter()
            .find(|attention| need_id(attention) == name)
            .map(remedy),
        "mode" => Some(Action::SetMode(name.to_owned())),
        _ => None,
    }
}

fn needed(needed: Needed<'_>, view: &View, now: &LocalTime) -> Item {
    match needed {
        Needed::One(attention) => {
            let id = format!("need:{}", need_id(attention));
            let line = words::attention_line(attention, view, now);
            let text = match attention {
                Attention::Account { .. } => line,
                _ => sentence_start(&line),
            };
            let text = words::cut(&text, NEED_CHARS_MAX);
            button(&id, &format!("! {}…", text.trim_end_matches('…')))
        }
        Needed::More(count) => {
            let text = now.texts().more_need_you(count);
            button("need-more", &format!("! {text}…"))
        }
    }
}

/// What the item of an attention is known by: it stays the same while its words change.
fn need_id(attention: &Attention) -> &str {
    match attention {
        Attention::PortUnavailable { .. } | Attention::PortNotMoved { .. } => "(port)",
        Attention::ConfigRejected { .. } => "(config)",
        Attention::LanRefused { .. } => "(lan)",
        Attention::MetricsUnavailable { .. } => "(metrics)",
        Attention::RecordsStopped { .. } => "(records)",
        Attention::VaultLocked { .. } => "(vault)",
        Attention::Account { name, .. } => name,
    }
}

/// What leads to where it is done.
fn remedy(attention: &Attention) -> Action {
    match attention {
        Attention::PortUnavailable { .. }
        | Attention::PortNotMoved { .. }
        | Attention::ConfigRejected { .. }
        | Attention::LanRefused { .. }
        | Attention::MetricsUnavailable { .. } => Action::OpenConfig,
        Attention::RecordsStopped { .. } => Action::OpenDashboard,
        Attention::VaultLocked { .. } => Action::UnlockVault,
        Attention::Account { name, status, .. } => match status {
            AccountStatus::NeedsUser(NeedsUser::SignIn(_) | NeedsUser::AddressChanged { .. }) => {
                Action::SignIn(name.clone())
            }
            AccountStatus::ProviderDisabled { .. } | AccountStatus::ProviderUnknown { .. } => {
                Action::OpenConfig
            }
            _ => Action::OpenDashboard,
        },
    }
}

fn start_or_stop(view: &View, texts: Texts) -> Item {
    let text = if view.port().is_stopped() {
        texts.start_serving()
    } else {
        texts.stop_serving()
    };
    button("toggle", text)
}

const COPYABLE: [Copyable; 4] = [
    Copyable::BaseUrl(ClientFamily::OpenAi),
    Copyable::BaseUrl(ClientFamily::Anthropic),
    Copyable::BaseUrl(ClientFamily::Gemini),
    Copyable::LocalKey,
];

fn copy_id(what: Copyable) -> &'static str {
    match what {
        Copyable::BaseUrl(family) => family.id(),
        Copyable::LocalKey => "key",
    }
}

fn copy_menu(view: &View, texts: Texts) -> Item {
    let mut items = Vec::new();
    let gateway_url = local_url(view.port().number().unwrap_or(view.overview.status.port));
    for what in COPYABLE {
        let text = match what {
            Copyable::BaseUrl(family) => {
                format!("{}: {}", family.label(), family.base_url(&gateway_url))
            }
            Copyable::LocalKey if view.overview.wants_key => texts.api_key().to_owned(),
            Copyable::LocalKey => continue,
        };
        let mark = if view.copied == Some(what) {
            texts.copied()
        } else {
            ""
        };
        let id = format!("copy:{}", copy_id(what));
        items.push(button(&id, &format!("{text}{mark}")));
    }
    Item::Sub {
        id: "copy".to_owned(),
        text: texts.copy_base_url().to_owned(),
        items,
    }
}

fn accounts(view: &View, now: &LocalTime) -> Item {
    let (offers, there): (Vec<_>, Vec<_>) = view
        .accounts()
        .iter()
        .partition(|account| account.is_offer());
    let texts = now.texts();
    let has_more = there.len() > ACCOUNTS_MAX;
    let mut items: Vec<Item> = listed(there)
        .into_iter()
        .map(|account| account_item(account, now))
        .collect();
    if has_more {
        items.push(button("more", texts.more_in_dashboard()));
    }
    if !items.is_empty() {
        items.push(separator(4));
    }
    let offers = offers.into_iter().take(OFFERS_MAX);
    items.extend(offers.map(|account| offer(account, texts)));
    items.push(button("add-account", texts.add_account()));
    Item::Sub {
        id: "accounts".to_owned(),
        text: words::accounts(view, texts),
        items,
    }
}

/// The accounts that the menu has room for: in the pool's order, unless there are too many; then
/// those that need the user come first, and then those that are back soonest.
fn listed(mut accounts: Vec<&AccountFacts>) -> Vec<&AccountFacts> {
    if accounts.len() > ACCOUNTS_MAX {
        ordering::sort_by_key(&mut accounts, |account| rank(account));
        accounts.truncate(ACCOUNTS_MAX);
    }
    accounts
}

fn rank(account: &AccountFacts) -> (u8, Option<SystemTime>) {
    match account.shown_status() {
        _ if account.needs_user() => (0, None),
        AccountStatus::Disabled => (3, None),
        status => match status.until() {
            Some(until) => (1, Some(until)),
            None => (2, None),
        },
    }
}

/// A provider that has no account yet.
fn offer(account: &AccountFacts, texts: Texts) -> Item {
    let provider = words::cut_middle(&account.provider, OFFER_CHARS_MAX);
    button(
        &format!("add:{}", account.provider),
        &texts.add_account_for(provider),
    )
}

fn account_item(account: &AccountFacts, now: &LocalTime) -> Item {
    let text = label(&words::account(account, now));
    if needs_sign_in(account) {
        return Item::Button {
            id: format!("sign-in:{}", account.name),
            text: format!("! {text}"),
            is_enabled: true,
        };
    }
    Item::Tick {
        id: format!("account:{}", account.name),
        text,
        is_on: *account.shown_status() != AccountStatus::Disabled,
        is_enabled: true,
    }
}

fn scheduling(view: &View, texts: Texts) -> Item {
    let active = &view.overview.mode;
    let item = |mode: &SchedulingMode| {
        let id = format!("mode:{}", mode.name());
        tick(&id, words::mode(*mode, texts), mode.name() == active)
    };
    Item::Sub {
        id: "scheduling".to_owned(),
        text: label(&words::scheduling(active, texts)),
        items: SchedulingMode::ALL.iter().map(item).collect(),
    }
}

fn problem(problem: &ProblemFacts, now: &LocalTime) -> Item {
    let texts = now.texts();
    let explanation = explained(problem, now.language);
    let mut items: Vec<Item> = explanation
        .iter()
        .take(EXPLANATION_LINES_MAX)
        .enumerate()
        .map(|(index, text)| line(&format!("problem-{index}"), text))
        .collect();
    items.push(button("problem-more", texts.more_in_dashboard()));
    let summary = texts.recent_problem(&problem.model, problem.status);
    Item::Sub {
        id: "problem".to_owned(),
        text: label(&summary),
        items,
    }
}

/// What a request failed of, in lines: the error that the client got is always English.
fn explained(problem: &ProblemFacts, language: Language) -> Vec<String> {
    let cause = problem.cause.map(german::cause);
    let (first, rest) = match (language, cause) {
        (Language::German, Some(cause)) => (cause, sentence(&problem.message)),
        _ => ("", problem.sentences()),
    };
    let mut lines = words::wrapped(first, EXPLANATION_WIDTH);
    lines.extend(words::wrapped(&rest, EXPLANATION_WIDTH));
    lines
}

fn autostart(view: &View, texts: Texts) -> Item {
    let is_enabled = view.autostart != AutostartView::Unavailable;
    let is_on = view.autostart == AutostartView::On;
    Item::Tick {
        id: "autostart".to_owned(),
        text: texts.start_at_login().to_owned(),
        is_on,
        is_enabled,
    }
}

fn mute(view: &View, now: &LocalTime) -> Item {
    match view.muted_until {
        Some(until) => {
            let text = now.texts().paused_until(now.describe(until));
            tick("mute", &text, true)
        }
        None => tick("mute", now.texts().pause(), false),
    }
}

fn line(id: &str, text: &str) -> Item {
    Item::Line {
        id: id.to_owned(),
        text: label(text),
    }
}

fn button(id: &str, text: &str) -> Item {
    Item::Button {
        id: id.to_owned(),
        text: label(text),
        is_enabled: true,
    }
}

fn tick(id: &str, text: &str, is_on: bool) -> Item {
    Item::Tick {
        id: id.to_owned(),
        text: label(text),
        is_on,
        is_enabled: true,
    }
}

fn separator(number: usize) -> Item {
    Item::Separator {
        id: format!("separator-{number}"),
    }
}

#[cfg(test)]
mod tests;
