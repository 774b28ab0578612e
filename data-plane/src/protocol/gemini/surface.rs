//! Gemini's paths besides generating: files and their resumable upload, caches, batches, long
//! operations, predictions, interactions, file search stores.
//!
//! An upload begins with a POST that is answered by `X-Goog-Upload-URL`; the bytes go to that
//! address, which names the upload by `upload_id`.
//!
//! Source: Gemini API reference v1beta, "Files", "Caching", "Batch API", "Interactions";
//! google-genai 3.6.1 (`files.py`, `caches.py`, `batches.py`, `models.py`, `operations.py`,
//! `file_search_stores.py`, `documents.py`, `_api_client.py`), read 2026-11-30.

use super::DIALECT;
use crate::protocol::PassthroughHeaders;
use crate::protocol::query::QueryParameters;
use crate::protocol::surface::Surface::{
    Batches, CachedContents, FileSearchStores, Files, Interactions, Operations, Predictions,
};
use crate::protocol::surface::{NONE, SurfaceRoute, SurfaceTable};

const NAME: &[&str] = &["name"];

pub(super) static TABLE: SurfaceTable = SurfaceTable {
    routes: &[
        SurfaceRoute::post("/upload/files", Files)
            .files()
            .makes(&["file.name"]),
        SurfaceRoute::post(
            "/upload/fileSearchStores/{id}:uploadToFileSearchStore",
            FileSearchStores,
        )
        .files()
        .makes(NAME),
        SurfaceRoute::get("/files", Files),
        SurfaceRoute::post("/files", Files).makes(&["file.name"]),
        SurfaceRoute::post("/files:register", Files).makes(&["files.name"]),
        SurfaceRoute::get("/files/{id}", Files),
        SurfaceRoute::delete("/files/{id}", Files),
        SurfaceRoute::get("/files/{id}:download", Files),
        SurfaceRoute::get("/cachedContents", CachedContents),
        SurfaceRoute::post("/cachedContents", CachedContents)
            .model()
            .makes(NAME)
            .refers(&[
                "contents.parts.fileData.fileUri",
                "contents.parts.file_data.file_uri",
            ]),
        SurfaceRoute::get("/cachedContents/{id}", CachedContents),
        SurfaceRoute::patch("/cachedContents/{id}", CachedContents),
        SurfaceRoute::delete("/cachedContents/{id}", CachedContents),
        SurfaceRoute::post("/{model}:batchGenerateContent", Batches)
            .path_model()
            .makes(&["name", "metadata.output.responsesFile"])
            .refers(&["batch.inputConfig.fileName", "batch.input_config.file_name"]),
        SurfaceRoute::post("/{model}:asyncBatchEmbedContent", Batches)
            .path_model()
            .makes(NAME)
            .refers(&["batch.inputConfig.fileName", "batch.input_config.file_name"]),
        SurfaceRoute::get("/batches", Batches),
        SurfaceRoute::get("/batches/{id}", Batches)
            .makes(&["response.responsesFile", "metadata.output.responsesFile"]),
        SurfaceRoute::delete("/batches/{id}", Batches),
        SurfaceRoute::post("/batches/{id}:cancel", Batches),
        SurfaceRoute::post("/{model}:predict", Predictions).path_model(),
        SurfaceRoute::post("/{model}:predictLongRunning", Predictions)
            .path_model()
            .makes(NAME),
        SurfaceRoute::get("/models/{model}/operations/{id}", Operations).path_model(),
        SurfaceRoute::get("/operations/{id}", Operations),
        SurfaceRoute::post("/interactions", Interactions)
            .model()
            .makes(&["id"])
            .refers(&["previous_interaction_id"]),
        SurfaceRoute::get("/interactions/{id}", Interactions),
        SurfaceRoute::delete("/interactions/{id}", Interactions),
        SurfaceRoute::post("/interactions/{id}/cancel", Interactions),
        SurfaceRoute::get("/fileSearchStores", FileSearchStores),
        SurfaceRoute::post("/fileSearchStores", FileSearchStores).makes(NAME),
        SurfaceRoute::get("/fileSearchStores/{id}", FileSearchStores),
        SurfaceRoute::delete("/fileSearchStores/{id}", FileSearchStores),
        SurfaceRoute::post("/fileSearchStores/{id}:importFile", FileSearchStores)
            .makes(NAME)
            .refers(&["fileName", "file_name"]),
        SurfaceRoute::get("/fileSearchStores/{id}/documents", FileSearchStores),
        SurfaceRoute::get(
            "/fileSearchStores/{id}/documents/{document}",
            FileSearchStores,
        ),
        SurfaceRoute::delete(
            "/fileSearchStores/{id}/documents/{document}",
            FileSearchStores,
        ),
        SurfaceRoute::get(
            "/fileSearchStores/{id}/operations/{operation}",
            FileSearchStores,
        ),
        SurfaceRoute::get(
            "/fileSearchStores/{id}/upload/operations/{operation}",
            FileSearchStores,
        ),
    ],
    served_by: &[DIALECT],
    headers: PassthroughHeaders {
        request: &["x-goog-upload-*"],
        response: &["x-goog-upload-*"],
    },
    query: QueryParameters {
        plain: &[
            "filter",
            "force",
            "include_input",
            "last_event_id",
            "stream",
            "updateMask",
            "update_mask",
            "uploadType",
            "upload_id",
            "upload_protocol",
        ],
        untranslatable: &[],
    },
    upload_root: Some("upload"),
    mentions: &[
        "cachedContent",
        "cached_content",
        "contents.parts.fileData.fileUri",
        "contents.parts.file_data.file_uri",
    ],
    mention_words: &["cachedContent", "cached_content", "fileUri", "file_uri"],
    ..NONE
};
