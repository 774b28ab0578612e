//! The dialects that an upstream can speak, by their names in the configuration: those of
//! [`protocol::upstreams`].

use crate::canon::Dialect;
use crate::protocol::{self, Protocol};

/// In the order in which they are shown.
pub fn dialects() -> impl Iterator<Item = Dialect> {
    protocol::upstreams().map(Protocol::dialect)
}

/// The upstream dialect of that name.
pub fn dialect(name: &str) -> Option<Dialect> {
    dialects().find(|dialect| dialect.name() == name)
}
