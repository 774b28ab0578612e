//! The agent's side of the tray: tells it how things stand, and has done what is clicked there.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tracing::{info, warn};

use crate::config::Notifications;
use crate::control::account::{Entered, Entry, Form, SettingChanges};
use crate::control::overview::Overview;
use crate::control::sign_in::open_browser;
use crate::control::{
    Ask, ControlError, ControlService, Reply, Started, local_key, open_in_browser, set_settings,
};
use crate::desktop::{
    Action, AutostartView, Copied, Event, Facts, NotificationSettings, Remote, Topic, TrayBackend,
};
use crate::host::autostart::{self, AutostartState, Kind, Places};

/// Updates come at most four times a second.
const PAUSE: Duration = Duration::from_millis(250);
/// A clock that was set, and a sleep of the machine, in which timers stand still, are noticed after
/// this time at the latest.
const NAP_MAX: Duration = Duration::from_secs(60);

/// Where the agent is seen.
pub struct TrayBridge {
    remote: Remote,
    /// Whether the dashboard is opened at the start.
    opens: bool,
}

impl TrayBridge {
    pub fn new(remote: Remote, opens: bool) -> Self {
        Self { remote, opens }
    }

    /// Shows the agent from now on.
    pub(super) fn begin(&self, desk: &Arc<ControlService>) {
        self.remote.tell(Event::Began(Box::new(self.bureau(desk))));
        repair_autostart();
    }

    /// It can be asked, and has a dashboard.
    pub(super) fn started(&self, desk: Option<&Arc<ControlService>>, started: Started) {
        self.remote.tell(Event::Started(Box::new(started)));
        if let Some(desk) = desk.filter(|_| self.opens) {
            self.bureau(desk).ask(Action::OpenDashboard);
        }
    }

    fn bureau(&self, desk: &Arc<ControlService>) -> ControlBackend {
        ControlBackend {
            desk: desk.clone(),
            remote: self.remote.clone(),
            runtime: Handle::current(),
        }
    }

    /// Tells of every change, until it is dropped.
    pub(super) async fn tell(&self, desk: &ControlService) {
        let (mut told, mut settings) = (None, None);
        let Some(mut seen) = desk.seen() else { return };
        loop {
            // Before the facts: what is switched off is not told of the first ones either.
            let wanted = settings_of(&desk.live.borrow().config.notifications);
            if settings.as_ref() != Some(&wanted) {
                self.remote.tell(Event::Settings(wanted.clone()));
                settings = Some(wanted);
            }
            let glance = desk.glance(SystemTime::now()).await;
            let facts = Facts::of(&glance);
            if told.as_ref() != Some(&facts) {
                self.remote.tell(Event::Facts(Box::new(facts.clone())));
                told = Some(facts);
            }
            tokio::time::sleep(PAUSE).await;
            let nap = nap(&glance, SystemTime::now());
            // Whatever woke it, everything is looked at again.
            let _ = tokio::time::timeout(nap, desk.change(&mut seen)).await;
        }
    }
}

/// How long nothing changes by time alone.
fn nap(glance: &Overview, now: SystemTime) -> Duration {
    let next = glance
        .accounts
        .iter()
        .filter_map(|account| account.status.until())
        .filter_map(|until| until.duration_since(now).ok())
        .min()
        .unwrap_or(NAP_MAX);
    next.saturating_add(PAUSE).min(NAP_MAX)
}

fn settings_of(notifications: &Notifications) -> NotificationSettings {
    let is_on = |topic: &Topic| !notifications.off.iter().any(|off| off == topic.name());
    NotificationSettings {
        topics: Topic::ALL.into_iter().filter(is_on).collect(),
        expiry_days: notifications.expiry_days.clone(),
    }
}

fn places() -> Places {
    Places::find(&|name| std::env::var_os(name))
}

/// An entry that is on, and whose program was moved away, starts this one from now on.
fn repair_autostart() {
    match autostart::repair(&places()) {
        Ok(true) => {
            info!("the entry that starts Aerostat at login was pointed to where the program is now")
        }
        Ok(false) => {}
        Err(error) => warn!(%error, "the entry that starts Aerostat at login is broken"),
    }
}

/// Has done what is clicked.
struct ControlBackend {
    desk: Arc<ControlService>,
    remote: Remote,
    runtime: Handle,
}

impl TrayBackend for ControlBackend {
    fn ask(&self, action: Action) {
        let (desk, remote) = (self.desk.clone(), self.remote.clone());
        #[allow(
            clippy::disallowed_methods,
            reason = "the loop must not wait for it, and the runtime ends it"
        )]
        self.runtime.spawn(async move {
            let done = perform(&desk, action)
                .await
                .map_err(|complaint| complaint.message);
            remote.tell(Event::Done(done));
        });
    }

    fn text(&self, what: Copied) -> Option<String> {
        let config = self.desk.live.borrow().config.clone();
        let port = self.desk.port().unwrap_or(config.port);
        let base_url = format!("http://127.0.0.1:{port}");
        match what {
            Copied::OpenAi => Some(format!("{base_url}/v1")),
            Copied::Anthropic | Copied::Gemini => Some(base_url),
            Copied::Key => local_key(&self.desk.home)
                .ok()
                .map(|key| key.expose().to_owned()),
        }
    }

    fn autostart(&self) -> AutostartView {
        match autostart::status(&places()).state {
            AutostartState::On => AutostartView::On,
            AutostartState::Off | AutostartState::Broken => AutostartView::Off,
            AutostartState::Unavailable => AutostartView::Unavailable,
        }
    }
}

