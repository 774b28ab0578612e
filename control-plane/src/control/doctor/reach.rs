//! Whether each provider can be reached, and whether its clock agrees with this machine's.
//!
//! One request a provider and proxy, without any credential: whatever status comes, it was reached.

use std::time::{Duration, SystemTime};

use futures_util::future::join_all;
use http::{HeaderMap, Method, header};

use super::check::{Area, Check};
use crate::account::{Account, Credential};
use crate::config::Config;
use crate::control::service::{Environment, network_settings};
use crate::protocol::{self, Operation, Wire};
use crate::provider::{OutboundRequest, Provider, presets};
use crate::upstream::{ProxyChoice, Upstream};

/// A provider that has not answered by then is as good as gone.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);
/// How long a name may take once no answer came in time.
const NAME_LIMIT: Duration = Duration::from_secs(2);

/// From this difference on, the clock is worth a word; from the second on, sign-ins and
/// certificates are judged wrong.
const SKEW_WARNING: Duration = Duration::from_secs(60);
const SKEW_FAILED: Duration = Duration::from_secs(5 * 60);

/// How one provider answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::control) struct Reached {
    pub(in crate::control) provider: String,
    pub(in crate::control) base_url: String,
    /// Through which proxy.
    pub(in crate::control) proxy: Option<String>,
    /// Whether the address is the one that the provider is known for.
    pub(in crate::control) is_usual_address: bool,
    /// Whether it runs on this machine.
    pub(in crate::control) is_local: bool,
    pub(in crate::control) answer: Answer,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::control) enum Answer {
    Status {
        status: u16,
        is_web_page: bool,
        /// Where a redirect leads.
        location: Option<String>,
        took: Duration,
        /// How many seconds this machine's clock is ahead of the provider's.
        ahead_seconds: Option<i64>,
    },
    /// With the reason and what to do.
    Unreachable(String),
    TimedOut {
        /// Whether its name could not be looked up either.
        is_name: bool,
    },
}

/// Asks every enabled provider, all at once; through the proxy of each of its accounts, where they
/// have some.
pub(in crate::control) async fn reach_all(
    environment: &dyn Environment,
    config: &Config,
    accounts: &[Account],
) -> Vec<Reached> {
    let upstream = environment.upstream(config);
    let mut calls = Vec::new();
    for provider in config.providers.iter().filter(|provider| provider.enabled) {
        for choice in choices(provider, accounts) {
            calls.push(reach(&*upstream, config, provider, choice));
        }
    }
    join_all(calls).await
}

/// The proxies of a provider's accounts, each once; the general one where there is no account.
fn choices(provider: &Provider, accounts: &[Account]) -> Vec<ProxyChoice> {
    let mut choices: Vec<ProxyChoice> = Vec::new();
    let own = accounts
        .iter()
        .filter(|account| account.provider == provider.name);
    for choice in own.filter_map(|account| ProxyChoice::of(account).ok()) {
        if !choices.contains(&choice) {
            choices.push(choice);
        }
    }
    if choices.is_empty() {
        choices.push(ProxyChoice::default());
    }
    choices
}

async fn reach(
    upstream: &dyn Upstream,
    config: &Config,
    provider: &Provider,
    choice: ProxyChoice,
) -> Reached {
    let usual = presets::preset(&provider.name).and_then(|preset| preset.provider());
    let base_url = provider.base_url.to_string();
    let mut reached = Reached {
        provider: provider.name.clone(),
        is_usual_address: usual.is_some_and(|usual| usual.base_url == provider.base_url),
        base_url,
        proxy: None,
        is_local: provider.base_url.is_loopback(),
        answer: Answer::TimedOut { is_name: false },
    };
    let request = match list_request(provider) {
        Ok(request) => request,
        Err(why) => {
            reached.answer = Answer::Unreachable(why);
            return reached;
        }
    };
    let settings = network_settings(config);
    reached.proxy = settings
        .proxy_for(request.uri(), &choice)
        .map(ToString::to_string);
    let begun = tokio::time::Instant::now();
    let sent = tokio::time::timeout(ANSWER_LIMIT, upstream.send(request, &choice)).await;
    reached.answer = match sent {
        Ok(Ok(response)) => status(
            response.status().as_u16(),
            response.headers(),
            begun.elapsed(),
        ),
        Ok(Err(error)) => Answer::Unreachable(error.message),
        Err(_) => Answer::TimedOut {
            is_name: reached.proxy.is_none() && !resolves(provider).await,
        },
    };
    reached
}

