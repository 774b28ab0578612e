//! The agent's side of the tray: sends it the agent's state, and does what is clicked there.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::runtime::Handle;
use tracing::{info, warn};

use super::tray_today::TrayToday;
use crate::config::Notifications;
use crate::control::account::{CredentialForm, CredentialInput, StoreOptions};
use crate::control::overview::Overview;
use crate::control::sign_in::open_browser;
use crate::control::verbs::{AccountLogin, AccountSet, LoginForm, Open, Quit, Start, Stop};
use crate::control::{
    ControlError, ControlService, Notes, Started, Verb, local_key, open_in_browser, set_settings,
};
use crate::desktop::{
    Action, AutostartView, Copyable, Event, NotificationSettings, Remote, Topic, TrayBackend,
};
use crate::host::autostart::{self, AutostartState, Kind, Places};
use crate::host::opener;
use crate::language::said;
use crate::status::local_url;

/// Updates come at most four times a second.
const PAUSE: Duration = Duration::from_millis(250);
/// Timers stand still while the machine sleeps, and know nothing of a clock that was set. Both are
/// noticed after this time at the latest.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// The agent's side of the tray.
pub(super) struct TrayBridge {
    remote: Remote,
    /// Whether the dashboard is opened at the start.
    opens_dashboard: bool,
}

impl TrayBridge {
    pub(super) fn new(remote: Remote, opens_dashboard: bool) -> Self {
        Self {
            remote,
            opens_dashboard,
        }
    }

    /// Shows the agent from now on, and takes clicks.
    pub(super) fn attach(&self, service: &Arc<ControlService>) {
        let backend = self.backend(service);
        self.remote.send(Event::AgentStarting(Box::new(backend)));
        repair_autostart();
    }

    /// Reports the start; from now on verbs are answered, and the dashboard is there.
    pub(super) fn started(&self, service: Option<&Arc<ControlService>>, started: Started) {
        self.remote.send(Event::AgentStarted(Box::new(started)));
        if let Some(service) = service.filter(|_| self.opens_dashboard) {
            self.backend(service).perform(Action::OpenDashboard);
        }
    }

    fn backend(&self, service: &Arc<ControlService>) -> ControlBackend {
        ControlBackend {
            service: service.clone(),
            remote: self.remote.clone(),
            runtime: Handle::current(),
        }
    }

    /// Sends every change, until it is dropped.
    pub(super) async fn publish(&self, service: &ControlService) {
        let (mut sent, mut settings) = (None, None);
        let (Some(mut changes), Some(mut today)) = (service.changes(), TrayToday::of(service))
        else {
            return;
        };
        loop {
            today.refresh(service, &self.remote).await;
            // Before the overview, so that no notification that is switched off is shown for it.
            let current = settings_of(&service.config().notifications);
            if settings.as_ref() != Some(&current) {
                self.remote.send(Event::Settings(current.clone()));
                settings = Some(current);
            }
            let overview = service.overview(SystemTime::now());
            if sent.as_ref() != Some(&overview) {
                self.remote
                    .send(Event::Overview(Box::new(overview.clone())));
            }
            tokio::time::sleep(PAUSE).await;
            let wait = time_to_next_change(&overview, SystemTime::now());
            let wait = today.wait().map_or(wait, |due| due.min(wait));
            sent = Some(overview);
            // Whatever ends the wait, everything is compared again.
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = service.changed(&mut changes) => {}
                () = today.noticed() => {}
            }
        }
    }
}

