//! Proxies in the environment that would catch what clients send to this machine.
//!
//! Clients read them: Python's and Node's HTTP libraries, curl. Aerostat itself does not.

use super::check::{Area, Check};
use crate::control::config_change::without_user_info;

/// Variables that name a proxy for `http://` addresses, such as the base URL's. `HTTPS_PROXY` is for
/// others.
const PROXIES: [&str; 4] = ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];
const EXCEPTIONS: [&str; 2] = ["NO_PROXY", "no_proxy"];
/// Variables that name a proxy for providers.
const FOR_PROVIDERS: [&str; 6] = [
    "HTTPS_PROXY",
    "https_proxy",
    "ALL_PROXY",
    "all_proxy",
    "HTTP_PROXY",
    "http_proxy",
];

/// Reads an environment variable; an empty one counts as unset.
pub(in crate::control) type Lookup<'l> = &'l dyn Fn(&str) -> Option<String>;

/// The finding about an environment. `whose` says which: `this shell`.
pub(in crate::control) fn check(lookup: Lookup<'_>, whose: &str) -> Check {
    let Some((name, proxy)) = first_of(&PROXIES, lookup) else {
        return Check::ok(
            Area::Proxies,
            format!("no proxy in the environment of {whose}"),
        );
    };
    let proxy = without_user_info(&proxy);
    let exceptions: Vec<(&str, String)> = EXCEPTIONS
        .iter()
        .filter_map(|name| Some((*name, lookup(name)?)))
        .collect();
    // Programs read one spelling or the other, so each that is set has to do.
    let lacks = exceptions.iter().find(|(_, list)| !excepts_loopback(list));
    if exceptions.is_empty() || lacks.is_some() {
        let (variable, list) = lacks.map_or(("NO_PROXY", ""), |(name, list)| (name, list));
        let what = format!(
            "{name} in the environment of {whose} sends clients of this machine to {proxy}: {variable} does not except 127.0.0.1"
        );
        let list = without_user_info(list.trim_matches(','));
        let comma = if list.is_empty() { "" } else { "," };
        let next = format!(
            "export NO_PROXY=\"{list}{comma}127.0.0.1,localhost,::1\" no_proxy=\"{list}{comma}127.0.0.1,localhost,::1\" where {name} is set"
        );
        return Check::warning(Area::Proxies, what, next);
    }
    Check::ok(
        Area::Proxies,
        format!("{name} in the environment of {whose} excepts 127.0.0.1"),
    )
}

/// A proxy of the environment that other programs reach providers through.
pub(in crate::control) fn for_providers(lookup: Lookup<'_>) -> Option<(&'static str, String)> {
    let (name, proxy) = first_of(&FOR_PROVIDERS, lookup)?;
    Some((name, without_user_info(&proxy)))
}

fn first_of(names: &[&'static str], lookup: Lookup<'_>) -> Option<(&'static str, String)> {
    names.iter().find_map(|name| Some((*name, lookup(name)?)))
}

/// Whether a list of exceptions covers 127.0.0.1 in every program: by itself, or by a star. Ranges
/// such as `127.0.0.0/8` are read by few, and `localhost` covers the name alone.
fn excepts_loopback(list: &str) -> bool {
    let mut entries = list.split([',', ' ']).map(str::trim);
    entries.any(|entry| matches!(entry, "*" | "127.0.0.1"))
}

#[cfg(test)]
mod tests {
    use super::super::check::State;
    use super::*;

    fn checked(variables: &[(&str, &str)]) -> Check {
        let lookup = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        check(&lookup, "this shell")
    }

    #[test]
    fn a_proxy_without_an_exception_for_loopback_is_a_warning() {
        for variables in [
            &[("HTTP_PROXY", "http://p.lan:3128")][..],
            &[("all_proxy", "socks5://p.lan")],
            &[
                ("http_proxy", "http://p.lan"),
                ("NO_PROXY", "localhost,.lan"),
            ],
            &[("http_proxy", "http://p.lan"), ("NO_PROXY", "127.0.0.0/8")],
            &[
                ("HTTP_PROXY", "http://p"),
                ("NO_PROXY", "127.0.0.1"),
                ("no_proxy", "localhost"),
            ],
        ] {
            let check = checked(variables);
            assert_eq!(check.state, State::Warning, "{variables:?}");
            assert!(check.next_step.unwrap().contains("127.0.0.1,localhost,::1"));
        }
    }

    #[test]
    fn an_exception_or_no_proxy_is_well() {
        for variables in [
            &[][..],
            &[("HTTPS_PROXY", "http://p.lan:3128")],
            &[("HTTP_PROXY", "http://p"), ("NO_PROXY", "a.lan, 127.0.0.1")],
            &[("HTTP_PROXY", "http://p"), ("no_proxy", "*")],
        ] {
            assert_eq!(checked(variables).state, State::Ok, "{variables:?}");
        }
    }

    #[test]
    fn what_is_excepted_already_stays_and_no_password_is_shown() {
        let check = checked(&[
            ("HTTP_PROXY", "http://me:hunter2@p.lan"),
            ("NO_PROXY", ".lan,"),
        ]);
        let next = check.next_step.unwrap();
        assert!(
            next.contains("NO_PROXY=\".lan,127.0.0.1,localhost,::1\""),
            "{next}"
        );
        assert!(check.what.contains("http://***@p.lan"), "{}", check.what);
    }
}
