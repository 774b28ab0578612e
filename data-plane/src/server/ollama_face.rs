//! The API for programs that look for Ollama at a port of its own, and believe that it runs when its
//! root says so.
//!
//! Source: Ollama, `server/routes.go`, `GenerateRoutes`: `GET /` and `HEAD /`.

use std::sync::Arc;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;

use super::Server;
use crate::canon::Fault;
use crate::listener::{Handler, ResponseBody};

const RUNNING: &[u8] = b"Ollama is running";

/// The same API, with another root.
pub struct OllamaFace(pub Arc<Server>);

impl Handler for OllamaFace {
    async fn handle(&self, request: Request<Incoming>) -> Response<ResponseBody> {
        let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
        let is_root = is_read && request.uri().path() == "/";
        let mut response = self.0.handle(request).await;
        if is_root && response.status() == StatusCode::OK {
            let text = HeaderValue::from_static("text/plain; charset=utf-8");
            response.headers_mut().insert(CONTENT_TYPE, text);
            *response.body_mut() = ResponseBody::from(Bytes::from_static(RUNNING));
        }
        response
    }

    fn refuse(&self, head: &Parts, fault: &Fault) -> Response<ResponseBody> {
        self.0.refuse(head, fault)
    }
}
