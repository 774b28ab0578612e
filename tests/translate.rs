//! Requests through the real program: what each upstream gets of what a client of another dialect
//! wrote, and what is said of the rest.
//!
//! `fixtures/requests/<dialect>/<case>.json` is a client's body; `<case>.golden` beside it says
//! what became of it toward every other dialect, read against the references by eye.
//! `UPDATE_GOLDENS=1` writes them anew. A new fixture needs no code. Texts with `zq` and two
//! digits, and numbers with `700` and two digits, mark values whose way is followed.

mod golden;
mod marks;

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::Dialect;
use crate::support::lab::{AnswerForm, Exchanged, Lab, generate};
use crate::support::raw::Request;
use crate::support::upstream::Script;

/// The upstreams: a model each, and a second one where the generations of a dialect's models want
/// different words.
const TARGETS: [(Dialect, &str); 6] = [
    (Dialect::Chat, "gpt-5"),
    (Dialect::Responses, "gpt-5"),
    (Dialect::Anthropic, "claude-sonnet-4-5"),
    (Dialect::Anthropic, "claude-opus-4-6"),
    (Dialect::Gemini, "gemini-2.5-flash"),
    (Dialect::Gemini, "gemini-3-pro-preview"),
];

/// A client's request.
pub(crate) struct Case {
    pub(crate) dialect: Dialect,
    file: PathBuf,
    body: String,
}

/// What became of it at one upstream.
pub(crate) struct Outcome {
    /// The name that the client asked for.
    pub(crate) model: String,
    pub(crate) exchanged: Exchanged,
}

pub(crate) fn cases() -> Vec<Case> {
    Dialect::ALL.into_iter().flat_map(cases_of).collect()
}

fn cases_of(dialect: Dialect) -> Vec<Case> {
    let folder: PathBuf = [
        env!("CARGO_MANIFEST_DIR"),
        "tests/fixtures/requests",
        dialect.name(),
    ]
    .iter()
    .collect();
    let files = std::fs::read_dir(folder).expect("every dialect has a folder of requests");
    let mut files: Vec<_> = files
        .map(|file| file.expect("the folder can be read").path())
        .filter(|file| is_json(file))
        .collect();
    files.sort();
    let read = |file: PathBuf| Case {
        dialect,
        body: std::fs::read_to_string(&file).expect("the file can be read"),
        file,
    };
    files.into_iter().map(read).collect()
}

fn is_json(file: &Path) -> bool {
    file.extension()
        .is_some_and(|extension| extension == "json")
}

impl Case {
    pub(crate) fn body(&self) -> &str {
        &self.body
    }

    pub(crate) fn name(&self) -> String {
        format!(
            "{}/{}",
            self.dialect.name(),
            self.file.file_stem().unwrap_or_default().to_string_lossy()
        )
    }

    /// Lone surrogates are legal JSON that the scripted upstream cannot read.
    fn is_lenient(&self) -> bool {
        self.name().ends_with("/lone_surrogates")
    }

    /// Sends it to every upstream of another dialect.
    pub(crate) async fn outcomes(&self, lab: &Lab, form: AnswerForm) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        for (target, model) in TARGETS
            .into_iter()
            .filter(|(target, _)| *target != self.dialect)
        {
            let model = format!("{}/{model}", target.name());
            if self.is_lenient() {
                lab.upstream.answer(Script::text().lenient());
            }
            let request = generate(self.dialect, &model, &self.body, form);
            outcomes.push(Outcome {
                exchanged: lab.send(&request).await,
                model,
            });
        }
        outcomes
    }
}

impl Outcome {
    /// The names in a header of losses.
    fn named(&self, header: &str) -> Vec<&str> {
        let names = self
            .exchanged
            .answer
            .header(header)
            .unwrap_or_default()
            .split(", ");
        names.filter(|name| !name.is_empty()).collect()
    }

