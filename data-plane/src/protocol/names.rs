//! Maps tool names and call ids to what a target accepts, and back.
//!
//! The mapping is one to one. A name that fits stays, a namespace is flattened to
//! `namespace__name`, and a name that the target refuses (characters, length) is replaced and made
//! unique by a short hash. [`Restore`] undoes it in the answer.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::property_names::PropertyNames;
use crate::canon::{
    Event, Located, Losses, Offset, PartHead, Request, Response, ResponsePart, Tool, ToolChoice,
    ToolKind, ToolName,
};
use crate::json::{self, EscapedStr, Invalid, Value};

/// The tool names that a dialect accepts.
#[derive(Clone, Copy, Debug)]
pub struct NameRules {
    pub len_max: usize,
    /// Characters besides letters and digits.
    pub also: &'static [u8],
    /// Whether the first character has to be a letter or `_`.
    pub starts_with_letter: bool,
}

/// Decodes the tool name of a call in an upstream's answer.
///
/// # Errors
/// When it is no string, or is empty: no client could run the call.
pub fn decode_called(name: Value<'_>) -> Result<EscapedStr, Invalid> {
    let text = name.text()?;
    if text.is_empty() {
        Err(name.expected("the name of a tool"))
    } else {
        Ok(text)
    }
}

/// The names of one request's tools on the wire of a target.
#[derive(Debug)]
pub struct Names<'r> {
    tools: &'r [Tool],
    rules: NameRules,
    /// The names of the tools that have no namespace, once one with a namespace asked for them.
    plain: OnceCell<HashSet<EscapedStr>>,
}

impl<'r> Names<'r> {
    pub fn new(request: &'r Request, rules: NameRules) -> Self {
        Self {
            tools: &request.tools,
            rules,
            plain: OnceCell::new(),
        }
    }

    /// The name on the wire. The same for the same tool, whether in the list, in a choice or in
    /// history.
    pub fn wire(&self, name: &EscapedStr, namespace: Option<&EscapedStr>) -> EscapedStr {
        let plain = name.to_plain();
        let Some(namespace) = namespace else {
            return fit(&plain, self.rules, false).map_or_else(|| name.clone(), EscapedStr::from);
        };
        let flat = format!("{}__{plain}", namespace.to_plain());
        let name = EscapedStr::from(flat.as_str());
        let is_taken = self.plain_names().contains(&name);
        fit(&flat, self.rules, is_taken).map_or(name, EscapedStr::from)
    }

    fn plain_names(&self) -> &HashSet<EscapedStr> {
        self.plain.get_or_init(|| {
            let plain = self.tools.iter().filter(|tool| tool.namespace().is_none());
            plain.filter_map(Tool::name).cloned().collect()
        })
    }

    /// Keeps the first tool of each name, as targets refuse a second one, and reports the others.
    /// `wire` names a tool for the target; one without a name is kept.
    pub fn keep_first<N: Eq + Hash>(
        tools: &mut Vec<&'r Tool>,
        wire: impl Fn(&'r Tool) -> Option<N>,
        losses: &mut Losses,
    ) {
        let mut names = HashSet::with_capacity(tools.len());
        tools.retain(|tool| {
            let is_first = wire(tool).is_none_or(|name| names.insert(name));
            if !is_first {
                losses.dropped(tool.at);
            }
            is_first
        });
    }

    /// The name of a function or custom tool on the wire.
    pub fn of_tool(&self, tool: &Tool) -> Option<EscapedStr> {
        Some(self.wire(tool.name()?, tool.namespace()))
    }

    /// What undoes the mapping in the answer. `wraps_free` = the target has no free-text input, so
    /// that custom tools are functions with one property `input` there.
    pub fn restore(&self, wraps_free: bool) -> Restore {
        let mut restore = Restore::default();
        for tool in self.tools {
            if let Some((wire, entry)) = self.entry(tool, wraps_free) {
                restore.entries.entry(wire).or_insert(entry);
            }
        }
        restore
    }

    fn entry(&self, tool: &Tool, wraps_free: bool) -> Option<(EscapedStr, Entry)> {
        let name = tool.name()?;
        let wire = self.wire(name, tool.namespace());
        let unwraps = wraps_free && matches!(tool.kind, ToolKind::Free { .. });
        let is_changed = wire != *name || tool.namespace().is_some() || unwraps;
        is_changed.then(|| {
            let rework = unwraps.then_some(Rework::Unwrap);
            (wire, Entry::of(tool, name, rework))
        })
    }
}

impl Tool {
    pub fn namespace(&self) -> Option<&EscapedStr> {
        match &self.kind {
            ToolKind::Function { namespace, .. } | ToolKind::Free { namespace, .. } => {
                namespace.as_ref()
            }
            ToolKind::Hosted { .. } => None,
        }
    }

