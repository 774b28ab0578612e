//! OpenAI Chat Completions. Source: its reference, "Response (non-stream)" and "Stream".

use std::collections::BTreeMap;

use super::node::{Constants, Node};
use super::sse::{Record, Stream};
use super::{Call, Checked, Choice, Ending, Folded, Rule, Summary, Usage, input_of, openai};

const FINISHES: &[&str] = &[
    "stop",
    "length",
    "tool_calls",
    "content_filter",
    "function_call",
];
const CONSTANTS: &[&str] = &["id", "created", "model"];

/// The part of a stream that Chat and Completions share: chunks, usage, terminator, errors.
#[derive(Debug, Default)]
pub(super) struct Chunks {
    constants: Constants,
    /// Whether the first chunk had a `usage` member: then all have.
    counts: Option<bool>,
    /// Whether the chunk of the figures came.
    is_counted: bool,
    usage: Option<Usage>,
    ending: Option<Ending>,
}

impl Chunks {
    /// Checks what every record has. Returns the choices of a chunk.
    fn record<'a>(
        &mut self,
        record: &Record<'_>,
        chunk: &Node<'a>,
        object: &str,
    ) -> Checked<Vec<Node<'a>>> {
        record.require_unnamed()?;
        chunk.word("object", &[object])?;
        self.constants.check(chunk, CONSTANTS)?;
        chunk.integer("created")?;
        let choices = chunk.list("choices")?;
        self.take_usage(chunk, &choices)?;
        Ok(choices)
    }

    /// With `include_usage` every chunk has `usage`: null, and figures in one chunk without choices
    /// at the end; null there too where nobody told them.
    fn take_usage(&mut self, chunk: &Node<'_>, choices: &[Node<'_>]) -> Checked {
        let counts = chunk.value.get("usage").is_some();
        chunk.require(*self.counts.get_or_insert(counts) == counts, Rule::Usage)?;
        chunk.require(!self.is_counted, Rule::AfterEnd)?;
        self.is_counted = counts && choices.is_empty();
        if let Some(usage) = chunk.child("usage") {
            chunk.require(choices.is_empty(), Rule::Usage)?;
            self.usage = Some(openai::usage(&usage, &openai::CHAT)?);
        }
        Ok(())
    }

    /// Reads a stream. `take` gets the choices of each chunk, `close` is called at the terminator.
    pub(super) fn read<S: Choices>(
        mut self,
        stream: &Stream<'_>,
        object: &str,
        mut sink: S,
    ) -> Checked<Summary> {
        for record in &stream.records {
            if self.ending.is_some() {
                return Err(record.broken(Rule::AfterEnd));
            }
            if record.data == "[DONE]" {
                record.require_unnamed()?;
                self.close(record, &sink)?;
                continue;
            }
            let value = record.json()?;
            let chunk = Node::root(&value, record.at.clone());
            if let Some(error) = chunk.child("error") {
                record.require_unnamed()?;
                self.ending = Some(openai::failure(&error)?);
                continue;
            }
            for choice in self.record(record, &chunk, object)? {
                sink.take(&choice)?;
            }
        }
        Ok(self.summary(stream, sink))
    }

    fn close(&mut self, record: &Record<'_>, sink: &impl Choices) -> Checked {
        let misses_usage = self.counts == Some(true) && !self.is_counted;
        if misses_usage {
            return Err(record.broken(Rule::Usage));
        }
        if !sink.all_finished() {
            return Err(record.broken(Rule::Unfinished));
        }
        self.ending = Some(Ending::Success);
        Ok(())
    }

    fn summary(self, stream: &Stream<'_>, sink: impl Choices) -> Summary {
        let ending = self
            .ending
            .filter(|_| !stream.is_torn)
            .unwrap_or(Ending::Cut);
        let folded = Folded {
            id: self.constants.text(0),
            model: self.constants.text(2),
            choices: sink.into_choices(),
            usage: self.usage,
        };
        Summary {
            ending,
            folded,
            records: stream.records.len(),
            keep_alives: stream.comments,
        }
    }
}

/// What is done with the choices of a stream.
pub(super) trait Choices {
    fn take(&mut self, choice: &Node<'_>) -> Checked;
    fn all_finished(&self) -> bool;
    fn into_choices(self) -> Vec<Choice>;
}

pub(super) fn stream(stream: &Stream<'_>) -> Checked<Summary> {
    Chunks::default().read(stream, "chat.completion.chunk", Messages::default())
}

#[derive(Debug, Default)]
struct Messages(BTreeMap<u64, Message>);

impl Choices for Messages {
    fn take(&mut self, choice: &Node<'_>) -> Checked {
        let index = choice.integer("index")?;
        let next = self.0.len() as u64;
        choice.require(index <= next, Rule::Index)?;
        self.0.entry(index).or_default().take(choice)
    }

