//! The command `doctor`: what it finds by itself, and what the verbs of that name find.
//!
//! Everything that is asked has a time limit, and what cannot be asked is a finding and no error.

use std::ffi::OsString;
use std::sync::Arc;

use super::clients::own_surroundings;
use super::dispatch;
use super::doctor::agent::{self, Answering};
use super::doctor::bundle::{self, Bundle};
use super::doctor::check::{Area, Check, Report, State};
use super::doctor::desktop::{self, SessionFacts};
use super::doctor::{access, clients, proxies, reach, vault};
use super::service::Environment;
use super::socket_path::SocketPath;
use super::status::{Found, Status};
use super::verb::{Verb, VerbCall};
use super::verbs::{ClientList, Doctor, DoctorBundle, GetStatus};
use super::wire::{ControlError, ErrorKind};
use crate::config::file::{ConfigError, load};
use crate::config::{Config, Home, local_key};
use crate::modes::AuthMode;
use crate::status::{AgentStatus, PortStatus};

/// What is asked of a doctor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Whether each account's credential is tried by a call.
    pub is_online: bool,
    /// Whether a bundle is made of what was found.
    pub has_bundle: bool,
}

/// Looks at everything, in less than two minutes whatever hangs.
pub async fn examine(
    home: &Home,
    wanted: Wanted,
    environment: Arc<dyn Environment>,
) -> (Report, Option<Bundle>) {
    let config = load(home);
    let status = status_of(home, &config, environment.clone()).await;
    let mut checks = vec![of_home(home)];
    checks.extend(of_config(home, &config, status.as_ref().ok()));
    checks.extend(agent::of_agent(&status));
    checks.push(proxies::check(&shell_text, "this shell"));
    checks.push(desktop::start_at_login(&shell));
    let clients = examine_clients(home, &status, environment.clone()).await;
    checks.extend(clients);
    let (served, of_port, session) = tokio::join!(
        examine_accounts(home, &config, &status, wanted, environment.clone()),
        examine_port(home, status.as_ref().ok(), wanted.is_online),
        SessionFacts::ask(&shell),
    );
    checks.extend(served);
    checks.extend(of_port);
    checks.extend(session.checks());
    if session.is_keyring_locked() && !checks.iter().any(is_vault_trouble) {
        checks.push(vault::locked_keyring());
    }
    let report = Report::new(checks);
    let bundle = match wanted.has_bundle {
        true => Some(make_bundle(home, &report, status.is_ok(), environment).await),
        false => None,
    };
    (report, bundle)
}

/// Has a verb done. What it notes before its end is left out: the findings say it all.
async fn ask<V: Verb>(
    home: &Home,
    verb: V,
    environment: Arc<dyn Environment>,
) -> Result<V::Response, ControlError> {
    let call = VerbCall::of(&verb)?;
    let done = dispatch::call(home, &call, environment, &mut |_| {}).await;
    done?.parse::<V>()
}

