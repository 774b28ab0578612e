//! Model rules: which names clients may use, and where requests go.
//!
//! A rule is data with a match. The gateway chooses among rules.

/// A name with at most one `*`, which matches any characters, or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pattern {
    Exact(String),
    Wild { before: String, after: String },
}

impl Pattern {
    /// Parses the form of the configuration. `None` where it has more than one `*`.
    pub fn parse(text: &str) -> Option<Self> {
        match text.split_once('*') {
            None => Some(Self::Exact(text.to_owned())),
            Some((_, after)) if after.contains('*') => None,
            Some((before, after)) => Some(Self::Wild {
                before: before.to_owned(),
                after: after.to_owned(),
            }),
        }
    }

    /// What `*` matches in `name`. `None` where the pattern does not match.
    pub fn captures<'a>(&self, name: &'a str) -> Option<&'a str> {
        match self {
            Self::Exact(exact) => (exact == name).then_some(""),
            Self::Wild { before, after } => name
                .strip_prefix(before.as_str())?
                .strip_suffix(after.as_str()),
        }
    }

    /// The pattern with `captured` in the place of its `*`.
    pub fn fill(&self, captured: &str) -> String {
        match self {
            Self::Exact(exact) => exact.clone(),
            Self::Wild { before, after } => format!("{before}{captured}{after}"),
        }
    }

    pub fn is_wild(&self) -> bool {
        matches!(self, Self::Wild { .. })
    }

    /// How many characters are fixed: the more, the more specific the pattern.
    pub fn literal_chars(&self) -> usize {
        match self {
            Self::Exact(exact) => exact.chars().count(),
            Self::Wild { before, after } => before.chars().count() + after.chars().count(),
        }
    }
}

impl std::fmt::Display for Pattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.fill("*"))
    }
}

/// Where a rule sends a request: `*` in the model is what `*` in the rule's name matched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleTarget {
    pub provider: String,
    pub model: Pattern,
}

/// A name, and the targets that are tried for it, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    pub name: Pattern,
    pub targets: Vec<RuleTarget>,
}

/// All rules in the order of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules(pub Vec<Rule>);

impl Rules {
    /// The rule for exactly this name.
    pub fn exact(&self, name: &str) -> Option<&Rule> {
        self.0
            .iter()
            .find(|rule| !rule.name.is_wild() && rule.name.captures(name).is_some())
    }

    /// The matching wildcard rule with the most literal characters; the first in the file among
    /// equals.
    pub fn wildcard(&self, name: &str) -> Option<&Rule> {
        let matching = self
            .0
            .iter()
            .filter(|rule| rule.name.is_wild() && rule.name.captures(name).is_some());
        // `max_by_key` takes the last of equals.
        matching.rev().max_by_key(|rule| rule.name.literal_chars())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn captured<'a>(pattern: &str, name: &'a str) -> Option<&'a str> {
        Pattern::parse(pattern).unwrap().captures(name)
    }

    #[test]
    fn a_star_stands_for_any_characters() {
        assert_eq!(captured("claude-*", "claude-opus"), Some("opus"));
        assert_eq!(captured("*-mini", "gpt-5-mini"), Some("gpt-5"));
        assert_eq!(captured("a*z", "az"), Some(""));
        assert_eq!(captured("*", "lab/llama3:8b"), Some("lab/llama3:8b"));
        assert_eq!(captured("claude-*", "gpt-5"), None);
    }

    #[test]
    fn the_two_sides_of_a_star_do_not_share_characters() {
        assert_eq!(captured("aba*aba", "aba"), None);
        assert_eq!(captured("aba*aba", "ababa"), None);
        assert_eq!(captured("aba*aba", "abaaba"), Some(""));
    }

    #[test]
    fn two_stars_are_no_pattern() {
        assert_eq!(Pattern::parse("a*b*"), None);
    }

    #[test]
    fn filling_a_pattern_with_its_star_gives_it_back() {
        for text in ["claude-*", "*", "gpt-5", "a*z"] {
            assert_eq!(Pattern::parse(text).unwrap().to_string(), text);
        }
    }
}
