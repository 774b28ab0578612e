//! Other programs pointed at this gateway: what [`crate::clients`] needs to know of this one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::clients_models::{listed_with, served_models};
use super::refusal::Refusal;
use super::service::ControlService;
use super::status::{Found, probe};
use super::wire::{ControlError, Note, Notes};
use crate::account::{Secret, Vault};
use crate::clients::{
    self, Client, ClientProblem, ClientState, FileDiff, Journal, LinesByHand, Model, Plan, Receipt,
    Receipts, SealedValues, Setup, Shell, Surroundings, Target,
};
use crate::config::{Home, local_key};
use crate::host::{self, port_owner};
use crate::language::Language;
use crate::language::Said;
use crate::modes::AuthMode;
use crate::provider::DEMO;
use crate::status::{PortOwner, PortStatus, local_url, rfc3339};
use crate::suggestion::nearest;

/// How long a program at the port may take to say who it is.
const PROBE_TIMEOUT: std::time::Duration = std::time::Duration::from_millis(500);

/// How often a change is worked out again because a file changed meanwhile.
const ATTEMPTS: usize = 3;

/// Which client, and how a person wants it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientChoice {
    pub name: String,
    /// Another way to set it up, such as `profile-only`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// The model that it is to use by default; its own choice where none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Which models its tiers are to be, where some were mapped.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tiers: BTreeMap<String, String>,
}

/// Which step of a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientStep {
    /// Nothing is written.
    Show,
    /// Written, whatever is in the files.
    Write,
    /// Written if it is still the change with this digest.
    WriteTo(String),
}

/// A change of a client's files, shown or made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientChange {
    pub name: String,
    pub variant: Option<String>,
    pub title: String,
    pub outcome: ClientOutcome,
    /// Names this very change.
    pub digest: String,
    pub files: Vec<FileDiff>,
    /// What to know before the change.
    pub warnings: Vec<String>,
    /// What stays, because the person has changed it since.
    pub left: Vec<String>,
    /// What is left to do.
    pub afterwards: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientOutcome {
    /// It is as asked already.
    Nothing,
    Shown,
    Written,
    /// The files are others than were shown: nothing was written, and the difference is the present one.
    ChangedMeanwhile,
    /// No file can do it: `afterwards` says what a person does.
    ByHand,
}

/// How a client stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientFacts {
    pub name: String,
    pub variant: Option<String>,
    pub title: String,
    #[serde(flatten)]
    pub state: ClientState,
    /// Whether its program or its folder is on this machine.
    pub is_found: bool,
    /// Whether something was changed for it that `disconnect` undoes.
    pub has_receipt: bool,
    /// When it was connected, and the files of that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connected_at: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    /// Who has the port that it points at, where that is another program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port_owner: Option<PortOwner>,
}

/// The client that was named.
///
/// # Errors
/// When there is none, or it has no such variant.
pub(super) fn find(choice: &ClientChoice) -> Result<&'static Client, ControlError> {
    let variant = choice.variant.as_deref();
    if let Some(client) = clients::find(&choice.name, variant) {
        return Ok(client);
    }
    let named = clients::ALL
        .iter()
        .filter(|client| client.name == choice.name);
    let variants: Vec<&str> = named.clone().filter_map(|client| client.variant).collect();
    let name = choice.name.clone();
    if variant == Some(clients::IN_SHELL) && named.clone().count() > 0 {
        return Err(ControlError::usage(Refusal::NoVariables { name }));
    }
    let refusal = match (named.count(), variant) {
        (0, _) => {
            let names = clients::ALL.iter().map(|client| client.name);
            match nearest(&choice.name, names, 1).first() {
                Some(near) => Refusal::NoClientButNear {
                    name,
                    near: (*near).to_owned(),
                },
                None => Refusal::NoClient { name },
            }
        }
        (_, Some(variant)) if variants.is_empty() => {
            let variant = variant.to_owned();
            Refusal::NoVariants { name, variant }
        }
        (_, Some(variant)) => Refusal::OtherVariants {
            name,
            variant: variant.to_owned(),
            variants: variants.join("`, `--"),
        },
        (_, None) => Refusal::WantsVariant {
            name,
            variants: Said::in_each(|language| match language {
                Language::English => variants.join("` or `--"),
                Language::German => variants.join("` oder `--"),
            }),
        },
    };
    Err(ControlError::usage(refusal))
}

