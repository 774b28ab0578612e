//! The accounts' verbs, in words.

use std::path::Path;

use anyhow::{Context as _, anyhow};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Program;
use super::args::{AccountVerb, Changes, How};
use super::exit_code::{DONE, FAILED, WRONG_USAGE};
use super::out::Out;
use super::verbs::{Done, ask, unexpected};
use crate::control::account::{
    AccountFacts, Added, BudgetFacts, CooldownFacts, Entered, Entry, Form, ImportChange,
    QuotaFacts, SettingChanges,
};
use crate::control::{Ask, ControlError, Home, Reply, Secret, WireSecret};
use crate::host::private_file;
use crate::status::rfc3339;

/// Models that are named after a test; more are counted.
const MODELS_SHOWN: usize = 12;

pub(super) fn perform(
    home: &Home,
    program: &dyn Program,
    verb: AccountVerb,
    out: &mut Out<'_>,
) -> Done {
    let desk = Line { home, program };
    match verb {
        AccountVerb::Add {
            provider,
            name,
            how,
            keep,
            insecure_plaintext,
        } => {
            let form = desk.form(
                Ask::AccountForm {
                    provider: provider.clone(),
                    name: name.clone(),
                },
                out,
            )?;
            let entered = desk.enter(&how, form, &format!("Key for `{provider}`: "))?;
            desk.added(
                Ask::AccountAdd(Entry {
                    provider,
                    name,
                    entered,
                    keep,
                    insecure_plaintext,
                }),
                out,
            )
        }
        AccountVerb::Login {
            name,
            how,
            confirm_address,
            keep,
            insecure_plaintext,
        } => {
            let form = desk.form(Ask::LoginForm { name: name.clone() }, out)?;
            let entered = match confirm_address {
                true => Entered::SameForNewAddress,
                false => desk.enter(&how, form, &format!("New key for `{name}`: "))?,
            };
            desk.added(
                Ask::AccountLogin(Entry {
                    provider: String::new(),
                    name,
                    entered,
                    keep,
                    insecure_plaintext,
                }),
                out,
            )
        }
        AccountVerb::List => desk.list(out),
        AccountVerb::Show { name } => desk.show(Ask::AccountShow { name }, out),
        AccountVerb::Test { name } => desk.test(name, out),
        AccountVerb::Enable { name } => desk.show(set(name, enabled(true)), out),
        AccountVerb::Disable { name } => desk.show(set(name, enabled(false)), out),
        AccountVerb::Set { name, changes } => desk.show(set(name, changes_of(changes)), out),
        AccountVerb::Clear { name } => desk.show(Ask::AccountClear { name }, out),
        AccountVerb::Remove { name, yes } => desk.remove(name, yes, out),
        AccountVerb::Export {
            file,
            passphrase_stdin,
        } => desk.export(&file, passphrase_stdin, out),
        AccountVerb::Import {
            file,
            passphrase_stdin,
            yes,
        } => desk.import(&file, passphrase_stdin, yes, out),
    }
}

fn set(name: String, changes: SettingChanges) -> Ask {
    Ask::AccountSet { name, changes }
}

fn enabled(is_enabled: bool) -> SettingChanges {
    SettingChanges {
        enabled: Some(is_enabled),
        ..SettingChanges::default()
    }
}

fn changes_of(changes: Changes) -> SettingChanges {
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

/// The way to a desk.
struct Line<'a> {
    home: &'a Home,
    program: &'a dyn Program,
}

