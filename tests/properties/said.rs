//! What a request says, so that two that say the same are equal: the normalisations that the
//! references allow, and no others.

use aerostat::canon::{
    Format, Part, PartKind, Reasoning, ReasoningDisplay, ReasoningMode, Request, Role, Tool,
    ToolChoice, ToolInput, ToolKind, Turn,
};
use aerostat::json::{Document, EscapedStr, Raw};
use aerostat::protocol::schema::is_empty;
use bytes::Bytes;
use serde_json::Value;

/// What stands for a signature that a running loop of calls lacks toward Gemini; whether one runs,
/// a reminder may change.
const NO_SIGNATURE: &str = "skip_thought_signature_validator";

/// What a request says in a dialect's own words: without where it said so and what was named, empty
/// texts left out, and Chat's custom tools as the functions that they are written as
/// (`translation.md` sections 3 and 4).
pub(super) fn said(mut request: Request, dialect: &str) -> Request {
    tell_turns(&mut request, dialect);
    match dialect {
        "openai_chat" => {
            request.tools.iter_mut().for_each(tell_tool);
            tell_subset(&mut request);
        }
        "openai_responses" => join_unmarked(&mut request.system),
        "gemini" => tell_mode(&mut request),
        _ => {}
    }
    tell_steering(&mut request);
    request.tools.iter_mut().for_each(tell_function);
    Request {
        body: Bytes::new(),
        model: String::new(),
        unknown: Vec::new(),
        added: Vec::new(),
        ..request
    }
}

fn tell_turns(request: &mut Request, dialect: &str) {
    request.system.retain(is_said);
    request
        .turns
        .iter_mut()
        .for_each(|turn| tell(&mut turn.parts, dialect));
    request.turns.retain(|turn| !turn.parts.is_empty());
    // Behind a message that says nothing, system text stands in front.
    while request
        .turns
        .first()
        .is_some_and(|turn| matches!(turn.role, Role::System | Role::Developer))
    {
        request.system.append(&mut request.turns.remove(0).parts);
    }
    request.turns.dedup_by(merge);
}

/// Whether a turn goes on with the one before, which then takes its parts.
fn merge(next: &mut Turn, turn: &mut Turn) -> bool {
    let is_same = (next.role, &next.name) == (turn.role, &turn.name);
    if is_same {
        turn.parts.append(&mut next.parts);
    }
    is_same
}

/// What is the same as nothing: the text format, a schema that is not strict, a choice of no tool
/// where there are none, reasoning of which nothing is said.
fn tell_steering(request: &mut Request) {
    if let Some(Format::Schema(schema)) = request.format.as_mut().map(|format| &mut format.value) {
        schema.strict = schema.strict.take().filter(|strict| strict.value);
    }
    request.format = request
        .format
        .take()
        .filter(|format| format.value != Format::Free);
    request.reasoning = request
        .reasoning
        .take()
        .filter(|reasoning| reasoning.value != Reasoning::default());
    if request.tools.is_empty() {
        request.tool_choice = request
            .tool_choice
            .take()
            .filter(|choice| choice.value != ToolChoice::None);
    }
}

/// A choice among all tools is a free one: the tools that are not in it are named as lost.
fn tell_subset(request: &mut Request) {
    let names: Vec<_> = request.tools.iter().filter_map(Tool::full_name).collect();
    let Some(choice) = &mut request.tool_choice else {
        return;
    };
    if let ToolChoice::Subset { tools, must } = &choice.value
        && names.iter().all(|name| tools.contains(name))
    {
        choice.value = if *must {
            ToolChoice::Any
        } else {
            ToolChoice::Auto
        };
    }
}

/// A budget that the model finds itself is what there is without one, and thoughts are shown to
/// those who ask.
fn tell_mode(request: &mut Request) {
    request.reasoning.iter_mut().for_each(|reasoning| {
        reasoning.value.display = reasoning
            .value
            .display
            .take()
            .filter(|show| show.value != ReasoningDisplay::No);
    });
    let unmeasured = Reasoning {
        mode: ReasoningMode::Dynamic,
        ..Reasoning::default()
    };
    request.reasoning = request
        .reasoning
        .take()
        .filter(|reasoning| reasoning.value != unmeasured);
    request
        .reasoning
        .iter_mut()
        .filter(|reasoning| reasoning.value.mode == ReasoningMode::Dynamic)
        .for_each(|reasoning| {
            reasoning.value.mode = ReasoningMode::Unset;
        });
}

fn tell(parts: &mut Vec<Part>, dialect: &str) {
    parts.retain(is_said);
    for part in parts {
        part.signature = part
            .signature
            .take()
            .filter(|signature| signature.value != NO_SIGNATURE);
        part.signature_at = None;
        match &mut part.kind {
            PartKind::ToolResult(result) => result.parts.retain(is_said),
            PartKind::ToolCall { input, .. } if dialect == "openai_chat" => {
                *input = ToolInput::Json(input.to_object())
            }
            _ => {}
        }
    }
}

/// Responses has one text of instructions.
fn join_unmarked(system: &mut Vec<Part>) {
    let texts: Vec<&EscapedStr> = system.iter().filter_map(plain).collect();
    if system.iter().all(|part| part.cache.is_none()) && texts.len() > 1 {
        *system = vec![Part::text(EscapedStr::join(texts, "\\n\\n"), system[0].at)];
    }
}

fn plain(part: &Part) -> Option<&EscapedStr> {
    match &part.kind {
        PartKind::Text(text) => Some(text),
        _ => None,
    }
}

fn is_said(part: &Part) -> bool {
    plain(part).is_none_or(|text| !text.is_empty())
}

/// Toward OpenAI a tool is always said to be strict or not; an empty schema is none
/// (`translation.md` section 5). The order of a grammar's members says nothing.
fn tell_function(tool: &mut Tool) {
    match &mut tool.kind {
        ToolKind::Function { strict, schema, .. } => {
            *strict = strict.take().filter(|strict| strict.value);
            *schema = schema.take().filter(|schema| !is_empty(schema));
        }
        ToolKind::Free {
            grammar: Some(grammar),
            ..
        } => {
            let value: Value =
                serde_json::from_slice(grammar.value.as_bytes()).expect("it is JSON");
            grammar.value = Document::parse(value.to_string().into())
                .expect("it is JSON")
                .root()
                .raw();
        }
        _ => {}
    }
}

fn tell_tool(tool: &mut Tool) {
    if let ToolKind::Free {
        name,
        description,
        cache,
        ..
    } = &tool.kind
    {
        let (name, description, cache) = (name.clone(), description.clone(), cache.clone());
        let schema = r#"{"type":"object","properties":{"input":{"type":"string"}},"required":["input"],"additionalProperties":false}"#;
        tool.kind = ToolKind::Function {
            name,
            namespace: None,
            description,
            schema: Some(Raw::from_static(schema)),
            strict: None,
            cache,
        };
    }
}
