//! OpenAI's legacy Completions. Source: OpenAI Chat reference, "POST /v1/completions (legacy)".

use std::collections::BTreeMap;

use super::chat::{Choices, Chunks, folded, head};
use super::node::Node;
use super::sse::Stream;
use super::{Checked, Choice, Ending, Folded, Rule, Summary};

const OBJECT: &str = "text_completion";
const FINISHES: &[&str] = &["stop", "length", "content_filter"];

pub(super) fn stream(stream: &Stream<'_>) -> Checked<Summary> {
    Chunks::default().read(stream, OBJECT, Texts::default())
}

#[derive(Debug, Default)]
struct Texts(BTreeMap<u64, Choice>);

impl Choices for Texts {
    /// The finish may come with the last text or without any.
    fn take(&mut self, choice: &Node<'_>) -> Checked {
        let index = choice.integer("index")?;
        choice.require(index <= self.0.len() as u64, Rule::Index)?;
        let whole = self.0.entry(index).or_default();
        choice.require(whole.finish.is_none(), Rule::AfterEnd)?;
        choice.nullable("logprobs")?;
        let text = choice.text("text")?;
        if choice.nullable("finish_reason")?.is_some() {
            whole.finish = Some(choice.word("finish_reason", FINISHES)?.to_owned());
        }
        choice.require(!text.is_empty() || whole.finish.is_some(), Rule::Empty)?;
        whole.text.push_str(text);
        Ok(())
    }

    fn all_finished(&self) -> bool {
        !self.0.is_empty() && self.0.values().all(|choice| choice.finish.is_some())
    }

    fn into_choices(self) -> Vec<Choice> {
        self.0.into_values().collect()
    }
}

pub(super) fn answer(body: &Node<'_>) -> Checked<(Ending, Folded)> {
    let choices = head(body, OBJECT)?
        .iter()
        .map(text)
        .collect::<Checked<_>>()?;
    Ok((Ending::Success, folded(body, choices)?))
}

fn text(choice: &Node<'_>) -> Checked<Choice> {
    choice.nullable("logprobs")?;
    let finish = Some(choice.word("finish_reason", FINISHES)?.to_owned());
    Ok(Choice {
        text: choice.text("text")?.to_owned(),
        finish,
        ..Choice::default()
    })
}
