//! Maps reasoning efforts to budgets and to each dialect's names, both ways, by one table.
//!
//! Source: `translation.md` section 2. No vendor publishes the equivalence; the numbers are ours.

use crate::canon::{Effort, Located, Losses, Offset, Reasoning, ReasoningMode};

/// One effort in each dialect.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub effort: Effort,
    /// OpenAI's `reasoning_effort` and `reasoning.effort`.
    pub openai: &'static str,
    /// Anthropic's `output_config.effort` beside adaptive thinking; `None` = thinking disabled.
    pub anthropic: Option<&'static str>,
    /// Anthropic's `thinking.budget_tokens` for models up to 4.5; 0 = disabled.
    pub anthropic_budget: u64,
    /// Gemini's `thinkingLevel` (3 and later).
    pub gemini_level: &'static str,
    /// Gemini's `thinkingBudget` (2.5).
    pub gemini_budget: u64,
}

#[rustfmt::skip]
pub static TABLE: [Row; 7] = [
    Row { effort: Effort::None,    openai: "none",    anthropic: None,           anthropic_budget: 0,      gemini_level: "MINIMAL", gemini_budget: 0 },
    Row { effort: Effort::Minimal, openai: "minimal", anthropic: Some("low"),    anthropic_budget: 1_024,  gemini_level: "MINIMAL", gemini_budget: 512 },
    Row { effort: Effort::Low,     openai: "low",     anthropic: Some("low"),    anthropic_budget: 2_048,  gemini_level: "LOW",     gemini_budget: 1_024 },
    Row { effort: Effort::Medium,  openai: "medium",  anthropic: Some("medium"), anthropic_budget: 8_192,  gemini_level: "MEDIUM",  gemini_budget: 8_192 },
    Row { effort: Effort::High,    openai: "high",    anthropic: Some("high"),   anthropic_budget: 16_384, gemini_level: "HIGH",    gemini_budget: 24_576 },
    Row { effort: Effort::Xhigh,   openai: "xhigh",   anthropic: Some("xhigh"),  anthropic_budget: 24_576, gemini_level: "HIGH",    gemini_budget: 24_576 },
    Row { effort: Effort::Max,     openai: "max",     anthropic: Some("max"),    anthropic_budget: 32_000, gemini_level: "HIGH",    gemini_budget: 24_576 },
];

/// The effort of reasoning that is on without one.
pub const UNMEASURED: Effort = Effort::Medium;

/// The row of an effort.
pub fn row(effort: Effort) -> &'static Row {
    TABLE
        .iter()
        .find(|row| row.effort == effort)
        .unwrap_or(&TABLE[3])
}

/// Decodes OpenAI's name of an effort.
pub fn from_openai(name: &str) -> Option<Effort> {
    TABLE
        .iter()
        .find(|row| row.openai == name)
        .map(|row| row.effort)
}

/// Decodes Anthropic's name of an effort: the strongest of those that share it.
pub fn from_anthropic(name: &str) -> Option<Effort> {
    TABLE
        .iter()
        .rev()
        .find(|row| row.anthropic == Some(name))
        .map(|row| row.effort)
}

/// Decodes Gemini's level, ignoring case.
pub fn from_gemini_level(level: &str) -> Option<Effort> {
    let named =
        |row: &&Row| row.gemini_level.eq_ignore_ascii_case(level) && row.effort != Effort::None;
    TABLE.iter().find(named).map(|row| row.effort)
}

/// The effort whose budget in the column is nearest; the lower one of two that are equally near.
pub fn nearest(budget_tokens: u64, column: fn(&Row) -> u64) -> Effort {
    TABLE
        .iter()
        .min_by_key(|row| column(row).abs_diff(budget_tokens))
        .map_or(Effort::Medium, |row| row.effort)
}

/// The offset of an effort that has no effect, because reasoning is off.
pub fn overruled(reasoning: &Reasoning) -> Option<Offset> {
    let effort = reasoning
        .effort
        .as_ref()
        .filter(|effort| effort.value != Effort::None);
    effort
        .filter(|_| reasoning.mode == ReasoningMode::Off)
        .map(|effort| effort.at)
}

/// The effort for a target that has no other control of reasoning: OpenAI's dialects.
///
/// Reasoning that is on without an effort or budget is [`UNMEASURED`]: without a value some models
/// would not reason at all.
pub fn alone(reasoning: &Located<Reasoning>, losses: &mut Losses) -> Option<Effort> {
    let Reasoning {
        effort,
        budget_tokens,
        budget_effort,
        mode,
        ..
    } = &reasoning.value;
    if let Some(at) = overruled(&reasoning.value) {
        losses.dropped(at);
    }
    match (mode, effort, budget_tokens) {
        (ReasoningMode::Off, ..) => Some(Effort::None),
        (_, effort, Some(budget)) => {
            losses.adjusted(budget.at);
            effort
                .as_ref()
                .map(|effort| effort.value)
                .or(*budget_effort)
        }
        (_, Some(effort), None) => Some(effort.value),
        (ReasoningMode::Unset | ReasoningMode::Unasked, None, None) => None,
        (ReasoningMode::Dynamic | ReasoningMode::Fixed, None, None) => {
            losses.adjusted(reasoning.at);
            Some(UNMEASURED)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn budgets_become_the_nearest_effort() {
        assert_eq!(nearest(0, |row| row.anthropic_budget), Effort::None);
        assert_eq!(nearest(10_000, |row| row.anthropic_budget), Effort::Medium);
        assert_eq!(nearest(100_000, |row| row.anthropic_budget), Effort::Max);
        assert_eq!(nearest(24_576, |row| row.gemini_budget), Effort::High);
    }

    #[test]
    fn reasoning_without_a_measure_gets_one() {
        let alone =
            |reasoning| super::alone(&Located::new(reasoning, Offset(0)), &mut Losses::default());
        let of = |mode| Reasoning {
            mode,
            ..Reasoning::default()
        };
        assert_eq!(alone(of(ReasoningMode::Unset)), None);
        assert_eq!(alone(of(ReasoningMode::Dynamic)), Some(Effort::Medium));
        assert_eq!(alone(of(ReasoningMode::Off)), Some(Effort::None));
        let effort = |effort| Reasoning {
            effort: Some(Located::new(effort, Offset(0))),
            ..of(ReasoningMode::Off)
        };
        assert!(
            overruled(&effort(Effort::Max)).is_some() && overruled(&effort(Effort::None)).is_none()
        );
        let budget = Some(Located::new(20_000, Offset(0)));
        let told = Reasoning {
            budget_tokens: budget.clone(),
            budget_effort: Some(Effort::High),
            ..Reasoning::default()
        };
        assert_eq!(alone(told), Some(Effort::High));
        let effort = Some(Located::new(Effort::Low, Offset(0)));
        assert_eq!(
            alone(Reasoning {
                effort,
                budget_tokens: budget,
                ..of(ReasoningMode::Fixed)
            }),
            Some(Effort::Low)
        );
    }

    #[test]
    fn words_go_both_ways() {
        for row in &TABLE {
            assert_eq!(from_openai(row.openai), Some(row.effort));
        }
        assert_eq!(from_anthropic("low"), Some(Effort::Low));
        assert_eq!(from_gemini_level("low"), Some(Effort::Low));
        assert_eq!(from_gemini_level("minimal"), Some(Effort::Minimal));
    }
}