/// How long nothing changes with time alone.
fn time_to_next_change(overview: &Overview, now: SystemTime) -> Duration {
    let next = overview
        .accounts
        .iter()
        .filter_map(|account| account.status.until())
        .filter_map(|until| until.duration_since(now).ok())
        .min()
        .unwrap_or(WAIT_MAX);
    next.saturating_add(PAUSE).min(WAIT_MAX)
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

/// Does what is clicked.
struct ControlBackend {
    service: Arc<ControlService>,
    remote: Remote,
    runtime: Handle,
}

impl TrayBackend for ControlBackend {
    fn perform(&self, action: Action) {
        let (service, remote) = (self.service.clone(), self.remote.clone());
        #[allow(
            clippy::disallowed_methods,
            reason = "the loop must not wait for it, and the runtime ends it"
        )]
        self.runtime.spawn(async move {
            let done = perform(&service, action)
                .await
                .map_err(|error| error.message);
            remote.send(Event::ActionDone(done));
        });
    }

    fn text(&self, what: Copyable) -> Option<String> {
        match what {
            Copyable::BaseUrl(family) => {
                let port = self.service.port();
                let port = port.unwrap_or_else(|| self.service.config().port);
                Some(family.base_url(&local_url(port)))
            }
            Copyable::LocalKey => {
                let key = local_key(self.service.home()).ok()?;
                Some(key.expose().to_owned())
            }
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

said! {
    /// Which page no browser could be started for.
    #[derive(Debug)]
    enum NotOpened;
    SignIn { name: String }: "no browser could be started for the sign-in; `aerostat account login {name}` shows its address" |
        "für die Anmeldung ließ sich kein Browser starten; `aerostat account login {name}` zeigt die Adresse";
    Dashboard { words: String }: "no browser could be started ({words}); `aerostat open` prints the address" |
        "kein Browser ließ sich starten ({words}); `aerostat open` gibt die Adresse aus";
}

async fn perform(service: &ControlService, action: Action) -> Result<(), ControlError> {
    let notes = Notes::discard();
    match action {
        Action::Start => Start {}.run(service, &notes).await.map(drop),
        Action::Stop => Stop {}.run(service, &notes).await.map(drop),
        Action::Quit => Quit {}.run(service, &notes).await.map(drop),
        Action::EnableAccount(name) => set_enabled(service, name, true).await,
        Action::DisableAccount(name) => set_enabled(service, name, false).await,
        Action::SetMode(mode) => set_mode(service, mode).await,
        Action::SetAutostart(is_on) => set_autostart(is_on).await,
        Action::SignIn(name) => sign_in(service, name).await,
        Action::OpenDashboard | Action::AddAccount => open_dashboard(service, None).await,
        Action::ConnectProgram => open_dashboard(service, Some("clients".to_owned())).await,
        Action::OpenConfig => open_config(service).await,
        Action::UnlockVault => service.open_vault().await.map_err(ControlError::caused_by),
        // The tray does these itself.
        Action::Copy(_) | Action::Mute | Action::Unmute => Ok(()),
    }
}

async fn set_enabled(
    service: &ControlService,
    name: String,
    is_enabled: bool,
) -> Result<(), ControlError> {
    let verb = AccountSet::enabled(name, is_enabled);
    verb.run(service, &Notes::discard()).await.map(drop)
}

/// Signs in with a browser where the provider has that; else opens the dashboard, which takes keys.
async fn sign_in(service: &ControlService, name: String) -> Result<(), ControlError> {
    let form = LoginForm { name: name.clone() };
    let form = form.run(service, &Notes::discard()).await?;
    if form != CredentialForm::OAuth {
        return open_dashboard(service, None).await;
    }
    let login = AccountLogin {
        name: name.clone(),
        credential: CredentialInput::SignIn {
            client_secret: None,
        },
        options: StoreOptions::default(),
    };
    let (notes, mut received) = Notes::channel();
    let no_browser = async {
        while let Some(note) = received.recv().await {
            if note.url.is_some_and(|url| !open_browser(&url)) {
                return;
            }
        }
        std::future::pending().await
    };
    tokio::select! {
        done = Box::pin(login.run(service, &notes)) => done.map(drop),
        () = no_browser => {
            Err(ControlError::failed(NotOpened::SignIn { name }))
        }
    }
}

async fn set_mode(service: &ControlService, mode: String) -> Result<(), ControlError> {
    let home = service.home().clone();
    let in_force = Some(service.config().auth_mode);
    blocking(move || {
        set_settings(&home, &[("scheduling.mode", &mode)], in_force)
            .map(drop)
            .map_err(ControlError::caused_by)
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
        done.map(drop).map_err(ControlError::caused_by)
    })
    .await
}

/// Opens the configuration file where the system opens texts, else the dashboard, which says what is
/// wrong with it.
async fn open_config(service: &ControlService) -> Result<(), ControlError> {
    let file = service.home().config_file();
    let opened = blocking(move || opener::open(&file).map_err(ControlError::quoted)).await;
    match opened {
        Ok(()) => Ok(()),
        Err(_) => open_dashboard(service, None).await,
    }
}

async fn open_dashboard(
    service: &ControlService,
    page: Option<String>,
) -> Result<(), ControlError> {
    let link = Open { page }.run(service, &Notes::discard()).await?;
    let opened = move || {
        open_in_browser(&link).map_err(|error| {
            let words = error.to_string();
            ControlError::failed(NotOpened::Dashboard { words })
        })
    };
    blocking(opened).await
}

async fn blocking(
    work: impl FnOnce() -> Result<(), ControlError> + Send + 'static,
) -> Result<(), ControlError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| Err(ControlError::broke()))
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
            settings_of(&crate::config::Config::default().notifications),
            NotificationSettings::default()
        );
    }

    #[test]
    fn every_topic_can_be_switched_off_by_its_name() {
        let key = crate::config::keys::KEYS
            .iter()
            .find(|key| key.path == "notifications.off")
            .unwrap();
        let crate::config::keys::ValueKind::ListOf(crate::config::keys::ValueKind::OneOf(names)) =
            key.kind
        else {
            panic!("it is a list")
        };
        assert_eq!(names.to_vec(), Topic::ALL.map(Topic::name));
    }
}
