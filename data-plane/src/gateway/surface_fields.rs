//! What a request says whose path passes as it is: its model and the objects that it names, as far
//! as its beginning tells.
//!
//! It changes nothing and chooses no account.

use std::borrow::Cow;
use std::ops::Range;

use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use memchr::memmem;

use super::client_request::ClientRequest;
use super::surface_call::SurfaceCall;
use crate::content_coding;
use crate::json::{Document, EdgeMembers, Value};
use crate::pool::{ObjectOwner, Pool};
use crate::protocol::RoutingFields;
use crate::protocol::query::parameter;
use crate::protocol::surface::{ModelPlace, SurfaceRoute};

/// How many objects a request may name before the rest is not looked for.
const OBJECTS_MAX: usize = 64;

/// How many parts of a form are looked at.
const PARTS_MAX: usize = 1_000;

/// The longest name of a model and of an object.
const NAME_BYTES_MAX: usize = 512;

/// How much of a compressed body is unpacked to look for its model.
const UNPACKED_BYTES_MAX: usize = 8 << 20;

/// What its beginning tells.
pub(super) struct SurfaceFields {
    pub(super) routing: RoutingFields,
    /// The objects that the request is about or names, the path's first.
    pub(super) objects: Vec<String>,
    /// The body without its content coding, which `routing` is about where it came in one.
    pub(super) unpacked: Option<Bytes>,
    /// Every model that the body names: a server may take another than the first.
    pub(super) models: Vec<String>,
    /// Whether the body is a form, and not JSON.
    pub(super) is_form: bool,
}

/// What serves a request to the surface, beside what it says.
pub(super) struct Surface<'c> {
    pub(super) call: &'c SurfaceCall,
    pub(super) fields: SurfaceFields,
    /// Who keeps what the request is about.
    pub(super) owner: Option<ObjectOwner>,
}

impl<'c> Surface<'c> {
    pub(super) fn new(call: &'c SurfaceCall, fields: SurfaceFields, pool: &Pool) -> Self {
        let owner = (!pool.knows_no_object())
            .then(|| fields.objects.iter().find_map(|id| pool.object_owner(id)))
            .flatten();
        Self {
            call,
            fields,
            owner,
        }
    }

    /// What the path is called where it names no model.
    pub(super) fn name(&self) -> &'static str {
        self.call.about().name()
    }
}

impl SurfaceFields {
    /// Reads what the request says. What is not found is missing: the upstream judges the body.
    pub(super) fn of(call: &SurfaceCall, request: &ClientRequest) -> Self {
        let mut fields = Self {
            routing: RoutingFields {
                stream: Some(false),
                ..RoutingFields::default()
            },
            objects: upload_id(request).into_iter().collect(),
            unpacked: None,
            models: Vec::new(),
            is_form: false,
        };
        fields.objects.extend(call.captured.id.clone());
        match call.row.model {
            ModelPlace::Path => {
                let model = call.captured.model.as_deref().unwrap_or_default();
                let model = model.strip_prefix("models/").unwrap_or(model);
                model.clone_into(&mut fields.routing.model);
            }
            ModelPlace::Body => fields.read_body(call.row, request),
            ModelPlace::Nowhere if !call.row.refers.is_empty() => {
                fields.read_body(call.row, request);
            }
            ModelPlace::Nowhere => {}
        }
        fields
    }

    fn read_body(&mut self, row: &SurfaceRoute, request: &ClientRequest) {
        let body = request.body.whole();
        if let Some(boundary) = boundary(&request.headers) {
            if row.model != ModelPlace::Body {
                return;
            }
            self.is_form = true;
            let found = form_fields(body, &boundary, "model");
            self.models = found.iter().map(|(model, _)| model.clone()).collect();
            if let Some((model, at)) = found.into_iter().next() {
                self.routing.model = model;
                self.routing.model_at = Some(at);
            }
            return;
        }
        let is_whole = request.body.rest().is_none();
        let (body, is_packed) = match unpacked(request, is_whole) {
            Some(unpacked) => (unpacked, true),
            None => (body.clone(), false),
        };
        // Of a body that goes on, the members that have come.
        let json = if is_whole {
            Some(body.clone())
        } else {
            EdgeMembers::of(&body, b"}", body.len() + 1).map(|edges| edges.text().clone())
        };
        let Some(document) = json.and_then(|json| Document::parse(json).ok()) else {
            return;
        };
        if row.model == ModelPlace::Body {
            read_model(document.root(), &mut self.routing);
            let members = document.root().fields().into_iter().flatten();
            let models = members.filter(|(name, _)| name == "model");
            let models = models.filter_map(|(_, model)| Some(model.str().ok()?.into_owned()));
            self.models.extend(models.take(OBJECTS_MAX));
        }
        for member in row.refers {
            let path: Vec<&str> = member.split('.').collect();
            find_names(document.root(), &path, &mut self.objects);
        }
        self.unpacked = is_packed.then_some(body);
    }
}

