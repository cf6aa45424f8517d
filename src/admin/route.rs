//! What is asked for? A path and a method; the query belongs to what is found there.

use http::Method;

use crate::error::Error;
use crate::policy::job::JobId;
use crate::policy::problem::ALLOWED_METHODS;

use super::answer::Refusal;
use super::look::Look;
use super::operate::Act;

/// Below this everything is the admin API, and asks for the token if there is one.
const API: &str = "/api";

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// To read something.
    Look(Look),
    /// To change something.
    Act(Act),
}

/// What a path answers: to `GET`, to `DELETE`, to `POST`.
#[derive(Clone, Copy)]
struct Place {
    get: Option<Look>,
    delete: Option<Act>,
    post: Option<Act>,
}

/// Whether a path belongs to the admin API, whatever stands there.
pub(super) fn is_api(path: &str) -> bool {
    path.strip_prefix(API)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

// === impl Route ===

impl Route {
    /// # Errors
    /// [`Error::NoRoute`], [`Error::InvalidJobId`]; [`Error::MethodNotAllowed`] with the methods that are.
    pub(super) fn of(method: &Method, path: &str) -> Result<Self, Refusal> {
        let place = Place::at(path)?;
        let found = match *method {
            Method::GET | Method::HEAD => place.get.map(Self::Look),
            Method::DELETE => place.delete.map(Self::Act),
            Method::POST => place.post.map(Self::Act),
            _ => None,
        };
        found.ok_or_else(|| Refusal::of_method(place.methods()))
    }
}

// === impl Place ===

impl Place {
    fn at(path: &str) -> Result<Self, Error> {
        Ok(match path {
            "/healthz" => Self::get(Look::Health),
            "/readyz" => Self::get(Look::Readiness),
            "/metrics" => Self::get(Look::Metrics),
            "/api/stats" => Self::get(Look::Stats),
            "/api/entries" => Self::get(Look::Entries).or_delete(Act::InvalidateAll),
            "/api/upstream/pause" => Self::post(Act::Pause),
            "/api/upstream/resume" => Self::post(Act::Resume),
            _ => Self::of_job(path.strip_prefix("/api/entries/").ok_or(Error::NoRoute)?)?,
        })
    }

    /// `{job_id}` or `{job_id}/refresh`.
    fn of_job(rest: &str) -> Result<Self, Error> {
        match rest.split_once('/') {
            None => {
                let job = JobId::parse(rest)?;
                Ok(Self::get(Look::Entry(job)).or_delete(Act::Invalidate(job)))
            }
            Some((job, "refresh")) => Ok(Self::post(Act::Refresh(JobId::parse(job)?))),
            Some(_) => Err(Error::NoRoute),
        }
    }

    fn get(look: Look) -> Self {
        Self {
            get: Some(look),
            delete: None,
            post: None,
        }
    }

    fn or_delete(self, act: Act) -> Self {
        Self {
            delete: Some(act),
            ..self
        }
    }

    fn post(act: Act) -> Self {
        Self {
            get: None,
            delete: None,
            post: Some(act),
        }
    }

    /// The value of `Allow`.
    fn methods(self) -> &'static str {
        match self {
            Self { post: Some(_), .. } => "POST",
            Self {
                delete: Some(_), ..
            } => "GET, HEAD, DELETE",
            Self { .. } => ALLOWED_METHODS,
        }
    }
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::{Act, JobId, Look, Route, is_api};

    const ID: &str = "901878212b1a49be9c1a1054c272762a";

    #[test]
    fn every_path_has_its_methods_and_another_is_told_them() {
        let job = JobId::parse(ID).unwrap();
        let (entry, refresh) = (
            format!("/api/entries/{ID}"),
            format!("/api/entries/{ID}/refresh"),
        );
        let encoded = format!("/api/entries/{}", ID.replacen('9', "%39", 1));
        let act = |act| Some(Route::Act(act));
        let look = |look| Some(Route::Look(look));
        for (path, get, delete, post, allow) in [
            ("/healthz", look(Look::Health), None, None, "GET, HEAD"),
            ("/readyz", look(Look::Readiness), None, None, "GET, HEAD"),
            ("/metrics", look(Look::Metrics), None, None, "GET, HEAD"),
            ("/api/stats", look(Look::Stats), None, None, "GET, HEAD"),
            (
                "/api/entries",
                look(Look::Entries),
                act(Act::InvalidateAll),
                None,
                "GET, HEAD, DELETE",
            ),
            (
                &entry,
                look(Look::Entry(job)),
                act(Act::Invalidate(job)),
                None,
                "GET, HEAD, DELETE",
            ),
            (
                &encoded,
                look(Look::Entry(job)),
                act(Act::Invalidate(job)),
                None,
                "GET, HEAD, DELETE",
            ),
            (&refresh, None, None, act(Act::Refresh(job)), "POST"),
            ("/api/upstream/pause", None, None, act(Act::Pause), "POST"),
            ("/api/upstream/resume", None, None, act(Act::Resume), "POST"),
        ] {
            for (method, expected) in [
                (Method::GET, get),
                (Method::HEAD, get),
                (Method::DELETE, delete),
                (Method::POST, post),
                (Method::PUT, None),
                (Method::PATCH, None),
                (Method::OPTIONS, None),
            ] {
                match (Route::of(&method, path), expected) {
                    (Ok(found), Some(expected)) => assert_eq!(found, expected, "{method} {path}"),
                    (Err(refusal), None) => {
                        assert_eq!(refusal.allow(), Some(allow), "{method} {path}");
                    }
                    (found, _) => panic!("{method} {path}: {found:?}"),
                }
            }
        }
    }

    #[test]
    fn what_only_looks_like_a_path_is_none() {
        let deeper = format!("/api/entries/{ID}/refresh/");
        let other = format!("/api/entries/{ID}/forget");
        for path in [
            "/",
            "/api",
            "/api/",
            "/api/stats/",
            "//api/stats",
            "/API/stats",
            "/api/upstream",
            "/metrics/",
            "/healthz/x",
            &deeper,
            &other,
        ] {
            for method in [Method::GET, Method::POST, Method::DELETE] {
                let refusal = Route::of(&method, path).unwrap_err();
                assert_eq!(
                    (refusal.code(), refusal.allow()),
                    ("JG.4041".into(), None),
                    "{path}"
                );
            }
        }
        for path in [
            "/api/entries/",
            "/api/entries/bad",
            "/api/entries/bad/refresh",
        ] {
            let refusal = Route::of(&Method::DELETE, path).unwrap_err();
            assert_eq!(refusal.code(), "JG.4001", "{path}");
        }
    }

    #[test]
    fn the_token_guards_everything_below_api_and_nothing_else() {
        for (path, expected) in [
            ("/api", true),
            ("/api/", true),
            ("/api/nothing", true),
            ("/apis", false),
            ("/metrics", false),
            ("/healthz", false),
            ("//api/stats", false), // which is no path
        ] {
            assert_eq!(is_api(path), expected, "{path}");
        }
    }
}
