//! Sends notices to the desktop, and brings back which button was pressed.
//!
//! Everything here waits for another program, so it has threads of its own: one that sends, and for
//! each topic one that waits for a button.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;

use notify_rust::Notification;
use tracing::{debug, info};

use super::policy::{Button, Notice, Topic};
use super::words::cut;

/// Threads that wait for a button. A daemon that never says that a notice has gone leaves its
/// thread behind.
const WAITING_MAX: usize = 12;

/// Takes notices to send; nothing blocks.
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
        on_button: impl Fn(Button) + Send + Sync + 'static,
    ) -> std::io::Result<Self> {
        let (notices, waiting) = mpsc::channel::<Notice>();
        let mut desktop = Desktop {
            on_button: Arc::new(on_button),
            ..Desktop::default()
        };
        thread::Builder::new()
            .name("notify".to_owned())
            .spawn(move || {
                for notice in waiting {
                    desktop.send(&notice);
                }
            })?;
        Ok(Self { notices })
    }

    pub(super) fn show(&self, notice: Notice) {
        // The thread ends with this handle only.
        let _ = self.notices.send(notice);
    }
}

/// Shows one notification, of a program that is about to end. Where there is no daemon, nothing
/// happens.
pub fn announce(summary: &str, body: &str) {
    Desktop::default().send(&Notice {
        topic: Topic::Refusal,
        is_bad: true,
        summary: summary.to_owned(),
        body: cut(body, 300),
        buttons: Vec::new(),
        advice: String::new(),
    });
}

/// What a daemon can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Abilities {
    has_buttons: bool,
    /// Whether it reads a body as markup.
    has_markup: bool,
}

/// The sending thread's memory.
struct Desktop {
    on_button: Arc<dyn Fn(Button) + Send + Sync>,
    /// The bubble of each topic, and the number of the notice in it.
    bubbles: Arc<Mutex<HashMap<Topic, Bubble>>>,
    waiting: Arc<AtomicUsize>,
    sent_count: usize,
    was_missing: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Bubble {
    /// As the daemon named it.
    id: Option<u32>,
    number: usize,
}

impl Default for Desktop {
    fn default() -> Self {
        Self {
            on_button: Arc::new(|_| {}),
            bubbles: Arc::default(),
            waiting: Arc::default(),
            sent_count: 0,
            was_missing: false,
        }
    }
}

impl Desktop {
    fn send(&mut self, notice: &Notice) {
        match self.try_send(notice) {
            Ok(()) => self.was_missing = false,
            Err(error) if !self.was_missing => {
                self.was_missing = true;
                info!(%error, "no notifications can be shown here; `aerostat status` tells the same");
            }
            Err(error) => {
                debug!(%error, summary = notice.summary, "a notification could not be shown")
            }
        }
    }

    fn try_send(&mut self, notice: &Notice) -> notify_rust::error::Result<()> {
        let mut abilities = abilities()?;
        abilities.has_buttons &= self.waiting.load(Ordering::Relaxed) < WAITING_MAX;
        let mut notification = notification(notice, abilities);
        let bubble = lock(&self.bubbles)
            .get(&notice.topic)
            .copied()
            .unwrap_or_default();
        if let Some(id) = bubble.id {
            notification.id(id);
        }
        self.sent_count += 1;
        let number = self.sent_count;
        let handle = notification.show()?;
        lock(&self.bubbles).insert(
            notice.topic,
            Bubble {
                id: id_of(&handle),
                number,
            },
        );
        if abilities.has_buttons && !notice.buttons.is_empty() {
            self.wait(handle, notice, number);
        }
        Ok(())
    }

