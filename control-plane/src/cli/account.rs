//! The commands about accounts.

use std::path::Path;
use std::time::SystemTime;

use anyhow::{Context as _, anyhow};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::args::{AccountCommand, Changes, CredentialArgs};
use super::exit_code::{DONE, FAILED, WRONG_USAGE};
use super::out::column_width;
use super::{ExitCode, Session};
use crate::control::account::{
    AccountFacts, AddedAccount, BudgetFacts, CooldownFacts, CredentialForm, CredentialInput,
    QuotaFacts, SettingChanges, StoreOptions,
};
use crate::control::verbs::account_import::{ImportChange, ImportKind};
use crate::control::verbs::{
    AccountAdd, AccountClear, AccountExport, AccountForm, AccountImport, AccountList, AccountLogin,
    AccountRemove, AccountSet, AccountShow, AccountTest, LoginForm,
};
use crate::control::{ControlError, PASSPHRASE_CHARS_MIN, Secret, Verb, WireSecret};
use crate::host::private_file;
use crate::language::Said;
use crate::status::rfc3339;

/// Models that are named after a test; more are counted.
const MODELS_SHOWN: usize = 12;

pub(super) fn perform(session: &mut Session<'_>, command: AccountCommand) -> ExitCode {
    match command {
        AccountCommand::Add {
            provider,
            name,
            credential,
            keep,
            insecure_plaintext,
        } => {
            let form = session.call(AccountForm {
                provider: provider.clone(),
                name: name.clone(),
            })?;
            let prompt = format!("Key for `{provider}`: ");
            let credential = read_credential(session, &credential, form, &prompt)?;
            let options = StoreOptions {
                keep,
                insecure_plaintext,
            };
            let verb = AccountAdd {
                provider,
                name,
                credential,
                options,
            };
            store(session, verb)
        }
        AccountCommand::Login {
            name,
            credential,
            confirm_address,
            keep,
            insecure_plaintext,
        } => {
            let form = session.call(LoginForm { name: name.clone() })?;
            let credential = if confirm_address {
                CredentialInput::SameForNewAddress
            } else {
                let prompt = format!("New key for `{name}`: ");
                read_credential(session, &credential, form, &prompt)?
            };
            let options = StoreOptions {
                keep,
                insecure_plaintext,
            };
            let verb = AccountLogin {
                name,
                credential,
                options,
            };
            store(session, verb)
        }
        AccountCommand::List => list(session),
        AccountCommand::Show { name } => show(session, AccountShow { name }),
        AccountCommand::Test { name } => test(session, name),
        AccountCommand::Enable { name } => show(session, AccountSet::enabled(name, true)),
        AccountCommand::Disable { name } => show(session, AccountSet::enabled(name, false)),
        AccountCommand::Set { name, changes } => {
            let changes = setting_changes(changes);
            show(session, AccountSet { name, changes })
        }
        AccountCommand::Clear { name } => show(session, AccountClear { name }),
        AccountCommand::Remove {
            name,
            forget_figures,
            yes,
        } => remove(session, name, forget_figures, yes),
        AccountCommand::Export {
            file,
            passphrase_stdin,
        } => export(session, &file, passphrase_stdin),
        AccountCommand::Import {
            file,
            passphrase_stdin,
            yes,
        } => import(session, &file, passphrase_stdin, yes),
    }
}

fn setting_changes(changes: Changes) -> SettingChanges {
    let Changes {
        priority,
        concurrency,
        expires,
        models,
        budgets,
        proxy,
    } = changes;
    SettingChanges {
        enabled: None,
        priority,
        concurrency,
        expires,
        models,
        budgets,
        proxy,
    }
}

