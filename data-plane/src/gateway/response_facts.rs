//! What the record keeps of a whole response.

use crate::canon::{FinishReason, Response, ServiceTier, Usage};

/// Usage, finish reason, tier and id of a whole response.
#[derive(Default)]
pub(super) struct ResponseFacts {
    pub(super) usage: Usage,
    pub(super) finish: Option<FinishReason>,
    pub(super) tier: Option<ServiceTier>,
    /// The id of a response that its provider keeps.
    pub(super) stored: Option<Box<str>>,
}

impl ResponseFacts {
    pub(super) fn of(whole: &Response) -> Self {
        let tier = whole.start.tier.as_ref();
        Self {
            usage: whole.usage,
            finish: whole
                .choices
                .iter()
                .find_map(|choice| choice.finish.clone()),
            tier: tier.map(|tier| ServiceTier::of(&tier.to_plain())),
            stored: None,
        }
    }
}
