//! What the owned task does, from the first attempt to storing; one file a step.
//!
//! ```text
//! keep          store what landed; after a failure, leave the job alone for a while
//!   retry       few, jittered, each paid; and the one repeat after a renewed token
//!     slot      a first ask waits for its turn (budget mode), a look for a call that is free again shortly
//!       limit   at most `upstream.max_in_flight` at once
//!         pay   withdraw one call of the budget, respect the holds, settle by what came of it
//!           judge     is it a success? normalise; else which failure
//!             authorise   the last hand before the wire; also the one that notices its secret in an answer
//!               upstream  connect, send, read, within limits
//! ```

pub mod around;
pub mod authorise;
pub mod gate;
pub mod judge;
pub mod keep;
pub mod list;
pub mod pay;
pub mod retry;
pub mod signing_clock;
pub mod slot;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::planner::{Leave, Turn};
use crate::policy::job::JobId;
use crate::policy::limit::Heard;
use crate::store::Entry;

/// One fetch on its way down. Its story is written as it goes, so that it can be told however the fetch ends.
#[derive(Clone, Debug)]
pub struct Call {
    /// The job to ask for.
    pub job: JobId,
    /// When it began.
    pub started: Instant,
    /// How long it may wait for a free call of the budget: zero, unless somebody waits who has something to fall back on.
    pub slot_wait: Duration,
    /// What it waits for its turn as, in budget mode; `None`: it needs no turn.
    pub turn: Option<Turn>,
    leave: Arc<Mutex<Option<Leave>>>,
    revoked: Arc<AtomicBool>,
    heard: Arc<Mutex<Heard>>,
    story: Telling,
}

/// A story that is being written.
#[derive(Clone, Debug, Default)]
pub struct Telling(Arc<Mutex<Story>>);

/// What a fetch did, for the log and the headers of everybody who waited.
#[derive(Clone, Debug, Default)]
pub struct Story {
    /// Upstream calls it took.
    pub calls: u32,
    /// Upstream's last status.
    pub upstream_status: Option<u16>,
    /// Upstream's own name for its last answer.
    pub upstream_request_id: Option<Arc<str>>,
}

/// How a fetch ended, shared by everybody who waited.
#[derive(Clone, Debug)]
pub struct Landing {
    /// What is stored now, or the one failure of all.
    pub result: Result<Arc<Entry>, Error>,
    /// How it came to that.
    pub story: Story,
}

// === impl Call ===

impl Call {
    /// A fetch of `job`, beginning now.
    #[must_use]
    pub fn new(job: JobId, started: Instant) -> Self {
        Self {
            job,
            started,
            slot_wait: Duration::ZERO,
            turn: None,
            leave: Arc::default(),
            revoked: Arc::default(),
            heard: Arc::default(),
            story: Telling::default(),
        }
    }

    /// The same, which may wait so long for a free call of the budget.
    #[must_use]
    pub fn waiting(self, slot_wait: Duration) -> Self {
        Self { slot_wait, ..self }
    }

    /// The same, which waits for its turn.
    #[must_use]
    pub fn in_turn(self, turn: Turn) -> Self {
        let turn = Some(turn);
        Self { turn, ..self }
    }

    /// The planner has given leave for its first attempt.
    pub fn give_leave(&self, leave: Leave) {
        *self.leave.lock().unwrap_or_else(PoisonError::into_inner) = Some(leave);
    }

    /// It has a call of the budget, or will not have one: the planner may choose the next.
    pub fn took_leave(&self) {
        drop(
            self.leave
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
    }

    /// The same; once `revoked` is set, what it brings is not kept.
    #[must_use]
    pub fn unless(self, revoked: Arc<AtomicBool>) -> Self {
        Self { revoked, ..self }
    }

    /// Whether the job was invalidated after the fetch had begun.
    #[must_use]
    pub fn is_revoked(&self) -> bool {
        self.revoked.load(Ordering::SeqCst)
    }

    /// Writes on.
    pub fn note(&self, write: impl FnOnce(&mut Story)) {
        write(&mut self.story.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Keeps what an answer says of limits for whoever pays for the call.
    pub fn hear(&self, heard: Heard) {
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = heard;
    }

    /// What the last answer said of limits; once.
    #[must_use]
    pub fn heard(&self) -> Heard {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut heard)
    }

    /// The story so far.
    #[must_use]
    pub fn story(&self) -> Story {
        self.story.so_far()
    }

    /// For whoever must tell the story if the fetch cannot.
    #[must_use]
    pub fn telling(&self) -> Telling {
        self.story.clone()
    }
}

// === impl Telling ===

impl Telling {
    /// The story so far.
    #[must_use]
    pub fn so_far(&self) -> Story {
        let story = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        story.clone()
    }
}

// === impl Landing ===

impl Landing {
    /// An ending without an answer.
    #[must_use]
    pub fn failed(error: Error, story: Story) -> Self {
        Self {
            result: Err(error),
            story,
        }
    }
}
