//! The world outside as verbs need it: providers over the network, and the environment.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::account::EnvAccount;
use crate::canon::{Fault, ModelCard};
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
        let endpoint = Endpoint { provider: provider.clone(), account: account.clone(), upstream };
        Box::pin(async move { gateway::fetch(&endpoint).await })
    }
}
