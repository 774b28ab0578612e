//! Anthropic Messages. Source: its reference, "Response", "Stream" and "Errors".

use serde_json::Value;

use super::node::Node;
use super::sse::Stream;
use super::{Call, Checked, Choice, Ending, Folded, Rule, Summary, Usage, input_of};

const STOP_REASONS: &[&str] = &[
    "end_turn",
    "max_tokens",
    "stop_sequence",
    "tool_use",
    "pause_turn",
    "refusal",
    "model_context_window_exceeded",
    "compaction",
];

const ERROR_TYPES: &[&str] = &[
    "invalid_request_error",
    "authentication_error",
    "billing_error",
    "permission_error",
    "not_found_error",
    "conflict_error",
    "request_too_large",
    "rate_limit_error",
    "api_error",
    "timeout_error",
    "overloaded_error",
];

/// `{type: error, error: {type, message}}`.
pub(super) fn failure(body: &Node<'_>) -> Checked<Ending> {
    body.word("type", &["error"])?;
    let error = body.object("error")?;
    let kind = error.word("type", ERROR_TYPES)?.to_owned();
    Ok(Ending::Failed {
        kind,
        message: error.filled("message")?.to_owned(),
    })
}

pub(super) fn stream(stream: &Stream<'_>) -> Checked<Summary> {
    stream.require_no_comments()?;
    let mut message = Message::default();
    for record in &stream.records {
        let value = record.json()?;
        let name = record.require_named(&value)?;
        message.take(name, &Node::root(&value, record.at.clone()))?;
    }
    let ending = message
        .ending
        .filter(|_| !stream.is_torn)
        .unwrap_or(Ending::Cut);
    let folded = Folded {
        id: message.id,
        model: message.model,
        choices: vec![message.choice],
        usage: message.usage,
    };
    Ok(Summary {
        ending,
        folded,
        records: stream.records.len() - message.pings,
        keep_alives: message.pings,
    })
}

/// A message so far.
#[derive(Debug, Default)]
struct Message {
    has_started: bool,
    id: String,
    model: String,
    choice: Choice,
    usage: Option<Usage>,
    block_count: u64,
    open: Option<Block>,
    ending: Option<Ending>,
    pings: usize,
}

/// A content block so far.
#[derive(Debug, Default)]
struct Block {
    kind: String,
    input: String,
    delta_count: usize,
    signature: Option<String>,
    call: Option<Call>,
}

impl Message {
    fn take(&mut self, name: &str, record: &Node<'_>) -> Checked {
        record.require(self.ending.is_none(), Rule::AfterEnd)?;
        match name {
            "ping" => {
                self.pings += 1;
                Ok(())
            }
            "error" => {
                self.ending = Some(failure(record)?);
                Ok(())
            }
            "message_start" => self.start(record),
            _ if !self.has_started => Err(record.broken(Rule::Order)),
            "content_block_start" => self.open_block(record),
            "content_block_delta" => self.delta(record),
            "content_block_stop" => self.close_block(record),
            "message_delta" => self.finish(record),
            "message_stop" => self.stop(record),
            _ => Err(record.broken(Rule::EventName)),
        }
    }

    fn start(&mut self, record: &Node<'_>) -> Checked {
        record.require(!self.has_started, Rule::Twice)?;
        let message = record.object("message")?;
        check_head(&message)?;
        let is_blank =
            message.list("content")?.is_empty() && message.nullable("stop_reason")?.is_none();
        message.require(is_blank, Rule::Order)?;
        message.nullable("stop_sequence")?;
        let usage = message.object("usage")?;
        usage.integer("input_tokens")?;
        usage.integer("output_tokens")?;
        self.usage = Some(merge(self.usage, &usage)?);
        self.has_started = true;
        (self.id, self.model) = (
            message.filled("id")?.to_owned(),
            message.filled("model")?.to_owned(),
        );
        Ok(())
    }

