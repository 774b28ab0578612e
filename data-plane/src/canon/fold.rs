//! The fold of a response's events: a whole response is a stream, collected.

use super::{Event, Fault, FinishReason, PartHead, PartIndex, Start, Usage};
use crate::json::{EscapedStr, Raw};

/// A whole response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    pub start: Start,
    pub choices: Vec<Choice>,
    pub usage: Usage,
}

/// One of the alternatives that were requested.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    pub parts: Vec<ResponsePart>,
    pub finish: Option<FinishReason>,
    pub sequence: Option<EscapedStr>,
    pub detail: Option<EscapedStr>,
}

/// One part of a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponsePart {
    pub head: PartHead,
    /// Text, arguments or data, in paragraphs. Only reasoning has more than one.
    pub texts: Vec<EscapedStr>,
    pub signature: Option<EscapedStr>,
    pub citations: Vec<Raw>,
    /// Lists of log probabilities in the order in which they came.
    pub logprobs: Vec<Raw>,
}

impl ResponsePart {
    /// All of the part's text, with paragraphs joined by an empty line.
    pub fn text(&self) -> EscapedStr {
        EscapedStr::join(&self.texts, "\\n\\n")
    }
}

/// Collects events into a [`Response`].
#[derive(Debug, Default)]
pub struct Fold {
    response: Response,
    /// The deltas of each choice's open paragraph.
    deltas: Vec<Vec<EscapedStr>>,
    fault: Option<Fault>,
}

impl Fold {
    pub fn push(&mut self, event: Event) {
        match event {
            Event::Start(start) => self.response.start = start,
            Event::PartStart { at, head } => self.begin(at, head),
            Event::Delta { at, text } => self.deltas(at).push(text),
            Event::Paragraph { at } => self.end_paragraph(at),
            Event::Signature { at, value } => self.part(at, |part| part.signature = Some(value)),
            Event::Cite { at, raw } => self.part(at, |part| part.citations.push(raw)),
            Event::Logprobs { at, list } => self.part(at, |part| part.logprobs.push(list)),
            Event::PartEnd { at } => self.end_paragraph(at),
            Event::Usage(usage) => self.response.usage.update(&usage),
            Event::Finish {
                choice,
                reason,
                sequence,
                detail,
            } => {
                let choice = self.choice(choice);
                (choice.finish, choice.sequence, choice.detail) = (Some(reason), sequence, detail);
            }
            Event::Failed(fault) => self.fault = Some(fault),
            Event::Ping => {}
        }
    }

    /// The collected response. Choices without any event are left out: some servers skip indices.
    ///
    /// # Errors
    /// The fault that the events ended with.
    pub fn finish(mut self) -> Result<Response, Fault> {
        self.response
            .choices
            .retain(|choice| *choice != Choice::default());
        self.fault.map_or(Ok(self.response), Err)
    }

    fn begin(&mut self, at: PartIndex, head: PartHead) {
        let part = ResponsePart {
            head,
            texts: Vec::new(),
            signature: None,
            citations: Vec::new(),
            logprobs: Vec::new(),
        };
        self.choice(at.choice).parts.push(part);
        self.deltas(at).clear();
    }

    fn end_paragraph(&mut self, at: PartIndex) {
        let deltas = std::mem::take(self.deltas(at));
        if !deltas.is_empty() {
            self.part(at, |part| part.texts.push(EscapedStr::join(&deltas, "")));
        }
    }

    fn choice(&mut self, index: u32) -> &mut Choice {
        let index = index as usize;
        if self.response.choices.len() <= index {
            self.response
                .choices
                .resize_with(index + 1, Choice::default);
        }
        &mut self.response.choices[index]
    }

    fn deltas(&mut self, at: PartIndex) -> &mut Vec<EscapedStr> {
        let index = at.choice as usize;
        if self.deltas.len() <= index {
            self.deltas.resize_with(index + 1, Vec::new);
        }
        &mut self.deltas[index]
    }

    fn part(&mut self, at: PartIndex, change: impl FnOnce(&mut ResponsePart)) {
        if let Some(part) = self.choice(at.choice).parts.last_mut() {
            change(part);
        }
    }
}

impl Response {
    /// The events that fold to this response: what a streaming client gets if the upstream does not
    /// stream.
    pub fn events(&self) -> Vec<Event> {
        let mut events = vec![Event::Start(self.start.clone())];
        for (index, choice) in (0..).zip(&self.choices) {
            choice.events(index, &mut events);
        }
        if !self.usage.is_unknown() {
            // Before the finish, for the dialects whose stream ends with it.
            let finishes = events
                .iter()
                .position(|event| matches!(event, Event::Finish { .. }))
                .unwrap_or(events.len());
            events.insert(finishes, Event::Usage(self.usage));
        }
        events
    }
}

impl Choice {
    fn events(&self, choice: u32, out: &mut Vec<Event>) {
        for (index, part) in (0..).zip(&self.parts) {
            part.events(
                PartIndex {
                    choice,
                    part: index,
                },
                out,
            );
        }
        if let Some(reason) = self.finish.clone() {
            out.push(Event::Finish {
                choice,
                reason,
                sequence: self.sequence.clone(),
                detail: self.detail.clone(),
            });
        }
    }
}

impl ResponsePart {
    fn events(&self, at: PartIndex, out: &mut Vec<Event>) {
        out.push(Event::PartStart {
            at,
            head: self.head.clone(),
        });
        for (index, text) in self.texts.iter().enumerate() {
            if index > 0 {
                out.push(Event::Paragraph { at });
            }
            out.push(Event::Delta {
                at,
                text: text.clone(),
            });
        }
        out.extend(self.citations.iter().map(|raw| Event::Cite {
            at,
            raw: raw.clone(),
        }));
        out.extend(self.logprobs.iter().map(|list| Event::Logprobs {
            at,
            list: list.clone(),
        }));
        out.extend(self.signature.iter().map(|value| Event::Signature {
            at,
            value: value.clone(),
        }));
        out.push(Event::PartEnd { at });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_the_fold_of_its_events() {
        let at = PartIndex { choice: 0, part: 0 };
        let events = [
            Event::Start(Start::default()),
            Event::PartStart {
                at,
                head: PartHead::Text,
            },
            Event::Delta {
                at,
                text: EscapedStr::from("a"),
            },
            Event::Delta {
                at,
                text: EscapedStr::from("b"),
            },
            Event::PartEnd { at },
            Event::Usage(Usage {
                output: Some(2),
                ..Usage::default()
            }),
            Event::Finish {
                choice: 0,
                reason: FinishReason::End,
                sequence: None,
                detail: None,
            },
        ];
        let fold = |events: &[Event]| {
            let mut fold = Fold::default();
            events.iter().cloned().for_each(|event| fold.push(event));
            fold.finish().unwrap()
        };
        let response = fold(&events);
        assert_eq!(response.choices[0].parts[0].text(), "ab");
        assert_eq!(fold(&response.events()), response);
    }

    #[test]
    fn numbers_that_a_server_leaves_out_are_no_choices() {
        let finish = |choice| Event::Finish {
            choice,
            reason: FinishReason::End,
            sequence: None,
            detail: None,
        };
        let mut fold = Fold::default();
        [finish(1), finish(4)]
            .into_iter()
            .for_each(|event| fold.push(event));
        assert_eq!(fold.finish().unwrap().choices.len(), 2);
    }
}