fn list_request(
    provider: &Provider,
) -> Result<http::Request<crate::segmented_bytes::SegmentedBytes>, String> {
    let dialect = provider.dialects.first();
    let protocol = dialect
        .and_then(|dialect| protocol::by_name(dialect.name()))
        .ok_or_else(|| "it speaks no dialect".to_owned())?;
    let (path, query) = protocol.upstream_path(Operation::ListModels, "", None);
    let call = OutboundRequest {
        method: Method::GET,
        version: protocol.descriptor().version,
        surface: None,
        wire: Wire {
            path,
            query,
            ..Wire::default()
        },
    };
    provider
        .prepare(call, &Credential::None)
        .map_err(|fault| fault.message)
}

fn status(status: u16, headers: &HeaderMap, took: Duration) -> Answer {
    let text = |name| {
        headers
            .get(name)
            .and_then(|value: &header::HeaderValue| value.to_str().ok())
    };
    let is_html = |kind: &str| kind.to_ascii_lowercase().starts_with("text/html");
    Answer::Status {
        status,
        is_web_page: text(header::CONTENT_TYPE).is_some_and(is_html),
        location: text(header::LOCATION).map(str::to_owned),
        took,
        ahead_seconds: text(header::DATE).and_then(|date| ahead(date, SystemTime::now())),
    }
}

/// How many seconds `now` is ahead of a `Date` header.
fn ahead(date: &str, now: SystemTime) -> Option<i64> {
    let theirs = httpdate::parse_http_date(date).ok()?;
    let seconds = |ahead: Duration| i64::try_from(ahead.as_secs()).unwrap_or(i64::MAX);
    Some(match now.duration_since(theirs) {
        Ok(ahead) => seconds(ahead),
        Err(behind) => -seconds(behind.duration()),
    })
}

async fn resolves(provider: &Provider) -> bool {
    let host = provider.base_url.host();
    let host = host
        .trim_start_matches('[')
        .trim_end_matches(']')
        .to_owned();
    let lookup = tokio::net::lookup_host((host, 443));
    matches!(tokio::time::timeout(NAME_LIMIT, lookup).await, Ok(Ok(_)))
}

