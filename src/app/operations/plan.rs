//! What the schedule knows of a job, in the words of the admin API.

use crate::admin::operate::{Plan, Rhythm, Standing};
use crate::policy::explain::Case;
use crate::policy::refresh::{self, Told};

/// `None`: there is no schedule, or it does not know the job.
pub(super) fn plan(case: &Case<'_>) -> Option<Plan> {
    let told = case.told();
    let in_line = case
        .scheduled?
        .place
        .map(|place| (Standing::InLine, Some(place)));
    let (standing, place) = in_line.or(told.map(|told| standing(told.standing)))?;
    Some(Plan {
        standing,
        place,
        rhythm: told.map(rhythm),
    })
}

fn standing(standing: refresh::Standing) -> (Standing, Option<usize>) {
    match standing {
        refresh::Standing::UnderWay => (Standing::UnderWay, None),
        refresh::Standing::Differs(place) => (Standing::Differs, Some(place)),
        refresh::Standing::Resting(_) => (Standing::Resting, None),
        refresh::Standing::Floor { place, .. } => (Standing::Floor, Some(place)),
        refresh::Standing::Planned { place, .. } => (Standing::Planned, Some(place)),
    }
}

fn rhythm(told: Told) -> Rhythm {
    Rhythm {
        builds: told.builds,
        pause_seconds: told.pause.as_secs_f64(),
        length_seconds: told.length.as_secs_f64(),
        asks_per_window: told.asks,
        wrong: told.wrong,
        loss_per_window: told.loss,
    }
}