    fn open_block(&mut self, record: &Node<'_>) -> Checked {
        record.require(self.open.is_none(), Rule::Order)?;
        record.require(self.choice.finish.is_none(), Rule::AfterEnd)?;
        record.require(record.integer("index")? == self.block_count, Rule::Index)?;
        let block = record.object("content_block")?;
        let call = match block.text("type")? {
            "text" => blank(&block, "text")?,
            "thinking" => blank(&block, "thinking").and(blank(&block, "signature"))?,
            "tool_use" => {
                block.require(block.object("input")?.is_empty_object(), Rule::Mismatch)?;
                Some(self.open_call(&block)?)
            }
            "redacted_thinking" => {
                self.choice
                    .signatures
                    .push(block.filled("data")?.to_owned());
                None
            }
            _ => None,
        };
        self.block_count += 1;
        self.open = Some(Block {
            kind: block.text("type")?.to_owned(),
            call,
            ..Block::default()
        });
        Ok(())
    }

    fn open_call(&self, block: &Node<'_>) -> Checked<Call> {
        let call = call(block, Value::Null)?;
        let is_repeated = self.choice.calls.iter().any(|known| known.id == call.id);
        block.require(!is_repeated, Rule::Twice)?;
        Ok(call)
    }

    fn delta(&mut self, record: &Node<'_>) -> Checked {
        let open = self
            .open
            .as_mut()
            .ok_or_else(|| record.broken(Rule::Order))?;
        record.require(
            record.integer("index")? + 1 == self.block_count,
            Rule::Index,
        )?;
        record.require(open.signature.is_none(), Rule::Order)?;
        let delta = record.object("delta")?;
        let kind = delta.text("type")?;
        delta.require(fits(&open.kind, kind), Rule::Kind)?;
        match kind {
            "text_delta" => self.choice.text.push_str(delta.filled("text")?),
            "thinking_delta" => self.choice.reasoning.push_str(delta.filled("thinking")?),
            "signature_delta" => open.signature = Some(delta.filled("signature")?.to_owned()),
            "input_json_delta" => open.take_input(&delta)?,
            _ => {
                delta.object("citation")?;
            }
        }
        open.delta_count += 1;
        Ok(())
    }

    fn close_block(&mut self, record: &Node<'_>) -> Checked {
        let block = self.open.take().ok_or_else(|| record.broken(Rule::Order))?;
        record.require(
            record.integer("index")? + 1 == self.block_count,
            Rule::Index,
        )?;
        let has_content = block.delta_count > 0;
        match block.kind.as_str() {
            "text" => record.require(has_content, Rule::Empty)?,
            "thinking" => self.choice.signatures.push(
                block
                    .signature
                    .clone()
                    .ok_or_else(|| record.broken(Rule::Missing))?,
            ),
            _ => {}
        }
        if let Some(call) = block.call {
            let input = input_of(&block.input);
            record.require(input.is_object(), Rule::NotJson)?;
            self.choice.calls.push(Call { input, ..call });
        }
        Ok(())
    }

    fn finish(&mut self, record: &Node<'_>) -> Checked {
        record.require(self.open.is_none(), Rule::Unfinished)?;
        record.require(self.choice.finish.is_none(), Rule::Twice)?;
        finish_choice(&record.object("delta")?, &mut self.choice)?;
        let usage = record.object("usage")?;
        usage.integer("output_tokens")?;
        self.usage = Some(merge(self.usage, &usage)?);
        Ok(())
    }

    fn stop(&mut self, record: &Node<'_>) -> Checked {
        record.require(self.choice.finish.is_some(), Rule::Unfinished)?;
        self.ending = Some(Ending::Success);
        Ok(())
    }
}

impl Block {
    /// The first piece may be empty, no other.
    fn take_input(&mut self, delta: &Node<'_>) -> Checked {
        let piece = delta.text("partial_json")?;
        delta.require(!piece.is_empty() || self.delta_count == 0, Rule::Empty)?;
        self.input.push_str(piece);
        Ok(())
    }
}

