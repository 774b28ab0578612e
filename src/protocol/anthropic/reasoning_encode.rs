//! How much a request lets the model think, and the bound on its answer: the two depend on each
//! other.
//!
//! Source: Anthropic Messages reference, `thinking`; `translation.md` section 2 (efforts, budgets,
//! `max_tokens`). Writes nothing but what the plan says.

use super::abilities::ThinkingForm;
use super::messages_encode::Message;
use super::request_encode::Encoder;
use crate::canon::{
    Effort, Located, Losses, Offset, Reasoning, ReasoningDisplay, ReasoningMode, ToolChoice,
};
use crate::json::Object;
use crate::protocol::efforts;

/// `max_tokens` for a model whose own bound is not known, while the client streams: what Claude
/// Code asks for.
const MAX_TOKENS_STREAMING: u64 = 32_000;
/// The same for an answer in one piece, which must not take so long that clients give up.
const MAX_TOKENS_WHOLE: u64 = 8_192;
/// The smallest budget that the API takes.
const BUDGET_TOKENS_MIN: u64 = 1_024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Thinking {
    Unsaid,
    Disabled,
    Adaptive,
    Enabled { budget_tokens: u64 },
}

/// What is written of thinking, effort and bound.
#[derive(Debug)]
pub(super) struct Plan {
    thinking: Thinking,
    display: Option<&'static str>,
    pub(super) effort: Option<&'static str>,
    pub(super) max_tokens: u64,
}

impl Plan {
    pub(super) fn thinks(&self) -> bool {
        matches!(self.thinking, Thinking::Adaptive | Thinking::Enabled { .. })
    }

    pub(super) fn write(&self, object: &mut Object<'_>) {
        let kind = match self.thinking {
            Thinking::Unsaid => return,
            Thinking::Disabled => "disabled",
            Thinking::Adaptive => "adaptive",
            Thinking::Enabled { .. } => "enabled",
        };
        object.object("thinking", |thinking| {
            thinking.str("type", kind);
            if let Thinking::Enabled { budget_tokens } = self.thinking {
                thinking.u64("budget_tokens", budget_tokens);
            }
            thinking.some("display", self.display, |value, display| value.str(display));
        });
    }
}

/// The bound on the answer's tokens.
#[derive(Clone, Copy, Debug)]
struct Bound {
    tokens: u64,
    /// Whether it is a default of ours, which may grow to make room for a budget.
    may_grow: bool,
}

