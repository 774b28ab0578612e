//! Reads what routing needs of a request, without parsing the rest of its body.

use crate::json::Document;
use crate::protocol::{DecodeError, Inbound, Operation, RoutingFields};

/// Decodes the routing fields. The path names the model and the operation says whether to stream.
///
/// # Errors
/// When the body is not a JSON object or the path names no model.
pub(super) fn decode(inbound: &Inbound<'_>) -> Result<RoutingFields, DecodeError> {
    let document = Document::parse_shallow(inbound.body.clone())?;
    document.root().members()?;
    let model = inbound
        .path_model
        .ok_or_else(|| document.root().missing("model"))?
        .to_owned();
    Ok(RoutingFields {
        model,
        model_at: None,
        stream: Some(inbound.operation == Operation::StreamGenerate),
        ..RoutingFields::default()
    })
}
