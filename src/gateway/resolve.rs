//! What a model name becomes: candidates in the order in which they are tried, and why.
//!
//! The order of the questions: an exact rule, `provider/model` (and the built-in `demo`), the
//! wildcard rule with the most literal characters, what providers list, and at last the only
//! provider there is. With exactly one enabled provider a name that nobody knows goes to it
//! unchanged: its user pointed a client at this gateway to reach that provider, lists are often
//! incomplete (fine-tunes, aliases, new models), and the same name passed on is no substitution;
//! the provider says 404 itself. Where the person wrote down what the provider serves (`models =
//! […]`), that list is believed instead.
//!
//! Pure: no IO, no clock, no accounts.

use std::fmt;
use std::sync::Arc;

use crate::canon::{Blame, Fault, FaultKind};
use crate::nearest::nearest;
use crate::provider::rules::{Pattern, Rule, RuleTarget, Rules};
use crate::provider::{DEMO, Provider, dialect};

/// How many similar names an error offers.
const NEAREST_MAX: usize = 3;
/// How much of a client's name an error repeats, in characters.
const NAME_CHARS_MAX: usize = 100;

/// What names can be resolved against.
#[derive(Clone, Copy)]
pub struct Directory<'a> {
    pub rules: &'a Rules,
    pub providers: &'a [Provider],
    /// Whether the built-in offline provider serves.
    pub demo_enabled: bool,
    /// The ids that a provider's own list holds, as far as it is known.
    pub listed: &'a dyn Fn(&str) -> Arc<[String]>,
}

/// One place to try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    pub provider: Arc<str>,
    /// The upstream's name of the model.
    pub model: Arc<str>,
}

impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.provider, self.model)
    }
}

/// A place that would have been tried, and why it is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    pub candidate: Candidate,
    pub reason: SkipReason,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SkipReason {
    Disabled,
    /// No such provider is configured.
    Missing,
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.reason {
            SkipReason::Disabled => write!(f, "provider `{}` is disabled", self.candidate.provider),
            SkipReason::Missing => write!(f, "there is no provider `{}`", self.candidate.provider),
        }
    }
}

/// Which question found the candidates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// The `[[models]]` rule of that name.
    Rule(Pattern),
    /// The name says the provider.
    Addressed,
    Demo,
    /// Providers list it.
    Listed,
    /// There is only one enabled provider.
    OnlyProvider,
    /// Nothing knows it; these names are similar.
    Unknown {
        nearest: Vec<String>,
    },
}

impl Why {
    /// One word for scripts.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Rule(_) => "rule",
            Self::Addressed => "addressed",
            Self::Demo => "demo",
            Self::Listed => "listed",
            Self::OnlyProvider => "only_provider",
            Self::Unknown { .. } => "unknown",
        }
    }
}

/// What a name became.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolution {
    /// The name that was asked for, without `models/`.
    pub name: String,
    /// In the order in which they are tried. Empty where nothing can serve the name.
    pub candidates: Vec<Candidate>,
    pub skipped: Vec<Skipped>,
    pub why: Why,
}

impl Resolution {
    /// Whether the name becomes the same as long as rules and providers stay: the questions about
    /// lists come later.
    pub(super) fn is_lasting(&self) -> bool {
        matches!(self.why, Why::Rule(_) | Why::Addressed | Why::Demo)
    }

    /// The error for a name that nothing serves; `None` where something does.
    pub fn fault(&self) -> Option<Fault> {
        let is_served = !self.candidates.is_empty();
        (!is_served).then(|| {
            Fault::new(FaultKind::NoSuchModel, Blame::Client, self.to_string()).with_param("model")
        })
    }
}

