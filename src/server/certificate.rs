//! Client certificates: whose are believed, and the name that one of them gives its client.
//!
//! rustls verifies chain, time and purpose in the handshake; nothing here decides whether a certificate is good. Which
//! client a name stands for, and that it ends with its certificate, is decided above.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustls::RootCertStore;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::tls::{TlsFault, chain};
use crate::config::ClientCertificates;

/// Longest common name (RFC 5280, `ub-common-name`), and longest name of a client; longer ones are nobody's.
const MAX_NAME_BYTES: usize = 64;

/// What a client's certificate says of it.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// The subject's common name.
    pub name: Arc<str>,
    /// The last second in which it is valid.
    pub until: SystemTime,
}

/// Verifies the certificates of clients by the authorities of one file, and by no others.
pub(super) fn verifier(
    settings: &ClientCertificates,
) -> Result<Arc<dyn ClientCertVerifier>, TlsFault> {
    let mut roots = RootCertStore::empty();
    for authority in chain(&settings.ca_file)? {
        let added = roots.add(authority);
        added.map_err(|source| unusable(&settings.ca_file, source))?;
    }
    let provider = Arc::new(ring::default_provider());
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    let builder = if settings.required {
        builder
    } else {
        builder.allow_unauthenticated()
    };
    builder
        .build()
        .map_err(|source| unusable(&settings.ca_file, source))
}

// === impl Certificate ===

impl Certificate {
    /// The client's own, the first of its chain; `None` unless it has exactly one common name, and one that could be a
    /// client's: of two nobody knows which one was meant.
    pub(super) fn read(chain: Option<&[CertificateDer<'_>]>) -> Option<Self> {
        let own = chain?.first()?;
        let (_, certificate) = X509Certificate::from_der(own).ok()?;
        let mut names = certificate.subject().iter_common_name();
        let name = names.next()?.as_str().ok()?;
        if names.next().is_some() || name.len() > MAX_NAME_BYTES {
            return None;
        }
        let until = certificate.validity().not_after.timestamp();
        let until = Duration::from_secs(u64::try_from(until).ok()?);
        Some(Self {
            name: name.into(),
            until: SystemTime::UNIX_EPOCH.checked_add(until)?,
        })
    }
}

fn unusable(path: &Path, source: impl std::error::Error + Send + Sync + 'static) -> TlsFault {
    TlsFault::NoAuthority {
        path: path.to_owned(),
        source: Box::new(source),
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair};
    use rustls::pki_types::CertificateDer;

    use super::Certificate;

    fn with_names(names: &[&str]) -> CertificateDer<'static> {
        let mut params = CertificateParams::new(vec!["elsewhere".to_owned()]).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params
            .distinguished_name
            .push(DnType::OrganizationName, "wallboard");
        for name in names {
            params.distinguished_name.push(DnType::CommonName, *name);
        }
        let key = KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().der().clone()
    }

    /// The library keeps one value a type, but takes the second for another type.
    fn with_two_names(one: &str, other: &str) -> CertificateDer<'static> {
        let mut params = CertificateParams::new([]).unwrap();
        let again = DnType::CustomDnType(vec![2, 5, 4, 3]);
        params.distinguished_name.push(DnType::CommonName, one);
        params.distinguished_name.push(again, other);
        let key = KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().der().clone()
    }

    #[test]
    fn a_certificate_names_its_client_by_its_one_common_name() {
        let name = |chain: &[CertificateDer<'_>]| {
            Certificate::read(Some(chain)).map(|it| it.name.to_string())
        };
        assert_eq!(
            name(&[with_names(&["wallboard"])]),
            Some("wallboard".to_owned())
        );
        assert_eq!(
            name(&[with_names(&[])]),
            None,
            "neither another part of the subject nor a host name counts"
        );
        assert_eq!(name(&[CertificateDer::from(vec![0x30, 0x03, 0x01])]), None);
        assert_eq!(name(&[]), None);
        assert!(Certificate::read(None).is_none());
        assert_eq!(
            name(&[with_names(&["x".repeat(64).as_str()])]),
            Some("x".repeat(64))
        );
        assert_eq!(name(&[with_names(&["x".repeat(65).as_str()])]), None);
        assert_eq!(name(&[with_two_names("wallboard", "bot")]), None);
        let authority = with_names(&["authority"]);
        assert_eq!(
            name(&[with_names(&["bot"]), authority]),
            Some("bot".to_owned()),
            "the first is the client's own"
        );
    }
}
