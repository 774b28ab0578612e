//! Decodes chunks into events: those of a stream, or a whole response as its only chunk.
//!
//! Parts are increments, usage is cumulative, and a response is complete once every candidate has a
//! finish reason. Nothing here splits bytes.
//!
//! Source: Gemini API, `GenerateContentResponse`, `Candidate`; gemini.md "Stream".

use super::candidate_decode::{CandidateDecoder, PartAttributes};
use super::proto_json::{count, enum_name, field, fields, required};
use super::{faults, usage};
use crate::canon::{Event, Fault, PartHead, Start, Usage};
use crate::json::{EscapedStr, Invalid, Raw, Value};
use crate::protocol::{DecodeContext, MalformedResponse, names, pending_calls};

/// How many candidates are accepted: as many as a response of any dialect has. Gemini's own are at
/// most 8 (`candidateCount`), Chat's 128 (`n`).
const CANDIDATES_MAX: u64 = 128;

/// The message of the fault of a response without its end.
pub(super) const BROKEN_OFF: &str = "the upstream's answer broke off before its end";

/// Decodes the chunks of one response.
#[derive(Default)]
pub(super) struct ChunkDecoder {
    context: DecodeContext,
    has_started: bool,
    candidates: Vec<CandidateDecoder>,
    /// How many call ids have been generated.
    generated_ids: u64,
    usage: Usage,
    is_done: bool,
}

impl ChunkDecoder {
    pub(super) fn new(context: &DecodeContext) -> Self {
        Self {
            context: context.clone(),
            ..Self::default()
        }
    }

    /// Whether the response has failed or was finished: nothing that follows matters.
    pub(super) fn is_done(&self) -> bool {
        self.is_done
    }

    /// Decodes one chunk.
    ///
    /// # Errors
    /// When it is not a `GenerateContentResponse`.
    pub(super) fn chunk(
        &mut self,
        chunk: Value<'_>,
        out: &mut Vec<Event>,
    ) -> Result<(), MalformedResponse> {
        if self.is_done {
            return Ok(());
        }
        if let Some(error) = field(chunk, "error") {
            self.fail(faults::decode_error(error, None), out);
            return Ok(());
        }
        self.start(chunk, out);
        for (key, value) in fields(chunk)? {
            match &*key {
                "candidates" => self.candidates(value, out)?,
                "promptFeedback" => self.prompt_feedback(value)?,
                "usageMetadata" => self.usage(value, out),
                _ => {}
            }
        }
        Ok(())
    }

    /// Ends the response with the upstream's body.
    ///
    /// The finish reasons are emitted only now: a candidate may go on after its finish reason,
    /// since some servers send one with every chunk.
    pub(super) fn finish(&mut self, out: &mut Vec<Event>) {
        self.end(CandidateDecoder::has_finish, out);
    }

    /// Ends the response where it is known to be whole: a candidate with output then needs no
    /// finish reason.
    pub(super) fn terminate(&mut self, out: &mut Vec<Event>) {
        self.end(
            |candidate| candidate.has_finish() || candidate.has_output(),
            out,
        );
    }

    fn end(&mut self, is_complete: fn(&CandidateDecoder) -> bool, out: &mut Vec<Event>) {
        if self.is_done {
            return;
        }
        let is_complete = !self.candidates.is_empty() && self.candidates.iter().all(is_complete);
        if !is_complete {
            return self.fail(Fault::upstream(BROKEN_OFF), out);
        }
        let mut candidates = self.candidates.iter_mut();
        let ended = candidates.try_for_each(|candidate| candidate.finish(out));
        match ended {
            Ok(()) => self.is_done = true,
            Err(fault) => self.fail(fault, out),
        }
    }

    pub(super) fn fail(&mut self, fault: Fault, out: &mut Vec<Event>) {
        if !self.is_done {
            self.is_done = true;
            out.push(Event::Failed(fault));
        }
    }

    fn start(&mut self, chunk: Value<'_>, out: &mut Vec<Event>) {
        if self.has_started {
            return;
        }
        self.has_started = true;
        let text = |name: &str| field(chunk, name).and_then(|value| value.text().ok());
        let create_time =
            text("createTime").and_then(|time| time.to_plain().parse::<jiff::Timestamp>().ok());
        out.push(Event::Start(Start {
            id: text("responseId"),
            model: text("modelVersion"),
            created: create_time.and_then(|time| u64::try_from(time.as_second()).ok()),
            tier: field(chunk, "usageMetadata")
                .and_then(|usage| field(usage, "serviceTier")?.text().ok())
                .or_else(|| self.context.tier.clone()),
            ..Start::default()
        }));
    }

    /// A prompt that was blocked has feedback and no candidates. Source: Gemini API,
    /// `PromptFeedback`.
    fn prompt_feedback(&mut self, feedback: Value<'_>) -> Result<(), Invalid> {
        let Some(reason) = field(feedback, "blockReason") else {
            return Ok(());
        };
        if enum_name(reason)? != "BLOCK_REASON_UNSPECIFIED" {
            let message = field(feedback, "blockReasonMessage").unwrap_or(reason);
            let why = message.text()?;
            self.candidate(0).set_block(why);
        }
        Ok(())
    }