/// Whether there is a client of that name.
#[cfg(test)]
pub(crate) fn is_client(name: &str) -> bool {
    clients::find(name, None).is_some()
}

/// Values that clients' files had before, sealed in the vault.
struct InVault(Vault);

impl SealedValues for InVault {
    fn keep(&self, name: &str, value: Secret) -> Result<(), Said> {
        let put = self.0.put_value(in_vault(name), value);
        put.map_err(|why| Said::of(&why))
    }

    fn get(&self, name: &str) -> Result<Option<Secret>, Said> {
        self.0.open().map_err(|why| Said::of(&why))?;
        Ok(self.0.value(&in_vault(name)))
    }

    fn forget(&self, name: &str) -> Result<(), Said> {
        let removed = self.0.remove_value(&in_vault(name));
        removed.map_err(|why| Said::of(&why))
    }
}

fn in_vault(name: &str) -> String {
    format!("client {name}")
}

/// What the work on clients' files needs, for a thread that may wait.
struct Workplace {
    receipts: Receipts,
    sealed: InVault,
    target: Target,
    at: Surroundings,
    /// Whether the target's address is the one that the configuration says.
    is_address_known: bool,
}

impl Workplace {
    fn journal(&self) -> Journal<'_> {
        Journal {
            receipts: &self.receipts,
            sealed: &self.sealed,
        }
    }

    fn plan(&self, client: &'static Client, wish: Wish) -> Result<Option<Plan>, ClientProblem> {
        let standing = self.journal().standing(&client.id())?;
        match (wish, standing) {
            (Wish::Connected, standing) => {
                refuse_shared_files(client, &self.receipts, &self.at)?;
                let now = rfc3339(SystemTime::now());
                clients::connect(client, &self.target, &self.at, standing, now).map(Some)
            }
            (Wish::Disconnected, Some(standing)) => {
                clients::disconnect(&self.target, standing).map(Some)
            }
            (Wish::Disconnected, None) => Ok(None),
        }
    }

    fn change(
        &self,
        client: &'static Client,
        wish: Wish,
        step: &ClientStep,
    ) -> Result<ClientChange, ClientProblem> {
        self.journal().recover(&client.id())?;
        let mut attempts = 0;
        loop {
            attempts += 1;
            match self.try_change(client, wish, step) {
                Err(ClientProblem::ChangedMeanwhile) if attempts < ATTEMPTS => {}
                other => return other,
            }
        }
    }

    fn try_change(
        &self,
        client: &'static Client,
        wish: Wish,
        step: &ClientStep,
    ) -> Result<ClientChange, ClientProblem> {
        let Some(mut plan) = self.plan(client, wish)? else {
            return Ok(self.described(client, wish, None, ClientOutcome::Nothing));
        };
        let digest = plan.digest();
        let outcome = match step {
            // A receipt without its files changed is still to be put away.
            _ if !plan.changes_files() && wish == Wish::Connected => ClientOutcome::Nothing,
            ClientStep::Show => ClientOutcome::Shown,
            ClientStep::WriteTo(expected) if *expected != digest => ClientOutcome::ChangedMeanwhile,
            ClientStep::Write | ClientStep::WriteTo(_) => ClientOutcome::Written,
        };
        let change = self.described(client, wish, Some(&plan), outcome);
        if outcome == ClientOutcome::Written {
            if wish == Wish::Connected {
                plan.note_version(clients::version_seen(client, &self.at));
            }
            self.journal().carry_out(&client.id(), plan)?;
        }
        Ok(change)
    }

    fn described(
        &self,
        client: &'static Client,
        wish: Wish,
        plan: Option<&Plan>,
        outcome: ClientOutcome,
    ) -> ClientChange {
        let is_connecting = wish == Wish::Connected;
        let mut warnings: Vec<String> = Vec::new();
        if is_connecting {
            let apply = client
                .warnings
                .iter()
                .filter(|warning| (warning.when)(&self.at));
            warnings.extend(apply.map(|warning| warning.text.of(self.at.language).to_owned()));
            let key = &self.target.key;
            let holding = plan
                .map(|plan| plan.files_with_key(key))
                .unwrap_or_default();
            let why = client.key_in_file.of(self.at.language);
            let holding = holding.iter();
            warnings.extend(holding.map(|file| holds_key(file, why, self.at.language)));
            let beating = clients::beaten_by(client, &self.target.origin, &self.at);
            warnings.extend(beating.iter().map(|what| beats(what, self.at.language)));
        }
        let language = self.at.language;
        let (connected, undone) = (client.afterwards, client.once_undone);
        let afterwards = match (is_connecting, connected.of(language), undone.of(language)) {
            (true, "", _) => Vec::new(),
            (true, text, _) => vec![text.to_owned()],
            (false, _, "") => vec![restart(client.title, language)],
            (false, _, text) => vec![text.to_owned()],
        };
        ClientChange {
            name: client.name.to_owned(),
            variant: client.variant.map(str::to_owned),
            title: client.title.to_owned(),
            outcome,
            digest: plan.map(Plan::digest).unwrap_or_default(),
            files: plan.map(Plan::diffs).unwrap_or_default(),
            warnings,
            left: plan.map(|plan| plan.left.clone()).unwrap_or_default(),
            afterwards,
        }
    }

    /// Where the gateway is. While the configuration cannot be read, where it was when the client
    /// was connected.
    fn origin<'o>(&'o self, receipt: Option<&'o Receipt>) -> &'o str {
        match receipt {
            Some(receipt) if !self.is_address_known => &receipt.gateway,
            _ => &self.target.origin,
        }
    }

    fn facts(&self, client: &'static Client) -> ClientFacts {
        let recovered = self.journal().recover(&client.id());
        let receipt = self.receipts.read(&client.id());
        let (state, receipt) = match (recovered, receipt) {
            (Err(why), receipt) => (unreadable(&why), receipt.ok().flatten()),
            (_, Err(why)) => (unreadable(&ClientProblem::Receipt { error: why }), None),
            (Ok(_), Ok(receipt)) => {
                let origin = self.origin(receipt.as_ref());
                let state = clients::status(client, receipt.as_ref(), origin, &self.at);
                (state, receipt)
            }
        };
        let files = receipt.iter().flat_map(|receipt| &receipt.files);
        ClientFacts {
            name: client.name.to_owned(),
            variant: client.variant.map(str::to_owned),
            title: client.title.to_owned(),
            port_owner: other_owner(&state, receipt.as_ref().map(|receipt| &*receipt.gateway)),
            is_found: clients::is_installed(client, &self.at),
            has_receipt: self.receipts.has(&client.id()),
            state,
            files: files.map(|file| file.path.display().to_string()).collect(),
            connected_at: receipt.map(|receipt| receipt.made_at),
        }
    }
}

