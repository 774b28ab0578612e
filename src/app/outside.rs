//! The world outside as verbs need it: providers over the network, and the environment.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::account::EnvAccount;
use crate::canon::{Blame, Fault, FaultKind, ModelCard};
use crate::config::Resolved;
use crate::control::{Outside, network};
use crate::gateway::{self, Endpoint};
use crate::provider::Provider;
use crate::upstream::Network;

/// Calls over the network.
#[derive(Default)]
pub struct Wire;

impl Wire {
    pub fn new() -> Self {
        Self
    }
}

impl Outside for Wire {
    fn list_models<'a>(
        &'a self,
        config: &'a Resolved,
        provider: &'a Provider,
        account: &'a EnvAccount,
    ) -> BoxFuture<'a, Result<Vec<ModelCard>, Fault>> {
        let upstream = Arc::new(Network::new(network::settings(config)));
        let endpoint = Endpoint { provider: provider.clone(), upstream };
        Box::pin(async move {
            if !account.is_ready() {
                let why = format!("provider `{}`: {}", provider.name, account.state);
                return Err(Fault::new(FaultKind::UpstreamAuth, Blame::Account, why));
            }
            gateway::fetch(&endpoint, &account.credential).await
        })
    }
}
