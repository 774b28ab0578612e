//! Requests: nothing disappears silently in any pair, and each dialect reads what it writes.

use aerostat::canon::{LossKind, Losses, Request};
use aerostat::json::Document;
use aerostat::json::diff::{ChangeKind, diff};
use aerostat::protocol::{self, Maker, Operation, Target};
use bytes::Bytes;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::Value;

use super::cases;
use super::said::said;
use super::wires::{self, DIALECTS, decode, pointer, pointers, without};

/// Names of models whose upstreams take different things.
const MODELS: [&str; 6] = [
    "gpt-5",
    "claude-sonnet-4-5",
    "claude-opus-4-7",
    "gemini-2.5-flash",
    "gemini-3-pro",
    "llama3",
];

/// A request in another dialect's words.
#[derive(Debug)]
struct Translated {
    body: String,
    /// Dropped and adjusted fields, as pointers.
    lost: Vec<String>,
    /// Whether the target was given what nobody had said.
    is_eked_out: bool,
    request: Request,
}

/// Translates; the path of the field that refuses it otherwise.
fn translate(body: &Value, from: &str, into: &str, model: &str) -> Result<Translated, String> {
    encode(
        decode(from, body).expect("the body was read before"),
        into,
        model,
    )
}

fn encode(request: Request, into: &str, model: &str) -> Result<Translated, String> {
    // Other makers' servers of this dialect know a part of its tools.
    let maker = match into {
        "openai_responses" => Maker::Openai,
        _ => Maker::Unknown,
    };
    let target = Target {
        operation: Operation::Generate,
        provider: "p",
        maker,
        model,
        stream: false,
        output_tokens_max: None,
    };
    let mut losses = Losses::default();
    let encoded = wires::protocol(into).encode_request(&request, &target, &mut losses);
    let losses = losses.resolve(&request.body).map_err(|refusal| {
        let at = refusal
            .at
            .unwrap_or_else(|| panic!("{into}: a refusal without a field: {}", refusal.why));
        pointer(&aerostat::json::path_at(&request.body, at))
    })?;
    let lost = losses
        .iter()
        .filter(|loss| loss.kind != LossKind::Added)
        .map(|loss| pointer(&loss.path))
        .collect();
    let is_eked_out = losses.iter().any(|loss| loss.kind == LossKind::Added);
    let body = String::from_utf8(encoded.wire.body.whole().to_vec()).expect("bodies are UTF-8");
    Ok(Translated {
        body,
        lost,
        is_eked_out,
        request,
    })
}

/// Translates what can be carried: what refuses is taken out, as a person would who reads the
/// error. `None` = nothing is left.
fn carried(mut body: Value, from: &str, into: &str, model: &str) -> Option<(Value, Translated)> {
    for _ in 0..64 {
        match translate(&body, from, into, model) {
            Ok(translated) => return Some((body, translated)),
            Err(at) => body = taken_out(&body, from, &at)?,
        }
    }
    panic!("{from} -> {into}: refused without an end: {body}");
}

/// Writes in its own dialect what a model takes of a request: what is lost is no part of the claim.
fn lossless(body: Value, dialect: &str, model: &str) -> Option<Translated> {
    let (mut body, mut translated) = carried(body, dialect, dialect, model)?;
    while let Some(lost) = translated.lost.iter().find(|lost| !is_unknown(lost)) {
        let shorter = taken_out(&body, dialect, lost)?;
        (body, translated) = carried(shorter, dialect, dialect, model)?;
    }
    Some(translated)
}

/// The body without a field, or without the nearest of its parents that can be missing.
fn taken_out(body: &Value, dialect: &str, pointer: &str) -> Option<Value> {
    let mut pointer = pointer;
    while !pointer.is_empty() {
        let shorter = without(body, pointer);
        if decode(dialect, &shorter).is_ok() {
            return Some(shorter);
        }
        pointer = pointer.rsplit_once('/').map_or("", |(parent, _)| parent);
    }
    None
}