    /// Waits on a thread of its own until a button is pressed or the bubble has gone.
    fn wait(&self, handle: notify_rust::NotificationHandle, notice: &Notice, number: usize) {
        let (bubbles, waiting, on_button) = (
            self.bubbles.clone(),
            self.waiting.clone(),
            self.on_button.clone(),
        );
        let (topic, buttons) = (notice.topic, notice.buttons.clone());
        waiting.fetch_add(1, Ordering::Relaxed);
        let counted = waiting.clone();
        let started = thread::Builder::new()
            .name("notify-wait".to_owned())
            .spawn(move || {
                handle.wait_for_action(|key| {
                    // A bubble that was replaced has the same id: its own thread, the newest one,
                    // answers for it.
                    let is_newest = lock(&bubbles)
                        .get(&topic)
                        .is_some_and(|bubble| bubble.number == number);
                    if let Some(button) = pressed(&buttons, key).filter(|_| is_newest) {
                        on_button(button);
                    }
                });
                waiting.fetch_sub(1, Ordering::Relaxed);
            });
        if started.is_err() {
            counted.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A click on the bubble itself opens the dashboard.
const BUBBLE: &str = "default";

fn pressed(buttons: &[Button], key: &str) -> Option<Button> {
    if key == BUBBLE {
        return Some(Button::OpenDashboard);
    }
    buttons.iter().find(|button| key_of(button) == key).cloned()
}

fn key_of(button: &Button) -> &'static str {
    match button {
        Button::SignIn(_) => "sign-in",
        Button::OpenDashboard => "open",
        Button::Mute => "mute",
    }
}

fn word_of(button: &Button) -> &'static str {
    match button {
        Button::SignIn(_) => "Sign in",
        Button::OpenDashboard => "Open dashboard",
        Button::Mute => "Mute 1 hour",
    }
}

fn notification(notice: &Notice, abilities: Abilities) -> Notification {
    let mut notification = Notification::new();
    notification
        .appname("Aerostat")
        .summary(&notice.summary)
        .body(&body(notice, abilities));
    notification.icon(if notice.is_bad {
        "dialog-warning"
    } else {
        "dialog-information"
    });
    #[cfg(target_os = "linux")]
    notification.hint(notify_rust::Hint::DesktopEntry("aerostat".to_owned()));
    #[cfg(windows)]
    notification.app_id("Aerostat.Agent");
    if abilities.has_buttons && !notice.buttons.is_empty() {
        notification.action(BUBBLE, "Open dashboard");
        for button in &notice.buttons {
            notification.action(key_of(button), word_of(button));
        }
    }
    notification
}

fn body(notice: &Notice, abilities: Abilities) -> String {
    let mut text = notice.body.clone();
    if !abilities.has_buttons && !notice.advice.is_empty() {
        text = format!("{text}\n{}", notice.advice);
    }
    if abilities.has_markup {
        escaped(&text)
    } else {
        text
    }
}

/// Source: Desktop Notifications Specification, "Markup".
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(target_os = "linux")]
fn abilities() -> notify_rust::error::Result<Abilities> {
    let known = notify_rust::get_capabilities()?;
    let has = |name: &str| known.iter().any(|known| known == name);
    Ok(Abilities {
        has_buttons: has("actions"),
        has_markup: has("body-markup"),
    })
}

#[cfg(windows)]
fn abilities() -> notify_rust::error::Result<Abilities> {
    Ok(Abilities {
        has_buttons: true,
        has_markup: false,
    })
}

/// The old interface of macOS shows one button at most, and none dependably.
#[cfg(target_os = "macos")]
fn abilities() -> notify_rust::error::Result<Abilities> {
    Ok(Abilities {
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
            is_bad: true,
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

    const ALL: Abilities = Abilities {
        has_buttons: true,
        has_markup: true,
    };
    const NONE: Abilities = Abilities {
        has_buttons: false,
        has_markup: false,
    };

    #[test]
    fn markup_is_escaped_only_where_it_would_be_read() {
        assert_eq!(body(&notice(), ALL), "R&amp;D: &lt;b&gt;revoked&lt;/b&gt;");
        assert!(body(&notice(), NONE).starts_with("R&D: <b>revoked</b>\n"));
    }

    #[test]
    fn without_buttons_the_text_says_what_to_do() {
        assert!(body(&notice(), NONE).ends_with("Sign in with `aerostat account login R&D`."));
        assert_eq!(notification(&notice(), NONE).actions, [""; 0]);
        let actions = notification(&notice(), ALL).actions;
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