/// Two ways to set up one client that change the same file would each take the other's for the
/// person's own.
fn refuse_shared_files(
    client: &Client,
    receipts: &Receipts,
    at: &Surroundings,
) -> Result<(), ClientProblem> {
    let files = |client: &Client| -> Vec<PathBuf> {
        let places = client.files().iter().map(|rule| rule.place.file(at));
        places.flatten().collect()
    };
    let own = files(client);
    let shares = |other: &&&Client| {
        let is_other = other.name == client.name && other.variant != client.variant;
        is_other && files(other).iter().any(|file| own.contains(file))
    };
    let others = clients::ALL.iter().filter(shares);
    match others.into_iter().find(|other| receipts.has(&other.id())) {
        None => Ok(()),
        Some(other) => Err(ClientProblem::OtherWay {
            words: other.words(),
        }),
    }
}

fn beats(what: &str, language: Language) -> String {
    match language {
        Language::English => format!("Here and now, `{what}` beats these settings."),
        Language::German => format!("Hier und jetzt geht `{what}` diesen Einstellungen vor."),
    }
}

fn holds_key(file: &Path, why: &str, language: Language) -> String {
    let file = file.display();
    match language {
        Language::English => {
            format!("`{file}` then holds this gateway's key in clear text. {why}")
        }
        Language::German => {
            format!("In `{file}` steht dann der Schlüssel dieses Gateways im Klartext. {why}")
        }
    }
}