/// Reads a credential from where the arguments say, else as the provider's form wants it.
fn read_credential(
    session: &Session<'_>,
    args: &CredentialArgs,
    form: CredentialForm,
    prompt: &str,
) -> anyhow::Result<CredentialInput> {
    let (program, source) = (session.program, &args.source);
    let stdin = || program.read_stdin();
    if let Some(variable) = &source.env {
        return Ok(CredentialInput::Variable(variable.clone()));
    }
    if source.stdin {
        return Ok(CredentialInput::Key(WireSecret(stdin()?)));
    }
    if source.service_account_stdin {
        return Ok(CredentialInput::ServiceAccount(WireSecret(stdin()?)));
    }
    if source.refresh_token_stdin {
        return Ok(refresh_token(&stdin()?, args.client_secret_stdin));
    }
    match form {
        CredentialForm::Nothing => Ok(CredentialInput::Nothing),
        CredentialForm::OAuth => {
            let client_secret = if args.client_secret_stdin {
                Some(WireSecret(stdin()?.trimmed()))
            } else {
                None
            };
            Ok(CredentialInput::SignIn { client_secret })
        }
        CredentialForm::Key if source.oauth => Err(ControlError::usage(Said::quoted(
            "this provider takes a key, and no sign-in",
        ))
        .into()),
        CredentialForm::Key => {
            let key = program
                .read_hidden(prompt)
                .context("no key can be asked for; give it with `--stdin`")?;
            Ok(CredentialInput::Key(WireSecret(key)))
        }
    }
}

/// The token, and on the next line the client's secret where one is announced.
fn refresh_token(typed: &Secret, has_client_secret: bool) -> CredentialInput {
    let mut lines = typed.expose().lines();
    let mut next = || WireSecret(Secret::new(lines.next().unwrap_or_default().to_owned()));
    CredentialInput::RefreshToken {
        token: next(),
        client_secret: has_client_secret.then(next),
    }
}

/// Adds an account, or replaces its credential.
fn store(session: &mut Session<'_>, verb: impl Verb<Response = AddedAccount>) -> ExitCode {
    let added = session.call(verb)?;
    session.out.facts(&added, added_lines(&added));
    Ok(DONE)
}

fn list(session: &mut Session<'_>) -> ExitCode {
    let accounts = session.call(AccountList {})?;
    session.out.facts(&accounts, list_lines(&accounts));
    if accounts.is_empty() {
        session
            .out
            .note("no accounts yet: `aerostat account add PROVIDER` adds one");
    }
    Ok(DONE)
}

/// Has a verb done that returns the account as it is afterwards.
fn show(session: &mut Session<'_>, verb: impl Verb<Response = AccountFacts>) -> ExitCode {
    let account = session.call(verb)?;
    session.out.facts(&account, show_lines(&account));
    Ok(DONE)
}

fn test(session: &mut Session<'_>, name: String) -> ExitCode {
    let test = session.call(AccountTest { name })?;
    let works = [test.message.to_string()]
        .into_iter()
        .filter(|_| test.works);
    session
        .out
        .facts(&test, works.chain(models_line(&test.models)));
    if test.works {
        return Ok(DONE);
    }
    session.out.error(&test.message.to_string());
    session
        .out
        .error(test.account.advice.as_deref().unwrap_or_default());
    Ok(FAILED)
}

fn remove(
    session: &mut Session<'_>,
    name: String,
    forget_figures: bool,
    is_meant: bool,
) -> ExitCode {
    if !is_meant {
        session.out.error(&format!(
            "nothing was removed: say `aerostat account remove {name} --yes`"
        ));
        return Ok(WRONG_USAGE);
    }
    let account = session.call(AccountRemove {
        name,
        forget_figures,
    })?;
    let what = if forget_figures {
        "its credential and its figures"
    } else {
        "its credential"
    };
    let line = format!("the account `{}` and {what} are gone", account.name);
    session.out.facts(&account, [line]);
    Ok(DONE)
}

fn export(session: &mut Session<'_>, file: &Path, from_stdin: bool) -> ExitCode {
    let passphrase = new_passphrase(session, from_stdin)?;
    let exported = session.call(AccountExport { passphrase })?;
    private_file::write_new(file, &exported.bytes())
        .with_context(|| format!("`{}` cannot be written", file.display()))?;
    let line = format!(
        "{} accounts are in `{}`, sealed with the passphrase",
        exported.accounts.len(),
        file.display()
    );
    let facts = json!({ "accounts": exported.accounts, "file": file });
    session.out.facts(&facts, [line]);
    Ok(DONE)
}

