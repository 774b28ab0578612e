//! The state of the main thread: what is shown, what was reported, and how each event changes it.

use std::time::{Duration, SystemTime};

use tracing::{info, warn};

use super::clipboard::Clipboard;
use super::event::{Event, Remote};
use super::host::visibility;
use super::menu::{Action, Copyable, action};
use super::notify::Notifier;
use super::policy::{
    Button, Notice, NotificationSettings, NotificationState, Topic, next_review_at, review,
};
use super::texts::Texts;
use super::tray::Tray;
use super::view::{AutostartView, LocalTime, View};
use super::words::{cut, sentence_start};
use crate::host::locale::locale;
use crate::language::Language;

const COPIED_FOR: Duration = Duration::from_secs(2);
const MUTED_FOR: Duration = Duration::from_secs(60 * 60);
/// How soon the second click of a double click comes.
const DOUBLE_CLICK: Duration = Duration::from_millis(500);
/// At login the panel may start later than this program.
const TRAY_CHECK_AFTER: Duration = Duration::from_secs(20);

/// Performs actions for the tray, and reports with [`Event::ActionDone`] and [`Event::Overview`].
pub trait TrayBackend {
    /// Starts an action. Never blocks.
    fn perform(&self, action: Action);

    /// The text for the clipboard. `None` where there is none.
    fn text(&self, what: Copyable) -> Option<String>;

    /// Whether the agent starts at login, as the system says now.
    fn autostart(&self) -> AutostartView;
}

/// Everything that the main thread owns.
pub(super) struct Session {
    backend: Box<dyn TrayBackend + Send>,
    /// The system's, where it is one of ours.
    language: Language,
    tray: Option<Tray>,
    notifier: Option<Notifier>,
    clipboard: Clipboard,
    view: View,
    settings: NotificationSettings,
    notifications: NotificationState,
    copied_until: Option<SystemTime>,
    /// When it is checked whether the desktop shows the icon.
    tray_check_at: Option<SystemTime>,
    icon_clicked_at: Option<SystemTime>,
}

impl Session {
    /// Shows the icon where this session has a tray, and works without where it has none. Must be
    /// called on the main thread.
    pub(super) fn start(backend: Box<dyn TrayBackend + Send>, remote: &Remote) -> Self {
        let view = View::starting(backend.autostart());
        remote.forward_clicks();
        let language = locale()
            .and_then(|tag| Language::of_tag(&tag))
            .unwrap_or_default();
        let now = LocalTime::of_system(SystemTime::now(), language);
        let tray = Tray::new(&view, &now)
            .inspect_err(|error| info!(%error, "no tray in this session"))
            .ok();
        let buttons = remote.clone();
        let on_button = move |button| buttons.send(Event::ButtonPressed(button));
        let notifier = Notifier::start(language, on_button)
            .inspect_err(|error| warn!(%error, "notifications cannot be sent"))
            .ok();
        let tray_check_at = tray.is_some().then(|| now.time + TRAY_CHECK_AFTER);
        Self {
            backend,
            language,
            tray,
            notifier,
            clipboard: Clipboard::default(),
            view,
            settings: NotificationSettings::default(),
            notifications: NotificationState::default(),
            copied_until: None,
            tray_check_at,
            icon_clicked_at: None,
        }
    }

    pub(super) fn handle(&mut self, event: Event, now: SystemTime) {
        match event {
            Event::Overview(overview) => self.view.overview = *overview,
            Event::Today(today) => self.view.today = today.map(|today| *today),
            Event::Settings(settings) => self.settings = settings,
            Event::MenuClicked(id) => self.on_menu_click(&id, now),
            Event::IconClicked => self.on_icon_click(now),
            Event::ButtonPressed(Button::Mute) => self.perform(Action::Mute, now),
            Event::ButtonPressed(Button::OpenDashboard) => {
                self.perform(Action::OpenDashboard, now);
            }
            Event::ButtonPressed(Button::SignIn(name) | Button::EnterKey(name)) => {
                self.perform(Action::SignIn(name), now);
            }
            Event::ActionDone(Ok(())) => {}
            Event::ActionDone(Err(error)) => {
                self.report_failure(error.text(self.language));
            }
            Event::AgentStarting(_) | Event::AgentStarted(_) | Event::AgentEnded => {}
        }
        self.refresh(now);
    }

    /// Updates what changes with time alone.
    pub(super) fn on_timer(&mut self, now: SystemTime) {
        if self.tray_check_at.is_some_and(|due| due <= now) {
            self.tray_check_at = None;
            if let Some(advice) = visibility().advice(Language::English) {
                info!("the tray icon is not shown: {advice}");
            }
        }
        self.refresh(now);
    }