fn fits(block: &str, delta: &str) -> bool {
    match delta {
        "text_delta" | "citations_delta" => block == "text",
        "thinking_delta" | "signature_delta" => block == "thinking",
        "input_json_delta" => matches!(block, "tool_use" | "server_tool_use" | "mcp_tool_use"),
        _ => false,
    }
}

/// A block starts without content; deltas bring it.
fn blank(block: &Node<'_>, key: &str) -> Checked<Option<Call>> {
    block.require(block.text(key)?.is_empty(), Rule::Order)?;
    Ok(None)
}

fn check_head(message: &Node<'_>) -> Checked {
    message.word("type", &["message"])?;
    message.word("role", &["assistant"])?;
    message.filled("id")?;
    message.filled("model").map(|_| ())
}

fn call(block: &Node<'_>, input: Value) -> Checked<Call> {
    let id = block.filled("id")?;
    let is_id = id
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "_-".contains(c));
    block.require(is_id, Rule::Kind)?;
    Ok(Call {
        id: Some(id.to_owned()),
        name: block.filled("name")?.to_owned(),
        namespace: None,
        input,
    })
}

/// The stop reason and what must agree with it.
fn finish_choice(holder: &Node<'_>, choice: &mut Choice) -> Checked {
    let reason = holder.word("stop_reason", STOP_REASONS)?;
    let sequence = holder
        .nullable("stop_sequence")?
        .map(|sequence| sequence.as_text())
        .transpose()?;
    holder.require(
        sequence.is_some() == (reason == "stop_sequence"),
        Rule::Finish,
    )?;
    let agrees = match reason {
        "tool_use" => !choice.calls.is_empty(),
        "end_turn" | "stop_sequence" => choice.calls.is_empty(),
        _ => true,
    };
    holder.require(agrees, Rule::Finish)?;
    choice.finish = Some(reason.to_owned());
    choice.stop_sequence = sequence.map(str::to_owned);
    Ok(())
}

/// Later figures win. Input excludes tokens read from or written to the cache.
fn merge(known: Option<Usage>, usage: &Node<'_>) -> Checked<Usage> {
    let known = known.unwrap_or_default();
    let reasoning = usage
        .child("output_tokens_details")
        .map_or(Ok(None), |details| details.count("thinking_tokens"))?;
    let merged = Usage {
        input: usage.count("input_tokens")?.or(known.input),
        output: usage.count("output_tokens")?.or(known.output),
        cache_read: usage.count("cache_read_input_tokens")?.or(known.cache_read),
        cache_write: usage
            .count("cache_creation_input_tokens")?
            .or(known.cache_write),
        reasoning: reasoning.or(known.reasoning),
        total: None,
    };
    usage.require(
        merged.reasoning.unwrap_or(0) <= merged.output.unwrap_or(0),
        Rule::Usage,
    )?;
    Ok(merged)
}

pub(super) fn answer(body: &Node<'_>) -> Checked<(Ending, Folded)> {
    check_head(body)?;
    let mut choice = Choice::default();
    for block in body.list("content")? {
        fold_block(&block, &mut choice)?;
    }
    finish_choice(body, &mut choice)?;
    let usage = body.object("usage")?;
    usage.integer("input_tokens")?;
    usage.integer("output_tokens")?;
    let usage = Some(merge(None, &usage)?);
    let (id, model) = (
        body.filled("id")?.to_owned(),
        body.filled("model")?.to_owned(),
    );
    Ok((
        Ending::Success,
        Folded {
            id,
            model,
            choices: vec![choice],
            usage,
        },
    ))
}

fn fold_block(block: &Node<'_>, choice: &mut Choice) -> Checked {
    match block.text("type")? {
        "text" => choice.text.push_str(block.filled("text")?),
        "thinking" => {
            choice.reasoning.push_str(block.text("thinking")?);
            choice
                .signatures
                .push(block.filled("signature")?.to_owned());
        }
        "redacted_thinking" => choice.signatures.push(block.filled("data")?.to_owned()),
        "tool_use" => choice
            .calls
            .push(call(block, block.object("input")?.value.clone())?),
        _ => {}
    }
    Ok(())
}