/// A sentence for people: why these candidates, or why none.
impl fmt::Display for Resolution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name: String = self.name.chars().take(NAME_CHARS_MAX).collect();
        match &self.why {
            Why::Rule(pattern) if self.candidates.is_empty() => {
                write!(
                    f,
                    "rule `{pattern}` matches `{name}`, but none of its providers can serve: "
                )?;
                write_list(f, &self.skipped)
            }
            Why::Rule(pattern) => write!(f, "rule `{pattern}` matches `{name}`"),
            Why::Addressed => write!(f, "`{name}` addresses a provider directly"),
            Why::Demo => write!(f, "`{name}` is the built-in offline provider"),
            Why::Listed => write!(f, "a provider lists `{name}`"),
            Why::OnlyProvider => write!(f, "`{name}` goes to the only enabled provider"),
            Why::Unknown { nearest } => self.write_unknown(f, &name, nearest),
        }
    }
}

impl Resolution {
    fn write_unknown(
        &self,
        f: &mut fmt::Formatter<'_>,
        name: &str,
        nearest: &[String],
    ) -> fmt::Result {
        write!(f, "no rule and no provider lists `{name}`")?;
        for skipped in &self.skipped {
            write!(f, "; {skipped}")?;
        }
        if !nearest.is_empty() {
            f.write_str("; nearest: ")?;
            write_list(f, nearest.iter().map(|name| format!("`{name}`")))?;
        }
        f.write_str("; add a [[models]] rule or address it as provider/model")
    }
}

fn write_list<T: fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    items: impl IntoIterator<Item = T>,
) -> fmt::Result {
    for (index, item) in items.into_iter().enumerate() {
        write!(f, "{}{item}", if index == 0 { "" } else { ", " })?;
    }
    Ok(())
}

/// Finds who serves `name`; Gemini's clients may write `models/` in front of it.
pub fn resolve(directory: &Directory<'_>, name: &str) -> Resolution {
    let name = name.strip_prefix("models/").unwrap_or(name);
    let found = directory
        .by_exact_rule(name)
        .or_else(|| directory.by_demo(name))
        .or_else(|| directory.by_address(name))
        .or_else(|| directory.by_wildcard(name))
        .or_else(|| directory.by_list(name))
        .or_else(|| directory.by_only_provider(name))
        .unwrap_or_else(|| directory.unknown(name));
    Resolution {
        name: name.to_owned(),
        candidates: found.candidates,
        skipped: found.skipped,
        why: found.why,
    }
}

/// A resolution without the name.
struct Found {
    candidates: Vec<Candidate>,
    skipped: Vec<Skipped>,
    why: Why,
}

impl Found {
    fn certain(candidates: Vec<Candidate>, why: Why) -> Self {
        Self {
            candidates,
            skipped: Vec::new(),
            why,
        }
    }
}

fn candidate(provider: &str, model: &str) -> Candidate {
    Candidate {
        provider: provider.into(),
        model: model.into(),
    }
}

