//! What kind of credential an account has, before a new one is entered.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::account::Source;
use crate::control::account::{self, CredentialForm};
use crate::control::refusal::Refusal;
use crate::control::service::ControlService;
use crate::control::verb::{LOCAL_LIMIT, Needs, Verb};
use crate::control::wire::{ControlError, Notes};

#[derive(Debug, Serialize, Deserialize)]
pub struct LoginForm {
    pub name: String,
}

impl Verb for LoginForm {
    type Response = CredentialForm;
    const NAME: &'static str = "login_form";
    const TIME_LIMIT: Duration = LOCAL_LIMIT;
    const NEEDS: Needs = Needs::Vault;

    async fn run(
        self,
        service: &ControlService,
        _: &Notes,
    ) -> Result<CredentialForm, ControlError> {
        let name = self.name;
        let account = account::find(&service.accounts, &name)?;
        match account.source {
            Source::Vault => {
                let provider = account::provider_for(&service.accounts, &account.provider)?;
                Ok(account::form_of(&provider))
            }
            Source::Env { variable } => Err(ControlError::failed(Refusal::KeyInVariable {
                name,
                variable,
            })),
            Source::Keyless => Err(ControlError::failed(Refusal::WantsNoCredential { name })),
        }
    }
}
