//! A first request for a new person: it goes to the built-in offline provider, through the agent's
//! own API port, as any client's would.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use http::{HeaderValue, Request};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};

use super::refusal::Refusal;
use super::service::ControlService;
use super::wire::ControlError;
use crate::config::local_key;
use crate::modes::AuthMode;
use crate::segmented_bytes::SegmentedBytes;
use crate::status::local_url;
use crate::store::records::Served;
use crate::upstream::{ProxyChoice, UpstreamBody};

/// The program's name in the records of these requests.
pub const TRY_CLIENT: &str = "aerostat-try";

/// The longest message, in characters.
pub const TRY_MESSAGE_MAX: usize = 2_000;
const ANSWER_BYTES_MAX: usize = 256 << 10;
/// The answer is in the program: it comes within milliseconds.
const TIMEOUT: Duration = Duration::from_secs(20);
const PATH: &str = "/v1/chat/completions";

/// What was sent, and what came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DemoAnswer {
    pub url: String,
    /// The request's body, as JSON.
    pub sent: String,
    pub status: u16,
    /// The answer's body.
    pub received: String,
    /// What the model said. `None` where the answer is an error.
    pub said: Option<String>,
    /// By which the record is found.
    pub request_id: Option<String>,
    pub took: Duration,
}

impl ControlService {
    /// Sends one message to the offline provider, with the local key where the port asks for one.
    ///
    /// # Errors
    /// When the port is closed, the message is too long, or nothing comes back.
    pub async fn try_demo(&self, message: &str) -> Result<DemoAnswer, ControlError> {
        if message.chars().count() > TRY_MESSAGE_MAX {
            let max = TRY_MESSAGE_MAX;
            return Err(ControlError::usage(Refusal::MessageTooLong { max }));
        }
        let Some(port) = self.port() else {
            return Err(ControlError::failed(Refusal::PortClosed));
        };
        let exchange = self.send_to_demo(port, message);
        match tokio::time::timeout(TIMEOUT, exchange).await {
            Ok(answer) => answer,
            Err(_) => Err(ControlError::failed(Refusal::NothingCameBack {
                seconds: TIMEOUT.as_secs(),
            })),
        }
    }

    /// Whether anything was served yet: to [`try_demo`](Self::try_demo), and to other programs.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub async fn served(&self) -> Result<Served, ControlError> {
        if let Some(records) = &self.records {
            records.flush().await;
        }
        self.read_records(|reader| reader.served(TRY_CLIENT)).await
    }

    async fn send_to_demo(&self, port: u16, message: &str) -> Result<DemoAnswer, ControlError> {
        let url = format!("{}{PATH}", local_url(port));
        let sent = json!({
            "model": "demo",
            "messages": [{"role": "user", "content": message}],
        });
        let began_at = SystemTime::now();
        let request = self.demo_request(&url, &sent)?;
        let upstream = self.environment.upstream(&self.config());
        let answer = upstream.send(request, &ProxyChoice::default()).await;
        let (head, body) = answer.map_err(not_reached)?.into_parts();
        let body = read_whole(body).await?;
        let received: Value = serde_json::from_slice(&body).unwrap_or_default();
        let request_id = head.headers.get("x-aerostat-request-id");
        Ok(DemoAnswer {
            url,
            sent: format!("{sent:#}"),
            status: head.status.as_u16(),
            said: said(&received),
            received: String::from_utf8_lossy(&body).into_owned(),
            request_id: request_id
                .and_then(|id| id.to_str().ok())
                .map(str::to_owned),
            took: began_at.elapsed().unwrap_or_default(),
        })
    }

    fn demo_request(
        &self,
        url: &str,
        body: &Value,
    ) -> Result<Request<SegmentedBytes>, ControlError> {
        let mut request = Request::post(url)
            .header(CONTENT_TYPE, "application/json")
            .header(
                USER_AGENT,
                concat!("aerostat-try/", env!("CARGO_PKG_VERSION")),
            );
        if self.config().auth_mode != AuthMode::Off {
            let key = local_key::read_or_create(&self.home).map_err(ControlError::caused_by)?;
            let value = HeaderValue::from_maybe_shared(key.to_bytes("Bearer "));
            let mut value = value.map_err(ControlError::quoted)?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        let body = SegmentedBytes::from(Bytes::from(body.to_string()));
        request.body(body).map_err(ControlError::quoted)
    }
}

#[allow(clippy::needless_pass_by_value, reason = "for map_err")]
fn not_reached(error: impl std::fmt::Display) -> ControlError {
    let words = error.to_string();
    ControlError::failed(Refusal::NotReached { words })
}

async fn read_whole(mut body: UpstreamBody) -> Result<Vec<u8>, ControlError> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(not_reached)?;
        bytes.extend(frame.into_data().into_iter().flatten());
        if bytes.len() > ANSWER_BYTES_MAX {
            return Err(ControlError::failed(Refusal::AnswerTooLong));
        }
    }
    Ok(bytes)
}

fn said(answer: &Value) -> Option<String> {
    let said = answer.pointer("/choices/0/message/content")?;
    said.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_known_by_the_name_that_its_requests_carry() {
        let agent = HeaderValue::from_static("aerostat-try/1.2.3");
        let headers = http::HeaderMap::from_iter([(USER_AGENT, agent)]);
        let family = crate::record::agent_family(&headers);
        assert_eq!(family.as_deref(), Some(TRY_CLIENT));
    }

    #[test]
    fn an_error_says_nothing() {
        assert_eq!(said(&json!({"error": {"message": "no"}})), None);
        let answer = json!({"choices": [{"message": {"content": "hi"}}]});
        assert_eq!(said(&answer).as_deref(), Some("hi"));
    }
}
