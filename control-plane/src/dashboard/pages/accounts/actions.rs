//! The forms of one account: what each does, and where it leads.

use super::account::shown;
use super::forms::{carried_out, path_of};
use super::{credential, settings};
use crate::control::account::{AddedAccount, CredentialInput, StoreOptions};
use crate::control::verbs::{AccountClear, AccountLogin, AccountRemove, AccountSet, AccountTest};
use crate::control::{ControlError, SignInRequest};
use crate::dashboard::context::PageContext;
use crate::dashboard::form::Fields;
use crate::dashboard::pages::Submitted;
use crate::language::Said;

pub(super) async fn submit(
    context: &PageContext,
    name: &str,
    form: &str,
    fields: &Fields,
) -> Option<Submitted> {
    let back = match fields.get("from") {
        "list" => "accounts".to_owned(),
        _ => path_of(name),
    };
    let account = name.to_owned();
    Some(match form {
        "enable" | "disable" => {
            let verb = AccountSet::enabled(account, form == "enable");
            Submitted::of(carried_out(context, verb).await, &back)
        }
        "earlier" | "later" => {
            let moved = context.service.move_account(name, form == "earlier").await;
            Submitted::of(moved, "accounts")
        }
        "clear" => {
            let verb = AccountClear { name: account };
            Submitted::of(carried_out(context, verb).await, &back)
        }
        "set" => settings::submit(context, name, fields).await,
        "test" => test(context, name).await,
        "key" => {
            let credential = credential::read(fields);
            login(context, name, credential, credential::options(fields)).await
        }
        "address" => {
            let credential = CredentialInput::SameForNewAddress;
            login(context, name, credential, StoreOptions::default()).await
        }
        "sign-in" => sign_in(context, name, fields).await,
        "remove" => remove(context, name, fields).await,
        _ => return None,
    })
}

/// Tests the account, and shows its page with the result.
async fn test(context: &PageContext, name: &str) -> Submitted {
    let verb = AccountTest {
        name: name.to_owned(),
    };
    match carried_out(context, verb).await {
        Ok(tested) => {
            let added = AddedAccount {
                account: tested.account,
                works: tested.works,
                message: tested.message,
                models: tested.models,
            };
            shown(context, added).await
        }
        Err(error) => Submitted::Failed(error),
    }
}

async fn login(
    context: &PageContext,
    name: &str,
    credential: CredentialInput,
    options: StoreOptions,
) -> Submitted {
    let verb = AccountLogin {
        name: name.to_owned(),
        credential,
        options,
    };
    match carried_out(context, verb).await {
        Ok(added) => shown(context, added).await,
        Err(error) => Submitted::Failed(error),
    }
}

async fn sign_in(context: &PageContext, name: &str, fields: &Fields) -> Submitted {
    let request = SignInRequest {
        account: Some(name.to_owned()),
        provider: None,
        client_secret: credential::client_secret(fields),
        options: credential::options(fields),
    };
    match context.service.start_sign_in(request).await {
        Ok(id) => Submitted::Done(format!("sign-in/{id}")),
        Err(error) => Submitted::Failed(error),
    }
}

/// Removes the account once the reader has said so.
async fn remove(context: &PageContext, name: &str, fields: &Fields) -> Submitted {
    if !fields.is_set("sure") {
        return Submitted::Failed(ControlError::in_field(
            "sure",
            Said::quoted(context.text.say_that_you_are_sure()),
        ));
    }
    let verb = AccountRemove {
        name: name.to_owned(),
        forget_figures: fields.get("figures") == "forget",
    };
    Submitted::of(carried_out(context, verb).await, "accounts")
}
