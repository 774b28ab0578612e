//! What belongs to the Responses API besides creating one: stored responses and conversations.
//!
//! Source: OpenAI API reference, "Responses" and "Conversations"; openai-python 3.57.0,
//! `resources/responses` and `resources/conversations`, read 2026-11-30.

use super::DIALECT;
use crate::protocol::openai_chat::SURFACE_QUERY;
use crate::protocol::surface::Surface::{Conversations, Responses};
use crate::protocol::surface::{NONE, SurfaceRoute, SurfaceTable};

pub(super) static TABLE: SurfaceTable = SurfaceTable {
    routes: &[
        SurfaceRoute::post("/responses/compact", Responses)
            .model()
            .refers(&["previous_response_id"])
            .repeatable(),
        SurfaceRoute::get("/responses/{id}", Responses),
        SurfaceRoute::delete("/responses/{id}", Responses),
        SurfaceRoute::post("/responses/{id}/cancel", Responses),
        SurfaceRoute::get("/responses/{id}/input_items", Responses),
        SurfaceRoute::post("/conversations", Conversations).makes(&["id"]),
        SurfaceRoute::get("/conversations/{id}", Conversations),
        SurfaceRoute::post("/conversations/{id}", Conversations),
        SurfaceRoute::delete("/conversations/{id}", Conversations),
        SurfaceRoute::get("/conversations/{id}/items", Conversations),
        SurfaceRoute::post("/conversations/{id}/items", Conversations),
        SurfaceRoute::get("/conversations/{id}/items/{item}", Conversations),
        SurfaceRoute::delete("/conversations/{id}/items/{item}", Conversations),
    ],
    served_by: &[DIALECT],
    query: SURFACE_QUERY,
    mentions: &[
        "conversation",
        "conversation.id",
        "input.content.file_id",
        "tools.vector_store_ids",
        "tools.container",
    ],
    mention_words: &[
        "file_id",
        "conversation\"",
        "vector_store_ids",
        "container\"",
    ],
    ..NONE
};
