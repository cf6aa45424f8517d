//! What upstream may say to a call, and what follows from it: facts of the API, not of the gateway.

use std::time::{Duration, Instant};

use bytes::Bytes;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::sample::select;

use jobgate::error::Error;
use jobgate::policy::job::JobId;
use jobgate::policy::limit::Heard;
use jobgate::upstream::Answer;

/// Upstream's answer, or the lack of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// The job. Each has a body of its own.
    Job { finished: bool },
    /// A job, but another one than asked for.
    OtherJob,
    /// No such job.
    Denied,
    /// The build service does not like the request.
    BadRequest,
    /// The build service fails.
    Failed,
    /// A load balancer on the way fails.
    Unavailable,
    /// Throttled, for so many seconds; or without a window in the text.
    Throttled(Option<u64>),
    /// The central credential is refused.
    Refused,
    /// A 200 with a page.
    Garbage,
    /// No connection.
    Unreachable,
    /// The connection closed before an answer.
    Lost,
    /// Nothing, until the time-out.
    Silence,
}

// === impl Said ===

impl Said {
    /// Anything, jobs more often.
    pub(crate) fn any() -> impl Strategy<Value = Self> {
        let window = select(vec![
            None,
            Some(1),
            Some(20),
            Some(60),
            Some(600),
            Some(86_400),
        ]);
        prop_oneof![
            20 => any::<bool>().prop_map(|finished| Self::Job { finished }),
            1 => Just(Self::OtherJob),
            4 => Just(Self::Denied),
            1 => Just(Self::BadRequest),
            1 => Just(Self::Failed),
            1 => Just(Self::Unavailable),
            1 => window.prop_map(Self::Throttled),
            1 => Just(Self::Refused),
            1 => Just(Self::Garbage),
            1 => Just(Self::Unreachable),
            1 => Just(Self::Lost),
            1 => Just(Self::Silence),
        ]
    }

    /// The status of the answer, if it is one.
    pub(crate) fn status(self) -> Option<u16> {
        match self {
            Self::Job { .. } | Self::OtherJob | Self::Garbage => Some(200),
            Self::Denied => Some(422),
            Self::BadRequest => Some(400),
            Self::Failed => Some(500),
            Self::Unavailable => Some(503),
            Self::Throttled(_) => Some(429),
            Self::Refused => Some(401),
            Self::Unreachable | Self::Lost | Self::Silence => None,
        }
    }

    /// The body of the answer to call `number`, asking for `job`.
    pub(crate) fn body(self, job: JobId, number: usize) -> Bytes {
        let told = |id: &str, status: &str| {
            format!(
                r#"{{"result":{{"id":"{id}","running_status":"{status}","job_name":"call {number}"}},"status":"success","error":null}}"#
            )
        };
        let error =
            |code: &str, text: &str| format!(r#"{{"error_code":"{code}","error_msg":"{text}"}}"#);
        Bytes::from(match self {
            Self::Job { finished: true } => told(job.as_str(), "Finished"),
            Self::Job { finished: false } => told(job.as_str(), "Running"),
            Self::OtherJob => told(&"f".repeat(32), "Finished"),
            Self::Denied => error("DEVCB.00031006", "the task does not exist"),
            Self::BadRequest => error("CB.00060200", "Invalid parameter."),
            Self::Failed => error("CB.00060101", "Internal error."),
            Self::Throttled(None) => error("APIGW.0308", "over ratelimit"),
            Self::Throttled(Some(seconds)) => error(
                "APIGW.0308",
                &format!("policy user over ratelimit,limit:10,time:{seconds} second"),
            ),
            Self::Refused => error("APIGW.0301", "Incorrect IAM authentication information"),
            Self::Unavailable | Self::Garbage => "<html>".to_owned(),
            Self::Unreachable | Self::Lost | Self::Silence => String::new(),
        })
    }

    /// What comes off the wire.
    pub(crate) fn on_the_wire(
        self,
        job: JobId,
        number: usize,
        sent: Instant,
    ) -> Result<Answer, Error> {
        match self {
            Self::Unreachable => Err(Error::Unreachable("refused".into())),
            Self::Lost => Err(Error::ConnectionLost("closed".into())),
            Self::Silence => Err(Error::TimedOut),
            answered => Ok(Answer {
                status: answered.status().unwrap_or_default(),
                request_id: Some(format!("call-{number}").into()),
                limits: Heard::default(),
                body: answered.body(job, number),
                sent,
                date: None,
            }),
        }
    }

    /// Whether somebody answered.
    pub(crate) fn is_answer(self) -> bool {
        self.status().is_some()
    }

    /// Whether upstream may have counted the call.
    pub(crate) fn may_be_counted(self) -> bool {
        self != Self::Unreachable
    }

    /// Whether it is known only at the time-out that upstream does not count the call any more.
    pub(crate) fn is_counted_until_timeout(self) -> bool {
        matches!(self, Self::Lost | Self::Silence)
    }

    /// Whether the answer shows that the credential was taken: the build service itself speaks. `is_job`: whether it was
    /// taken for the job.
    pub(crate) fn proves_credential(self, is_job: bool) -> bool {
        is_job || matches!(self, Self::Denied | Self::BadRequest | Self::Failed)
    }

    /// For how long upstream wants no calls.
    pub(crate) fn throttles_for(self, budget_window: Duration) -> Option<Duration> {
        match self {
            Self::Throttled(window) => Some(window.map_or(budget_window, Duration::from_secs)),
            _ => None,
        }
    }
}
