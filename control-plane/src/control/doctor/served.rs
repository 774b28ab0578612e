//! What the agent knows, or what a command finds in the files of the home where none runs.

use std::time::{Duration, SystemTime};

use super::check::Check;
use super::stores::StoreFacts;
use super::vault::VaultFacts;
use super::{failures, stores};
use crate::account::{KeyKind, Secret, VaultState};
use crate::control::account::AccountFacts;
use crate::control::service::ControlService;
use crate::status::{AccountStatus, NeedsUser};

/// How long the look through the records may take.
const CHECK_LIMIT: Duration = Duration::from_secs(10);

/// Opens the vault where a command works on the files, as an agent would. For its passphrase a
/// person is asked only where accounts are to be tried.
pub(in crate::control) async fn open_vault(
    service: &ControlService,
    is_online: bool,
) -> VaultFacts {
    let handle = service.accounts.vault();
    let kind = tokio::task::spawn_blocking(move || handle.key_kind());
    let kind = kind.await.unwrap_or_default();
    if service.agent.is_none() {
        if kind == Some(KeyKind::Passphrase) && !is_online {
            service.accounts.reload_pool();
        } else {
            // Where it stays shut, its state says why.
            let _ = service.open_vault().await;
        }
    }
    let state = service.accounts.vault().state();
    let readiness = match state {
        VaultState::Empty => readiness(service).await,
        _ => None,
    };
    VaultFacts {
        state,
        kind,
        readiness,
        waiting: Vec::new(),
    }
}

async fn readiness(service: &ControlService) -> Option<Result<KeyKind, String>> {
    let keys = service.environment.vault_keys();
    let asked = tokio::task::spawn_blocking(move || keys.kind_of_new_vault());
    Some(asked.await.ok()?.map_err(|error| error.to_string()))
}

pub(in crate::control) fn waiting(accounts: &[AccountFacts]) -> Vec<String> {
    let is_waiting = |account: &&AccountFacts| {
        matches!(
            account.shown_status(),
            AccountStatus::NeedsUser(NeedsUser::VaultLocked { .. })
        )
    };
    let waiting = accounts.iter().filter(is_waiting);
    waiting.map(|account| account.name.clone()).collect()
}

pub(in crate::control) async fn store_facts(service: &ControlService) -> StoreFacts {
    let (home, reader) = (service.home.clone(), service.record_reader.clone());
    let looked = tokio::task::spawn_blocking(move || stores::look(&home));
    let mut facts = looked.await.unwrap_or_default();
    if let Err(error) = service.store().flush().await {
        facts.accounts_problem.get_or_insert(error.to_string());
    }
    facts.notes_dropped = service.store().state_writes_dropped();
    service.flush_records().await;
    let checked = tokio::task::spawn_blocking(move || reader.check());
    if let Ok(Ok(Err(problem))) = tokio::time::timeout(CHECK_LIMIT, checked).await {
        facts.records_problem = Some(problem);
    }
    if let Ok(records) = service.records_facts().await {
        facts.records_count = records.done + records.left + records.failed + records.refused;
        facts.records = records.status;
    }
    facts
}

pub(in crate::control) async fn last_failures(service: &ControlService) -> Vec<Check> {
    service.flush_records().await;
    let now = SystemTime::now();
    match service.failures(now - failures::TOLD, None).await {
        Ok(list) => failures::checks(&list, now),
        // Why the file cannot be read is a finding of the store's.
        Err(_) => Vec::new(),
    }
}

/// What a process knows of secrets by their value.
pub(in crate::control) fn known_secrets(service: &ControlService) -> Vec<Secret> {
    crate::control::service::known_secrets(&service.accounts, &service.home)
}

/// Whether everything that the vault holds is known here.
pub(in crate::control) fn knows_all(service: &ControlService) -> bool {
    matches!(
        service.accounts.vault().state(),
        VaultState::Empty | VaultState::Open(_)
    )
}

/// Where a command works on the files, the vault is opened as for the findings.
pub(in crate::control) async fn prepare(service: &ControlService) {
    drop(open_vault(service, false).await);
}
