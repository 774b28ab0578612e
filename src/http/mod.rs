//! HTTP/1.1 towards clients: listening, serving, limits, and the guard in front. Both listeners stand on it.
//!
//! It knows no dialect, no route and no key, and it trusts no header about who is asking.

mod body;
mod coding;
pub mod guard;
mod host;
mod limits;
pub mod listen;
mod printable;

pub use body::{Body, BoxError, collect};
pub use limits::Limits;
pub use printable::printable;
