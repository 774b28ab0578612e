//! Reads what routing needs of a request, without parsing the rest of its body.

use crate::json::Document;
use crate::protocol::{DecodeError, Inbound, Operation, RoutingFields};

/// # Errors
/// When the body is no JSON object or names no model.
pub(super) fn decode(inbound: &Inbound<'_>) -> Result<RoutingFields, DecodeError> {
    let document = Document::parse_shallow(inbound.body.clone())?;
    let root = document.root();
    if inbound.operation == Operation::ShowModel
        && let (None, Some(name)) = (root.get("model"), root.get("name"))
    {
        // Source: `api/types.go`, `ShowRequest`: "Name is deprecated, see Model".
        return Ok(RoutingFields {
            model: name.str()?.into_owned(),
            stream: Some(false),
            ..RoutingFields::default()
        });
    }
    let mut fields = RoutingFields::of_body(root, None)?;
    if !inbound.operation.generates() {
        fields.stream = Some(false);
    }
    Ok(fields)
}