fn import(session: &mut Session<'_>, file: &Path, from_stdin: bool, is_meant: bool) -> ExitCode {
    let sealed =
        std::fs::read(file).with_context(|| format!("`{}` cannot be read", file.display()))?;
    let passphrase = passphrase(session, from_stdin)?;
    let imported = session.call(AccountImport {
        file: STANDARD.encode(sealed),
        passphrase,
        is_meant,
    })?;
    let changes = imported.changes.iter();
    let lines = changes.map(|change| import_line(change, imported.is_done));
    session.out.facts(&imported, lines);
    if !imported.is_done {
        session
            .out
            .note("nothing was changed; the same with `--yes` does it");
    }
    Ok(DONE)
}

fn passphrase(session: &Session<'_>, from_stdin: bool) -> anyhow::Result<WireSecret> {
    if !from_stdin {
        return hidden_passphrase(session, "Passphrase of the file: ");
    }
    let typed = session.program.read_stdin()?;
    let first = typed.expose().lines().next().unwrap_or_default();
    Ok(WireSecret(Secret::new(first.to_owned())))
}

/// A passphrase that is chosen now; at a terminal it is typed twice.
fn new_passphrase(session: &Session<'_>, from_stdin: bool) -> anyhow::Result<WireSecret> {
    if from_stdin {
        return passphrase(session, from_stdin);
    }
    let rule = format!("At least {PASSPHRASE_CHARS_MIN} characters; an empty line gives up.");
    let mut prompt = format!("{rule}\nPassphrase for the file: ");
    loop {
        let chosen = hidden_passphrase(session, &prompt)?;
        let length = chosen.0.expose().chars().count();
        if length == 0 {
            return Err(anyhow!("no passphrase was given; nothing was written"));
        }
        if length < PASSPHRASE_CHARS_MIN {
            prompt = format!("That is too short. {rule}\nPassphrase for the file: ");
        } else if hidden_passphrase(session, "The same again: ")?.0 == chosen.0 {
            return Ok(chosen);
        } else {
            prompt = "The two are not the same.\nPassphrase for the file: ".to_owned();
        }
    }
}

fn hidden_passphrase(session: &Session<'_>, prompt: &str) -> anyhow::Result<WireSecret> {
    let typed = session
        .program
        .read_hidden(prompt)
        .context("no passphrase can be asked for; give it with `--passphrase-stdin`")?;
    Ok(WireSecret(typed))
}

fn added_lines(added: &AddedAccount) -> Vec<String> {
    let account = &added.account;
    let mut lines = vec![
        format!("{}: {}", account.name, account.status),
        added.message.to_string(),
    ];
    lines.extend(models_line(&added.models));
    lines.extend(quota_lines(account));
    lines.extend(advice_line(account));
    lines
}

fn advice_line(account: &AccountFacts) -> Option<String> {
    let advice = account.advice.as_ref()?;
    Some(format!("what to do: {advice}"))
}

fn models_line(models: &[String]) -> Option<String> {
    if models.is_empty() {
        return None;
    }
    let (shown, more) = models.split_at(models.len().min(MODELS_SHOWN));
    let shown = shown.join(", ");
    Some(if more.is_empty() {
        format!("models: {shown}")
    } else {
        format!("models: {shown} and {} more", more.len())
    })
}

fn list_lines(accounts: &[AccountFacts]) -> Vec<String> {
    let names = column_width(accounts.iter().map(|account| account.name.as_str()));
    let providers = column_width(accounts.iter().map(|account| account.provider.as_str()));
    let mut lines = Vec::new();
    for account in accounts {
        lines.push(format!(
            "{:names$}  {:providers$}  {}  [{}]",
            account.name,
            account.provider,
            account.status,
            source(account)
        ));
        for line in quota_lines(account).into_iter().chain(advice_line(account)) {
            lines.push(format!("  {line}"));
        }
    }
    lines
}

