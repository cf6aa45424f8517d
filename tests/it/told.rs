//! What the gateway logs of itself, on the test's own thread: all of it runs there but its client connections.

use std::cell::RefCell;
use std::io;
use std::sync::Once;

use tracing::Level;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;

thread_local! {
    static LOGGED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// What sweeps and the keeper of the credential log.
pub(crate) struct Told;

/// Writes to the thread's own log.
struct Here;

// === impl Told ===

impl Told {
    /// From now on. The subscriber is one for all tests: with one for each, those that begin and end beside it would switch
    /// its lines off for moments.
    pub(crate) fn begin() -> Self {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            let lines = tracing_subscriber::fmt::layer()
                .with_ansi(false)
                .without_time()
                .with_writer(|| Here);
            let targets = ["jobgate::refresh::sweep", "jobgate::credential"];
            let targets: Targets = targets
                .map(|target| (target, Level::INFO))
                .into_iter()
                .collect();
            let subscriber = tracing_subscriber::registry().with(lines.with_filter(targets));
            tracing::subscriber::set_global_default(subscriber).expect("the only one");
        });
        LOGGED.take();
        Self
    }

    /// The lines, without their level and place.
    pub(crate) fn lines(&self) -> Vec<String> {
        let text = LOGGED.with_borrow(|logged| String::from_utf8(logged.clone()));
        let text = text.expect("UTF-8");
        let lines = text.lines().filter_map(|line| line.split_once(": "));
        lines.map(|(_, told)| told.to_owned()).collect()
    }
}

impl io::Write for Here {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOGGED.with_borrow_mut(|logged| logged.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