impl Encoder<'_> {
    pub(super) fn plan(&mut self, messages: &[Message<'_>]) -> Plan {
        let mut bound = self.bound();
        let Some(reasoning) = &self.request.reasoning else {
            return Plan {
                thinking: Thinking::Unsaid,
                display: None,
                effort: None,
                max_tokens: bound.tokens,
            };
        };
        let form = self.form(reasoning.value.mode);
        let thinking = self.thinking(reasoning, form, messages, &mut bound);
        let mut plan = Plan {
            thinking,
            display: None,
            effort: None,
            max_tokens: bound.tokens,
        };
        plan.display = self.display(&reasoning.value, plan.thinks());
        if form == ThinkingForm::Adaptive {
            plan.effort = self.effort(&reasoning.value, plan.thinks());
        }
        plan
    }

    fn bound(&mut self) -> Bound {
        if self.counts_tokens() {
            return Bound {
                tokens: u64::MAX,
                may_grow: false,
            };
        }
        if let Some(asked) = &self.request.output_tokens_max {
            return Bound {
                tokens: asked.value,
                may_grow: false,
            };
        }
        self.losses.added("max_tokens");
        let default = if self.target.stream {
            MAX_TOKENS_STREAMING
        } else {
            MAX_TOKENS_WHOLE
        };
        match self.target.output_tokens_max {
            Some(tokens) => Bound {
                tokens,
                may_grow: false,
            },
            None => Bound {
                tokens: default,
                may_grow: true,
            },
        }
    }

    fn form(&self, mode: ReasoningMode) -> ThinkingForm {
        match self.abilities.thinking {
            ThinkingForm::Either if mode == ReasoningMode::Dynamic => ThinkingForm::Adaptive,
            ThinkingForm::Either => ThinkingForm::Budget,
            form => form,
        }
    }

    fn thinking(
        &mut self,
        reasoning: &Located<Reasoning>,
        form: ThinkingForm,
        messages: &[Message<'_>],
        bound: &mut Bound,
    ) -> Thinking {
        let wish = Wish::of(&reasoning.value, form);
        match (wish, form) {
            (Wish::Open, ThinkingForm::Adaptive) | (Wish::Off, ThinkingForm::Never) => {
                Thinking::Unsaid
            }
            (Wish::Off, ThinkingForm::Adaptive) => Thinking::Disabled,
            (Wish::Open | Wish::Off, _) => self.unthinking(wish, &reasoning.value),
            (Wish::On, ThinkingForm::Never) => {
                self.drop_thinking(reasoning, form);
                Thinking::Unsaid
            }
            (Wish::On, _) if self.forces_a_call() || self.lacks_thinking(messages) => {
                self.drop_thinking(reasoning, form);
                Thinking::Disabled
            }
            (Wish::On, ThinkingForm::Adaptive) => Thinking::Adaptive,
            (Wish::On, _) => self.enabled(reasoning, bound),
        }
    }

    /// Toward a model that has no word for effort besides its thinking.
    fn unthinking(&mut self, wish: Wish, reasoning: &Reasoning) -> Thinking {
        let effort = reasoning
            .effort
            .as_ref()
            .filter(|effort| effort.value != Effort::None);
        effort
            .iter()
            .for_each(|effort| self.losses.dropped(effort.at));
        if wish == Wish::Off {
            Thinking::Disabled
        } else {
            Thinking::Unsaid
        }
    }

    /// Names thinking that cannot be had, and its effort where that is not written by itself.
    fn drop_thinking(&mut self, reasoning: &Located<Reasoning>, form: ThinkingForm) {
        self.losses.dropped(reasoning.at);
        let effort = reasoning
            .value
            .effort
            .as_ref()
            .filter(|_| form != ThinkingForm::Adaptive);
        effort
            .iter()
            .for_each(|effort| self.losses.dropped(effort.at));
    }

    /// A choice that forces a call and thinking together are a 400.
    fn forces_a_call(&self) -> bool {
        let choice = self
            .request
            .tool_choice
            .as_ref()
            .map(|choice| &choice.value);
        let forces = |choice: &ToolChoice| {
            !matches!(
                choice,
                ToolChoice::None | ToolChoice::Auto | ToolChoice::Subset { must: false, .. }
            )
        };
        choice.is_some_and(forces)
    }

    /// Whether a tool loop is running whose last assistant turn does not begin with its thinking:
    /// with thinking on, a 400.
    fn lacks_thinking(&self, messages: &[Message<'_>]) -> bool {
        let is_running = messages
            .iter()
            .rev()
            .find(|message| !message.is_system())
            .is_some_and(Message::has_results);
        let last = messages.iter().rev().find(|message| message.is_assistant());
        is_running && last.is_some_and(|message| !message.begins_with_reasoning())
    }

    fn enabled(&mut self, reasoning: &Located<Reasoning>, bound: &mut Bound) -> Thinking {
        let (asked, at) = self.measure(reasoning);
        let Some(budget_tokens) = fit(asked, at, bound, self.losses) else {
            return Thinking::Disabled;
        };
        // The model was to find the measure itself; now it is fixed.
        if reasoning.value.mode == ReasoningMode::Dynamic && reasoning.value.budget_tokens.is_none()
        {
            self.losses.adjusted(at);
        }
        Thinking::Enabled { budget_tokens }
    }

    /// The budget that the client asks for, in one way or another, and where.
    fn measure(&mut self, reasoning: &Located<Reasoning>) -> (u64, Offset) {
        let Reasoning {
            effort,
            budget_tokens,
            ..
        } = &reasoning.value;
        match (budget_tokens, effort) {
            (Some(budget), effort) => {
                effort
                    .iter()
                    .for_each(|effort| self.losses.dropped(effort.at));
                (budget.value, budget.at)
            }
            (None, Some(effort)) => (efforts::row(effort.value).anthropic_budget, effort.at),
            // The client left it to the model altogether, and this model wants a number.
            (None, None) => (
                efforts::row(efforts::UNMEASURED).anthropic_budget,
                reasoning.at,
            ),
        }
    }

    /// The word for the effort, from the budget where that is all there is.
    fn effort(&mut self, reasoning: &Reasoning, thinks: bool) -> Option<&'static str> {
        let effort = match (&reasoning.effort, &reasoning.budget_tokens) {
            (Some(effort), budget) => {
                budget
                    .iter()
                    .for_each(|budget| self.losses.dropped(budget.at));
                if effort.value == Effort::Minimal {
                    self.losses.adjusted(effort.at);
                }
                effort.value
            }
            (None, Some(budget)) if thinks => {
                self.losses.adjusted(budget.at);
                reasoning.budget_effort?
            }
            (None, _) => return None,
        };
        efforts::row(effort).anthropic
    }

    /// Whether the thoughts are shown, where there are any.
    fn display(&mut self, reasoning: &Reasoning, thinks: bool) -> Option<&'static str> {
        let show = reasoning.display.as_ref()?;
        let display = match &show.value {
            ReasoningDisplay::No => "omitted",
            ReasoningDisplay::Summary(level) => {
                if level.as_ref().is_some_and(|level| *level != "auto") {
                    self.losses.adjusted(show.at);
                }
                "summarized"
            }
            ReasoningDisplay::Full => "summarized",
        };
        if !thinks && show.value != ReasoningDisplay::No {
            self.losses.dropped(show.at);
        }
        thinks.then_some(display)
    }
}