    /// What was dropped or approximated; what the target demanded is no loss.
    fn losses(&self) -> Vec<&str> {
        let dropped = self.named("x-aerostat-dropped").into_iter();
        dropped
            .chain(
                self.named("x-aerostat-adjusted")
                    .into_iter()
                    .filter_map(|name| name.strip_prefix('~')),
            )
            .collect()
    }
}

/// Every request toward every upstream, all at once: the goldens, and that nothing is lost or named
/// wrongly.
#[tokio::test]
async fn requests_become_what_the_goldens_say_and_every_loss_is_named() {
    let lab = Lab::start().await;
    let mut complaints = Vec::new();
    for case in cases() {
        let outcomes = case.outcomes(&lab, AnswerForm::Whole).await;
        complaints.extend(golden::compare(&case, &outcomes));
        complaints.extend(
            outcomes
                .iter()
                .flat_map(|outcome| marks::untrue(&case, outcome)),
        );
    }
    let refusals: Vec<_> = lab
        .upstream
        .refusals()
        .iter()
        .map(|refusal| format!("refused upstream: {refusal:?}"))
        .collect();
    complaints.extend(refusals);
    assert!(
        complaints.is_empty(),
        "{} complaints:\n{}",
        complaints.len(),
        complaints.join("\n")
    );
}

/// `translation = "strict"`: what loses nothing goes as it goes, all else is a 400 that names a
/// path of it.
#[tokio::test]
async fn strict_translation_refuses_exactly_what_would_lose_something() {
    let (lenient, strict) = (
        Lab::start().await,
        Lab::with("translation = \"strict\"").await,
    );
    for case in cases() {
        for (outcome, strictly) in case
            .outcomes(&lenient, AnswerForm::Whole)
            .await
            .iter()
            .zip(case.outcomes(&strict, AnswerForm::Whole).await)
        {
            let what = format!("{} -> {}", case.name(), outcome.model);
            let lost = outcome.losses();
            let (answer, strict_answer) = (&outcome.exchanged.answer, &strictly.exchanged.answer);
            let sent = |outcome: &Outcome| {
                outcome
                    .exchanged
                    .received
                    .as_ref()
                    .map(|received| received.body.clone())
            };
            if lost.is_empty() {
                assert_eq!(
                    (answer.status, sent(outcome)),
                    (strict_answer.status, sent(&strictly)),
                    "{what}"
                );
                continue;
            }
            assert_eq!(
                (strict_answer.status, sent(&strictly)),
                (400, None),
                "{what}: {lost:?}"
            );
            let message = strict_answer.text();
            assert!(
                lost.iter().any(|path| message.contains(path)),
                "{what}: {lost:?} in {message}"
            );
        }
    }
}

/// A request that is no generation: where it goes, what the upstream gets, and what the client is
/// told.
struct Other {
    target: &'static str,
    body: &'static str,
    path: &'static str,
    sent: &'static str,
    told: &'static str,
}

