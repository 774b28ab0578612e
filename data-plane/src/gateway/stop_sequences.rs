//! Stop sequences toward upstreams that have none: the gateway reads the text and ends the answer
//! where one appears.
//!
//! Text that may be the beginning of a sequence is held back until it is not. Reasoning and the
//! arguments of tool calls are not searched, as no provider does. Sans-IO.

use crate::canon::{Event, FinishReason, PartHead, PartIndex, Request, Response};
use crate::json::EscapedStr;
use crate::protocol::Protocol;

/// The sequences of one request, and what of its answer is held back.
pub(super) struct StopSequences {
    sequences: Vec<Sequence>,
    /// The text part that is being read, by choice.
    open: Vec<Option<OpenText>>,
    is_stopped: bool,
}

struct Sequence {
    plain: String,
    written: EscapedStr,
}

struct OpenText {
    at: PartIndex,
    held: String,
}

/// Where a sequence was found.
struct Found {
    start: usize,
    end: usize,
    sequence: usize,
}

impl StopSequences {
    /// `None` where the upstream itself stops, or the request names no sequence.
    pub(super) fn of(request: &Request, upstream: &dyn Protocol) -> Option<Self> {
        if upstream.descriptor().has_stop_sequences {
            return None;
        }
        let sequences: Vec<Sequence> = request
            .stops
            .iter()
            .filter(|stop| !stop.value.is_empty())
            .map(|stop| Sequence {
                plain: stop.value.to_plain().into_owned(),
                written: stop.value.detached(),
            })
            .collect();
        (!sequences.is_empty()).then_some(Self {
            sequences,
            open: Vec::new(),
            is_stopped: false,
        })
    }

    /// Whether a sequence ended the answer.
    pub(super) fn is_stopped(&self) -> bool {
        self.is_stopped
    }

    /// Changes the events to those that the client gets.
    pub(super) fn events(&mut self, events: &mut Vec<Event>) {
        let mut out = Vec::with_capacity(events.len());
        for event in events.drain(..) {
            if self.is_stopped {
                break;
            }
            self.push(event, &mut out);
        }
        *events = out;
    }

    fn push(&mut self, event: Event, out: &mut Vec<Event>) {
        match event {
            Event::PartStart {
                at,
                head: PartHead::Text,
            } => {
                *self.open(at.choice) = Some(OpenText {
                    at,
                    held: String::new(),
                });
                out.push(event);
            }
            Event::Delta { at, text } if self.open(at.choice).is_some() => {
                self.delta(at, text, out);
            }
            Event::PartEnd { at } => {
                self.release(at.choice, out);
                out.push(event);
            }
            Event::Failed(_) => {
                for choice in 0..u32::try_from(self.open.len()).unwrap_or(u32::MAX) {
                    self.release(choice, out);
                }
                out.push(event);
            }
            _ => out.push(event),
        }
    }

    fn delta(&mut self, at: PartIndex, text: EscapedStr, out: &mut Vec<Event>) {
        let Some(open) = self.open(at.choice) else {
            return;
        };
        let was_held = !open.held.is_empty();
        let mut whole = std::mem::take(&mut open.held);
        whole.push_str(&text.to_plain());
        if let Some(found) = self.find(&whole) {
            push_text(at, &whole[..found.start], out);
            self.stop(at, &found, out);
            return;
        }
        let kept = self.beginning_at_end(&whole);
        let released = &whole[..whole.len() - kept];
        if kept == 0 && !was_held {
            out.push(Event::Delta { at, text });
            return;
        }
        push_text(at, released, out);
        if let Some(open) = self.open(at.choice) {
            open.held.push_str(&whole[whole.len() - kept..]);
        }
    }

    /// Ends the answer. Of one with several choices, the others end with it: an upstream without
    /// stop sequences gives one.
    fn stop(&mut self, at: PartIndex, found: &Found, out: &mut Vec<Event>) {
        self.is_stopped = true;
        out.push(Event::PartEnd { at });
        out.push(Event::Finish {
            choice: at.choice,
            reason: FinishReason::StopSequence,
            sequence: Some(self.sequences[found.sequence].written.clone()),
            detail: None,
        });
    }

