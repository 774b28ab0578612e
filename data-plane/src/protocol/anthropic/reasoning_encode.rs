//! Decides how much the model may think and how long the response may be, which depend on each
//! other: `thinking`, `output_config.effort` and `max_tokens`.
//!
//! Clients say how much to think in four ways (a mode, an effort, a budget of tokens, whether to
//! show thoughts), and a model takes one of three forms:
//!
//! ```text
//!   the client's       | Adaptive             | Budget                        | Unsupported
//!   -------------------+----------------------+-------------------------------+------------
//!   nothing            | -                    | -                             | -
//!   off                | disabled             | disabled                      | -
//!   on, with an effort | adaptive + effort    | enabled, budget of the effort | dropped
//!   on, with a budget  | adaptive + effort of | enabled, that budget          | dropped
//!                      | the budget           |                               |
//!   on, nothing more   | adaptive             | enabled, default budget       | dropped
//! ```
//!
//! Thinking is switched off again where the API would refuse the request with it: see
//! [`Encoder::thinking`] and [`fit_budget`].
//!
//! Source: Anthropic Messages reference, `thinking`; `translation.md` section 2 (efforts, budgets,
//! `max_tokens`).

use super::messages_encode::Message;
use super::models::ThinkingForm;
use super::request_encode::Encoder;
use crate::canon::{
    Effort, Located, Losses, Offset, Reasoning, ReasoningDisplay, ReasoningMode, ToolChoice,
};
use crate::json::Object;
use crate::protocol::efforts;

/// `max_tokens` where neither the client nor the model sets a limit and the client streams: what
/// Claude Code asks for.
const MAX_TOKENS_STREAMING: u64 = 32_000;
/// The same for a whole response, which must not take so long that clients time out.
const MAX_TOKENS_WHOLE: u64 = 8_192;
/// The smallest budget that the API accepts.
const BUDGET_TOKENS_MIN: u64 = 1_024;

/// The `thinking` field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Thinking {
    /// The field is left out.
    Unset,
    Disabled,
    Adaptive,
    Enabled {
        budget_tokens: u64,
    },
}

/// The fields of a request that concern thinking and the length of the response.
#[derive(Debug)]
pub(super) struct ReasoningFields {
    thinking: Thinking,
    display: Option<&'static str>,
    pub(super) effort: Option<&'static str>,
    pub(super) max_tokens: u64,
}

impl ReasoningFields {
    pub(super) fn is_thinking(&self) -> bool {
        matches!(self.thinking, Thinking::Adaptive | Thinking::Enabled { .. })
    }

