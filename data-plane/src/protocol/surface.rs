//! Paths of a vendor's API that pass as they are: what they are about, where their model stands,
//! and which object they make or use. Each dialect holds a table of them.
//!
//! A path is one row. Nothing here reads a body or chooses an account.

use http::Method;

use super::PassthroughHeaders;
use super::query::QueryParameters;
use crate::canon::Dialect;

/// What a path is about: the names by which records tell such requests apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Surface {
    Audio,
    Batches,
    CachedContents,
    ChatCompletions,
    Containers,
    Conversations,
    FileSearchStores,
    Files,
    FineTuning,
    Images,
    Interactions,
    Moderations,
    Operations,
    Predictions,
    Responses,
    Skills,
    Uploads,
    VectorStores,
    Videos,
}

impl Surface {
    pub const ALL: [Self; 19] = [
        Self::Audio,
        Self::Batches,
        Self::CachedContents,
        Self::ChatCompletions,
        Self::Containers,
        Self::Conversations,
        Self::FileSearchStores,
        Self::Files,
        Self::FineTuning,
        Self::Images,
        Self::Interactions,
        Self::Moderations,
        Self::Operations,
        Self::Predictions,
        Self::Responses,
        Self::Skills,
        Self::Uploads,
        Self::VectorStores,
        Self::Videos,
    ];

    /// Its word, which is stored and shown.
    pub fn name(self) -> &'static str {
        match self {
            Self::Audio => "audio",
            Self::Batches => "batches",
            Self::CachedContents => "cached_contents",
            Self::ChatCompletions => "chat_completions",
            Self::Containers => "containers",
            Self::Conversations => "conversations",
            Self::FileSearchStores => "file_search_stores",
            Self::Files => "files",
            Self::FineTuning => "fine_tuning",
            Self::Images => "images",
            Self::Interactions => "interactions",
            Self::Moderations => "moderations",
            Self::Operations => "operations",
            Self::Predictions => "predictions",
            Self::Responses => "responses",
            Self::Skills => "skills",
            Self::Uploads => "uploads",
            Self::VectorStores => "vector_stores",
            Self::Videos => "videos",
        }
    }

    /// Whether what such a path makes is paid for, so that no usage means no known price.
    pub fn is_paid(self) -> bool {
        matches!(
            self,
            Self::Audio
                | Self::Batches
                | Self::FineTuning
                | Self::Images
                | Self::Interactions
                | Self::Predictions
                | Self::Videos
        )
    }
}

/// Where a request says its model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModelPlace {
    Nowhere,
    /// The member `model` of a JSON body, or the field `model` of a form.
    Body,
    /// `{model}` in the path.
    Path,
}

/// One path of the surface, without the version segment: `/files/{id}/content`.
///
/// `{id}` is the object that the path is about, and any other name stands for one segment more;
/// `{model}` takes every segment that the others leave over. In front of `:verb` they stop at it.
#[derive(Clone, Debug)]
pub struct SurfaceRoute {
    pub method: Method,
    pub pattern: &'static str,
    pub about: Surface,
    pub model: ModelPlace,
    /// Members of the answer that name objects, which the answering account keeps: `file.id`.
    pub makes: &'static [&'static str],
    /// Members of the request that name objects which an account keeps already.
    pub refers: &'static [&'static str],
    /// Whether a body need not be JSON: a form with files, or the bytes themselves.
    pub takes_files: bool,
    /// Whether a second try changes nothing: reads, and what only computes.
    pub is_repeatable: bool,
}

/// A dialect's table.
#[derive(Debug)]
pub struct SurfaceTable {
    pub routes: &'static [SurfaceRoute],
    /// The dialects of providers that have these paths.
    pub served_by: &'static [Dialect],
    /// Headers that pass besides those of the dialect and the common ones.
    pub headers: PassthroughHeaders,
    /// What of a query passes besides the dialect's own parameters.
    pub query: QueryParameters,
    /// What stands before the version segment of some paths: `upload`.
    pub upload_root: Option<&'static str>,
    /// Members of a conversation's request that name objects, and words that stand in every request
    /// that has one of them.
    pub mentions: &'static [&'static str],
    pub mention_words: &'static [&'static str],
    /// Calls that a vendor has and that are not passed on, with the reason.
    pub refused: &'static [(Method, &'static str, &'static str)],
}

/// A table without paths.
pub(super) const NONE: SurfaceTable = SurfaceTable {
    routes: &[],
    served_by: &[],
    headers: PassthroughHeaders {
        request: &[],
        response: &[],
    },
    query: QueryParameters {
        plain: &[],
        untranslatable: &[],
    },
    upload_root: None,
    mentions: &[],
    mention_words: &[],
    refused: &[],
};

/// The table of a dialect that has no such paths.
pub(super) static EMPTY: SurfaceTable = NONE;

/// What a path said by its pattern.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Captured {
    pub model: Option<String>,
    pub id: Option<String>,
}

impl SurfaceRoute {
    const fn new(method: Method, pattern: &'static str, about: Surface) -> Self {
        let is_repeatable = matches!(method, Method::GET);
        Self {
            method,
            pattern,
            about,
            model: ModelPlace::Nowhere,
            makes: &[],
            refers: &[],
            takes_files: false,
            is_repeatable,
        }
    }

    pub(super) const fn get(pattern: &'static str, about: Surface) -> Self {
        Self::new(Method::GET, pattern, about)
    }

