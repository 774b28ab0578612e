//! Encodes how much the model may think: `thinkingConfig`.
//!
//! Clients give a mode, an effort or a budget of tokens; a model takes a level (generation 3) or a
//! budget (2.5), and refuses the other:
//!
//! ```text
//!   the client's | Level                          | Budget
//!   -------------+--------------------------------+----------------------------------
//!   nothing      | -                              | -
//!   off          | the lowest level               | 0, or the smallest where the model
//!                |                                | cannot stop thinking
//!   an effort    | its level                      | the budget of the effort
//!   a budget     | the level of its nearest effort| that budget, within the range
//!   "dynamic"    | -                              | -1
//! ```
//!
//! Where both an effort and a budget are given, the one in the model's own form is written.
//!
//! Source: Gemini API, `ThinkingConfig`, "Thinking" (levels and budgets).

use super::models::{BudgetRange, ThinkingControl};
use crate::canon::{Effort, Located, Losses, Offset, Reasoning, ReasoningDisplay, ReasoningMode};
use crate::json::{self, Object, Raw};
use crate::protocol::efforts;

/// Writes `thinkingConfig` where there is anything in it.
pub(super) fn write_thinking(
    reasoning: &Located<Reasoning>,
    control: ThinkingControl,
    config: &mut Object<'_>,
    losses: &mut Losses,
) {
    if let Some(effort_at) = efforts::overruled(&reasoning.value) {
        losses.dropped(effort_at);
    }
    let thinking = json::value(|value| {
        value.object(|object| {
            let can_show = match control {
                ThinkingControl::Level { lowest } => write_level(reasoning, lowest, object, losses),
                ThinkingControl::Budget(range) => write_budget(reasoning, range, object, losses),
                ThinkingControl::Unsupported => {
                    if reasoning.value.mode != ReasoningMode::Off {
                        losses.dropped(amount_offset(reasoning));
                    }
                    false
                }
            };
            match &reasoning.value.display {
                Some(display) if can_show => write_display(display, object, losses),
                Some(display) if display.value != ReasoningDisplay::No => {
                    losses.dropped(display.at);
                }
                _ => {}
            }
        });
    });
    if thinking.as_str() != "{}" {
        config.raw("thinkingConfig", &thinking);
    }
}

/// Where the client says how much to think.
fn amount_offset(reasoning: &Located<Reasoning>) -> Offset {
    let Reasoning {
        effort,
        budget_tokens,
        ..
    } = &reasoning.value;
    match (effort, budget_tokens) {
        (Some(effort), _) => effort.at,
        (None, Some(budget)) => budget.at,
        (None, None) => reasoning.at,
    }
}

/// Writes `thinkingLevel`. Returns whether the model can show thoughts.
fn write_level(
    reasoning: &Located<Reasoning>,
    lowest: &str,
    object: &mut Object<'_>,
    losses: &mut Losses,
) -> bool {
    let requested = &reasoning.value;
    let level = match (&requested.effort, &requested.budget_tokens, requested.mode) {
        (_, _, ReasoningMode::Off) => "MINIMAL",
        (Some(effort), _, _) => efforts::row(effort.value).gemini_level,
        (None, Some(_), _) => {
            let effort = requested.budget_effort.unwrap_or(Effort::Medium);
            efforts::row(effort).gemini_level
        }
        (None, None, _) => return true,
    };
    // Models that do not accept `MINIMAL` start at a higher level.
    let level = if level == "MINIMAL" { lowest } else { level };
    let is_exact = requested
        .effort
        .as_ref()
        .is_some_and(|effort| efforts::from_gemini_level(level) == Some(effort.value));
    if !is_exact {
        losses.adjusted(amount_offset(reasoning));
    }
    if let (Some(_), Some(budget)) = (&requested.effort, &requested.budget_tokens) {
        losses.dropped(budget.at);
    }
    object.str("thinkingLevel", level);
    true
}

/// Writes `thinkingBudget`. Returns whether the model can show thoughts.
fn write_budget(
    reasoning: &Located<Reasoning>,
    range: BudgetRange,
    object: &mut Object<'_>,
    losses: &mut Losses,
) -> bool {
    let requested = &reasoning.value;
    let tokens = match (&requested.budget_tokens, &requested.effort, requested.mode) {
        (_, _, ReasoningMode::Off) => 0,
        (Some(budget), _, _) => budget.value,
        (None, Some(effort), _) => efforts::row(effort.value).gemini_budget,
        (None, None, ReasoningMode::Dynamic) => {
            object.raw("thinkingBudget", &Raw::from_static("-1"));
            return true;
        }
        (None, None, _) => return true,
    };
    // 0 is below every range and means something else: thinking is off.
    let is_off = tokens == 0 && range.can_disable;
    let budget = if is_off {
        0
    } else {
        tokens.clamp(range.min, range.max)
    };
    let is_exact = budget == tokens && (is_off || requested.budget_tokens.is_some());
    if !is_exact {
        losses.adjusted(amount_offset(reasoning));
    }
    if let (Some(_), Some(effort)) = (&requested.budget_tokens, &requested.effort) {
        losses.dropped(effort.at);
    }
    object.u64("thinkingBudget", budget);
    !is_off
}

/// Writes whether thoughts are shown. Gemini shows summaries, and of one length only.
fn write_display(
    display: &Located<ReasoningDisplay>,
    object: &mut Object<'_>,
    losses: &mut Losses,
) {
    object.bool("includeThoughts", display.value != ReasoningDisplay::No);
    if let ReasoningDisplay::Summary(Some(level)) = &display.value
        && *level != "auto"
    {
        losses.adjusted(display.at);
    }
}
