//! The certificate of a connection, as far as it names a client.
//!
//! It was valid in the handshake. A connection may live on for as long as its client likes, so its end is looked at again for
//! each request. A name that stands for no client is told in the log, a few times a second at most: whoever has a
//! certificate may connect as often as he likes.

use std::net::SocketAddr;
use std::time::SystemTime;

use crate::clock::Clock;
use crate::limiter::Sample;
use crate::policy::client::{ClientId, Clients};
use crate::server::Peer;

/// The client that a certificate stands for, until it ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Certified {
    client: ClientId,
    until: SystemTime,
}

/// Tells of names that stand for no client.
pub(super) struct Strangers(Sample);

// === impl Certified ===

impl Certified {
    /// The client, if the certificate has not ended (RFC 5280 §4.1.2.5: its last second is still good).
    pub(super) fn client(self, wall: SystemTime) -> Option<ClientId> {
        (wall <= self.until).then_some(self.client)
    }
}

// === impl Strangers ===

impl Strangers {
    pub(super) fn new(clock: &Clock) -> Self {
        Self(Sample::new(clock))
    }

    /// Whom the certificate of a connection stands for.
    pub(super) fn identify(&self, peer: &Peer, clients: &Clients) -> Option<Certified> {
        let shown = peer.certificate.as_ref()?;
        match clients.named(&shown.name) {
            Some(client) => Some(Certified {
                client,
                until: shown.until,
            }),
            None => {
                self.tell(peer.addr, &shown.name);
                None
            }
        }
    }

    fn tell(&self, peer: SocketAddr, name: &str) {
        if let Some(untold) = self.0.take() {
            tracing::info!(%peer, name, untold, "a client certificate of this name stands for no client");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::Strangers;
    use crate::clock::Clock;
    use crate::policy::client::Clients;
    use crate::server::{Certificate, Peer};
    use crate::telemetry::lines::memory::logged;

    #[test]
    fn names_that_stand_for_no_client_do_not_fill_the_log() {
        let clock = Clock::manual();
        let strangers = Strangers::new(&clock);
        let clients = Clients::new([("wallboard", &[][..])]);
        let peer = |name: &str| Peer {
            addr: "192.0.2.1:5".parse().unwrap(),
            certificate: Some(Certificate {
                name: name.into(),
                until: SystemTime::UNIX_EPOCH,
            }),
        };
        let lines = logged("name", || {
            for _ in 0..8 {
                assert!(strangers.identify(&peer("nobody"), &clients).is_none());
                assert!(strangers.identify(&peer("wallboard"), &clients).is_some());
            }
            clock.advance(Duration::from_secs(1));
            for name in ["later", "too-soon"] {
                assert!(strangers.identify(&peer(name), &clients).is_none());
            }
        });
        let names: Vec<_> = lines.iter().map(|(_, _, name)| name.clone()).collect();
        let told = ["nobody", "nobody", "nobody", "nobody", "nobody", "later"];
        assert_eq!(names, told);
    }
}
