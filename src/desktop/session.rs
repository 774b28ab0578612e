//! The main thread's memory: what is shown, what was told, and what each event changes of it.

use std::time::{Duration, SystemTime};

use tracing::{info, warn};

use super::clipboard::Clipboard;
use super::event::{Event, Remote};
use super::host::visibility;
use super::menu::{Action, Copied, action};
use super::notify::Notifier;
use super::policy::{Button, Memory, Notice, NotificationSettings, Topic, review, review_at};
use super::tray::Tray;
use super::view::{AutostartView, Facts, Now, View};

const COPIED_FOR: Duration = Duration::from_secs(2);
const MUTED_FOR: Duration = Duration::from_secs(60 * 60);
/// How soon the second click of a double click comes.
const DOUBLE_CLICK: Duration = Duration::from_millis(500);
/// A panel may start later at login than we do.
const HOST_PATIENCE: Duration = Duration::from_secs(20);

/// Has things done, and answers later: with [`Event::Done`], and with new [`Event::Facts`] where
/// they are others.
pub trait TrayBackend {
    /// Has it done. Never blocks.
    fn ask(&self, action: Action);

    /// What is put on the clipboard; `None` where there is nothing to copy.
    fn text(&self, what: Copied) -> Option<String>;

    /// Whether the agent starts at login, as the system says now.
    fn autostart(&self) -> AutostartView;
}

/// Everything that the main thread owns.
pub(super) struct Session {
    office: Box<dyn TrayBackend + Send>,
    tray: Option<Tray>,
    notifier: Option<Notifier>,
    clipboard: Clipboard,
    view: View,
    settings: NotificationSettings,
    memory: Memory,
    copied_until: Option<SystemTime>,
    host_due: Option<SystemTime>,
    activated_at: Option<SystemTime>,
}

impl Session {
    /// Shows the icon where the session has a place for it; works without where not. Belongs on the
    /// main thread.
    pub(super) fn start(office: Box<dyn TrayBackend + Send>, remote: &Remote) -> Self {
        let view = View {
            facts: Facts::default(),
            autostart: office.autostart(),
            muted_until: None,
            copied: None,
        };
        remote.hear_clicks();
        let now = Now::of_system(SystemTime::now());
        let tray = Tray::new(&view, &now)
            .inspect_err(|error| info!(%error, "no tray in this session"))
            .ok();
        let pressed = remote.clone();
        let notifier = Notifier::start(move |button| pressed.tell(Event::Pressed(button)));
        let notifier = notifier
            .inspect_err(|error| warn!(%error, "notifications cannot be sent"))
            .ok();
        let host_due = tray.is_some().then(|| now.time + HOST_PATIENCE);
        Self {
            office,
            tray,
            notifier,
            clipboard: Clipboard::default(),
            view,
            settings: NotificationSettings::default(),
            memory: Memory::default(),
            copied_until: None,
            host_due,
            activated_at: None,
        }
    }

    /// Takes in one event.
    pub(super) fn on(&mut self, event: Event, now: SystemTime) {
        match event {
            Event::Facts(facts) => self.view.facts = *facts,
            Event::Settings(settings) => self.settings = settings,
            Event::Clicked(id) => self.clicked(&id, now),
            Event::Activated => self.activated(now),
            Event::Pressed(Button::Mute) => self.perform(Action::Mute, now),
            Event::Pressed(Button::OpenDashboard) => self.perform(Action::OpenDashboard, now),
            Event::Pressed(Button::SignIn(name)) => self.perform(Action::SignIn(name), now),
            Event::Done(Ok(())) => {}
            Event::Done(Err(why)) => self.refused(&why),
            Event::Began(_) | Event::Started(_) | Event::Ended => {}
        }
        self.refresh(now);
    }

    /// Looks again at what time alone changes.
    pub(super) fn wake(&mut self, now: SystemTime) {
        if self.host_due.is_some_and(|due| due <= now) {
            self.host_due = None;
            if let Some(advice) = visibility().advice() {
                info!("the tray icon is not shown: {advice}");
            }
        }
        self.refresh(now);
    }

