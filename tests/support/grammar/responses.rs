//! OpenAI Responses. Source: its reference, "Response object" and "Stream".

use serde_json::Value;

use super::node::{Constants, Node};
use super::sse::Stream;
use super::{Call, Checked, Choice, Ending, Folded, Rule, Summary, Usage, input_of, openai};

const CONSTANTS: &[&str] = &["id", "model", "created_at"];
const INCOMPLETE_REASONS: &[&str] = &[
    "max_output_tokens",
    "content_filter",
    "max_messages",
    "steered",
];

pub(super) fn stream(stream: &Stream<'_>) -> Checked<Summary> {
    let mut reader = Reader::default();
    for (number, record) in stream.records.iter().enumerate() {
        let value = record.json()?;
        let name = record.require_named(&value)?;
        let node = Node::root(&value, record.at.clone());
        node.require(reader.ending.is_none(), Rule::AfterEnd)?;
        node.require(
            node.integer("sequence_number")? == number as u64,
            Rule::Sequence,
        )?;
        reader.take(name, &node)?;
    }
    let ending = reader
        .ending
        .filter(|_| !stream.is_torn)
        .unwrap_or(Ending::Cut);
    let (id, model) = (reader.constants.text(0), reader.constants.text(1));
    let choice = fold(&reader.output, reader.finish)?;
    let folded = Folded {
        id,
        model,
        choices: vec![choice],
        usage: reader.usage,
    };
    Ok(Summary {
        ending,
        folded,
        records: stream.records.len(),
        keep_alives: stream.comments,
    })
}

/// A response so far.
#[derive(Debug, Default)]
struct Reader {
    constants: Constants,
    has_started: bool,
    is_in_progress: bool,
    open: Option<Item>,
    /// The items that are done.
    output: Vec<Value>,
    usage: Option<Usage>,
    finish: Option<String>,
    ending: Option<Ending>,
}

/// An output item so far.
#[derive(Debug, Default)]
struct Item {
    id: String,
    kind: String,
    /// Parts that are done, as they were written.
    parts: Vec<Value>,
    summary: Vec<Value>,
    open: Option<Part>,
    /// Arguments or free text of a call.
    input: String,
    input_is_done: bool,
}

/// A content or summary part so far.
#[derive(Debug, Default)]
struct Part {
    kind: String,
    text: String,
    text_is_done: bool,
    annotation_count: usize,
}

impl Reader {
    fn take(&mut self, name: &str, record: &Node<'_>) -> Checked {
        if name == "error" {
            return self.fail(record);
        }
        if name == "response.created" {
            return self.start(record);
        }
        record.require(self.has_started, Rule::Order)?;
        match name {
            "response.in_progress" => self.go_on(record),
            "response.output_item.added" => self.open_item(record),
            "response.output_item.done" => self.close_item(record),
            "response.completed" | "response.incomplete" => {
                self.finish(record, &name["response.".len()..])
            }
            "response.failed" => self.fail_response(record),
            _ => self.item_event(name, record),
        }
    }

    fn fail(&mut self, record: &Node<'_>) -> Checked {
        record.nullable("param")?;
        let kind = record
            .nullable("code")?
            .map(|code| code.as_text())
            .transpose()?
            .unwrap_or_default()
            .to_owned();
        self.ending = Some(Ending::Failed {
            kind,
            message: record.filled("message")?.to_owned(),
        });
        Ok(())
    }

    fn start(&mut self, record: &Node<'_>) -> Checked {
        record.require(!self.has_started, Rule::Twice)?;
        self.has_started = true;
        self.blank_response(record)
    }

    fn go_on(&mut self, record: &Node<'_>) -> Checked {
        record.require(!self.is_in_progress, Rule::Twice)?;
        record.require(self.open.is_none() && self.output.is_empty(), Rule::Order)?;
        self.is_in_progress = true;
        self.blank_response(record)
    }

    fn blank_response(&mut self, record: &Node<'_>) -> Checked {
        let response = record.object("response")?;
        self.check_response(&response)?;
        response.word("status", &["in_progress"])?;
        response.require(response.list("output")?.is_empty(), Rule::Order)
    }