/// Who keeps what a conversation's request mentions: a file, a cache, a stored conversation.
pub(super) fn owner_of_mentions(request: &ClientRequest, pool: &Pool) -> Option<ObjectOwner> {
    let table = request.protocol.descriptor().surface;
    let mut words = table.mention_words.iter();
    if !words.any(|word| request.body.contains(&memmem::Finder::new(word))) {
        return None;
    }
    let document = Document::parse(request.body.whole().clone()).ok()?;
    let mut names = Vec::new();
    for member in table.mentions {
        let path: Vec<&str> = member.split('.').collect();
        find_names(document.root(), &path, &mut names);
    }
    names.iter().find_map(|name| pool.object_owner(name))
}

/// The parameter by which Gemini's upload addresses name an upload.
pub(super) const UPLOAD_ID: &str = "upload_id";

/// The upload that the query names: one that an earlier answer's `X-Goog-Upload-URL` began.
fn upload_id(request: &ClientRequest) -> Option<String> {
    parameter(request.query.text.as_deref(), UPLOAD_ID).map(Cow::into_owned)
}

fn read_model(root: Value<'_>, routing: &mut RoutingFields) {
    let Some(model) = root.get("model") else {
        return;
    };
    let Ok(name) = model.str() else { return };
    if name.len() > NAME_BYTES_MAX {
        return;
    }
    // Between the quotes. Gemini's `models/` in front is no part of the name, and stays.
    let start = model.offset().0 as usize + 1;
    let end = start + model.as_written().len() - 2;
    let own = name.strip_prefix("models/");
    let own = own.filter(|_| model.as_written().starts_with("\"models/"));
    let skipped = own.map_or(0, |_| "models/".len());
    own.unwrap_or(&name).clone_into(&mut routing.model);
    routing.model_at = Some(start + skipped..end);
}

/// The body without its content coding; `None` where it has none, or cannot be unpacked here.
fn unpacked(request: &ClientRequest, is_whole: bool) -> Option<Bytes> {
    let codings = content_coding::codings(&request.headers).ok()?;
    if codings.is_empty() || !is_whole {
        return None;
    }
    let body = request.body.whole();
    let decoded = content_coding::decode(body, &codings, UNPACKED_BYTES_MAX);
    decoded.ok().map(Into::into)
}

/// Collects the strings at `path`; lists on the way are gone through. Of an address or a resource's
/// name the last word counts: that is what paths call the object.
pub(super) fn find_names(value: Value<'_>, path: &[&str], names: &mut Vec<String>) {
    if names.len() >= OBJECTS_MAX {
        return;
    }
    if let Ok(items) = value.items() {
        items.for_each(|item| find_names(item, path, names));
        return;
    }
    match path {
        [member, rest @ ..] => {
            if let Some(value) = value.get(member) {
                find_names(value, rest, names);
            }
        }
        [] => {
            let Ok(name) = value.str() else { return };
            let name: Cow<'_, str> = name;
            let last = name.rsplit('/').next().unwrap_or_default();
            if !last.is_empty() && name.len() <= NAME_BYTES_MAX {
                names.push(last.to_owned());
            }
        }
    }
}

