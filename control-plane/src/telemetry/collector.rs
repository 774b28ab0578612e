//! Where spans are sent: the configuration's word, else the environment's.
//!
//! Source: OpenTelemetry's "OTLP Exporter Configuration". The environment's traces endpoint is taken
//! as it is, the general one with `/v1/traces` behind it.

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Uri};
use percent_encoding::percent_decode_str;

/// The service's name where the environment names none.
const SERVICE: &str = "aerostat";

/// A collector, and how it is spoken to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collector {
    url: Uri,
    /// Of the user's own, as for a key.
    headers: HeaderMap,
    pub(super) service: String,
}

impl Collector {
    /// The collector that `endpoint` names, which is empty where the configuration names none, or
    /// that the environment names.
    ///
    /// # Errors
    /// Why no spans are sent, although they are asked for.
    pub fn find(
        endpoint: &str,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>, String> {
        let set = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let traces = |base: &str| format!("{}/v1/traces", base.trim().trim_end_matches('/'));
        let (source, url) = if !endpoint.trim().is_empty() {
            ("telemetry.otlp_endpoint", traces(endpoint))
        } else if let Some(url) = set("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") {
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", url)
        } else if let Some(base) = set("OTEL_EXPORTER_OTLP_ENDPOINT") {
            ("OTEL_EXPORTER_OTLP_ENDPOINT", traces(&base))
        } else {
            return Ok(None);
        };
        let url = parse_url(url.trim()).map_err(|expected| format!("{source}: {expected}"))?;
        let names = [
            "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
            "OTEL_EXPORTER_OTLP_HEADERS",
        ];
        let headers = match names.into_iter().find_map(|name| Some((name, set(name)?))) {
            Some((name, list)) => parse_headers(&list).ok_or_else(|| {
                format!("{name}: expected `name=value` pairs with commas between them")
            })?,
            None => HeaderMap::new(),
        };
        if !headers.is_empty() && !is_private(&url) {
            return Err(format!(
                "{source}: the headers would travel unencrypted, so no traces are sent: use https"
            ));
        }
        let service = set("OTEL_SERVICE_NAME").unwrap_or_else(|| SERVICE.to_owned());
        Ok(Some(Self {
            url,
            headers,
            service,
        }))
    }

    pub(super) fn request(&self, json: Vec<u8>) -> Request<Vec<u8>> {
        let mut request = Request::new(json);
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = self.url.clone();
        request.headers_mut().clone_from(&self.headers);
        let json = HeaderValue::from_static("application/json");
        request.headers_mut().insert(CONTENT_TYPE, json);
        request
    }
}

/// An address that spans can be sent to.
///
/// # Errors
/// What was expected.
fn parse_url(text: &str) -> Result<Uri, String> {
    let url = text.parse::<Uri>().ok();
    let is_http = |url: &Uri| matches!(url.scheme_str(), Some("http" | "https"));
    let has_user = |url: &Uri| url.authority().is_some_and(|at| at.as_str().contains('@'));
    url.filter(|url| is_http(url) && url.host().is_some() && !has_user(url))
        .ok_or_else(|| "expected an address such as `http://127.0.0.1:4318`".to_owned())
}

/// Whether what is sent there can be read by others on its way.
fn is_private(url: &Uri) -> bool {
    let host = url.host().unwrap_or_default().trim_matches(['[', ']']);
    let is_loopback = match host.parse::<std::net::IpAddr>() {
        Ok(address) => address.is_loopback(),
        Err(_) => host == "localhost",
    };
    is_loopback || url.scheme_str() == Some("https")
}

/// Reads `name=value,name=value`, the values with percent escapes.
fn parse_headers(list: &str) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    for pair in list.split(',').filter(|pair| !pair.trim().is_empty()) {
        let (name, value) = pair.split_once('=')?;
        let value = percent_decode_str(value.trim()).decode_utf8().ok()?;
        let mut value = HeaderValue::try_from(&*value).ok()?;
        value.set_sensitive(true);
        headers.insert(HeaderName::try_from(name.trim()).ok()?, value);
    }
    Some(headers)
}
