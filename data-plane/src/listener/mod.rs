//! HTTP/1.1 towards clients: listening, serving, limits, and the guard. The API and the dashboard
//! are both served by it.
//!
//! [`listen`] opens the port, [`serve()`] accepts and serves connections until it is told to stop,
//! [`guard`] decides whether a request is admitted at all, [`collect`] reads a request's body,
//! [`begin_upload`] the beginning of one that passes. It knows no dialect, no route and no key, and trusts no header about who is asking.

mod body;
mod connection;
pub mod guard;
mod host;
mod limits;
pub mod listen;
mod serve;
#[cfg(test)]
mod tests;
mod unauthenticated;

pub use body::{BoxError, ClientStream, ResponseBody, begin_upload, collect};
pub use limits::ListenerLimits;
pub use serve::{Drain, Handler, serve};
pub use unauthenticated::AuthenticatedPeer;
