//! Is the server whom its name says? The handshake is made with the trust that serves clients, so nobody else is believed here.

use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{AlertDescription, CertificateError, Error as TlsError, ProtocolVersion};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use x509_parser::prelude::{FromDer as _, X509Certificate, X509Name};

use super::Place;
use super::tell::{Told, Verdict};
use crate::policy::diagnosis::Advice;
use crate::upstream::{chain, client_config};

/// Days before its end from which a certificate is worth a word. Automatic renewals happen 30 days before.
const SOON_DAYS: i64 = 14;

const SECONDS_OF_DAY: i64 = 24 * 60 * 60;

/// Longest part of a certificate that is told, in characters.
const MAX_NAME_CHARS: usize = 80;

pub(super) async fn handshake(
    stream: TcpStream,
    place: &Place,
    ca_file: Option<&Path>,
    limit: Duration,
    now: SystemTime,
) -> Told {
    if place.scheme == http::uri::Scheme::HTTP {
        return ("off: the endpoint is http://".to_owned(), Verdict::Good);
    }
    let config = match client_config(&place.scheme, ca_file) {
        Ok(config) => config,
        Err(fault) => {
            let advice = Advice::new(
                "There are no certificates to check the server's against.",
                "Set upstream.ca_file to a PEM file of authorities, or install the system's (package ca-certificates).",
            );
            return (chain(&fault), Verdict::Failed(advice));
        }
    };
    let Ok(name) = ServerName::try_from(place.host.clone()) else {
        let advice = Advice::new(
            "No certificate can be for such a name.",
            "Check the endpoint.",
        );
        return (place.host.clone(), Verdict::Failed(advice));
    };
    let connector = TlsConnector::from(std::sync::Arc::new(config));
    match timeout(limit, connector.connect(name, stream)).await {
        Ok(Ok(stream)) => good(&stream, now),
        Ok(Err(error)) => {
            let said = error.to_string();
            (said, Verdict::Failed(advice(&error, place, ca_file)))
        }
        Err(_elapsed) => {
            let said =
                format!("no end of the handshake within upstream.connect_timeout, {limit:?}");
            (said, Verdict::Failed(no_tls()))
        }
    }
}

fn good(stream: &TlsStream<TcpStream>, now: SystemTime) -> Told {
    let (_, session) = stream.get_ref();
    let protocol = match session.protocol_version() {
        Some(ProtocolVersion::TLSv1_3) => "TLS 1.3",
        Some(ProtocolVersion::TLSv1_2) => "TLS 1.2",
        Some(_) | None => "TLS",
    };
    let shown = session.peer_certificates().and_then(<[_]>::first);
    let Some((issuer, days)) = shown.and_then(|certificate| read(certificate, now)) else {
        return (format!("{protocol}, a good certificate"), Verdict::Good);
    };
    let said = format!("{protocol}, certificate issued by {issuer}, {days} days left");
    let verdict = if days < SOON_DAYS {
        Verdict::Doubtful(Advice::new(
            "The server's certificate expires soon; after that the gateway will not connect.",
            "If the server is yours, or is a proxy of your company, renew its certificate.",
        ))
    } else {
        Verdict::Good
    };
    (said, verdict)
}

/// Who issued a certificate, and its days left.
fn read(certificate: &CertificateDer<'_>, now: SystemTime) -> Option<(String, i64)> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    let end = certificate.validity().not_after.timestamp();
    let now = now.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs();
    let left = end.saturating_sub(i64::try_from(now).ok()?);
    Some((named(certificate.issuer()), left.div_euclid(SECONDS_OF_DAY)))
}

/// Its common name and organisation.
fn named(name: &X509Name<'_>) -> String {
    let parts = name.iter_common_name().chain(name.iter_organization());
    let parts: Vec<String> = parts
        .filter_map(|part| part.as_str().ok())
        .map(|part| part.chars().take(MAX_NAME_CHARS).collect())
        .collect();
    format!("\"{}\"", parts.join(", "))
}

fn advice(error: &io::Error, place: &Place, ca_file: Option<&Path>) -> Advice {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref());
    match cause {
        Some(TlsError::InvalidCertificate(fault)) => of_certificate(fault, place, ca_file),
        Some(TlsError::AlertReceived(AlertDescription::UnrecognisedName)) => wrong_name(place),
        Some(TlsError::AlertReceived(_) | TlsError::PeerIncompatible(_)) => Advice::new(
            "The server refuses the handshake, or speaks only what is too old to be safe.",
            "Check the endpoint. The gateway speaks TLS 1.2 and 1.3 and shows no certificate of its own.",
        ),
        _ => no_tls(),
    }
}

fn of_certificate(fault: &CertificateError, place: &Place, ca_file: Option<&Path>) -> Advice {
    match fault {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => Advice::new(
            "The server's certificate has expired, or this machine's clock is ahead.",
            "Check the clock first. If it is right, the server's owner must renew the certificate.",
        ),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => Advice::new(
            "The server's certificate is not valid yet: most often this machine's clock is behind.",
            "Set the clock, and keep it right with a time service (NTP).",
        ),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            wrong_name(place)
        }
        _ => untrusted(ca_file),
    }
}

fn wrong_name(Place { host, .. }: &Place) -> Advice {
    Advice::new(
        format!(
            "The server's certificate is not for {host}: this is another server, or another name of it."
        ),
        "Write the endpoint with a name that the certificate has; an address in its place has hardly ever one.",
    )
}

fn untrusted(ca_file: Option<&Path>) -> Advice {
    let wrong = "Nobody whom this machine trusts has issued the server's certificate.";
    match ca_file {
        Some(_) => Advice::new(
            wrong,
            "Put the authority of that certificate into upstream.ca_file: with it set, the system's authorities do not count.",
        ),
        None => Advice::new(
            wrong,
            "A proxy of your company may stand between: then set upstream.ca_file to its authority. Else update the system's authorities (package ca-certificates).",
        ),
    }
}

fn no_tls() -> Advice {
    Advice::new(
        "The server does not speak TLS at this port, or something on the way cuts the handshake off.",
        "Check host and port of the endpoint, and the firewalls between here and there.",
    )
}
