//! Why a request got no response head, as one sentence for people: what could not be reached, why,
//! and what to do.

use std::error::Error as StdError;
use std::io;

use http::Uri;
use http::uri::Scheme;
use rustls::CertificateError;

use super::proxy::ProxyError;
use super::tls::is_authority_of_its_own;
use crate::account::Proxy;
use crate::outcome::Stage;

/// A request that got no response head.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct TransportError {
    pub stage: Stage,
    /// One sentence for people: what could not be reached, why, and what to do.
    pub message: String,
}

impl TransportError {
    /// Finds the cause that a person can act on in a chain of errors.
    ///
    /// `is_connect`: the error came before there was a connection. `proxy`: the proxy that the
    /// request went through.
    pub(super) fn diagnose(
        error: &(dyn StdError + 'static),
        is_connect: bool,
        uri: &Uri,
        proxy: Option<&Proxy>,
    ) -> Self {
        let host = uri.authority().map_or("", |authority| authority.as_str());
        if let (Some(cause), Some(proxy)) = (find::<ProxyError>(error), proxy) {
            return Self {
                stage: Stage::Connect,
                message: proxy_message(cause, proxy, host),
            };
        }
        if !is_connect {
            let cause = exchange_cause(error, uri);
            return Self {
                stage: Stage::Head,
                message: format!("no response from `{host}`: {cause}"),
            };
        }
        if let Some(cause) = find::<rustls::Error>(error) {
            let cause = tls_cause(cause);
            return Self {
                stage: Stage::Tls,
                message: format!("no trusted connection to `{host}`: {cause}"),
            };
        }
        let cause = connect_cause(error);
        Self {
            stage: Stage::Connect,
            message: format!("cannot connect to `{host}`: {cause}"),
        }
    }
}

fn proxy_message(cause: &ProxyError, proxy: &Proxy, host: &str) -> String {
    let next_step = match cause {
        ProxyError::Unreachable(source) => {
            let cause = match find::<rustls::Error>(&**source) {
                Some(tls) => tls_cause(tls),
                None => connect_cause(&**source),
            };
            return format!(
                "cannot connect to the proxy `{proxy}` on the way to `{host}`: {cause}"
            );
        }
        ProxyError::CredentialsRequired | ProxyError::CredentialsRejected => {
            "write them as `user:password@` in the proxy's URL"
        }
        ProxyError::Refused(_) => {
            "allow this host there, or except it with `no_proxy` in [network]"
        }
        ProxyError::NotAProxy(_) => "check the scheme and port of its URL",
        ProxyError::TimedOut => "check whether it reaches that host",
    };
    format!("the proxy `{proxy}` does not connect to `{host}`: {cause}; {next_step}")
}

/// Why there is no connection.
fn connect_cause(error: &(dyn StdError + 'static)) -> String {
    // hyper-util's `ConnectError` is private, so its text is all that tells a failed name lookup
    // from a failed connection. The I/O error inside it has no kind of its own.
    if chain(error).any(|error| error.to_string() == "dns error") {
        return "this host name does not resolve; check its spelling in `base_url`, and this machine's network".to_owned();
    }
    let Some(cause) = root_io(error) else {
        return innermost(error);
    };
    let cause = match cause.kind() {
        io::ErrorKind::ConnectionRefused => {
            "nothing listens there; start the server, or correct `base_url`"
        }
        io::ErrorKind::TimedOut => {
            "no connection within the time allowed; check the network and `base_url`"
        }
        io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable => {
            "this machine has no route to it; check its network"
        }
        io::ErrorKind::UnexpectedEof
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted => {
            "it closed the connection at once; check the scheme and port in `base_url`"
        }
        _ => return cause.to_string(),
    };
    cause.to_owned()
}

fn tls_cause(error: &rustls::Error) -> String {
    const TRUST: &str = "if you trust its issuer, name a file with the issuer's certificate as `ca_file` in [network]; of a server that signed its own certificate, name that one";
    const CLOCK: &str = "if it should be good, set this machine's clock right";
    let certificate = match error {
        rustls::Error::InvalidCertificate(certificate) => certificate,
        rustls::Error::InvalidMessage(_) => {
            return "the server does not speak TLS; use `http://` in `base_url`".to_owned();
        }
        error => return format!("{error}; check the host in `base_url`"),
    };
    if is_authority_of_its_own(error) {
        return "it signed its certificate itself; if it is a server of your own, name a file with that certificate as `ca_file` in [network]".to_owned();
    }
    match certificate {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            format!("its certificate has expired; {CLOCK}")
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            format!("its certificate is not valid yet; {CLOCK}")
        }
        CertificateError::NotValidForNameContext { presented, .. } if presented.is_empty() => {
            "its certificate names no host; make one with the host of `base_url` as its subject alternative name".to_owned()
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
        reason => format!("its certificate does not verify ({reason}); {TRUST}"),
    }
}

/// Why there was a connection and no response.
fn exchange_cause(error: &(dyn StdError + 'static), uri: &Uri) -> String {
    let is = |predicate: fn(&hyper::Error) -> bool| {
        chain(error)
            .filter_map(|error| error.downcast_ref())
            .any(predicate)
    };
    // A server that speaks first (SSH, SMTP) is an error kind for which hyper has no predicate.
    let speaks_first = chain(error)
        .any(|error| error.to_string() == "received unexpected message from connection");
    if speaks_first || is(hyper::Error::is_parse) {
        let is_https = uri.scheme() == Some(&Scheme::HTTPS);
        let other_scheme = if is_https { "http" } else { "https" };
        return format!(
            "the reply was not HTTP; check the port in `base_url`, or use `{other_scheme}://`"
        );
    }
    let root = root_io(error);
    if is(hyper::Error::is_incomplete_message) || root.is_some_and(is_closed_by_peer) {
        return "it closed the connection without a response".to_owned();
    }
    match root {
        Some(cause) => cause.to_string(),
        None => innermost(error),
    }
}

/// Whether the peer ended the connection, in whichever form the system reports it.
fn is_closed_by_peer(error: &io::Error) -> bool {
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

/// The text of the innermost error of a chain.
fn innermost(error: &(dyn StdError + 'static)) -> String {
    chain(error)
        .last()
        .map(ToString::to_string)
        .unwrap_or_default()
}

/// An error and its sources, outermost first.
fn chain<'e>(
    error: &'e (dyn StdError + 'static),
) -> impl Iterator<Item = &'e (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error| {
        match error.downcast_ref::<io::Error>() {
            // `source` of an I/O error skips the error that it wraps and gives that one's source.
            Some(error) => error
                .get_ref()
                .map(|inner| inner as &(dyn StdError + 'static)),
            None => (*error).source(),
        }
    })
}
