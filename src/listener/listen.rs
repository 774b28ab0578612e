//! Opening the port: on IPv4 and IPv6 together, or not at all.
//!
//! A client that is told `localhost` may try either family first, so a stranger on the other one
//! would get its requests and keys. It accepts nothing yet, and never falls back to another port or
//! address.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::task::Poll;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};

/// Connections that the system keeps until they are accepted.
const BACKLOG: i32 = 1024;

/// How often a port that the system chose for IPv4 may turn out to be taken on IPv6.
const PORT_ATTEMPTS_MAX: usize = 16;

/// Who can reach the port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// This machine: 127.0.0.1 and `[::1]`.
    Loopback,
    /// The network too: 0.0.0.0 and `[::]`.
    Lan,
}

impl Reach {
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
            let ready = self
                .sockets
                .iter()
                .find_map(|socket| match socket.poll_accept(cx) {
                    Poll::Ready(accepted) => Some(accepted.map(|(stream, _)| stream)),
                    Poll::Pending => None,
                });
            ready.map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }
}

/// Why the port could not be opened.
#[derive(Debug)]
pub struct BindError {
    port: u16,
    /// The addresses that failed, each with its reason.
    failed: Vec<(IpAddr, io::Error)>,
}

impl BindError {
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether another process has the port: waiting or another port helps.
    pub fn is_in_use(&self) -> bool {
        self.failed
            .iter()
            .any(|(_, error)| error.kind() == io::ErrorKind::AddrInUse)
    }
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { port, failed } = self;
        let addresses: Vec<String> = failed.iter().map(|(address, _)| shown(*address)).collect();
        let addresses = addresses.join(" and ");
        match failed.first() {
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

/// Opens `port` (0: one that is free) on each address family that this machine has. Needs a tokio
/// runtime.
///
/// # Errors
/// When one of the addresses cannot be had; then none stays open. A family that the machine lacks
/// is no error.
pub fn bind(port: u16, reach: Reach) -> Result<Listeners, BindError> {
    let attempts_max = if port == 0 { PORT_ATTEMPTS_MAX } else { 1 };
    let mut attempt = bind_once(port, reach);
    for _ in 1..attempts_max {
        match &attempt {
            Err(error) if error.is_in_use() => attempt = bind_once(port, reach),
            _ => break,
        }
    }
    attempt
}

/// Tries every address, also after a failure, so that the error names all that are taken.
fn bind_once(port: u16, reach: Reach) -> Result<Listeners, BindError> {
    let mut listeners = Listeners {
        sockets: Vec::new(),
        port,
    };
    let mut failed = Vec::new();
    for address in reach.addresses() {
        match bind_address(SocketAddr::new(address, listeners.port)) {
            Ok((socket, port)) => {
                listeners.port = port;
                listeners.sockets.push(socket);
            }
            Err(error) if is_missing_family(&error) => {}
            Err(error) => failed.push((address, error)),
        }
    }
    if failed.is_empty() && !listeners.sockets.is_empty() {
        Ok(listeners)
    } else {
        Err(BindError {
            port: listeners.port,
            failed,
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
        // Else [::] would take the IPv4 port too, and whether it does differs between systems.
        socket.set_only_v6(true)?;
    }
    // A restart finds its old connections in TIME_WAIT. On Windows the option means something else:
    // sharing with strangers.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    let listener = TcpListener::from_std(socket.into())?;
    let port = listener.local_addr()?.port();
    Ok((listener, port))
}

/// Whether the machine does not have this address family, or has it switched off.
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

fn shown(address: IpAddr) -> String {
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
        let listeners = bind(0, Reach::Loopback).expect("a free port");
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
        let first = bind(0, Reach::Loopback).unwrap();
        let error = bind(first.port(), Reach::Loopback).unwrap_err();
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
        let (stranger, port) =
            bind_address(SocketAddr::new(Ipv6Addr::LOCALHOST.into(), 0)).unwrap();
        let error = bind(port, Reach::Loopback).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("port {port} is in use by another process on [::1]; set `port` or stop it")
        );
        drop(stranger);
        bind(port, Reach::Loopback).expect("the refused attempt left nothing open");
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
