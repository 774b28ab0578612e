//! What a page of accounts asks besides the verbs: what comes next, the order of use, the providers
//! to choose from, and sign-ins that go on while the page waits.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::{mpsc, watch};

use super::account::{self, AddedAccount, CredentialInput, ProviderOffer, StoreOptions};
use super::refusal::Refusal;
use super::service::ControlService;
use super::sign_in::{SignInProgress, SignInState};
use super::verb::Verb as _;
use super::verbs::{AccountAdd, AccountLogin};
use super::wire::{ControlError, Note, Notes, WireSecret};
use crate::account::Account;
use crate::outcome::Timestamp;
use crate::pool::Prospect;
use crate::provider::DEMO;

/// How long it may take until it is known where to sign in.
const URL_TIMEOUT: Duration = Duration::from_secs(20);

/// A sign-in that a page asks for: of a new account, or of one that is there.
#[derive(Debug)]
pub struct SignInRequest {
    pub account: Option<String>,
    /// Of a new account.
    pub provider: Option<String>,
    pub client_secret: Option<WireSecret>,
    pub options: StoreOptions,
}

impl ControlService {
    /// Which account of each provider the next request would ask, and why not the others. `model`
    /// is the upstream's name; `None`: any that the account may serve.
    pub fn prospects(&self, model: Option<&str>, now: Timestamp) -> Vec<Prospect> {
        let mut prospects = self.pool().prospects(model, now);
        prospects.retain(|prospect| prospect.provider != DEMO);
        prospects
    }

    /// The providers that an account can be added for.
    pub fn provider_offers(&self) -> Vec<ProviderOffer> {
        account::offers(&self.accounts.effective_config())
    }

    /// Has an account used one step earlier or later among those of its provider. Does nothing
    /// where it is the first or the last.
    ///
    /// # Errors
    /// When there is no such account, or the change cannot be stored.
    pub async fn move_account(&self, name: &str, is_earlier: bool) -> Result<(), ControlError> {
        let provider = account::find(&self.accounts, name)?.provider;
        let facts = account::list(&self.accounts);
        let siblings = facts.iter().filter(|facts| facts.provider == provider);
        let ordered: Vec<(&str, u32)> = siblings
            .map(|facts| (facts.name.as_str(), facts.priority))
            .collect();
        for (name, priority) in account::moved(&ordered, name, is_earlier) {
            let stored = account::find(&self.accounts, name)?;
            let settings = crate::account::AccountSettings {
                priority,
                ..stored.settings.clone()
            };
            let changed = Account { settings, ..stored };
            let put = self.store().put_account(changed.kept(SystemTime::now()));
            put.await.map_err(ControlError::caused_by)?;
        }
        self.accounts_changed().await;
        Ok(())
    }

    /// Starts a sign-in with a browser, and gives its id once it is known where the person signs
    /// in. It ends by itself: see [`ControlService::sign_in_progress`].
    ///
    /// # Errors
    /// Why it cannot be started.
    pub async fn start_sign_in(
        self: &Arc<Self>,
        request: SignInRequest,
    ) -> Result<String, ControlError> {
        let id = random_id();
        let (sender, mut progress) = watch::channel(SignInProgress {
            provider: self.provider_of(&request)?,
            account: request.account.clone(),
            url: None,
            started_at: SystemTime::now(),
            state: SignInState::Waiting,
        });
        let work = run(Arc::clone(self), request, sender);
        self.sign_ins.add(id.clone(), progress.clone(), work)?;
        let known = progress.wait_for(|now| now.url.is_some() || !now.is_waiting());
        let known = tokio::time::timeout(URL_TIMEOUT, known).await;
        let failure = match &known {
            Ok(Ok(now)) => match &now.state {
                SignInState::Failed(error) => Some(error.clone()),
                _ => None,
            },
            _ => Some(ControlError::failed(Refusal::SignInNotStarted)),
        };
        drop(known);
        match failure {
            Some(error) => {
                self.sign_ins.cancel(&id);
                Err(error)
            }
            None => Ok(id),
        }
    }

    /// How a sign-in stands. `None` where there is none of that id any more.
    pub fn sign_in_progress(&self, id: &str) -> Option<SignInProgress> {
        self.sign_ins.get(id)
    }

    /// The sign-ins that wait for their person, with their ids.
    pub fn waiting_sign_ins(&self) -> Vec<(String, SignInProgress)> {
        self.sign_ins.waiting()
    }

    /// Ends a sign-in.
    pub fn cancel_sign_in(&self, id: &str) {
        self.sign_ins.cancel(id);
    }

    fn provider_of(&self, request: &SignInRequest) -> Result<String, ControlError> {
        match (&request.provider, &request.account) {
            (Some(provider), _) => Ok(account::provider_for(&self.accounts, provider)?.name),
            (None, Some(name)) => Ok(account::find(&self.accounts, name)?.provider),
            (None, None) => Err(ControlError::usage(Refusal::AccountOrProvider)),
        }
    }
}

async fn run(
    service: Arc<ControlService>,
    request: SignInRequest,
    progress: watch::Sender<SignInProgress>,
) {
    let (notes, received) = Notes::channel();
    let ended = tokio::select! {
        ended = sign_in(&service, request, &notes) => ended,
        () = follow(received, &progress) => return,
    };
    progress.send_modify(|now| {
        now.state = match ended {
            Ok(added) => SignInState::Done {
                account: added.account.name,
                works: added.works,
                message: added.message,
            },
            Err(error) => SignInState::Failed(error),
        };
    });
}

async fn sign_in(
    service: &ControlService,
    request: SignInRequest,
    notes: &Notes,
) -> Result<AddedAccount, ControlError> {
    let SignInRequest {
        account,
        provider,
        client_secret,
        options,
    } = request;
    let credential = CredentialInput::SignIn { client_secret };
    match provider {
        Some(provider) => {
            let add = AccountAdd {
                provider,
                name: account,
                credential,
                options,
            };
            add.run(service, notes).await
        }
        None => {
            let login = AccountLogin {
                name: account.unwrap_or_default(),
                credential,
                options,
            };
            login.run(service, notes).await
        }
    }
}

/// Passes on where the person signs in.
async fn follow(mut received: mpsc::Receiver<Note>, progress: &watch::Sender<SignInProgress>) {
    while let Some(note) = received.recv().await {
        if let Some(url) = note.url {
            progress.send_modify(|now| now.url = Some(url));
        }
    }
}

/// What no other page of this machine can guess.
fn random_id() -> String {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the system gives random bytes");
    hex::encode(bytes)
}
