//! Tools and the choice among them.
//!
//! Source: Anthropic Messages reference, "Tools"; `translation.md` sections 2, 3 and 5.

use super::DIALECT;
use super::request_encode::Encoder;
use super::tools_decode::hosted_name;
use crate::canon::{Located, Tool, ToolChoice, ToolKind};
use crate::json::{self, Array, EscapedStr, Object, Raw};
use crate::protocol::schema;

/// The arguments of a tool that takes free text where the target has none such.
const FREE_INPUT: &str =
    r#"{"type":"object","properties":{"input":{"type":"string"}},"required":["input"]}"#;

impl<'e> Encoder<'e> {
    /// Writes `tools` and `tool_choice`.
    pub(super) fn write_tools(&mut self, object: &mut Object<'_>) {
        let request = self.request;
        let tools: Vec<&'e Tool> = request
            .tools
            .iter()
            .filter(|tool| self.keeps_tool(tool))
            .collect();
        if !tools.is_empty() {
            object.array("tools", |array| {
                tools.iter().for_each(|tool| self.write_tool(tool, array))
            });
        }
        self.write_choice(&tools, object);
    }

    /// A subset is carried by leaving the other tools out; hosted tools of other dialects cannot
    /// run here.
    fn keeps_tool(&mut self, tool: &Tool) -> bool {
        let choice = self
            .request
            .tool_choice
            .as_ref()
            .map(|choice| &choice.value);
        let is_kept = match (&tool.kind, choice) {
            (ToolKind::Hosted { dialect, .. }, _) => *dialect == DIALECT,
            (_, Some(ToolChoice::Subset { tools, .. })) => {
                tools.iter().any(|wanted| tool.is_named(wanted))
            }
            _ => true,
        };
        if !is_kept {
            self.losses.dropped(tool.at);
        }
        is_kept
    }

    fn write_tool(&mut self, tool: &Tool, array: &mut Array<'_>) {
        match &tool.kind {
            ToolKind::Hosted { raw, .. } => array.item().raw(raw),
            ToolKind::Function {
                name,
                namespace,
                description,
                schema,
                strict,
                cache,
            } => array.object(|object| {
                self.write_name(name, namespace.as_ref(), description.as_ref(), object);
                object.raw("input_schema", &typed(&schema::parameters(schema.as_ref())));
                // Not strict is what it is unasked.
                if strict.as_ref().is_some_and(|strict| strict.value) {
                    object.bool("strict", true);
                }
                self.write_mark(cache.as_ref(), object);
            }),
            ToolKind::Free {
                name,
                namespace,
                description,
                grammar,
                cache,
            } => array.object(|object| {
                grammar
                    .iter()
                    .for_each(|grammar| self.losses.dropped(grammar.at));
                self.write_name(name, namespace.as_ref(), description.as_ref(), object);
                object.raw("input_schema", &Raw::from_static(FREE_INPUT));
                self.write_mark(cache.as_ref(), object);
            }),
        }
    }

    fn write_name(
        &self,
        name: &EscapedStr,
        namespace: Option<&EscapedStr>,
        description: Option<&EscapedStr>,
        object: &mut Object<'_>,
    ) {
        object.text("name", &self.names.wire(name, namespace));
        object.some("description", description, |value, description| {
            value.text(description)
        });
    }

    fn write_choice(&mut self, tools: &[&Tool], object: &mut Object<'_>) {
        let (choice, parallel) = (
            self.request.tool_choice.as_ref(),
            self.request.parallel_tool_calls.as_ref(),
        );
        if tools.is_empty() {
            return self.report_choice(choice, parallel);
        }
        if choice.is_none() && parallel.is_none() {
            return;
        }
        let (kind, name) = choice.map_or(("auto", None), |choice| self.choice(choice));
        if kind == "none" {
            // Such a choice takes no word about parallel calls.
            parallel
                .iter()
                .for_each(|parallel| self.losses.dropped(parallel.at));
        }
        let parallel = parallel.filter(|_| kind != "none");
        object.object("tool_choice", |object| {
            object.str("type", kind);
            object.some("name", name, |value, name| value.text(&name));
            object.some("disable_parallel_tool_use", parallel, |value, parallel| {
                value.bool(!parallel.value)
            });
        });
    }

    /// A choice without tools is a 400; one that forces a call cannot be kept at all.
    fn report_choice(
        &mut self,
        choice: Option<&Located<ToolChoice>>,
        parallel: Option<&Located<bool>>,
    ) {
        parallel
            .iter()
            .for_each(|parallel| self.losses.dropped(parallel.at));
        match choice.map(|choice| (&choice.value, choice.at)) {
            None | Some((ToolChoice::None, _)) => {}
            Some((ToolChoice::Auto | ToolChoice::Subset { must: false, .. }, at)) => {
                self.losses.dropped(at)
            }
            Some((_, at)) => self.losses.refuse(
                at,
                "a call is forced, and the anthropic dialect can carry none of the tools",
            ),
        }
    }

    fn choice(&mut self, choice: &Located<ToolChoice>) -> (&'static str, Option<EscapedStr>) {
        match &choice.value {
            ToolChoice::None => ("none", None),
            ToolChoice::Auto | ToolChoice::Subset { must: false, .. } => ("auto", None),
            ToolChoice::Any | ToolChoice::Subset { must: true, .. } => ("any", None),
            ToolChoice::One { name, namespace } => {
                ("tool", Some(self.names.wire(name, namespace.as_ref())))
            }
            ToolChoice::Hosted(kind) => {
                let name = self.hosted(kind);
                if name.is_none() {
                    self.losses.refuse(
                        choice.at,
                        "the hosted tool that is forced runs at another provider",
                    );
                }
                ("tool", name)
            }
        }
    }

    fn hosted(&self, wanted: &EscapedStr) -> Option<EscapedStr> {
        self.request.tools.iter().find_map(|tool| match &tool.kind {
            ToolKind::Hosted { dialect, kind, raw } if *dialect == DIALECT && kind == wanted => {
                hosted_name(raw)
            }
            _ => None,
        })
    }
}

/// The schema with the `type` that this API demands and others leave out.
fn typed(schema: &Raw) -> Raw {
    let document = schema.document();
    let root = document.root();
    let Ok(members) = root.members() else {
        return schema.clone();
    };
    if root.get("type").is_some() {
        return schema.clone();
    }
    json::value(|value| {
        value.object(|object| {
            object.str("type", "object");
            members
                .filter(|(key, _)| key != "type")
                .for_each(|(key, member)| object.raw(&key, &member.raw()));
        });
    })
}
