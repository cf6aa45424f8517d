//! Whose certificates upstream may show: the system's authorities, or those of one file and no others.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use http::uri::Scheme;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::{ClientConfig, RootCertStore};

/// Nothing to check upstream's certificate against.
#[derive(Debug, thiserror::Error)]
pub enum TrustFault {
    /// `upstream.ca_file` cannot be read as PEM.
    #[error("cannot read certificates from {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: pem::Error,
    },
    /// `upstream.ca_file` holds no certificate.
    #[error("no certificate in {}", .0.display())]
    Empty(PathBuf),
    /// A certificate of `upstream.ca_file` cannot be an authority, or TLS cannot be set up.
    #[error("unusable certificate or TLS set-up")]
    Unusable(#[from] rustls::Error),
    /// The system has no trusted certificates.
    #[error("the system has no trusted certificates; install them or set upstream.ca_file: {0}")]
    NoSystemRoots(String),
}

/// How TLS is spoken to upstream; a plaintext endpoint trusts nobody and needs no certificates.
pub(crate) fn client_config(
    scheme: &Scheme,
    ca_file: Option<&Path>,
) -> Result<ClientConfig, TrustFault> {
    let roots = if *scheme == Scheme::HTTP {
        RootCertStore::empty()
    } else {
        match ca_file {
            Some(path) => roots_of_file(path)?,
            None => roots_of_system()?,
        }
    };
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}

fn roots_of_file(path: &Path) -> Result<RootCertStore, TrustFault> {
    let unreadable = |source| TrustFault::Unreadable {
        path: path.to_owned(),
        source,
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(unreadable)? {
        roots.add(certificate.map_err(unreadable)?)?;
    }
    if roots.is_empty() {
        return Err(TrustFault::Empty(path.to_owned()));
    }
    Ok(roots)
}

/// Some systems carry certificates that nobody can read any more; the readable ones are enough.
fn roots_of_system() -> Result<RootCertStore, TrustFault> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let faults: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
        return Err(TrustFault::NoSystemRoots(faults.join("; ")));
    }
    Ok(roots)
}
