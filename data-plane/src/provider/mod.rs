//! Providers: base URL, form of authentication, and what their responses mean to the scheduler.
//!
//! A provider is data; [`presets`] holds the known ones.
//!
//! - [`Provider::prepare`] makes an HTTP request of a dialect's request.
//! - [`Provider::classify`] makes an [`Outcome`](crate::outcome::Outcome) of an error response.
//! - [`readings`] reads the remaining quota from the headers of any response.
//! - [`oauth`] builds token requests and reads the responses.
//! - [`rules`] maps model names to providers.
//!
//! Nothing here does IO, reads the environment or a clock.

pub mod alias;
mod auth;
mod balance;
mod base_url;
mod classify;
mod dialects;
mod limits;
pub mod oauth;
mod prepare;
pub mod presets;
pub mod rules;

pub use auth::Auth;
pub use balance::Balance;
pub use base_url::{BadBaseUrl, BaseUrl};
pub use classify::ErrorResponse;
pub use dialects::{dialect, dialects};
pub use limits::{DayEnd, RETRY_AFTER_MAX, WAIT_MAX, readings, retry_after, window_length};
pub use prepare::OutboundRequest;

use std::sync::Arc;

use crate::account::{Credential, CredentialProblem, Secret, credential_from_env};
use crate::canon::Dialect;

/// The name of the built-in offline provider. It is reserved.
pub const DEMO: &str = "demo";

/// A service that can be called, as configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    /// The name in the configuration, and the first segment of `provider/model`.
    pub name: String,
    pub enabled: bool,
    /// The supported dialects, at least one, in order of preference.
    pub dialects: Vec<Dialect>,
    pub base_url: BaseUrl,
    pub auth: Auth,
    /// The environment variable that holds the key.
    pub key_env: Option<String>,
    /// The OAuth client, for [`Auth::OAuth`].
    pub oauth: Option<oauth::Client>,
    /// Whether the key may be sent to another machine over plain HTTP.
    pub insecure_http: bool,
    /// The models, where the user listed them.
    pub models: Option<Arc<[String]>>,
}

impl Provider {
    /// The credential of the provider's own account, where none was added; `lookup` reads the
    /// environment.
    ///
    /// # Errors
    /// When environment and configuration give no usable credential.
    pub fn credential_from_env(
        &self,
        lookup: &dyn Fn(&str) -> Option<Secret>,
    ) -> Result<Credential, CredentialProblem> {
        let provider = || self.name.clone();
        if self.auth == Auth::None {
            return Ok(Credential::None);
        }
        if self.would_leak() {
            return Err(CredentialProblem::InsecureHttp {
                provider: provider(),
            });
        }
        match &self.key_env {
            Some(env) => credential_from_env(env, lookup(env)),
            None if self.auth == Auth::OAuth => Err(CredentialProblem::NeedsSignIn {
                provider: provider(),
            }),
            None => Err(CredentialProblem::NeedsKeyEnv {
                provider: provider(),
            }),
        }
    }

    /// Whether the key would be sent unencrypted to another machine and the user did not allow
    /// that.
    pub fn would_leak(&self) -> bool {
        self.auth != Auth::None
            && !self.insecure_http
            && self.base_url.is_plain_http()
            && !self.base_url.is_loopback()
    }
}

#[cfg(test)]
pub(crate) fn sample(name: &str, base_url: &str, auth: Auth) -> Provider {
    Provider {
        name: name.to_owned(),
        enabled: true,
        dialects: vec![crate::protocol::openai_chat::DIALECT],
        base_url: BaseUrl::parse(base_url).unwrap(),
        auth,
        key_env: Some("LAB_API_KEY".to_owned()),
        oauth: None,
        insecure_http: false,
        models: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(provider: &Provider) -> &'static str {
        provider
            .credential_from_env(&|_| Some(Secret::new("sk-1".to_owned())))
            .map_or_else(|problem| problem.name(), |_| "ready")
    }

    #[test]
    fn a_key_goes_over_plain_http_to_loopback_only() {
        assert_eq!(
            state(&sample("lab", "http://127.0.0.1:9000/v1", Auth::Bearer)),
            "ready"
        );
        assert_eq!(
            state(&sample("lab", "http://lab.localhost/v1", Auth::Bearer)),
            "ready"
        );
        assert_eq!(
            state(&sample("lab", "https://lab.example/v1", Auth::Bearer)),
            "ready"
        );
        assert_eq!(
            state(&sample("lab", "http://lab.example/v1", Auth::Bearer)),
            "insecure_http"
        );
        assert_eq!(
            state(&sample("lab", "http://192.168.1.5/v1", Auth::XApiKey)),
            "insecure_http"
        );
    }

    #[test]
    fn plain_http_is_allowed_where_the_person_says_so_or_no_key_travels() {
        let mut lab = sample("lab", "http://lab.example/v1", Auth::Bearer);
        lab.insecure_http = true;
        assert_eq!(state(&lab), "ready");
        assert_eq!(
            state(&sample("lab", "http://lab.example/v1", Auth::None)),
            "ready"
        );
    }

    #[test]
    fn a_provider_that_wants_a_key_and_names_no_variable_says_so() {
        let mut lab = sample("lab", "https://lab.example/v1", Auth::Bearer);
        lab.key_env = None;
        assert_eq!(state(&lab), "needs_key_env");
    }
}