    fn check_response(&mut self, response: &Node<'_>) -> Checked {
        check_shape(response)?;
        self.constants.check(response, CONSTANTS)
    }

    fn open_item(&mut self, record: &Node<'_>) -> Checked {
        record.require(self.open.is_none(), Rule::Order)?;
        self.check_index(record)?;
        let item = record.object("item")?;
        let kind = item.filled("type")?;
        let id = item.filled("id")?;
        item.require(
            !self.output.iter().any(|done| done["id"] == id),
            Rule::Twice,
        )?;
        check_blank(&item, kind)?;
        self.open = Some(Item {
            id: id.to_owned(),
            kind: kind.to_owned(),
            ..Item::default()
        });
        Ok(())
    }

    fn check_index(&self, record: &Node<'_>) -> Checked {
        record.require(
            record.integer("output_index")? == self.output.len() as u64,
            Rule::Index,
        )
    }

    fn item_event(&mut self, name: &str, record: &Node<'_>) -> Checked {
        self.check_index(record)?;
        let item = self
            .open
            .as_mut()
            .ok_or_else(|| record.broken(Rule::Order))?;
        record.require(record.filled("item_id")? == item.id, Rule::Mismatch)?;
        item.take(name.strip_prefix("response.").unwrap_or(name), record)
    }

    fn close_item(&mut self, record: &Node<'_>) -> Checked {
        self.check_index(record)?;
        let open = self.open.take().ok_or_else(|| record.broken(Rule::Order))?;
        let item = record.object("item")?;
        item.require(
            item.filled("id")? == open.id && item.filled("type")? == open.kind,
            Rule::Mismatch,
        )?;
        open.check_done(&item)?;
        check_item(&item)?;
        self.output.push(item.value.clone());
        Ok(())
    }

    fn finish(&mut self, record: &Node<'_>, status: &str) -> Checked {
        record.require(self.open.is_none(), Rule::Unfinished)?;
        let response = record.object("response")?;
        self.check_response(&response)?;
        response.word("status", &[status])?;
        response.require(
            response.value["output"] == Value::Array(self.output.clone()),
            Rule::Mismatch,
        )?;
        self.usage = usage(&response)?;
        self.finish = Some(finish_of(&response)?);
        self.ending = Some(Ending::Success);
        Ok(())
    }

    fn fail_response(&mut self, record: &Node<'_>) -> Checked {
        let response = record.object("response")?;
        self.check_response(&response)?;
        self.ending = Some(failed_response(&response)?);
        Ok(())
    }
}

impl Item {
    fn take(&mut self, event: &str, record: &Node<'_>) -> Checked {
        match (self.kind.as_str(), event) {
            ("message", "content_part.added") => {
                self.open_part(record, "content_index", self.parts.len())
            }
            ("reasoning", "reasoning_summary_part.added") => {
                self.open_part(record, "summary_index", self.summary.len())
            }
            ("message", "content_part.done") => self.close_part(record),
            ("reasoning", "reasoning_summary_part.done") => self.close_summary(record),
            ("message", "output_text.annotation.added") => self.annotate(record),
            ("message", "output_text.delta") => self.part_delta(record, "output_text"),
            ("message", "refusal.delta") => self.part_delta(record, "refusal"),
            ("reasoning", "reasoning_summary_text.delta") => {
                self.part_delta(record, "summary_text")
            }
            ("message", "output_text.done") => self.part_done(record, "output_text"),
            ("message", "refusal.done") => self.part_done(record, "refusal"),
            ("reasoning", "reasoning_summary_text.done") => self.part_done(record, "summary_text"),
            ("reasoning", "reasoning_text.delta") => self.raw_delta(record),
            ("reasoning", "reasoning_text.done") => self.raw_done(record),
            ("function_call", "function_call_arguments.delta")
            | ("custom_tool_call", "custom_tool_call_input.delta") => {
                record.require(!self.input_is_done, Rule::Order)?;
                self.input.push_str(record.filled("delta")?);
                Ok(())
            }
            ("function_call", "function_call_arguments.done") => {
                self.input_done(record, "arguments")
            }
            ("custom_tool_call", "custom_tool_call_input.done") => self.input_done(record, "input"),
            // A hosted tool reports its own progress: `web_search_call.searching`.
            (kind, event)
                if event
                    .strip_prefix(kind)
                    .is_some_and(|rest| rest.starts_with('.')) =>
            {
                Ok(())
            }
            _ => Err(record.broken(Rule::Order)),
        }
    }

