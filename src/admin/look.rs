//! What only reads.

use bytes::Bytes;
use http::StatusCode;

use crate::policy::job::JobId;
use crate::policy::problem::JSON;
use crate::telemetry::metrics::{CONTENT_TYPE, exposition};

use super::answer::{Answer, Refusal, json, with_body};
use super::health::Readiness;
use super::stats::Stats;
use super::{Admin, query};

/// What `/healthz` says: that the process can say it.
const HEALTH: &str = r#"{"status":"ok"}"#;

/// Something to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// `/healthz`
    Health,
    /// `/readyz`
    Readiness,
    /// `/metrics`
    Metrics,
    /// `/api/stats`
    Stats,
    /// `/api/entries`
    Entries,
    /// `/api/entries/{job_id}`
    Entry(JobId),
}

/// Reads it. Probes and scrapers may send any query; the API's is read strictly.
pub(super) async fn answer(
    admin: &Admin,
    what: Look,
    query: Option<&str>,
) -> Result<Answer, Refusal> {
    let parts = &admin.parts;
    Ok(match what {
        Look::Health => with_body(StatusCode::OK, JSON, Bytes::from_static(HEALTH.as_bytes())),
        Look::Readiness => readiness(&Readiness::from(&parts.facts.snapshot())),
        Look::Metrics => with_body(StatusCode::OK, CONTENT_TYPE, exposition(&parts.registry)),
        Look::Stats => {
            query::none(query)?;
            json(StatusCode::OK, &stats(admin).await?)
        }
        Look::Entries => {
            let wanted = query::entries(query)?;
            let page = admin
                .ask_all(move |operate| operate.entries(&wanted))
                .await?;
            json(StatusCode::OK, &page)
        }
        Look::Entry(job) => {
            query::none(query)?;
            let told = admin.ask(move |operate| operate.explain(job)).await?;
            json(StatusCode::OK, &told)
        }
    })
}

fn readiness(readiness: &Readiness) -> Answer {
    let status = if readiness.ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    json(status, readiness)
}

async fn stats(admin: &Admin) -> Result<Stats, Refusal> {
    let parts = &admin.parts;
    let keys = admin.ask(|operate| operate.keys()).await?;
    let uptime = parts.clock.now().saturating_duration_since(admin.started);
    let now = parts.facts.snapshot();
    Ok(Stats::gather(
        uptime,
        &now,
        &parts.requests,
        &parts.upstream,
        keys,
    ))
}
