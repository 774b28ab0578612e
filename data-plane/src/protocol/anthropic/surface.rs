//! Anthropic's paths besides messages: batches of them, files and skills.
//!
//! Source: Anthropic API reference, "Message Batches", "Files" and "Skills"; anthropic-python
//! 2.14.0, `resources/*`, read 2026-11-30. `/organizations` is administration, and left out with
//! agents, sessions, environments and what belongs to those.

use super::DIALECT;
use crate::protocol::query::QueryParameters;
use crate::protocol::surface::Surface::{Batches, Files, Skills};
use crate::protocol::surface::{NONE, SurfaceRoute, SurfaceTable};

const ID: &[&str] = &["id"];

pub(super) static TABLE: SurfaceTable = SurfaceTable {
    routes: &[
        // Each request of a batch names a model of its own; none is changed.
        SurfaceRoute::post("/messages/batches", Batches)
            .makes(ID)
            .refers(&["requests.params.messages.content.source.file_id"]),
        SurfaceRoute::get("/messages/batches", Batches),
        SurfaceRoute::get("/messages/batches/{id}", Batches),
        SurfaceRoute::delete("/messages/batches/{id}", Batches),
        SurfaceRoute::post("/messages/batches/{id}/cancel", Batches),
        SurfaceRoute::get("/messages/batches/{id}/results", Batches),
        SurfaceRoute::get("/files", Files),
        SurfaceRoute::post("/files", Files).files().makes(ID),
        SurfaceRoute::get("/files/{id}", Files),
        SurfaceRoute::delete("/files/{id}", Files),
        SurfaceRoute::get("/files/{id}/content", Files),
        SurfaceRoute::get("/skills", Skills),
        SurfaceRoute::post("/skills", Skills).files().makes(ID),
        SurfaceRoute::get("/skills/{id}", Skills),
        SurfaceRoute::delete("/skills/{id}", Skills),
        SurfaceRoute::get("/skills/{id}/versions", Skills),
        SurfaceRoute::post("/skills/{id}/versions", Skills).files(),
        SurfaceRoute::get("/skills/{id}/versions/{version}", Skills),
        SurfaceRoute::delete("/skills/{id}/versions/{version}", Skills),
        SurfaceRoute::get("/skills/{id}/versions/{version}/content", Skills),
    ],
    served_by: &[DIALECT],
    mentions: &[
        "messages.content.source.file_id",
        "container",
        "container.id",
    ],
    mention_words: &["file_id", "container\""],
    // Source: the list calls of the reference. Files and skills page by `page`.
    query: QueryParameters {
        plain: &["page", "scope_id", "source"],
        untranslatable: &[],
    },
    ..NONE
};
