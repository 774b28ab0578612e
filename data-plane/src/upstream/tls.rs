//! The TLS configuration: which certificate authorities are trusted, the system's and those of a
//! configured file, which may also hold a server's own certificate.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, SignatureScheme};
use rustls_platform_verifier::{BuilderVerifierExt as _, Verifier};

use crate::host::private_file;

/// A whole trust store takes less than 1 MiB.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// Editors of Windows write it.
const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";

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
            let pinned = certificates(file)?;
            let inner = Verifier::new_with_extra_roots(pinned.clone(), provider)
                .map_err(unreadable_store)?;
            builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(PinningVerifier { inner, pinned }))
        }
    };
    Ok(Arc::new(builder.with_no_client_auth()))
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let unreadable = |why: &dyn fmt::Display| {
        format!(
            "`network.ca_file` (`{name}`) cannot be read ({why}): name a file of certificates in PEM form"
        )
    };
    let text =
        private_file::read_linked(file, FILE_BYTES_MAX).map_err(|error| unreadable(&error))?;
    let text = text.strip_prefix(UTF8_MARK).unwrap_or(&text);
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(text)
        .collect::<Result<_, _>>()
        .map_err(|error| unreadable(&error))?;
    if certificates.is_empty() {
        Err(unreadable(&"it holds no certificate in PEM form"))
    } else {
        Ok(certificates)
    }
}

/// Verifies as `inner` does, and takes a certificate that signed itself where it is one of `pinned`,
/// byte for byte, for the names in it and while it is valid.
#[derive(Debug)]
struct PinningVerifier {
    inner: Verifier,
    pinned: Vec<CertificateDer<'static>>,
}

impl PinningVerifier {
    /// Whether the pin decides: of authorities that serve by their own certificate webpki says only
    /// that, once it has found them valid.
    fn is_pinned(&self, certificate: &CertificateDer<'_>, error: &rustls::Error) -> bool {
        is_authority_of_its_own(error) && self.pinned.iter().any(|pin| pin == certificate)
    }
}

impl ServerCertVerifier for PinningVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verified = self.inner.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        );
        match verified {
            Err(error) if self.is_pinned(end_entity, &error) => {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner
            .verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner
            .verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// Whether a server serves by an authority's own certificate, as `openssl req -x509` makes one.
///
/// rustls hands webpki's error on as it is, and webpki is no dependency of this program.
pub(super) fn is_authority_of_its_own(error: &rustls::Error) -> bool {
    let rustls::Error::InvalidCertificate(CertificateError::Other(other)) = error else {
        return false;
    };
    format!("{other:?}").contains("CaUsedAsEndEntity")
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
