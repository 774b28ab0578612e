//! What this program asks of the operating system beyond sockets: who holds a port, what starts at
//! login, private files, core dumps, and how text reaches a display unharmed. It knows no configuration,
//! account or verb.

pub mod autostart;
mod connection_user;
pub mod core_dumps;
pub mod disk_space;
#[cfg(feature = "desktop")]
pub mod locale;
pub mod loopback_http;
pub mod numbers;
#[cfg(feature = "desktop")]
pub mod opener;
mod port_owner;
pub mod printable;
pub mod private_file;
pub mod recent_log;

pub use connection_user::{OtherUser, other_user};
pub use port_owner::{PortOwner, port_owner};
