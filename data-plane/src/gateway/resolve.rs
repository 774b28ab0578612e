//! What a model name becomes: the candidates in the order in which they are tried, and the reason.
//!
//! A name is matched against, in this order: exact rules, `provider/model` and the built-in `demo`,
//! the wildcard rule with the most literal characters, what providers list, and last the only
//! provider there is. With exactly one enabled provider an unknown name goes to it unchanged: the
//! user pointed a client at this gateway to reach that provider, lists are often incomplete
//! (fine-tunes, aliases, new models), and passing the same name on is no substitution; the provider
//! says 404 itself. Where the configuration lists what the provider serves (`models = […]`), that
//! list is final.
//!
//! Pure: no IO, no clock, no accounts.

use std::fmt;
use std::sync::Arc;

use crate::canon::{Blame, Fault, FaultKind, ModelCard};
use crate::language::Language;
use crate::provider::rules::{Pattern, Rule, RuleTarget, Rules};
use crate::provider::{DEMO, Provider, alias, dialect};
use crate::record::{Clauses, Nearest, Reasons, ResolvedBy};
use crate::status::{NotAsked, rfc3339};
use crate::suggestion::nearest;

/// How many similar names an error offers.
const NEAREST_MAX: usize = 3;
/// How much of a client's name an error repeats, in characters.
const NAME_CHARS_MAX: usize = 100;

/// What names are resolved against.
#[derive(Clone, Copy)]
pub struct Directory<'a> {
    pub rules: &'a Rules,
    pub providers: &'a [Provider],
    /// Whether the built-in offline provider serves.
    pub demo_enabled: bool,
    /// A provider's own list; empty where it is not known.
    pub listed: &'a dyn Fn(&str) -> Arc<Vec<ModelCard>>,
}

/// A model at a provider.
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

/// A candidate that a rule names and that cannot serve.
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

impl From<&Skipped> for NotAsked {
    fn from(skipped: &Skipped) -> Self {
        let provider = skipped.candidate.provider.to_string();
        match skipped.reason {
            SkipReason::Disabled => Self::ProviderDisabled { provider },
            SkipReason::Missing => Self::ProviderMissing { provider },
        }
    }
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&NotAsked::from(self).text(Language::English, &rfc3339))
    }
}

/// What the name matched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The `[[models]]` rule of that name.
    Rule(Pattern),
    /// The name says the provider: `provider/model`.
    Addressed,
    Demo,
    /// Providers list it.
    Listed,
    /// There is only one enabled provider.
    OnlyProvider,
    /// The path says the provider: `/p/PROVIDER/…`.
    NamedByPath,
    /// The provider keeps the object that the request is about.
    KeepsObject,
    /// The first enabled provider with the path's dialect.
    FirstOfDialect,
    /// Nothing matched; these names are similar.
    Unknown {
        nearest: Vec<String>,
    },
}

impl Reason {
    /// One word for scripts.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Rule(_) => "rule",
            Self::Addressed => "addressed",
            Self::Demo => "demo",
            Self::Listed => "listed",
            Self::OnlyProvider => "only_provider",
            Self::NamedByPath => "named_by_path",
            Self::KeepsObject => "keeps_object",
            Self::FirstOfDialect => "first_of_dialect",
            Self::Unknown { .. } => "unknown",
        }
    }
}

/// What a name became.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolution {
    /// The name that was asked for, without `models/`, and the first where it was the second.
    pub name: String,
    /// In the order in which they are tried. Empty where nothing can serve the name.
    pub candidates: Vec<Candidate>,
    pub skipped: Vec<Skipped>,
    pub reason: Reason,
}

impl Resolution {
    /// Whether the resolution holds until the configuration changes: what precedes the lists does.
    pub(super) fn is_lasting(&self) -> bool {
        matches!(
            self.reason,
            Reason::Rule(_) | Reason::Addressed | Reason::Demo
        )
    }

