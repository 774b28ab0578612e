//! Encodes how much the model shall think: `thinkingConfig`.
//!
//! Source: Gemini API, `ThinkingConfig`, "Thinking" (levels and budgets).

use super::models::{Budgets, Thinking};
use crate::canon::{Effort, Located, Losses, Offset, Reasoning, ReasoningDisplay, ReasoningMode};
use crate::json::{self, Object, Raw};
use crate::protocol::efforts;

pub(super) fn write_thinking(
    reasoning: &Located<Reasoning>,
    thinking: Thinking,
    config: &mut Object<'_>,
    losses: &mut Losses,
) {
    let asked = &reasoning.value;
    efforts::overruled(asked)
        .into_iter()
        .for_each(|at| losses.dropped(at));
    let steered = json::value(|value| {
        value.object(|object| {
            let may_show = match thinking {
                Thinking::Level { least } => write_level(reasoning, least, object, losses),
                Thinking::Budget(budgets) => write_budget(reasoning, budgets, object, losses),
                Thinking::None => note_no_thinking(reasoning, losses),
            };
            match &asked.display {
                Some(show) if may_show => write_show(show, object, losses),
                Some(show) if show.value != ReasoningDisplay::No => losses.dropped(show.at),
                _ => {}
            }
        });
    });
    if steered.as_str() != "{}" {
        config.raw("thinkingConfig", &steered);
    }
}

fn note_no_thinking(reasoning: &Located<Reasoning>, losses: &mut Losses) -> bool {
    if reasoning.value.mode != ReasoningMode::Off {
        losses.dropped(at_of(reasoning));
    }
    false
}

/// The place of the field that says how much.
fn at_of(reasoning: &Located<Reasoning>) -> Offset {
    let asked = &reasoning.value;
    let effort = asked.effort.as_ref().map(|effort| effort.at);
    effort
        .or(asked.budget_tokens.as_ref().map(|budget| budget.at))
        .unwrap_or(reasoning.at)
}

/// Writes `thinkingLevel`; whether thoughts may be shown.
fn write_level(
    reasoning: &Located<Reasoning>,
    least: &str,
    object: &mut Object<'_>,
    losses: &mut Losses,
) -> bool {
    let asked = &reasoning.value;
    let level = match (&asked.effort, &asked.budget_tokens, asked.mode) {
        (_, _, ReasoningMode::Off) => "MINIMAL",
        (Some(effort), _, _) => efforts::row(effort.value).gemini_level,
        (None, Some(_), _) => {
            efforts::row(asked.budget_effort.unwrap_or(Effort::Medium)).gemini_level
        }
        _ => return true,
    };
    let level = if level == "MINIMAL" { least } else { level };
    let is_exact = asked
        .effort
        .as_ref()
        .is_some_and(|effort| efforts::from_gemini_level(level) == Some(effort.value));
    if !is_exact {
        losses.adjusted(at_of(reasoning));
    }
    if asked.effort.is_some() {
        asked
            .budget_tokens
            .iter()
            .for_each(|budget| losses.dropped(budget.at));
    }
    object.str("thinkingLevel", level);
    true
}

/// Writes `thinkingBudget`; whether thoughts may be shown.
fn write_budget(
    reasoning: &Located<Reasoning>,
    budgets: Budgets,
    object: &mut Object<'_>,
    losses: &mut Losses,
) -> bool {
    let asked = &reasoning.value;
    let tokens = match (&asked.budget_tokens, &asked.effort, asked.mode) {
        (_, _, ReasoningMode::Off) => 0,
        (Some(budget), _, _) => budget.value,
        (None, Some(effort), _) => efforts::row(effort.value).gemini_budget,
        (None, None, ReasoningMode::Dynamic) => {
            object.raw("thinkingBudget", &Raw::from_static("-1"));
            return true;
        }
        _ => return true,
    };
    let is_off = tokens == 0 && budgets.may_be_off;
    let budget = if is_off {
        0
    } else {
        tokens.clamp(budgets.least, budgets.most)
    };
    let is_exact = budget == tokens && (is_off || asked.budget_tokens.is_some());
    if !is_exact {
        losses.adjusted(at_of(reasoning));
    }
    if asked.budget_tokens.is_some() {
        asked
            .effort
            .iter()
            .for_each(|effort| losses.dropped(effort.at));
    }
    object.u64("thinkingBudget", budget);
    !is_off
}

/// Gemini shows summaries and knows no degrees of them.
fn write_show(show: &Located<ReasoningDisplay>, object: &mut Object<'_>, losses: &mut Losses) {
    object.bool("includeThoughts", show.value != ReasoningDisplay::No);
    if matches!(&show.value, ReasoningDisplay::Summary(Some(level)) if *level != "auto") {
        losses.adjusted(show.at);
    }
}
