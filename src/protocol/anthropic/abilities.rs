//! What the models behind this dialect take, by their names: the one place where a model's version
//! matters.
//!
//! Source: Anthropic Messages reference, `thinking` ("newer models accept only adaptive, up to 4.5
//! only enabled") and "two API versions" (sampling), "Rules enforced" (prefill). Names that this
//! table does not know are taken for the newest where they say `claude`.

/// How a model is asked to reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ThinkingForm {
    /// It does not reason.
    Never,
    /// `{"type":"enabled","budget_tokens":…}`.
    Budget,
    /// `{"type":"adaptive"}` beside `output_config.effort`.
    Adaptive,
    /// Not known: as the client said it, else by a budget, the form that other vendors' servers
    /// copied first.
    Either,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Abilities {
    pub(super) thinking: ThinkingForm,
    /// Whether it takes `temperature`, `top_p` and `top_k`.
    pub(super) samples: bool,
    /// Whether it takes messages of the role `system` (beta `mid-conversation-system-2026-04-07`).
    pub(super) system_turns: bool,
    /// Whether the last message may be the beginning of the answer.
    pub(super) prefills: bool,
}

const UNKNOWN: Abilities = Abilities {
    thinking: ThinkingForm::Either,
    samples: true,
    system_turns: false,
    prefills: true,
};

/// From which version on, the newest first.
const TABLE: [((u32, u32), Abilities); 4] = [
    (
        (4, 7),
        Abilities {
            thinking: ThinkingForm::Adaptive,
            samples: false,
            system_turns: true,
            prefills: false,
        },
    ),
    (
        (4, 6),
        Abilities {
            thinking: ThinkingForm::Adaptive,
            samples: true,
            system_turns: false,
            prefills: false,
        },
    ),
    (
        (3, 7),
        Abilities {
            thinking: ThinkingForm::Budget,
            samples: true,
            system_turns: false,
            prefills: true,
        },
    ),
    (
        (0, 0),
        Abilities {
            thinking: ThinkingForm::Never,
            samples: true,
            system_turns: false,
            prefills: true,
        },
    ),
];

/// What the model of that name takes.
pub(super) fn of(model: &str) -> Abilities {
    let Some((_, name)) = model.rsplit_once("claude") else {
        return UNKNOWN;
    };
    let version = version(name).unwrap_or((u32::MAX, 0));
    TABLE
        .iter()
        .find(|(from, _)| *from <= version)
        .map_or(UNKNOWN, |(_, abilities)| *abilities)
}

/// `-opus-4-5-20251101` is 4.5, `-sonnet-4-20250514` is 4.0: a number of more than two digits is a
/// date.
fn version(name: &str) -> Option<(u32, u32)> {
    let numbers = name
        .split(|character: char| !character.is_ascii_digit())
        .filter(|digits| !digits.is_empty());
    let mut numbers = numbers.map(|digits| digits.parse().ok().filter(|_| digits.len() <= 2));
    let major = numbers.next().flatten()?;
    Some((major, numbers.next().flatten().unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_how_its_model_reasons() {
        let cases = [
            ("claude-3-5-haiku-20241022", ThinkingForm::Never),
            ("claude-3-opus-20240229", ThinkingForm::Never),
            ("claude-3-7-sonnet-20250219", ThinkingForm::Budget),
            ("claude-sonnet-4-20250514", ThinkingForm::Budget),
            ("anthropic/claude-opus-4.5", ThinkingForm::Budget),
            ("claude-opus-4-6", ThinkingForm::Adaptive),
            (
                "anthropic.claude-sonnet-5-20270101-v1:0",
                ThinkingForm::Adaptive,
            ),
            ("claude-next", ThinkingForm::Adaptive),
            ("kimi-k2", ThinkingForm::Either),
        ];
        for (model, form) in cases {
            assert_eq!(of(model).thinking, form, "{model}");
        }
    }

    #[test]
    fn only_the_newest_refuse_sampling_and_take_system_turns() {
        for (model, is_newest) in [
            ("claude-sonnet-4-5", false),
            ("claude-opus-4-6", false),
            ("claude-opus-4-7", true),
            ("m", false),
        ] {
            assert_eq!(
                (of(model).samples, of(model).system_turns),
                (!is_newest, is_newest),
                "{model}"
            );
        }
    }
}