impl Directory<'_> {
    fn by_exact_rule(&self, name: &str) -> Option<Found> {
        self.rules.exact(name).map(|rule| self.apply(rule, name))
    }

    fn by_wildcard(&self, name: &str) -> Option<Found> {
        self.rules.wildcard(name).map(|rule| self.apply(rule, name))
    }

    fn apply(&self, rule: &Rule, name: &str) -> Found {
        let captured = rule.name.captures(name).unwrap_or_default();
        let mut found = Found::certain(Vec::new(), Why::Rule(rule.name.clone()));
        for RuleTarget { provider, model } in &rule.targets {
            let candidate = candidate(provider, &model.fill(captured));
            match self.objection(provider) {
                None => found.candidates.push(candidate),
                Some(reason) => found.skipped.push(Skipped { candidate, reason }),
            }
        }
        found
    }

    /// `demo` and `demo/<dialect>`: no wildcard captures them while the built-in provider serves.
    fn by_demo(&self, name: &str) -> Option<Found> {
        let model = if name == DEMO {
            DEMO
        } else {
            name.strip_prefix(DEMO)?.strip_prefix('/')?
        };
        if !self.demo_enabled {
            return None;
        }
        let is_served = model == DEMO || dialect(model).is_some();
        Some(if is_served {
            Found::certain(vec![candidate(DEMO, model)], Why::Demo)
        } else {
            self.unknown(name)
        })
    }

    fn by_address(&self, name: &str) -> Option<Found> {
        let (provider, model) = name
            .split_once('/')
            .filter(|(_, model)| !model.is_empty())?;
        self.enabled().find(|known| known.name == provider)?;
        Some(Found::certain(
            vec![candidate(provider, model)],
            Why::Addressed,
        ))
    }

    fn by_list(&self, name: &str) -> Option<Found> {
        let serving = self
            .enabled()
            .filter(|provider| self.ids(provider).iter().any(|id| id == name));
        let candidates: Vec<Candidate> = serving
            .map(|provider| candidate(&provider.name, name))
            .collect();
        (!candidates.is_empty()).then(|| Found::certain(candidates, Why::Listed))
    }

    fn by_only_provider(&self, name: &str) -> Option<Found> {
        let mut enabled = self.enabled();
        let only = enabled
            .next()
            .filter(|provider| provider.models.is_none())?;
        let is_only = enabled.next().is_none() && !name.is_empty();
        is_only.then(|| Found::certain(vec![candidate(&only.name, name)], Why::OnlyProvider))
    }

    fn unknown(&self, name: &str) -> Found {
        let why = Why::Unknown {
            nearest: self.nearest(name),
        };
        Found {
            candidates: Vec::new(),
            skipped: self.disabled_address(name).into_iter().collect(),
            why,
        }
    }

    /// The disabled provider that the name addresses.
    fn disabled_address(&self, name: &str) -> Option<Skipped> {
        let (provider, model) = name.split_once('/')?;
        let reason = self
            .objection(provider)
            .filter(|reason| *reason == SkipReason::Disabled)?;
        Some(Skipped {
            candidate: candidate(provider, model),
            reason,
        })
    }

    /// Why a provider cannot be a candidate.
    fn objection(&self, provider: &str) -> Option<SkipReason> {
        if provider == DEMO {
            return (!self.demo_enabled).then_some(SkipReason::Disabled);
        }
        match self.providers.iter().find(|known| known.name == provider) {
            Some(known) if known.enabled => None,
            Some(_) => Some(SkipReason::Disabled),
            None => Some(SkipReason::Missing),
        }
    }

    fn enabled(&self) -> impl Iterator<Item = &Provider> {
        self.providers.iter().filter(|provider| provider.enabled)
    }

    /// What a provider serves: the person's own list where there is one, else what it said itself.
    fn ids(&self, provider: &Provider) -> Arc<[String]> {
        match &provider.models {
            Some(models) => Arc::clone(models),
            None => (self.listed)(&provider.name),
        }
    }

    fn nearest(&self, name: &str) -> Vec<String> {
        let exact_rules = self
            .rules
            .0
            .iter()
            .filter(|rule| !rule.name.is_wild())
            .map(|rule| rule.name.to_string());
        let listed = self
            .enabled()
            .flat_map(|provider| self.ids(provider).to_vec());
        let mut known: Vec<String> = exact_rules.chain(listed).collect();
        if let Some((_, model)) = name.split_once('/') {
            known.extend(
                self.enabled()
                    .map(|provider| format!("{}/{model}", provider.name)),
            );
        }
        if self.demo_enabled {
            known.extend(crate::provider::dialects().map(|dialect| format!("{DEMO}/{dialect}")));
        }
        nearest(name, known.iter().map(String::as_str), NEAREST_MAX)
            .into_iter()
            .map(str::to_owned)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::{Auth, sample};

    struct World {
        rules: Rules,
        providers: Vec<Provider>,
        demo_enabled: bool,
    }

    /// Providers by name; `!name` is a disabled one.
    fn world(providers: &[&str], rules: &[(&str, &[&str])]) -> World {
        let provider = |name: &&str| {
            let mut provider = sample(
                name.trim_start_matches('!'),
                "https://lab.example",
                Auth::Bearer,
            );
            provider.enabled = !name.starts_with('!');
            provider
        };
        let rule = |(name, targets): &(&str, &[&str])| {
            let target = |target: &&str| {
                let (provider, model) = target.split_once('/').unwrap();
                RuleTarget {
                    provider: provider.to_owned(),
                    model: Pattern::parse(model).unwrap(),
                }
            };
            Rule {
                name: Pattern::parse(name).unwrap(),
                targets: targets.iter().map(target).collect(),
            }
        };
        World {
            rules: Rules(rules.iter().map(rule).collect()),
            providers: providers.iter().map(provider).collect(),
            demo_enabled: true,
        }
    }

    impl World {
        fn resolve(&self, name: &str) -> Resolution {
            let listed = |provider: &str| -> Arc<[String]> {
                match provider {
                    "openai" => ["gpt-5".to_owned(), "gpt-5-mini".to_owned()].into(),
                    "openrouter" => ["openai/gpt-5".to_owned(), "gpt-5".to_owned()].into(),
                    _ => [].into(),
                }
            };
            let directory = Directory {
                rules: &self.rules,
                providers: &self.providers,
                demo_enabled: self.demo_enabled,
                listed: &listed,
            };
            resolve(&directory, name)
        }

        fn candidates(&self, name: &str) -> Vec<String> {
            self.resolve(name)
                .candidates
                .iter()
                .map(ToString::to_string)
                .collect()
        }
    }

    #[test]
    fn an_exact_rule_comes_before_a_wildcard_and_keeps_its_order() {
        let world = world(
            &["lab", "openai"],
            &[("*", &["lab/*"]), ("fast", &["openai/gpt-5-mini", "lab/a"])],
        );
        assert_eq!(world.candidates("fast"), ["openai/gpt-5-mini", "lab/a"]);
        assert_eq!(world.candidates("slow"), ["lab/slow"]);
    }

    #[test]
    fn the_wildcard_with_the_most_literal_characters_wins_and_ties_go_to_the_first() {
        let rules: &[(&str, &[&str])] = &[
            ("*", &["lab/any"]),
            ("claude-*", &["lab/first"]),
            ("claude-*", &["lab/second"]),
            ("claude-opus*", &["lab/opus"]),
        ];
        let world = world(&["lab"], rules);
        assert_eq!(world.candidates("claude-opus-4"), ["lab/opus"]);
        assert_eq!(world.candidates("claude-haiku"), ["lab/first"]);
        assert_eq!(world.candidates("gpt"), ["lab/any"]);
    }

    #[test]
    fn the_star_on_the_right_is_what_the_star_on_the_left_matched() {
        let world = world(
            &["anthropic", "lab"],
            &[("claude-*", &["anthropic/claude-*", "lab/*"])],
        );
        assert_eq!(
            world.candidates("claude-opus"),
            ["anthropic/claude-opus", "lab/opus"]
        );
    }

    #[test]
    fn a_provider_is_addressed_directly_whatever_the_wildcards_say() {
        let world = world(&["lab", "openai"], &[("*", &["openai/gpt-5"])]);
        assert_eq!(world.candidates("lab/llama3:8b"), ["lab/llama3:8b"]);
        assert_eq!(
            world.candidates("lab/meta/llama3:8b"),
            ["lab/meta/llama3:8b"]
        );
        assert_eq!(world.resolve("lab/x").why, Why::Addressed);
    }

    #[test]
    fn a_listed_name_goes_to_every_provider_that_lists_it() {
        assert_eq!(
            world(&["lab", "openai", "openrouter"], &[]).candidates("gpt-5"),
            ["openai/gpt-5", "openrouter/gpt-5"]
        );
    }

    #[test]
    fn a_listed_name_with_a_slash_is_served_where_its_first_segment_is_no_enabled_provider() {
        assert_eq!(
            world(&["openrouter", "lab"], &[]).candidates("openai/gpt-5"),
            ["openrouter/openai/gpt-5"]
        );
        assert_eq!(
            world(&["!openai", "openrouter", "lab"], &[]).candidates("openai/gpt-5"),
            ["openrouter/openai/gpt-5"]
        );
    }

    #[test]
    fn the_persons_own_list_is_believed_before_the_providers() {
        let mut world = world(&["openai", "lab"], &[]);
        world.providers[0].models = Some(["mine".to_owned()].into());
        assert_eq!(world.candidates("mine"), ["openai/mine"]);
        assert!(world.candidates("gpt-5-mini").is_empty());
    }

    #[test]
    fn gemini_clients_may_write_models_in_front() {
        assert_eq!(
            world(&["openai", "lab"], &[]).candidates("models/gpt-5-mini"),
            ["openai/gpt-5-mini"]
        );
    }

    #[test]
    fn the_demo_needs_no_rule_and_no_wildcard_captures_it() {
        let mut world = world(&["lab"], &[("*", &["lab/*"]), ("demo*", &["lab/x"])]);
        assert_eq!(world.candidates("demo"), ["demo/demo"]);
        assert_eq!(world.candidates("demo/anthropic"), ["demo/anthropic"]);
        assert!(world.candidates("demo/cobol").is_empty());
        world.demo_enabled = false;
        assert_eq!(world.candidates("demo"), ["lab/x"]);
    }

    #[test]
    fn an_exact_rule_may_take_the_demos_name() {
        assert_eq!(
            world(&["lab"], &[("demo", &["lab/x"])]).candidates("demo"),
            ["lab/x"]
        );
    }

    #[test]
    fn the_only_enabled_provider_gets_unknown_names_unchanged() {
        let mut world = world(&["lab", "!openai"], &[("fast", &["lab/a"])]);
        assert_eq!(world.candidates("brand-new"), ["lab/brand-new"]);
        world.providers[0].models = Some(["a".to_owned()].into());
        assert!(
            world.candidates("brand-new").is_empty(),
            "the person said what it serves"
        );
    }

    #[test]
    fn a_rule_whose_providers_are_disabled_says_so_instead_of_looking_elsewhere() {
        let world = world(&["!lab", "openai"], &[("gpt-5", &["lab/a", "gone/b"])]);
        let resolution = world.resolve("gpt-5");
        assert!(resolution.candidates.is_empty());
        let message = resolution.fault().unwrap().message;
        assert!(
            message.contains("provider `lab` is disabled, there is no provider `gone`"),
            "{message}"
        );
    }

    #[test]
    fn an_unknown_name_is_told_with_its_nearest() {
        let world = world(&["lab", "openai"], &[("fast", &["lab/a"])]);
        let message = world.resolve("gpt-6").fault().unwrap().message;
        let expected = "no rule and no provider lists `gpt-6`; nearest: `gpt-5`; add a [[models]] rule or address it as provider/model";
        assert_eq!(message, expected);
        assert!(
            world
                .resolve("opnai/gpt-5")
                .fault()
                .unwrap()
                .message
                .contains("`openai/gpt-5`")
        );
        assert!(
            world
                .resolve("demo/antropic")
                .fault()
                .unwrap()
                .message
                .contains("`demo/anthropic`")
        );
    }

    #[test]
    fn an_addressed_provider_that_is_disabled_is_named() {
        let world = world(&["!openai", "lab", "other"], &[]);
        assert!(
            world
                .resolve("openai/o3")
                .fault()
                .unwrap()
                .message
                .contains("provider `openai` is disabled")
        );
    }

    #[test]
    fn a_giant_name_is_not_repeated_in_full() {
        let message = world(&["a", "b"], &[])
            .resolve(&"x".repeat(100_000))
            .fault()
            .unwrap()
            .message;
        assert!(message.len() < 400);
    }

    #[test]
    fn served_names_have_no_fault() {
        assert_eq!(world(&["lab"], &[]).resolve("x").fault(), None);
    }
}
