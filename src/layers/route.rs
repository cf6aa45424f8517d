//! Method and path: what is this? Answers the health probe itself, because it needs no key; what has no
//! route is refused here.

use std::ops::ControlFlow;
use std::sync::Arc;

use http::Method;

use super::step::{Step, Verdict, refuse};
use super::{Aim, Cloud, Exchange, Reply, Routed};
use crate::error::Error;

/// Longest request target that is looked at, in bytes. The longest honest one is a base path and 44 bytes.
const MAX_TARGET_BYTES: usize = 8 * 1024;

/// Tells the routes from each other and from what does not exist.
#[derive(Clone, Debug)]
pub struct Route {
    base_path: Arc<str>,
}

// === impl Route ===

impl Route {
    /// `base_path` is empty, or begins with `/` and does not end with one. The bare routes are served beside it: the
    /// Python and Go SDKs drop a base path silently.
    #[must_use]
    pub fn new(base_path: &str) -> Self {
        Self {
            base_path: base_path.into(),
        }
    }

    /// The path below the base path, without a doubled leading slash (the Java SDK sends one when its endpoint ends
    /// in a slash).
    fn below_base<'a>(&self, path: &'a str) -> &'a str {
        let path = path
            .strip_prefix('/')
            .filter(|rest| rest.starts_with('/'))
            .unwrap_or(path);
        let below = path
            .strip_prefix(&*self.base_path)
            .filter(|_| !self.base_path.is_empty());
        match below {
            Some(rest) if rest.starts_with("//") => rest.strip_prefix('/').unwrap_or(rest),
            Some(rest) if rest.starts_with('/') => rest,
            Some(_) | None => path,
        }
    }
}

impl Step<Arc<Exchange>> for Route {
    type Out = Routed;

    fn check(&self, exchange: Arc<Exchange>) -> Verdict<Routed> {
        let path = exchange.head.uri.path();
        let target = exchange
            .head
            .uri
            .path_and_query()
            .map_or(0, |target| target.as_str().len());
        if target > MAX_TARGET_BYTES {
            return refuse(Error::UriTooLong);
        }
        let aim = match self.below_base(path) {
            "/-/healthz" => None,
            "/-/usage" => Some(Aim::Usage),
            "/v3/projects" => Some(Aim::Cloud(Cloud::Projects)),
            below => match job_segment(below) {
                Some(segment) => {
                    let end = path.len() - "/info".len();
                    Some(Aim::Cloud(Cloud::Job(end - segment.len()..end)))
                }
                None => return refuse(Error::NoRoute),
            },
        };
        if !matches!(exchange.head.method, Method::GET | Method::HEAD) {
            return refuse(Error::MethodNotAllowed);
        }
        match aim {
            Some(aim) => ControlFlow::Continue(Routed { exchange, aim }),
            None => ControlFlow::Break(Ok(Reply::Health)),
        }
    }
}

/// What stands in the place of the job id. More than one segment there (`a/b`, as the Go SDK sends a slash bare) is
/// still meant as an id, and refused as one.
fn job_segment(path: &str) -> Option<&str> {
    path.strip_prefix("/v1/job/")?.strip_suffix("/info")
}

#[cfg(test)]
mod tests {
    use super::{Route, job_segment};

    #[test]
    fn the_job_route_is_found_with_a_doubled_slash_and_below_the_base_path() {
        for (base, path, expected) in [
            ("", "/v1/job/X/info", Some("X")),
            ("", "//v1/job/X/info", Some("X")),
            ("", "///v1/job/X/info", None),
            ("/base", "/base/v1/job/X/info", Some("X")),
            ("/base", "/base//v1/job/X/info", Some("X")),
            ("/base", "/v1/job/X/info", Some("X")),
            ("/base", "//base/v1/job/X/info", Some("X")),
            ("/base", "/basement/v1/job/X/info", None),
            ("", "/v1/job//info", Some("")),
            ("", "/v1/job/a/b/info", Some("a/b")),
            ("", "/v1/job/../info", Some("..")),
            ("", "/v1/job/info", None),
            ("", "/v1/job/X/info/", None),
            ("", "/v1/job/X/status", None),
            ("", "/v1/job/list", None),
            ("", "/V1/job/X/info", None),
            ("", "/", None),
        ] {
            assert_eq!(
                job_segment(Route::new(base).below_base(path)),
                expected,
                "{base:?} {path:?}"
            );
        }
    }
}