    /// The error for a name that nothing serves; `None` where something does.
    pub fn fault(&self) -> Option<Fault> {
        if !self.candidates.is_empty() {
            return None;
        }
        let fault = Fault::new(FaultKind::NoSuchModel, Blame::Client, self.to_string());
        Some(fault.with_param("model"))
    }
}

/// A sentence for people: why these candidates, or why none.
impl fmt::Display for Resolution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.resolved_by())
    }
}

impl Resolution {
    /// Why these candidates, or why none, as records keep it.
    pub fn resolved_by(&self) -> ResolvedBy {
        let name: String = self.name.chars().take(NAME_CHARS_MAX).collect();
        let skipped = || self.skipped.iter().map(NotAsked::from).collect();
        match &self.reason {
            Reason::Rule(pattern) if self.candidates.is_empty() => ResolvedBy::RuleInVain {
                name,
                rule: pattern.to_string(),
                skipped: Reasons(skipped()),
            },
            Reason::Rule(pattern) => ResolvedBy::Rule {
                name,
                rule: pattern.to_string(),
            },
            Reason::Addressed => ResolvedBy::Addressed { name },
            Reason::Demo => ResolvedBy::Demo { name },
            Reason::Listed => ResolvedBy::Listed { name },
            Reason::OnlyProvider => ResolvedBy::OnlyProvider { name },
            Reason::NamedByPath => ResolvedBy::NamedByPath { name },
            Reason::KeepsObject => ResolvedBy::KeepsObject { name },
            Reason::FirstOfDialect => ResolvedBy::FirstOfDialect { name },
            Reason::Unknown { nearest } => ResolvedBy::Unknown {
                name,
                skipped: Clauses(skipped()),
                nearest: Nearest(nearest.clone()),
            },
        }
    }
}

/// Resolves `name`; Gemini's clients may write `models/` in front of it, and Claude Code may ask by
/// the second name of a model.
pub fn resolve(directory: &Directory<'_>, name: &str) -> Resolution {
    let name = alias::meant(name.strip_prefix("models/").unwrap_or(name));
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
        reason: found.reason,
    }
}

/// A resolution without the name.
struct Match {
    candidates: Vec<Candidate>,
    skipped: Vec<Skipped>,
    reason: Reason,
}

impl Match {
    fn new(candidates: Vec<Candidate>, reason: Reason) -> Self {
        Self {
            candidates,
            skipped: Vec::new(),
            reason,
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
    fn by_exact_rule(&self, name: &str) -> Option<Match> {
        self.rules.exact(name).map(|rule| self.apply(rule, name))
    }

    fn by_wildcard(&self, name: &str) -> Option<Match> {
        self.rules.wildcard(name).map(|rule| self.apply(rule, name))
    }

    fn apply(&self, rule: &Rule, name: &str) -> Match {
        let captured = rule.name.captures(name).unwrap_or_default();
        let mut found = Match::new(Vec::new(), Reason::Rule(rule.name.clone()));
        for RuleTarget { provider, model } in &rule.targets {
            let candidate = candidate(provider, &model.fill(captured));
            match self.skip_reason(provider) {
                None => found.candidates.push(candidate),
                Some(reason) => found.skipped.push(Skipped { candidate, reason }),
            }
        }
        found
    }

    /// `demo` and `demo/<dialect>`: no wildcard rule matches them while the built-in provider
    /// serves.
    fn by_demo(&self, name: &str) -> Option<Match> {
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
            Match::new(vec![candidate(DEMO, model)], Reason::Demo)
        } else {
            self.unknown(name)
        })
    }

    fn by_address(&self, name: &str) -> Option<Match> {
        let (provider, model) = name
            .split_once('/')
            .filter(|(_, model)| !model.is_empty())?;
        self.enabled().find(|known| known.name == provider)?;
        Some(Match::new(
            vec![candidate(provider, model)],
            Reason::Addressed,
        ))
    }