fn restart(title: &str, language: Language) -> String {
    match language {
        Language::English => format!("Restart {title}."),
        Language::German => format!("Starten Sie {title} neu."),
    }
}

fn profile_lines(words: &str, wish: Wish, language: Language) -> String {
    match (wish, language) {
        (Wish::Connected, Language::English) => {
            format!(
                "`aerostat client env {words} --write` puts its variables into your shell's profile."
            )
        }
        (Wish::Disconnected, Language::English) => {
            format!("Take the lines of `aerostat client env {words}` out of your shell's profile.")
        }
        (Wish::Connected, Language::German) => format!(
            "`aerostat client env {words} --write` schreibt seine Variablen in das Profil Ihrer Shell."
        ),
        (Wish::Disconnected, Language::German) => format!(
            "Nehmen Sie die Zeilen von `aerostat client env {words}` aus dem Profil Ihrer Shell."
        ),
    }
}

fn unreadable(why: &ClientProblem) -> ClientState {
    ClientState::Unreadable { why: Said::of(why) }
}

/// Who answers where a connected client asks, if not an Aerostat.
fn other_owner(state: &ClientState, gateway: Option<&str>) -> Option<PortOwner> {
    let url = match state {
        ClientState::Elsewhere { url } => url.as_str(),
        state if state.is_connected() => gateway?,
        _ => return None,
    };
    let address = url.strip_prefix("http://127.0.0.1:")?;
    let digits = address.split('/').next().unwrap_or_default();
    let port: u16 = digits.parse().ok()?;
    match probe(port, PROBE_TIMEOUT) {
        Found::Nothing | Found::Aerostat => None,
        Found::Other => Some(match port_owner(port) {
            Some(host::PortOwner { name, pid }) => PortOwner::Program { name, pid },
            None => PortOwner::Unknown,
        }),
    }
}

/// What a person wants of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    Connected,
    Disconnected,
}

impl ControlService {
    /// Connects or disconnects a client, or shows what that would change.
    ///
    /// # Errors
    /// When there is no such client, or its files cannot be read or must not be changed.
    pub(super) async fn change_client(
        &self,
        choice: &ClientChoice,
        wish: Wish,
        step: ClientStep,
        at: Surroundings,
    ) -> Result<ClientChange, ControlError> {
        let client = find(choice)?;
        check_tiers(client, &choice.tiers)?;
        let mut choice = choice.clone();
        if wish == Wish::Connected {
            self.address_is_known()?;
            let receipts = Receipts::at(self.home.clients_folder());
            // A refresh leaves the models that were chosen.
            if let Ok(Some(known)) = receipts.read(&client.id()) {
                choice.model = choice.model.or(known.model);
                if choice.tiers.is_empty() {
                    choice.tiers = known.tiers;
                }
            }
        }
        if client.variant == Some(clients::IN_SHELL)
            && wish == Wish::Connected
            && Shell::with_profile(&at).is_none()
        {
            return Err(no_profile(&at));
        }
        let workplace = self.workplace(&choice, Some(wish), at).await?;
        if !matches!(client.setup, Setup::Files(_)) {
            return Ok(without_files(client, wish, &workplace));
        }
        on_disk(move || {
            let change = workplace.change(client, wish, &step);
            change.map_err(ControlError::caused_by)
        })
        .await
    }

