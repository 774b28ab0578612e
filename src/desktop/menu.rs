//! The menu as a pure function of what there is to show, and what a click on each item means.

use super::view::{AccountState, AccountView, AutostartView, Endpoint, Now, ProblemView, View};
use super::words::{self, label};

/// Accounts that the menu names; the dashboard has them all.
const ACCOUNTS_MAX: usize = 10;
/// Characters of a line of an explanation, and how many lines the menu shows of it.
const EXPLANATION_WIDTH: usize = 56;
const EXPLANATION_LINES_MAX: usize = 6;

/// One item. Texts are ready to show: escaped, one line each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Item {
    /// Something to read.
    Line {
        id: String,
        text: String,
    },
    /// Something to do.
    Button {
        id: String,
        text: String,
        is_enabled: bool,
    },
    /// Something that is on or off.
    Tick {
        id: String,
        text: String,
        is_on: bool,
        is_enabled: bool,
    },
    Separator {
        id: String,
    },
    /// The one deeper level that there is: its items are no `Sub`.
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
    Copy(Copied),
    EnableAccount(String),
    DisableAccount(String),
    SignIn(String),
    AddAccount,
    SetMode(String),
    SetAutostart(bool),
    Mute,
    Unmute,
    Quit,
}

/// What is put on the clipboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Copied {
    OpenAi,
    Anthropic,
    Gemini,
    Key,
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
pub(super) fn menu(view: &View, now: &Now) -> Vec<Item> {
    let mut items = vec![
        line("state", &words::headline(view)),
        start_or_stop(view),
        separator(1),
    ];
    items.extend([
        button("dashboard", "Open dashboard"),
        copying(view),
        separator(2),
    ]);
    items.extend([accounts(view, now), scheduling(view)]);
    items.extend(view.problem.as_ref().map(problem));
    items.extend([
        separator(3),
        autostart(view),
        muting(view, now),
        button("quit", "Quit"),
    ]);
    items
}

/// What a click on `id` means while `view` is shown. `None` for what is only read, and for what is
/// no longer there.
pub(super) fn action(view: &View, id: &str) -> Option<Action> {
    if let Some((kind, name)) = id.split_once(':') {
        return action_on(view, kind, name);
    }
    match id {
        "toggle" => Some(if is_wanted(view) {
            Action::Stop
        } else {
            Action::Start
        }),
        "dashboard" | "more" | "problem-more" => Some(Action::OpenDashboard),
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
    let account = || view.accounts.iter().find(|account| account.name == name);
    match kind {
        "copy" => COPIES
            .iter()
            .find(|(id, ..)| *id == name)
            .map(|(_, what, _)| Action::Copy(*what)),
        "account" if account()?.state == AccountState::Disabled => {
            Some(Action::EnableAccount(name.to_owned()))
        }
        "account" => Some(Action::DisableAccount(name.to_owned())),
        "sign-in" => Some(Action::SignIn(name.to_owned())),
        "mode" => Some(Action::SetMode(name.to_owned())),
        _ => None,
    }
}

fn is_wanted(view: &View) -> bool {
    !matches!(view.endpoint, Endpoint::Stopped | Endpoint::Stopping)
}

fn start_or_stop(view: &View) -> Item {
    button(
        "toggle",
        if is_wanted(view) {
            "Stop proxy"
        } else {
            "Start proxy"
        },
    )
}

const COPIES: [(&str, Copied, &str); 4] = [
    ("openai", Copied::OpenAi, "OpenAI form"),
    ("anthropic", Copied::Anthropic, "Anthropic form"),
    ("gemini", Copied::Gemini, "Gemini form"),
    ("key", Copied::Key, "API key"),
];

fn copying(view: &View) -> Item {
    let offered = COPIES
        .iter()
        .filter(|(_, what, _)| *what != Copied::Key || view.wants_key);
    let mark = |what| {
        if view.copied == Some(what) {
            " — copied"
        } else {
            ""
        }
    };
    let items = offered
        .map(|(id, what, text)| button(&format!("copy:{id}"), &format!("{text}{}", mark(*what))))
        .collect();
    Item::Sub {
        id: "copy".to_owned(),
        text: "Copy base URL".to_owned(),
        items,
    }
}

fn accounts(view: &View, now: &Now) -> Item {
    let mut items: Vec<Item> = named(&view.accounts)
        .into_iter()
        .map(|account| account_item(account, now))
        .collect();
    if view.accounts.len() > ACCOUNTS_MAX {
        items.push(button("more", "More in dashboard…"));
    }
    if !items.is_empty() {
        items.push(separator(4));
    }
    items.push(button("add-account", "Add account…"));
    Item::Sub {
        id: "accounts".to_owned(),
        text: words::accounts(view),
        items,
    }
}

/// Those that the menu has room for: in the pool's order, unless there are too many; then those
/// that need a person come first.
fn named(accounts: &[AccountView]) -> Vec<&AccountView> {
    let mut named: Vec<_> = accounts.iter().collect();
    if named.len() > ACCOUNTS_MAX {
        named.sort_by_key(|account| !account.needs_attention());
        named.truncate(ACCOUNTS_MAX);
    }
    named
}

fn account_item(account: &AccountView, now: &Now) -> Item {
    let text = label(&words::account(account, now));
    if matches!(account.state, AccountState::SignInNeeded { .. }) {
        return Item::Button {
            id: format!("sign-in:{}", account.name),
            text: format!("! {text}"),
            is_enabled: true,
        };
    }
    let is_on = account.state != AccountState::Disabled;
    Item::Tick {
        id: format!("account:{}", account.name),
        text,
        is_on,
        is_enabled: true,
    }
}

fn scheduling(view: &View) -> Item {
    let mode =
        |(name, words): &(&str, &str)| tick(&format!("mode:{name}"), words, *name == view.mode);
    Item::Sub {
        id: "scheduling".to_owned(),
        text: label(&words::mode(&view.mode)),
        items: words::MODES.iter().map(mode).collect(),
    }
}

fn problem(problem: &ProblemView) -> Item {
    let lines = words::wrapped(&problem.explanation, EXPLANATION_WIDTH)
        .into_iter()
        .take(EXPLANATION_LINES_MAX);
    let mut items: Vec<Item> = lines
        .enumerate()
        .map(|(index, text)| line(&format!("problem-{index}"), &text))
        .collect();
    items.push(button("problem-more", "More in dashboard…"));
    Item::Sub {
        id: "problem".to_owned(),
        text: label(&format!("Recent problem: {}", problem.summary)),
        items,
    }
}

fn autostart(view: &View) -> Item {
    let is_enabled = view.autostart != AutostartView::Unavailable;
    let is_on = view.autostart == AutostartView::On;
    Item::Tick {
        id: "autostart".to_owned(),
        text: "Start at login".to_owned(),
        is_on,
        is_enabled,
    }
}

fn muting(view: &View, now: &Now) -> Item {
    match view.muted_until {
        Some(until) => tick(
            "mute",
            &format!("Notifications paused until {}", now.words(until)),
            true,
        ),
        None => tick("mute", "Pause notifications for an hour", false),
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
