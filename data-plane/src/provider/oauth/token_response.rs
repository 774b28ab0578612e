//! Reads the response of a token endpoint. Source: RFC 6749 sections 5.1 and 5.2.

use std::time::Duration;

use http::{HeaderMap, StatusCode};
use oauth2::TokenResponse as _;
use oauth2::basic::{BasicErrorResponse, BasicTokenResponse};

use crate::account::{BadProxy, Redactor, Secret};
use crate::host::printable::single_line;
use crate::language::{Said, said};
use crate::outcome::Timestamp;
use crate::provider::limits;

/// Longer descriptions are cut.
const DETAIL_CHARS_MAX: usize = 300;

/// What a token endpoint did with a grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenResponse {
    Granted(TokenGrant),
    /// The grant or the client was refused (`invalid_grant`), and repeating it will not help.
    Refused {
        /// What the server said, bounded and without secrets.
        detail: String,
    },
    /// The request was not sent, or the server did not process it: the grant is as good as before.
    NotProcessed {
        reason: NoToken,
    },
    /// It was sent, and no response says whether the server used the grant.
    Unclear {
        reason: NoToken,
    },
}

said! {
    /// Why no token came.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub enum NoToken;

    // What the server answered.
    Status { status: u16 }: "the token endpoint answered {status}" |
        "der Token-Endpunkt antwortet mit {status}";
    NotNow { status: u16, error: String }: "the token endpoint answered {status}: {error}" |
        "der Token-Endpunkt antwortet mit {status}: {error}";
    NoOAuthError { status: u16 }: "the token endpoint answered {status} with no OAuth error; check `token_url`" |
        "der Token-Endpunkt antwortet mit {status} und ohne OAuth-Fehler; `token_url` prüfen";
    NoAccessToken: "the token endpoint's answer holds no access token; check `token_url`" |
        "die Antwort des Token-Endpunkts enthält kein Zugriffstoken; `token_url` prüfen";
    EmptyAccessToken: "the token endpoint gave an empty access token" |
        "der Token-Endpunkt lieferte ein leeres Zugriffstoken";
    TooLong: "the token endpoint's answer is too long; check `token_url`" |
        "die Antwort des Token-Endpunkts ist zu lang; `token_url` prüfen";
    BrokeOff: "the token endpoint's answer broke off" |
        "die Antwort des Token-Endpunkts brach ab";
    Late { seconds: u64 }: "the token endpoint gave no answer within {seconds} s" |
        "der Token-Endpunkt antwortete nicht innerhalb von {seconds} s";
    /// What the transport says.
    Transport { words: String }: "{words}" | "der Token-Endpunkt war nicht erreichbar („{words}“)";

    // What kept it from being asked.
    Proxy { why: BadProxy }: "the account's proxy cannot be used: {why}" |
        "der Proxy des Kontos ist unbrauchbar: {why}";
    ProviderGone { provider: String }: "there is no provider `{provider}` in the configuration any more" |
        "die Konfiguration enthält keinen Anbieter `{provider}` mehr";
    NoClient { provider: String }: "[providers.{provider}.oauth] is missing in the configuration" |
        "in der Konfiguration fehlt [providers.{provider}.oauth]";
    BadClient { provider: String, why: Said }: "[providers.{provider}.oauth]: {why}" |
        "[providers.{provider}.oauth]: {why}";
    Store { why: Said }: "{why}" | "{why}";
}

/// Issued tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenGrant {
    pub access: Secret,
    /// `None` where the server did not say.
    pub expires_at: Option<Timestamp>,
    /// The successor of the refresh token, where there is one.
    pub refresh: Option<Secret>,
}

impl TokenResponse {
    /// Reads the response to a request that contained the secrets `sent`.
    pub fn read(
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
        sent: &[&Secret],
        now: Timestamp,
    ) -> Self {
        if status.is_success() {
            return granted(body, now);
        }
        let code = status.as_u16();
        let why = || NoToken::Status { status: code };
        match serde_json::from_slice::<BasicErrorResponse>(body) {
            _ if status == StatusCode::TOO_MANY_REQUESTS => Self::NotProcessed { reason: why() },
            _ if status.is_server_error() => Self::Unclear { reason: why() },
            Ok(error)
                if matches!(
                    error.error().as_ref(),
                    "temporarily_unavailable" | "slow_down"
                ) =>
            {
                Self::NotProcessed {
                    reason: NoToken::NotNow {
                        status: code,
                        error: error.error().as_ref().to_owned(),
                    },
                }
            }
            Ok(error) => Self::Refused {
                detail: refusal_detail(&error, headers, sent, now),
            },
            // A server that answers anything else is not a token endpoint and has not processed the
            // grant.
            Err(_) => Self::NotProcessed {
                reason: NoToken::NoOAuthError { status: code },
            },
        }
    }
}