    fn by_list(&self, name: &str) -> Option<Match> {
        let serving = self
            .enabled()
            .filter(|provider| self.ids(provider).iter().any(|id| id == name));
        let candidates: Vec<Candidate> = serving
            .map(|provider| candidate(&provider.name, name))
            .collect();
        (!candidates.is_empty()).then(|| Match::new(candidates, Reason::Listed))
    }

    fn by_only_provider(&self, name: &str) -> Option<Match> {
        let mut enabled = self.enabled();
        let only = enabled
            .next()
            .filter(|provider| provider.models.is_none())?;
        let is_only = enabled.next().is_none() && !name.is_empty();
        is_only.then(|| Match::new(vec![candidate(&only.name, name)], Reason::OnlyProvider))
    }

    fn unknown(&self, name: &str) -> Match {
        Match {
            candidates: Vec::new(),
            skipped: self.disabled_address(name).into_iter().collect(),
            reason: Reason::Unknown {
                nearest: self.nearest(name),
            },
        }
    }

    /// The disabled provider that the name addresses.
    fn disabled_address(&self, name: &str) -> Option<Skipped> {
        let (provider, model) = name.split_once('/')?;
        let reason = self
            .skip_reason(provider)
            .filter(|reason| *reason == SkipReason::Disabled)?;
        Some(Skipped {
            candidate: candidate(provider, model),
            reason,
        })
    }

    /// Why a provider cannot be a candidate; `None` where it can.
    fn skip_reason(&self, provider: &str) -> Option<SkipReason> {
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

    /// The model ids that a provider serves: as configured, else from its own list.
    fn ids<'p>(&self, provider: &'p Provider) -> ModelIds<'p> {
        match &provider.models {
            Some(models) => ModelIds::Configured(models),
            None => ModelIds::Listed((self.listed)(&provider.name)),
        }
    }

    fn nearest(&self, name: &str) -> Vec<String> {
        let exact_rules = self.rules.0.iter().filter(|rule| !rule.name.is_wild());
        let mut own: Vec<String> = exact_rules.map(|rule| rule.name.to_string()).collect();
        if self.demo_enabled {
            own.extend(crate::provider::dialects().map(|dialect| format!("{DEMO}/{dialect}")));
        }
        let lists: Vec<_> = self.enabled().map(|provider| self.ids(provider)).collect();
        let ids = lists.iter().flat_map(ModelIds::iter);
        let known = own.iter().map(String::as_str).chain(ids);
        let mut found = self.nearest_addresses(name);
        let names = nearest(name, known, NEAREST_MAX);
        found.extend(names.into_iter().map(str::to_owned));
        found.truncate(NEAREST_MAX);
        found
    }

    /// The addresses that a mistyped provider may have meant. The model after it is not compared:
    /// it is the same in all of them, and as long as the client likes.
    fn nearest_addresses(&self, name: &str) -> Vec<String> {
        let Some((provider, model)) = name.split_once('/') else {
            return Vec::new();
        };
        let model: String = model.chars().take(NAME_CHARS_MAX).collect();
        let known = self.enabled().map(|known| known.name.as_str());
        nearest(provider, known, NEAREST_MAX)
            .into_iter()
            .map(|provider| format!("{provider}/{model}"))
            .collect()
    }
}

/// The ids of a provider's models, as they are kept.
enum ModelIds<'p> {
    Configured(&'p [String]),
    Listed(Arc<Vec<ModelCard>>),
}

