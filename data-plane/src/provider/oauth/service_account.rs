//! Google's service accounts: a signed assertion instead of a sign-in.
//!
//! Source: RFC 7523 section 2.1; Google Identity, "Using OAuth 2.0 for server to server
//! applications".

use std::time::{Duration, UNIX_EPOCH};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject as _;

use crate::account::Secret;
use crate::language::said;
use crate::outcome::Timestamp;

/// Google accepts no longer lifetime.
const ASSERTION_LIVES: Duration = Duration::from_secs(3600);
const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

said! {
    /// Why a file is not usable as a service account. The texts never quote the file.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum BadServiceAccount;
    Shape: "the service account's file is no JSON of type `service_account` with `client_email` and `private_key`" |
        "die Datei des Dienstkontos ist kein JSON vom Typ `service_account` mit `client_email` und `private_key`";
    Key: "the `private_key` of the service account's file cannot be used: expected an RSA key in PKCS #8 PEM form" |
        "der `private_key` in der Datei des Dienstkontos ist unbrauchbar: erwartet wird ein RSA-Schlüssel in PKCS #8 als PEM";
    TokenUrl: "`token_url` is no URL" | "`token_url` ist keine URL";
}

/// ```json
/// {"type":"service_account","client_email":"a@p.iam.gserviceaccount.com",
///  "private_key_id":"…","private_key":"-----BEGIN …"}
/// ```
#[derive(serde::Deserialize)]
struct File {
    #[serde(rename = "type")]
    kind: String,
    client_email: String,
    private_key_id: Option<String>,
    private_key: zeroize::Zeroizing<String>,
}

/// The request for an access token.
pub(super) fn request(
    file: &Secret,
    token_url: &str,
    scopes: &[String],
    now: Timestamp,
) -> Result<http::Request<Bytes>, BadServiceAccount> {
    let file: File = serde_json::from_str(file.expose()).map_err(|_| BadServiceAccount::Shape)?;
    if file.kind != "service_account" {
        return Err(BadServiceAccount::Shape);
    }
    let assertion = assertion(&file, token_url, scopes, now)?;
    let grant_type = utf8_percent_encode(GRANT_TYPE, NON_ALPHANUMERIC);
    let mut request = http::Request::new(Bytes::from(format!(
        "grant_type={grant_type}&assertion={assertion}"
    )));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = token_url.parse().map_err(|_| BadServiceAccount::TokenUrl)?;
    request.headers_mut().insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/x-www-form-urlencoded"),
    );
    Ok(request)
}

/// The signed claims (RFC 7515, `RS256`).
fn assertion(
    file: &File,
    audience: &str,
    scopes: &[String],
    now: Timestamp,
) -> Result<String, BadServiceAccount> {
    let issued_at = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let header = serde_json::json!({ "alg": "RS256", "typ": "JWT", "kid": file.private_key_id });
    let claims = serde_json::json!({
        "iss": file.client_email,
        "scope": scopes.join(" "),
        "aud": audience,
        "iat": issued_at,
        "exp": issued_at + ASSERTION_LIVES.as_secs(),
    });
    let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
    let signed = format!(
        "{}.{}",
        encode(header.to_string().as_bytes()),
        encode(claims.to_string().as_bytes())
    );
    let key = PrivatePkcs8KeyDer::from_pem_slice(file.private_key.as_bytes())
        .map_err(|_| BadServiceAccount::Key)?;
    let key = RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()).map_err(|_| BadServiceAccount::Key)?;
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(
        &RSA_PKCS1_SHA256,
        &SystemRandom::new(),
        signed.as_bytes(),
        &mut signature,
    )
    .map_err(|_| BadServiceAccount::Key)?;
    Ok(format!("{signed}.{}", encode(&signature)))
}

/// A signature that another's implementation verifies is asked for in `tests/oauth`.
#[cfg(test)]
mod tests {
    use super::*;

    fn refused(file: &str) -> BadServiceAccount {
        let file = Secret::new(file.to_owned());
        request(&file, "https://id.example/token", &[], UNIX_EPOCH).unwrap_err()
    }

    #[test]
    fn what_is_no_service_account_is_refused() {
        assert_eq!(refused(""), BadServiceAccount::Shape);
        assert_eq!(
            refused(r#"{"type":"authorized_user","client_email":"a","private_key":"b"}"#),
            BadServiceAccount::Shape
        );
        assert_eq!(
            refused(r#"{"type":"service_account","client_email":"a"}"#),
            BadServiceAccount::Shape
        );
        let key = "-----BEGIN PRIVATE KEY-----\\nAAAA\\n-----END PRIVATE KEY-----\\n";
        let file =
            format!(r#"{{"type":"service_account","client_email":"a","private_key":"{key}"}}"#);
        assert_eq!(refused(&file), BadServiceAccount::Key);
        assert!(!refused(&file).to_string().contains("AAAA"));
    }
}
