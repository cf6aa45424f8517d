//! HTTP by the byte: an upstream that says what no HTTP library would say, and a client that sees what none would show.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::support::PATIENCE;

/// What the upstream says to one request.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    bytes: Vec<u8>,
    then: Then,
}

/// What it does after the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// Waits for the next request.
    Keep,
    /// Closes the connection.
    Close,
    /// Says nothing more and keeps it open.
    Hang,
    /// Says the bytes again and again until nobody listens.
    Repeat,
}

/// An upstream that answers by a list, whichever connection a request comes on; the last reply is for all that follow.
pub(crate) struct Script {
    addr: SocketAddr,
    asked: watch::Receiver<Vec<Asked>>,
    poured: watch::Receiver<Option<usize>>,
    server: JoinSet<()>,
}

/// One request that the upstream was sent.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// The connection's number, from 0.
    pub(crate) connection: usize,
    /// Request line and header fields.
    pub(crate) head: String,
}

/// What the handlers of the connections share.
struct Stage {
    replies: Mutex<Vec<Reply>>,
    asked: watch::Sender<Vec<Asked>>,
    /// Bytes that a [`Then::Repeat`] got rid of before nobody listened.
    poured: watch::Sender<Option<usize>>,
}

/// A client's connection.
pub(crate) struct Wire(BufReader<TcpStream>);

/// An answer as it stood on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RawAnswer {
    /// Status line and header fields, each ended by CRLF.
    pub(crate) head: String,
    /// As many bytes as `Content-Length` says.
    pub(crate) body: String,
}

// === impl Reply ===

impl Reply {
    pub(crate) fn new(bytes: impl Into<Vec<u8>>, then: Then) -> Self {
        let bytes = bytes.into();
        Self { bytes, then }
    }

    /// A well-formed answer.
    pub(crate) fn of(status: u16, body: &str) -> Self {
        Self::with(
            status,
            "Content-Type: application/json;charset=UTF-8\r\n",
            body,
        )
    }

    /// A well-formed answer with these header fields, each ended by CRLF.
    pub(crate) fn with(status: u16, fields: &str, body: impl AsRef<[u8]>) -> Self {
        let body = body.as_ref();
        let length = body.len();
        let head = format!("HTTP/1.1 {status} Told\r\n{fields}Content-Length: {length}\r\n\r\n");
        Self::new([head.as_bytes(), body].concat(), Then::Keep)
    }
}

// === impl Script ===

impl Script {
    pub(crate) async fn answering(replies: impl IntoIterator<Item = Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        Self::on(listener, replies)
    }

