//! Token counts.

/// Tokens of one request, as the upstream reported them. `None` = not reported, which is not the
/// same as 0.
///
/// `input` includes `cache_read` and `cache_write` (as OpenAI and Gemini count; the Anthropic
/// decoder adds them). `output` includes `reasoning` (as OpenAI and Anthropic count; the Gemini
/// decoder adds it). Source: the four references, "usage".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    pub input: Option<u64>,
    pub cache_read: Option<u64>,
    pub cache_write: Option<u64>,
    /// The part of `cache_write` that is kept for five minutes (Anthropic's `ephemeral_5m`).
    pub cache_write_short: Option<u64>,
    /// The part of `cache_write` that is kept for an hour (Anthropic's `ephemeral_1h`).
    pub cache_write_long: Option<u64>,
    pub output: Option<u64>,
    pub reasoning: Option<u64>,
    /// Input that hosted tools added (Gemini). Not included in `input`.
    pub tool_prompt: Option<u64>,
    pub audio_input: Option<u64>,
    pub audio_output: Option<u64>,
    /// Calls of hosted web search.
    pub hosted_calls: Option<u64>,
    /// What the provider says that it charged, in billionths of a dollar (OpenRouter's
    /// `usage.cost`).
    pub cost_nanos: Option<u64>,
}

/// The service tier that an answer names. Its price depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ServiceTier {
    Standard,
    Priority,
    Flex,
    Batch,
    /// One that no price is known for.
    Other,
}

impl ServiceTier {
    pub const ALL: [Self; 5] = [
        Self::Standard,
        Self::Priority,
        Self::Flex,
        Self::Batch,
        Self::Other,
    ];

    /// The tier by the word of an answer, of any dialect.
    pub fn of(word: &str) -> Self {
        match word {
            "default" | "standard" | "auto" | "on_demand" | "SERVICE_TIER_STANDARD" => {
                Self::Standard
            }
            "priority" | "fast" | "performance" => Self::Priority,
            "flex" => Self::Flex,
            "batch" => Self::Batch,
            _ => Self::Other,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Priority => "priority",
            Self::Flex => "flex",
            Self::Batch => "batch",
            Self::Other => "other",
        }
    }

    /// As it is stored; 0 stands for none.
    pub fn number(tier: Option<Self>) -> u8 {
        tier.map_or(0, |tier| tier as u8 + 1)
    }

    pub fn of_number(number: u8) -> Option<Self> {
        let index = usize::from(number).checked_sub(1)?;
        Self::ALL.get(index).copied()
    }
}

impl Usage {
    /// Takes over each figure that `later` has: usage in streams is cumulative, and the last report
    /// wins.
    pub fn update(&mut self, later: &Self) {
        let pairs = [
            (&mut self.input, later.input),
            (&mut self.cache_read, later.cache_read),
            (&mut self.cache_write, later.cache_write),
            (&mut self.cache_write_short, later.cache_write_short),
            (&mut self.cache_write_long, later.cache_write_long),
            (&mut self.output, later.output),
            (&mut self.reasoning, later.reasoning),
            (&mut self.tool_prompt, later.tool_prompt),
            (&mut self.audio_input, later.audio_input),
            (&mut self.audio_output, later.audio_output),
            (&mut self.hosted_calls, later.hosted_calls),
            (&mut self.cost_nanos, later.cost_nanos),
        ];
        for (figure, later) in pairs {
            *figure = later.or(*figure);
        }
    }

    /// Input that was neither read from nor written to a cache: Anthropic's `input_tokens`.
    pub fn uncached_input(&self) -> Option<u64> {
        let cached = self
            .cache_read
            .unwrap_or(0)
            .saturating_add(self.cache_write.unwrap_or(0));
        self.input.map(|input| input.saturating_sub(cached))
    }

    /// Output without reasoning: Gemini's `candidatesTokenCount`.
    pub fn visible_output(&self) -> Option<u64> {
        self.output
            .map(|output| output.saturating_sub(self.reasoning.unwrap_or(0)))
    }

    /// Input plus output. `None` unless both are known.
    pub fn total(&self) -> Option<u64> {
        let sum = self.input?.saturating_add(self.output?);
        Some(sum.saturating_add(self.tool_prompt.unwrap_or(0)))
    }

    pub fn is_unknown(&self) -> bool {
        *self == Self::default()
    }
}