    /// What a choice names the tool by.
    pub fn full_name(&self) -> Option<ToolName> {
        Some(ToolName {
            name: self.name()?.clone(),
            namespace: self.namespace().cloned(),
        })
    }
}

/// The tools that a choice is restricted to, for targets that cannot restrict it: the others are left
/// out there.
pub fn subset(choice: &Located<ToolChoice>) -> Option<HashSet<&ToolName>> {
    match &choice.value {
        ToolChoice::Subset { tools, .. } => Some(tools.iter().collect()),
        _ => None,
    }
}

/// A call id as a target accepts it: letters, digits, `_`, `-`, at most `len_max` characters. The
/// same for the call and its result.
pub fn call_id(id: &EscapedStr, len_max: usize) -> EscapedStr {
    let rules = NameRules {
        len_max,
        also: b"_-",
        starts_with_letter: false,
    };
    fit(&id.to_plain(), rules, false).map_or_else(|| id.clone(), EscapedStr::from)
}

/// A call id of at most `len_max` bytes, with any characters. A longer one keeps its start and gets a
/// hash.
pub fn shortened(id: &EscapedStr, len_max: usize) -> EscapedStr {
    let plain = id.to_plain();
    if plain.len() <= len_max {
        return id.clone();
    }
    let hash = short_hash(&plain);
    let room = len_max - hash.len() - 1;
    let start = (0..=room)
        .rev()
        .find(|&at| plain.is_char_boundary(at))
        .unwrap_or_default();
    EscapedStr::from(format!("{}_{hash}", &plain[..start]))
}

/// Refuses more tools than a target takes, by the first of those that are too many: leaving it out
/// would take from the model what the client offers it.
pub fn refuse_excess(losses: &mut Losses, tools: &[&Tool], max: usize, target: &str) {
    if let Some(excess) = tools.get(max) {
        let name = excess.name().map(shown).unwrap_or_default();
        let count = tools.len();
        losses.refuse(
            excess.at,
            format!("tool `{name}`: {target} takes at most {max} tools, found {count}"),
        );
    }
}

/// Refuses the schema of a tool, which stands at `at`. `why` says what the target does not take.
pub fn refuse_schema(losses: &mut Losses, tool: &Tool, at: Offset, why: &str) {
    let name = tool.name().map(shown).unwrap_or_default();
    losses.refuse(at, format!("tool `{name}`: {why}"));
}

/// An opaque id of a user or a cache that fits; a longer one keeps its head and gets a hash, so that
/// it stays its own.
pub fn opaque_id(id: &Located<EscapedStr>, len_max: usize, losses: &mut Losses) -> EscapedStr {
    if id.value.as_escaped().len() <= len_max {
        return id.value.clone();
    }
    losses.adjusted(id.at);
    call_id(&id.value, len_max)
}

/// Changes `name` so that it fits. `None` where it fits as it is and is not `is_taken` by another.
pub(super) fn fit(name: &str, rules: NameRules, is_taken: bool) -> Option<String> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || rules.also.contains(&byte);
    let starts_well = !rules.starts_with_letter
        || name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    if !is_taken
        && !name.is_empty()
        && name.len() <= rules.len_max
        && starts_well
        && name.bytes().all(fits)
    {
        return None;
    }
    let hash = short_hash(name);
    let head = if starts_well { "" } else { "_" };
    let kept = name.chars().map(|character| {
        if character.is_ascii() && fits(character as u8) {
            character
        } else {
            '_'
        }
    });
    let room = rules.len_max - hash.len() - 1 - head.len();
    Some(format!(
        "{head}{}_{hash}",
        kept.take(room).collect::<String>()
    ))
}

