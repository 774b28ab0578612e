//! `client env`, `client run`: what points a client here without any file.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clients::{self, Shell, Surroundings};
use crate::control::clients::{self as service_clients, ClientChoice};
use crate::control::service::ControlService;
use crate::control::verb::{LOCAL_LIMIT, Needs, Verb};
use crate::control::wire::{ControlError, Notes, WireSecret};
use crate::language::Said;

#[derive(Debug, Serialize, Deserialize)]
pub struct ClientEnv {
    pub client: ClientChoice,
    /// The form of the lines; that of the person's shell where none is named.
    pub shell: Option<String>,
    /// Where the person is who asks.
    pub at: Surroundings,
}

/// What points a client here.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ClientEnvironment {
    pub title: String,
    /// By which the client is started.
    pub programs: Vec<String>,
    /// For the shell. The key is in none of them, unless the shell runs no commands.
    pub lines: Vec<String>,
    /// The same as names and values, with the key.
    pub variables: Vec<(String, WireSecret)>,
    /// The arguments that go before the person's own.
    pub arguments: Vec<String>,
    pub warnings: Vec<String>,
}

impl Verb for ClientEnv {
    type Response = ClientEnvironment;
    const NAME: &'static str = "client_env";
    const TIME_LIMIT: Duration = LOCAL_LIMIT;
    const NEEDS: Needs = Needs::AnyFiles;

    async fn run(
        self,
        service: &ControlService,
        _: &Notes,
    ) -> Result<ClientEnvironment, ControlError> {
        let Self { client, shell, at } = self;
        let found = service_clients::find(&client)?;
        let shell = match &shell {
            None => Shell::usual(at.variable("SHELL")),
            Some(name) => Shell::by_name(name).ok_or_else(|| unknown_shell(name))?,
        };
        service_clients::check_tiers(found, &client.tiers)?;
        let target = service.client_target(&client, false, &at).await?;
        let arguments = (found.arguments)(&target);
        if found.variables.is_empty() && arguments.is_empty() {
            return Err(ControlError::usage(Said::quoted(format_args!(
                "{} reads no variable that points it elsewhere: `aerostat client connect {}`",
                found.title,
                found.words()
            ))));
        }
        let pairs = clients::variable_pairs(found, &target).into_iter();
        let secret = |value| WireSecret(crate::account::Secret::new(value));
        let warnings = clients::shell_warnings(found).iter();
        Ok(ClientEnvironment {
            title: found.title.to_owned(),
            programs: found.programs.iter().map(|&name| name.to_owned()).collect(),
            lines: clients::shell_lines(found, &target, shell),
            variables: pairs.map(|(name, value)| (name, secret(value))).collect(),
            arguments,
            warnings: warnings
                .map(|warning| warning.text.of(at.language).to_owned())
                .collect(),
        })
    }
}

fn unknown_shell(name: &str) -> ControlError {
    let names: Vec<&str> = Shell::names().collect();
    ControlError::usage(Said::quoted(format_args!(
        "no shell `{name}`: expected {}",
        names.join(", ")
    )))
}
