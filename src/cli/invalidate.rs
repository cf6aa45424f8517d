//! `jobgate invalidate`: forget what is stored of some jobs, or of all.

use http::Method;
use jobgate::admin::operate::{Invalidated, InvalidatedAll};

use super::admin::Gateway;
use super::terminal::{print, print_json};
use super::{Failed, InvalidateArgs};

pub(super) fn invalidate(args: &InvalidateArgs) -> Result<(), Failed> {
    let gateway = Gateway::find(&args.admin)?;
    if args.all {
        let body = gateway.ask(&Method::DELETE, "/api/entries")?;
        return tell(args, &body, || {
            let InvalidatedAll { entries } = gateway.read(&body)?;
            Ok(format!("entries forgotten: {entries}\n"))
        });
    }
    for job in &args.job_ids {
        let body = gateway.ask(&Method::DELETE, &format!("/api/entries/{job}"))?;
        tell(args, &body, || {
            let Invalidated { job_id, found } = gateway.read(&body)?;
            let what = if found {
                "forgotten"
            } else {
                "nothing was stored"
            };
            Ok(format!("{job_id}  {what}\n"))
        })?;
    }
    Ok(())
}

fn tell(
    args: &InvalidateArgs,
    body: &[u8],
    for_people: impl FnOnce() -> Result<String, Failed>,
) -> Result<(), Failed> {
    if args.admin.json {
        print_json(body)
    } else {
        print(&for_people()?)
    }
}