/// Eight hexadecimal digits of a hash, to tell names apart.
pub fn short_hash(of: &str) -> String {
    let digest = Sha256::digest(of.as_bytes());
    hex::encode(&digest[..4])
}

/// Restores the client's names and forms of tool calls in an answer.
#[derive(Clone, Debug, Default)]
pub struct Restore {
    /// By the name on the wire.
    entries: HashMap<EscapedStr, Entry>,
    /// The arguments so far of a call whose input is being reworked.
    buffered: Option<(Rework, Vec<EscapedStr>)>,
}

#[derive(Clone, Debug)]
struct Entry {
    name: EscapedStr,
    namespace: Option<EscapedStr>,
    rework: Option<Rework>,
}

/// What the arguments of a call become for the client. They are whole by then.
#[derive(Clone, Debug)]
enum Rework {
    /// The client's tool takes free text, and the arguments hold it as `input`.
    Unwrap,
    Rename(Arc<PropertyNames>),
}

impl Entry {
    fn of(tool: &Tool, name: &EscapedStr, rework: Option<Rework>) -> Self {
        Self {
            name: name.clone(),
            namespace: tool.namespace().cloned(),
            rework,
        }
    }
}

impl Rework {
    fn apply(&self, arguments: &EscapedStr) -> EscapedStr {
        match self {
            Self::Unwrap => unwrap_input(arguments),
            Self::Rename(names) => names.restored(arguments),
        }
    }

    fn yields_free_text(&self) -> bool {
        matches!(self, Self::Unwrap)
    }
}

impl Restore {
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Restores the names of a tool's arguments too.
    pub fn rename(&mut self, tool: &Tool, wire: EscapedStr, names: PropertyNames) {
        let Some(name) = tool.name() else { return };
        let entry = self.entries.entry(wire);
        let entry = entry.or_insert_with(|| Entry::of(tool, name, None));
        entry.rework = Some(Rework::Rename(Arc::new(names)));
    }

    /// Restores events in place.
    pub fn events(&mut self, events: &mut Vec<Event>) {
        if self.is_empty() {
            return;
        }
        let mut restored = Vec::with_capacity(events.len());
        for event in events.drain(..) {
            self.event(event, &mut restored);
        }
        *events = restored;
    }

    fn event(&mut self, event: Event, out: &mut Vec<Event>) {
        match event {
            Event::PartStart { at, mut head } => {
                let rework = self.head(&mut head);
                self.buffered = rework.map(|rework| (rework, Vec::new()));
                out.push(Event::PartStart { at, head });
            }
            Event::Delta { at, text } => match &mut self.buffered {
                Some((_, pieces)) => pieces.push(text),
                None => out.push(Event::Delta { at, text }),
            },
            Event::PartEnd { at } => {
                if let Some((rework, pieces)) = self.buffered.take() {
                    let text = rework.apply(&EscapedStr::join(&pieces, ""));
                    out.push(Event::Delta { at, text });
                }
                out.push(Event::PartEnd { at });
            }
            event => out.push(event),
        }
    }

    /// Restores a whole answer in place.
    pub fn response(&self, response: &mut Response) {
        for part in response
            .choices
            .iter_mut()
            .flat_map(|choice| &mut choice.parts)
        {
            self.part(part);
        }
    }

    fn part(&self, part: &mut ResponsePart) {
        if let Some(rework) = self.head(&mut part.head) {
            part.texts = vec![rework.apply(&EscapedStr::join(&part.texts, ""))];
        }
    }

    /// Restores the name; what the arguments become.
    fn head(&self, head: &mut PartHead) -> Option<Rework> {
        let PartHead::ToolCall {
            name,
            namespace,
            free,
            ..
        } = head
        else {
            return None;
        };
        if self.is_empty() {
            return None;
        }
        let entry = self.entries.get(name)?;
        (*name, *namespace) = (entry.name.clone(), entry.namespace.clone());
        *free = *free || entry.rework.as_ref().is_some_and(Rework::yields_free_text);
        entry.rework.clone()
    }
}

