//! Turns into `contents`: roles, parts, results of calls, and where signatures stand.
//!
//! Source: Gemini API, `Content`, `Part`, "Thought signatures"; `translation.md` sections 3, 4 and
//! 10. The order of the turns is given (`turns::arrange`); nothing here moves a result.

use std::collections::HashMap;

use super::DIALECT;
use super::content_encode::{Data, Piece};
use super::messages_decode::is_handle;
use super::request_encode::{Context, note_marks};
use crate::canon::{
    Losses, Media, MediaKind, MediaSource, Part, PartKind, Role, Signature, ToolResult, Turn,
};
use crate::json::{self, EscapedStr, Raw};
use crate::protocol::file_refs;
use crate::protocol::{Operation, envelope};

/// Stands for a first turn that is not the user's.
const CONTINUE: &str = "(continue)";

/// Stands for a signature that another maker's call cannot have. Source: Gemini API, "Thought
/// signatures", FAQ.
const NO_SIGNATURE: &str = "skip_thought_signature_validator";

/// One entry of `contents`.
#[derive(Debug)]
pub(super) struct Content {
    pub(super) role: &'static str,
    pub(super) pieces: Vec<Piece>,
}

pub(super) struct Contents<'c, 'l> {
    context: &'c Context<'c>,
    losses: &'l mut Losses,
    contents: Vec<Content>,
    /// The names on the wire of the calls so far, by their ids: a result must say its call's.
    called: HashMap<String, EscapedStr>,
}

/// A token of Gemini's own that came back on reasoning, and before which piece it stands.
struct Token {
    before: usize,
    value: EscapedStr,
    /// Whether it came in another dialect's carrier: it may have stood on the call then.
    is_homeless: bool,
}

impl<'c, 'l> Contents<'c, 'l> {
    pub(super) fn new(context: &'c Context<'c>, losses: &'l mut Losses) -> Self {
        Self {
            context,
            losses,
            contents: Vec::new(),
            called: HashMap::new(),
        }
    }

    pub(super) fn encode(mut self) -> Vec<Content> {
        let turns = &self.context.request.turns;
        let loop_start = turns
            .iter()
            .rposition(is_question)
            .map_or(0, |question| question + 1);
        for (index, turn) in turns.iter().enumerate() {
            match turn.role {
                Role::User => self.user(turn),
                Role::Assistant => self.model(turn, index >= loop_start),
                Role::System | Role::Developer => self.reminder(turn),
            }
        }
        self.start_with_user();
        self.end_with_user();
        self.contents
    }

    fn push(&mut self, role: &'static str, mut pieces: Vec<Piece>) {
        match self.contents.last_mut() {
            _ if pieces.is_empty() => {}
            Some(last) if last.role == role => last.pieces.append(&mut pieces),
            _ => self.contents.push(Content { role, pieces }),
        }
    }

    fn start_with_user(&mut self) {
        if self
            .contents
            .first()
            .is_none_or(|first| first.role != "user")
        {
            let pieces = vec![Piece::text(EscapedStr::from_static(CONTINUE))];
            self.contents.insert(
                0,
                Content {
                    role: "user",
                    pieces,
                },
            );
            self.losses.added("turn");
        }
    }

    /// Gemini goes on with no answer that is given to it. Source: `translation.md` section 3.
    fn end_with_user(&mut self) {
        let is_begun = self
            .contents
            .last()
            .is_some_and(|last| last.role == "model");
        if is_begun && self.context.target.operation != Operation::CountTokens {
            let at = self.context.request.turns.last().map(|turn| turn.at);
            self.losses.refuse(at, "the gemini dialect goes on with no answer that is given to it: end with a message of the user");
        }
    }

    /// Results stand first and together, media that does not fit into them behind.
    fn user(&mut self, turn: &Turn) {
        self.note_name(turn);
        let (mut results, mut others) = (Vec::new(), Vec::new());
        for part in &turn.parts {
            match &part.kind {
                PartKind::ToolResult(result) => {
                    results.push(self.result(part, result, &mut others))
                }
                _ => others.extend(self.piece(part)),
            }
        }
        results.append(&mut others);
        self.push("user", results);
    }

    /// Gemini has system text in front only.
    fn reminder(&mut self, turn: &Turn) {
        self.note_name(turn);
        self.losses.adjusted(turn.at);
        let pieces = turn.parts.iter().filter_map(|part| self.piece(part));
        let pieces = pieces.map(wrap_reminder).collect();
        self.push("user", pieces);
    }

