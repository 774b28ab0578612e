//! What a change of a provider's pool leads to outside of it, collected while the pool is locked.

use super::events::Event;
use super::schedule::queue::Delivery;

/// Flushed after the unlock, see `Shared::flush`.
#[derive(Default)]
pub(crate) struct Outbox {
    pub(crate) deliveries: Vec<Delivery>,
    /// Usually empty, which allocates nothing.
    pub(crate) events: Vec<Event>,
    /// Whether to wake the refresher.
    pub(crate) refresh_due: bool,
    /// Whether to wake who asks for balances.
    pub(crate) balance_due: bool,
}

impl Outbox {
    pub(crate) fn push(&mut self, event: Event) {
        self.events.push(event);
    }
}
