//! The listening socket: bound once or inherited, then shared by all workers.
//!
//! One socket and not one per worker (`SO_REUSEPORT`): the kernel would deal connections out by hash, and those dealt
//! to a busy worker would wait while another is idle.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use listenfd::ListenFd;
use socket2::{Domain, Protocol, SockRef, Socket, Type};

/// Connections the kernel completes before we accept them. A herd of some thousand clients that arrives at once must
/// fit: beyond the backlog a SYN is dropped and comes again only after 1 s. The kernel caps it at
/// `net.core.somaxconn`, 4096 by default.
const BACKLOG: i32 = 4096;

/// Pause after an accept that failed for want of a resource (descriptors, memory): the connection stays in the
/// backlog, so that asking again at once would spin. Long enough to cost nothing, short enough not to be noticed.
pub(super) const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Binds the served address.
///
/// # Errors
/// What the system says: address in use, not ours, not permitted.
pub fn bind(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?; // a restart must not wait for the last one's connections in TIME_WAIT
    socket.bind(&addr.into())?;
    socket.listen(BACKLOG)?;
    prepared(socket.into())
}

/// The first TCP socket that the service manager hands over (`LISTEN_FDS`), if it hands over any socket.
///
/// # Errors
/// If sockets are handed over and none of them listens on TCP, or as [`bind`].
pub fn inherited() -> io::Result<Option<TcpListener>> {
    let mut sockets = ListenFd::from_env();
    let mut refused = None;
    for index in 0..sockets.len() {
        match sockets.take_tcp_listener(index) {
            Ok(Some(listener)) => return prepared(listener).map(Some),
            Ok(None) => {}
            Err(error) => refused = Some(error),
        }
    }
    refused.map_or(Ok(None), Err)
}

/// What is set on the listening socket holds for every connection accepted from it, without a system call for each.
fn prepared(listener: TcpListener) -> io::Result<TcpListener> {
    // An answer leaves in one write; waiting for more to send could only delay it.
    SockRef::from(&listener).set_tcp_nodelay(true)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Did an accept fail because of the one connection (it is gone already), and not for want of a resource?
pub(super) fn is_of_the_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
            | io::ErrorKind::HostUnreachable // pending errors of the new socket, see accept(2)
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::NetworkDown
    )
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::net::{SocketAddr, TcpStream};

    use rustix::io::Errno;
    use socket2::SockRef;

    use super::{bind, is_of_the_connection};

    #[test]
    fn accepted_connections_send_without_delay_as_the_listener_says() {
        let listener = bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        listener.set_nonblocking(false).unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (accepted, _) = listener.accept().unwrap();
        assert!(SockRef::from(&accepted).tcp_nodelay().unwrap());
    }

    #[test]
    fn an_address_in_use_is_an_error() {
        let listener = bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let error = bind(listener.local_addr().unwrap()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    }

    #[test]
    fn only_a_want_of_resources_makes_the_accept_loop_pause() {
        for (errno, of_the_connection) in [
            (Errno::CONNABORTED, true),
            (Errno::INTR, true),
            (Errno::NETUNREACH, true),
            (Errno::MFILE, false),
            (Errno::NFILE, false),
            (Errno::NOBUFS, false),
            (Errno::NOMEM, false),
            (Errno::INVAL, false), // unknown troubles must not spin either
        ] {
            let error = io::Error::from(errno);
            assert_eq!(is_of_the_connection(&error), of_the_connection, "{error}");
        }
    }
}
