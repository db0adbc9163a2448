//! Who is trusted and who we are: certificates and keys.

use std::fmt;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::client::WantsClientCert;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, ConfigBuilder, RootCertStore};
use rustls_platform_verifier::Verifier;

use super::HttpBuildError;

/// Certificates or a key in PEM form: text, or a file that is read once, when options are built.
///
/// ```
/// use tagmeter::transport::{Http, HttpBuildError, Pem};
///
/// let built = Http::builder().trust(Pem::file("/nowhere/ca.pem")).build();
/// assert!(matches!(built, Err(HttpBuildError::Unreadable { .. })));
/// ```
#[derive(Clone)]
pub struct Pem(Source);

#[derive(Clone)]
enum Source {
    Text(Vec<u8>),
    File(PathBuf),
}

impl Pem {
    /// From text, `-----BEGIN …`.
    ///
    /// ```
    /// use tagmeter::transport::{Http, HttpBuildError, Pem};
    ///
    /// let built = Http::builder().trust(Pem::text("none")).build();
    /// assert!(matches!(built, Err(HttpBuildError::NoCertificate { .. })));
    /// ```
    pub fn text(text: impl Into<Vec<u8>>) -> Self {
        Pem(Source::Text(text.into()))
    }

    /// From a file.
    ///
    /// ```
    /// let pem = tagmeter::transport::Pem::file("/etc/shop/ca.pem");
    /// assert_eq!(format!("{pem:?}"), r#"Pem("/etc/shop/ca.pem")"#);
    /// ```
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Pem(Source::File(path.into()))
    }

    fn read(&self) -> Result<Vec<u8>, HttpBuildError> {
        match &self.0 {
            Source::Text(text) => Ok(text.clone()),
            Source::File(path) => fs::read(path).map_err(|error| HttpBuildError::Unreadable {
                path: path.clone(),
                reason: error.to_string(),
            }),
        }
    }

    /// What errors call it.
    fn name(&self) -> String {
        match &self.0 {
            Source::Text(_) => "the text given".to_owned(),
            Source::File(path) => format!("{path:?}"),
        }
    }

    /// All certificates, at least one.
    pub(super) fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, HttpBuildError> {
        let (pem, none) = (self.read()?, || HttpBuildError::NoCertificate { pem: self.name() });
        let certificates: Vec<_> =
            CertificateDer::pem_slice_iter(&pem).collect::<Result<_, _>>().map_err(|_| none())?;
        if certificates.is_empty() { Err(none()) } else { Ok(certificates) }
    }

    fn key(&self) -> Result<PrivateKeyDer<'static>, HttpBuildError> {
        let pem = self.read()?;
        PrivateKeyDer::from_pem_slice(&pem).map_err(|_| HttpBuildError::NoKey { pem: self.name() })
    }
}

/// The path, or that it is text: it may be a key.
impl fmt::Debug for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pem({})", self.name())
    }
}

/// Whose certificates are taken.
#[derive(Clone, PartialEq, Eq, Default)]
pub(super) struct Trust {
    /// Those of these authorities,
    pub(super) own: Vec<CertificateDer<'static>>,
    /// and not those that the system trusts.
    pub(super) only: bool,
}

impl Trust {
    /// These as well, or these alone.
    pub(super) fn of(pems: &[Pem], only: bool) -> Result<Self, HttpBuildError> {
        let mut own = Vec::new();
        for pem in pems {
            let certificates = pem.certificates()?;
            let mut store = RootCertStore::empty();
            for certificate in &certificates {
                let broken = |error: rustls::Error| HttpBuildError::BrokenCertificate {
                    pem: pem.name(),
                    reason: error.to_string(),
                };
                store.add(certificate.clone()).map_err(broken)?;
            }
            own.extend(certificates);
        }
        Ok(Trust { own, only })
    }

    fn configure(
        &self,
        provider: Arc<CryptoProvider>,
    ) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>, rustls::Error> {
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()?;
        if self.only {
            let mut store = RootCertStore::empty();
            self.own.iter().try_for_each(|certificate| store.add(certificate.clone()))?;
            return Ok(builder.with_root_certificates(store));
        }
        let verifier = Verifier::new_with_extra_roots(self.own.iter().cloned(), provider)?;
        Ok(builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)))
    }
}

/// Who we are: a certificate with those that vouch for it, and its key.
#[derive(PartialEq, Eq)]
pub(super) struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl Identity {
    pub(super) fn of(certificates: &Pem, key: &Pem) -> Result<Self, HttpBuildError> {
        let identity = Identity { chain: certificates.certificates()?, key: key.key()? };
        let pair = CertifiedKey::from_der(
            identity.chain.clone(),
            identity.key.clone_key(),
            &ring::default_provider(),
        );
        let unusable = |error: rustls::Error| HttpBuildError::Pair { reason: error.to_string() };
        pair.map_err(unusable).map(|_| identity)
    }
}

/// TLS as these say; ring, and no process-wide default, which is the program's to choose. Reads the system's certificates,
/// if they count, which takes milliseconds.
pub(super) fn config(trust: &Trust, identity: Option<&Identity>) -> Result<ClientConfig, rustls::Error> {
    let builder = trust.configure(Arc::new(ring::default_provider()))?;
    match identity {
        Some(Identity { chain, key }) => builder.with_client_auth_cert(chain.clone(), key.clone_key()),
        None => Ok(builder.with_no_client_auth()),
    }
}

/// TLS that trusts nobody, for where there is none.
pub(super) fn no_config() -> Result<ClientConfig, rustls::Error> {
    config(&Trust { own: Vec::new(), only: true }, None)
}
