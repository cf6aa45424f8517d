//! A server that answers raw bytes by a script and remembers what it was asked, connection by connection.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// What the server does with one request.
#[derive(Clone)]
pub(crate) struct Reply {
    bytes: Vec<u8>,
    then: Then,
}

/// What it does after the bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    /// Waits for the next request.
    Keep,
    /// Closes the connection.
    Close,
    /// Resets it (RST instead of FIN).
    Reset,
    /// Says nothing more and keeps it open.
    Hang,
    /// Says the bytes again and again until nobody listens.
    Repeat,
}

impl Reply {
    pub(crate) fn new(bytes: impl Into<Vec<u8>>, then: Then) -> Self {
        Self {
            bytes: bytes.into(),
            then,
        }
    }
}

/// The requests, by connection in the order of acceptance; the second member says that it is closed.
type Seen = Vec<(Vec<String>, bool)>;

/// The running server; it ends when dropped.
pub(crate) struct Script {
    address: SocketAddr,
    seen: watch::Receiver<Seen>,
    _server: JoinSet<()>,
}

impl Script {
    /// One list of replies per connection. Connections beyond them are accepted and never answered.
    pub(crate) async fn start(connections: Vec<Vec<Reply>>) -> Self {
        Self::serve(connections, None).await
    }

    pub(crate) async fn start_tls(connections: Vec<Vec<Reply>>, tls: TlsAcceptor) -> Self {
        Self::serve(connections, Some(tls)).await
    }

    async fn serve(connections: Vec<Vec<Reply>>, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, seen) = watch::channel(Seen::new());
        let mut server = JoinSet::new();
        server.spawn(accept(listener, connections, tls, Arc::new(sender)));
        Self {
            address,
            seen,
            _server: server,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Requests seen, by connection; connections without any are left out.
    pub(crate) fn requests(&self) -> Vec<usize> {
        let seen = self.seen.borrow();
        let counts = seen.iter().map(|(requests, _)| requests.len());
        counts.filter(|count| *count > 0).collect()
    }

    pub(crate) fn request(&self, connection: usize, request: usize) -> String {
        self.seen.borrow()[connection].0[request].clone()
    }

    /// Waits until so many requests were seen over all connections.
    pub(crate) async fn saw(&self, requests: usize) {
        let mut seen = self.seen.clone();
        let enough = |seen: &Seen| {
            seen.iter()
                .map(|(requests, _)| requests.len())
                .sum::<usize>()
                >= requests
        };
        seen.wait_for(enough).await.unwrap();
    }

    /// Waits until the client has closed the connection.
    pub(crate) async fn saw_the_end_of(&self, connection: usize) {
        let mut seen = self.seen.clone();
        seen.wait_for(|seen| seen.get(connection).is_some_and(|(_, closed)| *closed))
            .await
            .unwrap();
    }
}

/// Where one connection's handler notes what it saw.
struct Notes {
    index: usize,
    seen: Arc<watch::Sender<Seen>>,
}

async fn accept(
    listener: TcpListener,
    connections: Vec<Vec<Reply>>,
    tls: Option<TlsAcceptor>,
    seen: Arc<watch::Sender<Seen>>,
) {
    let mut handlers = JoinSet::new();
    let connections = Mutex::new(connections.into_iter());
    loop {
        let (socket, _) = listener.accept().await.unwrap();
        let index = seen.borrow().len();
        seen.send_modify(|seen| seen.push((Vec::new(), false)));
        let replies = connections.lock().unwrap().next().unwrap_or_default();
        let notes = Notes {
            index,
            seen: Arc::clone(&seen),
        };
        let tls = tls.clone();
        handlers.spawn(async move {
            if replies.iter().any(|reply| reply.then == Then::Reset) {
                let zero = Some(std::time::Duration::ZERO);
                socket2::SockRef::from(&socket).set_linger(zero).unwrap();
            }
            handle(socket, tls, replies, &notes).await;
        });
    }
}

async fn handle(socket: TcpStream, tls: Option<TlsAcceptor>, replies: Vec<Reply>, notes: &Notes) {
    match tls {
        None => play(socket, replies, notes).await,
        Some(tls) => {
            if let Ok(stream) = tls.accept(socket).await {
                play(stream, replies, notes).await;
            }
        }
    }
}

async fn play(mut stream: impl AsyncRead + AsyncWrite + Unpin, replies: Vec<Reply>, notes: &Notes) {
    for reply in replies {
        if !read_request(&mut stream, notes).await {
            return;
        }
        let mut open = stream.write_all(&reply.bytes).await.is_ok() && stream.flush().await.is_ok();
        match reply.then {
            Then::Keep => {}
            Then::Close | Then::Reset => return,
            Then::Hang => break,
            Then::Repeat => {
                while open {
                    open = stream.write_all(&reply.bytes).await.is_ok();
                }
                return notes.closed();
            }
        }
    }
    while read_request(&mut stream, notes).await {} // unexpected ones are counted too
}

/// Reads one request, with the body that its head announces; false at the end of the connection.
async fn read_request(stream: &mut (impl AsyncRead + Unpin), notes: &Notes) -> bool {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => request.push(byte),
            Err(_) => {
                notes.closed();
                return false;
            }
        }
    }
    let mut body = vec![0; announced(&request)];
    stream.read_exact(&mut body).await.unwrap();
    request.extend(body);
    notes.request(String::from_utf8(request).unwrap());
    true
}

fn announced(head: &[u8]) -> usize {
    let head = std::str::from_utf8(head).unwrap().to_ascii_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"));
    length.map_or(0, |length| length.trim().parse().unwrap())
}

impl Notes {
    fn request(&self, request: String) {
        let note = |seen: &mut Seen| seen[self.index].0.push(request);
        self.seen.send_modify(note);
    }

    fn closed(&self) {
        self.seen.send_modify(|seen| seen[self.index].1 = true);
    }
}