    fn usage(&mut self, metadata: Value<'_>, out: &mut Vec<Event>) {
        let usage = usage::decode(metadata, &self.usage);
        if !usage.is_unknown() && usage != self.usage {
            self.usage.update(&usage);
            out.push(Event::Usage(self.usage));
        }
    }

    fn candidates(
        &mut self,
        candidates: Value<'_>,
        out: &mut Vec<Event>,
    ) -> Result<(), MalformedResponse> {
        for candidate in candidates.items()? {
            let index = field(candidate, "index").map_or(Ok(0), count)?;
            if index >= CANDIDATES_MAX {
                let why =
                    format!("expected a candidate's index below {CANDIDATES_MAX}, found `{index}`");
                return Err(MalformedResponse { why });
            }
            self.decode_candidate(candidate, index as u32, out)?;
        }
        Ok(())
    }

    /// Decodes what one chunk adds to a candidate.
    fn decode_candidate(
        &mut self,
        candidate: Value<'_>,
        index: u32,
        out: &mut Vec<Event>,
    ) -> Result<(), MalformedResponse> {
        self.candidate(index);
        // The parts come first, whatever the order of the members: annotations belong to their
        // text, and the finish reason depends on their calls.
        if let Some(content) = field(candidate, "content")
            && let Some(parts) = field(content, "parts")
        {
            for part in parts.items()? {
                self.part(part, index, out)?;
            }
        }
        for (key, value) in fields(candidate)? {
            match &*key {
                "groundingMetadata" | "citationMetadata" => {
                    self.candidate(index).citation(&key, value, out);
                }
                "logprobsResult" => self.candidate(index).logprobs(value, out),
                "finishReason" => {
                    let reason = enum_name(value)?;
                    let message = field(candidate, "finishMessage");
                    let detail = message.and_then(|message| message.text().ok());
                    self.candidate(index).set_finish(&reason, detail);
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn part(
        &mut self,
        part: Value<'_>,
        index: u32,
        out: &mut Vec<Event>,
    ) -> Result<(), MalformedResponse> {
        let attributes = part_attributes(part)?;
        for (key, value) in fields(part)? {
            match &*key {
                "text" => self.candidate(index).text(value.text()?, &attributes, out),
                "functionCall" => self.function_call(value, index, &attributes, out)?,
                "inlineData" => self.inline_data(value, index, &attributes, out)?,
                "executableCode"
                | "codeExecutionResult"
                | "toolCall"
                | "toolResponse"
                | "functionResponse"
                | "fileData" => {
                    let head = PartHead::Hosted {
                        kind: EscapedStr::from(&*key),
                        raw: value.raw(),
                    };
                    self.candidate(index)
                        .whole_part(head, None, &attributes, out);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// A call comes whole in one part; `id` and `args` may be missing. Source: Gemini API,
    /// `FunctionCall`.
    fn function_call(
        &mut self,
        call: Value<'_>,
        index: u32,
        attributes: &PartAttributes,
        out: &mut Vec<Event>,
    ) -> Result<(), Invalid> {
        let name = names::decode_called(required(call, "name")?)?;
        let id = field(call, "id").map(Value::text).transpose()?;
        let id = match id {
            Some(id) if !id.is_empty() => id,
            _ => self.generate_id(),
        };
        let args = match field(call, "args") {
            Some(args) => args.raw().compact(),
            None => Raw::from_static("{}"),
        };
        let head = PartHead::ToolCall {
            id,
            name,
            namespace: None,
            free: false,
        };
        self.candidate(index)
            .whole_part(head, Some(args.to_text()), attributes, out);
        Ok(())
    }

    fn generate_id(&mut self) -> EscapedStr {
        self.generated_ids += 1;
        pending_calls::generate(&self.context.request_id, self.generated_ids)
    }

    fn inline_data(
        &mut self,
        inline: Value<'_>,
        index: u32,
        attributes: &PartAttributes,
        out: &mut Vec<Event>,
    ) -> Result<(), Invalid> {
        // Images that a model drafts while it thinks are not part of its response.
        if attributes.is_thought {
            return Ok(());
        }
        let mime = required(inline, "mimeType")?.text()?;
        let data = required(inline, "data")?.text()?;
        let head = PartHead::Media { mime };
        self.candidate(index)
            .whole_part(head, Some(data), attributes, out);
        Ok(())
    }

    /// The candidate of that index, which its first mention creates.
    fn candidate(&mut self, index: u32) -> &mut CandidateDecoder {
        let position = index as usize;
        while self.candidates.len() <= position {
            let next = self.candidates.len() as u32;
            self.candidates.push(CandidateDecoder::new(next));
        }
        &mut self.candidates[position]
    }
}

fn part_attributes(part: Value<'_>) -> Result<PartAttributes, Invalid> {
    let is_thought = field(part, "thought").map_or(Ok(false), Value::bool)?;
    let signature = field(part, "thoughtSignature")
        .map(Value::text)
        .transpose()?;
    Ok(PartAttributes {
        is_thought,
        signature: signature.filter(|signature| !signature.is_empty()),
    })
}
