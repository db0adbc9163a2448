//! HTTPS: who the server is, and the handshake.

use std::error::Error;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::http::server::socket::Socket;

/// A certificate and its private key, for [`ServerBuilder::tls`](super::ServerBuilder::tls): TLS 1.2 and 1.3 by rustls.
///
/// ```no_run
/// use tagmeter::{Registry, http::{Server, Tls}};
///
/// let tls = Tls::from_files("/etc/shop/tls.crt", "/etc/shop/tls.key")?;
/// let server = Server::builder(&Registry::new()).tls(tls).start("0.0.0.0:9100")?;
/// # let _ = server;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Tls {
    files: Option<Files>,
    current: Arc<Mutex<Current>>,
}

#[derive(Debug, Clone)]
struct Files {
    certificates: PathBuf,
    key: PathBuf,
}

/// What new connections get.
struct Current {
    config: Arc<ServerConfig>,
    /// What was read last, whether or not it was of use.
    read: Result<Pem, io::ErrorKind>,
}

/// Certificates and key as text.
#[derive(PartialEq, Eq)]
struct Pem {
    certificates: Vec<u8>,
    key: Vec<u8>,
}

/// Why a certificate and a key cannot be used. No part of a key is ever shown.
///
/// ```
/// use tagmeter::http::{Tls, TlsError};
///
/// let error = Tls::from_files("/nowhere/tls.crt", "/nowhere/tls.key").unwrap_err();
/// assert_eq!(error.to_string(), r#"cannot read "/nowhere/tls.crt", expected a file in PEM form"#);
/// assert!(matches!(Tls::from_pem("", ""), Err(TlsError::NoCertificate)));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {path:?}, expected a file in PEM form")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is no certificate, or one that is broken.
    #[error("no certificate, expected one in PEM form, before those that vouch for it")]
    NoCertificate,
    /// There is no private key, or one that is broken.
    #[error("no private key, expected one in PEM form (PKCS #8, PKCS #1 or SEC 1)")]
    NoKey,
    /// The key is not that of the certificate, or of a kind that is not known.
    #[error("certificate and private key cannot be used, expected a pair that belongs together")]
    Pair {
        /// What rustls said.
        source: Box<dyn Error + Send + Sync>,
    },
}

impl Tls {
    /// From text in PEM form: the certificate with those that vouch for it in order, and the key.
    ///
    /// # Errors
    ///
    /// One of them is missing or broken, or they do not belong together.
    ///
    /// ```
    /// use tagmeter::http::{Tls, TlsError};
    ///
    /// let error = Tls::from_pem("neither", "nor").unwrap_err();
    /// assert!(matches!(error, TlsError::NoCertificate));
    /// ```
    pub fn from_pem(certificates: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Result<Self, TlsError> {
        Tls::new(None, Pem { certificates: certificates.into(), key: key.into() })
    }

    /// From files in PEM form, which are read again for every connection, since certificates run out: connections that
    /// come after a change get the new one. While the files are broken or do not belong together, as may be when one
    /// has been written and the other not yet, connections get the last pair that was good, and it is logged once.
    ///
    /// They are read on the server's thread, so they should be small and on a local disk.
    ///
    /// # Errors
    ///
    /// A file cannot be read or is broken, or they do not belong together.
    ///
    /// ```
    /// use tagmeter::http::{Tls, TlsError};
    ///
    /// let error = Tls::from_files("/nowhere/tls.crt", "/nowhere/tls.key").unwrap_err();
    /// assert!(matches!(error, TlsError::Read { path, .. } if path.ends_with("tls.crt")));
    /// ```
    pub fn from_files(certificates: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Result<Self, TlsError> {
        let files = Files { certificates: certificates.into(), key: key.into() };
        let pem = files.read()?;
        Tls::new(Some(files), pem)
    }

    fn new(files: Option<Files>, pem: Pem) -> Result<Self, TlsError> {
        let config = Arc::new(pem.config()?);
        Ok(Tls { files, current: Arc::new(Mutex::new(Current { config, read: Ok(pem) })) })
    }

    /// Shakes hands with a client.
    pub(super) async fn accept(&self, socket: Socket) -> io::Result<TokioIo<TlsStream<TokioIo<Socket>>>> {
        let stream = TlsAcceptor::from(self.config()).accept(TokioIo::new(socket)).await?;
        Ok(TokioIo::new(stream))
    }

    /// What a new connection gets.
    fn config(&self) -> Arc<ServerConfig> {
        let mut current = self.current.lock();
        if let Some(files) = &self.files {
            current.renew(files);
        }
        Arc::clone(&current.config)
    }
}

impl Current {
    /// Takes over what the files hold, where that has changed and is of use.
    fn renew(&mut self, files: &Files) {
        let (read, config) = match files.read() {
            Ok(pem) if self.read.as_ref() == Ok(&pem) => return,
            Ok(pem) => {
                let config = pem.config();
                (Ok(pem), config)
            }
            Err(TlsError::Read { source, .. }) if self.read.as_ref().err() == Some(&source.kind()) => return,
            Err(error) => (Err(error.kind()), Err(error)),
        };
        self.read = read;
        match config {
            Ok(config) => self.config = Arc::new(config),
            Err(error) => log::warn!("tagmeter: the last good certificate is kept: {error}"),
        }
    }
}

impl TlsError {
    /// The kind of an error in reading.
    fn kind(&self) -> io::ErrorKind {
        match self {
            TlsError::Read { source, .. } => source.kind(),
            _ => io::ErrorKind::InvalidData,
        }
    }
}

impl Files {
    fn read(&self) -> Result<Pem, TlsError> {
        let read =
            |path: &Path| fs::read(path).map_err(|source| TlsError::Read { path: path.to_owned(), source });
        Ok(Pem { certificates: read(&self.certificates)?, key: read(&self.key)? })
    }
}

impl Pem {
    fn config(&self) -> Result<ServerConfig, TlsError> {
        let certificates: Vec<_> = CertificateDer::pem_slice_iter(&self.certificates)
            .collect::<Result<_, _>>()
            .map_err(|_| TlsError::NoCertificate)?;
        if certificates.is_empty() {
            return Err(TlsError::NoCertificate);
        }
        let key = PrivateKeyDer::from_pem_slice(&self.key).map_err(|_| TlsError::NoKey)?;
        let pair = |error: rustls::Error| TlsError::Pair { source: error.into() };
        // ring, and no process-wide default, which is the program's to choose.
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(pair)?
            .with_no_client_auth()
            .with_single_cert(certificates, key)
            .map_err(pair)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }
}

/// Says where they come from and nothing of what they are.
impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("files", &self.files).finish_non_exhaustive()
    }
}