    fn model(&mut self, turn: &Turn, is_in_loop: bool) {
        self.note_name(turn);
        let (mut pieces, mut tokens) = (Vec::new(), Vec::new());
        for part in &turn.parts {
            match &part.kind {
                PartKind::Reasoning { texts, .. } => {
                    self.reasoning(part, texts, &mut pieces, &mut tokens)
                }
                _ => pieces.extend(self.piece(part)),
            }
        }
        place(tokens, &mut pieces);
        if is_in_loop && self.context.thinking.is_by_level() {
            self.sign_first_call(&mut pieces);
        }
        self.push("model", pieces);
    }

    /// Gemini 3 refuses the running loop of calls where the first call of a turn has no signature.
    fn sign_first_call(&mut self, pieces: &mut [Piece]) {
        let first = pieces.iter_mut().find(|piece| piece.is_call());
        if let Some(call) = first.filter(|call| call.signature.is_none()) {
            call.signature = Some(EscapedStr::from_static(NO_SIGNATURE));
            self.losses.added("thoughtSignature");
        }
    }

    /// Another maker's reasoning is left out; what never had a token goes as a thought.
    fn reasoning(
        &mut self,
        part: &Part,
        texts: &[EscapedStr],
        pieces: &mut Vec<Piece>,
        tokens: &mut Vec<Token>,
    ) {
        note_marks(part, self.losses);
        let fitting = self.fitting(part.signature.as_ref());
        if part.signature.is_some() && fitting.is_none() {
            return self.losses.dropped(part.at);
        }
        if let (Some(signature), Some(value)) = (&part.signature, fitting) {
            let is_homeless = !signature.origin.provider.is_empty();
            tokens.push(Token {
                before: pieces.len(),
                value,
                is_homeless,
            });
        }
        if !texts.is_empty() {
            pieces.push(Piece::thought(EscapedStr::join(texts, "\\n\\n")));
        }
    }

    fn fitting(&self, signature: Option<&Signature>) -> Option<EscapedStr> {
        envelope::fitting(
            signature,
            DIALECT,
            self.context.target.provider,
            self.context.target.model,
        )
        .cloned()
    }

    /// One part that is neither reasoning nor a result. `None` = it cannot be carried, which has
    /// been noted.
    fn piece(&mut self, part: &Part) -> Option<Piece> {
        note_marks(part, self.losses);
        let signature = self.fitting(part.signature.as_ref());
        if signature.is_none() {
            part.drop_signature(self.losses);
        }
        let piece = match &part.kind {
            PartKind::Text(text) | PartKind::Refusal(text) => Piece::text(text.clone()),
            PartKind::Media(media) => self.media(part, media)?,
            PartKind::ToolCall {
                id,
                name,
                namespace,
                input,
            } => {
                let wire = self.context.names.wire(name, namespace.as_ref());
                self.called.insert(id.to_plain().into_owned(), wire.clone());
                Piece::new(Data::Call {
                    id: id.clone(),
                    name: wire,
                    args: input.to_object(),
                })
            }
            PartKind::Hosted { dialect, kind, raw } if *dialect == DIALECT => {
                Piece::new(Data::Hosted {
                    kind: kind.clone(),
                    raw: raw.clone(),
                })
            }
            PartKind::Hosted { .. } | PartKind::Reasoning { .. } | PartKind::ToolResult(_) => {
                self.losses.dropped(part.at);
                return None;
            }
        };
        Some(piece.signed(signature))
    }

    fn media(&mut self, part: &Part, media: &Media) -> Option<Piece> {
        [&media.name, &media.context]
            .into_iter()
            .flatten()
            .for_each(|field| self.losses.dropped(field.at));
        let data = self.media_data(part, media)?;
        let resolution = self.resolution(media);
        Some(Piece {
            data,
            signature: None,
            resolution,
        })
    }

    fn media_data(&mut self, part: &Part, media: &Media) -> Option<Data> {
        match &media.source {
            MediaSource::Inline { mime, data } => {
                return Some(Data::Inline {
                    mime: mime.clone(),
                    data: data.clone(),
                });
            }
            MediaSource::Plain(text) => {
                return Some(Data::Text {
                    text: text.clone(),
                    is_thought: false,
                });
            }
            MediaSource::Url { url, mime } if is_googles(&url.to_plain()) => {
                return Some(Data::File {
                    uri: url.clone(),
                    mime: mime.clone(),
                });
            }
            MediaSource::File { id, dialect } if *dialect == DIALECT => {
                return Some(Data::File {
                    uri: id.value.clone(),
                    mime: None,
                });
            }
            MediaSource::Url { .. } => {
                let kind = media.kind.name();
                self.losses.refuse(
                    part.at,
                    format!("the gemini dialect fetches no {kind} from an address; send its data"),
                );
            }
            MediaSource::File { id, dialect } => file_refs::refuse(self.losses, id, *dialect),
        }
        None
    }

