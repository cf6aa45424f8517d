//! `check --live`, as a library: each failure has its words, ends the run where the next step would be pointless, and costs no
//! call more than it must.

mod calls;
mod identities;
mod reach;

use std::time::SystemTime;

use jobgate::clock::Clock;
use jobgate::config::{self, CredentialSettings, SecretSource, Settings, SweepMode, UpstreamFrom};
use jobgate::live::{Halted, Live, Step, Verdict, What};
use jobgate::policy::job::JobId;

use crate::support::{ACCESS_KEY, PATIENCE, SECRET_KEY};

/// The made-up token of these tests.
const TOKEN: &str = "token-test-0123456789abcdef0123456789abcdef";

/// A run that is to be made.
struct Trial {
    settings: Settings,
    job: Option<JobId>,
    clock: Clock,
    env: fn(&str) -> Option<String>,
}

/// A run that was made.
struct Tried {
    steps: Vec<Step>,
    ended: Result<(), Halted>,
}

/// Signed requests to this endpoint.
fn trial(endpoint: &str) -> Trial {
    let checked = config::load(None, UpstreamFrom::Sandbox, []).unwrap();
    let mut settings = checked.settings;
    settings.upstream.endpoint = endpoint.parse().unwrap();
    settings.upstream.credential = CredentialSettings::AkSk {
        access_key_env: "AK".to_owned(),
        secret_key: SecretSource::Env("SK".to_owned()),
        security_token: None,
        project_id: None,
    };
    Trial {
        settings,
        job: None,
        clock: Clock::system(),
        env: of_the_tests,
    }
}

fn of_the_tests(name: &str) -> Option<String> {
    let value = match name {
        "AK" => ACCESS_KEY,
        "SK" => SECRET_KEY,
        "TOKEN" => TOKEN,
        _ => return None,
    };
    Some(value.to_owned())
}

// === impl Trial ===

impl Trial {
    fn with(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.settings);
        self
    }

    fn with_token(self) -> Self {
        self.with(|settings| {
            let source = SecretSource::Env("TOKEN".to_owned());
            settings.upstream.credential = CredentialSettings::Token(source);
        })
    }

    fn of_job(self, job: &str) -> Self {
        let job = JobId::parse(job).ok();
        Self { job, ..self }
    }

    async fn run(self) -> Tried {
        let mut steps = Vec::new();
        let live = Live {
            settings: &self.settings,
            job: self.job,
            clock: self.clock.clone(),
            env: &self.env,
        };
        let mut tell = |step| steps.push(step);
        let ended = tokio::time::timeout(PATIENCE, live.run(&mut tell)).await;
        let ended = ended.expect("ended in time");
        let tried = Tried { steps, ended };
        tried.assert_hides_secrets();
        tried
    }
}

// === impl Tried ===

impl Tried {
    fn assert_hides_secrets(&self) {
        let told = format!("{:?}", self.steps);
        for secret in [ACCESS_KEY, SECRET_KEY, TOKEN] {
            assert!(!told.contains(secret), "{told}");
        }
    }

    /// What was tried, announcements left out.
    fn path(&self) -> Vec<What> {
        let ended = self.steps.iter().filter(|step| step.what != What::Call);
        ended.map(|step| step.what).collect()
    }

    fn announced(&self) -> Vec<&str> {
        let announced = self.steps.iter().filter(|step| step.what == What::Call);
        announced.map(|step| step.said.as_str()).collect()
    }

    #[track_caller]
    fn step(&self, what: What) -> &Step {
        let step = self.steps.iter().find(|step| step.what == what);
        step.expect("it came so far")
    }

    /// The last step, which failed: all it tells.
    #[track_caller]
    fn assert_failed(&self, what: What, words: &str) {
        assert_eq!(self.ended, Err(Halted));
        let last = self.steps.last().expect("a step");
        assert_eq!(last.what, what, "{last:?}");
        assert!(matches!(last.verdict, Verdict::Failed(_)), "{last:?}");
        let told = told(last);
        assert!(told.contains(words), "{words}: {told}");
    }

    /// A step that somebody should know of; the run went on to its end.
    #[track_caller]
    fn assert_doubtful(&self, what: What, words: &str) {
        assert_eq!(self.ended, Ok(()), "{:?}", self.steps);
        let step = self.step(what);
        assert!(matches!(step.verdict, Verdict::Doubtful(_)), "{step:?}");
        let told = told(step);
        assert!(told.contains(words), "{words}: {told}");
    }

    #[track_caller]
    fn assert_good(&self, what: What, words: &str) {
        let step = self.step(what);
        assert_eq!(step.verdict, Verdict::Good, "{step:?}");
        assert!(step.said.contains(words), "{words}: {}", step.said);
    }
}

/// All that a step tells.
fn told(step: &Step) -> String {
    match &step.verdict {
        Verdict::Announced | Verdict::Good => step.said.clone(),
        Verdict::Doubtful(advice) | Verdict::Failed(advice) => {
            format!("{} {} {}", step.said, advice.wrong, advice.action)
        }
    }
}

/// A header `Date` that names this time.
fn date(time: SystemTime) -> String {
    format!("Date: {}\r\n", httpdate::fmt_http_date(time))
}

fn sweeps_off(settings: &mut Settings) {
    settings.budget.sweep.mode = SweepMode::Off;
}