    /// Gives out what was held back, which turned out to be no sequence.
    fn release(&mut self, choice: u32, out: &mut Vec<Event>) {
        if let Some(open) = self.open(choice).take() {
            push_text(open.at, &open.held, out);
        }
    }

    fn open(&mut self, choice: u32) -> &mut Option<OpenText> {
        let index = choice as usize;
        if self.open.len() <= index {
            self.open.resize_with(index + 1, || None);
        }
        &mut self.open[index]
    }

    /// Ends each choice of a whole answer where a sequence appears in it.
    pub(super) fn response(&self, response: &mut Response) {
        for choice in &mut response.choices {
            let texts = choice.parts.iter().enumerate();
            let found = texts
                .filter(|(_, part)| part.head == PartHead::Text)
                .find_map(|(index, part)| {
                    let text = part.text().to_plain().into_owned();
                    let found = self.find(&text)?;
                    Some((index, text, found))
                });
            let Some((index, text, found)) = found else {
                continue;
            };
            choice.parts.truncate(index + 1);
            choice.parts[index].texts = vec![EscapedStr::from_plain(&text[..found.start])];
            choice.finish = Some(FinishReason::StopSequence);
            choice.sequence = Some(self.sequences[found.sequence].written.clone());
            choice.detail = None;
        }
    }

    /// The sequence that is complete first, the longest of those that end together: what a model
    /// that writes character by character would have stopped at.
    fn find(&self, text: &str) -> Option<Found> {
        let found = self
            .sequences
            .iter()
            .enumerate()
            .filter_map(|(index, sequence)| {
                let start = text.find(&sequence.plain)?;
                Some(Found {
                    start,
                    end: start + sequence.plain.len(),
                    sequence: index,
                })
            });
        found.min_by_key(|found| (found.end, found.start))
    }

    /// How many bytes at the end of the text may be the beginning of a sequence.
    fn beginning_at_end(&self, text: &str) -> usize {
        self.sequences
            .iter()
            .filter_map(|sequence| {
                let plain = &sequence.plain;
                let longest = text.len().min(plain.len() - 1);
                (1..=longest)
                    .rev()
                    .find(|&len| text.as_bytes().ends_with(&plain.as_bytes()[..len]))
                    // Within a character it cannot be split.
                    .filter(|&len| text.is_char_boundary(text.len() - len))
            })
            .max()
            .unwrap_or(0)
    }
}

