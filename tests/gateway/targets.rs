//! What a target refuses is never sent to it: it is made to fit and named, or it is a 400 that says
//! which tool and where.

use serde_json::{Value, json};

use super::{Bench, own_model, smallest, target};
use crate::support::Dialect::{self, Anthropic, Chat, Gemini, Responses};
use crate::support::raw::Answer;
use crate::support::upstream::Script;

/// What became of one request.
struct Sent {
    answer: Answer,
    /// What the upstream received, if the request came that far.
    body: Option<Value>,
}

impl Sent {
    fn message(&self) -> String {
        let message = &self.answer.json()["error"]["message"];
        message.as_str().unwrap_or_default().to_owned()
    }
}

/// Sends a request of that dialect's client for the model of the upstream's.
async fn send(bench: &Bench, from: Dialect, model: &str, more: Value) -> Sent {
    let mut body = smallest(from, model, false);
    let members = more.as_object().expect("members").clone();
    body.as_object_mut().expect("a body").extend(members);
    bench.upstream.answer(Script::text());
    let before = bench.upstream.requests().len();
    let path = target(from, model, false);
    let answer = bench.agent.post(&path, body.to_string()).await;
    let received = bench.upstream.requests().into_iter().nth(before);
    let read = |body: &[u8]| serde_json::from_slice(body).expect("a request is JSON");
    Sent {
        answer,
        body: received.map(|received| read(&received.body)),
    }
}

fn functions(count: usize) -> Value {
    let parameters = json!({"type": "object", "properties": {"a": {"type": "string"}}});
    let function =
        |n| json!({"name": format!("t{n}"), "description": "d", "input_schema": parameters});
    (0..count).map(function).collect()
}

#[tokio::test]
async fn more_tools_than_a_target_takes_are_refused_by_the_first_of_them() {
    let bench = Bench::new().await;
    for (upstream, max) in [(Chat, 128), (Responses, 128), (Gemini, 512)] {
        let model = own_model(upstream);
        let fitting = send(&bench, Anthropic, &model, json!({"tools": functions(max)})).await;
        assert_eq!(fitting.answer.status, 200, "{upstream:?}");
        let more = send(
            &bench,
            Anthropic,
            &model,
            json!({"tools": functions(max + 1)}),
        )
        .await;
        assert_eq!(more.answer.status, 400, "{upstream:?}");
        let (first, path) = (format!("`t{max}`"), format!("tools[{max}]"));
        let message = more.message();
        assert!(
            message.contains(&first) && message.contains(&path),
            "{message}"
        );
    }
}
