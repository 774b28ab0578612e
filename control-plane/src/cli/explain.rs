//! What became of one request, line by line.

use serde::Serialize;

use super::exit_code::{DONE, FAILED};
use super::{ExitCode, Session, bodies};
use crate::control::body_facts::RequestBodies;
use crate::control::cost::CostAccount;
use crate::control::explain::{
    AttemptFacts, ConversationFacts, Explanation, NextFacts, PassedOverFacts,
};
use crate::control::verbs::{Explain, ExplainBodies, Resend};
use crate::status::rfc3339;

/// An explanation with the request's bodies.
#[derive(Serialize)]
struct WithBodies<'e> {
    #[serde(flatten)]
    explanation: &'e Explanation,
    bodies: &'e RequestBodies,
}

pub(super) fn explain(session: &mut Session<'_>, id: String, with_bodies: bool) -> ExitCode {
    let explanation = session.call(Explain { id: id.clone() })?;
    let mut shown = lines(&explanation);
    if !with_bodies {
        session.out.facts(&explanation, shown);
        return Ok(DONE);
    }
    let bodies = session.call(ExplainBodies { id })?;
    shown.extend(bodies::lines(&bodies));
    let facts = WithBodies {
        explanation: &explanation,
        bodies: &bodies,
    };
    session.out.facts(&facts, shown);
    Ok(DONE)
}

/// The command that sends the request again, as it is for a shell.
pub(super) fn curl(session: &mut Session<'_>, id: String) -> ExitCode {
    let bodies = session.call(ExplainBodies { id })?;
    let Some(command) = &bodies.curl else {
        session.out.error(
            "its body is not kept; of later requests it is with `aerostat records bodies all --for 15m`",
        );
        return Ok(FAILED);
    };
    let facts = serde_json::json!({ "curl": command });
    session
        .out
        .facts(&facts, command.lines().map(str::to_owned));
    Ok(DONE)
}

pub(super) fn resend(session: &mut Session<'_>, id: String) -> ExitCode {
    let resent = session.call(Resend { id })?;
    let line = format!(
        "request {} was answered with {}; `aerostat explain {}` says more",
        resent.id, resent.status, resent.id
    );
    session.out.facts(&resent, [line]);
    Ok(DONE)
}

fn lines(explanation: &Explanation) -> Vec<String> {
    let Explanation {
        id,
        operation,
        model,
        dialect,
        ..
    } = explanation;
    let received_at = rfc3339(explanation.received_at);
    let kind = if explanation.stream {
        " (a stream)"
    } else {
        ""
    };
    let mut lines = vec![format!(
        "request {id} at {received_at}: {operation} of `{model}` in {dialect}{kind}"
    )];
    if !explanation.resolution.to_string().is_empty() {
        lines.push(format!("model: {}", explanation.resolution));
    }
    let numbered = explanation.candidates.iter().enumerate();
    lines
        .extend(numbered.map(|(index, candidate)| format!("candidate {}: {candidate}", index + 1)));
    lines.extend(explanation.passed_over.iter().map(passed_over));
    let numbered = explanation.attempts.iter().enumerate();
    lines.extend(
        numbered.map(|(index, attempt)| format!("attempt {}: {}", index + 1, tried(attempt))),
    );
    lines.push(ended(explanation));
    lines.extend(
        explanation
            .repeats
            .iter()
            .map(|first| format!("it sent request {first} again")),
    );
    lines.extend(list("dropped", &explanation.dropped));
    lines.extend(list("adjusted", &explanation.adjusted));
    lines.extend(explanation.cost.as_ref().and_then(cost));
    lines.extend(explanation.conversation.as_ref().map(conversation));
    lines.extend(explanation.why.iter().map(|why| format!("why: {why}")));
    lines.extend(
        explanation
            .advice
            .iter()
            .map(|advice| format!("what to do: {advice}")),
    );
    lines
}

fn passed_over(passed: &PassedOverFacts) -> String {
    match &passed.account {
        Some(account) => format!(
            "passed over: account `{account}` for {}: {}",
            passed.candidate, passed.why
        ),
        None => format!("passed over: {}: {}", passed.candidate, passed.why),
    }
}

fn tried(attempt: &AttemptFacts) -> String {
    let account = attempt
        .account
        .as_ref()
        .map(|account| format!(" as `{account}`"))
        .unwrap_or_default();
    let waited = if attempt.waited_ms > 0 {
        format!(", after {} ms of waiting", attempt.waited_ms)
    } else {
        String::new()
    };
    let until = attempt
        .until
        .map(|until| format!(" until {}", rfc3339(until)))
        .unwrap_or_default();
    let detail = attempt
        .detail
        .as_ref()
        .map(|detail| format!(" ({detail})"))
        .unwrap_or_default();
    // What follows an attempt is the next line, but for what was held back.
    let is_held_back = |step: &&NextFacts| matches!(&*step.next, "not_repeated" | "body_gone");
    let held_back = attempt.next_step.as_ref().filter(is_held_back);
    let held_back = held_back
        .and(attempt.next.as_ref())
        .map(|why| format!("; {why}"))
        .unwrap_or_default();
    let AttemptFacts {
        provider,
        model,
        took_ms,
        outcome,
        ..
    } = attempt;
    format!(
        "{provider}/{model}{account}{waited}: {outcome}{until}{detail}, {took_ms} ms{held_back}"
    )
}

fn ended(explanation: &Explanation) -> String {
    let took = explanation.took_ms;
    match (&explanation.fault, explanation.status) {
        (_, 0) => format!("the client left after {took} ms"),
        (None, status) => format!("the client got {status} in {took} ms"),
        (Some(fault), status) => format!("the client got {status} in {took} ms: {fault}"),
    }
}

/// What it cost, where it cost something or may have.
fn cost(account: &CostAccount) -> Option<String> {
    let text = &account.cost.text;
    if let Some(missing) = &account.cost.missing {
        return Some(format!("cost: {text}; {missing}"));
    }
    let price = account.price.as_ref()?;
    let source = match price.source.as_str() {
        "charged" => return Some(format!("cost: {text}, as the provider says")),
        "own" => "prices.toml".to_owned(),
        "list" => format!("list of {}", price.list_of.as_deref().unwrap_or_default()),
        _ => return None,
    };
    let products = account.text.as_ref()?;
    Some(format!("cost: {text} = {products} ({source})"))
}

fn conversation(facts: &ConversationFacts) -> String {
    let position = facts
        .position
        .map_or("beyond 1,000".to_owned(), |position| position.to_string());
    let changed = if facts.account_changed {
        "; the account changed here"
    } else {
        ""
    };
    format!("conversation: {position} of {}{changed}", facts.requests)
}

fn list(what: &str, names: &[String]) -> Option<String> {
    (!names.is_empty()).then(|| format!("{what}: {}", names.join(", ")))
}