    /// When [`Session::on_timer`] is due.
    pub(super) fn next_timer(&self, now: SystemTime) -> Option<SystemTime> {
        let local = LocalTime::of_system(now, self.language);
        let review_at = next_review_at(&self.view, &self.settings, &local);
        [
            review_at,
            self.copied_until,
            self.view.muted_until,
            self.tray_check_at,
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// A double click counts once: it opens one page.
    fn on_icon_click(&mut self, now: SystemTime) {
        let is_second = self.icon_clicked_at.is_some_and(|at| {
            now.duration_since(at)
                .is_ok_and(|since| since < DOUBLE_CLICK)
        });
        self.icon_clicked_at = Some(now);
        if !is_second {
            self.backend.perform(Action::OpenDashboard);
        }
    }

    fn on_menu_click(&mut self, id: &str, now: SystemTime) {
        if let Some(tray) = &mut self.tray {
            tray.on_click(id);
        }
        // It can be changed elsewhere too: the click toggles what the system says now.
        self.view.autostart = self.backend.autostart();
        if let Some(action) = action(&self.view, id) {
            self.perform(action, now);
        }
    }

    fn perform(&mut self, action: Action, now: SystemTime) {
        match action {
            Action::Mute => self.view.muted_until = Some(now + MUTED_FOR),
            Action::Unmute => self.view.muted_until = None,
            Action::Copy(what) => self.copy(what, now),
            other => self.backend.perform(other),
        }
    }

    fn copy(&mut self, what: Copyable, now: SystemTime) {
        let Some(text) = self.backend.text(what) else {
            return self.report_failure(self.texts().nothing_to_copy());
        };
        match self.clipboard.copy(&text) {
            Ok(()) => {
                self.view.copied = Some(what);
                self.copied_until = Some(now + COPIED_FOR);
            }
            Err(error) => self.report_failure(&self.texts().not_copied(error)),
        }
    }

    fn texts(&self) -> Texts {
        Texts(self.language)
    }

    /// Says why an action failed. The next refresh sets the tick back.
    fn report_failure(&self, error: &str) {
        warn!(error, "an action of the tray failed");
        self.show(Notice::action_failed(error, self.texts()));
    }

    fn refresh(&mut self, now: SystemTime) {
        self.expire_timers(now);
        self.view.autostart = self.backend.autostart();
        let now = LocalTime::of_system(now, self.language);
        if let Some(tray) = &mut self.tray
            && let Err(error) = tray.show(&self.view, &now)
        {
            warn!(%error, "the tray could not be updated");
        }
        let (state, notices) = review(&self.notifications, &self.view, &self.settings, &now);
        self.notifications = state;
        for notice in notices {
            self.show(notice);
        }
    }

    fn expire_timers(&mut self, now: SystemTime) {
        let muted_until = self.view.muted_until;
        self.view.muted_until = muted_until.and_then(|at| pending(at, now, MUTED_FOR));
        let copied_until = self.copied_until;
        self.copied_until = copied_until.and_then(|at| pending(at, now, COPIED_FOR));
        self.tray_check_at = self.tray_check_at.map(|at| at.min(now + TRAY_CHECK_AFTER));
        if self.copied_until.is_none() {
            self.view.copied = None;
        }
    }

    fn show(&self, notice: Notice) {
        if let Some(notifier) = &self.notifier {
            notifier.show(notice);
        }
    }
}

/// The deadline, where it is still ahead. A clock that was set back since makes it no further away
/// than when it was set.
fn pending(deadline: SystemTime, now: SystemTime, longest: Duration) -> Option<SystemTime> {
    (deadline > now).then(|| deadline.min(now + longest))
}

impl Notice {
    fn action_failed(error: &str, texts: Texts) -> Self {
        Self {
            topic: Topic::ActionFailed,
            is_problem: true,
            summary: texts.did_not_work().to_owned(),
            body: sentence_start(&cut(error, 300)),
            buttons: vec![Button::OpenDashboard],
            advice: texts.command_shows("aerostat status"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::view::samples::after;
    use super::*;

    #[test]
    fn a_clock_that_is_set_back_makes_no_pause_longer() {
        assert_eq!(pending(after(60), after(0), MUTED_FOR), Some(after(60)));
        assert_eq!(pending(after(60), after(60), MUTED_FOR), None);
        assert_eq!(pending(after(600), after(0), MUTED_FOR), Some(after(60)));
    }
}