    /// When to look next.
    pub(super) fn wake_at(&self, now: SystemTime) -> Option<SystemTime> {
        let review = review_at(&self.view, &self.settings, &Now::of_system(now));
        [
            review,
            self.copied_until,
            self.view.muted_until,
            self.host_due,
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// A double click is one: it opens one page.
    fn activated(&mut self, now: SystemTime) {
        let is_second = self.activated_at.is_some_and(|at| {
            now.duration_since(at)
                .is_ok_and(|since| since < DOUBLE_CLICK)
        });
        self.activated_at = Some(now);
        if !is_second {
            self.office.ask(Action::OpenDashboard);
        }
    }

    fn clicked(&mut self, id: &str, now: SystemTime) {
        if let Some(tray) = &mut self.tray {
            tray.was_clicked(id);
        }
        // People change it elsewhere too: the tick means what the system says at the click.
        self.view.autostart = self.office.autostart();
        if let Some(action) = action(&self.view, id) {
            self.perform(action, now);
        }
    }

    fn perform(&mut self, action: Action, now: SystemTime) {
        match action {
            Action::Mute => self.view.muted_until = Some(now + MUTED_FOR),
            Action::Unmute => self.view.muted_until = None,
            Action::Copy(what) => self.copy(what, now),
            other => self.office.ask(other),
        }
    }

    fn copy(&mut self, what: Copied, now: SystemTime) {
        let Some(text) = self.office.text(what) else {
            return self.refused("there is nothing to copy while the proxy is stopped");
        };
        match self.clipboard.copy(&text) {
            Ok(()) => {
                self.view.copied = Some(what);
                self.copied_until = Some(now + COPIED_FOR);
            }
            Err(error) => self.refused(&format!("it could not be copied: {error}")),
        }
    }

    /// Says why what was clicked is not done; the tick is set back with the next refresh.
    fn refused(&self, why: &str) {
        warn!(why, "what was asked for in the tray was not done");
        self.show(Notice::refusal(why));
    }

    fn refresh(&mut self, now: SystemTime) {
        self.forget_the_past(now);
        self.view.autostart = self.office.autostart();
        let now = Now::of_system(now);
        if let Some(tray) = &mut self.tray
            && let Err(error) = tray.show(&self.view, &now)
        {
            warn!(%error, "the tray could not be updated");
        }
        let (memory, notices) = review(&self.memory, &self.view, &self.settings, &now);
        self.memory = memory;
        notices.into_iter().for_each(|notice| self.show(notice));
    }

    fn forget_the_past(&mut self, now: SystemTime) {
        self.view.muted_until = self
            .view
            .muted_until
            .and_then(|until| still(until, now, MUTED_FOR));
        self.copied_until = self
            .copied_until
            .and_then(|until| still(until, now, COPIED_FOR));
        self.host_due = self.host_due.map(|due| due.min(now + HOST_PATIENCE));
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

/// A moment that is still ahead: never further than when it was set, also where the clock was set
/// back since.
fn still(until: SystemTime, now: SystemTime, longest: Duration) -> Option<SystemTime> {
    (until > now).then(|| until.min(now + longest))
}

impl Notice {
    fn refusal(why: &str) -> Self {
        Self {
            topic: Topic::Refusal,
            is_bad: true,
            summary: "That did not work".to_owned(),
            body: super::words::sentence_start(&super::words::cut(why, 300)),
            buttons: vec![Button::OpenDashboard],
            advice: "`aerostat status` tells more.".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::view::samples::after;
    use super::*;

    #[test]
    fn a_clock_that_is_set_back_makes_no_pause_longer() {
        assert_eq!(still(after(60), after(0), MUTED_FOR), Some(after(60)));
        assert_eq!(still(after(60), after(60), MUTED_FOR), None);
        assert_eq!(still(after(600), after(0), MUTED_FOR), Some(after(60)));
    }
}
