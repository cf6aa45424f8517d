//! The list calls: `GET /v1/job/list`, all jobs, and `GET /v1/job/{project_id}/list`, those of a CodeArts project.
//!
//! What a list says of a job agrees with what the job says of itself at the same moment, unless a rule for lists makes it
//! lie. It is made from the whole population for each call.
//!
//! It does not filter (`search`, `creator_id`, `build_status`, groups): such parameters are read over.

mod query;

use std::cmp::Reverse;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

use self::query::{Order, Query};
use super::Sandbox;
use super::act::Act;
use super::answer::{recorded, success};
use super::catalogue::BAD_QUERY;
use super::life::{Item, Seen, living, project_of};
use super::perform::{Reply, carry};
use super::population::Population;
use super::scenario::{Call, Choice};
use super::standing::Standing;
use crate::policy::job::JobId;

/// A job on a list; never built, if it was not seen.
type Listed = (JobId, Option<Seen>);

impl Sandbox {
    /// The list of all jobs or, with a project's id as it was sent, of that project.
    pub(super) fn list(&self, project: Option<&str>, query: Option<&str>) -> Reply {
        let project = project.map(JobId::parse).transpose(); // an id of the same form
        let (Ok(project), Some(query)) = (project, Query::read(query.unwrap_or_default())) else {
            return Reply::Answer(recorded(&BAD_QUERY));
        };
        let choice = self.choose_list(project.as_ref());
        let act = choice.act.as_ref().unwrap_or(&Act::Usual);
        let mut listed = self.listed(project.as_ref(), &choice);
        if !matches!(act, Act::Unsorted) {
            sort(&mut listed, query.order);
        }
        let body = body(&page(&listed, &query, act), listed.len(), project, &choice);
        carry(act, || success(body), recorded)
    }

    /// What a scenario says of a list call.
    fn choose_list(&self, project: Option<&JobId>) -> Choice {
        let now = self.0.clock.now();
        let mut state = self.state();
        let choice = state.scenario.choose(Call::List(project), now);
        state.stats.acts += u64::from(choice.act.is_some());
        choice
    }

    /// The jobs that are on the list, in the order of their ids.
    fn listed(&self, project: Option<&JobId>, choice: &Choice) -> Vec<Listed> {
        let now = self.0.clock.wall();
        let Population { jobs, speed } = self.population();
        jobs.into_iter()
            .filter(|(id, _)| project.is_none_or(|project| project_of(*id) == project.as_str()))
            .filter_map(|(id, truth)| {
                let lie = Some(choice).filter(|choice| choice.names.has(&id));
                told(id, &truth, lie, |ago| living(id, now - ago, speed))
            })
            .collect()
    }
}

/// What the list makes of a job: nothing, if it leaves it out.
fn told(
    id: JobId,
    truth: &Choice,
    lie: Option<&Choice>,
    usual: impl Fn(Duration) -> Seen,
) -> Option<Listed> {
    let (ago, ahead) = match lie.and_then(|lie| lie.act.as_ref()) {
        Some(Act::Old(time)) => (time.0, Duration::ZERO),
        Some(Act::Ahead(time)) => (Duration::ZERO, time.0),
        _ => (Duration::ZERO, Duration::ZERO),
    };
    let standing = lie
        .and_then(|lie| lie.standing(id, ago))
        .or_else(|| truth.standing(id, ago));
    let seen = match standing {
        Some(Standing::Gone) => return None,
        Some(Standing::NeverBuilt) => None,
        Some(Standing::Seen(seen)) => Some(seen),
        None => Some(usual(ago)),
    };
    Some((id, seen.map(|seen| seen.ahead(ahead))))
}

/// A job that was never built is older than all others.
fn sort(listed: &mut [Listed], order: Option<Order>) {
    let built = |(_, seen): &Listed| seen.map(|seen| seen.last_build_time());
    match order {
        Some(Order::Ascending) => listed.sort_by_key(built),
        Some(Order::Descending) => listed.sort_by_key(|job| Reverse(built(job))),
        None => {}
    }
}

/// The jobs of a page.
fn page<'l>(listed: &'l [Listed], query: &Query, act: &Act) -> Vec<&'l Listed> {
    let step = if matches!(act, Act::ShortPage) { 2 } else { 1 };
    let first = query.index.saturating_mul(query.size);
    let page = listed.iter().skip(first).take(query.size);
    page.step_by(step).collect()
}

/// The form is that of the call: an envelope for all jobs, none for a project's.
fn body(page: &[&Listed], total: usize, project: Option<JobId>, choice: &Choice) -> Bytes {
    let items: Vec<Value> = page
        .iter()
        .map(|(id, seen)| item(*id, seen.as_ref(), project.is_some(), choice))
        .collect();
    let total = match choice.act {
        Some(Act::Total(number)) => json!(number),
        _ => json!(total),
    };
    let is_enveloped = project.is_none() != matches!(choice.act, Some(Act::OtherForm));
    let body = if is_enveloped {
        json!({"result": {"job_list": items, "total": total}, "status": "success"})
    } else {
        json!({"jobs": items, "total": total})
    };
    body.to_string().into()
}

fn item(id: JobId, seen: Option<&Seen>, is_of_project: bool, choice: &Choice) -> Value {
    let item = Item::new(id, seen);
    let item = if is_of_project {
        item.of_project()
    } else {
        item
    };
    let mut item = serde_json::to_value(item).unwrap_or_default(); // plain text and numbers: cannot fail
    if let (Some(Act::Without(field)), Some(fields)) = (&choice.act, item.as_object_mut())
        && choice.names.has(&id)
    {
        fields.shift_remove(&field.0);
    }
    item
}
