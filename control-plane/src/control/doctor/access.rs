//! What a client would get: the base URL of each dialect, tried as its clients use it.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use super::check::{Area, Check};
use crate::account::Secret;
use crate::host::loopback_http;

/// The list asks every provider for its models, each for at most five seconds.
const LIST_TIMEOUT: Duration = Duration::from_secs(12);
const LIST_BYTES_MAX: u64 = 16 << 20;

/// How clients of a dialect are pointed here.
struct Form {
    clients: &'static str,
    /// Behind the address in what a person writes into the client.
    base: &'static str,
    /// What such a client then asks for, and the member of the answer that lists the models.
    models: (&'static str, &'static str),
    /// How it sends its key.
    key_header: &'static str,
    key_prefix: &'static str,
    header: Option<&'static str>,
}

const FORMS: [Form; 3] = [
    Form {
        clients: "OpenAI",
        base: "/v1",
        models: ("/v1/models", "data"),
        key_header: "authorization",
        key_prefix: "Bearer ",
        header: None,
    },
    Form {
        clients: "Anthropic",
        base: "",
        models: ("/v1/models?limit=1000", "data"),
        key_header: "x-api-key",
        key_prefix: "",
        header: Some("anthropic-version: 2023-06-01"),
    },
    Form {
        clients: "Gemini",
        base: "",
        models: ("/v1beta/models", "models"),
        key_header: "x-goog-api-key",
        key_prefix: "",
        header: None,
    },
];

impl Form {
    fn url(&self, port: u16) -> String {
        format!("http://127.0.0.1:{port}{}", self.base)
    }
}

/// What clients of one dialect got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::control) struct Access {
    clients: &'static str,
    base_url: String,
    got: Got,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Got {
    Models(usize),
    Refused { status: u16, message: String },
    Nothing { why: String },
}

/// Asks for the models as clients of each dialect do. `key` is the local key, where one is needed.
/// Blocks.
pub(in crate::control) fn try_all(port: u16, key: Option<&Secret>) -> Vec<Access> {
    std::thread::scope(|scope| {
        let asked = FORMS
            .iter()
            .map(|form| scope.spawn(move || try_one(form, port, key)));
        let asked: Vec<_> = asked.collect();
        let got = asked.into_iter().filter_map(|thread| thread.join().ok());
        got.collect()
    })
}

fn try_one(form: &Form, port: u16, key: Option<&Secret>) -> Access {
    Access {
        clients: form.clients,
        base_url: form.url(port),
        got: got_by(form, port, key),
    }
}

fn got_by(form: &Form, port: u16, key: Option<&Secret>) -> Got {
    let mut headers = vec![concat!("user-agent: aerostat/", env!("CARGO_PKG_VERSION")).to_owned()];
    headers.extend(form.header.map(str::to_owned));
    if let Some(key) = key {
        headers.push(format!(
            "{}: {}{}",
            form.key_header,
            form.key_prefix,
            key.expose()
        ));
    }
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let (path, list) = form.models;
    let asked = TcpStream::connect_timeout(&address, LIST_TIMEOUT).and_then(|stream| {
        loopback_http::get(
            stream,
            &address.to_string(),
            path,
            &headers,
            LIST_TIMEOUT,
            LIST_BYTES_MAX,
        )
    });
    let response = match asked {
        Ok(response) => response,
        Err(error) => {
            return Got::Nothing {
                why: error.to_string(),
            };
        }
    };
    let json: serde_json::Value = serde_json::from_slice(&response.body).unwrap_or_default();
    match (response.status(), json[list].as_array()) {
        (Some(200), Some(models)) => Got::Models(models.len()),
        (Some(status), _) => Got::Refused {
            status,
            message: json["error"]["message"]
                .as_str()
                .unwrap_or("no message")
                .to_owned(),
        },
        (None, _) => Got::Nothing {
            why: "what came is no HTTP".to_owned(),
        },
    }
}

/// The base URL of each dialect, untried: a list of models would ask the providers.
pub(in crate::control) fn forms(port: u16, needs_key: bool) -> Vec<Check> {
    let forms = FORMS.iter().map(|form| {
        let (clients, url, key) = (form.clients, form.url(port), key_text(needs_key));
        Check::ok(Area::Access, format!("{clients} clients: {url}{key}"))
    });
    forms.collect()
}

fn key_text(needs_key: bool) -> &'static str {
    if needs_key {
        ", with the key that `aerostat key show` prints"
    } else {
        ", any key will do"
    }
}

/// The findings of what was tried.
pub(in crate::control) fn checks(tried: &[Access], needs_key: bool) -> Vec<Check> {
    tried.iter().map(|access| access.check(needs_key)).collect()
}

impl Access {
    fn check(&self, needs_key: bool) -> Check {
        let Self {
            clients,
            base_url,
            got,
        } = self;
        let key = key_text(needs_key);
        match got {
            Got::Models(0) => Check::warning(
                Area::Access,
                format!("{clients} clients: {base_url} lists no model"),
                "add an account (`aerostat account add PROVIDER`), or see `aerostat provider models`",
            ),
            Got::Models(count) => Check::ok(
                Area::Access,
                format!("{clients} clients: {base_url} lists {count} models{key}"),
            ),
            Got::Refused { status, message } => Check::failed(
                Area::Access,
                format!("{clients} clients: {base_url} answers {status} ({message})"),
                "`aerostat log --failed -n 1` says why",
            ),
            Got::Nothing { why } => Check::failed(
                Area::Access,
                format!("{clients} clients: {base_url} gave no list of models ({why})"),
                "see the findings about port and providers",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::State;
    use super::*;

    fn access(got: Got) -> Access {
        Access {
            clients: "OpenAI",
            base_url: "http://127.0.0.1:1/v1".to_owned(),
            got,
        }
    }

    #[test]
    fn what_a_client_would_get_is_told_with_the_key_it_needs() {
        let listed = checks(&[access(Got::Models(3))], true);
        assert_eq!(listed[0].state, State::Ok);
        assert!(
            listed[0]
                .what
                .contains("http://127.0.0.1:1/v1 lists 3 models")
        );
        assert!(listed[0].what.contains("aerostat key show"));
        let none = checks(&[access(Got::Models(0))], false);
        assert_eq!(none[0].state, State::Warning);
        let refused = Got::Refused {
            status: 401,
            message: "no".to_owned(),
        };
        assert_eq!(checks(&[access(refused)], true)[0].state, State::Failed);
    }

    #[test]
    fn a_closed_port_gives_nothing() {
        let port = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let tried = try_all(port, None);
        assert_eq!(tried.len(), FORMS.len());
        assert!(
            tried
                .iter()
                .all(|access| matches!(access.got, Got::Nothing { .. }))
        );
    }
}