/// What the client wants of thinking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    Open,
    Off,
    On,
}

impl Wish {
    fn of(reasoning: &Reasoning, form: ThinkingForm) -> Self {
        let is_effort_none = reasoning
            .effort
            .as_ref()
            .is_some_and(|effort| effort.value == Effort::None);
        let is_budget_none = reasoning
            .budget_tokens
            .as_ref()
            .is_some_and(|budget| budget.value == 0);
        if reasoning.mode == ReasoningMode::Off || is_effort_none || is_budget_none {
            return Self::Off;
        }
        if reasoning.mode == ReasoningMode::Unasked {
            return Self::Open;
        }
        let is_measured = reasoning.effort.is_some() || reasoning.budget_tokens.is_some();
        // Whoever wants to see thoughts wants some; without a measure, only a model that finds its
        // own can have them.
        let wants_to_see = reasoning
            .display
            .as_ref()
            .is_some_and(|show| show.value != ReasoningDisplay::No);
        let is_on = reasoning.mode != ReasoningMode::Unset
            || is_measured
            || wants_to_see && form == ThinkingForm::Adaptive;
        if is_on { Self::On } else { Self::Open }
    }
}

/// The budget that goes with the bound; `None` where there is no room for any.
fn fit(asked: u64, at: Offset, bound: &mut Bound, losses: &mut Losses) -> Option<u64> {
    if bound.may_grow && asked >= bound.tokens {
        bound.tokens = bound.tokens.saturating_add(asked);
    }
    let budget = asked.min(bound.tokens.saturating_sub(1));
    if budget < BUDGET_TOKENS_MIN {
        losses.dropped(at);
        return None;
    }
    if budget < asked {
        losses.adjusted(at);
    }
    Some(budget)
}
