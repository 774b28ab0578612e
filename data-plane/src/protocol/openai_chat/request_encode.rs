//! Encodes a request: the fields besides the conversation and the tools.
//!
//! Source: Chat Completions API, request body; `translation.md` section 2. What the dialect has no
//! field for is noted as a loss; nothing disappears silently.

use crate::canon::{Format, Located, Losses, Part, ReasoningDisplay, Request, SchemaFormat};
use crate::json::{self, EscapedStr, Object, Raw, Writer};
use crate::protocol::names::Names;
use crate::protocol::openai::rules::{self, PENALTY, TEMPERATURE, TOOL_NAMES, TOP_P};
use crate::protocol::openai::{self, abilities};
use crate::protocol::{Encoded, Target, Wire, efforts, output_format, schema};

use super::messages_encode::MessagesEncoder;
use super::server::{ChatServer, refuses};
use super::tools_encode::ToolsEncoder;

const STOPS_MAX: usize = 4;
/// "max_tokens is too small", and its like of other makers. Anthropic's clients send 0.
const OUTPUT_TOKENS_MIN: u64 = 1;
/// The API refuses a longer `user`; Anthropic's clients send longer ones.
const USER_CHARS_MAX: usize = 64;
/// The API requires a name for a schema, and other dialects have none.
const SCHEMA_NAME: &str = "response";

