//! An upstream that stops and comes back on the same port: it answers, refuses connections, cuts them, or says nothing.

use std::mem;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use jobgate::clock::Clock;
use socket2::SockRef;
use tokio::net::{TcpListener, TcpSocket};
use tokio::task::JoinSet;

use crate::raw::{Reply, Script};
use crate::support::DOCUMENTED;

/// How it meets the next connection.
pub(crate) enum Mood {
    /// Says this to each request.
    Says(Reply),
    /// Nobody listens.
    Refuses,
    /// Takes the connection and resets it once a request comes.
    Cuts,
    /// Takes the request and says nothing.
    IsSilent,
}

/// The upstream; it ends with the test.
pub(crate) struct Flaky {
    /// Bound and never listened on, so that the port is not another test's while nobody listens.
    held: TcpSocket,
    clock: Clock,
    now: Now,
    /// Requests that earlier scripts were sent.
    asked_before: usize,
    unanswered: Arc<Mutex<Vec<Instant>>>,
}

enum Now {
    Says(Script),
    Refuses,
    IsMute(JoinSet<()>),
}

// === impl Mood ===

impl Mood {
    /// Answers with the documented job; on a connection of its own, so that none is left over for another mood.
    pub(crate) fn well() -> Self {
        Self::Says(Reply::with(200, "Connection: close\r\n", DOCUMENTED))
    }
}

// === impl Flaky ===

impl Flaky {
    pub(crate) async fn start(clock: &Clock, mood: Mood) -> Self {
        let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut flaky = Self {
            held: bound(anywhere),
            clock: clock.clone(),
            now: Now::Refuses,
            asked_before: 0,
            unanswered: Arc::default(),
        };
        flaky.turn(mood).await;
        flaky
    }

    /// Ends what it did, open connections included, and meets those to come as `mood` says.
    pub(crate) async fn turn(&mut self, mood: Mood) {
        match mem::replace(&mut self.now, Now::Refuses) {
            Now::Says(script) => self.asked_before += script.stop().await,
            Now::IsMute(mut server) => server.shutdown().await,
            Now::Refuses => {}
        }
        self.now = match mood {
            Mood::Says(reply) => Now::Says(Script::on(self.listener(), [reply])),
            Mood::Refuses => Now::Refuses,
            Mood::Cuts => Now::IsMute(self.mute(true)),
            Mood::IsSilent => Now::IsMute(self.mute(false)),
        };
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.addr())
    }

    /// Requests that came, answered or not.
    pub(crate) fn attempts(&self) -> usize {
        let asked = match &self.now {
            Now::Says(script) => script.calls(),
            Now::Refuses | Now::IsMute(_) => 0,
        };
        self.asked_before + asked + self.unanswered().len()
    }

    /// When requests came that got no answer, in order.
    pub(crate) fn unanswered(&self) -> Vec<Instant> {
        self.unanswered.lock().expect("not poisoned").clone()
    }

    fn addr(&self) -> SocketAddr {
        self.held.local_addr().expect("bound")
    }

    fn listener(&self) -> TcpListener {
        bound(self.addr()).listen(64).expect("a listener")
    }

    fn mute(&self, cuts: bool) -> JoinSet<()> {
        let (listener, clock) = (self.listener(), self.clock.clone());
        let unanswered = Arc::clone(&self.unanswered);
        let mut server = JoinSet::new();
        server.spawn(async move {
            let mut kept = Vec::new();
            while let Ok((stream, _)) = listener.accept().await {
                let _ = stream.peek(&mut [0]).await; // cut earlier, it might seem never to have connected
                unanswered.lock().expect("not poisoned").push(clock.now());
                if cuts {
                    let linger = SockRef::from(&stream).set_linger(Some(Duration::ZERO)); // closing resets
                    linger.expect("set");
                } else {
                    kept.push(stream);
                }
            }
        });
        server
    }
}

/// A socket on a port that several may hold, of which at most one listens.
fn bound(addr: SocketAddr) -> TcpSocket {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_reuseport(true).expect("set");
    socket.bind(addr).expect("a port");
    socket
}