    fn all_finished(&self) -> bool {
        !self.0.is_empty() && self.0.values().all(|message| message.finish.is_some())
    }

    fn into_choices(self) -> Vec<Choice> {
        self.0.into_values().map(Message::into_choice).collect()
    }
}

/// One choice of a stream so far.
#[derive(Debug, Default)]
struct Message {
    has_role: bool,
    text: String,
    reasoning: String,
    refusal: String,
    calls: Vec<Fragments>,
    function: Option<Fragments>,
    finish: Option<String>,
}

/// A tool call so far.
#[derive(Debug, Default)]
struct Fragments {
    id: Option<String>,
    name: String,
    kind: String,
    input: String,
}

impl Message {
    fn take(&mut self, choice: &Node<'_>) -> Checked {
        choice.require(self.finish.is_none(), Rule::AfterEnd)?;
        let delta = choice.object("delta")?;
        if let Some(logprobs) = choice.child("logprobs") {
            check_logprobs(&logprobs)?;
        }
        match choice.nullable("finish_reason")? {
            Some(_) => self.finish(choice, &delta),
            None => self.delta(&delta),
        }
    }

    fn finish(&mut self, choice: &Node<'_>, delta: &Node<'_>) -> Checked {
        let reason = choice.word("finish_reason", FINISHES)?;
        delta.require(self.has_role, Rule::Order)?;
        delta.require(delta.is_empty_object(), Rule::Finish)?;
        let agrees = match reason {
            "tool_calls" => !self.calls.is_empty(),
            "function_call" => self.function.is_some(),
            "stop" => self.calls.is_empty() && self.function.is_none(),
            _ => true,
        };
        choice.require(agrees, Rule::Finish)?;
        self.finish = Some(reason.to_owned());
        Ok(())
    }

    fn delta(&mut self, delta: &Node<'_>) -> Checked {
        let opens = delta.child("role").is_some();
        if opens {
            delta.word("role", &["assistant"])?;
            delta.require(!self.has_role, Rule::Twice)?;
            self.has_role = true;
        }
        delta.require(self.has_role, Rule::Order)?;
        check_reasoning(delta)?;
        let mut is_empty = !opens;
        for (key, whole) in [
            ("content", &mut self.text),
            ("reasoning_content", &mut self.reasoning),
            ("refusal", &mut self.refusal),
        ] {
            if let Some(piece) = delta.optional(key)? {
                delta.require(opens || !piece.is_empty(), Rule::Empty)?;
                whole.push_str(piece);
                is_empty = false;
            }
        }
        is_empty &= !self.take_calls(delta)?;
        delta.require(!is_empty, Rule::Empty)
    }

    /// Whether there were any.
    fn take_calls(&mut self, delta: &Node<'_>) -> Checked<bool> {
        let calls = delta.optional_list("tool_calls")?;
        delta.require(
            delta.child("tool_calls").is_none() || !calls.is_empty(),
            Rule::Empty,
        )?;
        for call in &calls {
            self.take_call(call)?;
        }
        let Some(function) = delta.child("function_call") else {
            return Ok(!calls.is_empty());
        };
        match &mut self.function {
            Some(open) => open.input.push_str(function.filled("arguments")?),
            None => {
                let (name, input) = (
                    function.filled("name")?.to_owned(),
                    function.text("arguments")?.to_owned(),
                );
                self.function = Some(Fragments {
                    name,
                    input,
                    ..Fragments::default()
                });
            }
        }
        Ok(true)
    }

    /// A new index opens a call and the newest index continues it. An older one would overlap.
    fn take_call(&mut self, call: &Node<'_>) -> Checked {
        let index =
            usize::try_from(call.integer("index")?).map_err(|_| call.broken(Rule::Index))?;
        let count = self.calls.len();
        if index == count {
            let opened = open_call(call)?;
            let is_repeated = self.calls.iter().any(|known| known.id == opened.id);
            call.require(!is_repeated, Rule::Twice)?;
            self.calls.push(opened);
            return Ok(());
        }
        call.require(index + 1 == count, Rule::Index)?;
        let open = &mut self.calls[index];
        call.require(
            call.child("id").is_none() && call.child("type").is_none(),
            Rule::Twice,
        )?;
        let (part, key) = if open.kind == "custom" {
            ("custom", "input")
        } else {
            ("function", "arguments")
        };
        let piece = call.object(part)?;
        piece.require(piece.child("name").is_none(), Rule::Twice)?;
        open.input.push_str(piece.filled(key)?);
        Ok(())
    }

