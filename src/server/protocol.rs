//! How HTTP is spoken with clients: every setting of the stack that matters, also where it is the default.

use hyper::rt::Executor;
use hyper_util::server::conn::auto;
use tokio_util::task::TaskTracker;

/// HTTP/2 requests at once on a connection.
const MAX_STREAMS: u32 = 100;

/// HTTP/2 flow-control window of a stream and of a connection, bytes: the protocol's own default (RFC 9113 §6.9.2).
/// It bounds what clients may send; requests have no body.
const WINDOW_BYTES: u32 = 65_535;

/// HTTP/2 answer bytes buffered for one stream until its client opens the window; a job is some 3 KiB.
const SEND_BUFFER_BYTES: usize = 64 * 1024;

/// Streams that a client opened and reset before they were served; one more, and the connection ends (the "rapid
/// reset" attack, CVE-2023-44487).
const MAX_PENDING_RESETS: usize = 20;

/// Streams that we had to reset for a client's faults; one more, and the connection ends (the "made you reset"
/// attack, CVE-2025-8671).
const MAX_ERROR_RESETS: usize = 1024;

/// The least read buffer that hyper accepts, bytes.
const MIN_BUFFER_BYTES: usize = 8192;

/// Runs HTTP/2 streams on the worker's own runtime, and owns them.
#[derive(Clone, Debug)]
pub(super) struct Streams(pub(super) TaskTracker);

/// The protocol of a connection, HTTP/1.1 or HTTP/2 by its first bytes.
pub(super) type Protocol = auto::Builder<Streams>;

/// The settings of every connection.
///
/// `half_close` stays off: a client that shuts its sending side is taken for gone, since that is how one that hung up
/// looks, and those must not hold a waiting place for the rest of `request_timeout`.
///
/// `pipeline_flush` stays off, although it would send pipelined answers together: hyper then holds back whatever it
/// has as long as unread bytes wait, so that half a head delays a finished answer and a refusal is never sent at all;
/// it copies every body; and nothing bounds what one buffer full of small requests makes it hold.
pub(super) fn protocol(max_header_bytes: usize, streams: Streams) -> Protocol {
    let mut protocol = Protocol::new(streams);
    protocol
        .http1()
        .keep_alive(true)
        .half_close(false)
        .pipeline_flush(false)
        .max_buf_size(max_header_bytes.max(MIN_BUFFER_BYTES))
        .header_read_timeout(None) // one timer for head and idle; ours are told apart, see `policy::phase`
        .http2()
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(u32::try_from(max_header_bytes).unwrap_or(u32::MAX))
        .initial_stream_window_size(WINDOW_BYTES)
        .initial_connection_window_size(WINDOW_BYTES)
        .max_send_buf_size(SEND_BUFFER_BYTES)
        .max_pending_accept_reset_streams(MAX_PENDING_RESETS)
        .max_local_error_reset_streams(MAX_ERROR_RESETS);
    protocol
}

// === impl Streams ===

impl<F> Executor<F> for Streams
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, future: F) {
        self.0.spawn(future);
    }
}
