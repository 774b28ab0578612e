//! Errors as each service writes them: status, kind and body.
//!
//! Sources: the "Errors" sections of the four services' references.

use serde_json::{Value, json};

use crate::support::Dialect;

/// Why a service refuses a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    pub status: u16,
    pub message: String,
    /// OpenAI's `code`; Gemini's `ErrorInfo.reason`; Anthropic's `details.error_code`.
    pub code: Option<&'static str>,
    /// OpenAI's `param`.
    pub param: Option<String>,
}

impl Refusal {
    pub fn new(status: u16, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            ..Self::default()
        }
    }

    pub fn bad(message: impl Into<String>) -> Self {
        Self::new(400, message)
    }

    #[must_use]
    pub fn code(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
    }

    #[must_use]
    pub fn param(mut self, param: impl Into<String>) -> Self {
        self.param = Some(param.into());
        self
    }

    /// The body in that dialect's shape.
    pub fn body(&self, dialect: Dialect) -> Vec<u8> {
        let body = match dialect {
            Dialect::Anthropic => self.anthropic(),
            Dialect::Gemini => self.gemini(),
            Dialect::Chat | Dialect::Completions | Dialect::Responses => self.openai(),
            Dialect::Ollama => unreachable!("no upstream speaks it"),
        };
        serde_json::to_vec_pretty(&body).expect("JSON values can be written")
    }

    fn openai(&self) -> Value {
        let kind = openai_type(self.status);
        json!({"error": {"message": self.message, "type": kind, "param": self.param, "code": self.code}})
    }

    fn anthropic(&self) -> Value {
        let mut error = json!({"type": anthropic_type(self.status), "message": self.message});
        if let Some(code) = self.code {
            error["details"] = json!({"error_code": code});
        }
        json!({"type": "error", "error": error, "request_id": "req_011CSHoEeqs5C35K2UUqR7Fy"})
    }

    fn gemini(&self) -> Value {
        let mut error = json!({"code": self.status, "message": self.message, "status": gemini_status(self.status)});
        if let Some(reason) = self.code {
            let info = "type.googleapis.com/google.rpc.ErrorInfo";
            error["details"] =
                json!([{"@type": info, "reason": reason, "domain": "googleapis.com"}]);
        }
        json!({"error": error})
    }
}

fn openai_type(status: u16) -> &'static str {
    match status {
        429 => "rate_limit_error",
        500.. => "server_error",
        _ => "invalid_request_error",
    }
}

fn anthropic_type(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        409 => "conflict_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        504 => "timeout_error",
        529 => "overloaded_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    }
}

fn gemini_status(status: u16) -> &'static str {
    match status {
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        429 => "RESOURCE_EXHAUSTED",
        499 => "CANCELLED",
        503 => "UNAVAILABLE",
        504 => "DEADLINE_EXCEEDED",
        500.. => "INTERNAL",
        _ => "INVALID_ARGUMENT",
    }
}
