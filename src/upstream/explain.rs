//! One sentence for a request that got no head: what could not be reached, why, and what to do.

use std::error::Error as StdError;
use std::io;

use http::Uri;
use http::uri::Scheme;
use rustls::CertificateError;

use super::TransportError;
use super::proxy::ProxyError;
use crate::account::Proxy;
use crate::outcome::Stage;

/// The cause that a person can act on, out of a chain of errors. `is_connect`: there is no
/// connection; `proxy` is what the request went through.
pub(super) fn explain(
    error: &(dyn StdError + 'static),
    is_connect: bool,
    uri: &Uri,
    proxy: Option<&Proxy>,
) -> TransportError {
    let host = uri.authority().map_or("", |authority| authority.as_str());
    if let Some((cause, proxy)) = find::<ProxyError>(error).zip(proxy) {
        return TransportError {
            stage: Stage::Connect,
            message: of_proxy(cause, proxy, host),
        };
    }
    if !is_connect {
        return TransportError {
            stage: Stage::Head,
            message: format!("no answer from `{host}`: {}", broken_off(error, uri)),
        };
    }
    if let Some(cause) = find::<rustls::Error>(error) {
        return TransportError {
            stage: Stage::Tls,
            message: format!("no trusted connection to `{host}`: {}", of_tls(cause)),
        };
    }
    TransportError {
        stage: Stage::Connect,
        message: format!("cannot connect to `{host}`: {}", of_connect(error)),
    }
}

fn of_proxy(cause: &ProxyError, proxy: &Proxy, host: &str) -> String {
    let next = match cause {
        ProxyError::Unreachable(source) => {
            let tls = find::<rustls::Error>(&**source).map(of_tls);
            let why = tls.unwrap_or_else(|| of_connect(&**source));
            return format!("cannot connect to the proxy `{proxy}` on the way to `{host}`: {why}");
        }
        ProxyError::WantsCredentials | ProxyError::RefusesCredentials => {
            "write them as `user:password@` in the proxy's URL"
        }
        ProxyError::Refused(_) => {
            "allow this host there, or except it with `no_proxy` in [network]"
        }
        ProxyError::NoProxy(_) => "check the scheme and port of its URL",
        ProxyError::Late => "check whether it reaches that host",
    };
    format!("the proxy `{proxy}` gives no connection to `{host}`: {cause}; {next}")
}

fn of_connect(error: &(dyn StdError + 'static)) -> String {
    if chain(error).any(|error| error.to_string() == "dns error") {
        return "this host name does not resolve; check its spelling in `base_url`, and this machine's network".to_owned();
    }
    match root_io(error) {
        Some(cause) => match cause.kind() {
            io::ErrorKind::ConnectionRefused => {
                "nothing listens there; start the server, or correct `base_url`".to_owned()
            }
            io::ErrorKind::TimedOut => {
                "no connection within the time allowed; check the network and `base_url`".to_owned()
            }
            io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable => {
                "no way leads there from this machine; check its network".to_owned()
            }
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted => {
                "it closed the connection at once; check the scheme and port in `base_url`"
                    .to_owned()
            }
            _ => cause.to_string(),
        },
        None => innermost(error),
    }
}

fn of_tls(error: &rustls::Error) -> String {
    const TRUST: &str = "if you trust whoever made it, name a file with their certificate as `ca_file` in [network]";
    const CLOCK: &str = "if it should be good, set this machine's clock right";
    match error {
        rustls::Error::InvalidCertificate(why) => match why {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                format!("its certificate has expired; {CLOCK}")
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                format!("its certificate is not valid yet; {CLOCK}")
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "its certificate is for another name; check the host in `base_url`".to_owned()
            }
            CertificateError::UnknownIssuer => {
                format!("its certificate comes from an authority that is not trusted here; {TRUST}")
            }
            CertificateError::Revoked => {
                "its certificate was revoked; do not send it anything".to_owned()
            }
            why => format!("its certificate does not verify ({why}); {TRUST}"),
        },
        rustls::Error::InvalidMessage(_) => {
            "what answers there speaks no TLS; use `http://` in `base_url`".to_owned()
        }
        error => format!("{error}; check the host in `base_url`"),
    }
}

/// Why there is a connection and no answer.
fn broken_off(error: &(dyn StdError + 'static), uri: &Uri) -> String {
    let other = if uri.scheme() == Some(&Scheme::HTTPS) {
        "http"
    } else {
        "https"
    };
    let is = |what: fn(&hyper::Error) -> bool| {
        chain(error)
            .filter_map(|error| error.downcast_ref())
            .any(what)
    };
    // A server that speaks first is an error of its own, which hyper tells in words only.
    let speaks_first = chain(error)
        .any(|error| error.to_string() == "received unexpected message from connection");
    if speaks_first || is(hyper::Error::is_parse) {
        return format!(
            "what came back is no HTTP; check the port in `base_url`, or use `{other}://`"
        );
    }
    if is(hyper::Error::is_incomplete_message) {
        return "it closed the connection without an answer".to_owned();
    }
    match root_io(error) {
        Some(cause) if is_closing(cause) => "it closed the connection without an answer".to_owned(),
        Some(cause) => cause.to_string(),
        None => innermost(error),
    }
}

/// Whether the other side ended the connection, in whichever way the system noticed.
fn is_closing(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset};
    matches!(
        error.kind(),
        BrokenPipe | ConnectionAborted | ConnectionReset
    )
}

fn find<'e, E: StdError + 'static>(error: &'e (dyn StdError + 'static)) -> Option<&'e E> {
    chain(error).find_map(|error| error.downcast_ref())
}

/// The innermost I/O error of a chain.
fn root_io<'e>(error: &'e (dyn StdError + 'static)) -> Option<&'e io::Error> {
    chain(error).filter_map(|error| error.downcast_ref()).last()
}

fn innermost(error: &(dyn StdError + 'static)) -> String {
    chain(error)
        .last()
        .map(ToString::to_string)
        .unwrap_or_default()
}

fn chain<'e>(
    error: &'e (dyn StdError + 'static),
) -> impl Iterator<Item = &'e (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error| {
        match error.downcast_ref::<io::Error>() {
            // An I/O error leaves out what it was made of when it is asked for its source.
            Some(error) => error
                .get_ref()
                .map(|inside| inside as &(dyn StdError + 'static)),
            None => (*error).source(),
        }
    })
}
