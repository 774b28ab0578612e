//! Who has a port, where the system tells.

/// A process that listens on a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortOwner {
    /// The program's short name, as the system lists it.
    pub name: String,
    pub pid: u32,
}

/// The process that listens on a port of this machine. `None` where that cannot be known.
#[cfg(target_os = "linux")]
pub fn port_owner(port: u16) -> Option<PortOwner> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"]
        .map(|table| std::fs::read_to_string(table).unwrap_or_default());
    let sockets: Vec<u64> = tables
        .iter()
        .flat_map(|table| listening(table, port))
        .collect();
    let processes = std::fs::read_dir("/proc").ok()?.flatten();
    let pid = processes
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .find(|pid| has_one(*pid, &sockets))?;
    let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
    Some(PortOwner {
        name: name.trim().to_owned(),
        pid,
    })
}

#[cfg(not(target_os = "linux"))]
pub fn port_owner(_: u16) -> Option<PortOwner> {
    None
}

/// The sockets that listen on `port`, by their inodes. Source: proc_pid_net(5), `/proc/net/tcp`.
#[cfg(target_os = "linux")]
fn listening(table: &str, port: u16) -> Vec<u64> {
    const LISTEN: &str = "0A";
    let socket = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (_, local_port) = fields.get(1)?.rsplit_once(':')?;
        let is_it = u16::from_str_radix(local_port, 16) == Ok(port) && *fields.get(3)? == LISTEN;
        is_it.then(|| fields.get(9)?.parse().ok()).flatten()
    };
    table.lines().skip(1).filter_map(socket).collect()
}

/// Whether a process of this person has one of the sockets open.
#[cfg(target_os = "linux")]
fn has_one(pid: u32, sockets: &[u64]) -> bool {
    let Ok(files) = std::fs::read_dir(format!("/proc/{pid}/fd")) else {
        return false;
    };
    let targets = files
        .flatten()
        .filter_map(|file| std::fs::read_link(file.path()).ok());
    targets
        .filter_map(|target| socket_of(&target.to_string_lossy()))
        .any(|socket| sockets.contains(&socket))
}

/// `socket:[1234]` is 1234.
#[cfg(target_os = "linux")]
fn socket_of(target: &str) -> Option<u64> {
    target
        .strip_prefix("socket:[")?
        .strip_suffix(']')?
        .parse()
        .ok()
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_found_by_its_port() {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let found = port_owner(listener.local_addr().unwrap().port()).unwrap();
        assert_eq!(found.pid, std::process::id());
    }

    #[test]
    fn a_port_that_nobody_has_has_no_occupant() {
        let port = std::net::TcpListener::bind(("127.0.0.1", 0))
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        assert_eq!(port_owner(port), None);
    }
}