    /// Source: Gemini API, `Part.media_resolution` (3 and later). `auto` says nothing.
    fn resolution(&mut self, media: &Media) -> Option<EscapedStr> {
        let detail = media
            .detail
            .as_ref()
            .filter(|detail| detail.value != "auto")?;
        let word = detail.value.to_plain().to_ascii_uppercase();
        let level = match word.strip_prefix("MEDIA_RESOLUTION_").unwrap_or(&word) {
            level @ ("LOW" | "MEDIUM" | "HIGH") if self.context.thinking.is_by_level() => level,
            _ => {
                self.losses.dropped(detail.at);
                return None;
            }
        };
        Some(EscapedStr::from(format!("MEDIA_RESOLUTION_{level}")))
    }

    /// Media that the result itself cannot hold goes to `others`.
    fn result(&mut self, part: &Part, result: &ToolResult, others: &mut Vec<Piece>) -> Piece {
        note_marks(part, self.losses);
        let (mut texts, mut media) = (Vec::new(), Vec::new());
        for inner in &result.parts {
            match self.piece(inner).map(|piece| piece.data) {
                Some(Data::Text { text, .. }) => texts.push(text),
                Some(data) if self.fits_result(inner) => media.push(data),
                Some(data) => {
                    self.losses.adjusted(inner.at);
                    others.push(Piece::new(data));
                }
                None => {}
            }
        }
        let name = self
            .called
            .get(&*result.call_id.to_plain())
            .or(result.name.as_ref());
        let name = name.unwrap_or(&result.call_id).clone();
        let response = response(&EscapedStr::join(&texts, "\\n"), result.is_error);
        Piece::new(Data::Result {
            id: result.call_id.clone(),
            name,
            response,
            media,
        })
    }

    /// Source: Gemini API, "Multimodal function responses" (3 and later): images and documents.
    fn fits_result(&self, part: &Part) -> bool {
        let is_taken = |media: &Media| {
            matches!(
                media.kind,
                MediaKind::Image | MediaKind::Pdf | MediaKind::Document
            )
        };
        self.context.thinking.is_by_level()
            && matches!(&part.kind, PartKind::Media(media) if is_taken(media))
    }

    fn note_name(&mut self, turn: &Turn) {
        turn.name
            .iter()
            .for_each(|name| self.losses.dropped(name.at));
    }
}

/// A turn in which the person speaks, rather than tools: where the running loop of calls begins.
fn is_question(turn: &Turn) -> bool {
    let is_result = |part: &Part| matches!(part.kind, PartKind::ToolResult(_));
    turn.role == Role::User && !turn.parts.iter().any(is_result)
}

fn wrap_reminder(mut piece: Piece) -> Piece {
    if let Data::Text { text, .. } = &mut piece.data {
        *text = EscapedStr::join(
            [
                &EscapedStr::from("<system-reminder>\n"),
                text,
                &EscapedStr::from("\n</system-reminder>"),
            ],
            "",
        );
    }
    piece
}

/// Puts tokens where Gemini looks for them.
///
/// One that came through another dialect's client has lost its place: where the turn calls, Gemini
/// gave it on the first call. Any other stands on the piece that it came with.
fn place(mut tokens: Vec<Token>, pieces: &mut Vec<Piece>) {
    if let Some(call) = pieces.iter_mut().find(|piece| piece.is_call())
        && call.signature.is_none()
        && let Some(last) = tokens.iter().rposition(|token| token.is_homeless)
    {
        call.signature = Some(tokens.remove(last).value);
    }
    // From the end, so that what is inserted moves no earlier place.
    for token in tokens.into_iter().rev() {
        match pieces.get_mut(token.before) {
            Some(piece) if piece.signature.is_none() && !piece.is_call() => {
                piece.signature = Some(token.value)
            }
            _ => pieces.insert(token.before, Piece::token(token.value)),
        }
    }
}

/// Whether Gemini reads what stands at the address: its own files, buckets and YouTube's videos.
fn is_googles(url: &str) -> bool {
    is_handle(url)
        || ["https://www.youtube.com/", "https://youtu.be/"]
            .iter()
            .any(|start| url.starts_with(start))
}

/// A result's text as the object that `functionResponse.response` has to be.
fn response(text: &EscapedStr, is_error: bool) -> Raw {
    let key = if is_error { "error" } else { "output" };
    match text.to_object() {
        Ok(document) if !is_error => document.root().raw(),
        _ => json::value(|value| value.object(|object| object.text(key, text))),
    }
}
