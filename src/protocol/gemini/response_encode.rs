//! Answers to clients: `GenerateContentResponse`, whole and as chunks.
//!
//! Source: Gemini API, `GenerateContentResponse`; gemini.md "Stream". Which parts there are is
//! decided in [`super::candidate_encode`].

use bytes::Bytes;

use super::candidate_encode::{Choice, Composer};
use super::content_encode::{Data, Piece, write_content};
use super::{finish, logprobs, usage};
use crate::canon::{Losses, Response};
use crate::json::{self, EscapedStr, Object};
use crate::protocol::ResponseContext;

pub(super) fn encode(response: &Response, ask: &ResponseContext<'_>, losses: &mut Losses) -> Bytes {
    let mut composer = Composer::new(ask);
    let mut pieces = Vec::new();
    response
        .events()
        .iter()
        .for_each(|event| composer.push(event, &mut pieces));
    losses.extend(std::mem::take(&mut composer.losses));
    let head = Head::new(&composer, ask);
    json::document(|value| {
        value.object(|body| {
            body.array("candidates", |candidates| {
                for (index, choice) in (0..).zip(&composer.choices) {
                    let own = pieces
                        .iter()
                        .filter(|(choice, _)| *choice == index)
                        .map(|(_, piece)| piece.clone());
                    candidates.object(|candidate| {
                        write_candidate(candidate, index, choice, &merged(own))
                    });
                }
            });
            write_usage(&composer, body);
            head.write(body);
        });
    })
}

/// Joins neighbouring texts of one kind, and the signature that follows them.
fn merged(pieces: impl Iterator<Item = Piece>) -> Vec<Piece> {
    let mut merged: Vec<Piece> = Vec::new();
    for piece in pieces {
        match merged.last_mut() {
            Some(last) if continues(last, &piece) => append(last, piece),
            _ => merged.push(piece),
        }
    }
    merged
}

fn continues(last: &Piece, next: &Piece) -> bool {
    match (&last.data, &next.data) {
        (
            Data::Text {
                is_thought: before, ..
            },
            Data::Text {
                is_thought: after, ..
            },
        ) => before == after && last.signature.is_none(),
        _ => false,
    }
}

fn append(last: &mut Piece, next: Piece) {
    if let (Data::Text { text, .. }, Data::Text { text: more, .. }) = (&mut last.data, &next.data) {
        *text = EscapedStr::join([&*text, more], "");
    }
    last.signature = next.signature;
}

pub(super) fn write_candidate(
    candidate: &mut Object<'_>,
    index: u32,
    choice: &Choice,
    pieces: &[Piece],
) {
    candidate.object("content", |content| write_content(content, "model", pieces));
    if let Some((reason, detail)) = &choice.finish {
        candidate.str("finishReason", finish::encode(reason));
        candidate.some("finishMessage", detail.as_ref(), |value, detail| {
            value.text(detail)
        });
    }
    candidate.u64("index", index.into());
    choice
        .metadata
        .iter()
        .for_each(|(key, raw)| candidate.raw(&key.to_plain(), raw));
    if !choice.logprobs.is_empty() {
        candidate.object("logprobsResult", |result| {
            logprobs::encode(&choice.logprobs, result)
        });
    }
}

/// What is not known is left out: the shape demands no figure.
pub(super) fn write_usage(composer: &Composer, body: &mut Object<'_>) {
    if !composer.usage.is_unknown() {
        body.object("usageMetadata", |metadata| {
            usage::encode(&composer.usage, metadata)
        });
    }
}

/// What every chunk says of its answer.
pub(super) struct Head {
    model: EscapedStr,
    id: EscapedStr,
}

impl Head {
    fn new(composer: &Composer, ask: &ResponseContext<'_>) -> Self {
        Self::of(
            composer,
            &EscapedStr::from(ask.origin.model.as_str()),
            &EscapedStr::from(ask.request_id),
        )
    }

    pub(super) fn of(composer: &Composer, model: &EscapedStr, id: &EscapedStr) -> Self {
        let start = &composer.start;
        Self {
            model: start.model.as_ref().unwrap_or(model).clone(),
            id: start.id.as_ref().unwrap_or(id).clone(),
        }
    }

    pub(super) fn write(&self, body: &mut Object<'_>) {
        body.text("modelVersion", &self.model);
        body.text("responseId", &self.id);
    }
}