    fn open_part(&mut self, record: &Node<'_>, index: &str, next: usize) -> Checked {
        record.require(self.open.is_none(), Rule::Order)?;
        record.require(record.integer(index)? == next as u64, Rule::Index)?;
        let part = record.object("part")?;
        let kind = part.word("type", &["output_text", "refusal", "summary_text"])?;
        part.require(part.text(text_key(kind))?.is_empty(), Rule::Order)?;
        self.open = Some(Part {
            kind: kind.to_owned(),
            ..Part::default()
        });
        Ok(())
    }

    /// The open part, if the record is about it.
    fn part(&mut self, record: &Node<'_>, kind: &str) -> Checked<&mut Part> {
        let (index, next) = match kind {
            "summary_text" => ("summary_index", self.summary.len()),
            _ => ("content_index", self.parts.len()),
        };
        let part = self
            .open
            .as_mut()
            .ok_or_else(|| record.broken(Rule::Order))?;
        record.require(part.kind == kind, Rule::Kind)?;
        record.require(record.integer(index)? == next as u64, Rule::Index)?;
        Ok(part)
    }

    fn part_delta(&mut self, record: &Node<'_>, kind: &str) -> Checked {
        let part = self.part(record, kind)?;
        record.require(!part.text_is_done, Rule::Order)?;
        part.text.push_str(record.filled("delta")?);
        if kind == "output_text" {
            record.list("logprobs").map(|_| ())
        } else {
            Ok(())
        }
    }

    fn part_done(&mut self, record: &Node<'_>, kind: &str) -> Checked {
        let part = self.part(record, kind)?;
        record.require(!part.text_is_done, Rule::Twice)?;
        record.require(record.text(text_key(kind))? == part.text, Rule::Mismatch)?;
        part.text_is_done = true;
        Ok(())
    }

    fn annotate(&mut self, record: &Node<'_>) -> Checked {
        let part = self.part(record, "output_text")?;
        record.require(
            record.integer("annotation_index")? == part.annotation_count as u64,
            Rule::Index,
        )?;
        record.object("annotation")?;
        part.annotation_count += 1;
        Ok(())
    }

    fn close_part(&mut self, record: &Node<'_>) -> Checked {
        let kind = if record.value["part"]["type"] == "refusal" {
            "refusal"
        } else {
            "output_text"
        };
        let part = self.closed_part(record, kind)?;
        self.parts.push(part);
        Ok(())
    }

    fn close_summary(&mut self, record: &Node<'_>) -> Checked {
        let part = self.closed_part(record, "summary_text")?;
        self.summary.push(part);
        Ok(())
    }

    fn closed_part(&mut self, record: &Node<'_>, kind: &str) -> Checked<Value> {
        let open = self.part(record, kind)?;
        record.require(open.text_is_done, Rule::Unfinished)?;
        let part = record.object("part")?;
        part.word("type", &[kind])?;
        part.require(part.text(text_key(kind))? == open.text, Rule::Mismatch)?;
        part.require(!open.text.is_empty(), Rule::Empty)?;
        part.require(
            part.optional_list("annotations")?.len() == open.annotation_count,
            Rule::Mismatch,
        )?;
        self.open = None;
        Ok(part.value.clone())
    }

    fn raw_delta(&mut self, record: &Node<'_>) -> Checked {
        record.require(
            record.integer("content_index")? == self.parts.len() as u64,
            Rule::Index,
        )?;
        self.input.push_str(record.filled("delta")?);
        Ok(())
    }