fn show_lines(account: &AccountFacts) -> Vec<String> {
    let or_none = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".to_owned());
    let mut lines = vec![
        format!("{}: {}", account.name, account.status),
        format!("provider: {}", account.provider),
        format!("source: {}", source(account)),
        format!("enabled: {}", if account.enabled { "yes" } else { "no" }),
        format!("priority: {}", account.priority),
        format!(
            "concurrency: {}",
            or_none(&account.concurrency.map(|limit| limit.to_string()))
        ),
        format!("in flight: {}", account.in_flight),
        format!("conversations: {}", account.sessions),
        format!(
            "models: {}",
            account
                .models
                .as_ref()
                .map_or_else(|| "all".to_owned(), |models| models.join(", "))
        ),
        format!("proxy: {}", or_none(&account.proxy)),
        format!("expires: {}", or_none(&account.expires_on.map(rfc3339))),
    ];
    lines.extend(
        account
            .token_until
            .iter()
            .map(|until| format!("access token until: {}", rfc3339(*until))),
    );
    lines.extend(account.cooldowns.iter().map(cooldown_line));
    lines.extend(quota_lines(account));
    lines.extend(advice_line(account));
    lines
}

fn source(account: &AccountFacts) -> String {
    match &account.variable {
        Some(variable) => format!("env {variable}"),
        None => account.source.name().to_owned(),
    }
}

fn cooldown_line(cooldown: &CooldownFacts) -> String {
    let model = cooldown.model.as_deref().unwrap_or("all models");
    let until = rfc3339(cooldown.until);
    let cause = cooldown.cause;
    match &cooldown.detail {
        Some(detail) => format!("cooldown for {model} until {until} ({cause}: {detail})"),
        None => format!("cooldown for {model} until {until} ({cause})"),
    }
}

fn quota_lines(account: &AccountFacts) -> Vec<String> {
    let budgets = account.budgets.iter().map(budget_line);
    account
        .quota
        .iter()
        .map(|quota| quota_line(quota, SystemTime::now()))
        .chain(budgets)
        .collect()
}

fn quota_line(quota: &QuotaFacts, now: SystemTime) -> String {
    let number = |number: Option<u64>| {
        number.map_or_else(|| "unknown".to_owned(), |number| number.to_string())
    };
    let model = quota
        .model
        .as_ref()
        .map(|model| format!(" for {model}"))
        .unwrap_or_default();
    let resets = quota
        .resets_at
        .map(|at| format!(", resets at {}", rfc3339(at)))
        .unwrap_or_default();
    format!(
        "quota {}{model}: {} of {} left{resets}{}",
        quota.window,
        number(quota.remaining),
        number(quota.limit),
        remark_on(quota, now)
    )
}

/// What an old reading is worth, and where a fresh one leads.
fn remark_on(quota: &QuotaFacts, now: SystemTime) -> String {
    let read = rfc3339(quota.read_at);
    if quota.has_reset(now) {
        return format!(" (read at {read}; reset since)");
    }
    if quota.stale_for(now).is_some() {
        return format!(" (read at {read})");
    }
    let gone = quota.gone_at().filter(|at| *at > now);
    gone.map(|at| format!(" (gone at {} at this pace)", rfc3339(at)))
        .unwrap_or_default()
}

fn budget_line(budget: &BudgetFacts) -> String {
    format!(
        "budget {}: {} of {} used, resets at {}",
        budget.budget,
        budget.spent,
        budget.limit,
        rfc3339(budget.resets_at)
    )
}

fn import_line(change: &ImportChange, is_done: bool) -> String {
    let ImportChange {
        name,
        provider,
        address,
        change,
        replaces,
    } = change;
    let address = address
        .as_ref()
        .map(|address| format!(", whose credential goes to {address}"))
        .unwrap_or_default();
    let did = |done: &str, would: &str| {
        if is_done {
            done.to_owned()
        } else {
            format!("would {would}")
        }
    };
    match change {
        ImportKind::Adds => format!("{} `{name}` at `{provider}`{address}", did("added", "add")),
        ImportKind::Same => format!("`{name}` is the same already"),
        ImportKind::Replaces => format!(
            "{} of `{name}` at `{provider}`{address}: {}",
            did("replaced", "replace"),
            replaces.join(", ")
        ),
    }
}
