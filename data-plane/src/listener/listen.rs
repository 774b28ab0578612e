//! Opening the port: on IPv4 and IPv6 together, or not at all.
//!
//! A client that is told `localhost` may try either address family first, so another process on the
//! other family would get its requests and keys. It accepts nothing yet, and never falls back to
//! another port or address.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::task::Poll;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};

/// Connections that the system queues until they are accepted.
const BACKLOG: i32 = 1024;

/// How often a port that the system chose for IPv4 may turn out to be in use on IPv6.
const PORT_ATTEMPTS_MAX: usize = 16;

/// Which addresses the port is opened on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BindScope {
    /// Only this machine: 127.0.0.1 and `[::1]`.
    Loopback,
    /// The network too: 0.0.0.0 and `[::]`.
    Lan,
}

impl BindScope {
    fn addresses(self) -> [IpAddr; 2] {
        match self {
            Self::Loopback => [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()],
            Self::Lan => [Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()],
        }
    }
}

/// The open port.
#[derive(Debug)]
pub struct Listeners {
    /// One per address family that this machine has, all with the same port.
    sockets: Vec<TcpListener>,
    port: u16,
}

impl Listeners {
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Waits for the next connection on any of the addresses.
    ///
    /// Cancel safe: no connection is lost.
    pub(super) async fn accept(&self) -> io::Result<TcpStream> {
        std::future::poll_fn(|cx| {
            for socket in &self.sockets {
                if let Poll::Ready(accepted) = socket.poll_accept(cx) {
                    return Poll::Ready(accepted.map(|(stream, _)| stream));
                }
            }
            Poll::Pending
        })
        .await
    }
}

/// Why the port could not be opened.
#[derive(Debug)]
pub struct BindError {
    port: u16,
    /// The addresses that could not be bound, each with its reason.
    failures: Vec<(IpAddr, io::Error)>,
}

impl BindError {
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether another process has the port, so that waiting or another port helps.
    pub fn is_in_use(&self) -> bool {
        self.failures
            .iter()
            .any(|(_, error)| error.kind() == io::ErrorKind::AddrInUse)
    }
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { port, failures } = self;
        let addresses: Vec<String> = failures
            .iter()
            .map(|(address, _)| bracketed(*address))
            .collect();
        let addresses = addresses.join(" and ");
        match failures.first() {
            _ if self.is_in_use() => write!(
                f,
                "port {port} is in use by another process on {addresses}; set `port` or stop it"
            ),
            Some((_, error)) => write!(
                f,
                "port {port} cannot be opened on {addresses}: {error}; set another `port`"
            ),
            None => write!(
                f,
                "port {port} cannot be opened: this machine has neither IPv4 nor IPv6"
            ),
        }
    }
}

impl std::error::Error for BindError {}

/// Opens `port` (0: a free one) on each address family that this machine has. Needs a tokio
/// runtime.
///
/// # Errors
/// If one of the addresses cannot be bound; then none stays open. An address family that the
/// machine lacks is not an error.
pub fn bind(port: u16, scope: BindScope) -> Result<Listeners, BindError> {
    let attempts_max = if port == 0 { PORT_ATTEMPTS_MAX } else { 1 };
    let mut attempt = bind_once(port, scope);
    for _ in 1..attempts_max {
        match &attempt {
            Err(error) if error.is_in_use() => attempt = bind_once(port, scope),
            _ => break,
        }
    }
    attempt
}

/// Tries every address, even after a failure, so that the error names all that are in use.
fn bind_once(port: u16, scope: BindScope) -> Result<Listeners, BindError> {
    let mut listeners = Listeners {
        sockets: Vec::new(),
        port,
    };
    let mut failures = Vec::new();
    for address in scope.addresses() {
        match bind_address(SocketAddr::new(address, listeners.port)) {
            Ok((socket, port)) => {
                listeners.port = port;
                listeners.sockets.push(socket);
            }
            Err(error) if is_missing_family(&error) => {}
            Err(error) => failures.push((address, error)),
        }
    }
    if failures.is_empty() && !listeners.sockets.is_empty() {
        Ok(listeners)
    } else {
        Err(BindError {
            port: listeners.port,
            failures,
        })
    }
}

fn bind_address(address: SocketAddr) -> io::Result<(TcpListener, u16)> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    if address.is_ipv6() {
        // Otherwise [::] takes the IPv4 port too on some systems.
        socket.set_only_v6(true)?;
    }
    // After a restart the old connections are still in TIME_WAIT. On Windows the option means
    // something else: it lets other processes share the port.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    let listener = TcpListener::from_std(socket.into())?;
    let port = listener.local_addr()?.port();
    Ok((listener, port))
}

/// Whether the machine lacks this address family or has it switched off.
fn is_missing_family(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::AddrNotAvailable
        || error.raw_os_error() == Some(FAMILY_NOT_SUPPORTED)
}

/// `EAFNOSUPPORT`, for which the standard library has no kind.
const FAMILY_NOT_SUPPORTED: i32 = if cfg!(windows) {
    10047
} else if cfg!(any(target_os = "linux", target_os = "android")) {
    97
} else {
    47
};

/// An address as it stands in a URL.
fn bracketed(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether this machine can do IPv6 at all: containers often cannot.
    fn has_ipv6() -> bool {
        bind_address(SocketAddr::new(Ipv6Addr::LOCALHOST.into(), 0)).is_ok()
    }

    #[tokio::test]
    async fn both_families_share_one_port() {
        let listeners = bind(0, BindScope::Loopback).expect("a free port");
        assert_ne!(listeners.port(), 0);
        assert_eq!(listeners.sockets.len(), if has_ipv6() { 2 } else { 1 });
        for socket in &listeners.sockets {
            let address = socket.local_addr().unwrap();
            assert_eq!(address.port(), listeners.port());
            assert!(address.ip().is_loopback());
        }
    }

    #[tokio::test]
    async fn a_taken_port_is_named_with_its_addresses() {
        let first = bind(0, BindScope::Loopback).unwrap();
        let error = bind(first.port(), BindScope::Loopback).unwrap_err();
        let addresses = if has_ipv6() {
            "127.0.0.1 and [::1]"
        } else {
            "127.0.0.1"
        };
        let port = first.port();
        assert!(error.is_in_use());
        assert_eq!(
            error.to_string(),
            format!(
                "port {port} is in use by another process on {addresses}; set `port` or stop it"
            )
        );
    }

    #[tokio::test]
    async fn a_stranger_on_one_family_keeps_the_port_closed() {
        if !has_ipv6() {
            return;
        }
        let (other_process, port) =
            bind_address(SocketAddr::new(Ipv6Addr::LOCALHOST.into(), 0)).unwrap();
        let error = bind(port, BindScope::Loopback).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("port {port} is in use by another process on [::1]; set `port` or stop it")
        );
        drop(other_process);
        bind(port, BindScope::Loopback).expect("the failed attempt left nothing open");
    }

    #[test]
    fn a_missing_family_is_no_stranger() {
        assert!(is_missing_family(&io::ErrorKind::AddrNotAvailable.into()));
        assert!(is_missing_family(&io::Error::from_raw_os_error(
            FAMILY_NOT_SUPPORTED
        )));
        assert!(!is_missing_family(&io::ErrorKind::AddrInUse.into()));
    }
}