    /// Writes `thinking`. Effort and `max_tokens` are written with the fields around them.
    pub(super) fn write_thinking(&self, object: &mut Object<'_>) {
        let kind = match self.thinking {
            Thinking::Unset => return,
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

/// The limit on output tokens, which include thinking.
#[derive(Clone, Copy, Debug)]
struct OutputLimit {
    tokens: u64,
    /// Whether the limit is our own default, which may be raised to make room for a budget.
    is_raisable: bool,
}

impl OutputLimit {
    fn fixed(tokens: u64) -> Self {
        Self {
            tokens,
            is_raisable: false,
        }
    }
}

impl Encoder<'_> {
    /// Decides the fields. `messages` are needed since a running tool loop restricts thinking.
    pub(super) fn reasoning_fields(&mut self, messages: &[Message<'_>]) -> ReasoningFields {
        let mut limit = self.output_limit();
        let Some(reasoning) = &self.request.reasoning else {
            return ReasoningFields {
                thinking: Thinking::Unset,
                display: None,
                effort: None,
                max_tokens: limit.tokens,
            };
        };
        let form = self.thinking_form(reasoning.value.mode);
        let thinking = self.thinking(reasoning, form, messages, &mut limit);
        let mut fields = ReasoningFields {
            thinking,
            display: None,
            effort: None,
            max_tokens: limit.tokens,
        };
        fields.display = self.display(&reasoning.value, fields.is_thinking());
        if form == ThinkingForm::Adaptive {
            fields.effort = self.effort(&reasoning.value, fields.is_thinking());
        }
        fields
    }

    /// The client's limit, else the model's, else a default.
    fn output_limit(&mut self) -> OutputLimit {
        // A token count has no response to limit.
        if self.counts_tokens() {
            return OutputLimit::fixed(u64::MAX);
        }
        if let Some(requested) = &self.request.output_tokens_max {
            // 0 only warms the cache.
            let tokens = self.target.fit_output_limit(requested, 0, self.losses);
            return OutputLimit::fixed(tokens);
        }
        // The API requires `max_tokens`.
        self.losses.added("max_tokens");
        if let Some(tokens) = self.target.output_tokens_max {
            return OutputLimit::fixed(tokens);
        }
        let tokens = if self.target.stream {
            MAX_TOKENS_STREAMING
        } else {
            MAX_TOKENS_WHOLE
        };
        OutputLimit {
            tokens,
            is_raisable: true,
        }
    }

    /// The form that the model takes; for a model that is not known, the one the client used.
    fn thinking_form(&self, mode: ReasoningMode) -> ThinkingForm {
        match self.abilities.thinking {
            ThinkingForm::Unknown if mode == ReasoningMode::Dynamic => ThinkingForm::Adaptive,
            ThinkingForm::Unknown => ThinkingForm::Budget,
            form => form,
        }
    }

    fn thinking(
        &mut self,
        reasoning: &Located<Reasoning>,
        form: ThinkingForm,
        messages: &[Message<'_>],
        limit: &mut OutputLimit,
    ) -> Thinking {
        let requested = RequestedThinking::of(&reasoning.value, form);
        match (requested, form) {
            (RequestedThinking::Unset, ThinkingForm::Adaptive)
            | (RequestedThinking::Off, ThinkingForm::Unsupported) => Thinking::Unset,
            (RequestedThinking::Off, ThinkingForm::Adaptive) => Thinking::Disabled,
            (RequestedThinking::Unset, _) => {
                self.drop_effort(&reasoning.value);
                Thinking::Unset
            }
            (RequestedThinking::Off, _) => {
                self.drop_effort(&reasoning.value);
                Thinking::Disabled
            }
            (RequestedThinking::On, ThinkingForm::Unsupported) => {
                self.drop_thinking(reasoning, form);
                Thinking::Unset
            }
            // Both are a 400 while thinking is on.
            (RequestedThinking::On, _) if self.forces_a_call() || self.lacks_thinking(messages) => {
                self.drop_thinking(reasoning, form);
                Thinking::Disabled
            }
            (RequestedThinking::On, ThinkingForm::Adaptive) => Thinking::Adaptive,
            (RequestedThinking::On, _) => self.enabled(reasoning, limit),
        }
    }

    /// Reports the effort toward a model that takes none without thinking.
    fn drop_effort(&mut self, reasoning: &Reasoning) {
        if let Some(effort) = &reasoning.effort
            && effort.value != Effort::None
        {
            self.losses.dropped(effort.at);
        }
    }

    /// Reports thinking that is not possible, and its effort unless `output_config` carries that.
    fn drop_thinking(&mut self, reasoning: &Located<Reasoning>, form: ThinkingForm) {
        self.losses.dropped(reasoning.at);
        if let Some(effort) = &reasoning.value.effort
            && form != ThinkingForm::Adaptive
        {
            self.losses.dropped(effort.at);
        }
    }

    /// Whether the tool choice forces a call, which the API refuses together with thinking.
    fn forces_a_call(&self) -> bool {
        let Some(choice) = &self.request.tool_choice else {
            return false;
        };
        !matches!(
            choice.value,
            ToolChoice::None | ToolChoice::Auto | ToolChoice::Subset { must: false, .. }
        )
    }

    /// Whether a tool loop is running, or an answer is begun, whose last assistant message does not begin with its
    /// thinking, which the API refuses while thinking is on. The thinking may have been another
    /// model's and left out, or there was none.
    fn lacks_thinking(&self, messages: &[Message<'_>]) -> bool {
        let mut latest = messages.iter().rev();
        let is_loop_running = latest
            .find(|message| !message.is_system())
            .is_some_and(Message::has_results);
        let assistant = messages.iter().rev().find(|message| message.is_assistant());
        let is_prefill = messages.last().is_some_and(Message::is_assistant);
        (is_loop_running || is_prefill)
            && assistant.is_some_and(|message| !message.begins_with_reasoning())
    }

    fn enabled(&mut self, reasoning: &Located<Reasoning>, limit: &mut OutputLimit) -> Thinking {
        let (requested, at) = self.requested_budget(reasoning);
        let Some(budget_tokens) = fit_budget(requested, at, limit, self.losses) else {
            return Thinking::Disabled;
        };
        // The client left the amount to the model; now it is fixed.
        if reasoning.value.mode == ReasoningMode::Dynamic && reasoning.value.budget_tokens.is_none()
        {
            self.losses.adjusted(at);
        }
        Thinking::Enabled { budget_tokens }
    }

    /// The budget that the client asked for in one way or another, and where it did.
    fn requested_budget(&mut self, reasoning: &Located<Reasoning>) -> (u64, Offset) {
        let Reasoning {
            effort,
            budget_tokens,
            ..
        } = &reasoning.value;
        if let Some(budget) = budget_tokens {
            if let Some(effort) = effort {
                self.losses.dropped(effort.at);
            }
            return (budget.value, budget.at);
        }
        match effort {
            Some(effort) => (efforts::row(effort.value).anthropic_budget, effort.at),
            // The client gave no amount at all, and this model requires one.
            None => (
                efforts::row(efforts::UNMEASURED).anthropic_budget,
                reasoning.at,
            ),
        }
    }

    /// The effort, from the budget where the client gave only that.
    fn effort(&mut self, reasoning: &Reasoning, is_thinking: bool) -> Option<&'static str> {
        let effort = match (&reasoning.effort, &reasoning.budget_tokens) {
            (Some(effort), budget) => {
                if let Some(budget) = budget {
                    self.losses.dropped(budget.at);
                }
                if effort.value == Effort::Minimal {
                    self.losses.adjusted(effort.at);
                }
                effort.value
            }
            (None, Some(budget)) if is_thinking => {
                self.losses.adjusted(budget.at);
                reasoning.budget_effort?
            }
            (None, _) => return None,
        };
        efforts::row(effort).anthropic
    }

    /// Whether thoughts are shown, where the model thinks.
    fn display(&mut self, reasoning: &Reasoning, is_thinking: bool) -> Option<&'static str> {
        let requested = reasoning.display.as_ref()?;
        let display = match &requested.value {
            ReasoningDisplay::No => "omitted",
            ReasoningDisplay::Summary(level) => {
                if level.as_ref().is_some_and(|level| *level != "auto") {
                    self.losses.adjusted(requested.at);
                }
                "summarized"
            }
        };
        if !is_thinking && requested.value != ReasoningDisplay::No {
            self.losses.dropped(requested.at);
        }
        is_thinking.then_some(display)
    }
}

/// Whether the client asked for thinking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RequestedThinking {
    Unset,
    Off,
    On,
}

impl RequestedThinking {
    fn of(reasoning: &Reasoning, form: ThinkingForm) -> Self {
        let is_effort_none = reasoning
            .effort
            .as_ref()
            .is_some_and(|effort| effort.value == Effort::None);
        let is_budget_zero = reasoning
            .budget_tokens
            .as_ref()
            .is_some_and(|budget| budget.value == 0);
        if reasoning.mode == ReasoningMode::Off || is_effort_none || is_budget_zero {
            return Self::Off;
        }
        if reasoning.mode == ReasoningMode::Unasked {
            return Self::Unset;
        }
        let has_amount = reasoning.effort.is_some() || reasoning.budget_tokens.is_some();
        if reasoning.mode != ReasoningMode::Unset || has_amount {
            return Self::On;
        }
        // A client that wants to see thoughts wants the model to think. Without an amount, only a
        // model that decides on one itself can.
        let wants_to_see = reasoning
            .display
            .as_ref()
            .is_some_and(|display| display.value != ReasoningDisplay::No);
        if wants_to_see && form == ThinkingForm::Adaptive {
            Self::On
        } else {
            Self::Unset
        }
    }
}

/// The budget that fits under the limit; `None` where there is no room for any.
///
/// The API requires `budget_tokens` to be below `max_tokens`. Our own default limit gives way to
/// the budget, since a client that named no limit asked only for thinking; the client's or the
/// model's limit does not.
fn fit_budget(
    requested: u64,
    at: Offset,
    limit: &mut OutputLimit,
    losses: &mut Losses,
) -> Option<u64> {
    if limit.is_raisable && requested >= limit.tokens {
        limit.tokens = limit.tokens.saturating_add(requested);
    }
    let budget = requested.min(limit.tokens.saturating_sub(1));
    if budget < BUDGET_TOKENS_MIN {
        losses.dropped(at);
        return None;
    }
    if budget < requested {
        losses.adjusted(at);
    }
    Some(budget)
}