/// Reads the environment of this command.
fn shell(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

fn shell_text(name: &str) -> Option<String> {
    let value = shell(name)?.into_string().ok()?;
    Some(value).filter(|value| !value.is_empty())
}

fn is_vault_trouble(check: &Check) -> bool {
    check.area == Area::Vault && check.state != State::Ok
}

/// What the agent says, or what is found where none runs.
async fn status_of(
    home: &Home,
    config: &Result<Config, ConfigError>,
    environment: Arc<dyn Environment>,
) -> Result<Status, ControlError> {
    let told = ask(home, GetStatus {}, environment).await;
    let not_running = match told {
        Err(error) if error.kind == ErrorKind::NotRunning => error,
        told => return told,
    };
    let Ok(config) = config else {
        return Err(not_running);
    };
    let (config, home) = (config.clone(), home.clone());
    let found = tokio::task::spawn_blocking(move || {
        let socket = SocketPath::of(&home, &shell);
        Status::not_running(&config, &home, &socket)
    });
    found.await.map_err(|_| ControlError::broke())
}

fn of_home(home: &Home) -> Check {
    match home.secure() {
        Ok(()) => Check::ok(
            Area::Home,
            format!("settings and accounts lie in `{}`", home.folder().display()),
        ),
        Err(error) => Check::of_error_with(Area::Home, &error.to_string(), ": "),
    }
}

/// Of the file as it is, and of what a running agent makes of it.
fn of_config(
    home: &Home,
    config: &Result<Config, ConfigError>,
    status: Option<&Status>,
) -> Vec<Check> {
    let next = "mend it and look with `aerostat config check`";
    match config {
        Err(ConfigError::Invalid(problems)) => {
            let told = problems
                .0
                .iter()
                .map(|problem| Check::failed(Area::Configuration, problem.to_string(), next));
            told.collect()
        }
        Err(error) => vec![Check::failed(Area::Configuration, error.to_string(), next)],
        Ok(_) => {
            let rejected = status.and_then(|status| status.config_error.as_ref());
            let what = match (rejected, home.config_file().exists()) {
                (Some(error), _) => {
                    let what = format!("the agent does not use config.toml: {error}");
                    return vec![Check::failed(Area::Configuration, what, next)];
                }
                (None, true) => "config.toml is right",
                (None, false) => "there is no config.toml: everything is as it comes",
            };
            vec![Check::ok(Area::Configuration, what)]
        }
    }
}

/// What only the agent knows, or the files where none runs; as much of it as can be known.
async fn examine_accounts(
    home: &Home,
    config: &Result<Config, ConfigError>,
    status: &Result<Status, ControlError>,
    wanted: Wanted,
    environment: Arc<dyn Environment>,
) -> Vec<Check> {
    let verb = Doctor {
        is_online: wanted.is_online,
    };
    let mut checks = Vec::new();
    if status.is_ok() && home.folder().exists() {
        match ask(home, verb, environment.clone()).await {
            Ok(examined) => return examined.checks,
            Err(error) => checks.push(of_files(&error.to_string(), home)),
        }
    }
    if let Ok(config) = config {
        let reached = reach::reach_all(&*environment, config, &[]).await;
        checks.extend(reach::checks(
            &reached,
            proxies::for_providers(&shell_text).as_ref(),
        ));
        checks.extend(reach::clock_check(&reached));
    }
    checks
}

/// Why nothing could be asked of the agent or read of the files.
fn of_files(why: &str, home: &Home) -> Check {
    // What the system says names no remedy.
    if why.contains("os error") {
        let folder = home.folder().display();
        let next = format!(
            "see that `{folder}` and the files in it are yours and writable, and that its disk is neither full nor read-only"
        );
        return Check::failed(Area::Store, why, next);
    }
    Check::of_error_with(Area::Store, why, ": ")
}

/// How the clients of this person stand, seen from this shell. Nothing where that cannot be known.
async fn examine_clients(
    home: &Home,
    status: &Result<Status, ControlError>,
    environment: Arc<dyn Environment>,
) -> Vec<Check> {
    if status.is_err() || !home.folder().exists() {
        return Vec::new();
    }
    let verb = ClientList {
        client: None,
        at: own_surroundings(),
    };
    let told = ask(home, verb, environment).await;
    told.map_or_else(|_| Vec::new(), |facts| clients::checks(&facts))
}

/// What is at the port, and what a client gets there. Nothing where neither can be known.
async fn examine_port(home: &Home, status: Option<&Status>, is_online: bool) -> Vec<Check> {
    let Some(status) = status.cloned() else {
        return Vec::new();
    };
    let home = home.clone();
    let looked = tokio::task::spawn_blocking(move || {
        let answering = Answering::at(status.port);
        let mut checks = agent::of_port(&status, answering);
        let is_open = matches!(
            status.agent,
            AgentStatus::Running {
                port: PortStatus::Running { .. }
            }
        );
        if is_open && answering.v4 == Found::Aerostat {
            let needs_key = status.auth_mode() != Some(AuthMode::Off);
            let key = needs_key.then(|| local_key::read(&home)).flatten();
            checks.extend(if is_online {
                access::checks(&access::try_all(status.port, key.as_ref()), needs_key)
            } else {
                access::forms(status.port, needs_key)
            });
        }
        checks
    });
    looked.await.unwrap_or_default()
}

async fn make_bundle(
    home: &Home,
    report: &Report,
    is_asked: bool,
    environment: Arc<dyn Environment>,
) -> Bundle {
    let own = bundle::of_command(report, home);
    let verb = DoctorBundle {
        sections: own.clone(),
    };
    let collected = if is_asked && home.folder().exists() {
        ask(home, verb, environment).await
    } else {
        Err(ControlError::quoted("no agent and no files could be asked"))
    };
    bundle::finish(own, collected, home)
}