/// The findings about providers. `of_environment`: a proxy there that other programs use.
pub(in crate::control) fn checks(
    reached: &[Reached],
    of_environment: Option<&(&'static str, String)>,
) -> Vec<Check> {
    reached
        .iter()
        .map(|reached| reached.check(of_environment))
        .collect()
}

impl Reached {
    fn check(&self, of_environment: Option<&(&'static str, String)>) -> Check {
        let Self {
            provider, base_url, ..
        } = self;
        let setting = format!("`providers.{provider}.base_url`");
        match &self.answer {
            Answer::Unreachable(why) => {
                let (what, next) = why.split_once("; ").unwrap_or((why, ""));
                Check::failed(
                    Area::Providers,
                    format!("{provider}: {what}"),
                    self.next_step(next, of_environment),
                )
            }
            Answer::TimedOut { is_name: true } => Check::failed(
                Area::Providers,
                format!("{provider}: the name in {base_url} could not be looked up in time"),
                self.next_step(
                    "check this machine's network and its name servers",
                    of_environment,
                ),
            ),
            Answer::TimedOut { is_name: false } => Check::failed(
                Area::Providers,
                format!(
                    "{provider}: {base_url} gave no answer within {} s",
                    ANSWER_LIMIT.as_secs()
                ),
                self.next_step(
                    "see whether the provider has an outage, or a firewall drops the connection",
                    of_environment,
                ),
            ),
            Answer::Status {
                location: Some(location),
                status: 300..=399,
                ..
            } => Check::warning(
                Area::Providers,
                format!(
                    "{provider}: {base_url} redirects to {location}, which is not followed: another host would get the key"
                ),
                format!("write the address that is meant into {setting}"),
            ),
            Answer::Status { status: 407, .. } => Check::failed(
                Area::Providers,
                format!("{provider}: the proxy wants a user and password"),
                "write them as `user:password@` into the proxy's URL",
            ),
            Answer::Status {
                is_web_page: true,
                status,
                ..
            } => Check::warning(
                Area::Providers,
                format!("{provider}: {base_url} answers {status} with a web page, as no API does"),
                format!("check {setting}; a portal or proxy in between may answer in its place"),
            ),
            Answer::Status {
                status: status @ 500..=599,
                ..
            } => Check::warning(
                Area::Providers,
                format!("{provider}: {base_url} answers {status}: it is in trouble"),
                "wait, or see the provider's status page",
            ),
            Answer::Status {
                status: 404 | 405, ..
            } if !self.is_usual_address => Check::warning(
                Area::Providers,
                format!("{provider}: nothing is served at that path below {base_url}"),
                format!(
                    "check {setting}: its version segment, such as `/v1`, may be missing, wrong or there twice"
                ),
            ),
            Answer::Status { status, took, .. } => Check::ok(
                Area::Providers,
                format!(
                    "{provider}: {base_url} answers{} in {} ms ({status})",
                    self.through(),
                    took.as_millis()
                ),
            ),
        }
    }

    fn through(&self) -> String {
        let proxy = self.proxy.as_ref();
        proxy.map_or_else(String::new, |proxy| format!(" through {proxy}"))
    }

    fn next_step(&self, next: &str, of_environment: Option<&(&'static str, String)>) -> String {
        match of_environment {
            Some((name, proxy)) if self.proxy.is_none() && !self.is_local => format!(
                "{name} names a proxy that Aerostat does not use: `aerostat config set network.proxy {proxy}` makes it"
            ),
            _ if next.is_empty() => format!(
                "check `providers.{}.base_url` and this machine's network",
                self.provider
            ),
            _ => next.to_owned(),
        }
    }
}

/// The finding about this machine's clock: by the provider in the middle, so that one with a wrong
/// clock says nothing. `None` where no other machine answered.
pub(in crate::control) fn clock_check(reached: &[Reached]) -> Option<Check> {
    let others = reached.iter().filter(|reached| !reached.is_local);
    let mut ahead: Vec<i64> = others
        .filter_map(|reached| match &reached.answer {
            Answer::Status { ahead_seconds, .. } => *ahead_seconds,
            Answer::Unreachable(_) | Answer::TimedOut { .. } => None,
        })
        .collect();
    ahead.sort_unstable();
    let seconds = *ahead.get(ahead.len() / 2)?;
    let skew = Duration::from_secs(seconds.unsigned_abs());
    let what = format!(
        "this machine's clock is {} {} of the providers'",
        readable(skew),
        if seconds < 0 { "behind" } else { "ahead" },
    );
    let next = "set it, or let it be set (`timedatectl set-ntp true` on Linux): sign-ins and certificates are judged by it";
    Some(if skew >= SKEW_FAILED {
        Check::failed(Area::Clock, what, next)
    } else if skew >= SKEW_WARNING {
        Check::warning(Area::Clock, what, next)
    } else {
        Check::ok(
            Area::Clock,
            "this machine's clock agrees with the providers'",
        )
    })
}

fn readable(skew: Duration) -> String {
    match skew.as_secs() {
        seconds @ 0..=119 => format!("{seconds} s"),
        seconds @ 120..=7199 => format!("{} min", seconds / 60),
        seconds => format!("{} h", seconds / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::State;
    use super::*;

    fn reached(answer: Answer) -> Reached {
        Reached {
            provider: "lab".to_owned(),
            base_url: "https://lab.example/v1".to_owned(),
            proxy: None,
            is_usual_address: false,
            is_local: false,
            answer,
        }
    }

    fn answered(status: u16) -> Answer {
        Answer::Status {
            status,
            is_web_page: false,
            location: None,
            took: Duration::from_millis(7),
            ahead_seconds: Some(0),
        }
    }

    fn clocked(ahead_seconds: i64) -> Reached {
        reached(Answer::Status {
            status: 401,
            is_web_page: false,
            location: None,
            took: Duration::ZERO,
            ahead_seconds: Some(ahead_seconds),
        })
    }

    fn state(reached: &Reached) -> State {
        reached.check(None).state
    }

    #[test]
    fn a_refusal_for_want_of_a_key_is_an_answer() {
        for status in [200, 400, 401, 403, 429] {
            assert_eq!(state(&reached(answered(status))), State::Ok, "{status}");
        }
    }

    #[test]
    fn a_wrong_base_url_is_told_by_its_path_its_page_and_its_redirect() {
        let check = reached(answered(404)).check(None);
        assert_eq!(check.state, State::Warning);
        assert!(check.next_step.unwrap().contains("providers.lab.base_url"));
        let known = Reached {
            is_usual_address: true,
            ..reached(answered(404))
        };
        assert_eq!(state(&known), State::Ok, "it lists nothing without a key");
        let page = Answer::Status {
            status: 200,
            is_web_page: true,
            location: None,
            took: Duration::ZERO,
            ahead_seconds: None,
        };
        assert_eq!(state(&reached(page)), State::Warning);
        let moved = Answer::Status {
            status: 301,
            is_web_page: true,
            location: Some("https://www.lab.example/".to_owned()),
            took: Duration::ZERO,
            ahead_seconds: None,
        };
        assert!(reached(moved).check(None).what.contains("www.lab.example"));
    }

    #[test]
    fn who_cannot_be_reached_fails_with_the_next_step() {
        let why =
            "cannot connect to `lab.example`: this host name does not resolve; check its spelling";
        let check = reached(Answer::Unreachable(why.to_owned())).check(None);
        assert_eq!(check.state, State::Failed);
        assert_eq!(check.next_step.as_deref(), Some("check its spelling"));
        assert_eq!(
            state(&reached(Answer::TimedOut { is_name: true })),
            State::Failed
        );
        let of_environment = ("HTTPS_PROXY", "http://p.lan:3128".to_owned());
        let check = reached(Answer::TimedOut { is_name: false }).check(Some(&of_environment));
        assert!(
            check
                .next_step
                .unwrap()
                .contains("network.proxy http://p.lan:3128")
        );
    }

    #[test]
    fn the_clock_is_judged_by_the_provider_in_the_middle() {
        let clock = |ahead: &[i64]| {
            let reached: Vec<Reached> = ahead.iter().map(|ahead| clocked(*ahead)).collect();
            clock_check(&reached).map(|check| check.state)
        };
        assert_eq!(clock(&[]), None);
        assert_eq!(
            clock(&[1, 3600, -2]),
            Some(State::Ok),
            "one provider's is wrong"
        );
        assert_eq!(clock(&[-90, -89]), Some(State::Warning));
        assert_eq!(clock(&[3600, 3601]), Some(State::Failed));
        let local = Reached {
            is_local: true,
            ..clocked(3600)
        };
        assert_eq!(clock_check(&[local]), None);
        let hour = clock_check(&[clocked(-3600)]).unwrap();
        assert!(hour.what.contains("60 min behind"), "{}", hour.what);
    }

    #[test]
    fn a_date_is_compared_with_the_clock() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777 + 60);
        assert_eq!(ahead("Sun, 06 Nov 1994 08:49:37 GMT", now), Some(60));
        assert_eq!(ahead("Sun, 06 Nov 1994 08:51:37 GMT", now), Some(-60));
        assert_eq!(ahead("yesterday", now), None);
    }
}
