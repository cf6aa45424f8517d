//! What may happen: the steps of a run, how they are drawn, and how they read when one is printed.

use std::fmt;
use std::time::Duration;

use proptest::prelude::{Just, Strategy, prop_oneof};
use proptest::sample::select;

use crate::said::Said;

/// Jobs that are asked for: few, so that they meet.
pub(crate) const JOBS: usize = 6;
/// Clients that ask.
pub(crate) const CLIENTS: usize = 3;

/// One thing that happens.
#[derive(Clone, PartialEq)]
pub(crate) enum Step {
    /// A client asks for a job, or for every job, a few times at once.
    Ask {
        client: usize,
        job: Option<usize>,
        wish: Wish,
        herd: usize,
    },
    /// One of those who wait hangs up.
    HangUp { nth: usize },
    /// Time passes.
    Pass(Duration),
    /// From now on upstream answers so, after so long. After its time-out or later it is by hand, or never.
    Mood { said: Said, after: Duration },
    /// One of the calls that are out is answered now, whatever the mood.
    Answer { nth: usize, said: Said },
    /// The operator invalidates a job; or all.
    Invalidate { job: Option<usize> },
    /// The operator shuts the gate; or opens it.
    Pause(bool),
    /// The operator forces a look.
    Look { job: usize },
}

/// What a client asks of the age of its answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Wish {
    Any,
    NoCache,
    MaxAge(u64),
    MaxStale(u64),
    OnlyIfCached,
}

// === impl Wish ===

impl Wish {
    /// The request's `Cache-Control`.
    pub(crate) fn header(self) -> Option<String> {
        Some(match self {
            Self::Any => return None,
            Self::NoCache => "no-cache".to_owned(),
            Self::MaxAge(seconds) => format!("max-age={seconds}"),
            Self::MaxStale(seconds) => format!("max-stale={seconds}"),
            Self::OnlyIfCached => "only-if-cached".to_owned(),
        })
    }

    /// Whether an answer of this age is younger than the client insists on being asked about.
    pub(crate) fn is_content_with(self, age: Duration) -> bool {
        match self {
            Self::NoCache | Self::MaxAge(0) => false,
            Self::MaxAge(seconds) => age <= Duration::from_secs(seconds),
            Self::Any | Self::MaxStale(_) | Self::OnlyIfCached => true,
        }
    }

    /// How long past its lifetime an answer may be.
    pub(crate) fn max_stale(self) -> Option<Duration> {
        match self {
            Self::MaxStale(seconds) => Some(Duration::from_secs(seconds)),
            Self::Any | Self::NoCache | Self::MaxAge(_) | Self::OnlyIfCached => None,
        }
    }
}

// === impl Step ===

impl Step {
    /// Any step, likely ones more often.
    pub(crate) fn any() -> impl Strategy<Value = Self> {
        prop_oneof![
            110 => ask(),
            6 => (0..4_usize).prop_map(|nth| Self::HangUp { nth }),
            40 => time().prop_map(Self::Pass),
            16 => (Said::any(), delay()).prop_map(|(said, after)| Self::Mood { said, after }),
            16 => (0..4_usize, Said::any()).prop_map(|(nth, said)| Self::Answer { nth, said }),
            5 => prop_oneof![0..2_usize, 0..JOBS].prop_map(|job| Self::Invalidate { job: Some(job) }),
            1 => Just(Self::Invalidate { job: None }),
            1 => Just(Self::Pause(true)),
            8 => Just(Self::Pause(false)),
            4 => (0..JOBS).prop_map(|job| Self::Look { job }),
        ]
    }
}

fn ask() -> impl Strategy<Value = Step> {
    let job = prop_oneof![
        4 => (0..2_usize).prop_map(Some),
        4 => (0..JOBS).prop_map(Some),
        1 => Just(None),
    ];
    let herd = prop_oneof![8 => Just(1_usize), 2 => 2..5_usize];
    (0..CLIENTS, job, wish(), herd).prop_map(|(client, job, wish, herd)| Step::Ask {
        client,
        job,
        wish,
        herd,
    })
}

fn wish() -> impl Strategy<Value = Wish> {
    prop_oneof![
        10 => Just(Wish::Any),
        2 => Just(Wish::NoCache),
        2 => select(vec![0, 1, 5, 20, 100]).prop_map(Wish::MaxAge),
        2 => select(vec![0, 1, 5, 60, 1_000]).prop_map(Wish::MaxStale),
        1 => Just(Wish::OnlyIfCached),
    ]
}

/// A moment, or enough for pauses, for windows, for lifetimes of denials.
fn time() -> impl Strategy<Value = Duration> {
    let up_to = |seconds: u64| (1..=seconds * 1_000).prop_map(Duration::from_millis);
    let whole = select(vec![1, 5, 10, 30, 60, 600]).prop_map(Duration::from_secs);
    prop_oneof![
        3 => up_to(1),
        4 => up_to(10),
        3 => whole,
        3 => up_to(100),
        2 => up_to(1_000),
        1 => up_to(10_000),
    ]
}

/// How long upstream takes; half a minute is longer than any time-out.
fn delay() -> impl Strategy<Value = Duration> {
    let millis = prop_oneof![
        6 => select(vec![0, 1, 50, 200, 900]),
        2 => select(vec![3_000, 9_000]),
        1 => Just(30_000),
    ];
    millis.prop_map(Duration::from_millis)
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ask {
                client,
                job,
                wish,
                herd,
            } => {
                match job {
                    Some(job) => write!(f, "client {client} asks for job {job}")?,
                    None => write!(f, "client {client} asks for every job")?,
                }
                if let Some(wish) = wish.header() {
                    write!(f, " ({wish})")?;
                }
                match herd {
                    1 => Ok(()),
                    _ => write!(f, ", {herd} times at once"),
                }
            }
            Self::HangUp { nth } => write!(f, "of those who wait number {nth} hangs up"),
            Self::Pass(time) => write!(f, "{time:?} pass"),
            Self::Mood { said, after } => write!(f, "upstream answers {said:?} after {after:?}"),
            Self::Answer { nth, said } => write!(
                f,
                "of the calls that are out number {nth} is answered {said:?}"
            ),
            Self::Invalidate { job: Some(job) } => write!(f, "the operator invalidates job {job}"),
            Self::Invalidate { job: None } => f.write_str("the operator invalidates all"),
            Self::Pause(true) => f.write_str("the operator shuts the gate"),
            Self::Pause(false) => f.write_str("the operator opens the gate"),
            Self::Look { job } => write!(f, "the operator looks at job {job}"),
        }
    }
}
