//! `resend`: sends a recorded request again, through the gateway. The record of the second names the
//! first.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Uri};
use serde::{Deserialize, Serialize};

use super::explain_bodies::ExplainBodies;
use crate::control::body_facts::BodyFacts;
use crate::control::curl::missing;
use crate::control::refusal::Refusal;
use crate::control::resender::Resent;
use crate::control::service::ControlService;
use crate::control::verb::{Needs, Verb};
use crate::control::wire::{ControlError, Notes};

/// Models may think for minutes.
const ANSWER_LIMIT: Duration = Duration::from_secs(10 * 60);

#[derive(Debug, Serialize, Deserialize)]
pub struct Resend {
    /// The id of the request that is sent again.
    pub id: String,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResentFacts {
    pub id: String,
    pub status: u16,
    /// The id of the request that it repeats.
    pub repeats: String,
}

impl Verb for Resend {
    type Response = ResentFacts;
    const NAME: &'static str = "resend";
    const TIME_LIMIT: Duration = ANSWER_LIMIT;
    const NEEDS: Needs = Needs::Agent;

    async fn run(
        self,
        service: &ControlService,
        notes: &Notes,
    ) -> Result<ResentFacts, ControlError> {
        let found = ExplainBodies { id: self.id }.run(service, notes).await?;
        let sent = found
            .bodies
            .iter()
            .find(|body| body.direction == "client_sent");
        let request = request_of(sent)?;
        let sending = service.resender()?.resend(request, found.id.clone());
        let Resent { request_id, status } = tokio::time::timeout(ANSWER_LIMIT, sending)
            .await
            .map_err(|_| ControlError::failed(Refusal::AnswerLate))?;
        Ok(ResentFacts {
            id: request_id,
            status,
            repeats: found.id,
        })
    }
}

/// The request as the client sent it, without what is not kept of it.
///
/// # Errors
/// When its body is not kept whole.
fn request_of(sent: Option<&BodyFacts>) -> Result<Request<Bytes>, ControlError> {
    let sent = sent.ok_or_else(|| ControlError::failed(Refusal::BodyNotKept))?;
    if let Some(why) = missing(sent) {
        return Err(ControlError::failed(Refusal::NotSentAgain {
            why: why.into(),
        }));
    }
    let text = sent.text.clone().unwrap_or_default();
    let mut request = Request::new(Bytes::from(text));
    let (method, target) = (sent.method.as_deref(), sent.target.as_deref());
    let read = method
        .and_then(|method| method.parse::<Method>().ok())
        .zip(target.and_then(|target| without_key(target).parse::<Uri>().ok()));
    let (method, uri) = read.ok_or_else(|| ControlError::failed(Refusal::FirstLineUnreadable))?;
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    let kept = sent.headers.iter().filter_map(|header| {
        let name = header.name.parse::<HeaderName>().ok()?;
        let value = HeaderValue::from_str(header.value.as_deref()?).ok()?;
        (name != http::header::CONTENT_LENGTH).then_some((name, value))
    });
    request.headers_mut().extend(kept);
    Ok(request)
}

/// A target without parameters that were taken out.
fn without_key(target: &str) -> String {
    let Some((path, query)) = target.split_once('?') else {
        return target.to_owned();
    };
    let kept = query
        .split('&')
        .filter(|pair| !pair.ends_with("=[redacted]"));
    format!("{path}?{}", kept.collect::<Vec<_>>().join("&"))
}
