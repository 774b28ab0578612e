//! The verbs, a file each, and the table by which the socket finds them.
//!
//! A new verb is a file here with its request, its response and its function, and one line in
//! [`table!`] below. Its words for people are in `cli`.

pub mod account_add;
pub mod account_clear;
pub mod account_export;
pub mod account_form;
pub mod account_import;
pub mod account_list;
pub mod account_login;
pub mod account_remove;
pub mod account_set;
pub mod account_show;
pub mod account_test;
pub mod client_connect;
pub mod client_disconnect;
pub mod client_env;
pub mod client_list;
pub mod doctor;
pub mod doctor_bundle;
pub mod explain;
pub mod explain_bodies;
pub mod failures;
pub mod key_create;
pub mod key_list;
pub mod key_revoke;
pub mod key_set;
pub mod log;
pub mod login_form;
pub mod model_try;
pub mod open;
pub mod provider_list;
pub mod provider_models;
pub mod quit;
pub mod records;
pub mod records_bodies;
pub mod records_delete;
pub mod resend;
pub mod start;
pub mod stats;
pub mod status;
pub mod stop;
pub mod today;

use futures_util::future::BoxFuture;
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use super::service::ControlService;
use super::verb::{Listed, Verb};
use super::wire::{ControlError, Notes};

/// Lists the verbs: re-exports each and puts it into [`TABLE`].
macro_rules! table {
    ($($file:ident :: $verb:ident,)*) => {
        $(
            pub use $file::$verb;
            impl Listed for $verb {}
        )*
        const TABLE: &[Entry] = &[$(Entry::of::<$verb>(),)*];
    };
}

table! {
    account_add::AccountAdd,
    account_clear::AccountClear,
    account_export::AccountExport,
    account_form::AccountForm,
    account_import::AccountImport,
    account_list::AccountList,
    account_login::AccountLogin,
    account_remove::AccountRemove,
    account_set::AccountSet,
    account_show::AccountShow,
    account_test::AccountTest,
    client_connect::ClientConnect,
    client_disconnect::ClientDisconnect,
    client_env::ClientEnv,
    client_list::ClientList,
    doctor::Doctor,
    doctor_bundle::DoctorBundle,
    explain::Explain,
    explain_bodies::ExplainBodies,
    failures::Failures,
    key_create::KeyCreate,
    key_list::KeyList,
    key_revoke::KeyRevoke,
    key_set::KeySet,
    log::Log,
    login_form::LoginForm,
    model_try::ModelTry,
    open::Open,
    provider_list::ProviderList,
    provider_models::ProviderModels,
    quit::Quit,
    records::GetRecords,
    records_bodies::RecordsBodies,
    records_delete::RecordsDelete,
    resend::Resend,
    start::Start,
    stats::Stats,
    status::GetStatus,
    stop::Stop,
    today::GetToday,
}

/// A verb that runs; it ends with its response as JSON, which may hold a secret.
pub(super) type Running<'a> = BoxFuture<'a, Result<Zeroizing<String>, ControlError>>;

/// Begins a verb. `None` where the request is not the verb's.
type Begin = for<'a> fn(&RawValue, &'a ControlService, &'a Notes) -> Option<Running<'a>>;

/// A verb without its types.
struct Entry {
    name: &'static str,
    begin: Begin,
}

impl Entry {
    const fn of<V: Verb>() -> Self {
        Self {
            name: V::NAME,
            begin: begin_verb::<V>,
        }
    }
}

/// Begins the verb of that name. `None` where there is none, or the request is not one of it.
pub(super) fn begin<'a>(
    name: &str,
    request: &RawValue,
    service: &'a ControlService,
    notes: &'a Notes,
) -> Option<Running<'a>> {
    let entry = TABLE.iter().find(|entry| entry.name == name)?;
    (entry.begin)(request, service, notes)
}

fn begin_verb<'a, V: Verb>(
    request: &RawValue,
    service: &'a ControlService,
    notes: &'a Notes,
) -> Option<Running<'a>> {
    let verb: V = serde_json::from_str(request.get()).ok()?;
    Some(Box::pin(async move {
        let response = verb.run(service, notes).await?;
        let json = serde_json::to_string(&response).map_err(ControlError::caused_by)?;
        Ok(Zeroizing::new(json))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_verbs_have_the_same_name() {
        let mut names: Vec<_> = TABLE.iter().map(|entry| entry.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), TABLE.len());
    }
}