    fn into_choice(self) -> Choice {
        let calls = self
            .calls
            .into_iter()
            .chain(self.function)
            .map(Fragments::into_call)
            .collect();
        let Self {
            text,
            reasoning,
            refusal,
            finish,
            ..
        } = self;
        Choice {
            text,
            reasoning,
            refusal,
            calls,
            finish,
            ..Choice::default()
        }
    }
}

/// Clients read one of two names: where both are there, they say the same.
fn check_reasoning(holder: &Node<'_>) -> Checked {
    let (most, others) = (
        holder.optional("reasoning_content")?,
        holder.optional("reasoning")?,
    );
    holder.require(others.is_none() || most == others, Rule::Mismatch)
}

fn open_call(call: &Node<'_>) -> Checked<Fragments> {
    let kind = call.word("type", &["function", "custom"])?;
    let inner = call.object(kind)?;
    let input = inner.text(if kind == "custom" {
        "input"
    } else {
        "arguments"
    })?;
    let id = Some(call.filled("id")?.to_owned());
    Ok(Fragments {
        id,
        name: inner.filled("name")?.to_owned(),
        kind: kind.to_owned(),
        input: input.to_owned(),
    })
}

impl Fragments {
    fn into_call(self) -> Call {
        let input = if self.kind == "custom" {
            self.input.into()
        } else {
            input_of(&self.input)
        };
        Call {
            id: self.id,
            name: self.name,
            namespace: None,
            input,
        }
    }
}

/// `{content: [{token, logprob, bytes, top_logprobs}], refusal}`.
fn check_logprobs(logprobs: &Node<'_>) -> Checked {
    for token in logprobs.optional_list("content")? {
        token.text("token")?;
        token.need("logprob")?;
        token.nullable("bytes")?;
        token.list("top_logprobs")?;
    }
    Ok(())
}

pub(super) fn answer(body: &Node<'_>) -> Checked<(Ending, Folded)> {
    let choices = head(body, "chat.completion")?
        .iter()
        .map(message)
        .collect::<Checked<_>>()?;
    Ok((Ending::Success, folded(body, choices)?))
}

/// Checks what whole responses of both kinds have. Returns the choices, whose indexes count from 0.
pub(super) fn head<'a>(body: &Node<'a>, object: &str) -> Checked<Vec<Node<'a>>> {
    body.word("object", &[object])?;
    body.filled("id")?;
    body.filled("model")?;
    body.integer("created")?;
    let choices = body.list("choices")?;
    body.require(!choices.is_empty(), Rule::Empty)?;
    for (index, choice) in choices.iter().enumerate() {
        choice.require(choice.integer("index")? == index as u64, Rule::Index)?;
    }
    Ok(choices)
}

pub(super) fn folded(body: &Node<'_>, choices: Vec<Choice>) -> Checked<Folded> {
    let usage = body
        .child("usage")
        .map(|usage| openai::usage(&usage, &openai::CHAT))
        .transpose()?;
    Ok(Folded {
        id: body.filled("id")?.to_owned(),
        model: body.filled("model")?.to_owned(),
        choices,
        usage,
    })
}

fn message(choice: &Node<'_>) -> Checked<Choice> {
    let finish = choice.word("finish_reason", FINISHES)?;
    if let Some(logprobs) = choice.nullable("logprobs")? {
        check_logprobs(&logprobs)?;
    }
    let message = choice.object("message")?;
    message.word("role", &["assistant"])?;
    message.nullable("content")?;
    message.nullable("refusal")?;
    let called = message.child("tool_calls").is_some();
    let calls = message.optional_list("tool_calls")?;
    message.require(!called || !calls.is_empty(), Rule::Empty)?;
    choice.require(
        (finish == "tool_calls") <= called && (finish != "stop" || !called),
        Rule::Finish,
    )?;
    let calls = calls
        .iter()
        .map(|call| open_call(call).map(Fragments::into_call))
        .collect::<Checked<Vec<_>>>()?;
    let function = message
        .child("function_call")
        .map(|call| function_call(&call))
        .transpose()?;
    let text = |key: &str| {
        message
            .optional(key)
            .map(|text| text.unwrap_or_default().to_owned())
    };
    check_reasoning(&message)?;
    let (text, reasoning, refusal) = (
        text("content")?,
        text("reasoning_content")?,
        text("refusal")?,
    );
    let calls = calls.into_iter().chain(function).collect();
    Ok(Choice {
        text,
        reasoning,
        refusal,
        calls,
        finish: Some(finish.to_owned()),
        ..Choice::default()
    })
}

fn function_call(call: &Node<'_>) -> Checked<Call> {
    Ok(Call {
        id: None,
        name: call.filled("name")?.to_owned(),
        namespace: None,
        input: input_of(call.text("arguments")?),
    })
}
