//! Canon to a request for a Chat upstream: the fields around the conversation.
//!
//! Source: Chat Completions API, request body; `translation.md` section 2. What the dialect cannot
//! say goes to the losses; no field is left out without one.

use crate::canon::{Format, Located, Losses, ReasoningDisplay, Request, SchemaFormat};
use crate::json::{self, EscapedStr, Object, Raw, Writer};
use crate::protocol::names::{NameRules, Names};
use crate::protocol::openai::{self, abilities};
use crate::protocol::{Encoded, Target, Wire, efforts, schema};

use super::messages_encode::Messages;
use super::tools_encode::Tools;

const NAMES: NameRules = NameRules {
    len_max: 64,
    also: b"_-",
    starts_with_letter: false,
};
const STOPS_MAX: usize = 4;
/// The API refuses a longer `user`; Anthropic's clients send longer ones.
const USER_CHARS_MAX: usize = 64;
/// The API demands a name of a schema, and other dialects have none.
const SCHEMA_NAME: &str = "response";

pub(super) fn encode(request: &Request, target: &Target<'_>, losses: &mut Losses) -> Encoded {
    let names = Names::new(request, NAMES);
    let body = json::document(|value| {
        value.object(|object| {
            Encoder {
                request,
                target,
                names: &names,
                losses,
            }
            .body(object)
        });
    });
    // Custom tools become functions: that is the one form that every Chat server knows.
    Encoded {
        wire: Wire {
            path: "/chat/completions".into(),
            body: body.into(),
            ..Wire::default()
        },
        restore: names.restore(true),
    }
}

struct Encoder<'e> {
    request: &'e Request,
    target: &'e Target<'e>,
    names: &'e Names<'e>,
    losses: &'e mut Losses,
}