fn push_text(at: PartIndex, text: &str, out: &mut Vec<Event>) {
    if !text.is_empty() {
        out.push(Event::Delta {
            at,
            text: EscapedStr::from_plain(text),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canon::Fold;

    fn stops(sequences: &[&str]) -> StopSequences {
        let sequence = |plain: &&str| Sequence {
            plain: (*plain).to_owned(),
            written: EscapedStr::from_plain(plain),
        };
        StopSequences {
            sequences: sequences.iter().map(sequence).collect(),
            open: Vec::new(),
            is_stopped: false,
        }
    }

    /// The answer that a text in these deltas becomes, and what stopped it.
    fn streamed(sequences: &[&str], deltas: &[&str]) -> (String, Option<String>) {
        let at = PartIndex::default();
        let mut events = vec![Event::PartStart {
            at,
            head: PartHead::Text,
        }];
        events.extend(deltas.iter().map(|text| Event::Delta {
            at,
            text: EscapedStr::from_plain(text),
        }));
        events.push(Event::PartEnd { at });
        events.push(Event::Finish {
            choice: 0,
            reason: FinishReason::End,
            sequence: None,
            detail: None,
        });
        let mut whole = Fold::default();
        events.iter().cloned().for_each(|event| whole.push(event));
        let mut whole = whole.finish().unwrap();
        stops(sequences).response(&mut whole);

        let mut filter = stops(sequences);
        let mut fold = Fold::default();
        for event in events {
            let mut batch = vec![event];
            filter.events(&mut batch);
            batch.into_iter().for_each(|event| fold.push(event));
        }
        let response = fold.finish().unwrap();
        let choice = &response.choices[0];
        let text = |response: &Response| {
            let parts = &response.choices[0].parts;
            parts[0].text().to_plain().into_owned()
        };
        assert_eq!(text(&response), text(&whole), "streamed as whole");
        assert_eq!(choice.finish, whole.choices[0].finish);
        assert_eq!(choice.sequence, whole.choices[0].sequence);
        let sequence = choice.sequence.as_ref();
        (
            text(&response),
            sequence.map(|sequence| sequence.to_plain().into_owned()),
        )
    }

    #[test]
    fn a_sequence_ends_the_text_across_any_chunk_border() {
        let text = "one two\nEND three";
        for cut in 0..=text.len() {
            let (head, rest) = text.split_at(cut);
            assert_eq!(
                streamed(&["\nEND"], &[head, rest]),
                ("one two".to_owned(), Some("\nEND".to_owned())),
                "{cut}"
            );
        }
        let letters: Vec<String> = text.chars().map(String::from).collect();
        let letters: Vec<&str> = letters.iter().map(String::as_str).collect();
        assert_eq!(streamed(&["\nEND"], &letters).0, "one two");
    }

    #[test]
    fn what_only_begins_like_a_sequence_is_given_out() {
        assert_eq!(
            streamed(&["STOP"], &["S", "TO", "RY ST"]),
            ("STORY ST".to_owned(), None)
        );
        assert_eq!(
            streamed(&["aab"], &["a", "a", "a", "b!"]),
            ("a".to_owned(), Some("aab".to_owned()))
        );
        assert_eq!(
            streamed(&["\u{e9}x"], &["caf\u{e9}", "\u{e9}y"]),
            ("caf\u{e9}\u{e9}y".to_owned(), None)
        );
    }

    #[test]
    fn the_sequence_that_is_complete_first_stops() {
        assert_eq!(
            streamed(&["abc", "b"], &["xa", "bc"]),
            ("xa".to_owned(), Some("b".to_owned()))
        );
        assert_eq!(
            streamed(&["c", "abc"], &["xabc"]),
            ("x".to_owned(), Some("abc".to_owned()))
        );
    }

    /// Parts do not overlap, what a part holds back comes before its end, and nothing follows the
    /// finish.
    #[test]
    fn a_sequence_in_a_second_text_ends_that_text() {
        let at = |part| PartIndex { choice: 0, part };
        let text = |part, texts: &[&str]| {
            let mut events = vec![Event::PartStart {
                at: at(part),
                head: PartHead::Text,
            }];
            events.extend(texts.iter().map(|text| Event::Delta {
                at: at(part),
                text: EscapedStr::from_plain(text),
            }));
            events.push(Event::PartEnd { at: at(part) });
            events
        };
        let finish = |sequence: Option<&str>, reason| Event::Finish {
            choice: 0,
            reason,
            sequence: sequence.map(EscapedStr::from),
            detail: None,
        };
        let mut events = text(0, &["one E", "N"]);
        events.extend(text(1, &["D two E", "ND three"]));
        events.push(finish(None, FinishReason::End));
        let mut filter = stops(&["END"]);
        let mut told = Vec::new();
        for event in events {
            let mut batch = vec![event];
            filter.events(&mut batch);
            told.append(&mut batch);
        }
        let mut expected = text(0, &["one ", "EN"]);
        expected.extend(text(1, &["D two "]));
        expected.push(finish(Some("END"), FinishReason::StopSequence));
        assert_eq!(told, expected);
    }

    #[test]
    fn reasoning_and_arguments_are_not_searched() {
        let at = PartIndex::default();
        let call = PartHead::ToolCall {
            id: EscapedStr::from_static("c"),
            name: EscapedStr::from_static("f"),
            namespace: None,
            free: false,
        };
        for head in [PartHead::Reasoning(crate::canon::ReasoningForm::Full), call] {
            let mut events = vec![
                Event::PartStart { at, head },
                Event::Delta {
                    at,
                    text: EscapedStr::from_static("an END here"),
                },
                Event::PartEnd { at },
            ];
            let before = events.clone();
            let mut filter = stops(&["END"]);
            filter.events(&mut events);
            assert_eq!(events, before);
            assert!(!filter.is_stopped());
        }
    }
}
