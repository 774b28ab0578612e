//! Gemini, as SSE, as an array and whole. Source: its reference, "Response", "Stream" and "Errors".

use std::collections::BTreeMap;

use serde::de::IgnoredAny;

use super::node::{Constants, Node};
use super::sse::Stream;
use super::{Broken, Call, Checked, Choice, Ending, Folded, Rule, Summary, Usage, json};

const FINISHES: &[&str] = &[
    "STOP",
    "MAX_TOKENS",
    "SAFETY",
    "RECITATION",
    "LANGUAGE",
    "OTHER",
    "BLOCKLIST",
    "PROHIBITED_CONTENT",
    "SPII",
    "MALFORMED_FUNCTION_CALL",
    "UNEXPECTED_TOOL_CALL",
    "TOO_MANY_TOOL_CALLS",
    "IMAGE_SAFETY",
    "IMAGE_PROHIBITED_CONTENT",
    "IMAGE_RECITATION",
    "IMAGE_OTHER",
    "NO_IMAGE",
    "CONTINUATION",
];
const STATUSES: &[&str] = &[
    "INVALID_ARGUMENT",
    "FAILED_PRECONDITION",
    "UNAUTHENTICATED",
    "PERMISSION_DENIED",
    "NOT_FOUND",
    "RESOURCE_EXHAUSTED",
    "CANCELLED",
    "INTERNAL",
    "UNAVAILABLE",
    "DEADLINE_EXCEEDED",
    "UNIMPLEMENTED",
    "ABORTED",
    "ALREADY_EXISTS",
    "OUT_OF_RANGE",
];

/// `{code, message, status}`.
pub(super) fn failure(error: &Node<'_>) -> Checked<Ending> {
    error.integer("code")?;
    let kind = error.word("status", STATUSES)?.to_owned();
    Ok(Ending::Failed {
        kind,
        message: error.filled("message")?.to_owned(),
    })
}

pub(super) fn stream(stream: &Stream<'_>) -> Checked<Summary> {
    stream.require_no_comments()?;
    let mut reader = Reader::default();
    for record in &stream.records {
        record.require_unnamed()?;
        let value = record.json()?;
        reader.take(&Node::root(&value, record.at.clone()))?;
    }
    Ok(reader.summary(stream.records.len(), stream.is_torn))
}

/// The array form. Without its closing bracket it is cut. An error may be its last element.
pub(super) fn array(body: &[u8]) -> Checked<Summary> {
    let is_cut = serde_json::from_slice::<IgnoredAny>(body).is_err_and(|error| error.is_eof());
    let value = if is_cut {
        whole_elements(body)
    } else {
        json::parse(body, "array")?
    };
    let elements = value.as_array().ok_or_else(|| Broken {
        rule: Rule::Kind,
        at: "array".to_owned(),
    })?;
    let mut reader = Reader::default();
    for (index, element) in elements.iter().enumerate() {
        reader.take(&Node::root(element, format!("record {index}")))?;
    }
    Ok(reader.summary(elements.len(), is_cut))
}

/// The complete elements of an array that was cut.
fn whole_elements(text: &[u8]) -> serde_json::Value {
    let mut elements = Vec::new();
    let mut rest = text
        .trim_ascii_start()
        .strip_prefix(b"[")
        .unwrap_or_default();
    loop {
        let mut values =
            serde_json::Deserializer::from_slice(rest).into_iter::<serde_json::Value>();
        let Some(Ok(element)) = values.next() else {
            return elements.into();
        };
        elements.push(element);
        let after = rest[values.byte_offset()..].trim_ascii_start();
        rest = after.strip_prefix(b",").unwrap_or_default();
    }
}

pub(super) fn answer(body: &Node<'_>) -> Checked<(Ending, Folded)> {
    let mut reader = Reader::default();
    reader.take(body)?;
    body.require(reader.is_complete(), Rule::Unfinished)?;
    let summary = reader.summary(1, false);
    Ok((summary.ending, summary.folded))
}

/// Chunks so far. A whole response is one chunk.
#[derive(Debug, Default)]
struct Reader {
    constants: Constants,
    candidates: BTreeMap<u64, Choice>,
    usage: Option<Usage>,
    is_blocked: bool,
    failed: Option<Ending>,
}

impl Reader {
    fn take(&mut self, chunk: &Node<'_>) -> Checked {
        chunk.require(self.failed.is_none(), Rule::AfterEnd)?;
        if let Some(error) = chunk.child("error") {
            self.failed = Some(failure(&error)?);
            return Ok(());
        }
        chunk.require(!self.is_complete(), Rule::AfterEnd)?;
        self.constants
            .check(chunk, &["responseId", "modelVersion"])?;
        if let Some(usage) = chunk.child("usageMetadata") {
            self.usage = Some(later(self.usage, &usage)?);
        }
        if let Some(feedback) = chunk.child("promptFeedback") {
            feedback.filled("blockReason")?;
            self.is_blocked = true;
        }
        let candidates = chunk.optional_list("candidates")?;
        chunk.require(candidates.is_empty() == self.is_blocked, Rule::Empty)?;
        candidates
            .iter()
            .try_for_each(|candidate| self.candidate(candidate))
    }