impl Line<'_> {
    fn ask(&self, verb: Ask, out: &mut Out<'_>) -> anyhow::Result<Reply> {
        ask(self.home, self.program, verb, out)
    }

    fn form(&self, verb: Ask, out: &mut Out<'_>) -> anyhow::Result<Form> {
        let Reply::Form(form) = self.ask(verb, out)? else {
            return Err(unexpected());
        };
        Ok(form)
    }

    /// What the person enters, by the way that the arguments name or the provider wants.
    fn enter(&self, how: &How, form: Form, question: &str) -> anyhow::Result<Entered> {
        let way = &how.way;
        if let Some(variable) = &way.env {
            return Ok(Entered::Variable(variable.clone()));
        }
        if way.stdin {
            return Ok(Entered::Key(WireSecret(self.program.standard_input()?)));
        }
        if way.service_account_stdin {
            return Ok(Entered::ServiceAccount(WireSecret(
                self.program.standard_input()?,
            )));
        }
        if way.refresh_token_stdin {
            return self.refresh_token(how.client_secret_stdin);
        }
        match form {
            Form::Nothing => Ok(Entered::Nothing),
            Form::OAuth => {
                let secret = || {
                    self.program
                        .standard_input()
                        .map(Secret::trimmed)
                        .map(WireSecret)
                };
                Ok(Entered::SignIn {
                    client_secret: how.client_secret_stdin.then(secret).transpose()?,
                })
            }
            Form::Key if way.oauth => {
                Err(ControlError::usage("this provider takes a key, and no sign-in").into())
            }
            Form::Key => {
                let key = self
                    .program
                    .hidden(question)
                    .context("no key can be asked for; give it with `--stdin`")?;
                Ok(Entered::Key(WireSecret(key)))
            }
        }
    }

    /// The token, and on the next line the client's secret where one is announced.
    fn refresh_token(&self, has_client_secret: bool) -> anyhow::Result<Entered> {
        let typed = self.program.standard_input()?;
        let mut lines = typed.expose().lines();
        let mut next = || Secret::new(lines.next().unwrap_or_default().to_owned());
        let token = WireSecret(next());
        Ok(Entered::RefreshToken {
            token,
            client_secret: has_client_secret.then(|| WireSecret(next())),
        })
    }

    fn added(&self, verb: Ask, out: &mut Out<'_>) -> Done {
        let Reply::Added(added) = self.ask(verb, out)? else {
            return Err(unexpected());
        };
        out.facts(&added, added_lines(&added));
        Ok(DONE)
    }

    fn list(&self, out: &mut Out<'_>) -> Done {
        let Reply::Accounts(accounts) = self.ask(Ask::AccountList, out)? else {
            return Err(unexpected());
        };
        out.facts(&accounts, list_lines(&accounts));
        if accounts.is_empty() {
            out.note("no accounts yet: `aerostat account add PROVIDER --name NAME` adds one");
        }
        Ok(DONE)
    }

    fn show(&self, verb: Ask, out: &mut Out<'_>) -> Done {
        let Reply::Account(account) = self.ask(verb, out)? else {
            return Err(unexpected());
        };
        out.facts(&account, show_lines(&account));
        Ok(DONE)
    }

    fn test(&self, name: String, out: &mut Out<'_>) -> Done {
        let Reply::Test(test) = self.ask(Ask::AccountTest { name }, out)? else {
            return Err(unexpected());
        };
        let works = [test.message.clone()].into_iter().filter(|_| test.works);
        out.facts(&test, works.chain(models_line(&test.models)));
        if test.works {
            return Ok(DONE);
        }
        out.complain(&test.message);
        out.complain(test.account.advice.as_deref().unwrap_or_default());
        Ok(FAILED)
    }

    fn remove(&self, name: String, is_meant: bool, out: &mut Out<'_>) -> Done {
        if !is_meant {
            out.complain(&format!(
                "nothing was removed: say `aerostat account remove {name} --yes`"
            ));
            return Ok(WRONG_USAGE);
        }
        let Reply::Account(account) = self.ask(Ask::AccountRemove { name }, out)? else {
            return Err(unexpected());
        };
        out.facts(
            &account,
            [format!(
                "the account `{}` and its credential are gone",
                account.name
            )],
        );
        Ok(DONE)
    }

    fn export(&self, file: &Path, from_stdin: bool, out: &mut Out<'_>) -> Done {
        let passphrase = self.passphrase(from_stdin, true)?;
        let Reply::Exported(exported) = self.ask(Ask::AccountExport { passphrase }, out)? else {
            return Err(unexpected());
        };
        private_file::write_new(file, &exported.bytes())
            .with_context(|| format!("`{}` cannot be written", file.display()))?;
        let line = format!(
            "{} accounts are in `{}`, sealed with the passphrase",
            exported.accounts.len(),
            file.display()
        );
        out.facts(
            &serde_json::json!({ "accounts": exported.accounts, "file": file }),
            [line],
        );
        Ok(DONE)
    }

    fn import(&self, file: &Path, from_stdin: bool, is_meant: bool, out: &mut Out<'_>) -> Done {
        let sealed =
            std::fs::read(file).with_context(|| format!("`{}` cannot be read", file.display()))?;
        let passphrase = self.passphrase(from_stdin, false)?;
        let verb = Ask::AccountImport {
            file: STANDARD.encode(sealed),
            passphrase,
            is_meant,
        };
        let Reply::Imported(imported) = self.ask(verb, out)? else {
            return Err(unexpected());
        };
        out.facts(
            &imported,
            imported
                .changes
                .iter()
                .map(|change| import_line(change, imported.is_done)),
        );
        if !imported.is_done {
            out.note("nothing was changed; the same with `--yes` does it");
        }
        Ok(DONE)
    }

    fn passphrase(&self, from_stdin: bool, is_new: bool) -> anyhow::Result<WireSecret> {
        if from_stdin {
            let typed = self.program.standard_input()?;
            return Ok(WireSecret(Secret::new(
                typed.expose().lines().next().unwrap_or_default().to_owned(),
            )));
        }
        let hidden = |question| {
            self.program
                .hidden(question)
                .context("no passphrase can be asked for; give it with `--passphrase-stdin`")
        };
        let passphrase = hidden("Passphrase of the file: ")?;
        if is_new && hidden("The same again: ")? != passphrase {
            return Err(anyhow!(
                "the two passphrases are not the same; nothing was written"
            ));
        }
        Ok(WireSecret(passphrase))
    }
}

