//! Checks that this program translates correctly: clients of every dialect against the demo in
//! every dialect.
//!
//! The cases (`*.cases`) are literals, written by the wire references: no codec of ours makes or
//! reads an expectation. The caller provides what serves the requests.

mod case;
mod compare;

use bytes::Bytes;
use http::{Request, Response};

use crate::canon::{Dialect, Fault};
use crate::protocol::{
    anthropic, gemini, ollama, openai_chat, openai_completions, openai_responses,
};
use crate::provider::dialects;
use case::{Case, Expected};

/// The response to a request with its whole body, or the reason why there is none.
pub type Answered = Result<Response<Bytes>, Fault>;

/// Serves requests (their URIs are paths alone) in order, with nothing but the demo behind.
pub type Exchange<'a> = &'a dyn Fn(Vec<Request<Bytes>>) -> Result<Vec<Answered>, Fault>;

/// The cases of each client dialect; a test names a dialect without them.
const CASES: [(Dialect, &str); 6] = [
    (openai_chat::DIALECT, include_str!("openai_chat.cases")),
    (
        openai_completions::DIALECT,
        include_str!("openai_completions.cases"),
    ),
    (
        openai_responses::DIALECT,
        include_str!("openai_responses.cases"),
    ),
    (anthropic::DIALECT, include_str!("anthropic.cases")),
    (gemini::DIALECT, include_str!("gemini.cases")),
    (ollama::DIALECT, include_str!("ollama.cases")),
];

/// The result of a run.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Report {
    pub cases: usize,
    pub failed: usize,
    pub pairs: Vec<Pair>,
}

/// The cases of one client dialect through one upstream dialect.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Pair {
    pub client: &'static str,
    pub upstream: &'static str,
    pub cases: usize,
    pub failures: Vec<Failure>,
}

/// The first difference in one case.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Failure {
    pub case: &'static str,
    #[serde(flatten)]
    pub mismatch: Mismatch,
}

/// What was expected at a position, and what was found there.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Mismatch {
    /// `status`, a header's name, or a position in the body: `record 3: choices[0].delta.content`.
    pub at: String,
    pub expected: String,
    pub found: String,
}

/// One case through one upstream dialect.
struct Trial {
    client: &'static str,
    upstream: &'static str,
    case: &'static str,
    request: Request<Bytes>,
    expected: Expected,
}

/// Runs every case through every upstream dialect that it names.
///
/// # Errors
/// When the requests cannot be served at all.
pub fn run(exchange: Exchange<'_>) -> Result<Report, Fault> {
    let trials = trials();
    let answers = exchange(trials.iter().map(|trial| trial.request.clone()).collect())?;
    let results: Vec<(&Trial, Option<Mismatch>)> = trials
        .iter()
        .zip(&answers)
        .map(|(trial, answered)| (trial, compare::check(&trial.expected, answered).err()))
        .collect();
    let failed = results
        .iter()
        .filter(|(_, mismatch)| mismatch.is_some())
        .count();
    // An answer that never came is no success.
    let unanswered = trials.len() - results.len();
    Ok(Report {
        cases: trials.len(),
        failed: failed + unanswered,
        pairs: pairs(&results),
    })
}

fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for (client, text) in CASES {
        for case in case::read(text) {
            trials.extend(trials_of(client.name(), &case));
        }
    }
    trials
}

fn trials_of(client: &'static str, case: &Case) -> Vec<Trial> {
    let upstreams = dialects().map(|dialect| dialect.name());
    let trial = |upstream| {
        let expected = case.expected(upstream)?;
        Some(Trial {
            client,
            upstream,
            case: case.name,
            request: case.request(upstream),
            expected,
        })
    };
    upstreams.filter_map(trial).collect()
}

fn pairs(results: &[(&Trial, Option<Mismatch>)]) -> Vec<Pair> {
    let mut pairs: Vec<Pair> = Vec::new();
    for (trial, mismatch) in results {
        let known = pairs
            .iter()
            .position(|pair| (pair.client, pair.upstream) == (trial.client, trial.upstream));
        let index = known.unwrap_or_else(|| {
            pairs.push(Pair {
                client: trial.client,
                upstream: trial.upstream,
                cases: 0,
                failures: Vec::new(),
            });
            pairs.len() - 1
        });
        let pair = &mut pairs[index];
        pair.cases += 1;
        pair.failures
            .extend(mismatch.clone().map(|mismatch| Failure {
                case: trial.case,
                mismatch,
            }));
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol;

    #[test]
    fn every_client_dialect_meets_every_upstream_dialect() {
        let trials = trials();
        for client in protocol::ALL
            .iter()
            .map(|protocol| protocol.dialect().name())
        {
            assert!(
                CASES.iter().any(|(dialect, _)| dialect.name() == client),
                "{client} has no cases: add `{client}.cases` and its line in `CASES`"
            );
            for upstream in dialects() {
                let is_pair =
                    |trial: &&Trial| (trial.client, trial.upstream) == (client, upstream.name());
                assert!(
                    trials.iter().filter(is_pair).count() >= 4,
                    "{client} -> {upstream}"
                );
            }
        }
    }

    #[test]
    fn an_answer_that_is_not_as_expected_is_reported_with_its_place() {
        let empty = |requests: Vec<Request<Bytes>>| {
            Ok(requests
                .iter()
                .map(|_| Ok(Response::new(Bytes::new())))
                .collect())
        };
        let report = run(&empty).unwrap();
        assert_eq!(report.failed, report.cases);
        let first = &report.pairs[0].failures[0];
        assert_eq!(
            (first.case, first.mismatch.at.as_str()),
            ("text", "content-type")
        );
    }

    #[test]
    fn requests_without_an_answer_count_as_failed() {
        let report = run(&|_| Ok(Vec::new())).unwrap();
        assert_eq!(report.failed, report.cases);
        assert!(run(&|_| Err(Fault::internal("no port"))).is_err());
    }
}