    fn candidate(&mut self, candidate: &Node<'_>) -> Checked {
        // Proto JSON leaves out a zero.
        let index = candidate.count("index")?.unwrap_or(0);
        candidate.require(index <= self.candidates.len() as u64, Rule::Index)?;
        let choice = self.candidates.entry(index).or_default();
        candidate.require(choice.finish.is_none(), Rule::AfterEnd)?;
        if candidate.child("finishReason").is_some() {
            choice.finish = Some(candidate.word("finishReason", FINISHES)?.to_owned());
        }
        let is_last = choice.finish.is_some();
        let Some(content) = candidate.child("content") else {
            return candidate.require(is_last, Rule::Empty);
        };
        content.word("role", &["model"])?;
        let parts = content.optional_list("parts")?;
        content.require(!parts.is_empty() || is_last, Rule::Empty)?;
        parts
            .iter()
            .try_for_each(|part| take_part(part, choice, is_last))
    }

    fn is_complete(&self) -> bool {
        self.is_blocked
            || (!self.candidates.is_empty()
                && self
                    .candidates
                    .values()
                    .all(|choice| choice.finish.is_some()))
    }

    fn summary(self, records: usize, is_torn: bool) -> Summary {
        let ended = if self.is_complete() {
            Ending::Success
        } else {
            Ending::Cut
        };
        let ending = if is_torn && self.failed.is_none() {
            Ending::Cut
        } else {
            self.failed.unwrap_or(ended)
        };
        let choices = self.candidates.into_values().collect();
        let folded = Folded {
            id: self.constants.text(0),
            model: self.constants.text(1),
            choices,
            usage: self.usage,
        };
        Summary {
            ending,
            folded,
            records,
            keep_alives: 0,
        }
    }
}

/// A text may be empty only if it carries a signature or comes with the finish reason.
fn take_part(part: &Node<'_>, choice: &mut Choice, is_last: bool) -> Checked {
    let signature = part
        .child("thoughtSignature")
        .map(|_| part.filled("thoughtSignature"))
        .transpose()?;
    choice.signatures.extend(signature.map(str::to_owned));
    if let Some(call) = part.child("functionCall") {
        choice.calls.push(function_call(&call)?);
        return Ok(());
    }
    let Some(text) = part.optional("text")? else {
        return part.require(!part.is_empty_object(), Rule::Empty);
    };
    part.require(
        !text.is_empty() || signature.is_some() || is_last,
        Rule::Empty,
    )?;
    let is_thought = part.value["thought"] == true;
    if is_thought {
        choice.reasoning.push_str(text)
    } else {
        choice.text.push_str(text)
    }
    Ok(())
}

fn function_call(call: &Node<'_>) -> Checked<Call> {
    let id = call
        .child("id")
        .map(|_| call.filled("id"))
        .transpose()?
        .map(str::to_owned);
    let args = call
        .child("args")
        .map(|_| call.object("args"))
        .transpose()?;
    let input = args.map_or_else(|| serde_json::json!({}), |args| args.value.clone());
    Ok(Call {
        id,
        name: call.filled("name")?.to_owned(),
        namespace: None,
        input,
    })
}

/// Cumulative: no figure falls; the total is the sum. `candidatesTokenCount` excludes thoughts.
fn later(known: Option<Usage>, usage: &Node<'_>) -> Checked<Usage> {
    let known = known.unwrap_or_default();
    let input = usage.count("promptTokenCount")?.or(known.input);
    let output = usage.count("candidatesTokenCount")?.or(known.output);
    let reasoning = usage.count("thoughtsTokenCount")?.or(known.reasoning);
    let total = usage.count("totalTokenCount")?.or(known.total);
    let parts = [
        input,
        output,
        reasoning,
        usage.count("toolUsePromptTokenCount")?,
    ];
    let sum: u64 = parts.into_iter().map(Option::unwrap_or_default).sum();
    usage.require(total.is_none_or(|total| total == sum), Rule::Usage)?;
    let rises = output >= known.output && reasoning >= known.reasoning && total >= known.total;
    usage.require(rises, Rule::Usage)?;
    let cache_read = usage.count("cachedContentTokenCount")?.or(known.cache_read);
    usage.require(cache_read.unwrap_or(0) <= input.unwrap_or(0), Rule::Usage)?;
    Ok(Usage {
        input,
        output,
        cache_read,
        cache_write: None,
        reasoning,
        total,
    })
}