/// Whether one of the losses is this field, one around it, or one within it.
fn is_named(lost: &[String], pointer: &str) -> bool {
    let holds = |outer: &str, inner: &str| {
        inner == outer
            || inner
                .strip_prefix(outer)
                .is_some_and(|rest| rest.starts_with('/'))
    };
    lost.iter()
        .any(|loss| holds(loss, pointer) || holds(pointer, loss))
}

/// Whether a field is no loss where it is gone: it is named, or it says the same as its absence.
fn is_explained(body: &Value, pointer: &str, lost: &[String]) -> bool {
    let value = body.pointer(pointer).expect("it is there");
    let inner = |key: String| is_explained(body, &format!("{pointer}/{key}"), lost);
    is_named(lost, pointer)
        || says_nothing(pointer, value)
        || match value {
            Value::Object(members) => members.keys().cloned().all(inner),
            Value::Array(items) => (0..items.len()).map(|index| index.to_string()).all(inner),
            _ => is_of_a_hollow_message(body, pointer),
        }
}

fn says_nothing(pointer: &str, value: &Value) -> bool {
    const DEFAULTS: [(&str, &str); 25] = [
        // No arguments, of calls in a history.
        ("arguments", r#""{}""#),
        ("allowedFunctionNames", r#"["alpha","beta"]"#),
        ("disable_parallel_tool_use", "false"),
        ("display", r#""omitted""#),
        ("effort", r#""none""#),
        ("includeThoughts", "false"),
        // Chat's servers show reasoning unasked.
        ("includeThoughts", "true"),
        // A group of no tools.
        ("name", r#""group""#),
        ("media_type", r#""text/plain""#),
        ("mode", r#""AUTO""#),
        ("mode", r#""NONE""#),
        ("mode", r#""auto""#),
        ("mode", r#""explicit""#),
        ("modalities", r#"["text"]"#),
        // No limit.
        ("num_predict", "-1"),
        ("parallel_tool_calls", "true"),
        ("responseMimeType", r#""application/json""#),
        ("responseModalities", r#"["TEXT"]"#),
        ("0", r#""text""#),
        ("0", r#""TEXT""#),
        ("strict", "false"),
        ("thinkingBudget", "-1"),
        ("thinkingBudget", "0"),
        ("tool_choice", r#""auto""#),
        ("tool_choice", r#""none""#),
    ];
    let key = pointer.rsplit('/').next().unwrap_or_default();
    let is_kind = ["type", "role"].contains(&key);
    // Ids of Responses' items and of Gemini's results pair things within one answer.
    let is_opaque = key == "id" && !pointer.contains("tool_calls");
    // Ids and names of results, and numbers of calls, follow from the calls.
    let follows = ["index", "tool_call_id", "tool_name"].contains(&key)
        || pointer.ends_with("functionResponse/name");
    // Anthropic's formats are always strict.
    let is_format = pointer.ends_with("format/strict") || pointer.ends_with("json_schema/strict");
    value.is_null()
        || is_kind
        || is_opaque
        || follows
        || is_format
        || DEFAULTS.contains(&(key, value.to_string().as_str()))
}

/// Whether a field names the speaker of a message that says nothing, or the kind of a part without
/// content.
fn is_of_a_hollow_message(body: &Value, pointer: &str) -> bool {
    let Some((message, "name" | "thought")) = pointer.rsplit_once('/') else {
        return false;
    };
    let message = body.pointer(message).expect("it is there");
    let is_empty = |value: &Value| value.is_null() || value.as_array().is_some_and(Vec::is_empty);
    message.as_object().is_some_and(|members| {
        members.iter().all(|(key, value)| {
            ["name", "role", "thought"].contains(&key.as_str()) || is_empty(value)
        })
    })
}

/// What of a leaf has to be found again: the marker in a string, a number's digits.
fn marker(leaf: &Value) -> Option<String> {
    match leaf {
        Value::String(text) => {
            let start = text.find("mk")?;
            let length = text[start..].find('q')? + 1;
            Some(text[start..start + length].to_owned())
        }
        Value::Number(number) if number.to_string().len() > 3 => Some(number.to_string()),
        _ => None,
    }
}

fn chance() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(any::<u8>(), 256)
}

fn upstream() -> impl Strategy<Value = &'static str> {
    select(
        protocol::upstreams()
            .map(|protocol| protocol.dialect().name())
            .collect::<Vec<_>>(),
    )
}

/// One try: who says what, and for whom it is written.
#[derive(Clone, Debug)]
struct Try {
    from: &'static str,
    into: &'static str,
    model: &'static str,
    chance: Vec<u8>,
}

fn tries() -> impl Strategy<Value = Try> {
    let parts = (
        select(&DIALECTS[..]),
        upstream(),
        select(&MODELS[..]),
        chance(),
    );
    parts.prop_map(|(from, into, model, chance)| Try {
        from,
        into,
        model,
        chance,
    })
}

impl Try {
    fn carried(&self) -> Option<(Value, Translated)> {
        carried(
            wires::request(self.from, &self.chance),
            self.from,
            self.into,
            self.model,
        )
    }

    /// Texts and numbers that are neither in the translation nor among the losses.
    fn lost_in_silence(&self) -> Vec<String> {
        let Some((body, translated)) = self.carried() else {
            return Vec::new();
        };
        let is_silent = |pointer: &String| {
            let marker = body.pointer(pointer).and_then(marker);
            let is_gone = marker.is_some_and(|marker| !translated.body.contains(&marker));
            is_gone && !is_explained(&body, pointer, &translated.lost)
        };
        pointers(&body).into_iter().filter(is_silent).collect()
    }

    /// Fields without which the translation is the same, and that are not among the losses.
    fn without_effect(&self) -> Vec<String> {
        let Some((body, translated)) = self.carried() else {
            return Vec::new();
        };
        let is_idle = |pointer: &String| {
            let shorter = without(&body, pointer);
            if is_explained(&body, pointer, &translated.lost)
                || is_empty_arguments(&body, pointer)
                || decode(self.from, &shorter).is_err()
            {
                return false;
            }
            translate(&shorter, self.from, self.into, self.model)
                .is_ok_and(|other| other.body == translated.body)
        };
        pointers(&body).into_iter().filter(is_idle).collect()
    }
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn every_text_and_number_is_in_the_translation_or_among_the_losses(it in tries()) {
        let lost = it.lost_in_silence();
        prop_assert!(lost.is_empty(), "{} -> {}: {:?}", it.from, it.into, lost);
    }
}

proptest! {
    #![proptest_config(cases(48))]

    #[test]
    fn a_field_that_changes_nothing_is_named(it in tries()) {
        let idle = it.without_effect();
        prop_assert!(idle.is_empty(), "{} -> {}: {:?}", it.from, it.into, idle);
    }

    #[test]
    fn a_dialect_reads_what_it_writes(into in upstream(), model in select(&MODELS[..]), chance in chance()) {
        let taken = lossless(wires::request(into, &chance), into, model);
        prop_assume!(taken.is_some());
        let translated = taken.expect("it is there");
        prop_assume!(!translated.is_eked_out);
        let again = reread(&translated, into);
        prop_assert_eq!(said(again, into), said(translated.request, into));
    }

    #[test]
    fn a_translation_settles_after_one_round(it in tries()) {
        let carried = it.carried();
        prop_assume!(carried.is_some());
        let (_, once) = carried.expect("it is there");
        let request = reread(&once, it.into);
        let refused = |at| TestCaseError::fail(format!("{} refuses its own {at}: {}", it.into, once.body));
        let twice = encode(request.clone(), it.into, it.model).map_err(refused)?;
        // What is lost only now is named now.
        prop_assume!(twice.lost.is_empty());
        prop_assert_eq!(said(reread(&twice, it.into), it.into), said(request, it.into));
    }
}

/// What is left out without a name and changes nothing: by the end of its path. What a target leaves
/// out of these says what it does unasked, or what stands elsewhere in the request.
const LEFT_OUT: [&str; 14] = [
    // How JSON is written, and not what it may be.
    "$schema",
    "propertyOrdering",
    // A name that no property has.
    "parameters.required[1]",
    // Only other values than the default say something.
    "detail",
    "status",
    "store",
    "truncation",
    // Asked for by what it belongs to: reasoning, `top_logprobs`.
    "include",
    // The tool's whole name, of which this is the first half, is carried.
    "tool_choice.namespace",
    // Empty ids and the names of results follow from the calls.
    "id",
    "tool_call_id",
    "functionResponse.name",
    "messages[2].name",
    // Told by the address' own ending.
    "fileData.mimeType",
];

/// The same of a result that repeats another one.
const REPEATED: &str = "anthropic/history_that_repeats: messages[2].content[2].is_error";

/// Whether a value is texts without a character.
fn is_empty_text(value: &Value) -> bool {
    match value {
        Value::Object(members) => {
            let texts = ["text", "content"].map(|key| members.get(key));
            texts.into_iter().flatten().all(is_empty_text)
        }
        Value::Array(items) => items.iter().all(is_empty_text),
        value => value == "",
    }
}

/// What a difference by path shows as removed, of every fixture toward every upstream: it is named,
/// says nothing, or the translation is another one without it.
#[test]
fn what_a_difference_shows_as_removed_is_named_or_carried() {
    let mut silent = Vec::new();
    for case in crate::translate::cases() {
        let Ok(body) = serde_json::from_str::<Value>(case.body()) else {
            continue;
        };
        for into in protocol::upstreams().map(|protocol| protocol.dialect().name()) {
            for model in [MODELS[0], MODELS[2], MODELS[4]] {
                let from = case.dialect.name();
                let removed = removed_in_silence(&body, from, into, model);
                let removed = removed.filter(|path| {
                    let named = format!("{}: {path}", case.name());
                    !LEFT_OUT.iter().any(|end| path.ends_with(end)) && named != REPEATED
                });
                silent.extend(removed.map(|path| format!("{} -> {into}: {path}", case.name())));
            }
        }
    }
    silent.sort();
    silent.dedup();
    assert!(silent.is_empty(), "{}", silent.join("\n"));
}

fn removed_in_silence(
    body: &Value,
    from: &str,
    into: &str,
    model: &str,
) -> impl Iterator<Item = String> {
    let mut silent = Vec::new();
    let readable = decode(from, body).is_ok();
    if let Some((body, translated)) = readable
        .then(|| carried(body.clone(), from, into, model))
        .flatten()
    {
        let document = |text: String| Document::parse(text.into()).expect("it is JSON");
        let (before, after) = (
            document(body.to_string()),
            document(translated.body.clone()),
        );
        let found = diff(&before, &after).expect("fixtures are small");
        let removed = found
            .changes
            .iter()
            .filter(|change| change.kind == ChangeKind::Removed);
        for path in removed.filter_map(|change| change.from.clone()) {
            let pointer = pointer(&path);
            let is_routing = ["/model", "/stream"].contains(&pointer.as_str());
            if is_routing || body.pointer(&pointer).is_none_or(is_empty_text) {
                continue;
            }
            let shorter = without(&body, &pointer);
            let is_idle = || {
                decode(from, &shorter).is_ok()
                    && translate(&shorter, from, into, model)
                        .is_ok_and(|other| other.body == translated.body)
            };
            if !is_explained(&body, &pointer, &translated.lost)
                && !is_empty_arguments(&body, &pointer)
                && is_idle()
            {
                silent.push(path);
            }
        }
    }
    silent.into_iter()
}

/// Whether the pointer leads to the arguments of a call that has none, which every dialect may
/// leave out.
fn is_empty_arguments(body: &Value, pointer: &str) -> bool {
    let Some(value) = body.pointer(pointer) else {
        return false;
    };
    let is_empty = value == &serde_json::json!({}) || value == "{}" || value == "";
    let names = ["/arguments", "/input", "/args"];
    is_empty && names.iter().any(|name| pointer.ends_with(name))
}

fn is_unknown(pointer: &str) -> bool {
    pointer.contains("unknown")
}

/// The written request as its own dialect reads it.
fn reread(translated: &Translated, dialect: &str) -> Request {
    let body = Bytes::copy_from_slice(translated.body.as_bytes());
    wires::decode_bytes(dialect, &body).unwrap_or_else(|error| {
        panic!(
            "{dialect}: {}\n{}\n{}",
            error.into_fault(&body).message,
            translated.body,
            String::from_utf8_lossy(&translated.request.body)
        )
    })
}