pub(super) fn encode(request: &Request, target: &Target<'_>, losses: &mut Losses) -> Encoded {
    let names = Names::new(request, TOOL_NAMES);
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
    // Custom tools become functions, the one form that every Chat server knows.
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
        let server = ChatServer::of(self.target);
        let instruction = self.instruction();
        body.array("messages", |array| {
            MessagesEncoder {
                names: self.names,
                target: self.target,
                server,
                losses: self.losses,
            }
            .write(self.request, instruction.as_ref(), array)
        });
        ToolsEncoder {
            request: self.request,
            target: self.target,
            names: self.names,
            losses: self.losses,
        }
        .write(body);
        self.sampling(body);
        self.limits(body);
        self.format(body);
        self.reasoning(body);
        self.output(body);
        self.metadata(body);
        self.stream(body);
        self.drop_unsupported();
    }

    fn sampling(&mut self, body: &mut Object<'_>) {
        let sampling = &self.request.sampling;
        let refuses_sampling = abilities::refuses_sampling(self.target.model);
        for (key, field, range) in [
            ("temperature", &sampling.temperature, TEMPERATURE),
            ("top_p", &sampling.top_p, TOP_P),
            ("presence_penalty", &sampling.presence_penalty, PENALTY),
            ("frequency_penalty", &sampling.frequency_penalty, PENALTY),
        ] {
            match field {
                Some(field) if refuses_sampling => self.losses.dropped(field.at),
                Some(field) => body.raw(key, &range.fit(field, self.losses)),
                None => {}
            }
        }
        // Mistral has another name for it.
        let seed = if self.refuses("seed") {
            "random_seed"
        } else {
            "seed"
        };
        write_number(body, seed, sampling.seed.as_ref());
        self.drop_field(sampling.top_k.as_ref());
    }

    fn limits(&mut self, body: &mut Object<'_>) {
        let request = self.request;
        // OpenAI's reasoning models refuse the older name; other vendors' servers may know no
        // other.
        let key = if abilities::is_openai(self.target) {
            "max_completion_tokens"
        } else {
            "max_tokens"
        };
        if let Some(limit) = &request.output_tokens_max {
            let tokens = self
                .target
                .fit_output_limit(limit, OUTPUT_TOKENS_MIN, self.losses);
            body.u64(key, tokens);
        }
        match &request.choices {
            Some(choices) if self.refuses("n") && choices.value == 1 => {}
            Some(choices) if self.refuses("n") => self
                .losses
                .refuse(choices.at, "this provider gives one answer a request"),
            choices => body.some("n", choices.as_ref(), |value, choices| {
                value.u64(choices.value)
            }),
        }
        if let Some(extra) = request.stops.get(STOPS_MAX) {
            let reason =
                format!("the openai_chat dialect takes at most {STOPS_MAX} stop sequences");
            self.losses.refuse(extra.at, reason);
        }
        if !request.stops.is_empty() {
            body.array("stop", |array| {
                for stop in &request.stops {
                    array.item().text(&stop.value);
                }
            });
        }
    }

    /// The system text that stands for an output format, or that OpenAI's own wants beside it.
    fn instruction(&self) -> Option<Part> {
        let format = self.request.format.as_ref()?;
        let is_needed = match &format.value {
            Format::Json => output_format::lacks_the_word_json(self.request, true),
            Format::Schema(schema) => rules::output_schema(&schema.schema).is_err(),
            Format::Free | Format::Enum(_) => false,
        };
        if !is_needed || !abilities::is_openai(self.target) {
            return None;
        }
        output_format::instruction_part(format)
    }

    fn format(&mut self, body: &mut Object<'_>) {
        let Some(format) = &self.request.format else {
            return;
        };
        if self.instruction().is_some() {
            self.losses.adjusted(format.at);
            if matches!(format.value, Format::Schema(_)) {
                return;
            }
        }
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
        let schema = self.output_schema(&format.schema);
        object.raw("schema", &schema);
        if let Some(strict) = strict(format.strict.as_ref(), &schema, self.losses) {
            object.bool("strict", strict);
        }
    }

    /// The schema of the answer as OpenAI's own takes it; other makers' servers take any.
    fn output_schema(&mut self, schema: &Raw) -> Raw {
        match rules::output_schema(schema) {
            Ok(fitted) if abilities::is_openai(self.target) => {
                if fitted.is_looser
                    && let Some(format) = &self.request.format
                {
                    self.losses.adjusted(format.at);
                }
                fitted.schema
            }
            _ => schema.clone(),
        }
    }

    fn reasoning(&mut self, body: &mut Object<'_>) {
        let Some(reasoning) = &self.request.reasoning else {
            return;
        };
        // Servers that show reasoning do so unasked, and none can be told how much to show.
        if let Some(show) = &reasoning.value.display
            && show.value != ReasoningDisplay::Summary(None)
        {
            self.losses.dropped(show.at);
        }
        if let Some(effort) = efforts::alone(reasoning, self.losses) {
            body.str("reasoning_effort", efforts::row(effort).openai);
        }
    }

    fn output(&mut self, body: &mut Object<'_>) {
        let request = self.request;
        match &request.logprobs {
            Some(top) if self.refuses("logprobs") => self
                .losses
                .refuse(top.at, "this provider tells no log probabilities"),
            Some(top) => {
                body.bool("logprobs", true);
                body.u64("top_logprobs", rules::logprobs(top, self.losses));
            }
            None => {}
        }
        match &request.verbosity {
            refused if self.refuses("verbosity") => self.drop_field(refused.as_ref()),
            verbosity => write_text(body, "verbosity", verbosity.as_ref()),
        }
        self.modalities(body);
    }

    fn modalities(&mut self, body: &mut Object<'_>) {
        let modalities = &self.request.modalities;
        if modalities.is_empty() {
            return;
        }
        if self.refuses("modalities") {
            let why = "this provider answers in text only";
            return self.losses.refuse(modalities[0].at, why);
        }
        body.array("modalities", |array| {
            array.item().str("text");
            for modality in modalities {
                match &*modality.value.to_plain().to_ascii_lowercase() {
                    "text" => {}
                    name => array.item().str(name),
                }
            }
        });
        let is_audio =
            |kind: &&Located<EscapedStr>| kind.value.to_plain().eq_ignore_ascii_case("audio");
        if let Some(audio) = modalities.iter().find(is_audio) {
            self.losses
                .refuse(audio.at, "audio output cannot be translated");
        }
    }

    fn metadata(&mut self, body: &mut Object<'_>) {
        let request = self.request;
        // `user` is the older name of `safety_identifier`, and the one that every Chat server
        // knows.
        match &request.user {
            Some(user)
                if user.value.to_plain().chars().count() <= USER_CHARS_MAX
                    && !self.refuses("user") =>
            {
                body.text("user", &user.value);
            }
            user => self.drop_field(user.as_ref()),
        }
        match &request.tier {
            Some(tier) if !self.refuses("service_tier") => {
                openai::write_tier(body, tier, self.losses);
            }
            tier => self.drop_field(tier.as_ref()),
        }
        match &request.metadata {
            Some(metadata) if !self.refuses("metadata") => body.raw("metadata", &metadata.value),
            metadata => self.drop_field(metadata.as_ref()),
        }
        match &request.cache_key {
            Some(key) if abilities::is_openai(self.target) => {
                body.text("prompt_cache_key", &key.value)
            }
            key => self.drop_field(key.as_ref()),
        }
    }

    /// Usage is always requested, since the records need it. Mistral gives it unasked.
    fn stream(&self, body: &mut Object<'_>) {
        if self.target.stream {
            body.bool("stream", true);
        }
        if self.target.stream && !self.refuses("stream_options") {
            body.object("stream_options", |object| {
                object.bool("include_usage", true)
            });
        }
    }

    fn drop_unsupported(&mut self) {
        if let Some(mark) = &self.request.cache_breakpoint {
            self.losses.dropped(mark.at);
        }
        self.losses.decoded(self.request);
    }

    /// Whether the maker's API refuses a field.
    fn refuses(&self, field: &str) -> bool {
        refuses(self.target.maker, field)
    }

    fn drop_field<T>(&mut self, field: Option<&Located<T>>) {
        if let Some(field) = field {
            self.losses.dropped(field.at);
        }
    }
}

/// The value of `strict` for a schema: `true` only where the client asked for it and the schema
/// keeps the strict rules, since the API refuses others. `None` where the client did not say.
pub(super) fn strict(
    requested: Option<&Located<bool>>,
    schema: &Raw,
    losses: &mut Losses,
) -> Option<bool> {
    let requested = requested?;
    let is_strict = requested.value && schema::is_strict(schema);
    if requested.value && !is_strict {
        losses.adjusted(requested.at);
    }
    Some(is_strict)
}

fn write_number(body: &mut Object<'_>, key: &str, field: Option<&Located<Raw>>) {
    body.some(key, field, |value: Writer<'_>, field| {
        value.raw(&field.value)
    });
}

fn write_text(body: &mut Object<'_>, key: &str, field: Option<&Located<EscapedStr>>) {
    body.some(key, field, |value: Writer<'_>, field| {
        value.text(&field.value)
    });
}
