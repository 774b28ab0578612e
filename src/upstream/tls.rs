//! The TLS configuration: which certificate authorities are trusted, the system's and those of a
//! configured file.

use std::path::Path;
use std::sync::Arc;

use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use rustls::ClientConfig;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls_platform_verifier::{BuilderVerifierExt as _, Verifier};

/// Trusts the system's authorities and those of `ca_file`. May read the whole trust store.
///
/// # Errors
/// A sentence for people: what cannot be read, and what to do.
pub(super) fn config(ca_file: Option<&Path>) -> Result<Arc<ClientConfig>, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let unreadable_store = |error: rustls::Error| {
        format!(
            "the system's certificates cannot be read ({error}); install the package `ca-certificates`"
        )
    };
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(unreadable_store)?;
    let builder = match ca_file {
        None => builder.with_platform_verifier().map_err(unreadable_store)?,
        Some(file) => {
            let verifier = Verifier::new_with_extra_roots(authorities(file)?, provider)
                .map_err(unreadable_store)?;
            builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(verifier))
        }
    };
    Ok(Arc::new(builder.with_no_client_auth()))
}

fn authorities(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let unreadable = |why: String| {
        format!("`network.ca_file` cannot be read ({why}): name a file of certificates in PEM form")
    };
    let read =
        CertificateDer::pem_file_iter(file).map_err(|error| unreadable(error.to_string()))?;
    let certificates: Vec<_> = read
        .collect::<Result<_, _>>()
        .map_err(|error| unreadable(error.to_string()))?;
    if certificates.is_empty() {
        Err(unreadable("it holds no certificate".to_owned()))
    } else {
        Ok(certificates)
    }
}

/// TLS over `connector`, for `https` URLs only; HTTP/2 where the server negotiates it.
pub(super) fn https_only<C>(config: &Arc<ClientConfig>, connector: C) -> HttpsConnector<C> {
    let config = ClientConfig::clone(config);
    HttpsConnectorBuilder::new()
        .with_tls_config(config)
        .https_only()
        .enable_all_versions()
        .wrap_connector(connector)
}

/// The same, with `http` URLs left to `connector` as they are.
pub(super) fn https_or_http<C>(config: &Arc<ClientConfig>, connector: C) -> HttpsConnector<C> {
    let config = ClientConfig::clone(config);
    HttpsConnectorBuilder::new()
        .with_tls_config(config)
        .https_or_http()
        .enable_all_versions()
        .wrap_connector(connector)
}
