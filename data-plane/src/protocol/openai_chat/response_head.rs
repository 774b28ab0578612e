//! The members that begin every answer and every chunk of Chat and of the legacy completions: id,
//! object, time, model. Also the usage of a stream, which has a chunk of its own.

use bytes::BytesMut;

use crate::canon::{Start, Usage};
use crate::json::{Array, EscapedStr, Object, Writer};
use crate::protocol::{ResponseContext, openai, sse};

use super::usage;

/// The same in all chunks of one answer.
#[derive(Clone, Debug)]
pub(in crate::protocol) struct ResponseHead {
    object: &'static str,
    id: EscapedStr,
    created: u64,
    model: EscapedStr,
    tells_tier: bool,
    tier: Option<&'static str>,
    fingerprint: Option<EscapedStr>,
}

impl ResponseHead {
    /// The head before the upstream said anything: `id_prefix` and the request's id, the gateway's
    /// time, the model that was called.
    pub(in crate::protocol) fn new(
        context: &ResponseContext<'_>,
        object: &'static str,
        id_prefix: &str,
    ) -> Self {
        let model = if context.origin.model.is_empty() {
            &context.request.model
        } else {
            &context.origin.model
        };
        Self {
            object,
            id: EscapedStr::from(format!("{id_prefix}{}", context.request_id)),
            created: context.received_at.as_secs(),
            model: EscapedStr::from(model.as_str()),
            tells_tier: true,
            tier: None,
            fingerprint: None,
        }
    }

    /// A head of the older API, which has no service tier.
    pub(in crate::protocol) fn without_tier(self) -> Self {
        Self {
            tells_tier: false,
            ..self
        }
    }

    /// Takes what the upstream says of its answer.
    pub(in crate::protocol) fn update(&mut self, start: &Start) {
        if let Some(id) = start.id.as_ref().filter(|id| !id.is_empty()) {
            self.id = id.clone();
        }
        if let Some(model) = start.model.as_ref().filter(|model| !model.is_empty()) {
            self.model = model.clone();
        }
        self.created = start.created.unwrap_or(self.created);
        self.tier = start.tier.as_ref().and_then(openai::response_tier);
        self.fingerprint = start.fingerprint.clone();
    }

    /// Writes the head, and the choices behind it.
    pub(in crate::protocol) fn write(
        &self,
        object: &mut Object<'_>,
        choices: impl FnOnce(&mut Array<'_>),
    ) {
        object.text("id", &self.id);
        object.str("object", self.object);
        object.u64("created", self.created);
        object.text("model", &self.model);
        if let Some(tier) = self.tier.filter(|_| self.tells_tier) {
            object.str("service_tier", tier);
        }
        if let Some(fingerprint) = &self.fingerprint {
            object.text("system_fingerprint", fingerprint);
        }
        object.array("choices", choices);
    }
}

/// Usage in a stream. Where the client asked for it, a last chunk of its own holds it and every
/// other chunk says `null`; else no chunk names it.
#[derive(Clone, Debug)]
pub(in crate::protocol) struct StreamUsage {
    is_requested: bool,
    usage: Usage,
}

impl StreamUsage {
    pub(in crate::protocol) fn new(is_requested: bool) -> Self {
        Self {
            is_requested,
            usage: Usage::default(),
        }
    }

    pub(in crate::protocol) fn update(&mut self, usage: &Usage) {
        self.usage.update(usage);
    }

    /// Writes the member of a chunk that is not the last.
    pub(in crate::protocol) fn write_null(&self, object: &mut Object<'_>) {
        if self.is_requested {
            object.null("usage");
        }
    }

    /// Ends a stream: the chunk with the usage, null where it is unknown, and `[DONE]`.
    pub(in crate::protocol) fn finish(&self, head: &ResponseHead, out: &mut BytesMut) {
        if self.is_requested {
            sse::write(out, "", |out| {
                Writer::new(out).object(|object| self.write_last_chunk(head, object))
            });
        }
        out.extend_from_slice(b"data: [DONE]\n\n");
    }

    fn write_last_chunk(&self, head: &ResponseHead, object: &mut Object<'_>) {
        head.write(object, |_| {});
        if self.usage.is_unknown() {
            return object.null("usage");
        }
        object.object("usage", |object| usage::write(&self.usage, object));
    }
}
