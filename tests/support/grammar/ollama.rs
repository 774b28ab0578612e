//! Ollama's own API. Source: Ollama, `docs/api.md`, "Generate a chat completion", "Generate a
//! completion" and "Errors"; `api/types.go`.

use super::node::{Constants, Node};
use super::{Broken, Call, Checked, Choice, Ending, Folded, Rule, Summary, Usage};

const REASONS: &[&str] = &["stop", "length", "content_filter"];

/// An object a line.
pub(super) fn stream(body: &[u8]) -> Checked<Summary> {
    let text = match std::str::from_utf8(body) {
        Ok(text) => text,
        // A cut may fall inside a character; everything before it has to be valid.
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&body[..error.valid_up_to()]).expect("valid up to here")
        }
        Err(_) => return Err(broken(0, Rule::NotJson)),
    };
    let mut answer = Answer::default();
    let mut ending = Ending::Cut;
    let (mut records, mut keep_alives) = (0, 0);
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let Some(line) = line.strip_suffix('\n') else {
            // Torn.
            break;
        };
        let at = format!("record {index}");
        let value = super::json::parse(line.as_bytes(), &at)?;
        let record = Node::root(&value, &at);
        record.require(value.is_object(), Rule::Kind)?;
        record.require(ending == Ending::Cut, Rule::AfterEnd)?;
        if record.child("error").is_some() {
            ending = failure(&record)?;
        } else if !answer.take(&record)? {
            keep_alives += 1;
            continue;
        } else if value["done"] == true {
            ending = Ending::Success;
        }
        records += 1;
    }
    Ok(Summary {
        ending,
        folded: answer.folded(),
        records,
        keep_alives,
    })
}

pub(super) fn answer(body: &Node<'_>) -> Checked<(Ending, Folded)> {
    let mut answer = Answer::default();
    answer.take(body)?;
    body.require(body.value["done"] == true, Rule::Unfinished)?;
    Ok((Ending::Success, answer.folded()))
}

/// An error has its text and nothing else.
pub(super) fn failure(body: &Node<'_>) -> Checked<Ending> {
    let message = body.filled("error")?.to_owned();
    let members = body.value.as_object().map_or(0, serde_json::Map::len);
    body.require(members == 1, Rule::Kind)?;
    Ok(Ending::Failed {
        kind: "error".to_owned(),
        message,
    })
}

fn broken(index: usize, rule: Rule) -> Broken {
    Broken {
        rule,
        at: format!("record {index}"),
    }
}

/// What the records of one answer said so far.
#[derive(Debug, Default)]
struct Answer {
    head: Constants,
    /// Whether the records have a `response` rather than a `message`.
    is_prompt: Option<bool>,
    choice: Choice,
    usage: Option<Usage>,
}

impl Answer {
    /// Whether the record says something.
    fn take(&mut self, record: &Node<'_>) -> Checked<bool> {
        self.head.check(record, &["model", "created_at"])?;
        let created_at = record.filled("created_at")?;
        let is_time = created_at.contains('T') && created_at.ends_with('Z');
        record.need("created_at")?.require(is_time, Rule::Kind)?;
        let is_prompt = record.child("response").is_some();
        let same = *self.is_prompt.get_or_insert(is_prompt) == is_prompt;
        record.require(same, Rule::Constant)?;
        let says = if is_prompt {
            self.content(record, "response")?
        } else {
            let message = record.object("message")?;
            message.word("role", &["assistant"])?;
            self.content(&message, "content")?
        };
        let logprobs = record.optional_list("logprobs")?;
        for token in &logprobs {
            token.text("token")?;
            token.need("logprob")?;
        }
        let done = record.need("done")?;
        let is_done = done
            .value
            .as_bool()
            .ok_or_else(|| done.broken(Rule::Kind))?;
        if is_done {
            self.end(record)?;
        } else {
            for key in ["done_reason", "total_duration", "eval_count"] {
                record.require(record.child(key).is_none(), Rule::Order)?;
            }
        }
        Ok(says || is_done || !logprobs.is_empty())
    }

    fn content(&mut self, holder: &Node<'_>, key: &str) -> Checked<bool> {
        let text = holder.text(key)?;
        self.choice.text.push_str(text);
        let thinking = holder.optional("thinking")?;
        if let Some(thinking) = thinking {
            holder.require(!thinking.is_empty(), Rule::Empty)?;
            self.choice.reasoning.push_str(thinking);
        }
        let images = holder.optional_list("images")?;
        for image in &images {
            image.require(!image.as_text()?.is_empty(), Rule::Empty)?;
        }
        let calls = holder.optional_list("tool_calls")?;
        for call in &calls {
            self.call(call)?;
        }
        Ok(!text.is_empty() || thinking.is_some() || !calls.is_empty() || !images.is_empty())
    }

    fn call(&mut self, call: &Node<'_>) -> Checked {
        let function = call.object("function")?;
        let index = function.integer("index")?;
        function.require(index == self.choice.calls.len() as u64, Rule::Index)?;
        self.choice.calls.push(Call {
            id: Some(call.filled("id")?.to_owned()),
            name: function.filled("name")?.to_owned(),
            namespace: None,
            input: function.object("arguments")?.value.clone(),
        });
        Ok(())
    }

    fn end(&mut self, record: &Node<'_>) -> Checked {
        self.choice.finish = Some(record.word("done_reason", REASONS)?.to_owned());
        for key in ["total_duration", "load_duration", "eval_duration"] {
            record.count(key)?;
        }
        let (input, output) = (
            record.count("prompt_eval_count")?,
            record.count("eval_count")?,
        );
        let cache_read = record.count("prompt_eval_cached_count")?;
        record.require(
            cache_read.unwrap_or(0) <= input.unwrap_or(u64::MAX),
            Rule::Usage,
        )?;
        if input.is_some() || output.is_some() {
            self.usage = Some(Usage {
                input,
                output,
                cache_read,
                ..Usage::default()
            });
        }
        Ok(())
    }

    fn folded(self) -> Folded {
        Folded {
            id: String::new(),
            model: self.head.text(0),
            choices: vec![self.choice],
            usage: self.usage,
        }
    }
}