    fn raw_done(&mut self, record: &Node<'_>) -> Checked {
        record.require(
            record.integer("content_index")? == self.parts.len() as u64,
            Rule::Index,
        )?;
        record.require(record.text("text")? == self.input, Rule::Mismatch)?;
        let text = std::mem::take(&mut self.input);
        self.parts
            .push(serde_json::json!({"type": "reasoning_text", "text": text}));
        Ok(())
    }

    fn input_done(&mut self, record: &Node<'_>, key: &str) -> Checked {
        record.require(!self.input_is_done, Rule::Twice)?;
        record.require(record.text(key)? == self.input, Rule::Mismatch)?;
        self.input_is_done = true;
        Ok(())
    }

    /// The finished item equals what its events said.
    fn check_done(&self, item: &Node<'_>) -> Checked {
        item.require(self.open.is_none(), Rule::Unfinished)?;
        let same = |key: &str, parts: &[Value]| {
            item.value[key].as_array().map_or(&[][..], Vec::as_slice) == parts
        };
        match self.kind.as_str() {
            "message" => item.require(same("content", &self.parts), Rule::Mismatch),
            "reasoning" => {
                let is_same = same("content", &self.parts)
                    || self.parts.is_empty() && repeats_summary(item.value);
                item.require(same("summary", &self.summary) && is_same, Rule::Mismatch)
            }
            "function_call" => self.check_input(item, "arguments"),
            "custom_tool_call" => self.check_input(item, "input"),
            _ => Ok(()),
        }
    }

    fn check_input(&self, item: &Node<'_>, key: &str) -> Checked {
        item.require(self.input_is_done, Rule::Unfinished)?;
        item.require(item.text(key)? == self.input, Rule::Mismatch)
    }
}

/// Whether the content of a reasoning item is the summary's text once more: both schemas have the
/// summary's events, and none has events for this that the other has too.
fn repeats_summary(item: &Value) -> bool {
    let texts = |key: &str, kind: &str| -> Option<Vec<Value>> {
        let parts = item[key].as_array()?.iter();
        parts
            .map(|part| (part["type"] == kind).then(|| part["text"].clone()))
            .collect()
    };
    texts("content", "reasoning_text")
        .is_some_and(|full| texts("summary", "summary_text") == Some(full))
}

fn text_key(kind: &str) -> &str {
    if kind == "refusal" { "refusal" } else { "text" }
}

/// What the SDKs require of every response object.
fn check_shape(response: &Node<'_>) -> Checked {
    response.word("object", &["response"])?;
    response.filled("id")?;
    response.filled("model")?;
    response.need("created_at")?;
    response.need("parallel_tool_calls")?;
    response.need("tool_choice")?;
    response.list("tools")?;
    response.list("output").map(|_| ())
}

/// An item starts without content.
fn check_blank(item: &Node<'_>, kind: &str) -> Checked {
    let is_blank = match kind {
        "message" => item
            .word("role", &["assistant"])
            .and(item.list("content"))?
            .is_empty(),
        "reasoning" => item.list("summary")?.is_empty(),
        "function_call" => check_call(item).and(item.text("arguments"))?.is_empty(),
        "custom_tool_call" => check_call(item).and(item.text("input"))?.is_empty(),
        _ => true,
    };
    let is_open = item
        .optional("status")?
        .is_none_or(|status| status == "in_progress");
    item.require(is_blank && is_open, Rule::Order)
}

fn check_call(item: &Node<'_>) -> Checked {
    item.filled("call_id")?;
    item.filled("name").map(|_| ())
}

/// What a finished item has.
fn check_item(item: &Node<'_>) -> Checked {
    let is_closed = item
        .optional("status")?
        .is_none_or(|status| matches!(status, "completed" | "incomplete" | "failed"));
    item.require(is_closed, Rule::Unfinished)?;
    match item.text("type")? {
        "message" => {
            item.word("role", &["assistant"])?;
            item.word("status", &["completed", "incomplete"])?;
            item.list("content")?.iter().try_for_each(check_part)
        }
        "reasoning" => item.list("summary")?.iter().try_for_each(|part| {
            part.word("type", &["summary_text"])
                .and(part.text("text"))
                .map(|_| ())
        }),
        "function_call" => check_call(item).and(item.text("arguments")).map(|_| ()),
        "custom_tool_call" => check_call(item).and(item.text("input")).map(|_| ()),
        _ => Ok(()),
    }
}