/// The boundary of a form's parts. Source: RFC 2046 section 5.1.1.
fn boundary(headers: &HeaderMap) -> Option<String> {
    let content_type = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let (essence, parameters) = content_type.split_once(';')?;
    if !essence.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let mut pairs = parameters
        .split(';')
        .filter_map(|pair| pair.trim().split_once('='));
    let (_, value) = pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case("boundary"))?;
    let value = value.trim().trim_matches('"');
    (!value.is_empty() && value.len() <= 70).then(|| value.to_owned())
}

/// The values of a form's field and where they stand, as far as the form is at hand: a field behind
/// a long file is not found.
///
/// Source: RFC 7578 section 4.
fn form_fields(form: &[u8], boundary: &str, name: &str) -> Vec<(String, Range<usize>)> {
    let delimiter = format!("--{boundary}");
    let starts: Vec<usize> = memmem::find_iter(form, delimiter.as_bytes())
        .filter(|at| *at == 0 || form[..*at].ends_with(b"\r\n"))
        .take(PARTS_MAX)
        .collect();
    let mut found = Vec::new();
    for ends in starts.windows(2) {
        let start = ends[0] + delimiter.len();
        // The part ends with the line end before the next delimiter.
        let end = (ends[1] - 2).max(start);
        let Some(head) = memmem::find(&form[start..end], b"\r\n\r\n") else {
            continue;
        };
        let at = start + head + 4..end;
        let is_short = at.len() <= NAME_BYTES_MAX;
        if is_short
            && names_field(&form[start..start + head], name)
            && let Ok(value) = std::str::from_utf8(&form[at.clone()])
        {
            found.push((value.to_owned(), at));
        }
    }
    found
}

/// Whether a part's head is of the field `name`, and of no file.
fn names_field(head: &[u8], name: &str) -> bool {
    let text = String::from_utf8_lossy(head);
    let mut lines = text.split("\r\n");
    let disposition = lines.find_map(|line| {
        let (header, value) = line.split_once(':')?;
        let is_disposition = header.trim().eq_ignore_ascii_case("content-disposition");
        is_disposition.then(|| value.to_owned())
    });
    disposition.is_some_and(|disposition| {
        let mut parameters = disposition.split(';').map(str::trim);
        parameters.any(|parameter| {
            parameter
                .strip_prefix("name=")
                .is_some_and(|value| value.trim_matches('"') == name)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: &str = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"model\"\r\nContent-Type: audio/wav\r\n\r\n\r\n\r\n--c name=\"model\"\r\n--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n--b--\r\n";

    #[test]
    fn a_field_of_a_form_is_found_wherever_it_stands() {
        let found = form_fields(FORM.as_bytes(), "b", "model");
        let [(model, at)] = &found[..] else {
            panic!("{found:?}");
        };
        assert_eq!(
            (model.as_str(), &FORM[at.clone()]),
            ("whisper-1", "whisper-1")
        );
        assert!(form_fields(FORM.as_bytes(), "b", "voice").is_empty());
    }

    #[test]
    fn no_cut_of_a_form_gives_another_value() {
        for cut in 0..FORM.len() {
            let found = form_fields(&FORM.as_bytes()[..cut], "b", "model");
            assert!(found.iter().all(|(model, _)| model == "whisper-1"), "{cut}");
        }
    }

    #[test]
    fn a_boundary_is_read_as_clients_write_it() {
        for (content_type, expected) in [
            ("multipart/form-data; boundary=abc", Some("abc")),
            (
                "Multipart/Form-Data; charset=utf-8; Boundary=\"a b\"",
                Some("a b"),
            ),
            ("multipart/mixed; boundary=abc", None),
            ("multipart/form-data", None),
            ("application/json", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, content_type.parse().unwrap());
            assert_eq!(boundary(&headers).as_deref(), expected, "{content_type}");
        }
    }

    #[test]
    fn names_are_found_below_lists_and_by_their_last_word() {
        let body = r#"{"a":[{"b":{"c":"https://x/v1beta/files/one"}},{"b":{"c":"two"}},{"b":7}],"ids":["3","",4]}"#;
        let document = Document::parse(body.into()).unwrap();
        let mut names = Vec::new();
        find_names(document.root(), &["a", "b", "c"], &mut names);
        find_names(document.root(), &["ids"], &mut names);
        assert_eq!(names, ["one", "two", "3"]);
    }
}
