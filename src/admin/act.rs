//! What changes something: admitted or not, carried out, written into the audit log, answered.

use std::net::SocketAddr;

use http::StatusCode;
use serde::Serialize;
use tokio::time::timeout;

use crate::error::Error;

use super::Admin;
use super::answer::{Answer, Refusal, json};
use super::audit::{Line, Outcome};
use super::operate::{Act, Invalidated, InvalidatedAll, Paused, Refreshed};

/// What an act did; the body of its answer.
#[derive(Serialize)]
#[serde(untagged)]
enum Done {
    Invalidated(Invalidated),
    InvalidatedAll(InvalidatedAll),
    Refreshed(Refreshed),
    Paused(Paused),
}

/// Carries out an act that was `admitted`, and leaves a line of it either way.
pub(super) async fn answer(
    admin: &Admin,
    act: Act,
    peer: SocketAddr,
    admitted: Result<(), Error>,
) -> Result<Answer, Refusal> {
    let line = Line::begin(act, peer);
    if let Err(error) = admitted {
        line.end_with(Outcome::Refused, &error);
        return Err(error.into());
    }
    match carry_out(admin, act).await {
        Ok(done) => {
            done.write_down(line);
            Ok(json(StatusCode::OK, &done))
        }
        Err(error) => {
            line.end_with(Outcome::Failed, &error);
            Err(error.into())
        }
    }
}

async fn carry_out(admin: &Admin, act: Act) -> Result<Done, Error> {
    Ok(match act {
        Act::Invalidate(job) => {
            let found = admin.ask(move |operate| operate.invalidate(job)).await?;
            Done::Invalidated(Invalidated {
                job_id: job.to_string(),
                found,
            })
        }
        Act::InvalidateAll => {
            let entries = admin.ask(|operate| operate.invalidate_all()).await?;
            Done::InvalidatedAll(InvalidatedAll { entries })
        }
        Act::Refresh(job) => {
            let look = admin.parts.operate.refresh(job);
            let looked = timeout(admin.parts.look_patience, look).await;
            Done::Refreshed(looked.or(Err(Error::TimedOut))?)
        }
        Act::Pause => pause(admin, true).await?,
        Act::Resume => pause(admin, false).await?,
    })
}

async fn pause(admin: &Admin, paused: bool) -> Result<Done, Error> {
    let changed = admin.ask(move |operate| operate.pause(paused)).await?;
    Ok(Done::Paused(Paused { paused, changed }))
}

// === impl Done ===

impl Done {
    fn write_down(&self, line: Line) {
        let changed = match self {
            Self::Invalidated(done) => done.found,
            Self::InvalidatedAll(done) => done.entries > 0,
            Self::Paused(done) => done.changed,
            Self::Refreshed(done) if done.stored => true,
            Self::Refreshed(failed) => {
                return line.end_with_code(Outcome::Failed, failed.error_code.clone());
            }
        };
        line.end(if changed {
            Outcome::Done
        } else {
            Outcome::NothingToDo
        });
    }
}
