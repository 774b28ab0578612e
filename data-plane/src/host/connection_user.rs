//! Which user of this machine is at the other end of a loopback connection.
//!
//! Only Linux tells. The kernel is asked for the one socket (`sock_diag`), in some 15 µs and however
//! many connections there are; `/proc/net/tcp` walks the whole table for each look (16 ms on a machine
//! with an empty one), and is read only where a sandbox forbids the other.

use std::net::SocketAddr;

/// Whether a connection comes from another user of this machine than the one of this process, and
/// than root.
///
/// `None` where it does not, where it comes from another machine, and where the system does not know
/// its other end: a relay outside of this system (a virtual machine's, a container's) has no socket
/// here. A socket that is closed already has no owner any more, and counts as another user's: its
/// answer has no reader.
#[cfg(target_os = "linux")]
pub fn other_user(peer: SocketAddr, own: SocketAddr) -> Option<OtherUser> {
    let (peer, own) = (canonical(peer), canonical(own));
    if !peer.ip().is_loopback() && peer.ip() != own.ip() {
        return None;
    }
    let found = match linux::ask_kernel(peer, own) {
        Ok(found) => found,
        Err(error) => {
            tracing::debug!(%error, "the kernel does not tell a connection's user");
            linux::read_tables(peer, own)
        }
    };
    match found? {
        linux::Socket { inode: 0, .. } => Some(OtherUser { id: None }),
        linux::Socket { user, .. } if user == super::private_file::own_user() => None,
        linux::Socket { user, .. } if user == super::private_file::ROOT => None,
        linux::Socket { user, .. } => Some(OtherUser { id: Some(user) }),
    }
}

/// Not known on this system.
#[cfg(not(target_os = "linux"))]
pub fn other_user(_: SocketAddr, _: SocketAddr) -> Option<OtherUser> {
    None
}

/// A user that is neither this process's nor root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OtherUser {
    /// `None` where the socket is closed already.
    pub id: Option<u32>,
}

/// A listener of both families shows IPv4 addresses in their IPv6 form.
#[cfg(target_os = "linux")]
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

#[cfg(target_os = "linux")]
mod linux {
    use std::io;
    use std::net::{IpAddr, SocketAddr};

    use rustix::net::{
        AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink, recv, send,
        socket_with,
    };

    pub(super) struct Socket {
        pub(super) user: u32,
        /// 0 once no process has it open.
        pub(super) inode: u32,
    }

    // Source: linux/netlink.h, linux/sock_diag.h, linux/inet_diag.h.
    const HEADER_BYTES: usize = 16;
    const REQUEST_BYTES: usize = HEADER_BYTES + 56;
    const SOCK_DIAG_BY_FAMILY: u16 = 20;
    const NLMSG_ERROR: u16 = 2;
    const NLM_F_REQUEST: u16 = 1;
    const IPPROTO_TCP: u8 = 6;
    const AF_INET: u8 = 2;
    const AF_INET6: u8 = 10;
    const ENOENT: i32 = 2;
    /// Where `idiag_uid` and `idiag_inode` lie in a message.
    const USER_AT: usize = HEADER_BYTES + 64;
    const INODE_AT: usize = HEADER_BYTES + 68;

    /// The peer's socket of a connection. `None` where this system has none.
    pub(super) fn ask_kernel(peer: SocketAddr, own: SocketAddr) -> io::Result<Option<Socket>> {
        let kernel = socket_with(
            AddressFamily::NETLINK,
            SocketType::RAW,
            SocketFlags::CLOEXEC | SocketFlags::NONBLOCK,
            Some(netlink::SOCK_DIAG),
        )?;
        // The kernel answers within the call, so the answer is there when it returns.
        send(&kernel, &request(peer, own), SendFlags::empty())?;
        let mut buffer = [0_u8; 1024];
        let (length, _) = recv(&kernel, &mut buffer[..], RecvFlags::empty())?;
        read(&buffer[..length])
    }

    fn request(peer: SocketAddr, own: SocketAddr) -> [u8; REQUEST_BYTES] {
        let mut message = [0; REQUEST_BYTES];
        let mut at = 0;
        let mut put = |bytes: &[u8]| {
            message[at..at + bytes.len()].copy_from_slice(bytes);
            at += bytes.len();
        };
        put(&(REQUEST_BYTES as u32).to_ne_bytes());
        put(&SOCK_DIAG_BY_FAMILY.to_ne_bytes());
        put(&NLM_F_REQUEST.to_ne_bytes());
        put(&[0; 8]);
        let family = if peer.is_ipv4() { AF_INET } else { AF_INET6 };
        put(&[family, IPPROTO_TCP, 0, 0]);
        // All states of a connection.
        put(&u32::MAX.to_ne_bytes());
        put(&peer.port().to_be_bytes());
        put(&own.port().to_be_bytes());
        put(&octets(peer.ip()));
        put(&octets(own.ip()));
        // Any interface, and no cookie.
        put(&0_u32.to_ne_bytes());
        put(&[0xff; 8]);
        message
    }

