//! The outside world as verbs need it: providers over the network, environment variables, keyring
//! and terminal.

use std::io::{self, IsTerminal as _};
use std::sync::Arc;

use arc_swap::ArcSwap;
use futures_util::future::BoxFuture;
use http::{Request, Response};

use crate::account::{
    Credential, KeyFile, KeySources, PASSPHRASE_CHARS_MIN, PassphrasePurpose, Prompt, Secret,
    SystemKeyring,
};
use crate::canon::{Fault, ModelCard};
use crate::config::Config;
use crate::control::{Environment, network_settings};
use crate::gateway::{self, Endpoint};
use crate::provider::{Provider, presets};
use crate::segmented_bytes::SegmentedBytes;
use crate::upstream::{
    Network, NetworkSettings, ProxyChoice, TransportError, Upstream, UpstreamBody,
};

/// Calls over the network, and this process' environment, keyring and terminal.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SystemEnvironment;

/// The network by the configuration of the moment, for holders that outlive a reload.
pub(super) struct ReloadableUpstream(ArcSwap<Network>);

impl ReloadableUpstream {
    pub(super) fn new(settings: NetworkSettings) -> Self {
        Self(ArcSwap::from_pointee(Network::new(settings)))
    }

    /// Replaces the network where its settings have changed. Connections in use close after their
    /// calls.
    pub(super) fn update(&self, settings: NetworkSettings) {
        if *self.0.load().settings() != settings {
            self.0.store(Arc::new(Network::new(settings)));
        }
    }

    pub(super) fn current(&self) -> Arc<Network> {
        self.0.load_full()
    }
}

impl Upstream for ReloadableUpstream {
    fn send(
        &self,
        request: Request<SegmentedBytes>,
        proxy: &ProxyChoice,
    ) -> BoxFuture<'_, Result<Response<UpstreamBody>, TransportError>> {
        let (network, proxy) = (self.current(), proxy.clone());
        Box::pin(async move { network.send(request, &proxy).await })
    }
}

/// The network through one account's proxy, whichever proxy a request names.
struct FixedRouteUpstream {
    network: Network,
    proxy: ProxyChoice,
}

impl Upstream for FixedRouteUpstream {
    fn send(
        &self,
        request: Request<SegmentedBytes>,
        _: &ProxyChoice,
    ) -> BoxFuture<'_, Result<Response<UpstreamBody>, TransportError>> {
        self.network.send(request, &self.proxy)
    }
}

/// Asks at the terminal of the process, past its standard input and output.
struct Terminal;

impl Prompt for Terminal {
    fn passphrase(&self, purpose: PassphrasePurpose) -> io::Result<Option<Secret>> {
        let typed = match purpose {
            PassphrasePurpose::Open => hidden("Passphrase of the vault: ")?,
            PassphrasePurpose::OpenAgain => hidden("That was not it. Passphrase of the vault: ")?,
            PassphrasePurpose::New => return new_passphrase(&mut hidden),
        };
        Ok(Some(typed).filter(|typed| !typed.expose().is_empty()))
    }
}

/// Asks for a passphrase that is chosen now, until it follows the rule and was typed twice alike: what
/// waits to be stored is not lost by a slip. `None` where nothing was typed.
fn new_passphrase(ask: &mut dyn FnMut(&str) -> io::Result<Secret>) -> io::Result<Option<Secret>> {
    let mut said = "No keyring answers here, so a passphrase seals the vault".to_owned();
    loop {
        let typed = ask(&format!(
            "{said}. At least {PASSPHRASE_CHARS_MIN} characters; an empty line gives up.\nNew passphrase: "
        ))?;
        if typed.expose().is_empty() {
            return Ok(None);
        }
        if typed.expose().chars().count() < PASSPHRASE_CHARS_MIN {
            "That is too short".clone_into(&mut said);
        } else if ask("The same again: ")? == typed {
            return Ok(Some(typed));
        } else {
            "The two are not the same".clone_into(&mut said);
        }
    }
}

fn hidden(text: &str) -> io::Result<Secret> {
    rpassword::prompt_password(text).map(Secret::new)
}

/// Whether a person sits at the terminal of this process.
fn has_terminal() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

impl Environment for SystemEnvironment {
    fn list_models<'a>(
        &'a self,
        config: &'a Config,
        provider: &'a Provider,
        credential: &'a Credential,
        proxy: &'a ProxyChoice,
    ) -> BoxFuture<'a, Result<Vec<ModelCard>, Fault>> {
        let upstream = Arc::new(FixedRouteUpstream {
            network: Network::new(network_settings(config)),
            proxy: proxy.clone(),
        });
        let endpoint = Endpoint {
            provider: provider.clone(),
            maker: presets::maker(provider),
            upstream,
        };
        Box::pin(async move { gateway::fetch_models(&endpoint, credential).await })
    }

    fn upstream(&self, config: &Config) -> Arc<dyn Upstream> {
        Arc::new(Network::new(network_settings(config)))
    }

    fn vault_keys(&self) -> KeySources {
        let file = KeyFile::from_env(&|name| std::env::var_os(name));
        let keys = KeySources::none()
            .with_keyring(Arc::new(SystemKeyring))
            .with_file(file);
        if has_terminal() {
            keys.with_prompt(Arc::new(Terminal))
        } else {
            keys
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is chosen by who types `lines`, and what was asked.
    fn chosen(lines: &[&str]) -> (Option<String>, Vec<String>) {
        let (mut typed, mut asked) = (lines.iter(), Vec::new());
        let chosen = new_passphrase(&mut |text| {
            asked.push(text.to_owned());
            let line = typed.next().expect("there is a line for each question");
            Ok(Secret::new((*line).to_owned()))
        });
        (
            chosen.unwrap().map(|secret| secret.expose().to_owned()),
            asked,
        )
    }

    #[test]
    fn the_rule_comes_first_and_a_slip_is_asked_again() {
        let lines = [
            "short",
            "long enough",
            "long enuogh",
            "long enough",
            "long enough",
        ];
        let (passphrase, asked) = chosen(&lines);
        assert_eq!(passphrase.as_deref(), Some("long enough"));
        assert!(asked[0].contains("At least 8 characters"), "{}", asked[0]);
        assert!(asked[1].starts_with("That is too short"), "{}", asked[1]);
        assert!(
            asked[3].starts_with("The two are not the same"),
            "{}",
            asked[3]
        );
    }

    #[test]
    fn an_empty_line_gives_up() {
        assert_eq!(chosen(&["short", ""]).0, None);
    }
}