    /// The same, on a listener of the caller's.
    pub(crate) fn on(listener: TcpListener, replies: impl IntoIterator<Item = Reply>) -> Self {
        let addr = listener.local_addr().expect("an address");
        let (sender, asked) = watch::channel(Vec::new());
        let (pouring, poured) = watch::channel(None);
        let stage = Arc::new(Stage {
            poured: pouring,
            replies: Mutex::new(replies.into_iter().collect()),
            asked: sender,
        });
        let mut server = JoinSet::new();
        server.spawn(async move {
            let mut handlers = JoinSet::new();
            for connection in 0.. {
                let (socket, _) = listener.accept().await.expect("a connection");
                handlers.spawn(play(BufReader::new(socket), connection, Arc::clone(&stage)));
            }
        });
        Self {
            addr,
            asked,
            poured,
            server,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Stops listening, and says how often it was asked.
    pub(crate) async fn stop(mut self) -> usize {
        self.server.shutdown().await;
        self.calls()
    }

    /// Everything it was asked so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.borrow().clone()
    }

    /// How often it was asked so far.
    pub(crate) fn calls(&self) -> usize {
        self.asked.borrow().len()
    }

    /// Waits until nobody listens to a [`Then::Repeat`] any more, and says how many bytes were got rid of.
    pub(crate) async fn poured(&self) -> usize {
        let mut poured = self.poured.clone();
        let ended = timeout(PATIENCE, poured.wait_for(Option::is_some)).await;
        let poured = ended.expect("ended in time").expect("it still runs");
        poured.expect("a number")
    }

    /// Waits until it was asked so many times.
    pub(crate) async fn was_asked(&self, times: usize) {
        let mut asked = self.asked.clone();
        let enough = timeout(PATIENCE, asked.wait_for(|asked| asked.len() >= times)).await;
        enough.expect("asked in time").expect("it still runs");
    }
}

async fn play(mut stream: BufReader<TcpStream>, connection: usize, stage: Arc<Stage>) {
    while let Some(head) = read_head(&mut stream).await {
        let asked = Asked { connection, head };
        stage.asked.send_modify(|all| all.push(asked));
        let Reply { bytes, then } = stage.next();
        let mut open = stream.write_all(&bytes).await.is_ok();
        match then {
            Then::Keep => {}
            Then::Close => return,
            Then::Hang => {
                let _ = stream.read_u8().await; // until the other end closes
                return;
            }
            Then::Repeat => {
                let mut poured = 0;
                while open {
                    open = stream.write_all(&bytes).await.is_ok();
                    poured += bytes.len();
                }
                stage.poured.send_replace(Some(poured));
                return;
            }
        }
    }
}

/// A head to its empty line; `None` at the end of the connection.
async fn read_head(stream: &mut BufReader<TcpStream>) -> Option<String> {
    let mut head = String::new();
    loop {
        let before = head.len();
        match stream.read_line(&mut head).await {
            Ok(0) | Err(_) => return None,
            Ok(_) if head.get(before..) == Some("\r\n") => {
                head.truncate(before);
                return Some(head);
            }
            Ok(_) => {}
        }
    }
}

// === impl Stage ===

impl Stage {
    fn next(&self) -> Reply {
        let mut replies = self.replies.lock().expect("not poisoned");
        if replies.len() > 1 {
            replies.remove(0)
        } else {
            replies.first().cloned().expect("a reply")
        }
    }
}

// === impl Wire ===

impl Wire {
    pub(crate) async fn open(addr: SocketAddr) -> Self {
        let stream = TcpStream::connect(addr).await.expect("a connection");
        Self(BufReader::new(stream))
    }

    pub(crate) async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.expect("written");
    }

    /// The next answer's head, without touching what follows it.
    pub(crate) async fn head(&mut self) -> String {
        let head = timeout(PATIENCE, read_head(&mut self.0)).await;
        head.expect("an answer in time").expect("an answer")
    }

    /// The next answer, whole.
    pub(crate) async fn answer(&mut self) -> RawAnswer {
        let head = self.head().await;
        let length = field(&head, "content-length").expect("a length");
        let mut body = vec![0; length.parse().expect("a number")];
        let read = timeout(PATIENCE, self.0.read_exact(&mut body)).await;
        read.expect("a body in time").expect("a whole body");
        let body = String::from_utf8(body).expect("UTF-8");
        RawAnswer { head, body }
    }

    /// Everything the gateway still says, which must then close the connection.
    pub(crate) async fn rest(mut self) -> String {
        let mut rest = String::new();
        let read = timeout(PATIENCE, self.0.read_to_string(&mut rest)).await;
        match read.expect("the gateway closes the connection") {
            // closed with bytes of ours unread
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => 0,
            end => end.expect("readable"),
        };
        rest
    }
}

// === impl RawAnswer ===

impl RawAnswer {
    /// The number in the status line.
    pub(crate) fn status(&self) -> u16 {
        let status = self.head.get(9..12).expect("a status line");
        status.parse().expect("a number")
    }

    /// A header field's value.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        field(&self.head, name)
    }
}

/// A header field's value in a head; it must not occur twice.
pub(crate) fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut values = head.lines().filter_map(|line| {
        let (field, value) = line.split_once(": ")?;
        field.eq_ignore_ascii_case(name).then_some(value)
    });
    let value = values.next();
    assert_eq!(values.next(), None, "{name} twice: {head}");
    value
}