fn check_part(part: &Node<'_>) -> Checked {
    let kind = part.word("type", &["output_text", "refusal"])?;
    part.filled(text_key(kind))?;
    if kind == "output_text" {
        part.list("annotations").map(|_| ())
    } else {
        Ok(())
    }
}

fn usage(response: &Node<'_>) -> Checked<Option<Usage>> {
    response
        .child("usage")
        .map(|usage| openai::usage(&usage, &openai::RESPONSES))
        .transpose()
}

/// `completed`, or the reason why it is not.
fn finish_of(response: &Node<'_>) -> Checked<String> {
    response.require(response.child("error").is_none(), Rule::Mismatch)?;
    if response.word("status", &["completed", "incomplete"])? == "completed" {
        response.require(
            response.child("incomplete_details").is_none(),
            Rule::Mismatch,
        )?;
        return Ok("completed".to_owned());
    }
    Ok(response
        .object("incomplete_details")?
        .word("reason", INCOMPLETE_REASONS)?
        .to_owned())
}

fn failed_response(response: &Node<'_>) -> Checked<Ending> {
    response.word("status", &["failed"])?;
    let error = response.object("error")?;
    Ok(Ending::Failed {
        kind: error.filled("code")?.to_owned(),
        message: error.filled("message")?.to_owned(),
    })
}

pub(super) fn answer(body: &Node<'_>) -> Checked<(Ending, Folded)> {
    check_shape(body)?;
    let (id, model) = (
        body.filled("id")?.to_owned(),
        body.filled("model")?.to_owned(),
    );
    if body.value["status"] == "failed" {
        return Ok((
            failed_response(body)?,
            Folded {
                id,
                model,
                ..Folded::default()
            },
        ));
    }
    let items = body.list("output")?;
    items.iter().try_for_each(check_item)?;
    let output: Vec<_> = items.iter().map(|item| item.value.clone()).collect();
    let choice = fold(&output, Some(finish_of(body)?))?;
    Ok((
        Ending::Success,
        Folded {
            id,
            model,
            choices: vec![choice],
            usage: usage(body)?,
        },
    ))
}

fn fold(output: &[Value], finish: Option<String>) -> Checked<Choice> {
    let mut choice = Choice {
        finish,
        ..Choice::default()
    };
    for (index, value) in output.iter().enumerate() {
        fold_item(&Node::root(value, format!("output[{index}]")), &mut choice)?;
    }
    Ok(choice)
}

fn fold_item(item: &Node<'_>, choice: &mut Choice) -> Checked {
    match item.text("type")? {
        "message" => {
            for part in item.list("content")? {
                choice
                    .text
                    .push_str(part.optional("text")?.unwrap_or_default());
                choice
                    .refusal
                    .push_str(part.optional("refusal")?.unwrap_or_default());
            }
        }
        "reasoning" => {
            let (summary, full) = (item.list("summary")?, item.optional_list("content")?);
            let full = if repeats_summary(item.value) {
                &[]
            } else {
                &full[..]
            };
            for part in summary.iter().chain(full) {
                choice.reasoning.push_str(part.text("text")?);
            }
            choice
                .signatures
                .extend(item.optional("encrypted_content")?.map(str::to_owned));
        }
        "function_call" => choice
            .calls
            .push(call(item, input_of(item.text("arguments")?))?),
        "custom_tool_call" => choice.calls.push(call(item, item.text("input")?.into())?),
        _ => {}
    }
    Ok(())
}

fn call(item: &Node<'_>, input: Value) -> Checked<Call> {
    let namespace = item.optional("namespace")?.map(str::to_owned);
    Ok(Call {
        id: Some(item.filled("call_id")?.to_owned()),
        name: item.filled("name")?.to_owned(),
        namespace,
        input,
    })
}
