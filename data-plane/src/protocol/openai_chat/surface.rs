//! OpenAI's paths besides conversations: images, audio, files, batches and what belongs to them.
//!
//! Source: OpenAI API reference, and `resources/*` of openai-python 3.57.0, read 2026-11-30. Its
//! administration (`/organization`, `/projects`) is left out on purpose, and so are agents, evals,
//! realtime sessions and vaults.

use http::Method;

use super::DIALECT;
use crate::protocol::query::QueryParameters;
use crate::protocol::surface::Surface::{
    Audio, Batches, ChatCompletions, Containers, Files, FineTuning, Images, Moderations, Skills,
    Uploads, VectorStores, Videos,
};
use crate::protocol::surface::{SurfaceRoute, SurfaceTable};
use crate::protocol::{PassthroughHeaders, openai, openai_responses};

const ID: &[&str] = &["id"];

pub(super) static TABLE: SurfaceTable = SurfaceTable {
    routes: &[
        SurfaceRoute::post("/images/generations", Images).model(),
        SurfaceRoute::post("/images/edits", Images).model().files(),
        SurfaceRoute::post("/images/variations", Images)
            .model()
            .files(),
        SurfaceRoute::post("/audio/speech", Audio).model(),
        SurfaceRoute::post("/audio/transcriptions", Audio)
            .model()
            .files(),
        SurfaceRoute::post("/audio/translations", Audio)
            .model()
            .files(),
        SurfaceRoute::post("/moderations", Moderations)
            .model()
            .repeatable(),
        SurfaceRoute::get("/files", Files),
        SurfaceRoute::post("/files", Files).files().makes(ID),
        SurfaceRoute::get("/files/{id}", Files),
        SurfaceRoute::delete("/files/{id}", Files),
        SurfaceRoute::get("/files/{id}/content", Files),
        SurfaceRoute::post("/uploads", Uploads).makes(ID),
        SurfaceRoute::post("/uploads/{id}/parts", Uploads).files(),
        SurfaceRoute::post("/uploads/{id}/complete", Uploads).makes(&["file.id"]),
        SurfaceRoute::post("/uploads/{id}/cancel", Uploads),
        SurfaceRoute::get("/batches", Batches),
        SurfaceRoute::post("/batches", Batches)
            .makes(ID)
            .refers(&["input_file_id"]),
        SurfaceRoute::get("/batches/{id}", Batches).makes(&["output_file_id", "error_file_id"]),
        SurfaceRoute::post("/batches/{id}/cancel", Batches),
        SurfaceRoute::get("/vector_stores", VectorStores),
        SurfaceRoute::post("/vector_stores", VectorStores)
            .makes(ID)
            .refers(&["file_ids"]),
        SurfaceRoute::get("/vector_stores/{id}", VectorStores),
        SurfaceRoute::post("/vector_stores/{id}", VectorStores),
        SurfaceRoute::delete("/vector_stores/{id}", VectorStores),
        SurfaceRoute::post("/vector_stores/{id}/search", VectorStores),
        SurfaceRoute::get("/vector_stores/{id}/files", VectorStores),
        SurfaceRoute::post("/vector_stores/{id}/files", VectorStores).refers(&["file_id"]),
        SurfaceRoute::get("/vector_stores/{id}/files/{file}", VectorStores),
        SurfaceRoute::post("/vector_stores/{id}/files/{file}", VectorStores),
        SurfaceRoute::delete("/vector_stores/{id}/files/{file}", VectorStores),
        SurfaceRoute::get("/vector_stores/{id}/files/{file}/content", VectorStores),
        SurfaceRoute::post("/vector_stores/{id}/file_batches", VectorStores).refers(&["file_ids"]),
        SurfaceRoute::get("/vector_stores/{id}/file_batches/{batch}", VectorStores),
        SurfaceRoute::post(
            "/vector_stores/{id}/file_batches/{batch}/cancel",
            VectorStores,
        ),
        SurfaceRoute::get(
            "/vector_stores/{id}/file_batches/{batch}/files",
            VectorStores,
        ),
        SurfaceRoute::get("/containers", Containers),
        SurfaceRoute::post("/containers", Containers)
            .makes(ID)
            .refers(&["file_ids"]),
        SurfaceRoute::get("/containers/{id}", Containers),
        SurfaceRoute::delete("/containers/{id}", Containers),
        SurfaceRoute::get("/containers/{id}/files", Containers),
        SurfaceRoute::post("/containers/{id}/files", Containers)
            .files()
            .refers(&["file_id"]),
        SurfaceRoute::get("/containers/{id}/files/{file}", Containers),
        SurfaceRoute::delete("/containers/{id}/files/{file}", Containers),
        SurfaceRoute::get("/containers/{id}/files/{file}/content", Containers),
        SurfaceRoute::get("/fine_tuning/jobs", FineTuning),
        SurfaceRoute::post("/fine_tuning/jobs", FineTuning)
            .model()
            .makes(ID)
            .refers(&["training_file", "validation_file"]),
        SurfaceRoute::get("/fine_tuning/jobs/{id}", FineTuning),
        SurfaceRoute::post("/fine_tuning/jobs/{id}/cancel", FineTuning),
        SurfaceRoute::post("/fine_tuning/jobs/{id}/pause", FineTuning),
        SurfaceRoute::post("/fine_tuning/jobs/{id}/resume", FineTuning),
        SurfaceRoute::get("/fine_tuning/jobs/{id}/events", FineTuning),
        SurfaceRoute::get("/fine_tuning/jobs/{id}/checkpoints", FineTuning),
        SurfaceRoute::get("/skills", Skills),
        SurfaceRoute::post("/skills", Skills).files().makes(ID),
        SurfaceRoute::get("/skills/{id}", Skills),
        SurfaceRoute::post("/skills/{id}", Skills),
        SurfaceRoute::delete("/skills/{id}", Skills),
        SurfaceRoute::get("/skills/{id}/content", Skills),
        SurfaceRoute::get("/skills/{id}/versions", Skills),
        SurfaceRoute::post("/skills/{id}/versions", Skills).files(),
        SurfaceRoute::get("/skills/{id}/versions/{version}", Skills),
        SurfaceRoute::delete("/skills/{id}/versions/{version}", Skills),
        SurfaceRoute::get("/skills/{id}/versions/{version}/content", Skills),
        SurfaceRoute::get("/videos", Videos),
        SurfaceRoute::post("/videos", Videos)
            .model()
            .files()
            .makes(ID),
        SurfaceRoute::post("/videos/edits", Videos)
            .files()
            .makes(ID),
        SurfaceRoute::post("/videos/extensions", Videos)
            .files()
            .makes(ID),
        SurfaceRoute::get("/videos/{id}", Videos),
        SurfaceRoute::delete("/videos/{id}", Videos),
        SurfaceRoute::get("/videos/{id}/content", Videos),
        SurfaceRoute::post("/videos/{id}/remix", Videos).makes(ID),
        SurfaceRoute::get("/chat/completions", ChatCompletions),
        SurfaceRoute::get("/chat/completions/{id}", ChatCompletions),
        SurfaceRoute::post("/chat/completions/{id}", ChatCompletions),
        SurfaceRoute::delete("/chat/completions/{id}", ChatCompletions),
        SurfaceRoute::get("/chat/completions/{id}/messages", ChatCompletions),
    ],
    served_by: &[DIALECT, openai_responses::DIALECT],
    headers: HEADERS,
    query: QUERY,
    upload_root: None,
    mentions: &["messages.content.file.file_id"],
    mention_words: &["file_id"],
    refused: &[(
        Method::DELETE,
        "/models/{model}",
        "deletes a model for every user of the account, so it is not passed on; do it at the provider",
    )],
};

const HEADERS: PassthroughHeaders = PassthroughHeaders {
    request: &[],
    response: &openai::RESPONSE_HEADERS,
};

/// Source: the list calls and downloads of the API reference.
pub(in crate::protocol) const QUERY: QueryParameters = QueryParameters {
    plain: &[
        "after",
        "before",
        "filter",
        "include",
        "include[]",
        "limit",
        "model",
        "order",
        "purpose",
        "variant",
    ],
    untranslatable: &[],
};