impl ModelIds<'_> {
    fn iter(&self) -> impl Iterator<Item = &str> {
        let (configured, listed) = match self {
            Self::Configured(ids) => (*ids, &[][..]),
            Self::Listed(cards) => (&[][..], &cards[..]),
        };
        let listed = listed.iter().map(|card| &*card.id);
        configured.iter().map(String::as_str).chain(listed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::{Auth, sample};

    struct Fixture {
        rules: Rules,
        providers: Vec<Provider>,
        demo_enabled: bool,
    }

    /// Providers by name; `!name` is a disabled one.
    fn fixture(providers: &[&str], rules: &[(&str, &[&str])]) -> Fixture {
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
        Fixture {
            rules: Rules(rules.iter().map(rule).collect()),
            providers: providers.iter().map(provider).collect(),
            demo_enabled: true,
        }
    }

    impl Fixture {
        fn resolve(&self, name: &str) -> Resolution {
            let card = |id: &&str| ModelCard {
                id: (*id).to_owned(),
                ..ModelCard::default()
            };
            let list = |ids: [&str; 2]| Arc::new(ids.iter().map(card).collect());
            let listed = |provider: &str| match provider {
                "openai" => list(["gpt-5", "gpt-5-mini"]),
                "openrouter" => list(["openai/gpt-5", "gpt-5"]),
                _ => Arc::default(),
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
    fn a_second_name_becomes_what_the_first_becomes() {
        let fixture = fixture(
            &["lab", "openai"],
            &[
                ("claude*", &["lab/claude*"]),
                ("fast", &["openai/gpt-5-mini"]),
            ],
        );
        assert_eq!(fixture.candidates("claude~fast"), ["openai/gpt-5-mini"]);
        assert_eq!(fixture.candidates("claude~openai/o3"), ["openai/o3"]);
        assert_eq!(fixture.candidates("claude-x"), ["lab/claude-x"]);
    }

    #[test]
    fn an_exact_rule_comes_before_a_wildcard_and_keeps_its_order() {
        let fixture = fixture(
            &["lab", "openai"],
            &[("*", &["lab/*"]), ("fast", &["openai/gpt-5-mini", "lab/a"])],
        );
        assert_eq!(fixture.candidates("fast"), ["openai/gpt-5-mini", "lab/a"]);
        assert_eq!(fixture.candidates("slow"), ["lab/slow"]);
    }

    #[test]
    fn the_wildcard_with_the_most_literal_characters_wins_and_ties_go_to_the_first() {
        let rules: &[(&str, &[&str])] = &[
            ("*", &["lab/any"]),
            ("claude-*", &["lab/first"]),
            ("claude-*", &["lab/second"]),
            ("claude-opus*", &["lab/opus"]),
        ];
        let fixture = fixture(&["lab"], rules);
        assert_eq!(fixture.candidates("claude-opus-4"), ["lab/opus"]);
        assert_eq!(fixture.candidates("claude-haiku"), ["lab/first"]);
        assert_eq!(fixture.candidates("gpt"), ["lab/any"]);
    }

    #[test]
    fn the_star_on_the_right_is_what_the_star_on_the_left_matched() {
        let fixture = fixture(
            &["anthropic", "lab"],
            &[("claude-*", &["anthropic/claude-*", "lab/*"])],
        );
        assert_eq!(
            fixture.candidates("claude-opus"),
            ["anthropic/claude-opus", "lab/opus"]
        );
    }

    #[test]
    fn a_provider_is_addressed_directly_whatever_the_wildcards_say() {
        let fixture = fixture(&["lab", "openai"], &[("*", &["openai/gpt-5"])]);
        assert_eq!(fixture.candidates("lab/llama3:8b"), ["lab/llama3:8b"]);
        assert_eq!(
            fixture.candidates("lab/meta/llama3:8b"),
            ["lab/meta/llama3:8b"]
        );
        assert_eq!(fixture.resolve("lab/x").reason, Reason::Addressed);
    }

    #[test]
    fn a_listed_name_goes_to_every_provider_that_lists_it() {
        assert_eq!(
            fixture(&["lab", "openai", "openrouter"], &[]).candidates("gpt-5"),
            ["openai/gpt-5", "openrouter/gpt-5"]
        );
    }

    #[test]
    fn a_listed_name_with_a_slash_is_served_where_its_first_segment_is_no_enabled_provider() {
        assert_eq!(
            fixture(&["openrouter", "lab"], &[]).candidates("openai/gpt-5"),
            ["openrouter/openai/gpt-5"]
        );
        assert_eq!(
            fixture(&["!openai", "openrouter", "lab"], &[]).candidates("openai/gpt-5"),
            ["openrouter/openai/gpt-5"]
        );
    }

    #[test]
    fn the_persons_own_list_is_believed_before_the_providers() {
        let mut fixture = fixture(&["openai", "lab"], &[]);
        fixture.providers[0].models = Some(["mine".to_owned()].into());
        assert_eq!(fixture.candidates("mine"), ["openai/mine"]);
        assert!(fixture.candidates("gpt-5-mini").is_empty());
    }

    #[test]
    fn gemini_clients_may_write_models_in_front() {
        assert_eq!(
            fixture(&["openai", "lab"], &[]).candidates("models/gpt-5-mini"),
            ["openai/gpt-5-mini"]
        );
    }

    #[test]
    fn the_demo_needs_no_rule_and_no_wildcard_captures_it() {
        let mut fixture = fixture(&["lab"], &[("*", &["lab/*"]), ("demo*", &["lab/x"])]);
        assert_eq!(fixture.candidates("demo"), ["demo/demo"]);
        assert_eq!(fixture.candidates("demo/anthropic"), ["demo/anthropic"]);
        assert!(fixture.candidates("demo/cobol").is_empty());
        fixture.demo_enabled = false;
        assert_eq!(fixture.candidates("demo"), ["lab/x"]);
    }

    #[test]
    fn an_exact_rule_may_take_the_demos_name() {
        assert_eq!(
            fixture(&["lab"], &[("demo", &["lab/x"])]).candidates("demo"),
            ["lab/x"]
        );
    }

    #[test]
    fn the_only_enabled_provider_gets_unknown_names_unchanged() {
        let mut fixture = fixture(&["lab", "!openai"], &[("fast", &["lab/a"])]);
        assert_eq!(fixture.candidates("brand-new"), ["lab/brand-new"]);
        fixture.providers[0].models = Some(["a".to_owned()].into());
        assert!(
            fixture.candidates("brand-new").is_empty(),
            "the person said what it serves"
        );
    }

    #[test]
    fn a_rule_whose_providers_are_disabled_says_so_instead_of_looking_elsewhere() {
        let fixture = fixture(&["!lab", "openai"], &[("gpt-5", &["lab/a", "gone/b"])]);
        let resolution = fixture.resolve("gpt-5");
        assert!(resolution.candidates.is_empty());
        let message = resolution.fault().unwrap().message;
        assert!(
            message.contains("provider `lab` is disabled, there is no provider `gone`"),
            "{message}"
        );
    }

    #[test]
    fn an_unknown_name_is_told_with_its_nearest() {
        let fixture = fixture(&["lab", "openai"], &[("fast", &["lab/a"])]);
        let message = fixture.resolve("gpt-6").fault().unwrap().message;
        let expected = "no rule and no provider lists `gpt-6`; nearest: `gpt-5`; add a [[models]] rule or address it as provider/model";
        assert_eq!(message, expected);
        assert!(
            fixture
                .resolve("opnai/gpt-5")
                .fault()
                .unwrap()
                .message
                .contains("`openai/gpt-5`")
        );
        assert!(
            fixture
                .resolve("demo/antropic")
                .fault()
                .unwrap()
                .message
                .contains("`demo/anthropic`")
        );
    }

    #[test]
    fn an_addressed_provider_that_is_disabled_is_named() {
        let fixture = fixture(&["!openai", "lab", "other"], &[]);
        assert!(
            fixture
                .resolve("openai/o3")
                .fault()
                .unwrap()
                .message
                .contains("provider `openai` is disabled")
        );
    }

    #[test]
    fn a_giant_name_is_not_repeated_in_full() {
        let message = fixture(&["a", "b"], &[])
            .resolve(&"x".repeat(100_000))
            .fault()
            .unwrap()
            .message;
        assert!(message.len() < 400);
    }

    #[test]
    fn served_names_have_no_fault() {
        assert_eq!(fixture(&["lab"], &[]).resolve("x").fault(), None);
    }
}
