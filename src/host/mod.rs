//! What this program asks of the operating system beyond sockets: who holds a port, and what
//! starts at login. It knows no configuration, account or verb of ours.

pub mod autostart;
mod port_owner;

pub use port_owner::port_owner;
