//! HTTP/1.1 towards clients: listening, serving, limits, and the guard in front. Both listeners
//! stand on it.
//!
//! [`listen`] opens the port, [`serve()`] speaks HTTP on it until it is told to stop, [`guard`]
//! says whether a request may come in at all, [`collect`] reads a request's body. It knows no
//! dialect, no route and no key, and it trusts no header about who is asking.

mod body;
mod coding;
mod connection;
pub mod guard;
mod host;
mod limits;
pub mod listen;
mod serve;
#[cfg(test)]
mod tests;

pub use body::{BoxError, ResponseBody, collect};
pub use limits::ListenerLimits;
pub use serve::{Drain, Handler, serve};
