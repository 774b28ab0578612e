//! HTTP/1.1 towards clients: listening, serving, limits, and the guard in front. Both listeners stand on it.
//!
//! It knows no dialect, no route and no key, and it trusts no header about who is asking.

pub mod guard;
mod host;
mod printable;

pub use printable::printable;
