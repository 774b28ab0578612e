//! Circles of files within a room: a file must not import, by whatever detour, one that imports it.
//!
//! A name that a `mod.rs` takes in with `use child::Name` counts as an import of `child`, so that a
//! re-export hides no circle; the re-export itself is no import. Inline `mod tests` and files below
//! `tests` are left out.

use std::collections::{BTreeMap, BTreeSet};

use super::{Source, opens_module, sources, tokens};

/// The rooms that hold no circle. A room is added when its last circle is cut.
const ROOMS: &[&str] = &["gateway", "pool", "control"];

/// `["gateway", "relay"]` is `src/gateway/relay.rs`, `["gateway"]` is `src/gateway/mod.rs`.
type Module = Vec<String>;

/// One path that a file names, from the crate's root on.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Import {
    path: Module,
    /// The name that it has in the file, where a `use` brings it in.
    alias: Option<String>,
    is_reexport: bool,
}

/// The files of the crate and what each of them names.
struct Files(BTreeMap<Module, Vec<Import>>);

type Edges = BTreeMap<Module, BTreeSet<Module>>;

#[test]
fn no_room_holds_a_circle_of_files() {
    let files = Files::read(&sources());
    for room in ROOMS {
        let edges = files.edges(room);
        assert!(edges.len() > 3, "the files of `{room}` are found");
        if let Some(circle) = circle(&edges) {
            panic!("the files of `{room}` import each other in a circle: {circle}");
        }
    }
}

impl Files {
    fn read(sources: &[Source]) -> Self {
        let files = sources.iter().filter_map(|source| {
            let is_test = source.module.iter().any(|name| name == "tests");
            (!is_test).then(|| (source.module.clone(), source.text()))
        });
        Self::parse(files.collect())
    }

    fn parse(texts: BTreeMap<Module, String>) -> Self {
        let modules: BTreeSet<Module> = texts.keys().cloned().collect();
        let imports = texts
            .into_iter()
            .map(|(module, text)| (module.clone(), imports(&module, &modules, &tokens(&text))));
        Self(imports.collect())
    }

    /// Which file of the room imports which.
    fn edges(&self, room: &str) -> Edges {
        let is_inside = |module: &Module| module.first().is_some_and(|first| first == room);
        let mut edges = Edges::new();
        for (module, imports) in self.0.iter().filter(|(module, _)| is_inside(module)) {
            let targets = imports
                .iter()
                .filter(|import| !import.is_reexport)
                .filter_map(|import| self.file_of(&import.path))
                .filter(|target| is_inside(target) && target != module);
            edges.insert(module.clone(), targets.collect());
        }
        edges
    }

    /// The file that defines what `path` names: the deepest module on it, or the child that this
    /// one has the name from.
    fn file_of(&self, path: &[String]) -> Option<Module> {
        let depth = (1..=path.len())
            .rev()
            .find(|depth| self.0.contains_key(&path[..*depth]))?;
        let module = path[..depth].to_vec();
        let Some(name) = path.get(depth) else {
            return Some(module);
        };
        let taken_in = self.0[&module]
            .iter()
            .find(|import| import.alias.as_ref() == Some(name) && import.path.starts_with(&module));
        match taken_in {
            Some(import) if import.path.as_slice() != path => self.file_of(&import.path),
            _ => Some(module),
        }
    }
}

/// The paths that a file names: in `use`, and where code names them in full.
fn imports(module: &Module, modules: &BTreeSet<Module>, tokens: &[String]) -> Vec<Import> {
    let mut reader = Reader {
        modules,
        tokens,
        scope: module.clone(),
        blocks: Vec::new(),
        found: Vec::new(),
    };
    let mut index = 0;
    while index < tokens.len() {
        index = reader.read(index);
    }
    reader.found
}

struct Reader<'f> {
    modules: &'f BTreeSet<Module>,
    tokens: &'f [String],
    /// The module that is read, with the inline ones around the current token.
    scope: Module,
    /// Whether each open brace is that of an inline module.
    blocks: Vec<bool>,
    found: Vec<Import>,
}

impl Reader<'_> {
    /// Reads from `index` on; returns where to go on.
    fn read(&mut self, index: usize) -> usize {
        let before = &self.tokens[..index];
        match self.tokens[index].as_str() {
            "{" if opens_module(before) && before.last().is_some_and(|name| name == "tests") => {
                return after_block(self.tokens, index);
            }
            "{" => {
                let is_module = opens_module(before);
                let name = before.last().filter(|_| is_module);
                self.scope.extend(name.cloned());
                self.blocks.push(is_module);
            }
            "}" => {
                let was_module = self.blocks.pop().unwrap_or_default();
                self.scope
                    .truncate(self.scope.len() - usize::from(was_module));
            }
            "use" => return self.read_use(index),
            _ if starts_path(self.tokens, index) => self.read_path(index),
            _ => {}
        }
        index + 1
    }

    fn read_use(&mut self, index: usize) -> usize {
        let before = self.tokens[..index].last();
        let is_reexport = before.is_some_and(|last| last == "pub" || last == ")");
        let (tree, end) = use_tree(self.tokens, index + 1);
        for (path, alias) in tree {
            self.add(&path, Some(alias), is_reexport);
        }
        end
    }

    fn read_path(&mut self, index: usize) {
        let leading = self.tokens[index..]
            .chunks(2)
            .take_while(|pair| matches!(pair, [_, colons] if colons == "::"))
            .count();
        let path: Vec<String> = (0..=leading)
            .filter_map(|step| self.tokens.get(index + 2 * step).cloned())
            .collect();
        self.add(&path, None, false);
    }

    fn add(&mut self, path: &[String], alias: Option<String>, is_reexport: bool) {
        let path = absolute(path, &self.scope, self.modules);
        self.found.extend(path.map(|path| Import {
            path,
            alias,
            is_reexport,
        }));
    }
}

