//! TLS of the served port, from PEM files.
//!
//! rustls with its ring provider and its own choice of versions and suites; HTTP/2 and HTTP/1.1 by ALPN; sessions
//! resume by ticket, so a client that connects anew for each request pays for one key exchange only. A fault names
//! the file and never quotes it: a broken key file is still a key.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoClientAuth, NoServerSessionStorage};

use super::certificate;
use crate::config::TlsSettings;

/// The protocols offered by ALPN, ours first choice first.
const ALPN: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// A certificate and its key, ready to serve.
#[derive(Clone, Debug)]
pub struct Tls(pub(super) Arc<ServerConfig>);

/// Why TLS cannot be served from these files.
#[derive(Debug, thiserror::Error)]
pub enum TlsFault {
    /// A file cannot be read.
    #[error("{}: cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// A file is not what it should be.
    #[error("{}: {reason}", path.display())]
    NotPem {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// `server.tls.client_ca_file` holds a certificate that no other can be checked against.
    #[error("{}: a certificate in it cannot be an authority", path.display())]
    NoAuthority {
        /// The file.
        path: PathBuf,
        /// What rustls says.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The two files are well-formed but cannot be used, or not together.
    #[error("{} with {}: not usable together", cert_file.display(), key_file.display())]
    Unusable {
        /// The certificate chain.
        cert_file: PathBuf,
        /// The key.
        key_file: PathBuf,
        /// What rustls says; a key of another certificate is `KeyMismatch`.
        #[source]
        source: rustls::Error,
    },
}

// === impl Tls ===

impl Tls {
    /// Reads and checks the files.
    ///
    /// # Errors
    /// [`TlsFault`], which names the file.
    pub fn load(settings: &TlsSettings) -> Result<Self, TlsFault> {
        let chain = chain(&settings.cert_file)?;
        let key = PrivateKeyDer::from_pem_file(&settings.key_file)
            .map_err(|error| TlsFault::of_pem(&settings.key_file, error, "no private key in it"))?;
        let verifier = settings.clients.as_ref().map(certificate::verifier);
        let config =
            config(chain, key, verifier.transpose()?).map_err(|source| TlsFault::Unusable {
                cert_file: settings.cert_file.clone(),
                key_file: settings.key_file.clone(),
                source,
            })?;
        Ok(Self(Arc::new(config)))
    }
}

pub(super) fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsFault> {
    let fault = |error| TlsFault::of_pem(path, error, "no certificate in it");
    let chain: Vec<_> = CertificateDer::pem_file_iter(path)
        .map_err(fault)?
        .collect::<Result<_, _>>()
        .map_err(fault)?;
    if chain.is_empty() {
        return Err(fault(pem::Error::NoItemsFound));
    }
    Ok(chain)
}

fn config(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    clients: Option<Arc<dyn ClientCertVerifier>>,
) -> Result<ServerConfig, rustls::Error> {
    let ask = clients.is_some();
    let verifier = clients.unwrap_or_else(|| Arc::new(NoClientAuth));
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)?; // refuses a key that is not the certificate's
    config.alpn_protocols = ALPN.map(<[u8]>::to_vec).to_vec();
    if ask {
        // a resumed session would not look at the certificate again, however long ago it expired
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
    } else {
        config.ticketer = ring::Ticketer::new()?;
    }
    Ok(config)
}

// === impl TlsFault ===

impl TlsFault {
    /// The library quotes the offending line, which may be the key itself on one line: only the kind is kept.
    fn of_pem(path: &Path, error: pem::Error, none: &'static str) -> Self {
        let path = path.to_owned();
        match error {
            pem::Error::Io(source) => Self::Unreadable { path, source },
            pem::Error::NoItemsFound => Self::NotPem { path, reason: none },
            _ => Self::NotPem {
                path,
                reason: "not well-formed PEM",
            },
        }
    }
}

#[cfg(test)]
mod tests;
