//! What every answer and every chunk of the OpenAI dialects begins with: id, object, time, model.
//!
//! Shared by chat and the legacy completions. Holds no content.

use bytes::BytesMut;

use crate::canon::{Start, Usage};
use crate::json::{Array, EscapedStr, Object, Writer};
use crate::protocol::{ResponseContext, sse};

use super::usage;

/// The same in all chunks of one answer.
#[derive(Clone, Debug)]
pub(in crate::protocol) struct Head {
    object: &'static str,
    id: EscapedStr,
    created: u64,
    model: EscapedStr,
    tier: Option<EscapedStr>,
    fingerprint: Option<EscapedStr>,
}

impl Head {
    /// A head without an upstream's own words: id (`id_prefix` + the request's id), time and model
    /// of the gateway.
    pub(in crate::protocol) fn new(
        ask: &ResponseContext<'_>,
        object: &'static str,
        id_prefix: &str,
    ) -> Self {
        let model = if ask.origin.model.is_empty() {
            &ask.request.model
        } else {
            &ask.origin.model
        };
        Self {
            object,
            id: EscapedStr::from(format!("{id_prefix}{}", ask.request_id)),
            created: ask.now,
            model: EscapedStr::from(model.as_str()),
            tier: None,
            fingerprint: None,
        }
    }

    /// Takes what the upstream says of its answer.
    pub(in crate::protocol) fn learn(&mut self, start: &Start) {
        let known = |text: &Option<EscapedStr>| text.clone().filter(|text| !text.is_empty());
        self.id = known(&start.id).unwrap_or_else(|| self.id.clone());
        self.model = known(&start.model).unwrap_or_else(|| self.model.clone());
        self.created = start.created.unwrap_or(self.created);
        (self.tier, self.fingerprint) = (start.tier.clone(), start.fingerprint.clone());
    }

    /// Writes the head and its choices.
    pub(in crate::protocol) fn write(
        &self,
        object: &mut Object<'_>,
        choices: impl FnOnce(&mut Array<'_>),
    ) {
        object.text("id", &self.id);
        object.str("object", self.object);
        object.u64("created", self.created);
        object.text("model", &self.model);
        object.some("service_tier", self.tier.as_ref(), |value, tier| {
            value.text(tier)
        });
        object.some(
            "system_fingerprint",
            self.fingerprint.as_ref(),
            |value, fingerprint| value.text(fingerprint),
        );
        object.array("choices", choices);
    }
}

/// Usage in a stream: a chunk of its own at the end and `null` before, where the client asked for
/// it; else nothing at all.
#[derive(Clone, Debug)]
pub(in crate::protocol) struct StreamedUsage {
    is_asked: bool,
    known: Usage,
}

impl StreamedUsage {
    pub(in crate::protocol) fn new(is_asked: bool) -> Self {
        Self {
            is_asked,
            known: Usage::default(),
        }
    }

    pub(in crate::protocol) fn update(&mut self, usage: &Usage) {
        self.known.update(usage);
    }

    /// In a chunk that is not the last.
    pub(in crate::protocol) fn write_null(&self, object: &mut Object<'_>) {
        if self.is_asked {
            object.null("usage");
        }
    }

    /// Ends a stream: the chunk that tells the usage, where it is known, and `[DONE]`.
    pub(in crate::protocol) fn end(&self, head: &Head, out: &mut BytesMut) {
        if self.is_asked && !self.known.is_unknown() {
            sse::write(out, "", |out| {
                Writer::new(out).object(|object| self.write_last(head, object))
            });
        }
        out.extend_from_slice(b"data: [DONE]\n\n");
    }

    fn write_last(&self, head: &Head, object: &mut Object<'_>) {
        head.write(object, |_| {});
        object.object("usage", |object| usage::write(&self.known, object));
    }
}
