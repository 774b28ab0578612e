//! Sends notifications to the desktop, and reports which button was pressed.
//!
//! Everything here waits for another program and so has its own threads: one that sends, and one
//! for each topic that waits for a button.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;

use notify_rust::Notification;
use parking_lot::Mutex;
use tracing::{debug, info};

use super::policy::{Button, Notice, Topic};
use super::texts::Texts;
use super::words::cut;
use crate::language::Language;

/// How many threads may wait for a button. A daemon that never reports that a notification was
/// closed leaves its thread behind.
const WAITING_MAX: usize = 12;

/// A handle to the sending thread. Never blocks.
#[derive(Clone)]
pub(super) struct Notifier {
    notices: mpsc::Sender<Notice>,
}

impl Notifier {
    /// `on_button` is called from other threads.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub(super) fn start(
        language: Language,
        on_button: impl Fn(Button) + Send + Sync + 'static,
    ) -> std::io::Result<Self> {
        let (notices, queue) = mpsc::channel::<Notice>();
        let mut sender = Sender {
            on_button: Arc::new(on_button),
            texts: Texts(language),
            ..Sender::default()
        };
        thread::Builder::new()
            .name("notify".to_owned())
            .spawn(move || {
                for notice in queue {
                    sender.send(&notice);
                }
            })?;
        Ok(Self { notices })
    }

    pub(super) fn show(&self, notice: Notice) {
        // The thread lives as long as this handle, so there is always a receiver.
        let _ = self.notices.send(notice);
    }
}

/// Shows one notification of a program that is about to end. Does nothing where there is no daemon.
pub fn announce(summary: &str, body: &str) {
    Sender::default().send(&Notice {
        topic: Topic::ActionFailed,
        is_problem: true,
        summary: summary.to_owned(),
        body: cut(body, 300),
        buttons: Vec::new(),
        advice: String::new(),
    });
}

/// What the daemon supports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Capabilities {
    has_buttons: bool,
    /// Whether it reads a body as markup.
    has_markup: bool,
}

/// The state of the sending thread.
struct Sender {
    texts: Texts,
    on_button: Arc<dyn Fn(Button) + Send + Sync>,
    /// The newest notification of each topic.
    shown: Arc<Mutex<HashMap<Topic, Shown>>>,
    waiting: Arc<AtomicUsize>,
    sent_count: usize,
    is_unavailable: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Shown {
    /// The daemon's id for it.
    id: Option<u32>,
    /// Counts all notifications sent.
    number: usize,
}

impl Default for Sender {
    fn default() -> Self {
        Self {
            texts: Texts(Language::default()),
            on_button: Arc::new(|_| {}),
            shown: Arc::default(),
            waiting: Arc::default(),
            sent_count: 0,
            is_unavailable: false,
        }
    }
}

impl Sender {
    fn send(&mut self, notice: &Notice) {
        match self.try_send(notice) {
            Ok(()) => self.is_unavailable = false,
            Err(error) if !self.is_unavailable => {
                self.is_unavailable = true;
                info!(%error, "no notifications can be shown here; `aerostat status` shows the same");
            }
            Err(error) => {
                debug!(%error, summary = notice.summary, "a notification could not be shown")
            }
        }
    }

    fn try_send(&mut self, notice: &Notice) -> notify_rust::error::Result<()> {
        let mut capabilities = capabilities()?;
        capabilities.has_buttons &= self.waiting.load(Ordering::Relaxed) < WAITING_MAX;
        let mut notification = notification(notice, capabilities, self.texts);
        let previous = self
            .shown
            .lock()
            .get(&notice.topic.place())
            .copied()
            .unwrap_or_default();
        if let Some(id) = previous.id {
            notification.id(id);
        }
        self.sent_count += 1;
        let number = self.sent_count;
        let handle = notification.show()?;
        self.shown.lock().insert(
            notice.topic.place(),
            Shown {
                id: id_of(&handle),
                number,
            },
        );
        if capabilities.has_buttons && !notice.buttons.is_empty() {
            self.wait(handle, notice, number);
        }
        Ok(())
    }