    fn octets(address: IpAddr) -> [u8; 16] {
        let mut octets = [0; 16];
        match address {
            IpAddr::V4(address) => octets[..4].copy_from_slice(&address.octets()),
            IpAddr::V6(address) => octets = address.octets(),
        }
        octets
    }

    fn read(message: &[u8]) -> io::Result<Option<Socket>> {
        let word = |at: usize| {
            let bytes = message.get(at..at + 4)?;
            Some(u32::from_ne_bytes(bytes.try_into().ok()?))
        };
        let kind = message
            .get(4..6)
            .map(|kind| u16::from_ne_bytes([kind[0], kind[1]]));
        match (kind, word(HEADER_BYTES)) {
            (Some(SOCK_DIAG_BY_FAMILY), _) => {
                let (Some(user), Some(inode)) = (word(USER_AT), word(INODE_AT)) else {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                };
                Ok(Some(Socket { user, inode }))
            }
            (Some(NLMSG_ERROR), Some(code)) if code.cast_signed() == -ENOENT => Ok(None),
            (Some(NLMSG_ERROR), Some(code)) => {
                Err(io::Error::from_raw_os_error(-code.cast_signed()))
            }
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }

    /// The same from the tables of all sockets.
    pub(super) fn read_tables(peer: SocketAddr, own: SocketAddr) -> Option<Socket> {
        let tables = ["/proc/net/tcp", "/proc/net/tcp6"];
        tables.iter().find_map(|table| {
            let table = std::fs::read_to_string(table).ok()?;
            find(&table, peer, own)
        })
    }

    /// Source: proc_pid_net(5), `/proc/net/tcp`.
    pub(super) fn find(table: &str, peer: SocketAddr, own: SocketAddr) -> Option<Socket> {
        table.lines().skip(1).find_map(|line| {
            let mut fields = line.split_ascii_whitespace().skip(1);
            if address(fields.next()?)? != peer || address(fields.next()?)? != own {
                return None;
            }
            let user = fields.nth(4)?.parse().ok()?;
            let inode = fields.nth(1)?.parse().ok()?;
            Some(Socket { user, inode })
        })
    }

    /// `0100007F:1F90`: words of four bytes in the machine's own order, and a port.
    fn address(text: &str) -> Option<SocketAddr> {
        let (address, port) = text.split_once(':')?;
        let mut octets = [0; 16];
        let words = address.len() / 8;
        for word in 0..words.min(4) {
            let hex = address.get(word * 8..word * 8 + 8)?;
            let value = u32::from_str_radix(hex, 16).ok()?;
            octets[word * 4..word * 4 + 4].copy_from_slice(&value.to_ne_bytes());
        }
        let address = match words {
            1 => IpAddr::from([octets[0], octets[1], octets[2], octets[3]]),
            _ => IpAddr::from(octets).to_canonical(),
        };
        Some(SocketAddr::new(
            address,
            u16::from_str_radix(port, 16).ok()?,
        ))
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn this_process_is_no_other_user() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = TcpListener::bind(address) else {
                continue;
            };
            let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (stream, peer) = listener.accept().unwrap();
            let own = stream.local_addr().unwrap();
            assert_eq!(other_user(peer, own), None);
            let found = linux::ask_kernel(peer, own).unwrap().unwrap();
            let listed = linux::read_tables(peer, own).unwrap();
            assert_eq!((found.user, found.inode), (listed.user, listed.inode));
            assert_eq!(found.user, super::super::private_file::own_user());
            assert_ne!(found.inode, 0);
            drop(client);
            assert_eq!(other_user(peer, own), Some(OtherUser { id: None }));
        }
    }

    #[test]
    fn other_machines_are_not_looked_up() {
        let address = |text: &str| text.parse::<SocketAddr>().unwrap();
        assert_eq!(
            other_user(address("192.0.2.1:5"), address("192.0.2.2:6")),
            None
        );
        assert_eq!(
            other_user(address("127.0.0.1:5"), address("127.0.0.1:6")),
            None
        );
    }

    #[test]
    fn tables_are_read_in_both_families() {
        let address = |text: &str| text.parse::<SocketAddr>().unwrap();
        let table = "  sl  local_address rem_address st tx_queue rx_queue tr tm->when retrnsmt uid timeout inode\n\
            0: 0100007F:1F6D 0100007F:D431 01 00000000:00000000 00:00000000 00000000  1000        0 11 1\n\
            1: 0100007F:D431 0100007F:1F6D 01 00000000:00000000 00:00000000 00000000  1001        0 12 1\n";
        let found = linux::find(table, address("127.0.0.1:54321"), address("127.0.0.1:8045"));
        assert_eq!(
            found.map(|found| (found.user, found.inode)),
            Some((1001, 12))
        );
        let mapped = "head\n0: 0000000000000000FFFF00000100007F:D431 0000000000000000FFFF00000100007F:1F6D 01 0:0 00:0 0 1002 0 13 1\n";
        let found = linux::find(
            mapped,
            address("127.0.0.1:54321"),
            address("127.0.0.1:8045"),
        );
        assert_eq!(found.map(|found| found.user), Some(1002));
    }
}