    pub(super) const fn post(pattern: &'static str, about: Surface) -> Self {
        Self::new(Method::POST, pattern, about)
    }

    pub(super) const fn delete(pattern: &'static str, about: Surface) -> Self {
        Self::new(Method::DELETE, pattern, about)
    }

    pub(super) const fn patch(pattern: &'static str, about: Surface) -> Self {
        Self::new(Method::PATCH, pattern, about)
    }

    /// The body names the model.
    pub(super) const fn model(mut self) -> Self {
        self.model = ModelPlace::Body;
        self
    }

    /// The path names the model.
    pub(super) const fn path_model(mut self) -> Self {
        self.model = ModelPlace::Path;
        self
    }

    pub(super) const fn makes(mut self, members: &'static [&'static str]) -> Self {
        self.makes = members;
        self
    }

    pub(super) const fn refers(mut self, members: &'static [&'static str]) -> Self {
        self.refers = members;
        self
    }

    pub(super) const fn files(mut self) -> Self {
        self.takes_files = true;
        self
    }

    pub(super) const fn repeatable(mut self) -> Self {
        self.is_repeatable = true;
        self
    }

    /// Matches `path`, without prefixes and version segment. `None`: another path.
    pub fn matches(&self, path: &str) -> Option<Captured> {
        captures(self.pattern, path)
    }
}

/// What `pattern` captures of `path`, which is matched segment by segment.
pub fn captures(pattern: &str, path: &str) -> Option<Captured> {
    let wanted = pattern.split('/').count();
    let mut extra = path.split('/').count().checked_sub(wanted)?;
    if extra > 0 && !pattern.contains("{model}") {
        return None;
    }
    let mut rest = path;
    let mut captured = Captured::default();
    for (index, part) in pattern.split('/').enumerate() {
        let is_last = index + 1 == wanted;
        let segments = 1 + if part.starts_with("{model}") {
            std::mem::take(&mut extra)
        } else {
            0
        };
        let (taken, left) = split_segments(rest, segments);
        if is_last && !left.is_empty() {
            return None;
        }
        rest = left;
        captured.take(part, taken)?;
    }
    Some(captured)
}

/// The first `count` segments, and what follows them.
fn split_segments(path: &str, count: usize) -> (&str, &str) {
    match path.match_indices('/').nth(count - 1) {
        Some((at, _)) => (&path[..at], &path[at + 1..]),
        None => (path, ""),
    }
}

impl Captured {
    fn take(&mut self, part: &str, text: &str) -> Option<()> {
        let Some((name, verb)) = part.strip_prefix('{').and_then(|part| part.split_once('}'))
        else {
            return (part == text).then_some(());
        };
        let value = text.strip_suffix(verb).filter(|value| !value.is_empty())?;
        match name {
            "model" => self.model = Some(value.to_owned()),
            // A verb is no part of an object's name, and no name leads out of its place.
            _ if value.contains(':') || matches!(value, "." | "..") => return None,
            "id" => self.id = Some(value.to_owned()),
            _ => {}
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol;

    fn captured(pattern: &str, path: &str) -> Option<(Option<String>, Option<String>)> {
        captures(pattern, path).map(|captured| (captured.model, captured.id))
    }

    #[test]
    fn a_pattern_is_matched_segment_by_segment() {
        let text = |text: &str| Some(text.to_owned());
        for (pattern, path, expected) in [
            ("/files", "/files", Some((None, None))),
            ("/files", "/files/x", None),
            ("/files/{id}", "/files/x", Some((None, text("x")))),
            ("/files/{id}", "/files/", None),
            ("/files/{id}", "/files/x/content", None),
            (
                "/files/{id}/content",
                "/files/x/content",
                Some((None, text("x"))),
            ),
            ("/files/{id}", "/files/x:download", None),
            (
                "/files/{id}:download",
                "/files/x:download",
                Some((None, text("x"))),
            ),
            (
                "/a/{id}/files/{file}",
                "/a/1/files/2",
                Some((None, text("1"))),
            ),
            (
                "/{model}:predict",
                "/models/lab/x:predict",
                Some((text("models/lab/x"), None)),
            ),
            (
                "/models/{model}/operations/{id}",
                "/models/lab/x/operations/o",
                Some((text("lab/x"), text("o"))),
            ),
            ("/{model}:predict", "/models/x:predictLongRunning", None),
        ] {
            assert_eq!(captured(pattern, path), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn each_row_is_reached_and_says_where_its_model_is() {
        for protocol in protocol::ALL {
            let table = protocol.descriptor().surface;
            for (index, row) in table.routes.iter().enumerate() {
                let path = row.pattern.replace(['{', '}'], "");
                let first = table
                    .routes
                    .iter()
                    .position(|other| other.method == row.method && other.matches(&path).is_some());
                assert_eq!(first, Some(index), "{} {}", row.method, row.pattern);
                assert_eq!(
                    row.model == ModelPlace::Path,
                    row.pattern.contains("{model}"),
                    "{}",
                    row.pattern
                );
            }
        }
    }

    #[test]
    fn words_are_each_their_own() {
        for (index, about) in Surface::ALL.iter().enumerate() {
            let first = Surface::ALL
                .iter()
                .position(|other| other.name() == about.name());
            assert_eq!(first, Some(index));
        }
    }
}