async fn perform(desk: &Arc<ControlService>, action: Action) -> Result<(), ControlError> {
    let enabling = |name, enabled| Ask::AccountSet {
        name,
        changes: SettingChanges {
            enabled: Some(enabled),
            ..Default::default()
        },
    };
    let ask = match action {
        Action::Start => Ask::Start,
        Action::Stop => Ask::Stop,
        Action::Quit => Ask::Quit,
        Action::EnableAccount(name) => enabling(name, true),
        Action::DisableAccount(name) => enabling(name, false),
        Action::SetMode(mode) => return set_mode(desk, mode).await,
        Action::SetAutostart(is_on) => return set_autostart(is_on).await,
        Action::SignIn(name) => return sign_in(desk, name).await,
        Action::OpenDashboard | Action::AddAccount => return open_dashboard(desk).await,
        // The tray does these itself.
        Action::Copy(_) | Action::Mute | Action::Unmute => return Ok(()),
    };
    let (notes, _unheard) = mpsc::channel(1);
    desk.answer(ask, notes).await.map(drop)
}

/// With a browser where the provider has that; else the dashboard takes the key.
async fn sign_in(desk: &Arc<ControlService>, name: String) -> Result<(), ControlError> {
    let (notes, mut heard) = mpsc::channel(8);
    let form = desk
        .answer(Ask::LoginForm { name: name.clone() }, notes.clone())
        .await?;
    if !matches!(form, Reply::Form(Form::OAuth)) {
        return open_dashboard(desk).await;
    }
    let entered = Entered::SignIn {
        client_secret: None,
    };
    let shown = name.clone();
    let entry = Entry {
        provider: String::new(),
        name,
        entered,
        keep: false,
        insecure_plaintext: false,
    };
    let login = desk.answer(Ask::AccountLogin(entry), notes);
    let no_browser = async {
        while let Some(note) = heard.recv().await {
            if note.url.is_some_and(|url| !open_browser(&url)) {
                return;
            }
        }
        std::future::pending().await
    };
    tokio::select! {
        done = login => done.map(drop),
        () = no_browser => {
            Err(ControlError::failed(format!("no browser could be started for the sign-in; `aerostat account login {shown}` shows its address")))
        }
    }
}

async fn set_mode(desk: &Arc<ControlService>, mode: String) -> Result<(), ControlError> {
    let home = desk.home.clone();
    blocking(move || {
        set_settings(&home, &[("scheduling.mode", &mode)]).map_err(ControlError::failed)
    })
    .await
}

async fn set_autostart(is_on: bool) -> Result<(), ControlError> {
    blocking(move || {
        let places = places();
        let done = if is_on {
            autostart::turn_on(&places, Kind::of_system())
        } else {
            autostart::turn_off(&places)
        };
        done.map(drop).map_err(ControlError::failed)
    })
    .await
}

async fn open_dashboard(desk: &Arc<ControlService>) -> Result<(), ControlError> {
    let (notes, _unheard) = mpsc::channel(1);
    let Reply::Link(link) = desk.answer(Ask::Open, notes).await? else {
        return Err(ControlError::failed("the dashboard gave no link"));
    };
    let why = |error| {
        ControlError::failed(format!(
            "no browser could be started ({error}); `aerostat open` prints the address"
        ))
    };
    blocking(move || open_in_browser(&link).map_err(why)).await
}

async fn blocking(
    work: impl FnOnce() -> Result<(), ControlError> + Send + 'static,
) -> Result<(), ControlError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| Err(ControlError::failed("it broke; this is a bug")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_switched_off_is_no_topic() {
        let settings = settings_of(&Notifications {
            off: vec!["quota".to_owned(), "lan".to_owned()],
            expiry_days: vec![3],
        });
        assert!(!settings.topics.contains(&Topic::Quota) && !settings.topics.contains(&Topic::Lan));
        assert_eq!((settings.topics.len(), settings.expiry_days), (6, vec![3]));
        assert_eq!(
            settings_of(&Notifications::default()),
            NotificationSettings::default()
        );
    }

    #[test]
    fn every_topic_can_be_switched_off_by_its_name() {
        let key = crate::config::keys::KEYS
            .iter()
            .find(|key| key.path == "notifications.off")
            .unwrap();
        let crate::config::keys::Kind::ListOf(crate::config::keys::Kind::OneOf(names)) = key.kind
        else {
            panic!("it is a list")
        };
        assert_eq!(names.to_vec(), Topic::ALL.map(Topic::name));
    }
}