/// The free text out of `{"input": …}`; the arguments as they are where they hold none.
fn unwrap_input(arguments: &EscapedStr) -> EscapedStr {
    let inner = |document: &json::Document| document.root().get("input")?.text().ok();
    arguments
        .parse()
        .ok()
        .and_then(|document| inner(&document))
        .unwrap_or_else(|| arguments.clone())
}

/// A name for people: quoted, cut short.
pub fn shown(name: &EscapedStr) -> Cow<'_, str> {
    match name.to_plain() {
        plain if plain.chars().count() <= 64 => plain,
        plain => Cow::Owned(plain.chars().take(64).chain(['\u{2026}']).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canon::PartIndex;
    use crate::json::Raw;

    const RULES: NameRules = NameRules {
        len_max: 64,
        also: b"_-",
        starts_with_letter: false,
    };

    fn free_tool(name: &str, namespace: Option<&str>) -> Tool {
        let kind = ToolKind::Free {
            name: name.into(),
            namespace: namespace.map(EscapedStr::from),
            description: None,
            grammar: None,
            cache: None,
        };
        Tool {
            kind,
            at: Offset(0),
        }
    }

    #[test]
    fn a_call_without_a_name_is_refused() {
        let name = |json: &'static str| decode_called(Raw::from_static(json).document().root());
        assert_eq!(name(r#""f""#), Ok("f".into()));
        assert!(name(r#""""#).is_err() && name("1").is_err());
    }

    #[test]
    fn names_that_fit_stay_and_others_are_told_apart() {
        let request = Request::default();
        let names = Names::new(&request, RULES);
        assert_eq!(names.wire(&"get_weather".into(), None), "get_weather");
        let (dotted, spaced) = (
            names.wire(&"a.b".into(), None),
            names.wire(&"a b".into(), None),
        );
        assert!(dotted.to_plain().starts_with("a_b_") && dotted != spaced);
        assert_eq!(
            names.wire(&"x".repeat(100).into(), None).to_plain().len(),
            64
        );
        assert_eq!(names.wire(&"run".into(), Some(&"ns".into())), "ns__run");
    }

    #[test]
    fn a_flattened_name_never_takes_anothers_place() {
        let request = Request {
            tools: vec![free_tool("ns__run", None), free_tool("run", Some("ns"))],
            ..Request::default()
        };
        let names = Names::new(&request, RULES);
        assert_ne!(
            names.wire(&"run".into(), Some(&"ns".into())),
            names.wire(&"ns__run".into(), None)
        );
    }

    /// Took the square of the number of tools once: minutes for these.
    #[test]
    fn many_namespaced_tools_are_no_more_work_each() {
        const TOOLS: usize = 50_000;
        let tools = (0..TOOLS).map(|n| free_tool(&format!("t{n}"), Some("ns")));
        let request = Request {
            tools: tools.collect(),
            ..Request::default()
        };
        let restore = Names::new(&request, RULES).restore(true);
        for n in 0..TOOLS {
            let mut head = PartHead::ToolCall {
                id: "c".into(),
                name: format!("ns__t{n}").into(),
                namespace: None,
                free: false,
            };
            assert!(restore.head(&mut head).is_some());
        }
    }

    #[test]
    fn free_text_is_unwrapped_on_the_way_back() {
        let request = Request {
            tools: vec![free_tool("run", Some("ns"))],
            ..Request::default()
        };
        let mut restore = Names::new(&request, RULES).restore(true);
        let at = PartIndex::default();
        let head = |name: &str, namespace: Option<&str>, free| PartHead::ToolCall {
            id: "c".into(),
            name: name.into(),
            namespace: namespace.map(EscapedStr::from),
            free,
        };
        let mut events = vec![
            Event::PartStart {
                at,
                head: head("ns__run", None, false),
            },
            Event::Delta {
                at,
                text: r#"{"inp"#.into(),
            },
            Event::Delta {
                at,
                text: r#"ut":"a\nb"}"#.into(),
            },
            Event::PartEnd { at },
        ];
        restore.events(&mut events);
        let expected = [
            Event::PartStart {
                at,
                head: head("run", Some("ns"), true),
            },
            Event::Delta {
                at,
                text: "a\nb".into(),
            },
            Event::PartEnd { at },
        ];
        assert_eq!(events, expected);
    }
}
