//! Asking: the gateway, and past it the sandbox for the truth.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use http::Request;
use http_body_util::Empty;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use jobgate::clock::Clock;
use jobgate::policy::normalise::{CallerFields, normalise};
use jobgate::sandbox::SandboxCredential;
use secrecy::ExposeSecret as _;

use super::Stage;
use crate::faults::truth::seconds;
use crate::support::{Answer, PATIENCE, Running};

/// How long a client waits that has something to fall back on (layers/collapse/patience.rs).
const STALE_PATIENCE: Duration = Duration::from_secs(2);

// === impl Stage ===

impl Stage {
    /// All clients ask at once.
    pub(super) async fn ask_together(&mut self) {
        self.learn().await;
        let (jobs, gateway) = (self.jobs.iter().cycle(), &self.gateway);
        let asking = self.clients.iter().zip(jobs).map(async |(client, job)| {
            let (answer, took) = ask(client, gateway, job).await;
            (job.clone(), answer, took)
        });
        for (job, answer, took) in join_all(asking).await {
            self.hear(&job, &answer, took);
        }
    }

    /// One client asks once.
    pub(super) async fn ask_alone(&mut self) -> Option<String> {
        self.learn().await;
        let job = self.jobs[0].clone();
        let (answer, took) = ask(&self.clients[0], &self.gateway, &job).await;
        self.hear(&job, &answer, took)
    }

    pub(super) async fn is_fresh(&mut self) -> bool {
        self.ask_alone().await.as_deref() == Some("fresh")
    }

    fn hear(&mut self, job: &str, answer: &Answer, took: Duration) -> Option<String> {
        self.worst = self.worst.max(took);
        match self.truth.told(job, answer, seconds(self.now)) {
            // whoever has something to fall back on waits two seconds at most, and the machine may be as busy as that
            Ok(told) if told == "stale slow" && took >= STALE_PATIENCE => Some(told),
            Ok(told) => {
                self.told.insert(told.clone());
                Some(told)
            }
            Err(wrong) => {
                self.complain(&wrong);
                None
            }
        }
    }

    /// What the sandbox says of the jobs now, if it says anything; it is asked as the gateway asks, but past it.
    async fn learn(&mut self) {
        if self.is_on && !self.case.cold.contains(&"fresh") {
            return;
        }
        let token = SandboxCredential::default().token;
        let asking = self.jobs.iter().map(|job| {
            let request = Request::get(format!("{}/v1/job/{job}/info", self.url))
                .header("x-auth-token", token.expose_secret())
                .body(Empty::new());
            self.gateway.send(request.expect("a request"))
        });
        for (job, answer) in self.jobs.iter().zip(join_all(asking).await) {
            self.own_calls += 1;
            if answer.status == 200 {
                let success = normalise(&answer.body, CallerFields::Keep).expect("a success");
                self.truth.learn(job, seconds(self.now), success.body);
            }
        }
    }
}

/// What a client gets, and how long it waits for it.
async fn ask(
    client: &Client<HttpConnector, Empty<Bytes>>,
    gateway: &Running,
    job: &str,
) -> (Answer, Duration) {
    let clock = Clock::system();
    let request = Request::get(format!("http://{}/v1/job/{job}/info", gateway.addr));
    let request = request.body(Empty::new()).expect("a request");
    let asked = clock.now();
    let response = tokio::time::timeout(PATIENCE, client.request(request)).await;
    let answer = Answer::read(response.expect("an answer in time").expect("an answer")).await;
    (answer, clock.now() - asked)
}