    /// How clients stand: all, or the ones of that name.
    ///
    /// # Errors
    /// When there is none of that name.
    pub(super) async fn client_facts(
        &self,
        choice: Option<&ClientChoice>,
        at: Surroundings,
    ) -> Result<Vec<ClientFacts>, ControlError> {
        let receipts = Receipts::at(self.home.clients_folder());
        let chosen: Vec<&'static Client> = match choice {
            None => {
                let in_profiles = clients::IN_PROFILES.iter();
                let written = in_profiles.filter(|client| receipts.has(&client.id()));
                clients::ALL.iter().copied().chain(written).collect()
            }
            Some(choice) => vec![find(choice)?],
        };
        let choice = ClientChoice::default();
        let workplace = self.workplace(&choice, None, at).await?;
        on_disk(move || {
            let facts = chosen.into_iter().map(|client| workplace.facts(client));
            Ok(facts.collect())
        })
        .await
    }

    /// What a client is pointed at.
    ///
    /// # Errors
    /// When there is no local key, or no port yet.
    pub(super) async fn client_target(
        &self,
        choice: &ClientChoice,
        lists_models: bool,
        at: &Surroundings,
    ) -> Result<Target, ControlError> {
        self.address_is_known()?;
        let home = &self.home;
        let port = self.client_port();
        if port == 0 {
            return Err(ControlError::failed(Refusal::AnyPort));
        }
        let models = if lists_models {
            listed_with(served_models(self).await?, choice.model.as_deref())
        } else {
            Vec::new()
        };
        let program = at
            .program
            .clone()
            .ok_or_else(|| ControlError::failed(Refusal::ProgramUnknown))?;
        let key = local_key::read_or_create(home).map_err(ControlError::caused_by)?;
        Ok(Target {
            origin: local_url(port),
            program,
            key,
            models,
            ..self.old_target(choice, at)
        })
    }

    /// What a person would write to point a client here.
    ///
    /// # Errors
    /// When there is no such client.
    pub fn client_by_hand(
        &self,
        choice: &ClientChoice,
        language: Language,
    ) -> Result<LinesByHand, ControlError> {
        let client = find(choice)?;
        let at = Surroundings {
            language,
            ..own_surroundings()
        };
        let mut target = self.old_target(choice, &at);
        // Stands for the models that the person writes.
        target.models = vec![Model {
            id: DEMO.to_owned(),
            ..Model::default()
        }];
        Ok(clients::by_hand(client, &target, &at))
    }

    /// What is known of it without a readable configuration, a key or a port: as much as looking and
    /// undoing need.
    fn old_target(&self, choice: &ClientChoice, at: &Surroundings) -> Target {
        let home = &self.home;
        Target {
            origin: local_url(self.client_port()),
            program: at.program.clone().unwrap_or_default(),
            home: other_home(home, at),
            key_file: home.local_key_file(),
            key: local_key::read(home).unwrap_or_else(|| Secret::new(String::new())),
            asks_for_key: self.config().auth_mode != AuthMode::Off,
            models: Vec::new(),
            model: choice.model.clone(),
            tiers: choice.tiers.clone(),
            shell: Shell::with_profile(at).map_or(Shell::Posix, |(shell, _)| shell),
        }
    }

    fn client_port(&self) -> u16 {
        match self.agent.as_ref().map(|agent| agent.port()) {
            Some(PortStatus::Running { port, .. }) => port,
            _ => self.config().port,
        }
    }

    /// Whether the configuration says where clients are pointed: that of a running agent, or the
    /// file.
    ///
    /// # Errors
    /// What is wrong with the file, and what works all the same.
    fn address_is_known(&self) -> Result<(), ControlError> {
        if self.agent.is_some() {
            return Ok(());
        }
        match &self.live.borrow().error {
            None => Ok(()),
            Some(error) => Err(ControlError::quoted(format_args!(
                "{error}\nUntil then no client can be pointed at a port. `client list`, `client status` \
                 and `client disconnect` work all the same."
            ))),
        }
    }

    /// Says what is wrong with a configuration that is not needed now.
    pub(super) async fn note_unknown_address(&self, notes: &Notes) {
        if let Err(error) = self.address_is_known() {
            let text = error.message;
            notes.send(Note { text, url: None }).await;
        }
    }

    async fn workplace(
        &self,
        choice: &ClientChoice,
        wish: Option<Wish>,
        at: Surroundings,
    ) -> Result<Workplace, ControlError> {
        let target = match wish {
            Some(Wish::Connected) => {
                let lists_models = find(choice)?.lists_models;
                self.client_target(choice, lists_models, &at).await?
            }
            _ => self.old_target(choice, &at),
        };
        Ok(Workplace {
            target,
            receipts: Receipts::at(self.home.clients_folder()),
            sealed: InVault(self.accounts.vault()),
            at,
            is_address_known: self.address_is_known().is_ok(),
        })
    }
}

