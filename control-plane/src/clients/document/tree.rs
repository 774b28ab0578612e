//! A text's values with the places where they stand.

use std::ops::Range;

use serde_json::Value;

use super::path::Step;
use super::values;

/// A value and its place, without the white space and the comments around it.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) span: Range<usize>,
    pub(super) content: Content,
}

#[derive(Clone, Debug)]
pub(super) enum Content {
    Scalar(Value),
    Object(Vec<Element>),
    List(Vec<Element>),
}

/// A member of an object, or an item of a list.
#[derive(Clone, Debug)]
pub(super) struct Element {
    /// `None` for the item of a list.
    pub(super) key: Option<String>,
    /// Where the key begins, or the value where there is none.
    pub(super) start: usize,
    pub(super) value: Node,
    /// The offset of the comma that follows.
    pub(super) comma: Option<usize>,
}

impl Element {
    /// Where it ends, with its comma.
    pub(super) fn end(&self) -> usize {
        self.comma.map_or(self.value.span.end, |comma| comma + 1)
    }

    fn is(&self, step: &Step) -> bool {
        match step {
            Step::Key(key) => self.key.as_deref() == Some(key),
            Step::Item(_) => self.key.is_none() && values::fits(&self.value.value(), step),
        }
    }
}

impl Node {
    /// The members or items; none for a scalar.
    pub(super) fn elements(&self) -> &[Element] {
        match &self.content {
            Content::Scalar(_) => &[],
            Content::Object(elements) | Content::List(elements) => elements,
        }
    }

    pub(super) fn value(&self) -> Value {
        match &self.content {
            Content::Scalar(value) => value.clone(),
            Content::List(items) => items.iter().map(|item| item.value.value()).collect(),
            Content::Object(members) => Value::Object(members.iter().map(member).collect()),
        }
    }

    /// The place of the first element that `step` means.
    pub(super) fn position(&self, step: &Step) -> Option<usize> {
        self.elements().iter().position(|element| element.is(step))
    }
}

fn member(element: &Element) -> (String, Value) {
    let key = element.key.clone().unwrap_or_default();
    (key, element.value.value())
}

/// Where steps lead.
pub(super) enum Found<'t, 's> {
    Present {
        container: &'t Node,
        index: usize,
    },
    Missing {
        /// The last thing that is there.
        container: &'t Node,
        /// The element that holds it; `None` around the root.
        holder: Option<&'t Element>,
        /// The steps that lead nowhere, one at least.
        rest: &'s [Step],
    },
}

/// Follows the steps. `None` when there are none.
pub(super) fn find<'t, 's>(root: &'t Node, steps: &'s [Step]) -> Option<Found<'t, 's>> {
    let (mut container, mut holder, mut found) = (root, None, None);
    for (depth, step) in steps.iter().enumerate() {
        let Some(index) = container.position(step) else {
            let rest = &steps[depth..];
            return Some(Found::Missing {
                container,
                holder,
                rest,
            });
        };
        found = Some(Found::Present { container, index });
        let element = &container.elements()[index];
        holder = Some(element);
        container = &element.value;
    }
    found
}
