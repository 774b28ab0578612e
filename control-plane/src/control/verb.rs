//! What a verb is: a request that names its response, its limits and its function.

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use super::service::ControlService;
use super::wire::{ControlError, Notes};

/// The time limit of a verb that reads or writes a file or two.
pub(super) const LOCAL_LIMIT: Duration = Duration::from_secs(20);
/// The time limit of a verb that calls providers.
pub(super) const CALL_LIMIT: Duration = Duration::from_secs(120);
/// The time limit of a verb during which a person may sign in with a browser: the sign-in's own,
/// and a test call.
pub(super) const SIGN_IN_LIMIT: Duration = Duration::from_secs(12 * 60);
/// The time limit of a verb that waits for responses in flight. The agent, which knows the
/// configured `drain_timeout`, answers earlier.
pub(super) const DRAIN_LIMIT: Duration = Duration::from_secs(25 * 60 * 60);

/// What people and scripts can ask of the program. The fields of the type are the request.
///
/// A verb is one file in `verbs/`, and one line in the table there.
pub trait Verb: Listed + Serialize + DeserializeOwned + Send + 'static {
    /// What the verb returns; its field names are stable.
    type Response: Serialize + DeserializeOwned + Send;

    /// Its name on the socket: the words of the command line, joined by `_`.
    const NAME: &'static str;

    /// How long a caller waits for the response.
    const TIME_LIMIT: Duration;

    /// What has to be there for [`Verb::run`].
    const NEEDS: Needs;

    /// Does it. Dropping the future leaves the verb undone or done, never half done.
    ///
    /// # Errors
    /// Why it was not done.
    fn run(
        self,
        service: &ControlService,
        notes: &Notes,
    ) -> impl Future<Output = Result<Self::Response, ControlError>> + Send;
}

/// A verb and its request without their types: the code behind it exists once, not once a verb.
pub struct VerbCall {
    pub(super) name: &'static str,
    pub(super) needs: Needs,
    pub(super) time_limit: Duration,
    /// JSON, which may hold a secret.
    json: Zeroizing<String>,
}

impl VerbCall {
    /// # Errors
    /// When the request cannot be written, which is a fault of the program.
    pub fn of<V: Verb>(verb: &V) -> Result<Self, ControlError> {
        let json = serde_json::to_string(verb).map_err(ControlError::caused_by)?;
        Ok(Self {
            name: V::NAME,
            needs: V::NEEDS,
            time_limit: V::TIME_LIMIT,
            json: Zeroizing::new(json),
        })
    }

    /// The name of the verb.
    pub fn name(&self) -> &'static str {
        self.name
    }

    pub(super) fn request(&self) -> Result<&RawValue, ControlError> {
        serde_json::from_str(&self.json).map_err(ControlError::caused_by)
    }
}

/// A verb's response without its type: JSON, which may hold a secret.
pub struct VerbResponse(pub(super) Zeroizing<String>);

impl VerbResponse {
    #[cfg(test)]
    pub fn of(json: &serde_json::Value) -> Self {
        Self(Zeroizing::new(json.to_string()))
    }

    /// Reads the response of `V`.
    ///
    /// # Errors
    /// When it is none: an agent of another version gave it.
    pub fn parse<V: Verb>(&self) -> Result<V::Response, ControlError> {
        serde_json::from_str(&self.0).map_err(|_| ControlError::other_version())
    }
}

/// What a verb needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// A running agent: without one the verb is refused.
    Agent,
    /// The accounts' credentials: a command without an agent opens the vault first.
    Vault,
    /// The home's files alone.
    Files,
    /// The same, also where the configuration cannot be read: its values are then the defaults, and
    /// what is wrong is known.
    AnyFiles,
}

/// Marks the verbs that the table lists. Only the table implements it.
#[diagnostic::on_unimplemented(
    message = "the table of verbs does not list `{Self}`",
    label = "add a line to `table!` in src/control/verbs/mod.rs"
)]
pub trait Listed {}