/// Refuses tiers that the client does not have.
pub(super) fn check_tiers(
    client: &Client,
    tiers: &BTreeMap<String, String>,
) -> Result<(), ControlError> {
    let known: Vec<&str> = client.tiers.iter().map(|tier| tier.name).collect();
    let Some(unknown) = tiers.keys().find(|tier| !known.contains(&tier.as_str())) else {
        return Ok(());
    };
    let message = if known.is_empty() {
        format!("{} has no tiers to map to models", client.title)
    } else {
        format!("no tier `{unknown}`: expected {}", known.join(", "))
    };
    Err(ControlError::usage(Said::quoted(message)))
}

fn no_profile(at: &Surroundings) -> ControlError {
    let named = at.variable("SHELL").unwrap_or_default();
    let shell = named.rsplit('/').next().unwrap_or_default();
    ControlError::usage(Said::quoted(format_args!(
        "the profile of the shell `{shell}` is not known: name one with `--shell` (sh, bash, zsh, \
         fish, pwsh), or add the lines that are printed without `--write` yourself"
    )))
}

/// The home, where a program that a client starts would look for another one.
fn other_home(home: &Home, at: &Surroundings) -> Option<PathBuf> {
    let usual = Home::default_in(&|name| at.variable(name).map(Into::into));
    let is_usual = usual.is_some_and(|usual| usual.digest() == home.digest());
    (!is_usual).then(|| home.folder().to_owned())
}

fn without_files(client: &'static Client, wish: Wish, workplace: &Workplace) -> ClientChange {
    let described = workplace.described(client, wish, None, ClientOutcome::ByHand);
    let language = workplace.at.language;
    let afterwards = match &client.setup {
        Setup::ByHand(lines) => lines(&workplace.target, language),
        Setup::Impossible(why) => vec![why.of(language).to_owned()],
        Setup::Environment | Setup::Files(_) => {
            vec![profile_lines(&client.words(), wish, language)]
        }
    };
    ClientChange {
        afterwards,
        ..described
    }
}

/// Runs work that waits for the disk, on a thread where that is allowed.
async fn on_disk<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ControlError> + Send + 'static,
) -> Result<T, ControlError> {
    let worked = tokio::task::spawn_blocking(work).await;
    worked.unwrap_or_else(|_| Err(ControlError::broke()))
}

/// Where this process is, for surfaces without a shell.
pub fn own_surroundings() -> Surroundings {
    let lookup = |name: &str| std::env::var_os(name);
    Surroundings {
        program: host::autostart::this_program(&lookup),
        ..Surroundings::read(
            &lookup,
            clients::plain_variables(),
            clients::key_variables(),
        )
    }
}