impl Encoder<'_> {
    fn body(&mut self, body: &mut Object<'_>) {
        body.str("model", self.target.model);
        let is_openai = abilities::is_openai(self.target);
        body.array("messages", |array| {
            Messages {
                names: self.names,
                is_openai,
                losses: self.losses,
            }
            .write(self.request, array)
        });
        Tools {
            names: self.names,
            losses: self.losses,
        }
        .write(self.request, body);
        self.sampling(body);
        self.limits(body);
        self.format(body);
        self.reasoning(body);
        self.output(body);
        self.labels(body);
        self.stream(body);
        self.rest();
    }

    fn sampling(&mut self, body: &mut Object<'_>) {
        let sampling = &self.request.sampling;
        let refused = abilities::refuses_sampling(self.target.model);
        for (key, field) in [
            ("temperature", &sampling.temperature),
            ("top_p", &sampling.top_p),
            ("presence_penalty", &sampling.presence_penalty),
            ("frequency_penalty", &sampling.frequency_penalty),
        ] {
            match field {
                Some(field) if refused => self.losses.dropped(field.at),
                field => number(body, key, field.as_ref()),
            }
        }
        number(body, "seed", sampling.seed.as_ref());
        self.drop(sampling.top_k.as_ref());
    }

    fn limits(&mut self, body: &mut Object<'_>) {
        let request = self.request;
        // OpenAI's reasoning models refuse the older name, other makers' servers know or take no
        // other.
        let key = if abilities::is_openai(self.target) {
            "max_completion_tokens"
        } else {
            "max_tokens"
        };
        body.some(key, request.output_tokens_max.as_ref(), |value, limit| {
            value.u64(limit.value)
        });
        body.some("n", request.choices.as_ref(), |value, choices| {
            value.u64(choices.value)
        });
        if let Some(extra) = request.stops.get(STOPS_MAX) {
            self.losses.refuse(
                extra.at,
                format!("the openai_chat dialect takes at most {STOPS_MAX} stop sequences"),
            );
        }
        if !request.stops.is_empty() {
            body.array("stop", |array| {
                request
                    .stops
                    .iter()
                    .for_each(|stop| array.item().text(&stop.value))
            });
        }
    }

    fn format(&mut self, body: &mut Object<'_>) {
        let Some(format) = &self.request.format else {
            return;
        };
        match &format.value {
            Format::Free => {}
            Format::Json => body.object("response_format", |object| {
                object.str("type", "json_object")
            }),
            Format::Schema(schema) => body.object("response_format", |object| {
                object.str("type", "json_schema");
                object.object("json_schema", |object| self.schema_format(schema, object));
            }),
            Format::Enum(_) => self.losses.refuse(
                format.at,
                "the openai_chat dialect cannot answer with a bare word of a list",
            ),
        }
    }

    fn schema_format(&mut self, format: &SchemaFormat, object: &mut Object<'_>) {
        match &format.name {
            Some(name) => object.text("name", &name.value),
            None => {
                self.losses.added("response_format.json_schema.name");
                object.str("name", SCHEMA_NAME);
            }
        }
        object.some("description", format.description.as_ref(), |value, text| {
            value.text(&text.value)
        });
        object.raw("schema", &format.schema);
        if let Some(strict) = strict(format.strict.as_ref(), &format.schema, self.losses) {
            object.bool("strict", strict);
        }
    }

    fn reasoning(&mut self, body: &mut Object<'_>) {
        let Some(reasoning) = &self.request.reasoning else {
            return;
        };
        // Servers that show reasoning do so unasked; how much of it, none of them can be told.
        self.drop(
            reasoning
                .value
                .display
                .as_ref()
                .filter(|show| show.value != ReasoningDisplay::Summary(None)),
        );
        if let Some(effort) = efforts::alone(reasoning, self.losses) {
            body.str("reasoning_effort", efforts::row(effort).openai);
        }
    }

    fn output(&mut self, body: &mut Object<'_>) {
        let request = self.request;
        if let Some(top) = &request.logprobs {
            body.bool("logprobs", true);
            body.u64("top_logprobs", top.value);
        }
        text(body, "verbosity", request.verbosity.as_ref());
        if let Some(audio) = request
            .modalities
            .iter()
            .find(|kind| kind.value.to_plain().eq_ignore_ascii_case("audio"))
        {
            self.losses
                .refuse(audio.at, "audio output cannot be translated");
        }
        if !request.modalities.is_empty() {
            let words = request
                .modalities
                .iter()
                .map(|kind| kind.value.to_plain().to_ascii_lowercase());
            body.array("modalities", |array| {
                array.item().str("text");
                words
                    .filter(|word| word != "text")
                    .for_each(|word| array.item().str(&word));
            });
        }
    }

    fn labels(&mut self, body: &mut Object<'_>) {
        let request = self.request;
        // The older name of `safety_identifier` and the one that every Chat server knows.
        let (user, long) = split(request.user.as_ref(), |user| {
            user.to_plain().chars().count() <= USER_CHARS_MAX
        });
        text(body, "user", user);
        self.drop(long);
        request
            .tier
            .iter()
            .for_each(|tier| openai::write_tier(body, tier, self.losses));
        body.some("metadata", request.metadata.as_ref(), |value, metadata| {
            value.raw(&metadata.value)
        });
        match &request.cache_key {
            Some(key) if abilities::is_openai(self.target) => {
                body.text("prompt_cache_key", &key.value)
            }
            key => self.drop(key.as_ref()),
        }
    }

    /// Usage is always asked for: the records need it, whatever the client asked.
    fn stream(&self, body: &mut Object<'_>) {
        if self.target.stream {
            body.bool("stream", true);
            body.object("stream_options", |object| {
                object.bool("include_usage", true)
            });
        }
    }

    fn rest(&mut self) {
        if let Some(mark) = &self.request.cache_breakpoint {
            self.losses.dropped(mark.at);
        }
        self.request
            .unknown
            .iter()
            .for_each(|field| self.losses.dropped(field.at));
        self.request
            .added
            .iter()
            .for_each(|name| self.losses.added(name));
    }

    fn drop<T>(&mut self, field: Option<&Located<T>>) {
        if let Some(field) = field {
            self.losses.dropped(field.at);
        }
    }
}

/// Whether a schema may be called strict: only where the client asked for it and it keeps the
/// strict rules, since the API refuses others.
pub(super) fn strict(
    asked: Option<&Located<bool>>,
    schema: &Raw,
    losses: &mut Losses,
) -> Option<bool> {
    let asked = asked?;
    let holds = asked.value && schema::is_strict(schema);
    if asked.value && !holds {
        losses.adjusted(asked.at);
    }
    Some(holds)
}

fn number(body: &mut Object<'_>, key: &str, field: Option<&Located<Raw>>) {
    body.some(key, field, |value: Writer<'_>, field| {
        value.raw(&field.value)
    });
}

fn text(body: &mut Object<'_>, key: &str, field: Option<&Located<EscapedStr>>) {
    body.some(key, field, |value: Writer<'_>, field| {
        value.text(&field.value)
    });
}

/// The field on the side on which `fits` puts it.
fn split<T>(
    field: Option<&Located<T>>,
    fits: impl FnOnce(&T) -> bool,
) -> (Option<&Located<T>>, Option<&Located<T>>) {
    match field {
        Some(field) if fits(&field.value) => (Some(field), None),
        field => (None, field),
    }
}
