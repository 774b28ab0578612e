//! Sends a recorded request again, by the way that requests go.

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderName, HeaderValue, Method, Request, Uri};

use super::body_facts::BodyFacts;
use super::curl::missing;
use super::wire::ControlError;

/// What becomes of a request that is sent again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resent {
    pub request_id: String,
    pub status: u16,
}

/// Serves a request as if a client had sent it, without a key.
pub trait Resender: Send + Sync {
    /// Resolves at the response's end. `first` is the id of the request that it repeats.
    fn resend(&self, request: Request<Bytes>, first: String) -> BoxFuture<'_, Resent>;
}

/// The request as the client sent it, without what is not kept of it.
///
/// # Errors
/// When its body is not kept whole.
pub(super) fn request_of(sent: Option<&BodyFacts>) -> Result<Request<Bytes>, ControlError> {
    let sent = sent.ok_or_else(|| {
        ControlError::failed(
            "its body is not kept; of later requests it is with `aerostat records bodies all --for 15m`",
        )
    })?;
    if let Some(why) = missing(sent) {
        return Err(ControlError::failed(format!(
            "it cannot be sent again: {why}"
        )));
    }
    let text = sent.text.clone().unwrap_or_default();
    let mut request = Request::new(Bytes::from(text));
    let (method, target) = (sent.method.as_deref(), sent.target.as_deref());
    let read = method
        .and_then(|method| method.parse::<Method>().ok())
        .zip(target.and_then(|target| without_key(target).parse::<Uri>().ok()));
    let (method, uri) =
        read.ok_or_else(|| ControlError::failed("its first line cannot be read"))?;
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
