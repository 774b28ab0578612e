//! The names of OpenTelemetry's conventions that spans use, in this file alone: those of GenAI are
//! in development and move.
//!
//! Source: <https://github.com/open-telemetry/semantic-conventions-genai>, "Spans", May 2026; the
//! general ones: <https://opentelemetry.io/docs/specs/semconv/>.

use crate::canon::Dialect;
use crate::protocol::{Operation, gemini};

pub(super) const SERVICE_NAME: &str = "service.name";
pub(super) const SERVICE_VERSION: &str = "service.version";
pub(super) const SERVER_ADDRESS: &str = "server.address";
pub(super) const ERROR_TYPE: &str = "error.type";
pub(super) const STATUS_CODE: &str = "http.response.status_code";

pub(super) const OPERATION_NAME: &str = "gen_ai.operation.name";
pub(super) const PROVIDER_NAME: &str = "gen_ai.provider.name";
pub(super) const REQUEST_MODEL: &str = "gen_ai.request.model";
pub(super) const REQUEST_STREAM: &str = "gen_ai.request.stream";
pub(super) const FINISH_REASONS: &str = "gen_ai.response.finish_reasons";
pub(super) const TIME_TO_FIRST_CHUNK: &str = "gen_ai.response.time_to_first_chunk";
pub(super) const CONVERSATION_ID: &str = "gen_ai.conversation.id";
/// Includes what was read from and written to a cache.
pub(super) const INPUT_TOKENS: &str = "gen_ai.usage.input_tokens";
pub(super) const CACHE_READ_TOKENS: &str = "gen_ai.usage.cache_read.input_tokens";
pub(super) const CACHE_WRITE_TOKENS: &str = "gen_ai.usage.cache_creation.input_tokens";
/// Includes reasoning.
pub(super) const OUTPUT_TOKENS: &str = "gen_ai.usage.output_tokens";
pub(super) const REASONING_TOKENS: &str = "gen_ai.usage.reasoning.output_tokens";

// What no convention has a name for.
pub(super) const REQUEST_ID: &str = "aerostat.request.id";
pub(super) const DIALECT: &str = "aerostat.dialect";
pub(super) const ENDING: &str = "aerostat.ending";
pub(super) const OUTCOME: &str = "aerostat.outcome";
pub(super) const UPSTREAM_REQUEST_ID: &str = "aerostat.upstream.request_id";

/// What is done at an upstream of this dialect.
pub(super) fn operation(operation: Operation, upstream: Dialect) -> &'static str {
    match operation {
        Operation::Generate | Operation::StreamGenerate if upstream == gemini::DIALECT => {
            "generate_content"
        }
        Operation::Generate | Operation::StreamGenerate => "chat",
        Operation::Embed | Operation::BatchEmbed => "embeddings",
        Operation::CountTokens => "count_tokens",
        Operation::ListModels => "list_models",
        Operation::ShowModel => "show_model",
        Operation::Surface(about) => about.name(),
    }
}

/// The conventions' name of a preset. A provider of the user's own keeps its name.
pub(super) fn provider(name: &str) -> &str {
    match name {
        "gemini" => "gcp.gemini",
        "vertex-ai" => "gcp.vertex_ai",
        "azure-openai" => "azure.ai.openai",
        "mistral" => "mistral_ai",
        "xai" => "x_ai",
        own => own,
    }
}
