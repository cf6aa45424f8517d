//! What the build API publishes here: three paths, and nothing else. The ids in them are still as they were sent.

/// An API, by its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Api<'p> {
    /// `/v1/job/{job_id}/info`
    Job(&'p str),
    /// `/v1/job/{project_id}/list`, or without an id `/v1/job/list`.
    List(Option<&'p str>),
}

// === impl Api ===

impl<'p> Api<'p> {
    /// The API at a path.
    pub(super) fn at(path: &'p str) -> Option<Self> {
        let rest = path.strip_prefix("/v1/job/")?;
        if rest == "list" {
            return Some(Self::List(None));
        }
        match rest.split_once('/')? {
            (job, "info") => Some(Self::Job(job)),
            (project, "list") => Some(Self::List(Some(project))),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Api;

    #[test]
    fn three_paths_are_published() {
        for (path, api) in [
            ("/v1/job/abc/info", Some(Api::Job("abc"))),
            ("/v1/job//info", Some(Api::Job(""))),
            ("/v1/job/%2F/info", Some(Api::Job("%2F"))),
            ("/v1/job/list/info", Some(Api::Job("list"))),
            ("/v1/job/list", Some(Api::List(None))),
            ("/v1/job/abc/list", Some(Api::List(Some("abc")))),
            ("/v1/job//list", Some(Api::List(Some("")))),
            ("/v1/job/list/", None),
            ("/v1/job/a/b/info", None),
            ("/v1/job/a/b/list", None),
            ("/v1/job/info", None),
            ("//v1/job/abc/info", None),
            ("/v1/job/abc/info/", None),
            ("/v1/job/abc/status", None),
            ("/v2/job/abc/info", None),
            ("/", None),
            ("*", None),
        ] {
            assert_eq!(Api::at(path), api, "{path}");
        }
    }
}