/// Counts and embeddings have few fields: the literal bodies say all.
#[tokio::test]
async fn counts_and_embeddings_are_translated() {
    let others = [
        Other {
            target: "/v1/messages/count_tokens",
            body: r#"{"model":"openai_responses/gpt-5","system":"Rule","messages":[{"role":"user","content":"hi"}]}"#,
            path: "/v1/responses/input_tokens",
            sent: r#"{"model":"gpt-5","instructions":"Rule","input":[{"type":"message","role":"user","content":[{"type":"input_text","text":"hi"}]}]}"#,
            told: "/input_tokens",
        },
        Other {
            target: "/v1/messages/count_tokens",
            body: r#"{"model":"gemini/gemini-2.5-flash","messages":[{"role":"user","content":"hi"}]}"#,
            path: "/v1beta/models/gemini-2.5-flash:countTokens",
            sent: r#"{"generateContentRequest":{"model":"models/gemini-2.5-flash","contents":[{"role":"user","parts":[{"text":"hi"}]}]}}"#,
            told: "/input_tokens",
        },
        Other {
            target: "/v1beta/models/anthropic/claude-sonnet-4-5:countTokens",
            body: r#"{"contents":[{"parts":[{"text":"hi"}]}]}"#,
            path: "/v1/messages/count_tokens",
            sent: r#"{"model":"claude-sonnet-4-5","messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}]}"#,
            told: "/totalTokens",
        },
        Other {
            target: "/v1/responses/input_tokens",
            body: r#"{"model":"anthropic/claude-sonnet-4-5","input":"hi"}"#,
            path: "/v1/messages/count_tokens",
            sent: r#"{"model":"claude-sonnet-4-5","messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}]}"#,
            told: "/input_tokens",
        },
        Other {
            target: "/v1/embeddings",
            body: r#"{"model":"gemini/gemini-embedding-001","input":"hi","dimensions":3}"#,
            path: "/v1beta/models/gemini-embedding-001:embedContent",
            sent: r#"{"model":"models/gemini-embedding-001","content":{"parts":[{"text":"hi"}]},"outputDimensionality":3}"#,
            told: "/data/0/embedding/0",
        },
        Other {
            target: "/v1beta/models/openai_chat/text-embedding-3-small:embedContent",
            body: r#"{"content":{"parts":[{"text":"hi"}]},"outputDimensionality":3}"#,
            path: "/v1/embeddings",
            sent: r#"{"model":"text-embedding-3-small","input":"hi","dimensions":3}"#,
            told: "/embedding/values/0",
        },
        Other {
            target: "/v1beta/models/openai_chat/text-embedding-3-small:batchEmbedContents",
            body: r#"{"requests":[{"model":"models/m","content":{"parts":[{"text":"a"}]}},{"model":"models/m","content":{"parts":[{"text":"b"}]}}]}"#,
            path: "/v1/embeddings",
            sent: r#"{"model":"text-embedding-3-small","input":["a","b"]}"#,
            told: "/embeddings/1/values/0",
        },
    ];
    let lab = Lab::start().await;
    for other in &others {
        let exchanged = lab.send(&Request::post(other.target, other.body)).await;
        let (answer, received) = (
            &exchanged.answer,
            exchanged.received.as_ref().expect("the upstream is asked"),
        );
        let sent: Value = serde_json::from_str(other.sent).expect("the expectation is JSON");
        assert_eq!(
            (received.path.as_str(), received.json()),
            (other.path, sent),
            "{} {}",
            other.target,
            other.body
        );
        assert!(
            answer
                .json()
                .pointer(other.told)
                .is_some_and(Value::is_number),
            "{}: {}",
            other.target,
            answer.text()
        );
    }
    lab.upstream.assert_nothing_refused();
}

#[tokio::test]
async fn figures_that_the_upstream_of_vectors_does_not_give_are_named() {
    let lab = Lab::start().await;
    let body = r#"{"model":"gemini/gemini-embedding-001","input":"hi"}"#;
    let answer = lab
        .send(&Request::post("/v1/embeddings", body))
        .await
        .answer;
    assert_eq!(
        (
            &answer.json()["usage"]["total_tokens"],
            answer.header("x-aerostat-dropped")
        ),
        (&0.into(), Some("usage"))
    );
}

#[tokio::test]
async fn an_upstream_that_counts_nothing_is_spared_and_the_estimate_is_marked() {
    let lab = Lab::start().await;
    let body = r#"{"model":"openai_chat/gpt-4.1","messages":[{"role":"user","content":"hi"}]}"#;
    let exchanged = lab
        .send(&Request::post("/v1/messages/count_tokens", body))
        .await;
    assert!(exchanged.received.is_none());
    assert!(
        exchanged.answer.json()["input_tokens"].is_u64(),
        "{}",
        exchanged.answer.text()
    );
    assert_eq!(
        exchanged.answer.header("x-aerostat-adjusted"),
        Some("~input_tokens")
    );
}