    /// Waits on its own thread until a button is pressed or the notification is closed.
    fn wait(&self, handle: notify_rust::NotificationHandle, notice: &Notice, number: usize) {
        let shown = self.shown.clone();
        let waiting = self.waiting.clone();
        let on_button = self.on_button.clone();
        let topic = notice.topic.place();
        let buttons = notice.buttons.clone();
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let started = thread::Builder::new()
            .name("notify-wait".to_owned())
            .spawn(move || {
                handle.wait_for_action(|key| {
                    // A replacement has the same id, so this thread hears of its buttons too. The
                    // thread of the newest one reports them.
                    let newest = shown.lock().get(&topic).map(|newest| newest.number);
                    if newest == Some(number)
                        && let Some(button) = pressed(&buttons, key)
                    {
                        on_button(button);
                    }
                });
                waiting.fetch_sub(1, Ordering::Relaxed);
            });
        if started.is_err() {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// The action of a click on the notification itself: it opens the dashboard.
const DEFAULT_ACTION: &str = "default";

fn pressed(buttons: &[Button], key: &str) -> Option<Button> {
    if key == DEFAULT_ACTION {
        return Some(Button::OpenDashboard);
    }
    buttons.iter().find(|button| key_of(button) == key).cloned()
}

fn key_of(button: &Button) -> &'static str {
    match button {
        Button::SignIn(_) => "sign-in",
        Button::EnterKey(_) => "enter-key",
        Button::OpenDashboard => "open",
        Button::Mute => "mute",
    }
}

fn label_of(button: &Button, texts: Texts) -> &'static str {
    match button {
        Button::SignIn(_) => texts.sign_in(),
        Button::EnterKey(_) => texts.enter_key(),
        Button::OpenDashboard => texts.open_dashboard(),
        Button::Mute => texts.mute(),
    }
}

fn notification(notice: &Notice, capabilities: Capabilities, texts: Texts) -> Notification {
    let mut notification = Notification::new();
    notification
        .appname("Aerostat")
        .summary(&notice.summary)
        .body(&body(notice, capabilities));
    notification.icon(if notice.is_problem {
        "dialog-warning"
    } else {
        "dialog-information"
    });
    #[cfg(target_os = "linux")]
    notification.hint(notify_rust::Hint::DesktopEntry("aerostat".to_owned()));
    #[cfg(windows)]
    notification.app_id("Aerostat.Agent");
    if capabilities.has_buttons && !notice.buttons.is_empty() {
        notification.action(DEFAULT_ACTION, texts.open_dashboard());
        for button in &notice.buttons {
            notification.action(key_of(button), label_of(button, texts));
        }
    }
    notification
}

fn body(notice: &Notice, capabilities: Capabilities) -> String {
    let mut text = notice.body.clone();
    if !capabilities.has_buttons && !notice.advice.is_empty() {
        text = format!("{text}\n{}", notice.advice);
    }
    if capabilities.has_markup {
        escaped(&text)
    } else {
        text
    }
}

/// Source: Sender Notifications Specification, "Markup".
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(target_os = "linux")]
fn capabilities() -> notify_rust::error::Result<Capabilities> {
    let known = notify_rust::get_capabilities()?;
    let server = notify_rust::get_server_information()?;
    Ok(Capabilities::of(&known, &server.name))
}

/// Servers that read bodies as markup without saying so. dunst 1.9.0 of Debian 12 has `markup = full`
/// in its configuration and leaves `body-markup` out of its capabilities (observed 2026-11-29).
#[cfg(target_os = "linux")]
const SILENT_MARKUP_SERVERS: [&str; 1] = ["dunst"];

#[cfg(target_os = "linux")]
impl Capabilities {
    fn of(known: &[String], server: &str) -> Self {
        let has = |name: &str| known.iter().any(|known| known == name);
        let is_silent = SILENT_MARKUP_SERVERS
            .iter()
            .any(|name| server.eq_ignore_ascii_case(name));
        Self {
            has_buttons: has("actions"),
            has_markup: has("body-markup") || is_silent,
        }
    }
}

#[cfg(windows)]
fn capabilities() -> notify_rust::error::Result<Capabilities> {
    Ok(Capabilities {
        has_buttons: true,
        has_markup: false,
    })
}

/// The old interface of macOS shows one button at most, and none dependably.
#[cfg(target_os = "macos")]
fn capabilities() -> notify_rust::error::Result<Capabilities> {
    Ok(Capabilities {
        has_buttons: false,
        has_markup: false,
    })
}

#[cfg(target_os = "linux")]
fn id_of(handle: &notify_rust::NotificationHandle) -> Option<u32> {
    Some(handle.id())
}

#[cfg(not(target_os = "linux"))]
fn id_of(_: &notify_rust::NotificationHandle) -> Option<u32> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice() -> Notice {
        Notice {
            topic: Topic::SignIn,
            is_problem: true,
            summary: "R&D needs you to sign in".to_owned(),
            body: "R&D: <b>revoked</b>".to_owned(),
            buttons: vec![
                Button::SignIn("R&D".to_owned()),
                Button::OpenDashboard,
                Button::Mute,
            ],
            advice: "Sign in with `aerostat account login R&D`.".to_owned(),
        }
    }

    const ALL: Capabilities = Capabilities {
        has_buttons: true,
        has_markup: true,
    };
    const NONE: Capabilities = Capabilities {
        has_buttons: false,
        has_markup: false,
    };

    #[test]
    fn markup_is_escaped_only_where_it_would_be_read() {
        assert_eq!(body(&notice(), ALL), "R&amp;D: &lt;b&gt;revoked&lt;/b&gt;");
        assert!(body(&notice(), NONE).starts_with("R&D: <b>revoked</b>\n"));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_server_that_reads_markup_without_saying_so_is_known_by_its_name() {
        let has_markup = |known: &[&str], server: &str| {
            let known: Vec<String> = known.iter().map(|name| (*name).to_owned()).collect();
            Capabilities::of(&known, server).has_markup
        };
        assert!(has_markup(&["actions", "body"], "dunst"));
        assert!(has_markup(&["body-markup"], "gnome-shell"));
        assert!(!has_markup(&["body"], "plain"));
    }

    #[test]
    fn without_buttons_the_text_says_what_to_do() {
        assert!(body(&notice(), NONE).ends_with("Sign in with `aerostat account login R&D`."));
        let english = Texts(Language::English);
        assert_eq!(notification(&notice(), NONE, english).actions, [""; 0]);
        let actions = notification(&notice(), ALL, english).actions;
        assert_eq!(
            actions[2..],
            [
                "sign-in",
                "Sign in",
                "open",
                "Open dashboard",
                "mute",
                "Mute 1 hour"
            ]
        );
    }

    #[test]
    fn a_press_is_understood_by_its_key() {
        let buttons = notice().buttons;
        assert_eq!(
            pressed(&buttons, "sign-in"),
            Some(Button::SignIn("R&D".to_owned()))
        );
        assert_eq!(pressed(&buttons, "default"), Some(Button::OpenDashboard));
        assert_eq!(pressed(&buttons, "__closed"), None);
    }
}