fn added_lines(added: &Added) -> Vec<String> {
    let account = &added.account;
    let mut lines = vec![
        format!("{}: {}", account.name, account.status),
        added.message.clone(),
    ];
    lines.extend(models_line(&added.models));
    lines.extend(quota_lines(account));
    lines.extend(
        account
            .advice
            .iter()
            .map(|advice| format!("what to do: {advice}")),
    );
    lines
}

fn models_line(models: &[String]) -> Option<String> {
    let shown = models
        .iter()
        .take(MODELS_SHOWN)
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(", ");
    let more = models.len().saturating_sub(MODELS_SHOWN);
    let more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    (!models.is_empty()).then(|| format!("models: {shown}{more}"))
}

fn list_lines(accounts: &[AccountFacts]) -> Vec<String> {
    let width = |of: fn(&AccountFacts) -> &str| {
        accounts
            .iter()
            .map(|account| of(account).len())
            .max()
            .unwrap_or_default()
    };
    let (names, providers) = (
        width(|account| &account.name),
        width(|account| &account.provider),
    );
    let line = |account: &AccountFacts| {
        let mut lines = vec![format!(
            "{:names$}  {:providers$}  {}  [{}]",
            account.name,
            account.provider,
            account.status,
            source(account)
        )];
        lines.extend(
            quota_lines(account)
                .into_iter()
                .map(|line| format!("  {line}")),
        );
        lines.extend(
            account
                .advice
                .iter()
                .map(|advice| format!("  what to do: {advice}")),
        );
        lines
    };
    accounts.iter().flat_map(line).collect()
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
    lines.extend(
        account
            .advice
            .iter()
            .map(|advice| format!("what to do: {advice}")),
    );
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
        .map(quota_line)
        .chain(budgets)
        .collect()
}

fn quota_line(quota: &QuotaFacts) -> String {
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
        "quota {}{model}: {} of {} left{resets}",
        quota.window,
        number(quota.remaining),
        number(quota.limit)
    )
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
    match change.as_str() {
        "adds" => format!("{} `{name}` at `{provider}`{address}", did("added", "add")),
        "same" => format!("`{name}` is the same already"),
        _ => format!(
            "{} of `{name}` at `{provider}`{address}: {}",
            did("replaced", "replace"),
            replaces.join(", ")
        ),
    }
}
