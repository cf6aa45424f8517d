//! Client certificates: whose are believed, and the name that one of them gives its client.
//!
//! rustls verifies chain, time and purpose in the handshake; nothing here decides whether a certificate is good. Which
//! client a name stands for is decided above.

use std::path::Path;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::tls::{TlsFault, chain};
use crate::config::ClientCertificates;

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

/// The subject's common name, if the certificate has exactly one: of two nobody knows which one was meant.
pub(super) fn common_name(chain: Option<&[CertificateDer<'_>]>) -> Option<Arc<str>> {
    let own = chain?.first()?;
    let (_, certificate) = X509Certificate::from_der(own).ok()?;
    let mut names = certificate.subject().iter_common_name();
    let name = names.next()?.as_str().ok()?;
    names.next().is_none().then(|| name.into())
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

    use super::common_name;

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

    #[test]
    fn a_certificate_names_its_client_by_its_one_common_name() {
        let name =
            |chain: &[CertificateDer<'_>]| common_name(Some(chain)).map(|name| name.to_string());
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
        assert_eq!(common_name(None), None);
        let authority = with_names(&["authority"]);
        assert_eq!(
            name(&[with_names(&["bot"]), authority]),
            Some("bot".to_owned()),
            "the first is the client's own"
        );
    }
}