fn starts_path(tokens: &[String], index: usize) -> bool {
    let is_continued = index > 0 && tokens[index - 1] == "::";
    !is_continued && tokens.get(index + 1).is_some_and(|next| next == "::")
}

/// The index behind the block that opens at `index`.
fn after_block(tokens: &[String], index: usize) -> usize {
    let mut depth = 0;
    for (offset, token) in tokens[index..].iter().enumerate() {
        match token.as_str() {
            "{" => depth += 1,
            "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return index + offset + 1;
        }
    }
    tokens.len()
}

/// The paths of a `use` tree with the names that they bring in, and the index behind it.
fn use_tree(tokens: &[String], mut index: usize) -> (Vec<(Vec<String>, String)>, usize) {
    let mut path = Vec::new();
    let mut found = Vec::new();
    while let Some(token) = tokens.get(index) {
        match token.as_str() {
            "::" => {}
            "{" => {
                index += 1;
                while tokens.get(index).is_some_and(|token| token != "}") {
                    let (branches, end) = use_tree(tokens, index);
                    found.extend(branches.into_iter().map(|(branch, alias)| {
                        let full = path.iter().cloned().chain(branch).collect();
                        (full, alias)
                    }));
                    index = end + usize::from(tokens.get(end).is_some_and(|token| token == ","));
                }
                return (found, index + 1);
            }
            "as" => {
                let alias = tokens.get(index + 1).cloned().unwrap_or_default();
                return (vec![(path, alias)], index + 2);
            }
            "," | "}" | ";" => break,
            name => path.push(name.to_owned()),
        }
        index += 1;
    }
    if path.last().is_some_and(|last| last == "self") {
        path.pop();
    }
    let alias = path.last().cloned().unwrap_or_default();
    found.push((path, alias));
    (found, index)
}

/// `path` from the crate's root on; `None` where it leads out of the crate.
fn absolute(path: &[String], scope: &Module, modules: &BTreeSet<Module>) -> Option<Module> {
    let ups = path.iter().take_while(|name| *name == "super").count();
    let (base, rest) = match path.first()?.as_str() {
        "crate" => (&[][..], &path[1..]),
        "self" => (scope.as_slice(), &path[1..]),
        "super" => (&scope[..scope.len().checked_sub(ups)?], &path[ups..]),
        child => {
            let child: Module = scope.iter().cloned().chain([child.to_owned()]).collect();
            if !modules.contains(&child) {
                return None;
            }
            (scope.as_slice(), path)
        }
    };
    Some(base.iter().chain(rest).cloned().collect())
}

/// One circle, as `a -> b -> a`.
fn circle(edges: &Edges) -> Option<String> {
    let mut done = BTreeSet::new();
    edges
        .keys()
        .find_map(|start| circle_from(start, edges, &mut Vec::new(), &mut done))
}

fn circle_from(
    module: &Module,
    edges: &Edges,
    trail: &mut Vec<Module>,
    done: &mut BTreeSet<Module>,
) -> Option<String> {
    if let Some(start) = trail.iter().position(|known| known == module) {
        let circle = trail[start..].iter().chain([module]);
        let names: Vec<String> = circle.map(|module| module.join("::")).collect();
        return Some(names.join(" -> "));
    }
    if !done.insert(module.clone()) {
        return None;
    }
    trail.push(module.clone());
    let found = edges
        .get(module)
        .into_iter()
        .flatten()
        .find_map(|next| circle_from(next, edges, trail, done));
    trail.pop();
    found
}

/// The circle in a room `r` of these files.
fn circle_in(files: &[(&str, &str)]) -> Option<String> {
    let texts = files.iter().map(|(path, text)| {
        let module = path.split("::").map(str::to_owned).collect();
        (module, (*text).to_owned())
    });
    circle(&Files::parse(texts.collect()).edges("r"))
}

#[test]
fn every_way_to_close_a_circle_is_found() {
    let ways = [
        "use super::b;",
        "use super::b::{B, C};",
        "use super::{c::C, b::{self, B}};",
        "use crate::r::b::B;",
        "use super::B;",
        "use crate::r::{x, B};",
        "fn f() { super::b::f() }",
        "mod inner { use super::super::b; }",
    ];
    for way in ways {
        let files = [
            ("r", "mod a; mod b; pub use b::B;"),
            ("r::a", way),
            ("r::b", "use super::a::A;"),
        ];
        assert_eq!(
            circle_in(&files).as_deref(),
            Some("r::a -> r::b -> r::a"),
            "{way}"
        );
    }
}

#[test]
fn a_room_whose_root_is_used_by_what_it_uses_is_a_circle() {
    let files = [
        ("r", "mod a; use a::A; pub struct R;"),
        ("r::a", "use super::R;"),
    ];
    assert_eq!(circle_in(&files).as_deref(), Some("r -> r::a -> r"));
}

#[test]
fn imports_in_one_direction_are_no_circle() {
    let files = [
        ("r", "mod a; mod b; mod c; pub use c::C; fn f() { a::f() }"),
        ("r::a", "use super::{C, b::B};"),
        ("r::b", "use super::c; mod tests { use super::super::a; }"),
        ("r::c", "use crate::s::S; use std::fmt;"),
        ("s", "use crate::r::a;"),
    ];
    assert_eq!(circle_in(&files), None);
}