fn granted(body: &[u8], now: Timestamp) -> TokenResponse {
    let Ok(answer) = serde_json::from_slice::<BasicTokenResponse>(body) else {
        return TokenResponse::Unclear {
            reason: NoToken::NoAccessToken,
        };
    };
    let secret =
        |text: &str| Some(Secret::new(text.to_owned())).filter(|text| !text.expose().is_empty());
    let Some(access) = secret(answer.access_token().secret()) else {
        return TokenResponse::Unclear {
            reason: NoToken::EmptyAccessToken,
        };
    };
    let lives = answer.expires_in().filter(|lives| *lives > Duration::ZERO);
    TokenResponse::Granted(TokenGrant {
        access,
        expires_at: lives.and_then(|lives| now.checked_add(lives)),
        refresh: answer
            .refresh_token()
            .and_then(|token| secret(token.secret())),
    })
}

/// The server's own text. A wrong clock is a common reason why assertions are refused, so it is
/// mentioned too.
fn refusal_detail(
    error: &BasicErrorResponse,
    headers: &HeaderMap,
    sent: &[&Secret],
    now: Timestamp,
) -> String {
    let code = error.error().as_ref();
    let mut detail = match error.error_description() {
        Some(description) => format!("{code}: {description}"),
        None => code.to_owned(),
    };
    detail = Redactor::of_secrets(sent).text(&detail).into_owned();
    if let Some((end, _)) = detail.char_indices().nth(DETAIL_CHARS_MAX) {
        detail.truncate(end);
    }
    let detail: String = single_line(&detail).collect();
    match limits::clock_skew_remark(headers, now) {
        Some(remark) => format!("{detail}; {remark}"),
        None => detail,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        Timestamp::UNIX_EPOCH + Duration::from_secs(1_741_305_540)
    }

    fn read(status: u16, body: &str) -> TokenResponse {
        let sent = Secret::new("rt-1".to_owned());
        TokenResponse::read(
            StatusCode::from_u16(status).unwrap(),
            &HeaderMap::new(),
            body.as_bytes(),
            &[&sent],
            now(),
        )
    }

    fn secret(text: &str) -> Secret {
        Secret::new(text.to_owned())
    }

    #[test]
    fn tokens_are_read_with_their_end_and_successor() {
        let body = r#"{"access_token":"at-2","token_type":"Bearer","expires_in":3600,"refresh_token":"rt-2","scope":"a b","id_token":"x"}"#;
        let expires_at = Some(now() + Duration::from_secs(3600));
        assert_eq!(
            read(200, body),
            TokenResponse::Granted(TokenGrant {
                access: secret("at-2"),
                expires_at,
                refresh: Some(secret("rt-2"))
            })
        );
        let bare = r#"{"access_token":"at-2","token_type":"bearer"}"#;
        assert_eq!(
            read(200, bare),
            TokenResponse::Granted(TokenGrant {
                access: secret("at-2"),
                expires_at: None,
                refresh: None
            })
        );
    }

    #[test]
    fn refusals_are_told_from_what_may_pass_and_from_what_is_unclear() {
        let refused = |said: &str| TokenResponse::Refused {
            detail: said.to_owned(),
        };
        assert_eq!(
            read(400, r#"{"error":"invalid_grant"}"#),
            refused("invalid_grant")
        );
        assert_eq!(
            read(
                400,
                r#"{"error":"invalid_grant","error_description":"Token has been expired or revoked."}"#
            ),
            refused("invalid_grant: Token has been expired or revoked.")
        );
        assert_eq!(
            read(401, r#"{"error":"invalid_client"}"#),
            refused("invalid_client")
        );
        for (status, body) in [
            (429, "{}"),
            (400, r#"{"error":"temporarily_unavailable"}"#),
            (404, "<html>"),
            (302, ""),
        ] {
            assert!(
                matches!(read(status, body), TokenResponse::NotProcessed { .. }),
                "{status} {body}"
            );
        }
        for (status, body) in [
            (500, r#"{"error":"server_error"}"#),
            (502, ""),
            (200, "<html>"),
            (200, "{}"),
        ] {
            assert!(
                matches!(read(status, body), TokenResponse::Unclear { .. }),
                "{status} {body}"
            );
        }
    }

    #[test]
    fn what_was_sent_is_not_repeated_and_long_words_are_cut() {
        let body = serde_json::json!({"error": "invalid_grant", "error_description": format!("rt-1 is\n unknown {}", "x".repeat(1000))});
        let TokenResponse::Refused { detail } = read(400, &body.to_string()) else {
            panic!("a refusal")
        };
        assert!(
            detail.starts_with("invalid_grant: [redacted] is  unknown x"),
            "{detail}"
        );
        assert_eq!(detail.chars().count(), DETAIL_CHARS_MAX);
    }

    #[test]
    fn a_wrong_clock_is_said_with_a_refusal() {
        let headers = HeaderMap::from_iter([(
            http::header::DATE,
            "Fri, 07 Mar 2025 10:00:00 GMT".parse().unwrap(),
        )]);
        let body = br#"{"error":"invalid_grant","error_description":"Invalid JWT: Token must be a short-lived token"}"#;
        let TokenResponse::Refused { detail } =
            TokenResponse::read(StatusCode::BAD_REQUEST, &headers, body, &[], now())
        else {
            panic!("a refusal")
        };
        assert!(
            detail.ends_with("this machine's clock is 10 h behind the provider's; set it right"),
            "{detail}"
        );
    }
}
