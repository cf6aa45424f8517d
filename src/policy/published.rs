//! Which requests the central credential is for: two published APIs, and nothing else that its user may do.

use http::{Method, Uri};

use super::job::JobId;

/// Is it a call for a job's info, or for a page of a list of jobs?
#[must_use]
pub fn is_published(method: &Method, uri: &Uri) -> bool {
    if method != Method::GET {
        return false;
    }
    let segments: Vec<&str> = uri.path().split('/').collect();
    match segments.as_slice() {
        ["", "v1", "job", job, "info"] => is_id(job) && uri.query().is_none(),
        ["", "v1", "job", "list"] => true,
        ["", "v1", "job", project, "list"] => is_id(project), // a project's id has the same form
        _ => false,
    }
}

/// Also without percent-encoding, which a hop could decode.
fn is_id(segment: &str) -> bool {
    JobId::parse(segment).is_ok_and(|id| id.as_str() == segment)
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::is_published;
    use crate::policy::job::JobId;
    use crate::policy::sweep::Source;

    const ID: &str = "901878212b1a49be9c1a1054c272762a";

    #[track_caller]
    fn assert_published(method: Method, uri: &str, expected: bool) {
        let is = is_published(&method, &uri.parse().unwrap());
        assert_eq!(is, expected, "{method} {uri}");
    }

    #[test]
    fn what_the_gateway_asks_for_is_published() {
        let job = JobId::parse(ID).unwrap();
        assert_published(Method::GET, &job.info_path(), true);
        for source in [Source::Recent, Source::Project(ID.into())] {
            assert_published(Method::GET, &source.path_and_query(3), true);
        }
    }

    #[test]
    fn nothing_else_is() {
        for path in [
            "/",
            "/v1/job/{id}",
            "/v1/job/{id}/info/",
            "/v1/job/{id}/info?x=1",
            "//v1/job/{id}/info",
            "/V1/job/{id}/info",
            "/v1/job/{id}/../info",
            "/v1/job/{id}0/info",
            "/v1/job/%39{tail}/info",
            "/v1/job//info",
            "/v1/job/../info",
            "/v1/job/list/info",
            "/v1/job/{id}/build",
            "/v1/job/{id}/history",
            "/v1/job/list/",
            "/v1/job/short/list",
            "/v3/auth/tokens",
            "/v1/job/{id}/list/info",
        ] {
            let tail = ID.get(1..).unwrap();
            let path = path.replace("{id}", ID).replace("{tail}", tail);
            assert_published(Method::GET, &path, false);
        }
    }

    #[test]
    fn it_is_read_and_never_written() {
        for method in [Method::HEAD, Method::POST, Method::PUT, Method::DELETE] {
            for path in [format!("/v1/job/{ID}/info"), "/v1/job/list".to_owned()] {
                assert_published(method.clone(), &path, false);
            }
        }
    }
}
